"""Changes equal a naive reference model, and directions say what kind of change each is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.any_subject import SubjectRemoved
from domain.feature import FeatureProposed
from domain.ownership import OwnershipAssigned
from domain.people import PersonMerged
from domain.product import ReleasesOrdered
from domain.values import format_micros, from_micros
from projections.queries.change_counts import count_changes
from projections.queries.changes import changes
from projections.queries.field_history import ChangeFilter, field_history
from projections.queries.filters import Filter
from projections.queries.ordering import DIRECTIONS
from projections.queries.timepoint import TimePoint
from projections.read_model.model import Read
from tests.projections import reference_model
from tests.projections.support import BuildModel, Log, at
from tests.projections.test_field_values import EVENTS_ON_SUBJECTS, SECONDS, imported, log_of

EVERY = ChangeFilter(include_unchanged=True)


def summarize(row: dict[str, Any]) -> tuple[Any, ...]:
    before, after = row["before"], row["after"]
    contents = (before["value"], before["source_value"]), (after["value"], after["source_value"])
    return row["at"], row["subject"], row["field"], *contents


@given(events=EVENTS_ON_SUBJECTS, t=SECONDS, k=st.none() | st.integers(0, 30), chosen=st.integers(1, 20))
@settings(max_examples=60)
def test_changes_equal_the_reference_model(
    build_model: BuildModel, events: list[Any], t: int, k: int | None, chosen: int
) -> None:
    """Every change of every field is shown once with the value before it; pages together are the whole answer."""
    log = log_of(events)
    model = build_model(log)
    when = TimePoint(at(t), None if k is None else at(k))
    found = reference_model.changes(log.entries, at(t), at(99 if k is None else k))
    expected = sorted(((format_micros(when), *rest) for when, *rest in found), key=repr)
    with model.read() as read:
        whole = field_history(read, EVERY, when).rows
        assert sorted(map(summarize, whole), key=repr) == expected
        assert [row["at"] for row in whole] == sorted(row["at"] for row in whole)
        assert pages(read, when, chosen) == whole
        assert pages(read, when, chosen, newest_first=True) == whole[::-1]


KNOWN = st.none() | st.integers(0, 30)
PAIRS_OF_TIMES = st.one_of(
    st.tuples(SECONDS, KNOWN, SECONDS, KNOWN),
    st.tuples(SECONDS, KNOWN, KNOWN).map(lambda drawn: (drawn[0], drawn[1], drawn[0], drawn[2])),
    st.tuples(SECONDS, st.integers(1, 3), KNOWN).map(lambda drawn: (drawn[0], drawn[2], drawn[0] + drawn[1], drawn[2])),
)
"""Any two times, two on one clock alone, and two that are close to each other."""


@given(events=EVENTS_ON_SUBJECTS, times=PAIRS_OF_TIMES)
@settings(max_examples=60)
def test_differences_equal_the_reference_model(
    build_model: BuildModel, events: list[Any], times: tuple[int, int | None, int, int | None]
) -> None:
    """Between any two times, on both clocks, exactly the fields differ whose values do in the reference model."""
    log = log_of(events)
    one, two = times[:2], times[2:]
    before, after = (
        reference_model.without_removed(
            reference_model.values_in_effect(log.entries, at(t), at(99 if k is None else k))
        )
        for t, k in (one, two)
    )
    first, second = (TimePoint(at(t), None if k is None else at(k)) for t, k in (one, two))
    with build_model(log).read() as read:
        found = changes(read, first, second).rows
    different = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert {(row["subject"], row["field"]) for row in found} == different


PERIODS = [
    # the end of the first period, the start of the second, and the changes: when, and whether there was a value before and after
    (5, 5, [(1, False, True), (5, True, True)]),  # handed over as it ends
    (4, 5, [(1, False, True), (4, True, False), (5, False, True)]),  # ended, and assigned again later
    (9, 5, [(1, False, True), (5, True, True)]),  # cut short
    (1, 1, [(1, False, True)]),  # ended before it started
]


def test_a_field_differs_after_its_period_has_ended(log: Log, read: Callable[[], Read]) -> None:
    """A field whose period ends between two times differs, although nothing was recorded between them."""
    log.add("feature:a", FeatureProposed(title="A", products=("product:p",)), at=1)
    log.add("feature:a", OwnershipAssigned(role="driver", holders=("person:p",), until=from_micros(at(6))), at=1)

    found = changes(read(), TimePoint(at(5)), TimePoint(at(7))).rows

    assert [(row["field"], row["after"]["value"]) for row in found] == [("role.driver", None)]


@pytest.mark.parametrize(("until", "second", "expected"), PERIODS)
def test_the_end_of_a_period_is_a_change(
    until: int, second: int, expected: list[Any], log: Log, read: Callable[[], Read]
) -> None:
    """The end of a period is a change unless another value takes effect by then."""
    ending = OwnershipAssigned(role="driver", holders=("person:p",), until=from_micros(at(until)))
    log.add("feature:a", ending, at=1)
    log.add("feature:a", OwnershipAssigned(role="driver", holders=("person:q",)), at=second)

    found = field_history(read(), ChangeFilter()).rows

    contents = [(row["at"], bool(row["before"]["value"]), bool(row["after"]["value"])) for row in found]
    assert contents == [(format_micros(at(when)), before, after) for when, before, after in expected]


def pages(read: Read, when: TimePoint, limit: int, **more: Any) -> list[Any]:
    rows, cursor = [], None
    while True:
        page = field_history(read, EVERY, when, limit=limit, cursor=cursor, **more)
        rows += page.rows
        cursor = page.next
        if cursor is None:
            return rows


LISTS = [
    ([], ["a"], "first"),
    (["a"], [], "cleared"),
    (["a"], ["a", "b"], "gained"),
    (["a", "b"], ["b"], "lost"),
    (["a"], ["b"], "replaced"),
    (["a", "b"], ["b", "c"], "changed"),
    (["a", "b"], ["b", "a"], "reordered"),
]


@pytest.mark.parametrize(("before", "after", "expected"), LISTS)
def test_the_direction_of_a_list(
    before: list[str], after: list[str], expected: str, log: Log, read: Callable[[], Read]
) -> None:
    """A list is gained, lost, replaced, reordered, or just changed."""
    for contents in (before, after):
        log.add("feature:a", imported("role.author", holders=tuple(f"person:{name}" for name in contents)))

    found = field_history(read(), ChangeFilter(fields=Filter(fields=["role.*"]), include_unchanged=True)).rows

    assert found[-1]["direction"] == expected
    assert found[-1]["gained"] == [f"person:{name}" for name in after if name not in before]
    assert found[-1]["lost"] == [f"person:{name}" for name in before if name not in after]


SINGLES = [
    ("release:x-1.9", "release:x-1.10", "later"),
    ("release:x-1.10", "release:x-1.9", "earlier"),
    ("2024-02-01", "2024-03-01", "later"),
    ("2024-02-01", "2023-03-01", "earlier"),
    ("now", "next", "changed"),
    ("release:x-1.9", "2024-01-01", "changed"),
    (None, "now", "first"),
    ("now", None, "cleared"),
    (1, 2, "changed"),
    ("release:k8s-1.9", "release:k9s-1.8", "earlier"),
    ("release:x-1.0", "release:x-1", "changed"),
    ("release:soon", "release:x-1.9", "changed"),
]


@pytest.mark.parametrize(("before", "after", "expected"), SINGLES)
def test_the_direction_of_a_single_value(
    before: Any, after: Any, expected: str, log: Log, read: Callable[[], Read]
) -> None:
    """A target moves to later or earlier if the values have an order."""
    for contents in (before, after):
        log.add("feature:a", imported("target.beta", value=contents))

    found = field_history(read(), ChangeFilter(fields=Filter(fields=["target.beta"]), include_unchanged=True)).rows

    assert found[-1]["direction"] == expected


def test_a_product_may_order_its_releases(log: Log, read: Callable[[], Read]) -> None:
    """A product's own order precedes version numbers, and a release's version precedes its key."""
    log.add("product:p", ReleasesOrdered(releases=("release:two", "release:one")))
    log.add("release:b-9", imported("version", value="v1.1"))
    for release in ("two", "one", "b-9", "b-3"):
        log.add("feature:a", imported("target.ga", value=f"release:{release}"))

    found = field_history(read(), ChangeFilter(fields=Filter(fields=["target.ga"]))).rows

    assert [row["direction"] for row in found] == ["first", "later", "changed", "later"]


def test_merged_people_are_equal(log: Log, read: Callable[[], Read]) -> None:
    """Replacing one id of a merged person by the other is no change, and either id finds both values."""
    log.add("feature:a", imported("role.author", holders=("person:p",)))
    log.add("feature:a", imported("role.author", holders=("person:p2",)))
    log.add("person:p2", PersonMerged(into="person:p"))

    snapshot = read()

    assert [
        row["direction"] for row in field_history(snapshot, ChangeFilter(fields=Filter(fields=["role.*"]))).rows
    ] == ["first"]
    by_either = [ChangeFilter(to_values=[person], include_unchanged=True) for person in ("person:p", "person:p2")]
    roles = [
        [row["position"] for row in field_history(snapshot, selection).rows if row["field"] == "role.author"]
        for selection in by_either
    ]
    assert roles == [[1, 2], [1, 2]]


def test_change_filters(log: Log, read: Callable[[], Read]) -> None:
    """Each filter narrows the changes; counts are by several groups at once."""
    log.add("feature:a", imported("exists", value=True))
    log.add("feature:a", imported("status", value="open", source_value="Draft"))
    log.add("feature:a", imported("status", value="done", source_value="Final"), by="person:bob")
    log.add("feature:a", imported("status", value="open", source_value="Draft"), at=1)
    log.add("feature:a", imported("status", value="open", source_value="Draft"))
    log.add("feature:b", imported("status", value="done", source_value="Final"), by="person:bob")
    log.add("feature:a", SubjectRemoved(why="never was"))
    snapshot = read()

    def find(**selection: Any) -> list[tuple[str, int]]:
        about = ChangeFilter(fields=Filter(fields=["status"]), **selection)
        return [(row["subject"][-1], row["position"]) for row in field_history(snapshot, about).rows]

    assert find() == [("a", 4), ("a", 3), ("a", 5), ("b", 6)]
    assert find(include_unchanged=True) == [("a", 4), ("a", 2), ("a", 3), ("a", 5), ("b", 6)]
    assert find(from_source_values=["Final"], to_source_values=["Draft"]) == [("a", 5)]
    assert find(from_values=["open", "x"], to_values=["done"]) == [("a", 3)]
    assert find(directions=["first"]) == [("a", 4), ("b", 6)]
    assert find(by=["person:bob"]) == find(principals=["person:bob"]) == [("a", 3), ("b", 6)]
    assert find(actors=["person:bob"]) == []
    assert find(span=(at(1), at(3))) == [("a", 4)]
    assert find(recorded=(at(4), None)) == [("a", 4), ("a", 5), ("b", 6)]
    assert find(existing_only=True) == []
    rows = count_changes(
        snapshot, ChangeFilter(fields=Filter(fields=["status"])), ["subject", "direction"], min_count=2
    ).rows
    assert rows == [{"subject": "feature:a", "direction": "changed", "count": 2}]
    assert set(DIRECTIONS) >= {row["direction"] for row in rows}
