"""The progress report: its sections and lines, its stable hash, and how it is rendered."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import Any

import pytest

from api.pages.subject_addresses import subject_path
from api.report_html import as_html
from api.report_markdown import as_markdown
from api.report_text import HEADINGS, build_page
from domain.any_subject import (
    ChangesImported,
    EntryVoided,
    ImportedChange,
    ProductsAssigned,
    SubjectRemoved,
    TextsErased,
)
from domain.decision_messages import DecisionAccepted, DecisionProposed, DecisionReversed
from domain.feature import (
    FeatureCommitted,
    FeatureDropped,
    FeatureLinked,
    FeaturePrioritized,
    FeatureProposed,
    FeatureReopened,
    FeatureShipped,
    MilestoneTargeted,
)
from domain.messages import replace_strings, string_paths
from domain.ownership import OwnershipAssigned, OwnershipDelegated, OwnershipHandedOver, OwnershipReleased
from domain.people import PersonLeft, PersonMerged, PersonRegistered
from domain.product import (
    GoalClosed,
    GoalRevised,
    GoalSet,
    MeasurementRecorded,
    ProductDefined,
    ReleaseRescheduled,
    ReleaseScheduled,
    StrategySet,
)
from domain.values import ERASED, StringKind, format_micros, from_micros
from eventlog.entry import Origin
from projections.queries.debt import DebtFilter, debt
from projections.queries.filters import Filter
from projections.queries.issued_report import issued_report
from projections.queries.paging import Answer
from projections.queries.report import ReportNotFound, ReportRequest, report, report_hash
from projections.queries.report_lines import SECTIONS
from projections.queries.timepoint import TimePoint
from projections.queries.titles import titles_of_answer
from projections.read_model.model import Read
from tests.projections.support import Log, at

Reader = Callable[[], Read]
P = "product:p"
MARKUP = '<script>alert(1)</script> [x](javascript:x) *b* "quoted" & `code` \u202egnp'


def add_product(log: Log) -> None:
    """Add a product with an owner, before the period of every report."""
    log.add("person:ann", PersonRegistered(), at=-100)
    log.add("person:bob", PersonRegistered(), at=-100)
    log.add(P, ProductDefined(title="Shop"), at=-100)
    log.add(P, OwnershipAssigned(role="accountable", holders=("person:ann",)), at=-100)


def feature(log: Log, key: str, *, start: float = -50, owner: str | None = "person:ann", title: str = "") -> str:
    subject = f"feature:{key}"
    log.add(subject, FeatureProposed(title=title or f"Feature {key}", products=(P,)), at=start)
    if owner:
        log.add(subject, OwnershipAssigned(role="accountable", holders=(owner,)), at=start)
    return subject


def decision(log: Log, key: str, **more: Any) -> str:
    subject = f"decision:{key}"
    log.add(subject, DecisionProposed(title=f"Decision {key}", products=(P,), **more), at=-50)
    log.add(subject, OwnershipAssigned(role="accountable", holders=("person:ann",)), at=-50)
    return subject


def build(read: Read, since: float = 1000, until: float = 2000, position: int | None = None) -> Answer:
    return report(read, ReportRequest(P, at(since), at(until), position))


def keys_by_section(answer: Answer) -> dict[str, list[str]]:
    """Return the keys of the subjects in each section."""
    found: dict[str, list[str]] = {}
    for row in answer.rows:
        found.setdefault(row["section"], []).append(row["subject"].partition(":")[2])
    return found


def only_line(answer: Answer, section: str, key: str | None = None) -> dict[str, Any]:
    (row,) = (
        row for row in answer.rows if row["section"] == section and key in (None, row["subject"].partition(":")[2])
    )
    return row


def test_changes_are_in_their_section(log: Log, read: Reader) -> None:
    """Shipped, dropped, slipped and moved features are each reported once, and only within the half-open period."""
    add_product(log)
    for key in ("shipped", "dropped", "slipped", "nearer", "before", "after"):
        feature(log, key)
    for key in ("slipped", "nearer"):
        log.add(f"feature:{key}", MilestoneTargeted(milestone="ship", day="2030-02-01"), at=10)
    log.add("feature:before", FeatureShipped(), at=999)
    log.add("feature:shipped", FeatureShipped(), at=1000, note="at last")
    log.add("feature:dropped", FeatureDropped(why="Nobody asked."), at=1200)
    log.add("feature:slipped", MilestoneTargeted(milestone="ship", day="2030-03-01"), at=1300)
    log.add("feature:nearer", MilestoneTargeted(milestone="ship", day="2030-01-01"), at=1400)
    log.add("feature:after", MilestoneTargeted(milestone="ship", day="2030-05-01"), at=20)
    log.add("feature:after", FeatureShipped(), at=2000)

    answer = build(read())

    assert keys_by_section(answer) == {
        "shipped": ["shipped"],
        "dropped": ["dropped"],
        "slipped": ["slipped"],
        "moved": ["nearer"],
        "next": ["nearer", "slipped", "after"],
        "undecided": ["after", "nearer", "slipped"],
    }
    assert only_line(answer, "shipped")["blame"]["note"] == "at last"
    assert only_line(answer, "dropped")["reason"]["text"] == "Nobody asked."
    assert only_line(answer, "slipped")["changes"][0]["before"]["value"] == "2030-02-01"


@pytest.mark.sqlite_only
def test_a_slipped_target_shows_the_count_and_the_first_target(log: Log, read: Reader) -> None:
    """The count and the first target include moves before the period."""
    add_product(log)
    for when, day in ((10, "2030-01-01"), (20, "2030-02-01"), (1100, "2030-03-01")):
        log.add(feature(log, "f") if when == 10 else "feature:f", MilestoneTargeted(milestone="ship", day=day), at=when)

    slips = only_line(build(read()), "slipped")["slips"]

    assert slips == {"later": 2, "first": {"value": "2030-01-01", "source_value": None}}


@pytest.mark.sqlite_only
def test_decisions_name_their_deciders(log: Log, read: Reader) -> None:
    """A decision names who decided, not who recorded it; one that was reversed later no longer holds."""
    add_product(log)
    subject = decision(log, "d", why="Old reason.")
    log.add(subject, DecisionAccepted(deciders=("person:bob",), why="Cheaper."), at=1100)
    log.add(subject, DecisionReversed(why="It was not."), at=1200)
    decision(log, "open")

    answer = build(read())

    undone, taken = (row for row in answer.rows if row["section"] == "decisions")
    assert (taken["by"], taken["reason"]["text"], taken["current"]) == (["person:bob"], "Cheaper.", False)
    assert (undone["changes"][0]["after"]["value"], undone["reason"]["text"], undone["current"]) == (
        "reversed",
        "It was not.",
        True,
    )
    assert keys_by_section(answer)["waiting"] == ["open"]


@pytest.mark.sqlite_only
def test_handovers_are_reported(log: Log, read: Reader) -> None:
    """A handover and a delegation are reported; the first owner of a new subject is not."""
    add_product(log)
    feature(log, "old")
    feature(log, "new", start=1100)
    log.replace(len(log.entries), metadata=log.entries[-2].metadata)  # sent together: the same unit
    log.add("feature:old", OwnershipHandedOver(to="person:bob", previous_holders=("person:ann",)), at=1200)
    delegation = OwnershipDelegated(delegation="x", to="person:bob", by=("person:ann",), until=from_micros(at(1900)))
    log.add(P, delegation, at=1300)

    answer = build(read())

    assert keys_by_section(answer)["handed_over"] == ["p", "p", "old"], "the end of the term is reported as well"
    assert {row["reason"]["kind"] for row in answer.rows} == {"none"}
    assert only_line(answer, "handed_over", "old")["changes"][0]["after"]["value"] == ["person:bob"]
    assert keys_by_section(answer)["moved"] == ["new"]


def test_unowned_and_undecided_features(log: Log, read: Reader) -> None:
    """Dropped features need no owner; one whose owner left has none; a decision in force that is cited or linked is behind it."""
    add_product(log)
    for key, owner in (("orphan", None), ("left", "person:bob"), ("linked", "person:ann"), ("because", "person:ann")):
        feature(log, key, owner=owner)
        rests = ("decision:d",) if key == "because" else ()
        log.add(f"feature:{key}", FeatureCommitted(), at=10, because=rests)
    log.add(feature(log, "gone", owner=None), FeatureDropped(why="x"), at=20)
    log.add(decision(log, "d"), DecisionAccepted(deciders=("person:ann",)), at=-40)
    log.add("feature:linked", FeatureLinked(decisions=("decision:d",)), at=30)
    log.add("person:bob", PersonLeft(), at=1500)

    answer = build(read())

    assert keys_by_section(answer)["unowned"] == ["left", "orphan"]
    assert only_line(answer, "unowned", "left")["left"] == ["person:bob"]
    assert keys_by_section(answer)["undecided"] == ["left", "orphan"]


@pytest.mark.sqlite_only
def test_next_features_are_in_board_order(log: Log, read: Reader) -> None:
    """Next features are sorted by horizon, rank and target, without proposed ones and those for later."""
    add_product(log)
    for key, horizon, rank in (("c", "next", 1), ("b", "now", 2), ("a", "now", 1), ("z", "later", 1)):
        log.add(feature(log, key), FeaturePrioritized(horizon=horizon, rank=rank), at=10)
    feature(log, "idea")

    assert keys_by_section(build(read()))["next"] == ["a", "b", "c"]


@pytest.mark.sqlite_only
def test_overdue_features_and_goals(log: Log, read: Reader) -> None:
    """A feature is overdue when all its target dates, its own or its releases', have passed."""
    add_product(log)
    log.add("release:r", ReleaseScheduled(products=(P,), version="1", due_on="2023-11-01"), at=-50)
    for key in ("day", "release", "beta"):
        feature(log, key)
    log.add("feature:day", MilestoneTargeted(milestone="ship", day="2023-11-13"), at=10)
    log.add("feature:release", MilestoneTargeted(milestone="ship", release="release:r"), at=10)
    log.add("feature:beta", MilestoneTargeted(milestone="beta", day="2023-11-13"), at=10)
    log.add("feature:beta", MilestoneTargeted(milestone="ship", day="2023-11-14"), at=20)
    log.add("goal:g", GoalSet(title="G", products=(P,), due_on="2023-11-01"), at=-50)

    answer = build(read())  # which ends on 2023-11-14

    assert keys_by_section(answer)["overdue"] == ["release", "g", "day"]
    log.add("release:r", ReleaseRescheduled(due_on="2024-01-01"), at=1500)
    later = build(read())
    assert keys_by_section(later)["overdue"] == ["g", "day"]
    assert keys_by_section(later)["slipped"] == ["r"]


