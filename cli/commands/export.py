"""`decisionlog export`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import click

from cli import options
from cli.bootstrap import clock, open_read_only
from cli.errors import CommandFailed
from cli.files import create_file, open_new_file
from cli.progress import progress
from cli.settings import Settings
from cli.settings_loading import load_settings
from cli.table import count_entries, print_note
from cli.terminal import data_stream
from eventlog.canonical import canonical
from eventlog.log import RawEntry
from identity.decision_log import DecisionLog
from interchange.adr import export_records

BATCH_SIZE: Final = 1000


@click.group(invoke_without_command=True)
@options.output_file
@options.overwrite
@click.option("--people", is_flag=True, help="Include people: one line each, with every spelling.")
@options.data
@click.pass_context
def export(context: click.Context, output: Path | None, overwrite: bool, people: bool, data: Path | None) -> None:
    """Export the log as JSON Lines, or decisions as MADR files.

    Each line holds an entry byte for byte, its leaf in the Merkle tree, and its texts.
    """
    if context.invoked_subcommand is not None:
        if output or people or overwrite:
            raise click.UsageError("--output, --overwrite and --people apply only to `export` without a subcommand.")
        context.obj = data
        return
    export_log(load_settings(data=data), output, people=people, overwrite=overwrite)


@export.command(name="madr")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--product", help="Key of a product: export only its decisions.")
@options.data
@click.pass_obj
def madr(parent_data: Path | None, folder: Path, product: str | None, data: Path | None) -> None:
    """Export decisions to DIR as MADR 4 files.

    DIR is created; it must be empty.
    """
    export_madr(load_settings(data=data or parent_data), folder, product=product)


def export_log(settings: Settings, output: Path | None, *, people: bool, overwrite: bool = False) -> None:
    """Write the log as JSON Lines: `{"entry":..,"leaf":..,"texts":..}`, with the entry byte for byte.

    With `people`, lines `{"person":..,"name":..,"spellings":[..]}` come first.
    """
    with (
        open_read_only(settings) as log,
        _open_output(output, overwrite=overwrite) as stream,
        progress("Exporting") as report_progress,
    ):
        if people:
            for person in log.directory.list_people():
                line = {"person": person.id, "name": person.name, "spellings": list(person.spellings)}
                stream.write(canonical(line) + b"\n")
        written = sum(1 for raw in _read_entries(log, report_progress) if stream.write(_format_line(raw)))
    if output:
        click.echo(f"Exported {count_entries(written)} to {output}", err=True)


def _read_entries(log: DecisionLog, report_progress: Callable[[int, int], None]) -> Iterator[RawEntry]:
    size, position = log.head().size, 0
    while position < size:
        for raw in log.raw(position, min(BATCH_SIZE, size - position)):
            position = raw.position
            yield raw
        report_progress(position, size)


def _format_line(raw: RawEntry) -> bytes:
    texts = canonical({place: list(text) for place, text in raw.texts.items()})
    return b'{"entry":%b,"leaf":"%b","texts":%b}\n' % (raw.entry, raw.leaf.encode(), texts)


@contextmanager
def _open_output(output: Path | None, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a file, which appears only once it is complete, or standard output."""
    if output is not None:
        with open_new_file(output, overwrite=overwrite) as stream:
            yield stream
        return
    stream = data_stream()
    yield stream
    stream.flush()


def export_madr(settings: Settings, folder: Path, *, product: str | None) -> None:
    """Write each decision to its own file, and print what the format cannot express.

    Raises:
        CommandFailed: the folder is not empty, or there is no such product.
    """
    if folder.exists() and any(folder.iterdir()):
        raise CommandFailed(f"{folder} is not empty. Choose an empty or new folder.")
    with open_read_only(settings) as log:
        now = max(clock(), log.head().recorded_at)
        if product is not None and not log.state(f"product:{product}").version:
            raise CommandFailed(f"No product {product!r}. Leave out --product, or use the key of a product in the log.")
        folder.mkdir(parents=True, exist_ok=True)
        count = 0
        for record in export_records(log, now, product):
            count += 1
            path = folder / f"{record.name}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            create_file(path, record.text.encode())
            for notice in record.warnings:
                print_note(f"{record.name} ({record.subject}): {notice}")
    click.echo(f"Exported {count} {'decision' if count == 1 else 'decisions'} to {folder}", err=True)
