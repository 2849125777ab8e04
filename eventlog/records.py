"""The records that pass between the command handler, the sequencer and the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from domain.names import normalize_name
from eventlog.entry import Entry
from eventlog.merkle import Frontier, root

# Entries -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """The head of the log: its size, the frontier of its Merkle tree, and the last recorded time in microseconds."""

    size: int = 0
    frontier: Frontier = ()
    recorded_at: int = 0

    @property
    def root(self) -> str:
        """The root of the tree over all entries, in hex."""
        return root(self.frontier).hex()


class EntryRow(NamedTuple):
    """A row of the `events` table, in column order."""

    position: int
    subject: str
    version: int
    type: str
    recorded_at: int
    event: bytes
    texts: bytes | None


class NewEvent(NamedTuple):
    """A serialized event without a position. `event` holds its metadata and data, `texts` the erasable texts."""

    subject: str
    version: int
    type: str
    event: bytes
    texts: bytes | None


# Side tables ---------------------------------------------------------------------------------------------------------


class UniqueClaim(NamedTuple):
    """Something that only one transaction may claim: an idempotency key, an email address or a handle."""

    kind: str
    scope: str
    key: str


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """What is stored under an idempotency key: a salted hash of the request."""

    claim: UniqueClaim
    salt: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class StoredResult:
    """The result stored under an idempotency key. `salt` is None once texts of the transaction were erased."""

    salt: bytes | None
    digest: bytes
    first: int
    count: int


Span = tuple[int, int]
"""The entries of one transaction: the position of the first, and how many."""


SHOWN: Final = 1
IDENTIFIER: Final = 0
OTHER_NAME: Final = -1


@dataclass(frozen=True, slots=True)
class NameRow:
    """A name in the people directory.

    `shown` is its kind: the display name (`SHOWN`), an identifier of one person such as an email address or a handle
    (`IDENTIFIER`), or a name that is not shown, such as a former one (`OTHER_NAME`).
    """

    person: str
    name: str
    normalized: str
    shown: int


def build_name_rows(person: str, display_name: str, identifiers: Iterable[str]) -> tuple[NameRow, ...]:
    """Return the directory rows of a new person, the display name first; duplicates count once."""
    rows = []
    for name in dict.fromkeys((display_name, *identifiers)):
        is_variant = normalize_name(name) == normalize_name(display_name)
        kind = SHOWN if name == display_name else OTHER_NAME if is_variant else IDENTIFIER
        rows.append(NameRow(person, name, normalize_name(name), kind))
    return tuple(rows)


class TokenRow(NamedTuple):
    """A row of the `tokens` table; times in microseconds since 1970. `used_at` is the last use, to the hour."""

    id: str
    hash: bytes
    actor: str
    scopes: str
    label: str
    created_at: int
    revoked_at: int | None
    expires_at: int | None = None
    used_at: int | None = None


# Appends -------------------------------------------------------------------------------------------------------------


_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Append(NamedTuple):
    """A decided and serialized transaction, to be written all or none.

    `read_versions` holds the version of each stream that was read, 0 for a new one. `resolved_names` holds the ids that
    each normalized name was resolved to. If either has changed by the time of the write, the append conflicts.
    `entries` are the decided events, so that caches need not read them back.
    """

    events: tuple[NewEvent, ...]
    read_versions: Mapping[str, int] = _NOTHING
    resolved_names: Mapping[str, tuple[str, ...]] = _NOTHING
    idempotency: IdempotencyRecord | None = None
    names: tuple[NameRow, ...] = ()
    erased_positions: tuple[int, ...] = ()
    entries: tuple[Entry, ...] = ()
    revoked: tuple[str, ...] = ()
    """The ids of the tokens that its events revoke."""
    signed_out: tuple[str, ...] = ()
    """The people whose sessions its events end."""
    alongside: Callable[[Any], object] | None = None
    """Writes names or tokens through a `SideTables` in the same database transaction."""

    def subjects(self) -> Iterable[str]:
        """The streams whose versions must be known to check it for conflicts."""
        return self.read_versions.keys() | {event.subject for event in self.events}

    def claims(self) -> set[UniqueClaim]:
        """What must not be claimed by another transaction. Display names, in any spelling, may be shared."""
        if not self.names:
            return {self.idempotency.claim} if self.idempotency else set()
        shared = {(name.person, name.normalized) for name in self.names if name.shown}
        claims = {
            UniqueClaim("name", "", name.normalized)
            for name in self.names
            if (name.person, name.normalized) not in shared
        }
        return claims | {self.idempotency.claim} if self.idempotency else claims


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why an append was not written: a stream has a newer version, or a claim was taken."""

    subject: str
    version: int
    claim: UniqueClaim | None = None


Outcome = list[EntryRow] | Conflict | Exception
"""The result of an append: its rows, a conflict, or the error of the store."""


class Lookups(NamedTuple):
    """What a store must look up before appends can be checked: stream versions, claims, and the people behind names."""

    streams: list[str]
    claims: list[UniqueClaim]
    names: list[str]


class Expected(NamedTuple):
    """What appends take for granted: the last version of each stream (None: no entry), and the ids behind each name."""

    versions: Mapping[str, int | None]
    people: Mapping[str, tuple[str, ...]]