@pytest.mark.sqlite_only
def test_strategy_is_the_course_and_goals_have_their_result(log: Log, read: Reader) -> None:
    """Goals that are open or were closed in the period are listed with their measure; goals closed before are not."""
    add_product(log)
    log.add("goal:old", GoalSet(title="Old", products=(P,)), at=10)
    log.add("goal:old", GoalClosed(outcome="missed"), at=20)
    log.add(P, StrategySet(strategy="Few things."), at=1100)
    log.add("goal:open", GoalSet(title="O", products=(P,), due_on="2030-01-01", measure="Nights."), at=1200)
    log.add("goal:g", GoalSet(title="G", products=(P,)), at=1200)
    log.add("goal:g", GoalClosed(outcome="met", why="1,024"), at=1300)

    answer = build(read())
    _, markdown = read_as(read, answer)

    rows = [row for row in answer.rows if row["section"] in ("course", "goals")]
    assert [(row["subject"], row["reason"]["text"]) for row in rows] == [
        ("goal:open", None),
        ("goal:g", "1,024"),
        (P, "Few things."),
    ]
    assert "open, due Jan 1, 2030. Measure: Nights." in markdown
    assert "1 of 1 goals met" in markdown


@pytest.mark.sqlite_only
def test_a_goal_shows_its_target_and_what_was_measured(log: Log, read: Reader) -> None:
    """A goal has its baseline, target and last measured value of the end of the period, and no value that it has not."""
    add_product(log)
    goal = GoalSet(title="G", products=(P,), baseline="12", target="20", unit="%", due_on="2030-01-01")
    log.add("goal:g", goal, at=1100)
    log.add("goal:g", MeasurementRecorded(value="14"), at=1200)
    log.add("goal:g", MeasurementRecorded(value="15.5"), at=1300)
    log.add("goal:h", GoalSet(title="H", products=(P,), target="3"), at=1200)

    answer = build(read())
    _, markdown = read_as(read, answer)

    goals = {row["subject"]: row.get("progress") for row in answer.rows if row["section"] == "goals"}
    assert goals == {
        "goal:g": {"baseline": "12", "target": "20", "current": "15.5", "unit": "%"},
        "goal:h": {"target": "3"},
    }
    assert "open, due Jan 1, 2030; from 12 to 20 %, last measured 15.5 %" in markdown
    assert "open, no date; to 3." in markdown


