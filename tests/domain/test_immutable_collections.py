"""Persistent collections compared with lists and dictionaries."""

import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import immutable_collections
from domain.fields import FieldChange, SubjectState, evolve
from domain.immutable_collections import SortedItems, Table

NUMBERS = st.lists(st.integers(-50, 3000), max_size=600)


@given(NUMBERS, st.integers(-60, 3100))
def test_sorted_items_match_a_sorted_list(numbers, probe):
    """Items added in any order are in ascending order, and earlier collections stay unchanged."""
    items = SortedItems()
    for n, number in enumerate(numbers):
        before, items = items, items.with_item((number, n))
        assert len(before) == n

    plain = sorted((number, n) for n, number in enumerate(numbers))
    assert list(items) == plain
    assert list(reversed(items)) == plain[::-1]
    assert list(items.at_or_before((probe, 10_000))) == [item for item in reversed(plain) if item[0] <= probe]
    assert items == tuple(plain)


@given(st.lists(st.tuples(st.integers(-5, 2000) | st.text(max_size=2), st.integers()), max_size=900))
def test_a_table_matches_a_dictionary(pairs):
    """Each key has its latest value, for any number of keys, and earlier tables stay unchanged."""
    pairs = [(str(key), value) for key, value in pairs] + [(str(n), n) for n in range(300)]
    table, plain = Table(), {}
    for n, (key, value) in enumerate(pairs):
        before, size = table, len(plain)
        table = table.with_value(key, value)
        plain[key] = value
        if n % 100 == 0:
            assert len(before) == size

    assert table == plain
    assert len(table) == len(plain)
    assert set(table) == plain.keys()
    assert table.get("missing", 7) == 7
    assert "missing" not in table


def test_a_table_of_numbers_is_iterated_in_order():
    """A large table iterates over its keys in ascending order."""
    table = Table()
    for number in range(3000):
        table = table.with_value(number, -number)
    assert list(table) == list(range(3000))
    assert all(table[number] == -number for number in range(3000))


def test_colliding_keys(monkeypatch):
    """Keys with equal hashes are all kept, in one leaf."""

    class Same(str):
        __slots__ = ()

        def __hash__(self):
            return 5

    monkeypatch.setattr(immutable_collections, "LEAF_SIZE", 4)
    table = Table()
    for n in range(40):
        table = table.with_value(Same(n), n)
    assert sorted(table.values()) == list(range(40))


EVENTS = 16_000
ALLOCATED_BYTES = 32 << 10
"""What one event may allocate. A copy of 16,000 values takes at least four times as much."""


@pytest.mark.parametrize("fields", [1, 1_000_000], ids=["one field", "many fields"])
def test_an_event_does_not_copy_the_whole_state(fields: int) -> None:
    """The next event of a long stream allocates a few kilobytes, however many values there are."""
    state = _fold(SubjectState("feature:x"), range(1, EVENTS), fields)

    for position in range(EVENTS, EVENTS + 100):
        tracemalloc.start()
        state = _fold(state, [position], fields)
        allocated = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert allocated < ALLOCATED_BYTES, position


def _fold(state: SubjectState, positions: Iterable[int], fields: int) -> SubjectState:
    for position in positions:
        changes = [FieldChange(f"x.{position % fields}", "v")]
        voids = position - 1 if position % 3 == 0 else None
        state = evolve(
            state, position=position, type_="T.v1", effective_at=0, changes=changes, voids=voids, is_imported=False
        )
    return state
