"""The life cycle of a feature."""

import pytest
from pydantic import ValidationError

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
from tests.support_story import backdated, fact, given

GIFT = "feature:gift-cards"
GROWTH = fact("goal:growth", GoalSet(title="Growth"))
PROPOSED = fact(GIFT, FeatureProposed(title="Gift cards", products=("product:shop",)))
STAGES = {
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
    LinkFeature(subject=GIFT, goals=("growth",)): (set(STAGES), FeatureLinked(goals=("goal:growth",))),
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("command", ALLOWED, ids=lambda command: command.type)
def test_transitions(command, stage):
    """Each command is accepted in exactly the stages that the table lists, and records the matching event."""
    stages, event = ALLOWED[command]

    outcome = given(GROWTH, *STAGES[stage]).when(command)

    if stage in stages:
        outcome.then(fact(GIFT, event))
    else:
        outcome.refused(NotAllowed, "subject", "it must be")


def test_propose():
    """Proposing creates a feature in its products, with an accountable person."""
    command = ProposeFeature(key="gift-cards", title="Gift cards", products=("shop",), accountable="person:bob")

    story = (
        given()
        .when(command)
        .then(fact(GIFT, FeatureProposed(title="Gift cards", products=("product:shop",), accountable="person:bob")))
    )

    assert story.value(GIFT, "role.accountable") == ["person:bob"]


def test_proposing_for_an_unknown_product():
    """A feature cannot be proposed for a product that is not in the log."""
    given().when(ProposeFeature(key="x", title="X", products=("moon",))).refused(Unknown, "products.0")


def test_proposing_for_a_retired_product():
    """A feature cannot be proposed for a retired product, unless it took effect before the product was retired."""
    retired = given(fact("product:shop", ProductRetired(why="Sold.")))
    command = ProposeFeature(key="x", title="X", products=("shop",))

    retired.when(command).refused(NotAllowed, "products.0", "retired")
    retired.when(backdated(command, 0)).recorded()


def test_targets():
    """The target of a milestone is a release or a date; with neither, it is cleared."""
    release = fact("release:r1", ReleaseScheduled(products=("product:shop",), version="1.0"))
    story = given(release, PROPOSED)

    story = story.when(TargetMilestone(subject=GIFT, milestone="beta", release="r1")).recorded()
    assert story.value(GIFT, "target.beta") == "release:r1"

    story = story.when(TargetMilestone(subject=GIFT, milestone="beta", day="2025-06-01")).recorded()
    assert story.value(GIFT, "target.beta") == "2025-06-01"

    story = story.when(TargetMilestone(subject=GIFT, milestone="beta")).recorded()
    assert story.value(GIFT, "target.beta") is None


def test_release_and_date_together():
    """A target cannot be both a release and a date."""
    with pytest.raises(ValidationError, match="not both"):
        TargetMilestone(subject=GIFT, release="r1", day="2025-06-01")


def test_links_keep_omitted_lists():
    """A list of links replaces the previous one; an omitted list stays unchanged."""
    other = fact("feature:cards", FeatureProposed(title="Cards", products=("product:shop",)))
    story = given(GROWTH, PROPOSED, other)
    story = story.when(LinkFeature(subject=GIFT, goals=("growth",), features=("cards",))).recorded()

    story = story.when(LinkFeature(subject=GIFT, features=())).recorded()

    assert story.value(GIFT, "goals") == ["goal:growth"]
    assert story.value(GIFT, "features") == []


def test_invalid_links():
    """Linking to nothing, to the feature itself, or to the same goal twice is refused."""
    story = given(PROPOSED, GROWTH)

    story.when(LinkFeature(subject=GIFT)).refused(NothingChanges, "goals")
    story.when(LinkFeature(subject=GIFT, features=(GIFT,))).refused(NotAllowed, "features", "itself")
    story.when(LinkFeature(subject=GIFT, goals=("growth", "goal:growth"))).refused(Malformed, "goals", "2 times")
