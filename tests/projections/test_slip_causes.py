"""Why targets slipped: by cause, release, owner and quarter, against the first promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.any_subject import EntryVoided
from domain.feature import FeatureProposed, MilestoneTargeted
from domain.ownership import OwnershipHandedOver
from domain.product import ReleaseRescheduled, ReleaseScheduled
from projections.queries.filters import Filter
from projections.queries.slip_causes import SlipFilter, count_slips, slip_causes
from projections.queries.timepoint import NOW, TimePoint
from projections.read_model.model import Read, ReadModel
from projections.read_model.query_limits import Bounds
from tests.projections.support import Log, at, catch_up

Reader = Callable[[], Read]
CARDS, R1, WATER = "feature:cards", "release:r1", "assumption:water"
DAY = 86_400

pytestmark = pytest.mark.sqlite_only  # the queries use nothing that the other tests do not run on PostgreSQL


def target(log: Log, day: str, *, cause: str | None = None, **more: Any) -> int:
    return log.add(CARDS, MilestoneTargeted(milestone="ship", day=day, cause=cause), **more)


def story(log: Log) -> None:
    """A feature of Ann's that slips five times, once for each cause, the last two as Bob's, and once moves earlier."""
    log.add(CARDS, FeatureProposed(title="Cards", products=("product:p",), accountable="person:ann"))
    target(log, "2024-01-01")
    target(log, "2024-01-11", because=("decision:tea",))
    target(log, "2024-01-21", cause=WATER, because=("decision:tea",))
    target(log, "2024-01-31", cause=R1)
    target(log, "2024-01-26")
    log.add(CARDS, OwnershipHandedOver(to="person:bob", previous_holders=("person:ann",)))
    target(log, "2024-02-05", note="The cook is ill.", at=60 * DAY)
    target(log, "2024-02-10", at=61 * DAY)


def causes(read: Read, when: TimePoint = NOW, **more: Any) -> list[tuple[str, int, int]]:
    rows = slip_causes(read, SlipFilter(more.pop("fields", Filter()), **more), when).rows
    return [(row["cause"], row["days"], row["days_from_first"]) for row in rows]


LATER = TimePoint(as_of=at(100 * DAY))


def test_only_what_slips_is_kept_in_memory(log: Log, model: ReadModel) -> None:
    """Of a target that moved often, the other moves do not count toward the memory of the query."""
    log.add(CARDS, FeatureProposed(title="Cards", products=("product:p",), accountable="person:ann"))
    for n in range(200):
        target(log, f"{2300 - n}-01-01")
    target(log, "2301-01-01")
    catch_up(model, log)
    bounds = Bounds(size=1 << 30)
    with model.read(bounds) as read:
        assert [row["after"] for row in slip_causes(read, SlipFilter(Filter())).rows] == ["2301-01-01"]
    assert bounds.kept_bytes < 10_000


def test_what_a_move_is_based_on_is_its_cause_by_kind(log: Log, read: Reader) -> None:
    """A move based on evidence or an assumption is not due to a decision; one that is also based on a decision is."""
    log.add(CARDS, FeatureProposed(title="Cards", products=("product:p",), accountable="person:ann"))
    target(log, "2024-01-01")
    target(log, "2024-01-02", because=("evidence:e",))
    target(log, "2024-01-03", because=(WATER,))
    target(log, "2024-01-04", because=("evidence:e", "decision:tea"))

    assert [cause for cause, *_ in causes(read(), LATER)] == ["assumption", "assumption", "decision"]


def test_each_move_to_later_has_its_cause(log: Log, read: Reader) -> None:
    """A move names its cause, else the decisions behind it, else a reason in words, else nothing; earlier is no slip."""
    story(log)
    snapshot = read()
    assert causes(snapshot, LATER) == [
        ("decision", 10, 10),
        ("assumption", 10, 20),
        ("dependency", 10, 30),
        ("reason", 10, 35),
        ("none", 5, 40),
    ]
    rows = slip_causes(snapshot, SlipFilter(Filter()), LATER).rows
    assert [row["because"] for row in rows] == [["decision:tea"], [WATER, "decision:tea"], [R1], [], []]
    assert rows[3]["reason"] == "The cook is ill."
    assert causes(snapshot, TimePoint(as_of=at(4))) == [("decision", 10, 10), ("assumption", 10, 20)]
    assert causes(snapshot, TimePoint(LATER.as_of, at(8))) == causes(snapshot, LATER)[:4]


def test_a_voided_move_is_no_slip(log: Log, read: Reader) -> None:
    """A move that was voided is none, and the next one is compared with the target before it."""
    story(log)
    log.add(CARDS, EntryVoided(position=3, why="A typing error."))
    assert causes(read(), LATER)[0] == ("assumption", 20, 20)


def test_slips_are_counted_by_cause_release_owner_and_quarter(log: Log, read: Reader) -> None:
    """The counts are by who was accountable then, by the quarter of the move, and by the release that moved."""
    story(log)
    log.add(R1, ReleaseScheduled(version="1", products=("product:p",), due_on="2024-01-01"))
    log.add(R1, ReleaseRescheduled(due_on="2024-02-01", cause=CARDS))
    snapshot = read()

    def counts(by: Any) -> dict[str | None, int]:
        return {row["group"]: row["count"] for row in count_slips(snapshot, SlipFilter(Filter()), by, LATER).rows}

    assert counts("cause") == {"assumption": 1, "decision": 1, "dependency": 2, "none": 1, "reason": 1}
    assert counts("owner") == {None: 1, "person:ann": 3, "person:bob": 2}
    assert counts("quarter") == {"2023-Q4": 4, "2024-Q1": 2}
    assert counts("release") == {None: 5, R1: 1}
    (row,) = count_slips(snapshot, SlipFilter(Filter(), owners=["person:bob"]), "owner", LATER).rows
    assert row == {
        "group": "person:bob",
        "count": 2,
        "decision": 0,
        "assumption": 0,
        "dependency": 0,
        "reason": 1,
        "none": 1,
    }


def test_slips_are_found_by_cause_owner_product_and_period(log: Log, read: Reader) -> None:
    """Moves are selected by cause, by who was accountable then, by product and by when they took effect."""
    story(log)
    snapshot = read()
    assert causes(snapshot, LATER, causes=["reason", "none"]) == causes(snapshot, LATER)[3:]
    assert causes(snapshot, LATER, owners=["person:ann"]) == causes(snapshot, LATER)[:3]
    assert causes(snapshot, LATER, span=(at(60 * DAY), at(61 * DAY))) == [("reason", 10, 35)]
    assert causes(snapshot, LATER, fields=Filter(products=("product:q",))) == []
    first = slip_causes(snapshot, SlipFilter(Filter()), LATER, limit=2)
    second = slip_causes(snapshot, SlipFilter(Filter()), LATER, limit=9, cursor=first.next)
    assert len(first.rows) == 2
    assert len(second.rows) == 3
