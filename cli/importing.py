"""`decisionlog import`: into the log's file where nobody serves it, else through the server that does."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from cli.errors import CannotGoOn
from cli.progress import progress
from cli.remote import Server, server_of
from cli.settings import Settings
from cli.wiring import local_caller, owner_of, reading, writing
from consumers.importing import LogSink, MappingError, Report, Sink, import_changes, import_commands, load_mapping
from domain.errors import Refused
from eventlog.entry import Caller, Receipt, Unit
from eventlog.errors import LogInUseError
from eventlog.ids import new_key
from eventlog.log import THE_LOG_ITSELF

Import = Callable[[Sink, Caller, Callable[[int, int], None]], Awaitable[Report]]


@dataclass(frozen=True, slots=True)
class ServerSink:
    """A log that a server has. What its directory knew when the import began is read from the file."""

    server: Server | None
    known: Collection[str]

    async def execute_many(self, units: Sequence[Unit]) -> list[Receipt | Refused]:
        """Applies units in order, each with its own fate."""
        assert self.server, "a dry run writes nothing"
        return await self.server.execute_many(units)

    def known_spellings(self) -> Collection[str]:
        """Every spelling of a person that the directory understood, folded."""
        return self.known


def changes(settings: Settings, file: Path, mapping: Path, *, dry_run: bool, as_json: bool) -> None:
    """Imports a history of changes.

    Raises:
        CannotGoOn: the mapping is not in order, or a line was refused.
    """
    try:
        meaning = load_mapping(mapping)
    except MappingError as error:
        raise CannotGoOn(f"{error}. docs/how-to/import-a-tracker.md says what a mapping can hold.") from error

    def run(sink: Sink, caller: Caller, tell: Callable[[int, int], None]) -> Awaitable[Report]:
        return import_changes(
            file, meaning, sink, caller, new_key=lambda: new_key(os.urandom), dry_run=dry_run, progress=tell
        )

    _import(settings, run, dry_run=dry_run, as_json=as_json)


def commands(settings: Settings, file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Imports commands.

    Raises:
        CannotGoOn: a line was refused.
    """

    def run(sink: Sink, caller: Caller, tell: Callable[[int, int], None]) -> Awaitable[Report]:
        return import_commands(file, sink, caller, dry_run=dry_run, progress=tell)

    _import(settings, run, dry_run=dry_run, as_json=as_json)


def _import(settings: Settings, run: Import, *, dry_run: bool, as_json: bool) -> None:
    with _nothing_written(settings) if dry_run else _sink(settings) as (sink, caller), progress("Importing") as tell:
        report = asyncio.run(_run(run(sink, caller, tell)))
    click.echo(json.dumps(report.to_dict(), ensure_ascii=False, indent=2) if as_json else str(report))
    if report.refused:
        sentence = "Some lines were refused. Mend them and import the file again: what is in the log stays as it is."
        raise CannotGoOn(sentence)


async def _run(work: Awaitable[Report]) -> Report:
    return await work


@contextmanager
def _sink(settings: Settings) -> Iterator[tuple[Sink, Caller]]:
    """Where units go, and who sends them."""
    try:
        with writing(settings) as log:
            yield LogSink(log), local_caller(owner_of(log, settings.owner), "import")
    except LogInUseError as found:
        with server_of(found, settings) as server, reading(settings) as log:
            # Who speaks is known to the server from the key; what is said here does not reach it.
            yield ServerSink(server, LogSink(log).known_spellings()), local_caller(THE_LOG_ITSELF, "import")


@contextmanager
def _nothing_written(settings: Settings) -> Iterator[tuple[Sink, Caller]]:
    """What a dry run needs: what the directory knows, if there is a log already."""
    known: Collection[str] = ()
    if settings.log_file.exists():
        with reading(settings) as log:
            known = LogSink(log).known_spellings()
    yield ServerSink(None, known), local_caller(THE_LOG_ITSELF, "import")
