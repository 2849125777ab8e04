"""The core of an append, without I/O: judge versions, give positions and instants, grow the tree.

A driver fetches what is `unknown`, hands it to `learn`, and writes the rows that come out of `place`, all under one
lock. One thread over SQLite and one task over PostgreSQL can drive the same core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from eventlog.codec import compose
from eventlog.entry import Entry
from eventlog.merkle import Frontier, append_leaf, leaf_hash, root


@dataclass(frozen=True, slots=True)
class Head:
    """The head of the log: how many entries, the edge of their tree, and the last instant, in microseconds."""

    size: int = 0
    frontier: Frontier = ()
    recorded_at: int = 0

    @property
    def root(self) -> str:
        """The root of the tree over all entries, in hex."""
        return root(self.frontier).hex()


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that wants a position. `event` is its own part, `texts` the texts beside it."""

    subject: str
    version: int
    type: str
    event: bytes
    texts: bytes | None


class EntryRow(NamedTuple):
    """A row of the log, in the order of its columns."""

    position: int
    subject: str
    version: int
    type: str
    recorded_at: int
    event: bytes
    texts: bytes | None


class UniqueClaim(NamedTuple):
    """Something that only one unit may take: an idempotency key, or an e-mail or a handle."""

    kind: str
    scope: str
    key: str


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """What is kept of a unit under its idempotency key: a salted hash of what was asked."""

    claim: UniqueClaim
    salt: bytes
    digest: bytes


SHOWN: Final = 1
IDENTIFIER: Final = 0
OTHER_NAME: Final = -1


@dataclass(frozen=True, slots=True)
class NameRow:
    """A spelling for the directory.

    `shown` says what it is: the name to show (`SHOWN`), an e-mail, a handle or another spelling that identifies one
    person (`IDENTIFIER`), or a name that is not shown, such as a former one (`OTHER_NAME`).
    """

    person: str
    name: str
    normalized: str
    shown: int


@dataclass(frozen=True, slots=True)
class Append:
    """A unit decided and serialised: applied whole, or not at all.

    `rests_on` are the versions of the streams it looked at, 0 for none, and `named` whom each spelling in it was taken
    for, by what it folds to; the rest is written in the same transaction.
    `entries` are the events as they were judged, so that nobody has to read them back to know what has become of a state.
    """

    events: tuple[NewEvent, ...]
    read_versions: Mapping[str, int] = field(default_factory=dict)
    resolved_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    idempotency: IdempotencyRecord | None = None
    names: tuple[NameRow, ...] = ()
    erased_positions: tuple[int, ...] = ()
    entries: tuple[Entry, ...] = ()
    revoked: tuple[str, ...] = ()
    """The tokens that its entries revoke."""
    alongside: Callable[[Any], object] | None = None
    """What it writes of names and tokens, through a `Beside`."""

    def subjects(self) -> Iterable[str]:
        """The streams whose versions decide whether it still fits."""
        return {*self.read_versions, *(event.subject for event in self.events)}

    def claims(self) -> set[UniqueClaim]:
        """What nobody else may have taken meanwhile. The name to show may be shared, however it is spelled."""
        shared = {(name.person, name.normalized) for name in self.names if name.shown}
        claims = {
            UniqueClaim("name", "", name.normalized)
            for name in self.names
            if (name.person, name.normalized) not in shared
        }
        return claims | {self.idempotency.claim} if self.idempotency else claims


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why an append no longer fits: the stream that moved and its version now, or the claim that was taken."""

    subject: str
    version: int
    claim: UniqueClaim | None = None


class Lookups(NamedTuple):
    """What must be looked up: the last version of streams, whether claims are taken, and who goes by folded spellings."""

    streams: list[str]
    claims: list[UniqueClaim]
    names: list[str]


class Appender:
    """One group of appends on top of a head. The head moves with each that fits."""

    def __init__(self, head: Head, clock: Callable[[], int]) -> None:
        self.head = head
        self._clock = clock
        self._versions: dict[str, int | None] = {}
        self._taken: dict[UniqueClaim, bool] = {}
        self._named: dict[str, set[str]] = {}

    def missing(self, appends: Sequence[Append]) -> Lookups:
        """What the driver must look up before these appends can be judged."""
        return Lookups(
            list({subject for append in appends for subject in append.subjects()} - self._versions.keys()),
            list({claim for append in appends for claim in append.claims()} - self._taken.keys()),
            list({fold for append in appends for fold in append.resolved_names} - self._named.keys()),
        )

    def provide(
        self, versions: Mapping[str, int | None], taken: Mapping[UniqueClaim, bool], named: Mapping[str, Iterable[str]]
    ) -> None:
        """What the driver found: the last version of each stream (None for none), which claims are taken, and who goes by
        each spelling.
        """
        self._versions.update(versions)
        self._taken.update(taken)
        self._named.update({fold: set(persons) for fold, persons in named.items()})

    def append(self, append: Append) -> list[EntryRow] | Conflict:
        """The rows of an append that fits, or why it does not; then nothing has moved."""
        conflict = self._find_conflict(append)
        if conflict:
            return conflict
        rows = [self._assign_position(event) for event in append.events]
        self._taken.update(dict.fromkeys(append.claims(), True))
        for name in append.names:
            if name.normalized in self._named:
                self._named[name.normalized].add(name.person)
        return rows

    def _find_conflict(self, append: Append) -> Conflict | None:
        for subject, version in append.read_versions.items():
            if (self._versions[subject] or 0) != version:
                return Conflict(subject, self._versions[subject] or 0)
        versions = {event.subject: self._versions[event.subject] for event in append.events}
        for event in append.events:
            last = versions[event.subject]
            # Our streams start at 1; those of the library's own tests at 0.
            if event.version not in ((0, 1) if last is None else (last + 1,)):
                return Conflict(event.subject, last or 0)
            versions[event.subject] = event.version
        renamed = next(
            (fold for fold, persons in append.resolved_names.items() if self._named[fold] != set(persons)), None
        )
        if renamed is not None:
            return Conflict("", 0, UniqueClaim("name", "", renamed))
        return next((Conflict("", 0, claim) for claim in append.claims() if self._taken[claim]), None)

    def _assign_position(self, event: NewEvent) -> EntryRow:
        head = self.head
        row = EntryRow(
            head.size + 1, event.subject, event.version, event.type,
            max(self._clock(), head.recorded_at + 1), event.event, event.texts,
        )  # fmt: skip
        self.head = Head(row.position, append_leaf(head.frontier, head.size, leaf_hash(compose(row))), row.recorded_at)
        self._versions[event.subject] = event.version
        return row