@pytest.mark.sqlite_only
def test_a_release_shows_its_first_promise_and_its_features(log: Log, read: Reader) -> None:
    """A release that is due in the period or later has its date, the first one, and how many features were shipped."""
    add_product(log)
    log.add("release:past", ReleaseScheduled(products=(P,), version="0", due_on="2020-01-01"), at=-50)
    log.add("release:r", ReleaseScheduled(products=(P,), version="1", due_on="2029-11-01"), at=-50)
    log.add("release:r", ReleaseRescheduled(due_on="2030-01-01"), at=10)
    for key in ("a", "b"):
        log.add(feature(log, key), MilestoneTargeted(milestone="ship", release="release:r"), at=20)
    log.add("feature:a", FeatureShipped(), at=1100)

    answer = build(read())
    _, markdown = read_as(read, answer)

    line = only_line(answer, "releases")
    assert (line["subject"], line["due"], line["features"]) == ("release:r", "2030-01-01", {"planned": 2, "shipped": 1})
    assert (line["slips"]["later"], line["slips"]["first"]["value"]) == (1, "2029-11-01")
    assert "due Jan 1, 2030; first promised Nov 1, 2029; 1 of 2 features shipped" in markdown


@pytest.mark.sqlite_only
def test_reversals_and_strategy_are_never_hidden(log: Log, read: Reader) -> None:
    """In a report that is cut, reversals come first and are all shown, and so are changes of strategy."""
    add_product(log)
    for n in range(12):
        log.add(decision(log, f"d{n:02}"), DecisionAccepted(deciders=("person:bob",), why="x"), at=1100 + n)
    for n in range(30):
        log.add(feature(log, f"f{n:02}"), FeatureShipped(), at=1200 + n)
    for n in range(3):
        log.add(f"decision:d{n:02}", DecisionReversed(why=f"Wrong {n}."), at=1150 + n)
        log.add(P, StrategySet(strategy=f"Course {n}."), at=1300 + n)

    _, markdown = read_as(read, build(read()), lines=8)

    assert re.findall(r"(Wrong \d|Course \d)\.", markdown) == [
        "Course 2",
        "Course 1",
        "Course 0",
        "Wrong 2",
        "Wrong 1",
        "Wrong 0",
    ]


