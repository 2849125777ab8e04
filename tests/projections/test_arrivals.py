"""Deferred decisions come back when what they wait for has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.assumption import AssumptionBroken, AssumptionConfirmed, AssumptionStated
from domain.decision_messages import DecisionAccepted, DecisionDeferred, DecisionProposed, DecisionRejected
from domain.evidence import EvidenceRecorded
from domain.ownership import OwnershipAssigned
from domain.product import ReleaseRescheduled, ReleaseScheduled
from projections.queries.arrivals import arrivals
from projections.queries.filters import Filter
from projections.queries.timepoint import NOW, TimePoint
from projections.read_model.model import Read
from tests.projections.support import Log, at

Reader = Callable[[], Read]
P = "product:p"
DAY_S = 86_400
ANN = ("person:ann",)


def deferred(log: Log, *awaits: str, revisit_on: str | None = None) -> str:
    log.add("decision:tea", DecisionProposed(title="Tea", products=(P,)))
    log.add("decision:tea", DecisionDeferred(until="Later.", awaits=awaits, revisit_on=revisit_on))
    return "decision:tea"


def get_arrivals(read: Read, when: TimePoint = NOW) -> list[tuple[str, str | None]]:
    return [(row["reason"], row["awaited"]) for row in arrivals(read, None, when).rows]


@pytest.mark.parametrize(
    ("awaited", "before", "event", "reason"),
    [
        ("evidence:survey", None, EvidenceRecorded(title="S", kind="data"), "evidence_recorded"),
        ("assumption:water", AssumptionStated(title="W"), AssumptionConfirmed(), "assumption_confirmed"),
        ("assumption:water", AssumptionStated(title="W"), AssumptionBroken(why="no"), "assumption_broken"),
        ("decision:cake", DecisionProposed(title="C"), DecisionAccepted(deciders=ANN), "decision_settled"),
        ("decision:cake", DecisionProposed(title="C"), DecisionRejected(deciders=ANN, why="no"), "decision_settled"),
    ],
)
def test_a_deferred_decision_is_back_when_what_it_awaits_comes(
    log: Log, read: Reader, awaited: str, before: Any, event: Any, reason: str
) -> None:
    """A decision comes back as of the time that what it waits for came, and not before, nor before that was known."""
    if before is not None:
        log.add(awaited, before)
    deferred(log, awaited)
    came = log.add(awaited, event)

    snapshot = read()
    assert get_arrivals(snapshot, TimePoint(at(came) - 1)) == []
    assert get_arrivals(snapshot, TimePoint(at(came), known_at=at(came) - 1)) == []
    assert get_arrivals(snapshot, TimePoint(at(came))) == [(reason, awaited)]


def test_a_deferred_decision_is_back_on_the_day_of_a_release(log: Log, read: Reader) -> None:
    """A release that a decision waits for comes on its day; if it is moved, the decision waits on."""
    log.add("release:r1", ReleaseScheduled(version="1.0", products=(P,), due_on="2023-11-20"))
    deferred(log, "release:r1")
    snapshot = read()
    due = TimePoint(at(6 * DAY_S))

    assert get_arrivals(snapshot, TimePoint(at(4 * DAY_S))) == []
    assert get_arrivals(snapshot, due) == [("release_due", "release:r1")]
    log.add("release:r1", ReleaseRescheduled(due_on="2024-11-20"))
    assert get_arrivals(read(), due) == []


def test_a_deferred_decision_is_back_on_its_day(log: Log, read: Reader) -> None:
    """A decision that is deferred to a day is back from its beginning in UTC."""
    deferred(log, revisit_on="2023-11-20")
    snapshot = read()
    midnight = 1_700_438_400_000_000  # 2023-11-20T00:00Z

    assert get_arrivals(snapshot, TimePoint(midnight - 1)) == []
    assert get_arrivals(snapshot, TimePoint(midnight)) == [("day_reached", None)]


def test_a_decision_that_is_taken_no_longer_comes_back(log: Log, read: Reader) -> None:
    """Once it is decided, or deferred again without waiting for anything, a decision is not listed."""
    deferred(log, "evidence:survey")
    log.add("evidence:survey", EvidenceRecorded(title="S", kind="data"))
    again = log.add("decision:tea", DecisionDeferred(until="Never."))
    log.add("decision:tea", DecisionDeferred(until="The survey.", awaits=("evidence:survey",)))
    log.add("decision:tea", DecisionAccepted(deciders=ANN))

    snapshot = read()
    assert get_arrivals(snapshot, TimePoint(at(again) - 1)) == [("evidence_recorded", "evidence:survey")]
    assert get_arrivals(snapshot, TimePoint(at(again))) == []
    assert get_arrivals(snapshot, TimePoint(at(again + 1))) == [("evidence_recorded", "evidence:survey")]
    assert get_arrivals(snapshot) == []


def test_a_decision_that_is_deferred_again_does_not_wait_for_the_earlier_day(log: Log, read: Reader) -> None:
    """The day of a deferral ends with it, and the day to review the result brings nothing back."""
    log.add("decision:tea", DecisionProposed(title="Tea", products=(P,), review_on="2023-11-15"))
    log.add("decision:tea", DecisionDeferred(until="Later.", revisit_on="2023-11-15"))
    again = log.add("decision:tea", DecisionDeferred(until="The survey."))

    as_of = at(10 * DAY_S)
    snapshot = read()
    assert get_arrivals(snapshot, TimePoint(as_of, known_at=at(again) - 1)) == [("day_reached", None)]
    assert get_arrivals(snapshot, TimePoint(as_of)) == []


def test_arrivals_can_be_selected_and_name_who_is_accountable(log: Log, read: Reader) -> None:
    """The list can be limited to products; each row names who is accountable."""
    log.add(deferred(log, "evidence:survey"), OwnershipAssigned(role="accountable", holders=("person:bob",)))
    log.add("evidence:survey", EvidenceRecorded(title="S", kind="data"))

    snapshot = read()
    (row,) = arrivals(snapshot, Filter(products=(P,))).rows
    assert (row["subject"], row["accountable"]) == ("decision:tea", ["person:bob"])
    assert arrivals(snapshot, Filter(products=("product:other",))).rows == []
