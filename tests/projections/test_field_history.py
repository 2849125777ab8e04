"""Steps equal a fold that fits on one screen; directions say what kind of change each is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.any_subject import SubjectRemoved
from domain.ownership import OwnershipAssigned
from domain.people import PersonMerged
from domain.product import ReleasesOrdered
from domain.values import format_micros, from_micros
from projections.field_history import ChangeFilter, count_changes, field_history
from projections.ordering import DIRECTIONS
from projections.query import Filter, TimePoint
from projections.read_model import Read
from tests.projections import naive
from tests.projections.support import Anew, Log, at
from tests.projections.test_field_values import ACTS, SECONDS, log_of, observed

EVERY = ChangeFilter(include_unchanged=True)


def seen(row: dict[str, Any]) -> tuple[Any, ...]:
    before, after = row["before"], row["after"]
    held = (before["value"], before["source_value"]), (after["value"], after["source_value"])
    return row["at"], row["subject"], row["field"], *held


@given(acts=ACTS, t=SECONDS, k=st.none() | st.integers(0, 30), chosen=st.integers(1, 20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_steps_equal_the_naive_fold(anew: Anew, acts: list[Any], t: int, k: int | None, chosen: int) -> None:
    """Every change of every cell is told once, with what was before it; pages put together are the whole."""
    log = log_of(acts)
    model = anew(log)
    when = TimePoint(at(t), None if k is None else at(k))
    told = naive.steps(log.entries, at(t), at(99 if k is None else k))
    expected = sorted(((format_micros(when), *rest) for when, *rest in told), key=repr)
    with model.read() as read:
        whole = field_history(read, EVERY, when).rows
        assert sorted(map(seen, whole), key=repr) == expected
        assert [row["at"] for row in whole] == sorted(row["at"] for row in whole)
        assert pages(read, when, chosen) == whole
        assert pages(read, when, chosen, newest_first=True) == whole[::-1]


TERMS = [
    # until of the first, when the second begins, and what is told: when, and whether somebody held it before and after
    (5, 5, [(1, False, True), (5, True, True)]),  # handed over as it ends
    (4, 5, [(1, False, True), (4, True, False), (5, False, True)]),  # over, and later given again
    (9, 5, [(1, False, True), (5, True, True)]),  # cut short
    (1, 1, [(1, False, True)]),  # over before it began: nobody ever held it
]


@pytest.mark.parametrize(("until", "second", "expected"), TERMS)
def test_the_ends_of_terms(until: int, second: int, expected: list[Any], log: Log, read: Callable[[], Read]) -> None:
    """A term that ends is a step, unless another takes over at that instant or before."""
    ending = OwnershipAssigned(role="driver", holders=("person:p",), until=from_micros(at(until)))
    log.add("feature:a", ending, at=1)
    log.add("feature:a", OwnershipAssigned(role="driver", holders=("person:q",)), at=second)

    told = field_history(read(), ChangeFilter()).rows

    held = [(row["at"], bool(row["before"]["value"]), bool(row["after"]["value"])) for row in told]
    assert held == [(format_micros(at(when)), before, after) for when, before, after in expected]


def pages(read: Read, when: TimePoint, limit: int, **more: Any) -> list[Any]:
    rows, cursor = [], None
    while True:
        page = field_history(read, EVERY, when, limit=limit, cursor=cursor, **more)
        rows += page.rows
        cursor = page.next
        if cursor is None:
            return rows


LISTS = [
    ([], ["a"], "first"), (["a"], [], "cleared"), (["a"], ["a", "b"], "gained"), (["a", "b"], ["b"], "lost"),
    (["a"], ["b"], "replaced"), (["a", "b"], ["b", "c"], "changed"), (["a", "b"], ["b", "a"], "reordered"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "expected"), LISTS)
def test_the_direction_of_a_list(
    before: list[str], after: list[str], expected: str, log: Log, read: Callable[[], Read]
) -> None:
    """A list is gained, lost, replaced, reordered, or simply changed."""
    for held in (before, after):
        log.add("feature:a", observed("role.author", holders=tuple(f"person:{name}" for name in held)))

    told = field_history(read(), ChangeFilter(fields=Filter(fields=["role.*"]), include_unchanged=True)).rows

    assert told[-1]["direction"] == expected
    assert told[-1]["gained"] == [f"person:{name}" for name in after if name not in before]
    assert told[-1]["lost"] == [f"person:{name}" for name in before if name not in after]


SINGLES = [
    ("release:x-1.9", "release:x-1.10", "later"), ("release:x-1.10", "release:x-1.9", "earlier"),
    ("2024-02-01", "2024-03-01", "later"), ("2024-02-01", "2023-03-01", "earlier"), ("now", "next", "changed"),
    ("release:x-1.9", "2024-01-01", "changed"), (None, "now", "first"), ("now", None, "cleared"), (1, 2, "changed"),
    ("release:k8s-1.9", "release:k9s-1.8", "earlier"), ("release:x-1.0", "release:x-1", "changed"),
    ("release:soon", "release:x-1.9", "changed"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "expected"), SINGLES)
def test_the_direction_of_a_single_value(
    before: Any, after: Any, expected: str, log: Log, read: Callable[[], Read]
) -> None:
    """A target is later or earlier where there is an order, and words have none."""
    for held in (before, after):
        log.add("feature:a", observed("target.beta", value=held))

    told = field_history(read(), ChangeFilter(fields=Filter(fields=["target.beta"]), include_unchanged=True)).rows

    assert told[-1]["direction"] == expected


def test_a_product_may_order_its_releases(log: Log, read: Callable[[], Read]) -> None:
    """The product's own order goes before version numbers, and a release's version before its key."""
    log.add("product:p", ReleasesOrdered(releases=("release:two", "release:one")))
    log.add("release:b-9", observed("version", value="v1.1"))
    for release in ("two", "one", "b-9", "b-3"):
        log.add("feature:a", observed("target.ga", value=f"release:{release}"))

    told = field_history(read(), ChangeFilter(fields=Filter(fields=["target.ga"]))).rows

    assert [row["direction"] for row in told] == ["first", "later", "changed", "later"]


def test_persons_joined_are_one(log: Log, read: Callable[[], Read]) -> None:
    """Naming somebody by their other id is no change of hands, and either id finds both."""
    log.add("feature:a", observed("role.author", holders=("person:p",)))
    log.add("feature:a", observed("role.author", holders=("person:p2",)))
    log.add("person:p2", PersonMerged(into="person:p"))

    snapshot = read()

    assert [
        row["direction"] for row in field_history(snapshot, ChangeFilter(fields=Filter(fields=["role.*"]))).rows
    ] == ["first"]
    by_either = [ChangeFilter(to_values=[who], include_unchanged=True) for who in ("person:p", "person:p2")]
    roles = [
        [row["position"] for row in field_history(snapshot, asked).rows if row["field"] == "role.author"]
        for asked in by_either
    ]
    assert roles == [[1, 2], [1, 2]]


def test_filters_of_steps(log: Log, read: Callable[[], Read]) -> None:
    """Before, after, direction, by whom and when each narrow the steps; counts are by several groups at once."""
    log.add("feature:a", observed("exists", value=True))
    log.add("feature:a", observed("status", value="open", source_value="Draft"))
    log.add("feature:a", observed("status", value="done", source_value="Final"), by="person:bob")
    log.add("feature:a", observed("status", value="open", source_value="Draft"), at=1)
    log.add("feature:a", observed("status", value="open", source_value="Draft"))
    log.add("feature:b", observed("status", value="done", source_value="Final"), by="person:bob")
    log.add("feature:a", SubjectRemoved(why="never was"))
    snapshot = read()

    def told(**asked: Any) -> list[tuple[str, int]]:
        about = ChangeFilter(fields=Filter(fields=["status"]), **asked)
        return [(row["subject"][-1], row["position"]) for row in field_history(snapshot, about).rows]

    assert told() == [("a", 4), ("a", 3), ("a", 5), ("b", 6)]
    assert told(include_unchanged=True) == [("a", 4), ("a", 2), ("a", 3), ("a", 5), ("b", 6)]
    assert told(from_source_values=["Final"], to_source_values=["Draft"]) == [("a", 5)]
    assert told(from_values=["open", "x"], to_values=["done"]) == [("a", 3)]
    assert told(directions=["first"]) == [("a", 4), ("b", 6)]
    assert told(by=["person:bob"]) == told(principals=["person:bob"]) == [("a", 3), ("b", 6)]
    assert told(actors=["person:bob"]) == []
    assert told(span=(at(1), at(3))) == [("a", 4)]
    assert told(recorded=(at(4), None)) == [("a", 4), ("a", 5), ("b", 6)]
    assert told(live=True) == []
    rows = count_changes(
        snapshot, ChangeFilter(fields=Filter(fields=["status"])), ["subject", "direction"], min_count=2
    ).rows
    assert rows == [{"subject": "feature:a", "direction": "changed", "count": 2}]
    assert set(DIRECTIONS) >= {row["direction"] for row in rows}