@pytest.mark.sqlite_only
def test_a_handover_of_many_subjects_is_one_line(log: Log, read: Reader) -> None:
    """Subjects that one person hands over on a day for the same reason are one line, which says how many."""
    add_product(log)
    for key in "abc":
        feature(log, key)
    for key in "abc":
        handed = OwnershipHandedOver(to="person:bob", previous_holders=("person:ann",))
        log.add(f"feature:{key}", handed, at=1200, note="She leaves.")

    _, markdown = read_as(read, build(read()))

    (line,) = (each for each in markdown.splitlines() if "Ann Bee → Bob" in each)
    assert line.startswith("- **3 items**: Ann Bee → Bob: Feature c, Feature b, Feature a.")
    assert line.endswith("Why: She leaves.")


@pytest.mark.sqlite_only
def test_a_reason_is_its_own_or_marked_as_inherited(log: Log, read: Reader) -> None:
    """An event that only cites a decision inherits its reason; one without either has none, whatever else is known."""
    add_product(log)
    log.add(decision(log, "d", why="It is cheaper."), DecisionAccepted(deciders=("person:ann",)), at=10)
    for key in ("own", "inherited", "none"):
        log.add(feature(log, key), FeatureCommitted(), at=20, because=("decision:d",))
    log.add("feature:own", FeatureShipped(), at=1100, because=("decision:d",), note="At last.")
    log.add("feature:inherited", FeatureShipped(), at=1200, because=("decision:d",))
    log.add("feature:none", FeatureShipped(), at=1300)

    answer = build(read())
    _, markdown = read_as(read, answer)

    link = "[Decision d](https://log.example/decisions/d)"
    assert [each.partition("Why: ")[2] for each in markdown.splitlines() if "committed → shipped" in each] == [
        "*no reason given*",
        f"*inherited from* {link}: It is cheaper.",
        f"At last. (see {link})",
    ]
    assert only_line(answer, "shipped", "none")["reason"] == {"kind": "none", "text": None, "decisions": []}


@pytest.mark.sqlite_only
def test_features_that_left_the_product_are_dropped(log: Log, read: Reader) -> None:
    """Features that were removed or assigned to another product are reported as dropped."""
    add_product(log)
    log.add("product:q", ProductDefined(title="Q"), at=-100)
    log.add(feature(log, "struck"), SubjectRemoved(why="A test."), at=1100)
    log.add(feature(log, "placed"), ProductsAssigned(products=("product:q",)), at=1200)
    log.add(feature(log, "never", owner=None), ProductsAssigned(products=("product:q",)), at=-20)

    assert keys_by_section(build(read())) == {"dropped": ["placed", "struck"]}


