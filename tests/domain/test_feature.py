"""The life of a feature."""

import pytest
from pydantic import ValidationError
from support_story import dated, fact, given

from domain.errors import Malformed, NotAllowed, NothingChanges, Unknown
from domain.feature import (
    CommitFeature,
    DefineFeature,
    DropFeature,
    FeatureCommitted,
    FeatureDefined,
    FeatureDropped,
    FeatureLinked,
    FeaturePaused,
    FeaturePrioritized,
    FeatureProposed,
    FeatureReopened,
    FeatureShipped,
    FeatureStarted,
    LinkFeature,
    MilestoneTargeted,
    PauseFeature,
    PrioritizeFeature,
    ProposeFeature,
    ReopenFeature,
    ShipFeature,
    StartFeature,
    TargetMilestone,
)
from domain.product import GoalSet, ProductRetired, ReleaseScheduled

GIFT = "feature:gift-cards"
PROPOSED = fact(GIFT, FeatureProposed(title="Gift cards", products=("product:shop",)))
LIVES = {
    "proposed": (PROPOSED,),
    "committed": (PROPOSED, fact(GIFT, FeatureCommitted())),
    "started": (PROPOSED, fact(GIFT, FeatureStarted())),
    "paused": (PROPOSED, fact(GIFT, FeatureStarted()), fact(GIFT, FeaturePaused())),
    "shipped": (PROPOSED, fact(GIFT, FeatureShipped())),
    "dropped": (PROPOSED, fact(GIFT, FeatureDropped(why="No use."))),
    "reopened": (PROPOSED, fact(GIFT, FeatureShipped()), fact(GIFT, FeatureReopened(why="Bugs."))),
}
OPEN = {"proposed", "committed", "started", "paused", "reopened"}
ALLOWED = {
    DefineFeature(subject=GIFT, definition="A card."): (OPEN, FeatureDefined(definition="A card.")),
    PrioritizeFeature(subject=GIFT, horizon="now", rank=3): (OPEN, FeaturePrioritized(horizon="now", rank=3)),
    TargetMilestone(subject=GIFT, day="2025-06-01"): (OPEN, MilestoneTargeted(milestone="ship", day="2025-06-01")),
    CommitFeature(subject=GIFT): ({"proposed", "reopened"}, FeatureCommitted()),
    StartFeature(subject=GIFT): (OPEN - {"started"}, FeatureStarted()),
    PauseFeature(subject=GIFT): ({"started"}, FeaturePaused()),
    ShipFeature(subject=GIFT): (OPEN, FeatureShipped()),
    DropFeature(subject=GIFT, why="No use."): (OPEN, FeatureDropped(why="No use.")),
    ReopenFeature(subject=GIFT, why="Bugs."): ({"shipped", "dropped"}, FeatureReopened(why="Bugs.")),
    LinkFeature(subject=GIFT, goals=()): (set(LIVES), FeatureLinked(goals=())),
}


@pytest.mark.parametrize("stage", LIVES)
@pytest.mark.parametrize("command", ALLOWED, ids=lambda command: command.type)
def test_transitions(command, stage):
    """Each order is taken in just the stages of a feature's life that the table names, and becomes its fact."""
    stages, event = ALLOWED[command]

    outcome = given(*LIVES[stage]).when(command)

    if stage in stages:
        outcome.then(fact(GIFT, event))
    else:
        outcome.refused(NotAllowed, "subject", "it must be")


def test_proposing():
    """A proposal begins a feature in its products, with its owner if one is named."""
    command = ProposeFeature(key="gift-cards", title="Gift cards", products=("shop",), accountable="person:bob")

    story = (
        given()
        .when(command)
        .then(fact(GIFT, FeatureProposed(title="Gift cards", products=("product:shop",), accountable="person:bob")))
    )

    assert story.value(GIFT, "role.accountable") == ["person:bob"]


def test_proposing_for_an_unknown_product():
    """A feature belongs to products the log knows."""
    given().when(ProposeFeature(key="x", title="X", products=("moon",))).refused(Unknown, "products.0")


def test_proposing_for_a_retired_product():
    """What is off the market gets no new feature; one that was proposed before may be recorded later."""
    retired = given(fact("product:shop", ProductRetired(why="Sold.")))
    command = ProposeFeature(key="x", title="X", products=("shop",))

    retired.when(command).refused(NotAllowed, "products.0", "retired")
    retired.when(dated(command, 0)).recorded()


def test_targets():
    """A milestone is aimed at a release or a day, and cleared by neither."""
    release = fact("release:r1", ReleaseScheduled(products=("product:shop",), version="1.0"))
    story = given(release, PROPOSED)

    story = story.when(TargetMilestone(subject=GIFT, milestone="beta", release="r1")).recorded()
    assert story.value(GIFT, "target.beta") == "release:r1"

    story = story.when(TargetMilestone(subject=GIFT, milestone="beta", day="2025-06-01")).recorded()
    assert story.value(GIFT, "target.beta") == "2025-06-01"

    story = story.when(TargetMilestone(subject=GIFT, milestone="beta")).recorded()
    assert story.value(GIFT, "target.beta") is None


def test_two_targets_at_once():
    """A milestone is not aimed at a release and a day at once."""
    with pytest.raises(ValidationError, match="not both"):
        TargetMilestone(subject=GIFT, release="r1", day="2025-06-01")


def test_links_keep_what_is_left_out():
    """A list of links given is the whole list; one left out stays."""
    goal = fact("goal:growth", GoalSet(title="Growth"))
    story = given(goal, PROPOSED).when(LinkFeature(subject=GIFT, goals=("growth",))).recorded()

    story = story.when(LinkFeature(subject=GIFT, features=())).recorded()

    assert story.value(GIFT, "goals") == ["goal:growth"]
    assert story.value(GIFT, "features") == []


def test_linking_badly():
    """A feature is linked to something, never to itself, and to nothing twice."""
    story = given(PROPOSED, fact("goal:growth", GoalSet(title="Growth")))

    story.when(LinkFeature(subject=GIFT)).refused(NothingChanges, "goals")
    story.when(LinkFeature(subject=GIFT, features=(GIFT,))).refused(NotAllowed, "features", "itself")
    story.when(LinkFeature(subject=GIFT, goals=("growth", "goal:growth"))).refused(Malformed, "goals", "2 times")
