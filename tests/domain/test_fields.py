"""Cells in time, against a naive reading of what they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fields import CHANGES_PER_EVENT, FieldChange, Subjects, SubjectState, evolve

Fact = tuple[int, int | None, int | None, int | None, int | None]
"""When it took effect, the value, the term's begin and end, and which earlier fact it voids instead, if any."""

TIMES = st.integers(0, 6)
FACTS = st.lists(
    st.tuples(
        TIMES, st.none() | st.integers(0, 3), st.none() | TIMES, st.none() | TIMES, st.none() | st.integers(1, 8)
    ),
    max_size=8,
)


def log_of(facts: list[Fact]) -> SubjectState:
    state = SubjectState("feature:x")
    for position, (eff, value, at, until, void) in enumerate(facts, start=1):
        voids = void if void in state.events else None
        steps = [] if voids else [FieldChange("rank", value, starts_at=at, ends_at=until)]
        state = evolve(
            state, position=position, type_="T.v1", effective_at=eff, changes=steps, voids=voids, is_imported=False
        )
    return state


def naive(facts: list[Fact], at: int) -> int | None:
    """The greatest (instant, position) not after `at` decides, unless it is void or its own term is over."""
    voided, rows = set(), []
    for position, (eff, value, begin, until, void) in enumerate(facts, start=1):
        if void is not None and void < position:
            voided.add(void)
        else:
            rows.append((eff if begin is None else begin, position, value, until))
    counting = [row for row in rows if row[0] <= at and row[1] not in voided]
    if not counting:
        return None
    _, _, value, until = max(counting, key=lambda row: row[:2])
    return None if until is not None and until <= at else value


@given(FACTS)
def test_values_in_time(facts):
    """A cell holds at every instant what the naive reading of all facts says, whatever their order, terms and voids."""
    state = log_of(facts)

    assert [state.value_at("rank", at) for at in range(-1, 8)] == [naive(facts, at) for at in range(-1, 8)]


@given(FACTS)
def test_versions_and_acts(facts):
    """A state remembers each event of its stream once, and what was voided of it."""
    state = log_of(facts)

    assert state.version == len(facts)
    assert sorted(state.events) == list(range(1, len(facts) + 1))


def test_a_row_carries_its_position():
    """The id of a row orders the steps of the log and tells the position of its event."""
    steps = [FieldChange("a", number) for number in range(CHANGES_PER_EVENT)]
    state = evolve(
        SubjectState("x:y"), position=7, type_="T.v1", effective_at=0, changes=steps, voids=None, is_imported=False
    )

    assert {row.position for row in state.rows["a"]} == {7}
    assert state.value_at("a", 0) == CHANGES_PER_EVENT - 1


def test_adoption():
    """A subject is adopted by the first ordinary event, and stays so."""
    state = SubjectState("feature:x")
    adopted = []
    for position, observed in enumerate([True, True, False, True], start=1):
        state = evolve(
            state, position=position, type_="T.v1", effective_at=0, changes=(), voids=None, is_imported=observed
        )
        adopted.append(state.is_managed)

    assert adopted == [False, False, True, True]


def test_folding_changes_nothing_behind():
    """The state before an event is what it was, after it too."""
    before = evolve(
        SubjectState("x:y"),
        position=1,
        type_="T.v1",
        effective_at=0,
        changes=[FieldChange("a", 1)],
        voids=None,
        is_imported=False,
    )
    evolve(before, position=2, type_="T.v1", effective_at=0, changes=[FieldChange("a", 2)], voids=1, is_imported=False)

    assert (before.version, before.value_at("a", 9), before.events[1].is_voided) == (1, 1, False)


def test_a_world_remembers_what_it_was_asked():
    """A world fetches each subject once and knows the versions a unit rests on, not those it made itself."""
    fetched = []

    def fetch(subject: str) -> SubjectState:
        fetched.append(subject)
        return SubjectState(subject, version=3)

    world = Subjects(fetch, lambda _: ())
    assert world["feature:x"] is world["feature:x"]
    world.put(SubjectState("feature:x", version=4))

    assert world["feature:x"].version == 4
    assert (fetched, world.read_versions) == (["feature:x"], {"feature:x": 3})


@pytest.mark.parametrize(("value", "names"), [(["a:b", "c:d"], ("a:b", "c:d")), ("a:b", ()), (None, ())])
def test_names(value, names):
    """The names of a list cell are its members, in order; a cell that is no list has none."""
    state = evolve(
        SubjectState("x:y"),
        position=1,
        type_="T.v1",
        effective_at=0,
        changes=[FieldChange("a", value)],
        voids=None,
        is_imported=False,
    )

    assert state.subjects_at("a", 0) == names