def test_a_change_is_in_the_report_of_the_product_it_happened_in(log: Log, read: Reader) -> None:
    """A change is reported if its subject belonged to the product when it took effect, whatever it belongs to later."""
    add_product(log)
    elsewhere = ProductsAssigned(products=("product:q",))
    log.add(feature(log, "left"), elsewhere, at=1100)
    log.add("feature:left", FeatureShipped(), at=1200)
    log.add(feature(log, "visitor", start=1100), FeatureCommitted(), at=1200)
    log.add("feature:visitor", elsewhere, at=1300)
    log.add("feature:visitor", FeatureReopened(why="x"), at=1400)
    log.add("feature:came", FeatureProposed(title="C", products=("product:q",)), at=1100)
    log.add("feature:came", FeatureShipped(), at=1200)
    log.add("feature:came", ProductsAssigned(products=(P,)), at=1300)
    log.add("feature:late", FeatureProposed(title="L", products=()), at=1100)
    log.add("feature:late", ProductsAssigned(products=(P,)), at=1300)
    log.add("release:r", ReleaseScheduled(products=(P,), version="1", due_on="2030-01-01"), at=10)
    log.add("release:r", ReleaseRescheduled(due_on="2030-02-01"), at=1100)
    log.add("release:r", elsewhere, at=1200)
    log.add("release:r", ReleaseRescheduled(due_on="2030-03-01"), at=1300)

    answer = build(read())

    changes = [
        (row["section"], row["subject"].partition(":")[2], change["field"], row["current"])
        for row in answer.rows
        for change in row["changes"]
        if row["section"] in ("shipped", "slipped", "dropped", "moved")
    ]
    assert changes == [
        ("slipped", "r", "due_on", False),
        ("dropped", "visitor", "products", True),
        ("dropped", "left", "products", True),
        ("moved", "late", "products", True),
        ("moved", "came", "products", True),
        ("moved", "visitor", "status", False),
        ("moved", "visitor", "exists", True),
        ("moved", "visitor", "status", True),
    ]


@pytest.mark.sqlite_only
def test_features_that_are_due_with_a_release_of_another_product_are_overdue(log: Log, read: Reader) -> None:
    """The date of a target is that of its release, of whatever product, also where the target slipped."""
    add_product(log)
    for key, version in (("old", "1"), ("new", "2")):
        due = ReleaseScheduled(products=("product:q",), version=version, due_on=f"2023-11-0{version}")
        log.add(f"release:{key}", due, at=-50)
    log.add(feature(log, "f"), MilestoneTargeted(milestone="ship", release="release:old"), at=10)
    log.add("feature:f", MilestoneTargeted(milestone="ship", release="release:new"), at=1100)

    answer = build(read())

    assert only_line(answer, "overdue")["due"] == "2023-11-02"
    assert only_line(answer, "slipped")["due"] == "2023-11-02"


@pytest.mark.sqlite_only
def test_what_lost_its_owner_has_none_since_then(log: Log, read: Reader) -> None:
    """An owner is missing since the release or the end of the period, by that event, and not since the subject exists."""
    add_product(log)
    log.add(feature(log, "released"), OwnershipReleased(role="accountable"), at=1100, by="person:bob")
    until = OwnershipAssigned(role="accountable", holders=("person:ann",), until=from_micros(at(1200)))
    log.add(feature(log, "ended", owner=None), until, at=10, by="person:bob")
    feature(log, "never", owner=None)

    rows = [row for row in build(read()).rows if row["section"] == "unowned"]

    assert [(row["subject"], row["at"], row["by"], row["blame"]["type"]) for row in rows] == [
        ("feature:ended", format_micros(at(1200)), ["person:bob"], "OwnershipAssigned.v1"),
        ("feature:never", format_micros(at(-50)), ["person:ann"], "FeatureProposed.v1"),
        ("feature:released", format_micros(at(1100)), ["person:bob"], "OwnershipReleased.v1"),
    ]


