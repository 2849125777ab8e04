"""Decision debt: what is left undone, as of any day and as known at any day, and what clears it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.any_subject import ChangesImported, EntryVoided, ImportedChange, StillValidConfirmed, SubjectRemoved
from domain.assumption import AssumptionBroken, AssumptionStated
from domain.decision_messages import (
    DecisionAccepted,
    DecisionConfirmed,
    DecisionDeferred,
    DecisionProposed,
    DecisionRatified,
    DecisionRecorded,
    DecisionReversed,
    DecisionReviewed,
)
from domain.delegation import ActionsDelegated
from domain.feature import FeatureLinked, FeaturePrioritized, FeatureProposed, FeatureShipped, MilestoneTargeted
from domain.judgment import Judgment, Verdict
from domain.outcome import ExpectedOutcomeStated, OutcomeRecorded
from domain.ownership import OwnershipAcknowledged, OwnershipAssigned, OwnershipHandedOver, OwnershipReleased
from domain.people import PersonLeft, PersonRegistered
from domain.product import ProductDefined
from domain.values import from_micros
from projections.queries.debt import CODES, DebtFilter, debt, debt_by_month
from projections.queries.expected_outcomes import expected_outcomes
from projections.queries.filters import Filter
from projections.queries.timepoint import NOW, TimePoint
from projections.read_model.model import Read, ReadModel
from projections.read_model.query_limits import Bounds
from tests.projections.support import Log, at, catch_up

Reader = Callable[[], Read]
P, TEA, CARDS = "product:p", "decision:tea", "feature:cards"
DAY = 86_400
TODAY = TimePoint(as_of=at(100 * DAY))
"""2024-02-22: all events of these stories are recorded within seconds of 2023-11-14."""

pytestmark = pytest.mark.sqlite_only  # the queries use nothing that the other tests do not run on PostgreSQL


def owed(read: Read, *codes: str, when: TimePoint = TODAY, **more: Any) -> list[tuple[str, str]]:
    """The items of these codes, each with its subject."""
    answer = debt(read, DebtFilter(codes=codes, **more), when)
    return [(row["code"], row["subject"]) for row in answer.rows]


def decided(log: Log, key: str = "tea", **more: Any) -> str:
    values = {"title": key, "decision": "D.", "why": "W.", "accountable": "person:ann", "deciders": ("person:ann",)}
    log.add(f"decision:{key}", DecisionRecorded(**{**values, "products": (P,), **more}))
    return f"decision:{key}"


def planned(log: Log, **more: Any) -> int:
    log.add(CARDS, FeatureProposed(title="Cards", products=(P,), accountable="person:ann"))
    return log.add(CARDS, FeaturePrioritized(horizon="now"), **more)


def test_a_decision_without_a_reason_is_owed_one(log: Log, read: Reader) -> None:
    """An accepted decision without a reason is listed since its acceptance; one with a reason is not."""
    decided(log, "milk")
    log.add(TEA, DecisionProposed(title="Tea", products=(P,)))
    log.add(TEA, DecisionAccepted(deciders=("person:ann",)))
    snapshot = read()

    assert owed(snapshot, "no_reason") == [("no_reason", TEA)]
    assert owed(snapshot, "no_reason", when=TimePoint(as_of=at(2))) == []
    (row,) = debt(snapshot, DebtFilter(codes=["no_reason"]), TODAY).rows
    assert (row["days"], row["owners"], row["action"]) == (99, ["person:ann"], "ConfirmStillValid")


def test_a_field_of_the_roadmap_without_a_live_decision_is_undecided(log: Log, read: Reader) -> None:
    """A planned field is backed by a decision that its event cites, as long as that decision is in force."""
    decided(log)
    planned(log, because=(TEA,))
    log.add(CARDS, MilestoneTargeted(milestone="ship", day="2024-01-01"))
    (row,) = debt(read(), DebtFilter(codes=["undecided"]), TODAY).rows
    assert row["detail"] == {"fields": ["target.ship"]}

    log.add(TEA, DecisionReversed(why="No."))
    snapshot = read()
    assert debt(snapshot, DebtFilter(codes=["undecided"]), TODAY).rows[0]["detail"]["fields"] == [
        "horizon",
        "target.ship",
    ]
    assert debt(snapshot, DebtFilter(codes=["undecided"]), TimePoint(TODAY.as_of, at(4))).rows[0]["detail"] == {
        "fields": ["target.ship"]
    }


def test_a_linked_decision_in_force_backs_the_whole_feature(log: Log, read: Reader) -> None:
    """A feature that is linked to a decision in force is decided, and so is one that was shipped."""
    decided(log)
    planned(log)
    assert owed(read(), "undecided") == [("undecided", CARDS)]
    log.add(CARDS, FeatureLinked(decisions=(TEA,)))
    assert owed(read(), "undecided") == []
    log.add(TEA, DecisionReversed(why="No."))
    assert owed(read(), "undecided") == [("undecided", CARDS)]
    log.add(CARDS, FeatureShipped())
    assert owed(read(), "undecided") == []


def test_a_review_is_owed_from_the_day_after_its_date(log: Log, read: Reader) -> None:
    """A review is overdue once its day has passed, and cleared by a review."""
    decided(log, review_on="2023-12-01")
    snapshot = read()
    assert owed(snapshot, "review_overdue", when=TimePoint(as_of=1_701_475_199_999_999)) == []
    assert owed(snapshot, "review_overdue", when=TimePoint(as_of=1_701_475_200_000_000)) == [("review_overdue", TEA)]
    log.add(TEA, DecisionReviewed(outcome="better", finding="Well."))
    assert owed(read(), "review_overdue") == []


def test_the_day_of_a_deferral_is_no_date_of_a_review(log: Log, read: Reader) -> None:
    """A decision that is taken after it was deferred to a day owes a review on its own date, and not on that day."""
    log.add(
        TEA, DecisionProposed(title="Tea", why="So.", products=(P,), accountable="person:ann", review_on="2024-03-01")
    )
    log.add(TEA, DecisionDeferred(until="Later.", revisit_on="2023-11-16"))
    log.add(TEA, DecisionAccepted(deciders=("person:ann",)))
    snapshot = read()
    assert owed(snapshot, "review_overdue") == []
    assert owed(snapshot, "review_overdue", when=TimePoint(as_of=at(120 * DAY))) == [("review_overdue", TEA)]


def test_an_overdue_outcome_is_asked_of_the_judge(log: Log, read: Reader) -> None:
    """An expected outcome past its date is asked of its judge, or else of the owner, until it is recorded."""
    decided(log)
    expected = {"measure": "Cups", "target": "40", "due_on": "2023-12-01", "by": "person:ann"}
    log.add(TEA, ExpectedOutcomeStated(expectation="1", judge="person:bob", **expected))
    log.add(TEA, ExpectedOutcomeStated(expectation="2", **expected))
    rows = debt(read(), DebtFilter(codes=["outcome_overdue"]), TODAY).rows
    assert [(row["part"], row["owners"]) for row in rows] == [("1", ["person:bob"]), ("2", ["person:ann"])]
    late = [row["days_late"] for row in expected_outcomes(read(), Filter(), TODAY).rows]
    assert [row["days"] for row in rows] == late, "both count from the due date"
    log.add(TEA, OutcomeRecorded(expectation="1", result="unclear", by="person:bob"))
    log.add(TEA, OutcomeRecorded(expectation="2", result="met", by="person:bob"))
    assert owed(read(), "outcome_overdue") == []


def test_debt_of_a_kind_is_about_that_kind_only(log: Log, read: Reader) -> None:
    """An overdue outcome of a decision is not listed when goals are asked for, nor among what goals should bring."""
    decided(log)
    expected = {"measure": "Cups", "target": "40", "due_on": "2023-12-01", "by": "person:ann"}
    log.add(TEA, ExpectedOutcomeStated(expectation="1", **expected))
    snapshot = read()

    of_kind = {kind: Filter(kinds=(kind,)) for kind in ("decision", "feature", "goal")}

    assert {kind: len(owed(snapshot, "outcome_overdue", about=about)) for kind, about in of_kind.items()} == {
        "decision": 1,
        "feature": 0,
        "goal": 0,
    }
    assert expected_outcomes(snapshot, of_kind["goal"], TODAY).rows == []


def test_an_owner_is_missing_since_the_last_one_ended(log: Log, read: Reader) -> None:
    """What lost its owner is owed one since then: since the release, or the end of the period, and not since it exists."""
    released, ended, never = ("feature:released", "feature:ended", "feature:never")
    for subject in (released, ended, never):
        log.add(subject, FeatureProposed(title="F", products=(P,)), at=0)
    log.add(released, OwnershipAssigned(role="accountable", holders=("person:ann",)), at=DAY)
    log.add(released, OwnershipReleased(role="accountable"), at=90 * DAY)
    log.add(released, OwnershipReleased(role="accountable"), at=95 * DAY)
    until = from_micros(at(80 * DAY))
    log.add(ended, OwnershipAssigned(role="accountable", holders=("person:ann",), until=until), at=DAY)

    rows = debt(read(), DebtFilter(codes=["no_owner"]), TODAY).rows

    assert [(row["subject"], row["days"]) for row in rows] == [(never, 100), (ended, 20), (released, 10)]


def judgment(verdict: str = "exceeds", basis: str = "own", decider: str = "person:ann") -> Judgment:
    return Judgment(verdicts=(Verdict(decider=decider, verdict=verdict, basis=basis),))


def test_what_exceeds_authority_is_owed_a_ratification(log: Log, read: Reader) -> None:
    """A decision that exceeds authority is listed until an entitled person ratified it."""
    decided(log, authority=judgment())
    assert owed(read(), "unratified") == [("unratified", TEA)]
    log.add(TEA, DecisionRatified(by="person:bob", authority=judgment("within", decider="person:bob")))
    assert owed(read(), "unratified") == []


def test_a_decider_whom_another_named_is_asked_to_confirm(log: Log, read: Reader) -> None:
    """A claimed decider is asked to confirm until they did."""
    decided(log, authority=judgment("no_rule", "claimed", "person:bob"), deciders=("person:bob",))
    (row,) = debt(read(), DebtFilter(codes=["unconfirmed_decider"]), TODAY).rows
    assert (row["owners"], row["action"]) == (["person:bob"], "ConfirmDecision")
    log.add(TEA, DecisionConfirmed(by="person:bob"), by="person:bob")
    assert owed(read(), "unconfirmed_decider") == []


def test_owners_are_missing_gone_or_unconfirmed(log: Log, read: Reader) -> None:
    """A subject has no owner, an owner who left, or one who was named by another and has not acknowledged it."""
    log.add("person:bob", PersonRegistered())
    log.add(P, ProductDefined(title="P"))
    assert owed(read(), "no_owner", "owner_left", "unconfirmed_owner") == [("no_owner", P)]
    log.add(P, OwnershipAssigned(role="accountable", holders=("person:bob",)))
    assert owed(read(), "no_owner", "owner_left", "unconfirmed_owner") == [("unconfirmed_owner", P)]
    log.add(P, OwnershipAcknowledged(role="accountable", by="person:bob"))
    assert owed(read(), "no_owner", "owner_left", "unconfirmed_owner") == []
    log.add("person:bob", PersonLeft())
    snapshot = read()
    assert owed(snapshot, "no_owner", "owner_left", "unconfirmed_owner") == [("owner_left", P)]
    assert debt(snapshot, DebtFilter(codes=["owner_left"]), TODAY).rows[0]["detail"] == {"left": ["person:bob"]}
    assert owed(snapshot, "owner_left", when=TimePoint(as_of=at(4))) == []


def test_who_took_a_role_themselves_has_confirmed_it(log: Log, read: Reader) -> None:
    """Nothing is asked of a person who recorded their own role, nor of owners whom an import named."""
    log.add(P, ProductDefined(title="P", accountable="person:ann"))
    imported = ImportedChange(field="role.accountable", holders=("person:bob",))
    changes = (ImportedChange(field="exists", value=True), imported)
    log.add("feature:old", ChangesImported(changes=changes))
    assert owed(read(), "unconfirmed_owner") == []
    log.add(P, OwnershipHandedOver(to="person:bob", previous_holders=("person:ann",)))
    assert owed(read(), "unconfirmed_owner") == [("unconfirmed_owner", P)]


def test_a_delegation_is_listed_two_weeks_before_it_ends(log: Log, read: Reader) -> None:
    """A delegation about to end is listed from two weeks before its end, until it ended."""
    end = from_micros(at(60 * DAY))
    log.add("person:ann", PersonRegistered())
    log.add("person:ann", ActionsDelegated(delegation="summer", to="service:bot", until=end))
    snapshot = read()
    assert owed(snapshot, "ending_delegation", when=TimePoint(as_of=at(45 * DAY))) == []
    assert owed(snapshot, "ending_delegation", when=TimePoint(as_of=at(46 * DAY))) == [
        ("ending_delegation", "person:ann")
    ]
    assert owed(snapshot, "ending_delegation", when=TimePoint(as_of=at(60 * DAY))) == []


def test_what_is_open_and_untouched_is_stale(log: Log, read: Reader) -> None:
    """A planned feature or an open decision without an event for 30 days is stale, unless it is put off to a date."""
    planned(log)
    log.add(TEA, DecisionProposed(title="Tea", products=(P,)))
    log.add("decision:later", DecisionProposed(title="Later", products=(P,)))
    log.add("decision:later", DecisionDeferred(until="Spring.", revisit_on="2024-03-01"))
    decided(log, "done")
    snapshot = read()
    assert owed(snapshot, "stale", when=TimePoint(as_of=at(30 * DAY))) == []
    assert owed(snapshot, "stale") == [("stale", CARDS), ("stale", TEA)]
    assert owed(snapshot, "stale", when=TimePoint(as_of=at(120 * DAY))) == [
        ("stale", CARDS),
        ("stale", TEA),
        ("stale", "decision:later"),
    ]
    assert owed(snapshot, "stale", stale_days=101) == []
    log.add(CARDS, OwnershipAcknowledged(role="accountable", by="person:ann"), at=90 * DAY)
    assert ("stale", CARDS) not in owed(read(), "stale")


def test_what_rests_on_a_broken_assumption_is_listed_until_it_is_kept(log: Log, read: Reader) -> None:
    """A decision on a broken assumption is listed from then on, not before, until it is confirmed with a reason."""
    decided(log)
    log.add("assumption:water", AssumptionStated(title="Water is near.", under=(TEA,), products=(P,)))
    log.add("assumption:water", AssumptionBroken(why="The well is dry."))
    snapshot = read()
    (row,) = debt(snapshot, DebtFilter(codes=["broken_assumption"]), TODAY).rows
    assert (row["subject"], row["part"], row["detail"]["cause"]) == (TEA, "assumption:water", "assumption:water")
    assert (row["owners"], row["action"]) == (["person:ann"], "ConfirmStillValid")
    assert owed(snapshot, "broken_assumption", when=TimePoint(as_of=at(2))) == []
    assert owed(snapshot, "broken_assumption", when=TimePoint(TODAY.as_of, at(2))) == []
    log.add(TEA, StillValidConfirmed(why="There is a river."))
    assert owed(read(), "broken_assumption") == []


def test_a_reason_given_later_clears_a_missing_one(log: Log, read: Reader) -> None:
    """An accepted decision without a reason is owed none any more once it was confirmed with one."""
    log.add(TEA, DecisionProposed(title="Tea", products=(P,)))
    log.add(TEA, DecisionAccepted(deciders=("person:ann",)))
    log.add(TEA, StillValidConfirmed())
    assert owed(read(), "no_reason") == [("no_reason", TEA)]
    log.add(TEA, StillValidConfirmed(why="It is warm."))
    assert owed(read(), "no_reason") == []


def test_debt_is_found_by_product_owner_and_kind(log: Log, read: Reader) -> None:
    """Items are selected by product, by who should act, and by kind of subject; removed subjects owe nothing."""
    decided(log, review_on="2023-12-01")
    decided(log, "milk", review_on="2023-12-01", products=(), accountable="person:bob")
    snapshot = read()
    both = [("review_overdue", "decision:milk"), ("review_overdue", TEA)]
    assert owed(snapshot, "review_overdue") == both
    assert owed(snapshot, "review_overdue", about=Filter(products=(P,))) == [("review_overdue", TEA)]
    assert owed(snapshot, "review_overdue", owners=("person:bob",)) == [("review_overdue", "decision:milk")]
    assert owed(snapshot, "review_overdue", about=Filter(kinds=("feature",))) == []
    log.add(TEA, SubjectRemoved(why="A test."))
    assert owed(read(), "review_overdue") == [("review_overdue", "decision:milk")]


def test_counts_and_pages(log: Log, read: Reader) -> None:
    """Every code is counted, also over several pages."""
    decided(log, review_on="2023-12-01")
    planned(log)
    snapshot = read()
    first = debt(snapshot, DebtFilter(), TODAY, limit=1)
    rest = debt(snapshot, DebtFilter(), TODAY, cursor=first.next)
    assert list(first.about["counts"]) == list(CODES)
    assert first.about["counts"] == rest.about["counts"]
    assert sum(first.about["counts"].values()) == 1 + len(rest.rows)


def test_debt_by_month_is_what_the_list_said_at_the_end_of_each(log: Log, read: Reader) -> None:
    """Each month has the counts that the list had at its end, by product and code."""
    decided(log, review_on="2023-12-01")
    position = decided(log, "milk", review_on="2023-12-15", products=()) and len(log.entries)
    planned(log)
    snapshot = read()
    rows = debt_by_month(snapshot, DebtFilter(codes=["review_overdue", "stale"]), TODAY, months=4).rows
    assert [(row["month"], row["product"], row["code"], row["count"]) for row in rows] == [
        ("2023-12", None, "review_overdue", 1),
        ("2023-12", P, "review_overdue", 1),
        ("2023-12", P, "stale", 1),
        ("2024-01", None, "review_overdue", 1),
        ("2024-01", P, "review_overdue", 1),
        ("2024-01", P, "stale", 1),
        ("2024-02", None, "review_overdue", 1),
        ("2024-02", P, "review_overdue", 1),
        ("2024-02", P, "stale", 1),
    ]
    assert rows[0]["as_of"] == "2023-12-31T23:59:59.999999Z"
    log.add("decision:milk", EntryVoided(position=position, why="No."))
    assert {row["product"] for row in debt_by_month(read(), DebtFilter(codes=["review_overdue"]), TODAY).rows} == {P}
    assert debt_by_month(read(), None, NOW, months=1).rows[0]["month"] == "2023-11"


def test_many_months_need_no_more_memory_than_the_largest(log: Log, model: ReadModel) -> None:
    """What was read for one month is not kept for the next."""
    for n in range(20):
        decided(log, f"d{n}", review_on="2023-12-01")
    catch_up(model, log)
    bounds = Bounds(size=1 << 30)
    with model.read(bounds) as read:
        assert debt(read, None, TODAY).rows

    with model.read(Bounds(size=2 * bounds.kept_bytes)) as read:
        assert {row["month"] for row in debt_by_month(read, None, TODAY, months=60).rows} == {
            "2023-12",
            "2024-01",
            "2024-02",
        }


def test_imported_values_of_any_form_do_no_harm(log: Log, read: Reader) -> None:
    """A field that an import filled with something else is not counted and fails nothing."""
    changes = tuple(
        ImportedChange(field=name, value=value)
        for name, value in (
            *(("exists", True), ("status", "accepted"), ("review_on", "soon"), ("expectation.1", "high")),
            *(("outcome.1", "good"), ("deciders", "person:bob"), ("delegation.x", "ann")),
        )
    )
    log.add(TEA, ChangesImported(changes=changes))
    assert owed(read(), "review_overdue", "outcome_overdue", "no_reason", "ending_delegation") == [("no_reason", TEA)]
