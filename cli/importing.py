"""`decisionlog import`: into the log's file where nobody serves it, else through the server that does."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from cli.errors import CannotGoOn, Exit
from cli.progress import progress
from cli.remote import Server, server_of
from cli.settings import Settings
from cli.showing import harmless, in_one_line
from cli.speaking import as_it_stands, rehearsing_speaker, speaker_of
from cli.wiring import collect_seldom, reading, writing_here
from decisionlog_client import questions
from domain.errors import Refused
from domain.fields import SubjectState
from domain.values import KEY_PATTERN
from eventlog.directory import normalize_name
from eventlog.entry import Caller, Receipt, Transaction
from eventlog.errors import LogInUseError
from eventlog.ids import new_key
from eventlog.log import DecisionLog
from interchange.adr import HistoryError, default_system, import_records
from interchange.tracker import (
    DrySink,
    LogSink,
    MappingError,
    Report,
    Sink,
    import_changes,
    import_commands,
    load_mapping,
)
from interchange.tracker.sink import spellings_in

Tell = Callable[[int, int], None]
Import = Callable[[Sink, Caller, Tell], Awaitable[Report]]


@dataclass(frozen=True, slots=True)
class ServerSink:
    """A log that a server has. What is to be known of it is read from its files, where they are on this machine."""

    server: Server
    log: DecisionLog | None
    rehearses: bool = field(default=False, init=False)

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Applies units in order, each with its own fate."""
        return await self.server.execute_many(transactions)

    def known_spellings(self) -> Collection[str]:
        """Every spelling of a person that the directory understands, folded."""
        return spellings_in(self.log) if self.log else {fold for fold, _ in self._spelled()}

    def state(self, subject: str) -> SubjectState:
        """A subject by what was sent so far.

        Raises:
            CannotGoOn: the log is on another machine.
        """
        if self.log is None:
            sentence = "Records of today are compared with the log, which is on another machine. Import them there."
            raise CannotGoOn(sentence)
        return self.log.state(subject)

    def find_people(self, fold: str) -> Collection[str]:
        """The ids behind a folded spelling."""
        return self.log.find_people(fold) if self.log else [one for spelled, one in self._spelled() if spelled == fold]

    def _spelled(self) -> Iterator[tuple[str, str]]:
        for somebody in self.server.client.ask(questions.people())["rows"]:
            yield from ((normalize_name(spelling), somebody["id"]) for spelling in somebody["spellings"])


def changes(settings: Settings, file: Path, mapping: Path, *, dry_run: bool, as_json: bool, verbose: bool) -> None:
    """Imports a history of changes.

    Raises:
        CannotGoOn: the mapping is not in order, a line was refused, or it was interrupted.
        Forbidden: the token does not have the right to import.
    """
    try:
        meaning = load_mapping(mapping)
    except MappingError as error:
        sentence = harmless(f"{error}. docs/how-to/import-a-tracker.md says what a mapping can hold.")
        raise CannotGoOn(sentence) from error

    def run(sink: Sink, caller: Caller, tell: Tell) -> Awaitable[Report]:
        return import_changes(
            file, meaning, sink, caller, new_key=lambda: new_key(os.urandom), verbose=verbose, progress=tell
        )

    _import(settings, run, dry_run=dry_run, as_json=as_json)


