"""Which record each line is about: records by their names over time, or by the column that tells them apart.

A name leads to the record that bears it at the time of a line. A name that several records bear at that time leads to
none of them: the line is reported as ambiguous, and never given to one of them by a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple

from interchange.scratch import DiskDict, Scratch, SortedRows

MAX_SLUG_CHARACTERS: Final = 80
"""With a suffix such as `~2` or `~jira` it still fits in the 100 characters of a key."""
_HANDLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~#/-]*")
_OWN_ID: Final = re.compile(r"[A-Za-z]{0,20}[-_#/]?[0-9]{1,20}")

Moment = tuple[int, int]
"""The time of a line in microseconds, and its place in the file."""
END: Final[Moment] = (2**63, 0)
BEFORE_ALL_LINES: Final = -(2**62)
"""The place of what an earlier import recorded in the log: before every line of the same time."""


class IdentityEvent(NamedTuple):
    """A line that says which records there are: one is created, renamed, removed or restored."""

    at: int
    place: int
    kind: Literal["create", "rename", "remove", "restore"]
    name: str
    identity: str | None = None
    old_name: str = ""
    effective: int | None = None
    """When it took effect, where that is another time than the one by which lines are ordered."""
    record: int | None = None
    """The number of its record, if the record comes from an earlier import."""


class AmbiguousNameError(Exception):
    """A name that several records bear at the same time; the message names it."""


@dataclass(slots=True, eq=False)
class TrackerRecord:
    """One record of the tracker. `subjects` are those it has become so far, by kind; all have the same key.

    `number` counts the records in the order of their creation.
    """

    number: int
    name: str
    created: Moment
    identity: str | None = None
    effective: int | None = None
    key: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    members: dict[str, list[Any]] = field(default_factory=dict)
    """The members of each field whose lines add and remove single ones."""
    subjects: dict[str, str] = field(default_factory=dict)
    is_removed: bool = False
    is_from_log: bool = False
    removals: list[tuple[Moment, bool]] = field(default_factory=list)
    names: list[tuple[Moment, str]] = field(default_factory=list)

    @property
    def began(self) -> int:
        """When the record was created, in microseconds since 1970."""
        return self.created[0] if self.effective is None else self.effective

    @property
    def first_name(self) -> str:
        """The name under which the record was created."""
        return self.names[0][1] if self.names else self.name

    def contradicts(self, name: str, before: Any) -> bool:
        """Whether a field had another value than a line says. All empty values are equal."""
        if self.is_from_log and name not in self.values:
            return False
        return (self.values.get(name) or None) != (before or None)

    def is_live_at(self, moment: Moment) -> bool:
        """Whether the record is not removed at a moment."""
        return not next((removed for at, removed in reversed(self.removals) if at <= moment), False)


@dataclass(slots=True, eq=False)
class _Bearing:
    """A period in which a record, given by its number, has a name."""

    record: int
    start: Moment
    end: Moment = END


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """A record that an earlier import has put in the log: its key, when it began, its names and removals over time."""

    key: str
    kinds: tuple[str, ...]
    created: int
    names: tuple[tuple[int, str], ...]
    removals: tuple[tuple[int, bool], ...] = ()
    identity: str | None = None


class Records:
    """All records of a file, and those of earlier imports that its lines mean."""

    def __init__(self, scratch: Scratch, events: Iterable[IdentityEvent], logged: Iterable[LoggedRecord] = ()) -> None:
        self._by_number: DiskDict[int, TrackerRecord] = DiskDict(scratch)
        self._by_name: DiskDict[str, list[_Bearing]] = DiskDict(scratch)
        self._by_identity: DiskDict[str, int] = DiskDict(scratch)
        self._created: DiskDict[int, int] = DiskDict(scratch)
        self._renamed: DiskDict[int, int] = DiskDict(scratch)
        self._count = 0
        self._from_log: list[int] = []
        known = {(record.created, record.names[0][1]): record for record in logged if record.names}
        rows = SortedRows(scratch)
        for event in events:
            if event.kind == "create":
                began = event.at if event.effective is None else event.effective
                known.pop((began, event.name), None)
            rows.add(event.at, event.place, event)
        for record in known.values():
            for step in self._add_logged(record):
                rows.add(step.at, step.place, step)
        for row in rows.in_order():
            self._apply(IdentityEvent(*row))

    def all(self) -> Iterator[TrackerRecord]:
        """Yield the records that the file creates, in the order of their creation."""
        from_log = frozenset(self._from_log)
        return (self._by_number[number] for number in range(self._count) if number not in from_log)

    def from_log(self) -> Iterator[TrackerRecord]:
        """Yield the records of earlier imports."""
        return (self._by_number[number] for number in self._from_log)

    def put(self, record: TrackerRecord) -> None:
        """Keep the changes of a record."""
        self._by_number[record.number] = record

    def created_at(self, moment: Moment) -> TrackerRecord | None:
        """Return the record that the line at a moment creates."""
        return self._get(self._created.get(moment[1]))

    def renamed_at(self, moment: Moment) -> TrackerRecord | None:
        """Return the record that gets another name with the line at a moment."""
        return self._get(self._renamed.get(moment[1]))

    def is_renamed_at(self, moment: Moment, record: TrackerRecord) -> bool:
        """Whether a record gets another name with the line at a moment."""
        return self._renamed.get(moment[1]) == record.number

    def find(self, name: str, moment: Moment, identity: str | None = None) -> TrackerRecord | None:
        """Return the record that a line means, or None.

        Raises:
            AmbiguousNameError: several records bear the name.
        """
        if identity is not None:
            return self._get(self._by_identity.get(identity))
        return self._find_named(name, moment)

    def find_linked(self, name: str, at: int) -> TrackerRecord | None:
        """Return the record that a link means: the one that bears the name once all lines of that time have happened."""
        try:
            return self._find_named(name, (at, 2**62))
        except AmbiguousNameError:
            return None

    def has_identity(self, identity: str) -> bool:
        """Whether a line of the file creates the record with an id of its own."""
        return identity in self._by_identity

    def has_borne(self, name: str) -> bool:
        """Whether any record ever bears a name."""
        return name in self._by_name

    def is_reused(self, record: TrackerRecord) -> bool:
        """Whether another record bore the first name of a record before it."""
        return any(
            one.record != record.number and one.start <= record.created <= one.end
            for one in self._by_name.get(record.first_name) or ()
        )

    def takes_name(self, record: TrackerRecord, name: str, moment: Moment) -> bool:
        """Whether another record bears a name when a record takes it."""
        bearings = self._by_name.get(name) or ()
        return any(one.record != record.number and one.start < moment <= one.end for one in bearings)

    def name_at(self, record: TrackerRecord, at: int) -> str:
        """Return the name of a record at a time."""
        return next((name for since, name in reversed(record.names) if since[0] <= at), record.names[0][1])

    def _get(self, number: int | None) -> TrackerRecord | None:
        return None if number is None else self._by_number[number]

    def _find_named(self, name: str, moment: Moment) -> TrackerRecord | None:
        bearings = self._by_name.get(name) or ()
        if len(bearings) == 1 and bearings[0].start <= moment < bearings[0].end:
            return self._by_number[bearings[0].record]
        bearers = self._distinct(one.record for one in bearings if one.start <= moment < one.end)
        live = [record for record in bearers if record.is_live_at(moment)]
        found = live or bearers
        if not found:  # a clock that is set back, or lines of one second in another order
            at, place = moment
            found = self._distinct(
                one.record
                for one in bearings
                if one.start[0] == at or one.end[0] == at or (one.start[0] > at and one.start[1] < place)
            )
        if len(found) > 1:
            raise AmbiguousNameError(
                f"{name} may be {len(found)} records at that time; name the column that tells them apart in "
                "`columns.identity`"
            )
        return found[0] if found else None

    def _distinct(self, numbers: Iterable[int]) -> list[TrackerRecord]:
        return [self._by_number[number] for number in dict.fromkeys(numbers)]

    def _apply(self, event: IdentityEvent) -> None:
        moment = (event.at, event.place)
        if event.kind == "create" and event.record is None:
            self._create(event, moment)
            return
        name = event.old_name if event.kind == "rename" else event.name
        try:
            record = self._get(event.record) or self.find(name, moment, event.identity)
        except AmbiguousNameError:
            return
        if record is None:
            return
        if event.kind == "create":
            self._name(record, event.name, moment)
        elif event.kind == "rename":
            if record.name != event.name or event.record is not None:
                self._rename(record, event.name, moment)
                if event.record is None:
                    self._renamed[event.place] = record.number
        else:
            record.removals.append((moment, event.kind == "remove"))
            self.put(record)

    def _create(self, event: IdentityEvent, moment: Moment) -> None:
        record = self._get(self._by_identity.get(event.identity)) if event.identity is not None else None
        if record is not None:
            self._rename(record, event.name, moment)
        else:
            record = self._add(TrackerRecord(self._count, event.name, moment, event.identity, event.effective))
            self._name(record, event.name, moment)
        self._created[event.place] = record.number

    def _add(self, record: TrackerRecord) -> TrackerRecord:
        self.put(record)
        self._count += 1
        if record.identity is not None:
            self._by_identity[record.identity] = record.number
        return record

    def _rename(self, record: TrackerRecord, name: str, moment: Moment) -> None:
        """Rename a record. It stays the same, and its old name becomes free."""
        for one in self._by_name.get(record.name) or ():
            if one.record == record.number and one.end == END:
                one.end = moment
        self._name(record, name, moment)

    def _name(self, record: TrackerRecord, name: str, moment: Moment) -> None:
        """Give a record a name. A removed record that bears it loses it."""
        bearings = self._by_name.get(name)
        if bearings is None:
            bearings = self._by_name[name] = []
        for one in bearings:
            if one.end == END and not self._by_number[one.record].is_live_at(moment):
                one.end = moment
        bearings.append(_Bearing(record.number, moment))
        record.names.append((moment, name))
        record.name = name
        self.put(record)
        self._by_name[name] = bearings

    def _add_logged(self, logged: LoggedRecord) -> Iterator[IdentityEvent]:
        """Add a record of an earlier import, and yield what happened to it."""
        created = (logged.created, BEFORE_ALL_LINES)
        record = self._add(
            TrackerRecord(self._count, logged.names[0][1], created, logged.identity, key=logged.key, is_from_log=True)
        )
        record.subjects = {kind: f"{kind}:{logged.key}" for kind in logged.kinds}
        self.put(record)
        self._from_log.append(record.number)
        for n, (at, name) in enumerate(logged.names):
            yield IdentityEvent(at, BEFORE_ALL_LINES, "rename" if n else "create", name, record=record.number)
        for at, removed in logged.removals:
            kind: Literal["remove", "restore"] = "remove" if removed else "restore"
            yield IdentityEvent(at, BEFORE_ALL_LINES, kind, "", record=record.number)


class KeyAllocator:
    """Gives each record the key that it has in the log, or a new one.

    A record with an id of its own has a key derived from that. A record that is known by its name gets its number or
    handle, with a suffix where another record has that. A title never becomes a key: it may hold names of people, and a
    key cannot be erased. `find_logged` returns who has a key in the log: a system, a name, and when it began.
    """

    def __init__(self, scratch: Scratch, system: str, find_logged: Callable[[str], LoggedOwner | None]) -> None:
        self._system = system
        self._find_logged = find_logged
        self._used: DiskDict[str, bool] = DiskDict(scratch)

    def reserve(self, key: str) -> None:
        """Keep a key from being given to another record."""
        self._used[key] = True

    def allocate(self, record: TrackerRecord) -> None:
        """Set the key of a record."""
        slug = slug_of(record.first_name) if record.identity is None else _slug_of_identity(record.identity)
        key, n = slug, 1
        while key in self._used or not self._is_free(key, record):
            owner = self._find_logged(key)
            if n == 1 and key == slug and key not in self._used and owner is not None and owner.system != self._system:
                slug = key = f"{slug}~{slug_of(self._system)[:16]}"
            else:
                n += 1
                key = f"{slug}~{n}"
        self._used[key] = True
        record.key = key

    def _is_free(self, key: str, record: TrackerRecord) -> bool:
        """Whether no other record of the log has a key."""
        owner = self._find_logged(key)
        if owner is None:
            return True
        if owner.system != self._system:
            return False
        return record.identity is not None or (owner.created, owner.name) == (record.began, record.first_name)


class LoggedOwner(NamedTuple):
    """Who has a key in the log: the system that it was imported from, if any, its first name, and when it began."""

    system: str | None
    name: str | None
    created: int | None


def slug_of(name: str) -> str:
    """Return the part of a key for a number or a handle; a hash for any other name."""
    slug = re.sub(r"[^a-z0-9._~-]+", "-", name.casefold()).strip("-._~") if _HANDLE.fullmatch(name) else ""
    return slug[:MAX_SLUG_CHARACTERS] or sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]


def keys_of_identity(system: str, identity: str) -> tuple[str, str]:
    """Return the keys that the record with an id of its own may have in the log."""
    slug = _slug_of_identity(identity)
    return slug, f"{slug}~{slug_of(system)[:16]}"


def _slug_of_identity(identity: str) -> str:
    return (
        slug_of(identity)
        if _OWN_ID.fullmatch(identity)
        else sha256(identity.encode(errors="surrogatepass")).hexdigest()[:16]
    )
