"""Persistent collections against the plain ones."""

import time

from hypothesis import given
from hypothesis import strategies as st

from domain import persistent
from domain.fields import FieldChange, SubjectState, evolve
from domain.persistent import SortedItems, Table

NUMBERS = st.lists(st.integers(-50, 3000), max_size=600)


@given(NUMBERS, st.integers(-60, 3100))
def test_sorted_items_are_those_of_a_sorted_list(numbers, probe):
    """Whatever the order in which items come, they are in ascending order, and earlier collections stay as they were."""
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
def test_a_table_holds_what_a_dictionary_holds(pairs):
    """Each key has its latest value, whatever the number of keys; what was made earlier does not change."""
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
    assert table.get("not there", 7) == 7
    assert "not there" not in table


def test_a_table_of_numbers_is_iterated_in_order():
    """Positions are keys as well, and a large table tells its keys in ascending order."""
    table = Table()
    for number in range(3000):
        table = table.with_value(number, -number)
    assert list(table) == list(range(3000))
    assert all(table[number] == -number for number in range(3000))


def test_keys_that_collide_are_all_kept(monkeypatch):
    """Where hashes are the same, a leaf grows and nothing is lost."""

    class Same(str):
        __slots__ = ()

        def __hash__(self):
            return 5

    monkeypatch.setattr(persistent, "LEAF_SIZE", 4)
    table = Table()
    for n in range(40):
        table = table.with_value(Same(n), n)
    assert sorted(table.values()) == list(range(40))


def _fold_s(events: int, names: int) -> float:
    state, began = SubjectState("feature:x"), time.process_time()
    for position in range(1, events + 1):
        steps = [FieldChange(f"x.{position % names}", "v")]
        voids = position - 1 if position % 3 == 0 else None
        state = evolve(
            state, position=position, type_="T.v1", effective_at=0, changes=steps, voids=voids, is_imported=False
        )
    assert state.version == events
    return time.process_time() - began


def test_folding_takes_time_in_proportion():
    """Eight times the events of a subject take about eight times as long, not sixty-four: in one field or in many."""
    for names in (1, 1_000_000):
        few = min(_fold_s(4_000, names) for _ in range(3))
        assert min(_fold_s(32_000, names) for _ in range(2)) < few * 24