@pytest.mark.sqlite_only
def test_only_a_decision_in_force_is_behind_a_feature(log: Log, read: Reader) -> None:
    """Evidence is no decision, and neither is one that was proposed or reversed; the report agrees with the debt."""
    add_product(log)
    for key in ("taken", "reversed"):
        log.add(decision(log, key), DecisionAccepted(deciders=("person:ann",)), at=10)
    log.add("decision:reversed", DecisionReversed(why="x"), at=20)
    decision(log, "open")
    for key in ("taken", "reversed", "open"):
        log.add(feature(log, f"cites-{key}"), FeatureCommitted(), at=30, because=(f"decision:{key}",))
        log.add(feature(log, f"linked-{key}"), FeatureCommitted(), at=30)
        log.add(f"feature:linked-{key}", FeatureLinked(decisions=(f"decision:{key}",)), at=40)
    log.add(feature(log, "tested"), FeatureCommitted(), at=30, because=("evidence:e",))

    snapshot = read()
    found = keys_by_section(build(snapshot))["undecided"]

    assert found == ["cites-open", "cites-reversed", "linked-open", "linked-reversed", "tested"]
    when = TimePoint(as_of=at(1999))
    owed = debt(snapshot, DebtFilter(about=Filter(products=(P,)), codes=["undecided"]), when)
    assert sorted(row["subject"].partition(":")[2] for row in owed.rows) == found


@pytest.mark.sqlite_only
def test_a_goal_slips_as_a_release_does(log: Log, read: Reader) -> None:
    """A goal that is due later is a slip, and the goal shows its first promise; one that is due earlier moved."""
    add_product(log)
    log.add("goal:g", GoalSet(title="G", products=(P,), due_on="2030-01-01"), at=1100)
    log.add("goal:g", GoalRevised(due_on="2030-03-01"), at=1200)
    log.add("goal:g", GoalRevised(due_on="2030-02-01"), at=1300)

    answer = build(read())
    _, markdown = read_as(read, answer)

    assert keys_by_section(answer) == {"goals": ["g"], "slipped": ["g"], "moved": ["g"], "unowned": ["g"]}
    first = {"value": "2030-01-01", "source_value": None}
    assert [only_line(answer, each)["slips"] for each in ("goals", "slipped")] == [{"later": 1, "first": first}] * 2
    assert "open, due Feb 1, 2030; first promised Jan 1, 2030" in markdown
    assert "In this period: 1 date slipped, 1 other change of the roadmap." in markdown


@pytest.mark.sqlite_only
def test_a_period_with_any_change_is_not_called_empty(log: Log, read: Reader) -> None:
    """The headline counts each section about the period, so that it says that nothing happened only if all are empty."""
    add_product(log)
    feature(log, "f", start=1100)
    log.add("feature:f", FeaturePrioritized(horizon="now"), at=1200)
    log.add("feature:f", OwnershipHandedOver(to="person:bob", previous_holders=("person:ann",)), at=1300)
    log.add(P, StrategySet(strategy="Few things."), at=1400)

    _, markdown = read_as(read, build(read()))

    changed = "1 change of the vision or strategy, 2 other changes of the roadmap, 2 handovers"
    assert f"In this period: {changed}." in markdown
    assert "Nothing was decided" not in markdown


@pytest.mark.sqlite_only
def test_a_handover_from_before_the_period_is_late(log: Log, read: Reader) -> None:
    """A handover that was recorded in the period, and holds from a day before it, was recorded late."""
    add_product(log)
    feature(log, "f")
    start = len(log.entries) + 0.5
    handed = {"to": "person:bob", "previous_holders": ("person:ann",)}
    log.add("feature:f", OwnershipHandedOver(**handed, **{"from": from_micros(at(2))}))
    end = len(log.entries) + 0.5
    snapshot = read()

    late = report(snapshot, ReportRequest(P, at(start), at(end)))
    before = report(snapshot, ReportRequest(P, at(0), at(start)))

    assert keys_by_section(late).get("late") == ["f"]
    assert only_line(late, "late")["at"] == format_micros(at(2))
    assert keys_by_section(before)["handed_over"] == ["f"]


