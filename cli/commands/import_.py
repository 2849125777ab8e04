"""`decisionlog import`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from cli import options
from cli.asking import confirm_new_log
from cli.bootstrap import freeze_gc
from cli.display import make_safe, to_single_line
from cli.errors import CommandFailed, Exit
from cli.import_sinks import open_dry_run_sink, open_sink
from cli.progress import progress
from cli.settings import Settings
from cli.settings_loading import load_settings
from cli.table import print_sentence
from domain.ids import KEY_PATTERN
from eventlog.entry import Caller
from eventlog.ids import new_key
from interchange.adr import HistoryError, default_system, import_records
from interchange.adr.keywords import DEFAULT_WORDS, WordsError, load_words
from interchange.command_file import import_commands
from interchange.import_report import ImportReport
from interchange.sink import ImportSink
from interchange.source_file import NotAHistoryError
from interchange.tracker import MappingError, import_changes, load_mapping
from interchange.tracker.entries import Expand
from interchange.tracker.mapping import Mapping
from interchange.tracker.presets import PRESETS, Preset
from interchange.tracker.suggestion import suggest_mapping as suggest_mapping_for

ReportProgress = Callable[[int, int | None], None]
Import = Callable[[ImportSink, Caller, ReportProgress], Awaitable[ImportReport]]

_file = click.argument("file", type=click.Path(exists=True, path_type=Path))
_folder = click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
_verbose = click.option("--verbose", is_flag=True, help="Also print notes about what was imported before.")


@dataclass(frozen=True)
class ImportRun:
    """Into which log an import goes, and what is printed. With `yes`, a log that does not exist is begun."""

    settings: Settings
    dry_run: bool
    as_json: bool
    verbose: bool
    yes: bool


def _import_options(command: options.Command) -> options.Command:
    """Add the options of every import, passed on as `how`."""

    @wraps(command)
    def run(
        *args: Any,
        dry_run: bool,
        as_json: bool,
        verbose: bool,
        yes: bool,
        data: Path | None,
        owner: str | None,
        **given: Any,
    ) -> Any:
        how = ImportRun(load_settings(data=data, owner=owner), dry_run, as_json, verbose, yes)
        return command(*args, how=how, **given)

    as_json = options.json_flag("Print the report as JSON.")
    return options.combine(options.dry_run, as_json, _verbose, options.yes, options.data, options.owner)(run)


_record_options = options.combine(
    click.option("--product", help="Key of the product for the decisions; created if it does not exist."),
    click.option("--system", help="Name of the source system.  [the name of the git repository, else of DIR]"),
    click.option(
        "--words",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="TOML file with more status words, keys and headings.",
    ),
    _import_options,
)


@click.group(name="import")
def import_() -> None:
    """Import histories, decision records or commands."""


@import_.command(name="changes")
@_file
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file that maps columns and values.",
)
@click.option("--suggest-mapping", is_flag=True, help="Only print a first mapping for FILE, to check.")
@_import_options
def changes(
    file: Path,
    mapping: Path | None,
    suggest_mapping: bool,
    how: ImportRun,
) -> None:
    """Import a change history from a tracker (JSON or CSV).

    FILE is JSON Lines, JSON or CSV. Safe to repeat: lines that were imported are skipped, and an interrupted import
    continues. For a first mapping, use --suggest-mapping.
    """
    if suggest_mapping:
        print_suggested_mapping(file)
        return
    if mapping is None:
        raise CommandFailed(
            "Give a mapping with --mapping, or print a first one with --suggest-mapping. For Jira, GitHub and others, "
            "`decisionlog import --help` lists presets that need none."
        )
    import_change_file(how, file, mapping)


def _add_preset(preset: Preset) -> None:
    """Add the command `import NAME` for a system whose exports need no mapping."""

    def import_preset(
        file: Path, product: str, system: str | None, zone: str | None, date_format: tuple[str, ...], how: ImportRun
    ) -> None:
        _require_product_key(product)
        try:
            mapping = preset.mapping(product, system=system, zone=zone, formats=date_format)
        except MappingError as error:
            raise CommandFailed(make_safe(str(error))) from error
        _import_changes(how, file, mapping, preset.expand)

    import_preset.__doc__ = f"""Import the history of issues from {preset.title}.

    No mapping is needed. Export the file with:

    {preset.command}

    Safe to repeat: lines that were imported are skipped.
    """
    options_ = options.combine(
        _file,
        click.option(
            "--product", required=True, help="Key of the product for the issues; created if it does not exist."
        ),
        click.option("--system", help=f"Name of the source system.  [{preset.name}]"),
        click.option("--zone", help="Time zone of times without one, such as Europe/Berlin.  [UTC]"),
        click.option(
            "--date-format", multiple=True, help="Format of dates, such as 'DD/MM/YYYY HH:mm'; may be repeated."
        ),
        _import_options,
    )
    import_.command(name=preset.name)(options_(import_preset))


for _preset in PRESETS.values():
    _add_preset(_preset)


@import_.command(name="commands")
@_file
@_import_options
def commands(file: Path, how: ImportRun) -> None:
    """Import commands (JSON Lines).

    Each line is the body of a POST /v1/commands request.
    """
    import_command_file(how, file)


@import_.command(name="madr")
@_folder
@_record_options
def madr(folder: Path, product: str | None, system: str | None, words: Path | None, how: ImportRun) -> None:
    """Import decision records in MADR format (2 to 4).

    A record is a file NUMBER-NAME.md. Its history comes from git or from DIR/history.jsonl; without either, the record
    is imported as it is today. Safe to repeat: only what is new is imported.
    """
    import_record_folder(how, folder, system=system, product=product, words=words)


@import_.command(name="nygard")
@_folder
@_record_options
def nygard(folder: Path, product: str | None, system: str | None, words: Path | None, how: ImportRun) -> None:
    """Import decision records in Michael Nygard's format.

    They have the headings status, context, decision and consequences. Otherwise like `import madr`.
    """
    import_record_folder(how, folder, system=system, product=product, words=words)


def import_change_file(how: ImportRun, file: Path, mapping: Path) -> None:
    """Import a history of changes.

    Raises:
        CommandFailed: the mapping is invalid, a line was refused, or the import was interrupted.
        Forbidden: the token does not have the scope to import.
    """
    try:
        parsed = load_mapping(mapping)
    except MappingError as error:
        raise CommandFailed(make_safe(f"{error}. See docs/how-to/import-a-tracker.md for the format.")) from error

    _import_changes(how, file, parsed, None)


def _import_changes(how: ImportRun, file: Path, mapping: Mapping, expand: Expand | None) -> None:
    def run(sink: ImportSink, caller: Caller, report_progress: ReportProgress) -> Awaitable[ImportReport]:
        return import_changes(
            file,
            mapping,
            sink,
            caller,
            new_key=lambda: new_key(os.urandom),
            verbose=how.verbose,
            progress=report_progress,
            expand=expand,
        )

    try:
        _import(how, run, reading=f"Reading {make_safe(file.name)}")
    except NotAHistoryError as error:
        raise CommandFailed(to_single_line(str(error))) from error


def print_suggested_mapping(file: Path) -> None:
    """Print a mapping for a file, with what is not certain marked.

    Raises:
        CommandFailed: the file is no history.
    """
    try:
        click.echo(make_safe(suggest_mapping_for(file)), nl=False)
    except NotAHistoryError as error:
        raise CommandFailed(to_single_line(str(error))) from error


def _require_product_key(product: str) -> None:
    if not re.fullmatch(KEY_PATTERN, product):
        raise CommandFailed(f"--product {product!r} is not a valid key. Use 1 to 100 of a-z 0-9 . _ ~ -, e.g. `shop`.")


def import_command_file(how: ImportRun, file: Path) -> None:
    """Import commands.

    Raises:
        CommandFailed: a line was refused, or the import was interrupted.
        Forbidden: a line needs the scope to import, and the token does not have it.
    """

    def run(sink: ImportSink, caller: Caller, report_progress: ReportProgress) -> Awaitable[ImportReport]:
        return import_commands(file, sink, caller, progress=report_progress)

    _import(how, run)


def import_record_folder(
    how: ImportRun, folder: Path, *, system: str | None, product: str | None, words: Path | None = None
) -> None:
    """Import decision records in Markdown.

    Raises:
        CommandFailed: a name is invalid, git fails, a version was refused, or the import was interrupted.
        Forbidden: the token does not have the scope to import.
    """
    if product is not None:
        _require_product_key(product)
    try:
        table = load_words(words) if words else DEFAULT_WORDS
        source = system or default_system(folder)

        def run(sink: ImportSink, caller: Caller, report_progress: ReportProgress) -> Awaitable[ImportReport]:
            return import_records(
                folder,
                sink,
                caller,
                system=source,
                product=product,
                words=table,
                new_key=lambda: new_key(os.urandom),
                verbose=how.verbose,
                progress=report_progress,
            )

        if not how.as_json:
            click.echo(to_single_line(f"Records of {source}" + (f", product:{product}" if product else "")))
        _import(how, run)
    except (HistoryError, WordsError) as error:
        raise CommandFailed(to_single_line(str(error))) from error


def _import(how: ImportRun, run: Import, reading: str | None = None) -> None:
    if not how.dry_run:
        confirm_new_log(how.settings.location, yes=how.yes)
    with (
        (open_dry_run_sink if how.dry_run else open_sink)(how.settings) as (sink, caller),
        progress("Dry run" if how.dry_run else "Importing", reading=reading) as bar,
        _stop_on_interrupt(bar) as report_progress,
    ):
        freeze_gc()
        report = asyncio.run(_await(run(sink, caller, report_progress)))
    (click.echo if how.as_json else print_sentence)(_format_report(report, as_json=how.as_json))
    if report.rejected and not how.dry_run:
        raise CommandFailed(f"Some {report.noun}s were refused. Fix them and import again; the rest is imported.")
    if report.rejected:
        raise CommandFailed(f"Some {report.noun}s would be refused. Fix them first, or import the rest.")


async def _await(work: Awaitable[ImportReport]) -> ImportReport:
    return await work


def _format_report(report: ImportReport, *, as_json: bool) -> str:
    """Return the report as text that is safe on a terminal: it quotes imported names and values."""
    if not as_json:
        return make_safe(str(report))
    text = json.dumps(report.to_dict(), ensure_ascii=False, indent=2)
    if make_safe(text) == text:
        return text
    return json.dumps(report.to_dict(), indent=2).replace("\x7f", "\\u007f")


@contextmanager
def _stop_on_interrupt(report_progress: ReportProgress) -> Iterator[ReportProgress]:
    """Stop between two batches after an interrupt.

    A second interrupt stops at once; what was being sent may then be in the log, and the next import skips it.
    """
    is_interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal is_interrupted
        is_interrupted = True
        signal.signal(signal.SIGINT, previous_handler)
        click.echo("Stopping after the current batch ...", err=True)

    def report_or_stop(done: int, total: int | None) -> None:
        report_progress(done, total)
        if is_interrupted and total is None:
            raise CommandFailed(
                "Interrupted while the file was read. Run the same command to import it.", Exit.INTERRUPTED
            )
        if is_interrupted and total is not None and done < total:
            raise CommandFailed(
                f"Interrupted after {done} of {total} lines. Run the same command to continue.", Exit.INTERRUPTED
            )

    # asyncio does not replace a signal handler that is set before.
    previous_handler = signal.signal(signal.SIGINT, interrupt)
    try:
        yield report_or_stop
    finally:
        signal.signal(signal.SIGINT, previous_handler)
