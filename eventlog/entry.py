"""What goes into the log and what comes out: transactions of commands, receipts, and entries with metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from domain.errors import Refused
from domain.messages import Command, Event, Reference
from domain.scopes import DEFAULT_SCOPES

UNKNOWN_AUTHOR: Final = "unknown"
"""The principal of an imported change whose author is not known."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller according to their credentials, never according to the body of a request.

    `actor` is `person:KEY` or `service:KEY`, `credential` the id of the token that was used, `channel` the interface
    (`http`, `cli`, `import`, `kafka`), `scopes` are keys of `domain.scopes.SCOPES`, and `groups` are the
    subjects (`group:KEY`) of the groups that the sign-in provider says they belong to.
    """

    actor: str
    credential: str
    channel: str
    scopes: frozenset[str] = DEFAULT_SCOPES
    groups: frozenset[str] = frozenset()


_NO_VERSIONS: Final[Mapping[str, int]] = MappingProxyType({})


class Transaction(NamedTuple):
    """The commands that one caller sends to be applied all or none.

    `key` is the idempotency key; its scope is the caller, or for imports the system they come from. `expected` holds
    the versions that the caller has read (`If-Match`), by subject.
    """

    commands: tuple[Command, ...]
    caller: Caller
    key: str | None = None
    expected: Mapping[str, int] = _NO_VERSIONS
    alongside: Callable[[Any], object] | None = None
    """Writes names or tokens through a `SideTables` in the database transaction of the entries; refuses by raising."""


class RecordedEvent(NamedTuple):
    """A recorded event in a receipt. `recorded_at` is in microseconds since 1970."""

    position: int
    subject: str
    version: int
    type: str
    recorded_at: int


class Receipt(NamedTuple):
    """The result of a transaction: its events, in order. `replayed` if its idempotency key was used before."""

    recorded: tuple[RecordedEvent, ...]
    replayed: bool = False

    @property
    def position(self) -> int:
        """The position of its last event; a read that waits for it sees the whole transaction."""
        return self.recorded[-1].position


class Sink(Protocol):
    """Anything that applies transactions: a log in this process, a server that has one, or a dry run."""

    async def execute_many(self, transactions: Sequence[Transaction]) -> Sequence[Receipt | Refused]:
        """Apply transactions in order and return the outcome of each."""
        ...


class Delegate(NamedTuple):
    """One link of the chain from actor to principal: a person, and the position of their delegation.

    Without a delegation, the link is a claim.
    """

    who: str
    delegation: int | None = None


class Origin(NamedTuple):
    """The channel of a command; for imports also the system, its reference, and its time in microseconds."""

    channel: str
    system: str | None = None
    reference: str | None = None
    at: int | None = None


class Metadata(NamedTuple):
    """Who recorded an event, when, why, and from which source. Times are in microseconds since 1970."""

    id: str
    transaction: str
    index: int  # type: ignore[assignment]  # hides a method of tuples, which nothing calls
    actor: str
    credential: str
    source: Origin
    on_behalf_of: tuple[Delegate, ...] = ()
    effective_at: int | None = None
    because: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    note: str | None = None
    corrects: int | None = None

    @property
    def principal(self) -> str:
        """On whose behalf the actor acted: the end of the chain, or else the actor.

        A caller who imports a change from another system did not make it: without a known author, it has no author.
        """
        if self.on_behalf_of:
            return self.on_behalf_of[-1].who
        return self.actor if self.source.system is None else UNKNOWN_AUTHOR


class Entry(NamedTuple):
    """An entry with its texts; an erased one reads `[erased]`."""

    position: int
    recorded_at: int
    subject: str
    type: str
    version: int
    event: Event
    metadata: Metadata

    @property
    def effective_at(self) -> int:
        """When it took effect: the stated time, or else the recorded time."""
        return self.recorded_at if self.metadata.effective_at is None else self.metadata.effective_at

    def placed_at(self, position: int, recorded_at: int) -> Entry:
        """Return the entry at the position and the time that the log has given it."""
        return Entry(position, recorded_at, self.subject, self.type, self.version, self.event, self.metadata)

    @property
    def originator_id(self) -> str:
        """The subject, by the name of the `eventsourcing` library."""
        return self.subject

    @property
    def originator_version(self) -> int:
        """The version, by the name of the `eventsourcing` library."""
        return self.version