def test_backdated_events_and_voided_entries_are_late(log: Log, read: Reader) -> None:
    """Events backdated to before the period and entries voided in it are late; imported history is not."""
    add_product(log)
    feature(log, "f")
    start = len(log.entries) + 0.5
    late = log.add("feature:f", FeatureCommitted(), at=2, note="Only heard of it now.")
    imported = (ImportedChange(field="exists", value=True), ImportedChange(field="products", subjects=(P,)))
    log.add("feature:imported", ChangesImported(changes=imported), at=1, source=Origin("import", "jira"))
    log.add("feature:f", FeatureShipped(), at=len(log.entries) + 1)
    log.add("feature:f", EntryVoided(position=len(log.entries), why="Not yet."))

    answer = report(read(), ReportRequest(P, at(start), at(1000)))

    assert [
        (row["at"] < answer.about["since"], row.get("voids"), row["reason"]["text"])
        for row in answer.rows
        if row["section"] == "late"
    ] == [(False, late + 2, "Not yet."), (True, None, "Only heard of it now.")]
    assert "shipped" not in keys_by_section(answer)


def erase_all_texts(log: Log) -> None:
    """Erase every text of every entry so far."""
    for entry in log.entries:
        event = entry.event
        for path in string_paths(type(event), StringKind.TEXT):
            event = replace_strings(event, path, lambda _: ERASED)
        note = entry.metadata.note and ERASED
        log.replace(entry.position, event=event, metadata=entry.metadata._replace(note=note))
    log.add("log:l", TextsErased(positions=tuple(range(1, len(log.entries) + 1)), reason_code="request"))


def add_story(log: Log) -> None:
    """Add something to nearly every section."""
    add_product(log)
    for key in ("a", "b", "c"):
        log.add(feature(log, key), MilestoneTargeted(milestone="ship", day="2030-01-01"), at=10)
    log.add(decision(log, "d"), DecisionAccepted(deciders=("person:bob",), why="Cheaper."), at=1100, note="said aloud")
    log.add("feature:a", FeatureShipped(), at=1200, because=("decision:d",))
    log.add("feature:b", MilestoneTargeted(milestone="ship", day="2030-02-01"), at=1300, note="sick leave")
    log.add("feature:c", OwnershipHandedOver(to="person:bob", previous_holders=("person:ann",)), at=1400)
    log.add(P, StrategySet(strategy="Few things."), at=1500)


def test_later_events_do_not_change_the_report_of_a_position(log: Log, read: Reader) -> None:
    """Backdated events, voided entries, merged people and erased texts do not change the report up to a position,
    except the texts.
    """
    add_story(log)
    position = len(log.entries)
    before = build(read(), position=position)
    shipped = next(entry.position for entry in log.entries if isinstance(entry.event, FeatureShipped))
    log.add("feature:c", FeatureShipped(), at=1250)
    log.add("feature:a", EntryVoided(position=shipped, why="x"))
    log.add("feature:a", FeatureReopened(why="x"), at=1600)
    log.add("person:bob", PersonMerged(into="person:ann"))
    log.add("decision:d", DecisionReversed(why="x"), at=1700)

    after = build(read(), position=position)

    assert after.to_dict() == before.to_dict()
    assert build(read()).about["sha256"] != before.about["sha256"], "what is known by now is another report"
    erase_all_texts(log)
    forgotten = build(read(), position=position)
    assert forgotten.about["sha256"] == before.about["sha256"]
    assert {row["reason"]["text"] for row in forgotten.rows} == {None, ERASED}
    assert {row["title"] for row in forgotten.rows} == {ERASED}


@pytest.mark.sqlite_only
def test_the_hash_covers_everything_but_texts(log: Log, read: Reader) -> None:
    """The hash can be computed from the answer; it differs for another period or position, and for any changed code."""
    add_story(log)
    snapshot = read()
    answer = build(snapshot).to_dict()

    assert report_hash(answer) == answer["sha256"] == report_hash(answer | {"titles": {"person:ann": "Ann"}})
    assert build(snapshot, until=2001).about["sha256"] != answer["sha256"]
    assert build(snapshot, position=len(log.entries) - 1).about["sha256"] != answer["sha256"]
    answer["rows"][0]["by"] = ["person:eve"]
    assert report_hash(answer) != answer["sha256"]


def test_an_issued_report_is_found_again(log: Log, read: Reader) -> None:
    """An issued report has the period, position and hash of its entry; without one there is an error."""
    from domain.product import ReportIssued

    add_story(log)
    answer = build(read())
    event = ReportIssued(
        since=from_micros(at(1000)),
        until=from_micros(at(2000)),
        position=answer.position,
        sha256=answer.about["sha256"],
        summary="A quiet month.",
    )
    position = log.add(P, event)

    issued = issued_report(read(), P, position)
    who = {"position": position, "by": "person:ann", "summary": "A quiet month."}
    assert issued.about == {**answer.about, "issued": {**who, "at": issued.about["issued"]["at"]}}
    assert report_hash(issued.to_dict()) == answer.about["sha256"]
    html, markdown = read_as(read, issued)
    assert "> A quiet month.\n\nIssued by Ann Bee, Nov 14, 2023" in markdown
    assert "A quiet month." in "".join(html.words)
    for subject, where in ((P, position - 1), ("product:other", position)):
        with pytest.raises(ReportNotFound, match="no report of"):
            issued_report(read(), subject, where)
    with pytest.raises(ReportNotFound, match=f"ends at position {position}"):
        build(read(), position=position + 1)


