"""Commands that would change nothing are refused: each field has the value already, and no reason is given."""

import pytest

from domain.any_subject import (
    AliasesSet,
    AssignToProducts,
    AttributeSet,
    ChangesImported,
    EntryVoided,
    ImportedChange,
    ProductsAssigned,
    SetAliases,
    SetAttribute,
)
from domain.assumption import (
    AssumptionLinked,
    AssumptionRevised,
    AssumptionStated,
    AssumptionUnlinked,
    LinkAssumption,
    ReviseAssumption,
)
from domain.decision_messages import (
    DecisionLinked,
    DecisionProposed,
    DecisionRevised,
    LinkDecision,
    ReviseDecision,
)
from domain.errors import NothingChanges
from domain.evidence import EvidenceLinked, EvidenceRecorded, LinkEvidence
from domain.feature import (
    FeatureLinked,
    FeaturePrioritized,
    FeatureProposed,
    LinkFeature,
    MilestoneTargeted,
    PrioritizeFeature,
    TargetMilestone,
)
from domain.meeting import AddMinutes, MeetingHeld, MeetingPlanned, MeetingRevised, MinutesAdded, ReviseMeeting
from domain.messages import Source
from domain.product import (
    GoalRevised,
    GoalSet,
    OrderReleases,
    ReleaseRescheduled,
    ReleaseScheduled,
    ReleasesOrdered,
    RescheduleRelease,
    ReviseGoal,
)
from domain.task import AssignTask
from tests.support_story import backdated, fact, given

SHOP, TEA, GIFT, GROWTH = "product:shop", "decision:tea", "feature:gift-cards", "goal:growth"
RAIN, SURVEY, ROUND, R1 = "assumption:rain", "evidence:survey", "meeting:round", "release:r1"
ANN, BOB = "person:ann", "person:bob"
KNOWN = (
    fact(GIFT, FeatureProposed(title="Gift cards", products=(SHOP,))),
    fact(TEA, DecisionProposed(title="Sell tea")),
    fact(GROWTH, GoalSet(title="Growth")),
    fact(RAIN, AssumptionStated(title="It rains")),
    fact(SURVEY, EvidenceRecorded(title="A survey", kind="customer")),
    fact(R1, ReleaseScheduled(products=(SHOP,), version="1.0")),
)
PLANNED = fact(ROUND, MeetingPlanned(title="Round", held_on="2024-12-30"))
HELD = fact(ROUND, MeetingHeld(attendees=(ANN,)))
MOVED = fact(GIFT, FeaturePrioritized(horizon="now", rank=3))
LINKED = fact(RAIN, AssumptionLinked(to=(GIFT,)))
REPEATED = {
    PrioritizeFeature(subject=GIFT, horizon="now", rank=3): (MOVED, "horizon"),
    TargetMilestone(subject=GIFT, day="2025-06-01"): (
        fact(GIFT, MilestoneTargeted(milestone="ship", day="2025-06-01")),
        "day",
    ),
    TargetMilestone(subject=GIFT, milestone="beta", release=R1): (
        fact(GIFT, MilestoneTargeted(milestone="beta", release=R1)),
        "release",
    ),
    TargetMilestone(subject=GIFT): (fact(GIFT, MilestoneTargeted(milestone="ship")), "milestone"),
    LinkFeature(subject=GIFT, goals=(GROWTH,)): (fact(GIFT, FeatureLinked(goals=(GROWTH,))), "goals"),
    LinkFeature(subject=GIFT, decisions=()): (fact(GIFT, FeatureLinked(goals=(GROWTH,))), "decisions"),
    LinkDecision(subject=TEA, goals=(GROWTH,)): (fact(TEA, DecisionLinked(goals=(GROWTH,))), "goals"),
    ReviseDecision(subject=TEA, tags=("hot",)): (fact(TEA, DecisionRevised(tags=("hot",))), "tags"),
    ReviseGoal(subject=GROWTH, target="0"): (fact(GROWTH, GoalRevised(target="0")), "target"),
    OrderReleases(subject=SHOP, releases=(R1,)): (fact(SHOP, ReleasesOrdered(releases=(R1,))), "releases"),
    RescheduleRelease(subject=R1, due_on="2025-06-01"): (fact(R1, ReleaseRescheduled(due_on="2025-06-01")), "due_on"),
    LinkAssumption(subject=RAIN, to=(GIFT,)): (LINKED, "to"),
    ReviseAssumption(subject=RAIN, confidence=0): (fact(RAIN, AssumptionRevised(confidence=0)), "confidence"),
    LinkEvidence(subject=SURVEY, to=(GIFT,)): (fact(SURVEY, EvidenceLinked(to=(GIFT,), stance="for")), "to"),
    ReviseMeeting(subject=ROUND, invited=(BOB,)): (fact(ROUND, MeetingRevised(invited=(BOB,))), "invited"),
    SetAliases(subject=SHOP, aliases=("S-1",)): (fact(SHOP, AliasesSet(aliases=("S-1",))), "aliases"),
    SetAttribute(subject=SHOP, name="color"): (fact(SHOP, AttributeSet(name="color")), "name"),
    AssignToProducts(subject=TEA, products=(SHOP,)): (fact(TEA, ProductsAssigned(products=(SHOP,))), "products"),
}


