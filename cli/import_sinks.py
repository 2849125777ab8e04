"""Where an import is sent: the log's files, the server that has them, or a dry run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import time_ns

from cli.bootstrap import open_local_for_write, open_read_only
from cli.caller import open_or_empty, resolve_caller, resolve_dry_run_caller
from cli.errors import CommandFailed
from cli.remote_log import RemoteLog, connect_to_writer
from cli.settings import Settings
from decisionlog_client import questions
from domain.errors import Refused
from domain.fields import SubjectState
from domain.names import normalize_name
from eventlog.entry import Caller, Entry, Receipt, Transaction
from eventlog.errors import LogInUseError
from identity.decision_log import DecisionLog
from interchange.sink import (
    DryRunSink,
    ImportedSubject,
    ImportSink,
    LogSink,
    describe_subject,
    describe_subjects,
    directory_spellings,
    import_scope,
)


@dataclass(frozen=True, slots=True)
class RemoteSink:
    """A log that a server has. Its state is read from its files if they are on this machine."""

    server: RemoteLog
    log: DecisionLog | None
    is_dry_run: bool = field(default=False, init=False)

    @property
    def is_readable(self) -> bool:
        """Whether the log's files are on this machine."""
        return self.log is not None

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Apply transactions in order, each with its own outcome."""
        return await self.server.execute_many(transactions)

    def known_spellings(self) -> Collection[str]:
        """Return every normalized spelling of a person that the directory knows."""
        return directory_spellings(self.log) if self.log else {normalized for normalized, _ in self._list_spellings()}

    def state(self, subject: str) -> SubjectState:
        """Return the current state of a subject.

        Raises:
            CommandFailed: the log is on another machine.
        """
        if self.log is None:
            if subject.startswith(("import:", "service:")):
                return SubjectState(subject)
            raise CommandFailed(
                "Import today's records on the machine that has the log: they are compared with its files."
            )
        return self.log.state(subject)

    def find_people(self, fold: str) -> Collection[str]:
        """Return the ids of the people with a normalized spelling."""
        if self.log:
            return self.log.find_people(fold)
        return [person for normalized, person in self._list_spellings() if normalized == fold]

    def imported_subject(self, subject: str) -> ImportedSubject | None:
        """Return where a subject comes from; None if the log does not have it, or is on another machine."""
        return describe_subject(self.log, subject) if self.log else None

    def imported_subjects(self, kind: str) -> Iterator[ImportedSubject]:
        """Yield all subjects of a kind, with where they come from; none if the log is on another machine."""
        return describe_subjects(self.log, kind) if self.log else iter(())

    def recorded_keys(self, system: str, keys: Sequence[str]) -> dict[str, int]:
        """Return which keys of an import are in the log; none if it is on another machine."""
        return self.log.recorded_keys(import_scope(system), keys) if self.log else {}

    def keys_with_prefix(self, system: str, prefix: str) -> list[str]:
        """Return the keys of an import that start with a prefix; none if the log is on another machine."""
        return self.log.keys_with_prefix(import_scope(system), prefix) if self.log else []

    def entry(self, position: int) -> Entry | None:
        """Return an entry with its texts; None if the log is on another machine."""
        return self.log.entry(position) if self.log else None

    def now(self) -> int:
        """Return the current time, in microseconds since 1970."""
        return self.log.now() if self.log else time_ns() // 1000

    def person_has_names(self, person: str) -> bool:
        """Whether the directory has any name of a person."""
        return self.log is None or self.log.directory.name(person) is not None

    def _list_spellings(self) -> Iterator[tuple[str, str]]:
        for page in self.server.client.pages(questions.people()):
            for person in page["rows"]:
                yield from ((normalize_name(spelling), person["id"]) for spelling in person["spellings"])


@contextmanager
def open_sink(settings: Settings) -> Iterator[tuple[ImportSink, Caller]]:
    """Open the sink of an import, and resolve its caller."""
    try:
        with open_local_for_write(settings) as log:
            yield LogSink(log), resolve_caller(log, settings, "import")
    except LogInUseError as found:
        with connect_to_writer(found, settings) as server, _open_files_of_server(settings) as log:
            yield RemoteSink(server, log), server.caller("import")


@contextmanager
def _open_files_of_server(settings: Settings) -> Iterator[DecisionLog | None]:
    """Open the files of a server's log for reading; None if they are on another machine."""
    if settings.url:
        yield None
        return
    with open_read_only(settings) as log:
        yield log


@contextmanager
def open_dry_run_sink(settings: Settings) -> Iterator[tuple[ImportSink, Caller]]:
    """Open a sink that reads the log and writes nothing, and resolve the caller.

    Raises:
        CommandFailed: the log is on another machine.
    """
    if settings.url:
        raise CommandFailed(
            "A dry run needs the log's files. Unset DECISIONLOG_URL, and set their location with --data."
        )
    with open_or_empty(settings) as log:
        dry_run = log.dry_run()
        yield DryRunSink(log, dry_run), resolve_dry_run_caller(log, settings, "import", dry_run)