# As it is read -------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The elements, links and text of an HTML page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class People:
    """The names of two people."""

    def name(self, person: str) -> str | None:
        """Return the display name of a person."""
        return self.display_names([person]).get(person)

    def display_names(self, people: Sequence[str]) -> dict[str, str]:
        """Return the display names of people."""
        names = {"person:ann": "Ann Bee", "person:bob": "Bob"}
        return {person: names[person] for person in people if person in names}


def read_as(read: Reader, answer: Answer, **options: Any) -> tuple[Page, str]:
    titles = titles_of_answer(read(), answer, People())
    page = build_page({**answer.to_dict(), "titles": titles}, base="https://log.example", **options)
    return Page(as_html(page)), as_markdown(page)


@pytest.mark.sqlite_only
def test_an_empty_report_reads_well(log: Log, read: Reader) -> None:
    """A report without lines has two sentences about that, and no empty table."""
    add_product(log)

    html, markdown = read_as(read, build(read()))

    assert "table" not in html.tags
    for text in ("".join(html.words), markdown):
        assert "Nothing was decided, shipped or moved in this period." in text
        assert "At its end nothing is planned, overdue, waiting for a decision or without an owner." in text
    assert "None" not in markdown


@pytest.mark.sqlite_only
def test_every_line_has_its_reason_and_its_link(log: Log, read: Reader) -> None:
    """Subject, entry and decisions are linked; a missing reason is shown as such."""
    add_story(log)
    answer = build(read())

    html, markdown = read_as(read, answer)

    for row in answer.rows:
        assert f"https://log.example{subject_path(row['subject'])}" in html.links
        assert f"https://log.example/audit/{row['blame']['position']}" in html.links
    (shipped,) = (each for each in markdown.splitlines() if "proposed → shipped" in each)
    assert "Why: *inherited from* [Decision d](https://log.example/decisions/d)" in shipped
    assert "Bob" in next(each for each in markdown.splitlines() if "accepted" in each)
    assert "no reason given" in markdown
    assert [f"## {HEADINGS[section]}" in markdown for section in SECTIONS] == [
        answer.about["counts"][section] > 0 for section in SECTIONS
    ]


@pytest.mark.sqlite_only
def test_nothing_that_was_written_is_taken_for_markup(log: Log, read: Reader) -> None:
    """Titles and reasons with script, links or emphasis are shown literally in both formats."""
    add_product(log)
    feature(log, "f", title=MARKUP)
    log.add("feature:f", FeatureDropped(why=MARKUP), at=1100)

    html, markdown = read_as(read, build(read()))
    plain = MARKUP.replace("\u202e", "")

    assert {"script", "img", "b"}.isdisjoint(html.tags)
    assert all(link.startswith("https://log.example/") for link in html.links)
    assert "".join(html.words).count(plain) == 2
    (dropped,) = (each for each in markdown.splitlines() if each.startswith("- **"))
    assert re.sub(r"\\(?=[^\w\s])", "", dropped).count(plain) == 2
    unescaped = re.sub(r"\\[^\w\s]", "", dropped)
    assert not re.search(r"[<`]|\]\(javascript", unescaped)
    assert re.findall(r"\]\(([^)]*)\)", unescaped) == [
        "https://log.example/features/f",
        f"https://log.example/audit/{len(log.entries)}",
    ]


@pytest.mark.sqlite_only
def test_a_long_report_is_cut_evenly(log: Log, read: Reader) -> None:
    """Sections share the lines evenly, and each says how many more there are."""
    add_product(log)
    for n in range(30):
        log.add(feature(log, f"f{n:02}"), FeatureShipped(), at=1100 + n)
    log.add(feature(log, "g"), FeatureDropped(why="x" * 5000), at=1200)

    html, markdown = read_as(read, build(read()), lines=10)

    assert html.tags.count("tr") == 2 + 10
    assert "21 more" in markdown
    assert max(map(len, markdown.splitlines())) < 600
