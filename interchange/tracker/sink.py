"""Where the units of an import go, and who may send them there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.any_subject import IMPORT_RIGHT
from domain.errors import Forbidden, Refused
from domain.fields import SubjectState
from eventlog.directory import normalize_name
from eventlog.dry_run import DryRun
from eventlog.entry import Caller, Receipt, Transaction
from eventlog.log import DecisionLog


class Sink(Protocol):
    """A log, as far as an importer needs it."""

    @property
    def rehearses(self) -> bool:
        """Whether nothing that is sent here is written."""
        ...

    async def execute_many(self, transactions: Sequence[Transaction]) -> Sequence[Receipt | Refused]:
        """Applies units in order, each with its own fate."""
        ...

    def known_spellings(self) -> Collection[str]:
        """Every spelling of a person that the directory understands, folded as `eventlog.directory.folded` does."""
        ...

    def state(self, subject: str) -> SubjectState:
        """A subject by what was sent so far; version 0 when nobody has heard of it."""
        ...

    def find_people(self, fold: str) -> Collection[str]:
        """The ids behind a folded spelling."""
        ...


@dataclass(frozen=True, slots=True)
class LogSink:
    """A log in this process."""

    log: DecisionLog
    rehearses: bool = field(default=False, init=False)

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Applies units in order, each with its own fate."""
        return await self.log.execute_many(transactions)

    def known_spellings(self) -> set[str]:
        """Every spelling of a person that the directory understands, folded."""
        return spellings_in(self.log)

    def state(self, subject: str) -> SubjectState:
        """A subject by what was sent so far."""
        return self.log.state(subject)

    def find_people(self, fold: str) -> Collection[str]:
        """The ids behind a folded spelling."""
        return self.log.find_people(fold)


@dataclass(frozen=True, slots=True)
class DrySink:
    """A log in this process, open for reading, to which a whole import is only rehearsed."""

    log: DecisionLog
    rehearsal: DryRun
    rehearses: bool = field(default=True, init=False)

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Tells the fate that units would have, in order."""
        return await self.rehearsal.execute_many(transactions)

    def known_spellings(self) -> set[str]:
        """Every spelling of a person that the directory understands, folded."""
        return spellings_in(self.log) | self.rehearsal.spellings()

    def state(self, subject: str) -> SubjectState:
        """A subject by what was sent so far."""
        return self.rehearsal.state(subject)

    def find_people(self, fold: str) -> Collection[str]:
        """The ids behind a folded spelling."""
        return self.rehearsal.find_people(fold)


def spellings_in(log: DecisionLog) -> set[str]:
    """Every spelling of a person that a log's directory understands, folded."""
    return {normalize_name(spelling) for somebody in log.directory.list_people() for spelling in somebody.spellings}


def must_be_allowed(caller: Caller) -> None:
    """Refuses, before anything is sent, whoever may not tell of another system.

    Raises:
        Forbidden: the caller does not have the right to import.
    """
    if IMPORT_RIGHT not in caller.rights:
        msg = (
            f"{caller.actor} may not import with this token; `decisionlog token create NAME --right import` makes one "
            "that may"
        )
        raise Forbidden(msg)