def commands(settings: Settings, file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Imports commands.

    Raises:
        CannotGoOn: a line was refused, or it was interrupted.
        Forbidden: a line needs the right to import, and the token does not have it.
    """

    def run(sink: Sink, caller: Caller, tell: Tell) -> Awaitable[Report]:
        return import_commands(file, sink, caller, progress=tell)

    _import(settings, run, dry_run=dry_run, as_json=as_json)


def records(
    settings: Settings, folder: Path, *, system: str | None, product: str | None, dry_run: bool, as_json: bool,
    verbose: bool,
) -> None:  # fmt: skip
    """Imports decision records in markdown.

    Raises:
        CannotGoOn: a name is not in order, git cannot tell the history, a version was refused, or it was interrupted.
        Forbidden: the token does not have the right to import.
    """
    if product is not None and not re.fullmatch(KEY_PATTERN, product):
        raise CannotGoOn(
            f"{product!r} is no key of a product: --product needs 1 to 100 of a-z 0-9 . _ ~ -, such as `shop`."
        )
    try:
        called = system or default_system(folder)

        def run(sink: Sink, caller: Caller, tell: Tell) -> Awaitable[Report]:
            return import_records(
                folder, sink, caller, system=called, product=product, new_key=lambda: new_key(os.urandom),
                verbose=verbose, progress=tell,
            )  # fmt: skip

        if not as_json:
            click.echo(in_one_line(f"Records of {called}" + (f", product:{product}" if product else "")))
        _import(settings, run, dry_run=dry_run, as_json=as_json)
    except HistoryError as error:
        raise CannotGoOn(in_one_line(str(error))) from error


def _printed(report: Report, *, as_json: bool) -> str:
    """The report as it can be shown on a terminal: names and words in it are those of others."""
    if not as_json:
        return harmless(str(report))
    text = json.dumps(report.to_dict(), ensure_ascii=False, indent=2)
    if harmless(text) == text:
        return text
    return json.dumps(report.to_dict(), indent=2).replace("\x7f", "\\u007f")


def _import(settings: Settings, run: Import, *, dry_run: bool, as_json: bool) -> None:
    with (
        (_rehearsing if dry_run else _sending)(settings) as (sink, caller),
        progress("Rehearsing" if dry_run else "Importing") as bar,
        _until_interrupted(bar) as tell,
    ):
        collect_seldom()
        report = asyncio.run(_run(run(sink, caller, tell)))
    click.echo(_printed(report, as_json=as_json))
    if report.refused and not dry_run:
        sentence = f"Some {report.what} were refused. Mend them and import again: what is in the log stays as it is."
        raise CannotGoOn(sentence)
    if report.refused:
        raise CannotGoOn(f"Some {report.what} would be refused. Mend them first, or import the rest as it is.")


async def _run(work: Awaitable[Report]) -> Report:
    return await work


@contextmanager
def _until_interrupted(tell: Tell) -> Iterator[Tell]:
    """Tells of progress, and ends the import between two batches once it was interrupted.

    A second interruption ends it at once; what it was sending may then be in the log, and is found there next time.
    """
    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        signal.signal(signal.SIGINT, before)
        click.echo("Stopping after the batch under way ...", err=True)

    def told(done: int, of: int) -> None:
        tell(done, of)
        if interrupted and done < of:
            sentence = f"Interrupted after {done} of {of} lines. The same command goes on from there."
            raise CannotGoOn(sentence, Exit.INTERRUPTED)

    # asyncio leaves the signal alone where somebody else handles it.
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield told
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _sending(settings: Settings) -> Iterator[tuple[Sink, Caller]]:
    """Where units go, and who sends them."""
    try:
        with writing_here(settings) as log:
            yield LogSink(log), speaker_of(log, settings, "import")
    except LogInUseError as found:
        with server_of(found, settings) as server, _files(settings) as log:
            yield ServerSink(server, log), server.speaker("import")


@contextmanager
def _files(settings: Settings) -> Iterator[DecisionLog | None]:
    """The log in its files, to read beside the server that has it; None where they are on another machine."""
    if settings.url:
        yield None
        return
    with reading(settings) as log:
        yield log


@contextmanager
def _rehearsing(settings: Settings) -> Iterator[tuple[Sink, Caller]]:
    """The same for a dry run: the log is read, and nothing is written."""
    if settings.url:
        raise CannotGoOn(
            "A dry run needs the files of a log. Unset DECISIONLOG_URL, and say where they are with --data."
        )
    with as_it_stands(settings) as log:
        rehearsal = log.dry_run()
        yield DrySink(log, rehearsal), rehearsing_speaker(log, settings, "import", rehearsal)
