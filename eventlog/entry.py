"""What goes into the log and what comes out of it: units of commands in, entries out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.messages import Command, Event, Reference


@dataclass(frozen=True, slots=True)
class Caller:
    """Who speaks, as their credentials say; never taken from a body.

    `actor` is `person:KEY` or `service:KEY`, `credential` the id of the token or key used, `channel` the way in
    (`http`, `cli`, `import`, `kafka`), `rights` such as `domain.any_subject.MAY_IMPORT`.
    """

    actor: str
    credential: str
    channel: str
    rights: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Transaction:
    """What one caller sends: one command or several, applied whole or not at all.

    `key` is the idempotency key; it belongs to the caller, and for import lines to the system they come from.
    `expected` are the versions the caller saw (`If-Match`), by subject.
    """

    commands: tuple[Command, ...]
    caller: Caller
    key: str | None = None
    expected: Mapping[str, int] = field(default_factory=dict)
    alongside: Callable[[Any], object] | None = None
    """Writes names or tokens (through a `Beside`) in the transaction of the entries; refuses by raising."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One event's place in the log, as a receipt names it. `recorded_at` is in microseconds since 1970."""

    position: int
    subject: str
    version: int
    type: str
    recorded_at: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a unit: its entries in order. `replayed` when an idempotency key was answered again."""

    recorded: tuple[RecordedEvent, ...]
    replayed: bool = False

    @property
    def position(self) -> int:
        """The last position it wrote; reads that wait for it see the whole unit."""
        return self.recorded[-1].position


@dataclass(frozen=True, slots=True)
class Delegate:
    """One link of the chain from actor to principal, with the grant it rests on, if any."""

    who: str
    grant: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The way an act came in; for imports also the system, its reference, and its own time in microseconds."""

    channel: str
    system: str | None = None
    reference: str | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """Who, when and why: all of an event's own part but its data. Instants in microseconds since 1970."""

    id: str
    transaction: str
    index: int
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
        """Whose act it was: the end of the chain, else the actor."""
        return self.on_behalf_of[-1].who if self.on_behalf_of else self.actor


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry read back, with its texts; a forgotten one reads `[erased]`."""

    position: int
    recorded_at: int
    subject: str
    type: str
    version: int
    event: Event
    metadata: Metadata

    @property
    def effective_at(self) -> int:
        """When it took effect: what was said, else when it was recorded."""
        return self.recorded_at if self.metadata.effective_at is None else self.metadata.effective_at

    @property
    def originator_id(self) -> str:
        """The stream, as the `eventsourcing` library calls it."""
        return self.subject

    @property
    def originator_version(self) -> int:
        """The place in the stream, as the `eventsourcing` library calls it."""
        return self.version
