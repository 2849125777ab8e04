"""Where an import sends its transactions, and who may send them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.errors import Forbidden, Refused
from domain.fields import SubjectState
from domain.names import normalize_name
from domain.scopes import IMPORT_SCOPE
from eventlog.dry_run import DryRun
from eventlog.entry import Caller, Receipt, Transaction
from eventlog.transaction_sink import Sink
from identity.decision_log import DecisionLog


class ImportSink(Sink, Protocol):
    """A log that can be imported into. Names are compared after `eventlog.directory.normalize_name`."""

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing that is sent here is written."""
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


@dataclass(frozen=True, slots=True)
class LogSink:
    """A log in this process."""

    log: DecisionLog
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
class DryRunSink:
    """A log in this process, opened for reading: transactions are checked and not written."""

    log: DecisionLog
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
