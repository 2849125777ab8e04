"""Cells and steps: what an event changes, and the state that rules judge.

A *cell* is one field of one subject at a time; a *step* is one change of one cell. Every event says its steps itself,
and both the state of the rules (`State`, here) and the read model (`projections/`) are made of nothing else, so that a
rule and a reader can never disagree about what is so.

A cell's value at an instant T is that of its row with the greatest (effective instant, position) not after T, unless
that row's own term (`until`) is over by then: a term that ends leaves the cell empty, it does not bring back what was
before. Rows of a voided act do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from domain.persistent import SortedItems, Table

Value = str | int | bool | list["Value"] | dict[str, "Value"] | None

CHANGES_PER_EVENT: Final = 256
"""A row's id is `position * STEPS_PER_EVENT + n`, so that it orders and carries the position."""

EXISTS: Final = "exists"
STATUS: Final = "status"
MERGED_INTO: Final = "merged_into"


class FieldChange(NamedTuple):
    """One change of one cell.

    `value` is the meaning (None empties the cell) and `word` the source's own word where that is something else.
    `refs` are the subjects the value names, in order. `at` and `until` are the term in microseconds since 1970, half
    open; `at` is None for "when the event took effect". `searchable` marks what full-text search looks into.
    """

    field: str
    value: Value
    refs: tuple[str, ...] = ()
    source_value: str | None = None
    starts_at: int | None = None
    ends_at: int | None = None
    is_searchable: bool = False


def code(name: str, value: Value, *, source_value: str | None = None) -> FieldChange:
    """A step whose value is a word of a fixed list, a number or a short reference."""
    return FieldChange(name, value, source_value=source_value)


def text(name: str, value: Value) -> FieldChange:
    """A step whose value people wrote: looked into by search, never by rules."""
    return FieldChange(name, value, is_searchable=True)


def texts(fields: Mapping[str, Value]) -> Iterator[FieldChange]:
    """A text step for each field that was given."""
    return (text(name, value) for name, value in fields.items() if value not in (None, [], ()))


def refs(name: str, subjects: Iterable[str]) -> FieldChange:
    """A step whose value is an ordered list of subjects."""
    named = tuple(subjects)
    return FieldChange(name, [*named], refs=named)


def ref(name: str, subject: str | None) -> FieldChange:
    """A step whose value is one subject, or nothing."""
    return FieldChange(name, subject, refs=(subject,) if subject else ())


class FieldRow(NamedTuple):
    """A step in its place in time: `eff` in microseconds, `id` = position * 256 + n. Rows order by these two."""

    valid_from: int
    id: int
    value: Value
    ends_at: int | None = None
    source_value: str | None = None

    @property
    def position(self) -> int:
        return self.id // CHANGES_PER_EVENT


_NO_ROWS: Final[SortedItems[FieldRow]] = SortedItems()
_BEHIND_EVERY_ID: Final = 2**63


@dataclass(frozen=True, slots=True)
class EventSummary:
    """What a stream remembers of one of its events: enough to judge a correction."""

    type: str
    effective_at: int
    changes_status: bool
    is_voided: bool = False


