"""Field values over time, compared with a naive implementation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fields import CHANGES_PER_EVENT, FieldChange, Subjects, SubjectState, evolve

Fact = tuple[int, int | None, int | None, int | None, int | None]
"""The effective time, the value, the start and end of its period, and the earlier fact that it voids instead, if any."""

TIMES = st.integers(0, 6)
FACTS = st.lists(
    st.tuples(
        TIMES, st.none() | st.integers(0, 3), st.none() | TIMES, st.none() | TIMES, st.none() | st.integers(1, 8)
    ),
    max_size=8,
)


def build_state(facts: list[Fact]) -> SubjectState:
    state = SubjectState("feature:x")
    for position, (effective_at, value, starts_at, ends_at, void) in enumerate(facts, start=1):
        voids = void if void in state.events else None
        changes = [] if voids else [FieldChange("rank", value, starts_at=starts_at, ends_at=ends_at)]
        state = evolve(
            state,
            position=position,
            type_="T.v1",
            effective_at=effective_at,
            changes=changes,
            voids=voids,
            is_imported=False,
        )
    return state


def naive_value(facts: list[Fact], at: int) -> int | None:
    """Return the value with the greatest (time, position) up to `at`, unless its period ended; voided facts do not count."""
    voided, rows = set(), []
    for position, (effective_at, value, starts_at, ends_at, void) in enumerate(facts, start=1):
        if void is not None and void < position:
            voided.add(void)
        else:
            rows.append((effective_at if starts_at is None else starts_at, position, value, ends_at))
    candidates = [row for row in rows if row[0] <= at and row[1] not in voided]
    if not candidates:
        return None
    _, _, value, ends_at = max(candidates, key=lambda row: row[:2])
    return None if ends_at is not None and ends_at <= at else value


@given(FACTS)
def test_values_over_time(facts):
    """At every time a field has the value that the naive implementation computes, for any order, periods and voids."""
    state = build_state(facts)

    assert [state.value_at("rank", at) for at in range(-1, 8)] == [naive_value(facts, at) for at in range(-1, 8)]


@given(FACTS)
def test_versions_and_events(facts):
    """A state counts every event, and keeps a summary of each."""
    state = build_state(facts)

    assert state.version == len(facts)
    assert sorted(state.events) == list(range(1, len(facts) + 1))


def test_row_ids_contain_the_position():
    """The id of a row contains the position of its event and orders the changes of one event."""
    changes = [FieldChange("a", number) for number in range(CHANGES_PER_EVENT)]
    state = evolve(
        SubjectState("x:y"), position=7, type_="T.v1", effective_at=0, changes=changes, voids=None, is_imported=False
    )

    assert {row.position for row in state.rows["a"]} == {7}
    assert state.value_at("a", 0) == CHANGES_PER_EVENT - 1


def test_managed_subjects():
    """A subject becomes managed with its first event that is not imported, and stays managed."""
    state = SubjectState("feature:x")
    is_managed = []
    for position, is_imported in enumerate([True, True, False, True], start=1):
        state = evolve(
            state, position=position, type_="T.v1", effective_at=0, changes=(), voids=None, is_imported=is_imported
        )
        is_managed.append(state.is_managed)

    assert is_managed == [False, False, True, True]


def test_states_are_immutable():
    """Applying an event does not change the previous state."""
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


def test_subjects_are_fetched_once():
    """Each subject is fetched once, and `read_versions` has its version as fetched, not as changed by `put`."""
    fetched = []

    def fetch(subject: str) -> SubjectState:
        fetched.append(subject)
        return SubjectState(subject, version=3)

    subjects = Subjects(fetch, lambda _: ())
    assert subjects["feature:x"] is subjects["feature:x"]
    subjects.put(SubjectState("feature:x", version=4))

    assert subjects["feature:x"].version == 4
    assert (fetched, subjects.read_versions) == (["feature:x"], {"feature:x": 3})


@pytest.mark.parametrize(("value", "expected"), [(["a:b", "c:d"], ("a:b", "c:d")), ("a:b", ()), (None, ())])
def test_subjects_at(value, expected):
    """`subjects_at` returns the members of a list field, and nothing for any other field."""
    state = evolve(
        SubjectState("x:y"),
        position=1,
        type_="T.v1",
        effective_at=0,
        changes=[FieldChange("a", value)],
        voids=None,
        is_imported=False,
    )

    assert state.subjects_at("a", 0) == expected
