"""Fields and their changes: what an event changes, and the state that rules read.

A *field* is one property of one subject over time; a *field change* is one change of one field. Every event lists its
own field changes, and both the state that rules read (`SubjectState`, here) and the read model (`projections/`) are
built from nothing else, so a rule and a reader cannot disagree.

The value of a field at a time T is that of its row with the greatest (effective time, position) at or before T, unless
the period of that row ended (`ends_at`) by then: when a period ends, the field is empty; the previous value does not
come back. Rows of voided events do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, NamedTuple, TypeVar

from domain.immutable_collections import SortedItems, Table
from domain.times import MAX_INTEGER

E = TypeVar("E")
M = TypeVar("M")
Value = str | int | bool | list["Value"] | dict[str, "Value"] | None


def without_nones(**members: M | None) -> dict[str, M]:
    """Return the members that are given."""
    return {name: value for name, value in members.items() if value is not None}


CHANGES_PER_EVENT: Final = 256
"""A row's id is `position * CHANGES_PER_EVENT + index`, so ids follow the log's order and contain the position."""

EXISTS: Final = "exists"
STATUS: Final = "status"
MERGED_INTO: Final = "merged_into"


class FieldChange(NamedTuple):
    """One change of one field.

    `value` is what it means here (None empties the field); `source_value` is how the source spelled it, where that
    differs. `refs` are the subjects that the value references, in order. The value holds from `starts_at` until just
    before `ends_at`, in microseconds since 1970; without `starts_at` it holds from the event's effective time.
    """

    field: str
    value: Value
    refs: tuple[str, ...] = ()
    source_value: str | None = None
    starts_at: int | None = None
    ends_at: int | None = None
    is_searchable: bool = False


def code(name: str, value: Value) -> FieldChange:
    """A change to a code, a number or a short identifier."""
    return FieldChange(name, value)


def text(name: str, value: Value) -> FieldChange:
    """A change to text: included in full-text search, never read by rules."""
    return FieldChange(name, value, is_searchable=True)


def texts(fields: Mapping[str, Value]) -> Iterator[FieldChange]:
    """A text change for each of the fields that has a value."""
    return (text(name, value) for name, value in fields.items() if value not in (None, [], ()))


def refs(name: str, subjects: Iterable[str]) -> FieldChange:
    """A change to an ordered list of subjects."""
    referenced = tuple(subjects)
    return FieldChange(name, [*referenced], refs=referenced)


def ref(name: str, subject: str | None) -> FieldChange:
    """A change to a single subject, or to none."""
    return FieldChange(name, subject, refs=(subject,) if subject else ())


def is_empty(value: Value) -> bool:
    """Return whether a field with this value has none."""
    return value is None or value == []


class FieldRow(NamedTuple):
    """A field change with its effective time in microseconds and its id; rows are ordered by these two."""

    valid_from: int
    id: int
    value: Value
    ends_at: int | None = None
    source_value: str | None = None

    @property
    def position(self) -> int:
        return self.id // CHANGES_PER_EVENT


_NO_ROWS: Final[SortedItems[FieldRow]] = SortedItems()
_AFTER_ALL_IDS: Final = 2**63


@dataclass(frozen=True, slots=True)
class EventSummary:
    """What a state keeps of each event: enough to check a correction."""

    type: str
    effective_at: int
    changes_status: bool
    is_voided: bool = False


_NO_FIELDS: Final[Table[str, SortedItems[FieldRow]]] = Table()
_NO_EVENTS: Final[Table[int, EventSummary]] = Table()


@dataclass(frozen=True, slots=True)
class SubjectState:
    """One subject as rules see it: every row of every field, and its events by position."""

    subject: str
    version: int = 0
    rows: Table[str, SortedItems[FieldRow]] = _NO_FIELDS
    events: Table[int, EventSummary] = _NO_EVENTS
    is_managed: bool = False
    """Whether the subject was changed here, and not only by imports."""
    position: int = 0
    """The position of its latest event; 0 before the first."""
    _set_fields: dict[str, frozenset[str]] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What `set_fields` has returned, by prefix: the roles of a person are asked for in every command."""

    def row_at(self, name: str, at: int) -> FieldRow | None:
        """The row that determines a field at a time, or None before the first."""
        rows = self.rows.get(name, _NO_ROWS)
        last = rows.last()
        if last is None:
            return None
        if last.valid_from <= at and self._counts(last):  # true of nearly all questions
            return last
        for row in rows.at_or_before((at, _AFTER_ALL_IDS)):
            if self._counts(row):
                return row
        return None

    def value_at(self, name: str, at: int) -> Value:
        """The value of a field at a time; None if it is empty."""
        row = self.row_at(name, at)
        if row is None or (row.ends_at is not None and row.ends_at <= at):
            return None
        return row.value

    def is_changed_by(self, change: FieldChange, at: int) -> bool:
        """Whether a change at a time gives a field another value. Rules never look at texts, so a text always does."""
        if change.is_searchable and not is_empty(change.value):
            return True
        row = self.row_at(change.field, at)
        if row is None or (row.ends_at is not None and row.ends_at <= at):
            return not is_empty(change.value)
        is_same = row.value == change.value or (is_empty(row.value) and is_empty(change.value))
        return not is_same or row.source_value is not None

    def next_change(self, name: str, at: int) -> int:
        """The first time after another one at which a field may have another value; `MAX_INTEGER` if there is none."""
        times = (time for row in self.rows.get(name, _NO_ROWS) for time in (row.valid_from, row.ends_at))
        return min((time for time in times if time is not None and time > at), default=MAX_INTEGER)

    def subjects_at(self, name: str, at: int) -> tuple[str, ...]:
        """The subjects in a list field at a time."""
        value = self.value_at(name, at)
        return tuple(str(item) for item in value) if isinstance(value, list) else ()

    def value_set_by(self, name: str, position: int) -> Value:
        """The value that an entry gave a field, also if the entry is voided; None if it gave none."""
        return next((row.value for row in self.rows.get(name, _NO_ROWS) if row.position == position), None)

    def exists_at(self, at: int) -> bool:
        """Whether the subject was created and is not removed."""
        return self.value_at(EXISTS, at) is True

    def started_at(self) -> int | None:
        """The time the subject was created, in microseconds; None if it was not, or its first entry is voided."""
        for row in self.rows.get(EXISTS, _NO_ROWS):
            if self._counts(row):
                return row.valid_from
        return None

    def latest_row(self, name: str) -> FieldRow | None:
        """The latest row of a field whose event is not voided."""
        rows = self.rows.get(name)
        if rows is None:
            return None
        for row in reversed(rows):
            if self._counts(row):
                return row
        return None

    def field_names(self, prefix: str = "") -> Iterator[str]:
        """The names of the fields that start with `prefix`."""
        return (name for name in self.rows if name.startswith(prefix))

    def set_fields(self, prefix: str) -> frozenset[str]:
        """The names of the fields that start with `prefix` and whose latest row has a value."""
        found = self._set_fields.get(prefix)
        if found is None:
            rows = ((name, self.latest_row(name)) for name in self.field_names(prefix))
            found = frozenset(name for name, row in rows if row is not None and row.value is not None)
            self._set_fields[prefix] = found
        return found

    def _counts(self, row: FieldRow) -> bool:
        return not self.events[row.id // CHANGES_PER_EVENT].is_voided


def evolve(
    state: SubjectState,
    *,
    position: int,
    type_: str,
    effective_at: int,
    changes: Iterable[FieldChange],
    voids: int | None,
    is_imported: bool,
) -> SubjectState:
    """Return the state after one more event. Never refuses: what is recorded has happened."""
    rows = state.rows
    changes_status = False
    for index, change in enumerate(changes):
        changes_status = changes_status or change.field == STATUS
        starts_at = effective_at if change.starts_at is None else change.starts_at
        row = FieldRow(
            starts_at, position * CHANGES_PER_EVENT + index, change.value, change.ends_at, change.source_value
        )
        rows = rows.with_value(change.field, rows.get(change.field, _NO_ROWS).with_item(row))
    events = state.events.with_value(position, EventSummary(type_, effective_at, changes_status))
    if voids is not None:
        events = events.with_value(voids, replace(events[voids], is_voided=True))
    return SubjectState(state.subject, state.version + 1, rows, events, state.is_managed or not is_imported, position)


class PendingState(Generic[E]):
    """A state that is computed when it is first read: most of what is recorded is not read by a rule soon."""

    __slots__ = ("_before", "_entry", "_evolve", "_state", "subject", "version")

    def __init__(
        self,
        subject: str,
        version: int,
        evolve: Callable[[SubjectState, E], SubjectState],
        before: SubjectState | None,
        entry: E,
    ) -> None:
        """`before` is the state before the entry, None if it is the first. No closure: there are many of these."""
        self.subject = subject
        self.version = version
        self._evolve = evolve
        self._before = before
        self._entry: E | None = entry
        self._state: SubjectState | None = None

    def resolve(self) -> SubjectState:
        """Return the state. Threads that read it at the same time may each compute it, with the same result."""
        before, entry = self._before, self._entry
        if self._state is None and entry is not None:
            self._state = self._evolve(before or SubjectState(self.subject), entry)
            self._before = self._entry = None
        assert self._state is not None
        return self._state


AnyState = SubjectState | PendingState[Any]


class Subjects(Mapping[str, SubjectState]):
    """The subjects a rule may read, each fetched on first use.

    `read_versions` are the versions a decision was based on: they must be unchanged when it is written.
    """

    def __init__(self, fetch: Callable[[str], SubjectState], find_referencing: Callable[[str], Iterable[str]]) -> None:
        """Read through `fetch`; `find_referencing` returns at least all subjects with a field that references one."""
        self._fetch = fetch
        self._find_referencing = find_referencing
        self._states: dict[str, AnyState] = {}
        self.read_versions: dict[str, int] = {}

    def __getitem__(self, subject: str) -> SubjectState:
        state = self._states.get(subject)
        if state is None:
            state = self._states[subject] = self._fetch(subject)
            self.read_versions[subject] = state.version
        elif type(state) is not SubjectState:  # asked many times in a command; `isinstance` is a call
            assert isinstance(state, PendingState)
            state = self._states[subject] = state.resolve()
        return state

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def canonical_id(self, person: str) -> str:
        """Return the id that a person is known by: the end of their merges, or in a cycle its smallest id.

        Only imported history, which no rule checks, can contain a cycle. An id that was never merged is its own.
        """
        path = [person]
        while (row := self[path[-1]].latest_row(MERGED_INTO)) is not None and row.value is not None:
            target = str(row.value)
            if target in path:
                return min(path[path.index(target) :])
            path.append(target)
        return path[-1]

    def canonical_ids(self, people: Iterable[str]) -> tuple[str, ...]:
        """Return the canonical ids of some people, in order and without duplicates."""
        return tuple(dict.fromkeys(self.canonical_id(person) for person in people))

    def get_referencing(self, subject: str, name: str) -> list[str]:
        """Return the subjects whose list field `name` has ever contained a subject, in order."""
        return sorted(
            candidate
            for candidate in {*self._find_referencing(subject), *self._states}
            if any(
                isinstance(row.value, list) and subject in row.value for row in self[candidate].rows.get(name, _NO_ROWS)
            )
        )

    def put(self, state: AnyState) -> None:
        """Replace a subject with its state after the earlier commands of the same transaction."""
        self._states[state.subject] = state

    def get_unresolved(self, subject: str) -> AnyState:
        """Return the state that was put last, computed or not."""
        return self._states[subject]
