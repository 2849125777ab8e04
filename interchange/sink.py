"""Where an import sends its transactions, and who may send them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.errors import Forbidden, Refused
from domain.fields import EXISTS, SubjectState
from domain.names import normalize_name
from domain.scopes import IMPORT_SCOPE
from eventlog.dry_run import DryRun
from eventlog.entry import Caller, Entry, Receipt, Sink, Transaction
from identity.decision_log import DecisionLog


@dataclass(frozen=True, slots=True)
class ImportedSubject:
    """A subject as an import needs it: the system that it comes from, if any, and its names and removals over time."""

    subject: str
    system: str | None
    created: int | None
    names: tuple[tuple[int, str], ...]
    removals: tuple[tuple[int, bool], ...]


class ImportSink(Sink, Protocol):
    """A log that can be imported into. Names are compared after `domain.names.normalize_name`."""

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing that is sent here is written."""
        ...

    @property
    def is_readable(self) -> bool:
        """Whether the state, the keys and the entries of the log can be read here: not if it is on another machine."""
        ...

    def known_spellings(self) -> Collection[str]:
        """Return the normalized names of all people in the directory."""
        ...

    def state(self, subject: str) -> SubjectState:
        """Return a subject, including what was sent so far. An unknown subject has version 0."""
        ...

    def find_people(self, normalized_name: str) -> Collection[str]:
        """Return the ids of the people with a normalized name."""
        ...

    def imported_subject(self, subject: str) -> ImportedSubject | None:
        """Return where a subject comes from; None if the log does not have it."""
        ...

    def imported_subjects(self, kind: str) -> Iterator[ImportedSubject]:
        """Yield all subjects of a kind, with where they come from."""
        ...

    def recorded_keys(self, system: str, keys: Sequence[str]) -> dict[str, int]:
        """Return which keys of an import are in the log, each with the position of its first entry."""
        ...

    def keys_with_prefix(self, system: str, prefix: str) -> list[str]:
        """Return the keys of an import that start with a prefix."""
        ...

    def entry(self, position: int) -> Entry | None:
        """Return an entry with its texts."""
        ...

    def now(self) -> int:
        """Return the time of the log's clock, in microseconds since 1970."""
        ...

    def person_has_names(self, person: str) -> bool:
        """Whether the directory has any name of a person."""
        ...


@dataclass(frozen=True, slots=True)
class LogReader:
    """What an import reads from a log in this process, whether or not it writes to it."""

    log: DecisionLog
    is_readable: bool = field(default=True, init=False)

    def imported_subject(self, subject: str) -> ImportedSubject | None:
        """Return where a subject comes from; None if the log does not have it."""
        return describe_subject(self.log, subject)

    def imported_subjects(self, kind: str) -> Iterator[ImportedSubject]:
        """Yield all subjects of a kind, with where they come from."""
        return describe_subjects(self.log, kind)

    def recorded_keys(self, system: str, keys: Sequence[str]) -> dict[str, int]:
        """Return which keys of an import are in the log, each with the position of its first entry."""
        return self.log.recorded_keys(import_scope(system), keys)

    def keys_with_prefix(self, system: str, prefix: str) -> list[str]:
        """Return the keys of an import that start with a prefix."""
        return self.log.keys_with_prefix(import_scope(system), prefix)

    def entry(self, position: int) -> Entry | None:
        """Return an entry with its texts."""
        return self.log.entry(position)

    def now(self) -> int:
        """Return the time of the log's clock, in microseconds since 1970."""
        return self.log.now()

    def person_has_names(self, person: str) -> bool:
        """Whether the directory has any name of a person."""
        return self.log.directory.name(person) is not None


@dataclass(frozen=True, slots=True)
class LogSink(LogReader):
    """A log in this process."""

    is_dry_run: bool = field(default=False, init=False)

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Apply transactions in order and return the outcome of each."""
        return await self.log.execute_many(transactions)

    def known_spellings(self) -> set[str]:
        """Return the normalized names of all people in the directory."""
        return directory_spellings(self.log)

    def state(self, subject: str) -> SubjectState:
        """Return a subject, including what was sent so far."""
        return self.log.state(subject)

    def find_people(self, normalized_name: str) -> Collection[str]:
        """Return the ids of the people with a normalized name."""
        return self.log.find_people(normalized_name)


@dataclass(frozen=True, slots=True)
class DryRunSink(LogReader):
    """A log in this process, opened for reading: transactions are checked and not written."""

    dry_run: DryRun
    is_dry_run: bool = field(default=True, init=False)

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Return the outcome that each transaction would have, in order."""
        return await self.dry_run.execute_many(transactions)

    def known_spellings(self) -> set[str]:
        """Return the normalized names of all people, including those registered in the dry run."""
        return directory_spellings(self.log) | self.dry_run.spellings()

    def state(self, subject: str) -> SubjectState:
        """Return a subject, including what was sent so far."""
        return self.dry_run.state(subject)

    def find_people(self, normalized_name: str) -> Collection[str]:
        """Return the ids of the people with a normalized name."""
        return self.dry_run.find_people(normalized_name)


def describe_subject(log: DecisionLog, subject: str) -> ImportedSubject | None:
    """Return where a subject of a log comes from; None if the log does not have it."""
    state = log.state(subject)
    if not state.version:
        return None
    entry = log.entry(min(state.events))
    names = tuple(
        (row.valid_from, str(row.value[0]))
        for row in state.rows.get("aliases", ())
        if isinstance(row.value, list) and row.value
    )
    exists = state.rows.get(EXISTS, ())
    removals = tuple((row.valid_from, row.value is not True) for row in exists)
    system = entry.metadata.source.system if entry else None
    return ImportedSubject(subject, system, state.started_at(), names, removals)


def describe_subjects(log: DecisionLog, kind: str) -> Iterator[ImportedSubject]:
    """Yield all subjects of a kind in a log, with where they come from."""
    after = f"{kind}:"
    while page := log.subjects(after, 1000):
        for subject in page:
            if not subject.startswith(f"{kind}:"):
                return
            found = describe_subject(log, subject)
            if found is not None:
                yield found
        after = page[-1]


def import_scope(system: str) -> str:
    """Return the scope of the keys of imports from a system."""
    return f"{IMPORT_SCOPE}:{system}"


def directory_spellings(log: DecisionLog) -> set[str]:
    """Return the normalized names of all people in a log's directory."""
    return {normalize_name(spelling) for person in log.directory.list_people() for spelling in person.spellings}


def require_import_right(caller: Caller) -> None:
    """Check, before anything is sent, that the caller may import.

    Raises:
        Forbidden: the caller does not have the scope to import.
    """
    if not any(scope.partition(":")[0] == IMPORT_SCOPE for scope in caller.scopes):
        raise Forbidden(
            f"{caller.actor} may not import with this token. Create a token that may with "
            "`decisionlog token create NAME --scope import`."
        )
