"""Flags: what rests on a broken assumption or on evidence that no longer holds, as of a time and as known at another."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from domain.any_subject import EntryVoided, StillValidConfirmed, SubjectRemoved, SubjectRestored
from domain.assumption import (
    AssumptionBroken,
    AssumptionConfirmed,
    AssumptionLinked,
    AssumptionRevised,
    AssumptionStated,
    AssumptionUnlinked,
)
from domain.decision_messages import (
    ConstraintChecked,
    DecisionAccepted,
    DecisionProposed,
    DecisionReviewed,
    DecisionSuperseded,
    Option,
    RiskFinding,
)
from domain.evidence import EvidenceLinked, EvidenceRecorded, EvidenceSuperseded, EvidenceUnlinked, EvidenceWithdrawn
from domain.feature import FeatureDropped, FeatureLinked, FeaturePrioritized, FeatureProposed, MilestoneTargeted
from domain.ownership import OwnershipAssigned
from domain.product import GoalClosed, GoalSet, ProductDefined, ReleaseRescheduled, ReleaseScheduled, StrategySet
from domain.values import format_micros
from projections.queries.filters import Filter
from projections.queries.flags import flags
from projections.queries.timepoint import NOW, TimePoint
from projections.read_model.model import Read
from tests.projections.naive_flags import DAY_S, naive_flags
from tests.projections.support import BuildModel, Log, at

Reader = Callable[[], Read]
P = "product:p"
FOR_EVER = 1 << 62


def decision(log: Log, key: str, *because: str, **more: Any) -> str:
    log.add(f"decision:{key}", DecisionProposed(title=f"Decision {key}", products=(P,)), because=because, **more)
    return f"decision:{key}"


def feature(log: Log, key: str) -> str:
    log.add(f"feature:{key}", FeatureProposed(title=f"Feature {key}", products=(P,)))
    return f"feature:{key}"


def assumption(log: Log, key: str, *under: str, **more: Any) -> str:
    log.add(f"assumption:{key}", AssumptionStated(title=f"Assumption {key}", under=under, products=(P,), **more))
    return f"assumption:{key}"


def evidence(log: Log, key: str, *supports: str, **more: Any) -> str:
    event = EvidenceRecorded(title=f"Evidence {key}", kind="customer", supports=supports, products=(P,), **more)
    log.add(f"evidence:{key}", event)
    return f"evidence:{key}"


def break_(log: Log, subject: str, **more: Any) -> int:
    return log.add(subject, AssumptionBroken(why="It is false."), **more)


def get_flags(read: Read, when: TimePoint = NOW, selection: Filter | None = None) -> list[tuple[str, str | None, str]]:
    return sorted(
        ((row["subject"], row["field"], row["cause"]) for row in flags(read, selection, when).rows),
        key=lambda each: (each[0], each[1] or "", each[2]),
    )


# Assumptions -------------------------------------------------------------------------------------------------------


def test_a_broken_assumption_flags_what_rests_on_it_from_then_on(log: Log, read: Reader) -> None:
    """A decision that rests on an assumption is flagged as of the time it broke, and not before."""
    tea = assumption(log, "water", decision(log, "tea"))
    broken = break_(log, tea)

    snapshot = read()
    assert get_flags(snapshot, TimePoint(at(broken) - 1)) == []
    assert get_flags(snapshot, TimePoint(at(broken))) == [("decision:tea", None, tea)]
    (row,) = flags(snapshot).rows
    assert (row["reason"], row["position"], row["through"]) == ("broken_assumption", broken, [])
    assert row["since"] == format_micros(at(broken))


def test_a_break_recorded_later_is_not_known_before(log: Log, read: Reader) -> None:
    """A break that is recorded with an earlier effective time flags as of then, but only as known from its recording."""
    water = assumption(log, "water", decision(log, "tea"))
    for _ in range(5):
        log.add(P, StrategySet(strategy="Few things."))
    broken = break_(log, water, at=3)

    snapshot = read()
    assert get_flags(snapshot, TimePoint(at(4))) == [("decision:tea", None, water)]
    assert get_flags(snapshot, TimePoint(at(4), known_at=at(broken) - 1)) == []


def test_a_value_set_because_of_an_assumption_is_flagged_directly(log: Log, read: Reader) -> None:
    """A field of the roadmap whose value cites a broken assumption is flagged, and no other field of the feature."""
    gift, water = feature(log, "gift"), assumption(log, "water")
    log.add(gift, FeaturePrioritized(horizon="now", rank=1))
    log.add(gift, MilestoneTargeted(milestone="ship", day="2025-06-01"), because=(water,))
    break_(log, water)

    assert get_flags(read()) == [(gift, "target.ship", water)]


def test_a_value_is_flagged_through_the_decision_that_it_cites(log: Log, read: Reader) -> None:
    """A field is flagged through a decision that rests on the assumption; `through` names the decision."""
    water, gift = assumption(log, "water"), feature(log, "gift")
    tea = decision(log, "tea", water)
    log.add(gift, FeaturePrioritized(horizon="now"), because=(tea,))
    break_(log, water)

    rows = {(row["subject"], row["field"]): row["through"] for row in flags(read()).rows}
    assert rows == {(tea, None): [], (gift, "horizon"): [tea]}


def test_each_item_is_cleared_on_its_own(log: Log, read: Reader) -> None:
    """To revisit the decision does not clear the field that rests on it, and the reverse."""
    water, gift = assumption(log, "water"), feature(log, "gift")
    tea = decision(log, "tea", water)
    log.add(gift, FeaturePrioritized(horizon="now"), because=(tea,))
    break_(log, water)

    accepted = log.add(tea, DecisionAccepted(deciders=("person:ann",), why="Even so."))
    moved = log.add(gift, FeaturePrioritized(horizon="later"), because=(tea,))

    snapshot = read()
    assert get_flags(snapshot, TimePoint(at(accepted))) == [(gift, "horizon", water)]
    assert get_flags(snapshot, TimePoint(at(moved))) == []


def test_a_confirmation_with_a_reason_keeps_an_item(log: Log, read: Reader) -> None:
    """A decision that is confirmed with a reason after the break is no longer flagged; without a reason it still is."""
    water = assumption(log, "water", decision(log, "tea"))
    break_(log, water)
    seen = log.add("decision:tea", StillValidConfirmed())
    log.add("decision:tea", StillValidConfirmed(why="There is a second well."))

    snapshot = read()
    assert get_flags(snapshot, TimePoint(at(seen))) == [("decision:tea", None, water)]
    assert get_flags(snapshot) == []


def test_a_confirmation_of_a_field_keeps_only_that_field(log: Log, read: Reader) -> None:
    """One field can be kept; a confirmation of the whole subject keeps all of them."""
    water, gift = assumption(log, "water"), feature(log, "gift")
    log.add(gift, FeaturePrioritized(horizon="now"), because=(water,))
    log.add(gift, MilestoneTargeted(milestone="ship", day="2025-06-01"), because=(water,))
    break_(log, water)
    one = log.add(gift, StillValidConfirmed(field="horizon", why="It pays anyway."))
    log.add(gift, StillValidConfirmed(why="All of it."))

    snapshot = read()
    assert get_flags(snapshot, TimePoint(at(one))) == [(gift, "target.ship", water)]
    assert get_flags(snapshot) == []


def test_a_confirmation_before_the_break_keeps_nothing(log: Log, read: Reader) -> None:
    """What was confirmed before the assumption broke is flagged all the same."""
    water = assumption(log, "water", decision(log, "tea"))
    log.add("decision:tea", StillValidConfirmed(why="All is well."))
    break_(log, water)

    assert get_flags(read()) == [("decision:tea", None, water)]


def test_an_assumption_that_holds_again_flags_nothing(log: Log, read: Reader) -> None:
    """A broken assumption that is confirmed later raises no flags from then on."""
    water = assumption(log, "water", decision(log, "tea"))
    break_(log, water)
    log.add(water, AssumptionConfirmed(why="It rained."))

    assert get_flags(read()) == []


def test_what_has_ended_is_not_flagged(log: Log, read: Reader) -> None:
    """A superseded decision, a dropped feature and a closed goal are not flagged."""
    log.add("goal:reach", GoalSet(title="Reach"))
    water = assumption(log, "water", decision(log, "tea"), feature(log, "gift"), "goal:reach")
    broken = break_(log, water)
    log.add("decision:tea", DecisionSuperseded(by=("decision:coffee",)))
    log.add("feature:gift", FeatureDropped(why="Enough."))
    log.add("goal:reach", GoalClosed(outcome="missed"))

    snapshot = read()
    assert [each[0] for each in get_flags(snapshot, TimePoint(at(broken)))] == [
        "decision:tea",
        "feature:gift",
        "goal:reach",
    ]
    assert get_flags(snapshot) == []


def test_a_voided_break_flags_nothing(log: Log, read: Reader) -> None:
    """A break that was recorded by mistake and voided raises no flag."""
    water = assumption(log, "water", decision(log, "tea"))
    position = break_(log, water)
    log.add(water, EntryVoided(position=position, why="The wrong well."))

    assert get_flags(read()) == []


def test_an_unlinked_decision_is_not_flagged(log: Log, read: Reader) -> None:
    """What no longer rests on an assumption is not flagged when it breaks."""
    water = assumption(log, "water", decision(log, "tea"))
    log.add(water, AssumptionUnlinked(to=("decision:tea",)))
    break_(log, water)

    assert get_flags(read()) == []


def test_an_open_assumption_whose_day_has_come_is_flagged_itself(log: Log, read: Reader) -> None:
    """From the day on which it was to be checked, an open assumption is flagged until it is checked or put off."""
    water = assumption(log, "water", check_on="2023-11-20")
    snapshot = read()
    due = TimePoint(at(10 * DAY_S))

    assert get_flags(snapshot, TimePoint(at(1 * DAY_S))) == []
    assert [(row["subject"], row["reason"]) for row in flags(snapshot, None, due).rows] == [
        (water, "unchecked_assumption")
    ]
    log.add(water, AssumptionRevised(check_on="2024-12-31"))
    assert get_flags(read(), due) == []


# Evidence ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (EvidenceWithdrawn(why="The answers were made up."), "withdrawn_evidence"),
        (EvidenceSuperseded(by="evidence:new"), "superseded_evidence"),
    ],
)
def test_evidence_that_no_longer_holds_flags_what_it_supports(log: Log, read: Reader, event: Any, reason: str) -> None:
    """Withdrawn or superseded evidence flags what it is for, not what it is against."""
    survey = evidence(log, "survey", decision(log, "tea"), opposes=(decision(log, "coffee"),))
    log.add(survey, event)

    (row,) = flags(read()).rows
    assert (row["subject"], row["cause"], row["reason"]) == ("decision:tea", survey, reason)


def test_evidence_expires_after_its_last_valid_day(log: Log, read: Reader) -> None:
    """Evidence that is valid until a day flags what rests on it from the day after, in UTC."""
    evidence(log, "survey", decision(log, "tea"), valid_until="2023-11-20")
    snapshot = read()
    midnight = 1_700_524_800_000_000  # 2023-11-21T00:00Z

    assert get_flags(snapshot, TimePoint(midnight - 1)) == []
    (row,) = flags(snapshot, None, TimePoint(midnight)).rows
    assert (row["reason"], row["since"], row["position"]) == ("expired_evidence", "2023-11-21T00:00:00.000000Z", None)


def test_evidence_in_a_finding_about_an_option_carries_the_decision(log: Log, read: Reader) -> None:
    """A decision rests on the evidence that its options name for being valuable, usable, feasible and viable."""
    survey = evidence(log, "survey")
    finding = RiskFinding(risk="valuable", answer="yes", evidence=(survey,))
    event = DecisionProposed(title="Tea", options=(Option(title="Tea", findings=(finding,)),))
    log.add("decision:tea", event)
    log.add(survey, EvidenceWithdrawn(why="The answers were made up."))

    assert get_flags(read()) == [("decision:tea", None, survey)]


def test_withdrawn_evidence_flags_through_the_assumption_that_it_settled(log: Log, read: Reader) -> None:
    """Evidence that confirmed an assumption is what it rests on, and what rests on the assumption."""
    survey, water = evidence(log, "survey"), assumption(log, "water", decision(log, "tea"))
    log.add(water, AssumptionConfirmed(evidence=(survey,)))
    log.add(survey, EvidenceWithdrawn(why="The answers were made up."))

    rows = {row["subject"]: row["through"] for row in flags(read()).rows}
    assert rows == {water: [], "decision:tea": [water]}


def test_flags_can_be_selected_and_name_who_is_accountable(log: Log, read: Reader) -> None:
    """Flags can be limited to products, kinds and subjects; each names the accountable people."""
    water = assumption(log, "water", decision(log, "tea"), decision(log, "cake"))
    log.add("decision:tea", OwnershipAssigned(role="accountable", holders=("person:bob",)))
    break_(log, water)

    snapshot = read()
    assert len(get_flags(snapshot, selection=Filter(products=(P,)))) == 2
    assert get_flags(snapshot, selection=Filter(products=("product:other",))) == []
    assert get_flags(snapshot, selection=Filter(kinds=("goal",))) == []
    assert get_flags(snapshot, selection=Filter(subjects=("decision:cake",))) == [("decision:cake", None, water)]
    owners = {row["subject"]: row["accountable"] for row in flags(snapshot).rows}
    assert owners == {"decision:tea": ["person:bob"], "decision:cake": []}


def test_flags_are_paged(log: Log, read: Reader) -> None:
    """Pages of one flag, one after another, give all flags once."""
    water = assumption(log, "water", *(decision(log, key) for key in "abc"))
    break_(log, water)

    snapshot = read()
    first = flags(snapshot, limit=2)
    rest = flags(snapshot, limit=2, cursor=first.next)
    assert [row["subject"] for row in first.rows + rest.rows] == ["decision:a", "decision:b", "decision:c"]
    assert rest.next is None


# Equality with a naive fold ----------------------------------------------------------------------------------------


CHECKED = {"option_number": 1, "constraint_number": 1, "options_position": 1, "constraints_position": 1}


def random_log(random: Random) -> Log:
    """A log with events in random order about few subjects, some of them backdated or voided."""
    log = Log()
    decisions, features = [f"decision:{key}" for key in "abc"], ["feature:a", "feature:b"]
    assumptions, pieces = ["assumption:a", "assumption:b"], ["evidence:a", "evidence:b"]
    for each in decisions:
        log.add(each, DecisionProposed(title=each), at=0)
    for each in features:
        log.add(each, FeatureProposed(title=each, products=(P,)), at=0)
    for each in assumptions:
        log.add(each, AssumptionStated(title=each), at=0)
    for each in pieces:
        until = random.choice([None, "2023-11-14", "2023-11-15", "2023-11-16"])
        log.add(each, EvidenceRecorded(title=each, kind="data", valid_until=until), at=0)
    log.add("goal:a", GoalSet(title="Goal"), at=0)
    log.add(P, ProductDefined(title="P"), at=0)
    log.add("release:a", ReleaseScheduled(version="1", products=(P,)), at=0)
    grounds = [*decisions, *assumptions, *pieces]
    anything = [*decisions, *features, "goal:a"]

    def one() -> tuple[str, Any]:
        decision, other, feature = random.choice(decisions), random.choice(decisions), random.choice(features)
        assumed, piece, target = (
            random.choice(assumptions),
            random.choice(pieces),
            random.choice([*anything, *assumptions]),
        )
        option = Option(title="Tea", findings=(RiskFinding(risk="usable", answer="yes", evidence=(piece,)),))
        choices: list[tuple[str, Any]] = [
            (assumed, AssumptionBroken(why="no", evidence=random.choice([(), (piece,)]))),
            (assumed, AssumptionBroken(why="no")),
            (assumed, AssumptionConfirmed(evidence=(piece,))),
            (assumed, AssumptionLinked(to=(random.choice(anything),))),
            (assumed, AssumptionUnlinked(to=(random.choice(anything),))),
            (assumed, AssumptionRevised(confidence=50)),
            (piece, EvidenceLinked(to=(target,), stance=random.choice(["for", "against"]))),
            (piece, EvidenceUnlinked(to=(target,))),
            (piece, EvidenceWithdrawn(why="no")),
            (piece, EvidenceSuperseded(by="evidence:b")),
            (decision, DecisionAccepted(deciders=("person:ann",))),
            (decision, DecisionProposed(title="Again", options=(option,))),
            (decision, DecisionSuperseded(by=(other,))),
            (decision, DecisionReviewed(outcome="worse", finding="hm")),
            (feature, FeaturePrioritized(horizon=random.choice(["now", "later"]))),
            (feature, MilestoneTargeted(milestone="ship", day="2025-01-01")),
            (feature, FeatureLinked(decisions=tuple(random.sample(decisions, 2)))),
            (feature, FeatureDropped(why="no")),
            (P, StrategySet(strategy="s")),
            ("release:a", ReleaseRescheduled(due_on="2025-01-01")),
            ("goal:a", GoalSet(title="Goal")),
            (random.choice([*anything, *assumptions]), StillValidConfirmed(why=random.choice([None, "yes"]))),
            (feature, StillValidConfirmed(field="horizon", why="yes")),
            (random.choice(grounds), SubjectRemoved(why="no")),
            (random.choice(grounds), SubjectRestored(why="yes")),
            (decision, ConstraintChecked(answer="met", by="person:ann", **CHECKED)),
        ]
        return random.choice(choices)

    for _ in range(30):
        subject, event = one()
        if isinstance(event, SubjectRemoved) and random.random() < 0.7:
            continue
        because = tuple(random.sample([each for each in grounds if each != subject], random.choice([0, 1, 1, 2])))
        backdated = random.choice([None, None, random.randint(0, 40)])
        log.add(subject, event, because=because, at=backdated)
        if random.random() < 0.08:
            position = random.randint(1, len(log.entries))
            entry = log.entries[position - 1]
            if not isinstance(entry.event, EntryVoided):
                log.add(entry.subject, EntryVoided(position=position, why="no"))
    return log


@pytest.mark.seeds(25)
def test_flags_equal_a_naive_fold(build_model: BuildModel, seed: int) -> None:
    """On random histories, flags as of any time and as known at any other equal those of a fold over all entries."""
    random = Random(seed)
    log = random_log(random)
    with build_model(log).read() as read:
        for _ in range(6):
            as_of = at(random.choice([random.uniform(0, 50), 1.5 * DAY_S, 3 * DAY_S]))
            known_at = random.choice([None, at(random.uniform(0, 45))])
            rows = flags(read, None, TimePoint(as_of, known_at)).rows
            got = {
                (row["subject"], row["field"], row["reason"], row["cause"], tuple(row["through"]), row["since"])
                for row in rows
            }
            assert len(got) == len(rows)
            naive = naive_flags(log.entries, as_of, FOR_EVER if known_at is None else known_at)
            assert got == {(*each[:5], format_micros(each[5])) for each in naive}