@dataclass(frozen=True, slots=True)
class SubjectState:
    """One subject as the rules see it: every row of every cell, and its events by position."""

    subject: str
    version: int = 0
    rows: Table[str, SortedItems[FieldRow]] = field(default_factory=Table)
    events: Table[int, EventSummary] = field(default_factory=Table)
    is_managed: bool = False
    """Whether an ordinary command, and not only observation, has spoken of it."""
    position: int = 0
    """The position of its latest event; 0 before the first."""

    def row_at(self, name: str, at: int) -> FieldRow | None:
        """The row that decides the cell at an instant, or None before the first."""
        earlier = self.rows.get(name, _NO_ROWS).at_or_before((at, _BEHIND_EVERY_ID))
        return next((row for row in earlier if not self.events[row.position].is_voided), None)

    def value_at(self, name: str, at: int) -> Value:
        """What the cell holds at an instant; None for nothing."""
        row = self.row_at(name, at)
        if row is None or (row.ends_at is not None and row.ends_at <= at):
            return None
        return row.value

    def subjects_at(self, name: str, at: int) -> tuple[str, ...]:
        """The subjects that a list cell holds at an instant."""
        value = self.value_at(name, at)
        return tuple(str(item) for item in value) if isinstance(value, list) else ()

    def exists_at(self, at: int) -> bool:
        """Whether it has begun and is not struck from the record."""
        return self.value_at(EXISTS, at) is True

    def started_at(self) -> int | None:
        """The earliest instant it may be spoken of, in microseconds."""
        return next(
            (row.valid_from for row in self.rows.get(EXISTS, ()) if not self.events[row.position].is_voided), None
        )

    def latest_row(self, name: str) -> FieldRow | None:
        """The latest row of a cell that still counts."""
        return next((row for row in reversed(self.rows.get(name, ())) if not self.events[row.position].is_voided), None)

    def field_names(self, prefix: str = "") -> Iterator[str]:
        """The names of its cells that begin with `prefix`."""
        return (name for name in self.rows if name.startswith(prefix))


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
    """The state after one more event. Never refuses: what is recorded has happened."""
    rows = state.rows
    is_status = False
    for n, step in enumerate(changes):
        is_status = is_status or step.field == STATUS
        at = effective_at if step.starts_at is None else step.starts_at
        row = FieldRow(at, position * CHANGES_PER_EVENT + n, step.value, step.ends_at, step.source_value)
        rows = rows.with_value(step.field, rows.get(step.field, _NO_ROWS).with_item(row))
    acts = state.events.with_value(position, EventSummary(type_, effective_at, is_status))
    if voids is not None:
        acts = acts.with_value(voids, replace(acts[voids], is_voided=True))
    return SubjectState(state.subject, state.version + 1, rows, acts, state.is_managed or not is_imported, position)


class Subjects(Mapping[str, SubjectState]):
    """The subjects a rule may look at, each fetched when first asked for; remembers what was asked.

    `looked_at` is what a unit rests on: the versions that must not have moved when it is written.
    """

    def __init__(self, fetch: Callable[[str], SubjectState], naming: Callable[[str], Iterable[str]]) -> None:
        """`fetch` gives a subject; `naming` those that may name one in a cell of theirs, more rather than fewer."""
        self._fetch = fetch
        self._naming = naming
        self._states: dict[str, SubjectState] = {}
        self.read_versions: dict[str, int] = {}

    def __getitem__(self, subject: str) -> SubjectState:
        state = self._states.get(subject)
        if state is None:
            state = self._states[subject] = self._fetch(subject)
            self.read_versions[subject] = state.version
        return state

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def canonical_id(self, who: str) -> str:
        """The id that somebody is read as: where their joins end, or in a circle the smallest id of it.

        Only observed history, which obeys no rule, can make a circle. Whoever was joined with nobody is themselves.
        """
        path = [who]
        while (row := self[path[-1]].latest_row(MERGED_INTO)) is not None and row.value is not None:
            following = str(row.value)
            if following in path:
                return min(path[path.index(following) :])
            path.append(following)
        return path[-1]

    def canonical_ids(self, who: Iterable[str]) -> tuple[str, ...]:
        """The ids that some people are read as, in their order, nobody twice."""
        return tuple(dict.fromkeys(self.canonical_id(one) for one in who))

    def get_referencing(self, subject: str, name: str) -> list[str]:
        """The subjects whose list cell of this name has ever named a subject, in order."""
        return sorted(
            one
            for one in {*self._naming(subject), *self._states}
            if any(isinstance(row.value, list) and subject in row.value for row in self[one].rows.get(name, ()))
        )

    def put(self, state: SubjectState) -> None:
        """What the commands before this one in the same unit have made of a subject."""
        self._states[state.subject] = state