@pytest.mark.parametrize("command", REPEATED, ids=lambda command: f"{command.type}-{command.subject}")
def test_a_command_that_changes_nothing_is_refused(command):
    """A command whose fields all have their values already is refused, and the error names a field."""
    event, field = REPEATED[command]
    given(*KNOWN, PLANNED, event).when(command).refused(NothingChanges, field)


@pytest.mark.parametrize("command", REPEATED, ids=lambda command: f"{command.type}-{command.subject}")
def test_a_repetition_with_a_reason_is_recorded(command):
    """A command that changes no value is recorded if it says why: the value then has another reason."""
    event, _ = REPEATED[command]
    story = given(*KNOWN, PLANNED, event)
    story.when(command.model_copy(update={"because": (TEA,)})).recorded()
    story.when(command.model_copy(update={"note": "As agreed."})).recorded()


def test_imported_history_may_repeat_a_value():
    """A command of an import is recorded although it changes nothing: it is what happened elsewhere."""
    command = PrioritizeFeature(subject=GIFT, horizon="now", rank=3, source=Source(system="jira"))
    given(*KNOWN, MOVED).when(command).recorded()


def test_a_command_that_changes_something_is_recorded():
    """One new link among others, another stance or another order is a change."""
    story = given(*KNOWN, LINKED, fact(SURVEY, EvidenceLinked(to=(GIFT,), stance="for")))
    story.when(LinkAssumption(subject=RAIN, to=(GIFT, TEA))).recorded()
    story.when(LinkEvidence(subject=SURVEY, to=(GIFT,), stance="against")).recorded()


def test_a_removed_link_can_be_made_again():
    """A link that was removed is no repetition."""
    story = given(*KNOWN, LINKED, fact(RAIN, AssumptionUnlinked(to=(GIFT,))))
    story.when(LinkAssumption(subject=RAIN, to=(GIFT,))).recorded()


def test_a_repeated_text_is_recorded():
    """Rules never look at texts, so a text is recorded although it may be the same."""
    colored = fact(SHOP, AttributeSet(name="color", value="red"))
    given(colored).when(SetAttribute(subject=SHOP, name="color", value="red")).recorded()


def test_a_value_from_elsewhere_can_be_set_again():
    """A value that a source spells its own way is set again, in the words of this log."""
    change = ImportedChange(field="horizon", value="now", source_value="Sprint 1")
    imported = fact(GIFT, ChangesImported(changes=(change,)))
    given(*KNOWN, imported).when(PrioritizeFeature(subject=GIFT, horizon="now")).recorded()


def test_the_values_at_the_effective_time_are_compared():
    """A command that took effect earlier is compared with what was in effect then."""
    command = PrioritizeFeature(subject=GIFT, horizon="now", rank=3)
    story = given(*KNOWN, MOVED)
    story.when(backdated(command, len(KNOWN))).recorded()
    story.when(backdated(command, len(KNOWN) + 2)).refused(NothingChanges, "horizon")


def test_a_voided_value_can_be_set_again():
    """The value of a voided entry does not count, and its correction may repeat the value before it."""
    voided = fact(GIFT, EntryVoided(position=4 + len(KNOWN) + 1, why="Typo."))
    story = given(*KNOWN, MOVED, voided)
    story.when(PrioritizeFeature(subject=GIFT, horizon="now", rank=3)).recorded()
    correction = PrioritizeFeature(subject=GIFT, horizon="now", rank=3, corrects=4 + len(KNOWN) + 1)
    given(*KNOWN, MOVED).when(correction).recorded()


def test_minutes_add_something():
    """Minutes without notes and attendees, or with the same attendees, are refused."""
    story = given(PLANNED, HELD)
    story.when(AddMinutes(subject=ROUND)).refused(NothingChanges, "notes", "nothing to add")
    story.when(AddMinutes(subject=ROUND, note="N.")).refused(NothingChanges, "notes")
    story.when(AddMinutes(subject=ROUND, attendees=(ANN,))).refused(NothingChanges, "attendees")
    story.when(AddMinutes(subject=ROUND, attendees=(ANN, BOB))).then(fact(ROUND, MinutesAdded(attendees=(ANN, BOB))))


def test_minutes_may_be_the_rest_of_their_transaction():
    """What is recorded in the same transaction belongs to the minutes, which then need no notes of their own."""
    task = AssignTask(key="cups", title="Buy cups", accountable=BOB)
    given(PLANNED, HELD).when(AddMinutes(subject=ROUND), task).recorded()
