"""Unusual histories: subjects removed and restored, entries voided and backdated, people merged, decisions
superseded while they are deferred, outcomes corrected later. Debt, succession, arrivals and outcomes equal a naive fold.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from domain.any_subject import EntryVoided, StillValidConfirmed, SubjectRemoved, SubjectRestored
from domain.assumption import AssumptionBroken, AssumptionConfirmed, AssumptionStated
from domain.decision_messages import (
    DecisionAccepted,
    DecisionDeferred,
    DecisionProposed,
    DecisionReopened,
    DecisionReviewed,
    DecisionSuperseded,
)
from domain.evidence import EvidenceRecorded, EvidenceWithdrawn
from domain.feature import FeatureLinked, FeaturePrioritized, FeatureProposed, FeatureShipped
from domain.meeting import MeetingHeld, MeetingPlanned
from domain.outcome import ExpectedOutcomeStated, OutcomeRecorded
from domain.ownership import (
    OwnershipAcknowledged,
    OwnershipAssigned,
    OwnershipDelegated,
    OwnershipHandedOver,
    OwnershipReleased,
)
from domain.people import PersonLeft, PersonMerged, PersonRegistered
from domain.product import ReleaseRescheduled, ReleaseScheduled
from domain.task import TaskAssigned, TaskCompleted
from domain.values import format_micros, from_micros
from projections.queries.arrivals import arrivals
from projections.queries.debt import debt
from projections.queries.expected_outcomes import expected_outcomes
from projections.queries.filters import Filter
from projections.queries.succession import succession
from projections.queries.timepoint import TimePoint
from tests.projections.naive_debt import NaiveDebt
from tests.projections.support import SECOND, START, BuildModel, Log, at

DAY = 86_400
FOREVER = 1 << 60
PEOPLE = ("person:ann", "person:bob", "person:cas")
DECISIONS = ("decision:a", "decision:b", "decision:c")
FEATURES = ("feature:a", "feature:b")

pytestmark = pytest.mark.sqlite_only  # the queries use nothing that the other tests do not run on PostgreSQL


def day(number: int) -> str:
    return format_micros(START + number * DAY * SECOND)[:10]


def pick_event(random: Random) -> tuple[str, Any]:
    """One event of the kinds that debt, succession, arrivals and outcomes are about."""
    decision, other, feature, person = map(random.choice, (DECISIONS, DECISIONS, FEATURES, PEOPLE))
    owned, judge = random.choice((*DECISIONS, *FEATURES, "task:a")), random.choice((None, *PEOPLE))
    when, key = day(random.randint(-3, 50)), random.choice("12")
    awaits = tuple(random.sample(("evidence:a", "evidence:b", "assumption:a", "release:a", *DECISIONS), 2))
    until = from_micros(START) + timedelta(days=random.randint(1, 40))
    stated = {"measure": "M", "target": "T", "due_on": when, "by": person, "judge": judge}
    choices: list[tuple[str, Any]] = [
        (decision, DecisionAccepted(deciders=(person,), why=random.choice((None, "So.")))),
        (decision, DecisionDeferred(until="Later.", awaits=awaits)),
        (decision, DecisionDeferred(until="Later.", revisit_on=when)),
        (decision, DecisionReopened(why="News.")),
        (decision, DecisionSuperseded(by=(other,))),
        (decision, DecisionReviewed(outcome="worse", finding="Hm.", revisit_on=random.choice((None, when)))),
        (random.choice((*DECISIONS, *FEATURES)), ExpectedOutcomeStated(expectation=key, **stated)),
        (decision, ExpectedOutcomeStated(expectation="2", replaces="1", **stated)),
        (decision, OutcomeRecorded(expectation=key, result=random.choice(("met", "not-met", "unclear")), by=person)),
        (feature, FeaturePrioritized(horizon=random.choice(("now", "later")))),
        (feature, FeatureLinked(decisions=(decision,))),
        (feature, FeatureShipped()),
        (owned, OwnershipAssigned(role="accountable", holders=tuple(random.sample(PEOPLE, random.randint(1, 2))))),
        (owned, OwnershipAssigned(role="approver", holders=(person,))),
        (owned, OwnershipHandedOver(to=person, previous_holders=())),
        (owned, OwnershipReleased(role="accountable")),
        (owned, OwnershipAcknowledged(role="accountable", by=person)),
        (owned, OwnershipDelegated(delegation="x", to=person, by=(random.choice(PEOPLE),), until=until)),
        ("person:cas", PersonLeft()),
        ("person:bob", PersonMerged(into="person:ann")),
        ("evidence:b", EvidenceRecorded(title="B", kind="data")),
        ("evidence:a", EvidenceWithdrawn(why="No.")),
        ("assumption:a", random.choice((AssumptionBroken(why="No."), AssumptionConfirmed()))),
        ("release:a", ReleaseRescheduled(due_on=when)),
        ("task:a", random.choice((TaskCompleted(), TaskAssigned(title="Do", accountable=person, due_on=when)))),
        ("meeting:a", MeetingHeld(attendees=(person,), held_on=when)),
        (owned, StillValidConfirmed(why=random.choice((None, "Yes.")))),
        (random.choice((*DECISIONS, "evidence:a")), SubjectRemoved(why="No.")),
        (random.choice((*DECISIONS, "evidence:a")), SubjectRestored(why="Yes.")),
    ]
    return random.choice(choices)


def random_log(random: Random) -> Log:
    log = Log()
    for person in PEOPLE:
        log.add(person, PersonRegistered())
    for each in DECISIONS:
        log.add(each, DecisionProposed(title=each, by=random.choice(PEOPLE), review_on=random.choice((None, day(5)))))
    for each in FEATURES:
        log.add(each, FeatureProposed(title=each, products=("product:p",), accountable=random.choice(PEOPLE)))
    log.add("evidence:a", EvidenceRecorded(title="A", kind="data", supports=("decision:a",)))
    log.add("assumption:a", AssumptionStated(title="A", check_on=day(7), under=("decision:b",)))
    log.add("release:a", ReleaseScheduled(version="1", products=("product:p",), due_on=day(9)))
    log.add("task:a", TaskAssigned(title="Do", accountable="person:bob", due_on=day(4)))
    log.add("meeting:a", MeetingPlanned(title="Meet", held_on=day(6)))
    for _ in range(35):
        subject, event = pick_event(random)
        backdated = random.choice((None, None, random.randint(15, 45)))
        because = (random.choice(DECISIONS),) if subject in FEATURES and random.random() < 0.4 else ()
        by = random.choice(("person:ann", "person:ann", "person:cas"))
        log.add(subject, event, at=backdated, because=because, by=by)
        if random.random() < 0.12:
            entry = random.choice(log.entries)
            if not isinstance(entry.event, EntryVoided):
                log.add(entry.subject, EntryVoided(position=entry.position, why="A mistake."))
    return log


@pytest.mark.parametrize("seed", range(12))
def test_unusual_histories_equal_a_naive_fold(build_model: BuildModel, seed: int) -> None:
    """At any two times, debt, succession, arrivals and expected outcomes are those of a naive fold."""
    random = Random(seed)
    log = random_log(random)
    with build_model(log).read() as read:
        for _ in range(4):
            as_of = at(random.choice((random.uniform(10, 60), random.uniform(3, 60) * DAY)))
            known_at = random.choice((None, at(random.uniform(15, 60))))
            naive = NaiveDebt(log.entries, as_of, FOREVER if known_at is None else known_at)
            when = TimePoint(as_of, known_at)
            owed = {
                (row["code"], row["subject"], row["part"] or ""): sorted(row["owners"])
                for row in debt(read, None, when).rows
            }
            assert owed == {key: sorted(set(owners)) for key, owners in naive.owed().items()}
            for person in {naive.one(each) for each in PEOPLE}:
                rows = succession(read, person, when).rows
                listed = {(row["relation"], row["code"], row["subject"], row["part"] or "") for row in rows}
                assert listed == naive.succession(person)
            back = {
                (row["subject"], row["reason"], row["awaited"], row["since"]) for row in arrivals(read, None, when).rows
            }
            assert back == {(*each[:3], format_micros(each[3])) for each in naive.arrivals()}
            states = {
                (row["subject"], row["expectation"]): (row["state"], row["result"])
                for row in expected_outcomes(read, Filter(), when).rows
            }
            assert states == naive.outcomes()
