"""The order of targets: by the order of their product, by the days on which they are due, or by their names."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.feature import FeatureProposed, MilestoneTargeted
from domain.product import GoalRevised, GoalSet, ReleaseRescheduled, ReleaseScheduled, ReleasesOrdered
from domain.task import TaskAssigned, TaskRescheduled
from projections.queries.field_history import ChangeFilter, field_history
from projections.queries.filters import Filter
from projections.queries.listings import releases
from projections.queries.ordering import TargetOrder
from projections.queries.slip_causes import SlipFilter, slip_causes
from projections.queries.slips import slips
from projections.queries.timepoint import NOW, resolve_time
from projections.read_model.model import Read
from tests.projections.support import Log

Reader = Callable[[], Read]
F, P, WEB = "feature:f", "product:p", "product:web"


def schedule(log: Log, version: str, due_on: str | None, *, product: str = P) -> str:
    release = key(version)
    log.add(release, ReleaseScheduled(products=(product,), version=version, due_on=due_on))
    return release


def key(version: str) -> str:
    return f"release:{version.lower().replace(' ', '-')}"


def aim(log: Log, *targets: str | None) -> None:
    log.add(F, FeatureProposed(title="F", products=(P,)))
    for each in targets:
        kind = "release" if each and each.startswith("release:") else "day"
        log.add(F, MilestoneTargeted(milestone="ship", **({kind: each} if each else {})))


def directions(read: Read) -> list[str]:
    return [row["direction"] for row in field_history(read, ChangeFilter(Filter(fields=["target.*"]))).rows]


def test_releases_compare_by_the_days_on_which_they_are_due(log: Log, read: Reader) -> None:
    """Of two products, and against their names, the release that is due later is the later one."""
    aim(log, schedule(log, "Mobile 10", "2026-03-31"), schedule(log, "Web 2", "2026-09-30", product=WEB))

    assert directions(read()) == ["first", "later"]
    (row,) = slips(read(), Filter()).rows
    assert (row["later"], row["earlier"], row["against_first"]) == (1, 0, "later")


def test_a_release_compares_with_a_day(log: Log, read: Reader) -> None:
    """A day is due on itself: it is later or earlier than a release that has a date."""
    aim(log, schedule(log, "r1", "2026-03-31"), "2026-12-31", "release:r1", "2026-03-31")

    assert directions(read()) == ["first", "later", "earlier", "changed"]


def test_a_release_without_a_date_has_no_order_with_a_day_or_another_product(log: Log, read: Reader) -> None:
    """Names are compared only within a product, and never with a day."""
    r1, r2 = schedule(log, "1.0", None), schedule(log, "2.0", "2026-06-30")
    aim(log, r1, "2026-01-31", r1, schedule(log, "0.5", "2026-01-31", product=WEB), r1, r2)

    assert directions(read()) == ["first", "changed", "changed", "changed", "changed", "later"]


def test_the_order_of_a_product_precedes_the_dates(log: Log, read: Reader) -> None:
    """Where a product has ordered its releases, their dates do not count; those of other releases do."""
    r1, r2 = schedule(log, "r1", "2026-06-30"), schedule(log, "r2", "2026-03-31")
    log.add(P, ReleasesOrdered(releases=(r1, r2)))
    aim(log, r1, r2, schedule(log, "r3", "2026-01-31"))

    assert directions(read()) == ["first", "later", "earlier"]


def test_a_move_compares_the_dates_at_the_time_of_the_move(log: Log, read: Reader) -> None:
    """What a release was due on when the target moved decides; against the first promise, that of the first target."""
    r1, r2 = schedule(log, "r1", "2026-03-31"), schedule(log, "r2", "2026-06-30")
    aim(log, r1)
    log.add(r1, ReleaseRescheduled(due_on="2026-09-30"))
    log.add(F, MilestoneTargeted(milestone="ship", release=r2))
    log.add(r2, ReleaseRescheduled(due_on="2026-12-31"))

    assert directions(read()) == ["first", "earlier"]
    (row,) = slips(read(), Filter(subjects=[F])).rows
    assert row["against_first"] == "later"


def test_clearing_a_target_does_not_hide_a_slip(log: Log, read: Reader) -> None:
    """A target that is set after it was cleared slips from the last one; its history has both changes as they were."""
    aim(log, "2026-03-31", None, "2026-12-31", None, "2026-12-31")

    assert directions(read()) == ["first", "cleared", "first", "cleared", "first"]
    (row,) = slips(read(), Filter()).rows
    assert (row["later"], row["against_first"]) == (1, "later")
    (cause,) = slip_causes(read(), SlipFilter(Filter())).rows
    assert (cause["before"], cause["after"], cause["days"]) == ("2026-03-31", "2026-12-31", 275)


def test_both_answers_about_slips_are_about_the_same_targets(log: Log, read: Reader) -> None:
    """The due dates of releases and goals count in both, by default; those of tasks do in neither."""
    aim(log, "2026-03-31", "2026-06-30")
    log.add(schedule(log, "1.0", "2026-03-31"), ReleaseRescheduled(due_on="2026-06-30"))
    log.add("goal:g", GoalSet(title="G", due_on="2026-03-31"))
    log.add("goal:g", GoalRevised(due_on="2026-06-30"))
    log.add("task:t", TaskAssigned(title="T", accountable="person:ann", due_on="2026-03-31"))
    log.add("task:t", TaskRescheduled(due_on="2026-06-30"))

    moved = [(row["subject"], row["field"]) for row in slips(read(), Filter()).rows]

    assert moved == [(F, "target.ship"), ("goal:g", "due_on"), ("release:1.0", "due_on")]
    assert sorted((row["subject"], row["field"]) for row in slip_causes(read(), SlipFilter(Filter())).rows) == moved


@pytest.mark.parametrize("is_ordered", [False, True])
def test_releases_are_listed_by_the_days_on_which_they_are_due(log: Log, read: Reader, *, is_ordered: bool) -> None:
    """Releases and days sort by date; a release without one follows its product's others, and other values are last."""
    for version, day, product in (
        ("3.0", "2026-09-30", P),
        ("Web 2", "2026-07-31", WEB),
        ("2.0", None, P),
        ("1.0", "2026-03-31", P),
        ("0.9", None, P),
        ("Soon", None, "product:new"),
    ):
        schedule(log, version, day, product=product)
    if is_ordered:
        log.add(P, ReleasesOrdered(releases=tuple(map(key, ("0.9", "1.0", "2.0", "3.0")))))
    expected = [*map(key, ("0.9", "1.0", "2.0", "Web 2", "3.0", "Soon"))]

    snapshot = read()
    order = TargetOrder(snapshot, resolve_time(snapshot, NOW))
    columns = sorted([*reversed(expected), "2026-08-01", "TBD"], key=order.key)

    assert [row["subject"] for row in releases(snapshot).rows] == expected
    assert columns[4:6] == ["2026-08-01", "release:3.0"]
    assert columns[-2:] == ["release:soon", "TBD"]
