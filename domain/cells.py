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

STEPS_PER_EVENT: Final = 256
"""A row's id is `position * STEPS_PER_EVENT + n`, so that it orders and carries the position."""

EXISTS: Final = "exists"
STATUS: Final = "status"
JOINED_INTO: Final = "joined_into"


class Step(NamedTuple):
    """One change of one cell.

    `value` is the meaning (None empties the cell) and `word` the source's own word where that is something else.
    `refs` are the subjects the value names, in order. `at` and `until` are the term in microseconds since 1970, half
    open; `at` is None for "when the event took effect". `searchable` marks what full-text search looks into.
    """

    field: str
    value: Value
    refs: tuple[str, ...] = ()
    word: str | None = None
    at: int | None = None
    until: int | None = None
    searchable: bool = False


def code(name: str, value: Value, *, word: str | None = None) -> Step:
    """A step whose value is a word of a fixed list, a number or a short reference."""
    return Step(name, value, word=word)


def text(name: str, value: Value) -> Step:
    """A step whose value people wrote: looked into by search, never by rules."""
    return Step(name, value, searchable=True)


def texts(fields: Mapping[str, Value]) -> Iterator[Step]:
    """A text step for each field that was given."""
    return (text(name, value) for name, value in fields.items() if value not in (None, [], ()))


def refs(name: str, subjects: Iterable[str]) -> Step:
    """A step whose value is an ordered list of subjects."""
    named = tuple(subjects)
    return Step(name, [*named], refs=named)


def ref(name: str, subject: str | None) -> Step:
    """A step whose value is one subject, or nothing."""
    return Step(name, subject, refs=(subject,) if subject else ())


class Row(NamedTuple):
    """A step in its place in time: `eff` in microseconds, `id` = position * 256 + n. Rows order by these two."""

    eff: int
    id: int
    value: Value
    until: int | None = None
    word: str | None = None

    @property
    def position(self) -> int:
        return self.id // STEPS_PER_EVENT


_NO_ROWS: Final[SortedItems[Row]] = SortedItems()
_BEHIND_EVERY_ID: Final = 2**63


@dataclass(frozen=True, slots=True)
class ActOf:
    """What a stream remembers of one of its events: enough to judge a correction."""

    type: str
    eff: int
    is_status: bool
    voided: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """One subject as the rules see it: every row of every cell, and its events by position."""

    subject: str
    version: int = 0
    rows: Table[str, SortedItems[Row]] = field(default_factory=Table)
    acts: Table[int, ActOf] = field(default_factory=Table)
    adopted: bool = False
    """Whether an ordinary command, and not only observation, has spoken of it."""
    position: int = 0
    """The position of its latest event; 0 before the first."""

    def row(self, name: str, at: int) -> Row | None:
        """The row that decides the cell at an instant, or None before the first."""
        earlier = self.rows.get(name, _NO_ROWS).at_or_before((at, _BEHIND_EVERY_ID))
        return next((row for row in earlier if not self.acts[row.position].voided), None)

    def value(self, name: str, at: int) -> Value:
        """What the cell holds at an instant; None for nothing."""
        row = self.row(name, at)
        if row is None or (row.until is not None and row.until <= at):
            return None
        return row.value

    def names(self, name: str, at: int) -> tuple[str, ...]:
        """The subjects that a list cell holds at an instant."""
        value = self.value(name, at)
        return tuple(str(item) for item in value) if isinstance(value, list) else ()

    def exists(self, at: int) -> bool:
        """Whether it has begun and is not struck from the record."""
        return self.value(EXISTS, at) is True

    def began(self) -> int | None:
        """The earliest instant it may be spoken of, in microseconds."""
        return next((row.eff for row in self.rows.get(EXISTS, ()) if not self.acts[row.position].voided), None)

    def latest(self, name: str) -> Row | None:
        """The latest row of a cell that still counts."""
        return next((row for row in reversed(self.rows.get(name, ())) if not self.acts[row.position].voided), None)

    def fields(self, prefix: str = "") -> Iterator[str]:
        """The names of its cells that begin with `prefix`."""
        return (name for name in self.rows if name.startswith(prefix))


def evolve(
    state: State, *, position: int, type_: str, eff: int, steps: Iterable[Step], voids: int | None, observed: bool
) -> State:
    """The state after one more event. Never refuses: what is recorded has happened."""
    rows = state.rows
    is_status = False
    for n, step in enumerate(steps):
        is_status = is_status or step.field == STATUS
        at = eff if step.at is None else step.at
        row = Row(at, position * STEPS_PER_EVENT + n, step.value, step.until, step.word)
        rows = rows.with_value(step.field, rows.get(step.field, _NO_ROWS).with_item(row))
    acts = state.acts.with_value(position, ActOf(type_, eff, is_status))
    if voids is not None:
        acts = acts.with_value(voids, replace(acts[voids], voided=True))
    return State(state.subject, state.version + 1, rows, acts, state.adopted or not observed, position)


class World(Mapping[str, State]):
    """The subjects a rule may look at, each fetched when first asked for; remembers what was asked.

    `looked_at` is what a unit rests on: the versions that must not have moved when it is written.
    """

    def __init__(self, fetch: Callable[[str], State], naming: Callable[[str], Iterable[str]]) -> None:
        """`fetch` gives a subject; `naming` those that may name one in a cell of theirs, more rather than fewer."""
        self._fetch = fetch
        self._naming = naming
        self._states: dict[str, State] = {}
        self.looked_at: dict[str, int] = {}

    def __getitem__(self, subject: str) -> State:
        state = self._states.get(subject)
        if state is None:
            state = self._states[subject] = self._fetch(subject)
            self.looked_at[subject] = state.version
        return state

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def one_of(self, who: str) -> str:
        """The id that somebody is read as: where their joins end, or in a circle the smallest id of it.

        Only observed history, which obeys no rule, can make a circle. Whoever was joined with nobody is themselves.
        """
        path = [who]
        while (row := self[path[-1]].latest(JOINED_INTO)) is not None and row.value is not None:
            following = str(row.value)
            if following in path:
                return min(path[path.index(following) :])
            path.append(following)
        return path[-1]

    def ones(self, who: Iterable[str]) -> tuple[str, ...]:
        """The ids that some people are read as, in their order, nobody twice."""
        return tuple(dict.fromkeys(self.one_of(one) for one in who))

    def naming(self, subject: str, name: str) -> list[str]:
        """The subjects whose list cell of this name has ever named a subject, in order."""
        return sorted(
            one
            for one in {*self._naming(subject), *self._states}
            if any(isinstance(row.value, list) and subject in row.value for row in self[one].rows.get(name, ()))
        )

    def put(self, state: State) -> None:
        """What the commands before this one in the same unit have made of a subject."""
        self._states[state.subject] = state
