"""What contributes to which goal, both ways, as a table and as a graph, and what contributes to none."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from random import Random

import pytest

from domain.decision_messages import DecisionAccepted, DecisionLinked, DecisionProposed, DecisionReversed
from domain.feature import FeatureDropped, FeatureLinked, FeatureProposed, MilestoneTargeted
from domain.product import GoalClosed, GoalSet, ReleaseScheduled
from eventlog.entry import Entry
from projections.queries.contributions import contribution_gaps, contributions
from projections.queries.filters import Filter
from projections.queries.timepoint import NOW, TimePoint
from projections.read_model.model import Read
from tests.projections.reference_model import values_in_effect, without_removed
from tests.projections.support import BuildModel, Log, at

Reader = Callable[[], Read]
P = "product:p"
Ways = list[tuple[str | None, ...]]


@pytest.fixture
def story(log: Log) -> Log:
    """A goal that a decision and a feature contribute to, which a release carries."""
    log.add("goal:reach", GoalSet(title="Reach", products=(P,)))
    log.add("release:r1", ReleaseScheduled(version="1.0", products=(P,)))
    log.add("decision:tea", DecisionProposed(title="Tea", goals=("goal:reach",)))
    log.add("feature:kettle", FeatureProposed(title="Kettle", products=(P,)))
    log.add("feature:kettle", FeatureLinked(decisions=("decision:tea",)))
    log.add("feature:kettle", MilestoneTargeted(milestone="ship", release="release:r1"))
    return log


def ways(read: Read, selection: Filter | None = None, when: TimePoint = NOW) -> Ways:
    return [tuple(row.values()) for row in contributions(read, selection, when).rows]


def test_a_way_leads_from_a_goal_to_a_release(story: Log, read: Reader) -> None:
    """A goal is reached through a decision and a feature by a release; the graph has the same edges."""
    answer = contributions(read())

    assert [tuple(row.values()) for row in answer.rows] == [
        ("goal:reach", "decision:tea", "feature:kettle", "release:r1")
    ]
    assert [(each["from"], each["to"]) for each in answer.about["edges"]] == [
        ("decision:tea", "feature:kettle"),
        ("feature:kettle", "release:r1"),
        ("goal:reach", "decision:tea"),
    ]
    assert {each["subject"]: each["title"] for each in answer.about["nodes"]} == {
        "decision:tea": "Tea",
        "feature:kettle": "Kettle",
        "goal:reach": "Reach",
        "release:r1": "1.0",
    }


def test_a_way_can_be_asked_for_from_either_end(story: Log, read: Reader) -> None:
    """From the release, the same way leads back to the goal; from an unrelated subject there is none."""
    story.add("goal:other", GoalSet(title="Other"))
    snapshot = read()

    forth = ways(snapshot, Filter(subjects=("goal:reach",)))
    assert (
        forth == ways(snapshot, Filter(subjects=("release:r1",))) == ways(snapshot, Filter(subjects=("decision:tea",)))
    )
    assert len(forth) == 1
    assert ways(snapshot, Filter(subjects=("goal:other",))) == []


def test_a_feature_under_a_decision_is_not_listed_directly_as_well(story: Log, read: Reader) -> None:
    """A feature that names the goal of its own decision is listed once, through the decision."""
    story.add("feature:kettle", FeatureLinked(goals=("goal:reach",)))
    story.add("feature:cup", FeatureProposed(title="Cup", products=(P,)))
    story.add("feature:cup", FeatureLinked(goals=("goal:reach",)))

    assert ways(read()) == [
        ("goal:reach", None, "feature:cup", None),
        ("goal:reach", "decision:tea", "feature:kettle", "release:r1"),
    ]


def test_contributions_are_answered_as_of_a_time(story: Log, read: Reader) -> None:
    """What contributed at a time is answered by what was in effect and known then."""
    linked = story.add("decision:tea", DecisionLinked(goals=()))
    snapshot = read()

    assert ways(snapshot, when=TimePoint(at(linked) - 1)) != []
    assert ways(snapshot, when=TimePoint(at(linked))) == []
    assert ways(snapshot, when=TimePoint(known_at=at(linked) - 1)) != []


def test_gaps_are_goals_without_contribution_and_work_without_a_goal(story: Log, read: Reader) -> None:
    """An open goal that nothing contributes to, an accepted decision and an open feature without a goal are gaps."""
    story.add("goal:idle", GoalSet(title="Idle"))
    story.add("goal:done", GoalSet(title="Done"))
    story.add("goal:done", GoalClosed(outcome="met"))
    story.add("decision:cake", DecisionProposed(title="Cake"))
    story.add("decision:cake", DecisionAccepted(deciders=("person:ann",)))
    story.add("feature:oven", FeatureProposed(title="Oven", products=(P,)))
    story.add("feature:pan", FeatureProposed(title="Pan", products=(P,)))
    story.add("feature:pan", FeatureDropped(why="no"))
    snapshot = read()

    found = {row["subject"]: row["reason"] for row in contribution_gaps(snapshot).rows}
    assert found == {"goal:idle": "no_contribution", "decision:cake": "no_goal", "feature:oven": "no_goal"}
    of_product = contribution_gaps(snapshot, Filter(products=(P,))).rows
    assert [row["subject"] for row in of_product] == ["feature:oven"]


# Equality with a naive fold ----------------------------------------------------------------------------------------


def naive_ways(entries: list[Entry], as_of: int) -> set[tuple[str | None, ...]]:
    """Every way, by trying all combinations of subjects."""
    values = without_removed(values_in_effect(entries, as_of, 1 << 62))
    subjects = {subject for subject, _ in values}
    of_kind = {
        kind: sorted(each for each in subjects if each.startswith(kind)) for kind in ("goal", "deci", "feat", "rele")
    }

    def get(subject: str | None, field: str) -> object:
        return values.get((subject or "", field), ((), None))[0]

    def lists(subject: str | None, field: str, other: str) -> bool:
        return other in get(subject, field)  # type: ignore[operator]

    cited = {
        (entry.subject, cause) for entry in entries if entry.effective_at <= as_of for cause in entry.metadata.because
    }

    def rests(feature: str, decision: str) -> bool:
        return lists(feature, "decisions", decision) or (feature, decision) in cited

    decisions = [each for each in of_kind["deci"] if get(each, "status") != "reversed"]
    features = [each for each in of_kind["feat"] if get(each, "status") != "dropped"]
    found: set[tuple[str | None, ...]] = set()
    for goal in of_kind["goal"]:
        serving = [each for each in decisions if lists(each, "goals", goal)]
        for decision, feature in product([*serving, None], [*features, None]):
            under = [each for each in serving if feature and rests(feature, each)]
            is_way = (
                (decision in under)
                if decision and feature
                else not any(rests(each, decision) for each in features)
                if decision
                else bool(feature) and lists(feature, "goals", goal) and not under
            )
            targets = [each for each in of_kind["rele"] if feature and get(feature, "target.ship") == each]
            if is_way:
                found |= {(goal, decision, feature, release) for release in targets or [None]}
    return found


@pytest.mark.seeds(15)
def test_contributions_equal_a_naive_fold(build_model: BuildModel, seed: int) -> None:
    """On random logs, the ways equal those found by trying all combinations; those of a subject are those it is on."""
    random = Random(seed)
    log = Log()
    goals, decisions = [f"goal:{key}" for key in "ab"], [f"decision:{key}" for key in "abc"]
    features, releases = [f"feature:{key}" for key in "abc"], ["release:a", "release:b"]
    for each in goals:
        log.add(each, GoalSet(title=each))
    for each in decisions:
        log.add(each, DecisionProposed(title=each, goals=tuple(random.sample(goals, random.randint(0, 2)))))
    for each in features:
        because = tuple(random.sample(decisions, random.choice([0, 0, 1])))
        log.add(each, FeatureProposed(title=each, products=(P,)), because=because)
    for each in releases:
        log.add(each, ReleaseScheduled(version=each, products=(P,)))
    for _ in range(14):
        feature, decision = random.choice(features), random.choice(decisions)
        subject, event = random.choice(
            [
                (feature, FeatureLinked(decisions=tuple(random.sample(decisions, random.randint(0, 2))))),
                (feature, FeatureLinked(goals=tuple(random.sample(goals, random.randint(0, 2))))),
                (feature, MilestoneTargeted(milestone="ship", release=random.choice([*releases, None]))),
                (decision, DecisionLinked(goals=tuple(random.sample(goals, random.randint(0, 2))))),
                (decision, DecisionReversed(why="no") if random.random() < 0.3 else DecisionLinked(goals=tuple(goals))),
                (feature, FeatureDropped(why="no") if random.random() < 0.3 else FeatureLinked(goals=tuple(goals))),
            ]
        )
        log.add(subject, event)
    with build_model(log).read() as read:
        for as_of in (at(random.uniform(0, 30)), at(60)):
            got = [tuple(row.values()) for row in contributions(read, None, TimePoint(as_of)).rows]
            assert len(set(got)) == len(got)
            assert set(got) == naive_ways(log.entries, as_of)
            for subject in (*goals, *decisions, *features, *releases):
                asked = contributions(read, Filter(subjects=(subject,)), TimePoint(as_of))
                assert [tuple(row.values()) for row in asked.rows] == [way for way in got if subject in way]
