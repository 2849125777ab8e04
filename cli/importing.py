"""`decisionlog import`: into the log's file where nobody serves it, else through the server that does."""

from __future__ import annotations

import asyncio
import json
import os
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
from cli.speaking import as_it_stands, rehearsing_speaker, speaker_of
from cli.wiring import collect_seldom, reading, writing_here
from consumers.importing import (
    DrySink,
    LogSink,
    MappingError,
    Report,
    Sink,
    import_changes,
    import_commands,
    load_mapping,
)
from consumers.importing.sink import spellings_in
from decisionlog_client import questions
from domain.errors import Refused
from eventlog.directory import folded
from eventlog.entry import Caller, Receipt, Unit
from eventlog.errors import LogInUseError
from eventlog.ids import new_key

Tell = Callable[[int, int], None]
Import = Callable[[Sink, Caller, Tell], Awaitable[Report]]


@dataclass(frozen=True, slots=True)
class ServerSink:
    """A log that a server has. What its directory knew when the import began is read from the file."""

    server: Server
    known: Collection[str]
    rehearses: bool = field(default=False, init=False)

    async def execute_many(self, units: Sequence[Unit]) -> list[Receipt | Refused]:
        """Applies units in order, each with its own fate."""
        return await self.server.execute_many(units)

    def known_spellings(self) -> Collection[str]:
        """Every spelling of a person that the directory understood, folded."""
        return self.known


def changes(settings: Settings, file: Path, mapping: Path, *, dry_run: bool, as_json: bool, verbose: bool) -> None:
    """Imports a history of changes.

    Raises:
        CannotGoOn: the mapping is not in order, a line was refused, or it was interrupted.
        Forbidden: the token does not have the right to import.
    """
    try:
        meaning = load_mapping(mapping)
    except MappingError as error:
        raise CannotGoOn(f"{error}. docs/how-to/import-a-tracker.md says what a mapping can hold.") from error

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


def _import(settings: Settings, run: Import, *, dry_run: bool, as_json: bool) -> None:
    with (
        (_rehearsing if dry_run else _sending)(settings) as (sink, caller),
        progress("Rehearsing" if dry_run else "Importing") as bar,
        _until_interrupted(bar) as tell,
    ):
        collect_seldom()
        report = asyncio.run(_run(run(sink, caller, tell)))
    click.echo(json.dumps(report.to_dict(), ensure_ascii=False, indent=2) if as_json else str(report))
    if report.refused and not dry_run:
        sentence = "Some lines were refused. Mend them and import the file again: what is in the log stays as it is."
        raise CannotGoOn(sentence)
    if report.refused:
        raise CannotGoOn("Some lines would be refused. Mend them first, or import the rest as it is.")


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
        with server_of(found, settings) as server:
            yield ServerSink(server, _known(settings, server)), server.speaker("import")


def _known(settings: Settings, server: Server) -> Collection[str]:
    """Every spelling of a person that the directory understands: read from the file, where it is on this machine."""
    if not settings.url:
        with reading(settings) as log:
            return spellings_in(log)
    everybody = server.client.ask(questions.people())["rows"]
    return {folded(spelling) for person in everybody for spelling in person["spellings"]}


@contextmanager
def _rehearsing(settings: Settings) -> Iterator[tuple[Sink, Caller]]:
    """The same for a dry run: the log is read, and nothing is written."""
    if settings.url:
        raise CannotGoOn(
            "A dry run needs the files of a log. Unset DECISIONLOG_URL, and say where they are with --data."
        )
    with as_it_stands(settings) as log:
        rehearsal = log.rehearsal()
        yield DrySink(log, rehearsal), rehearsing_speaker(log, settings, "import", rehearsal)
