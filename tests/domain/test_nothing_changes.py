"""Links and minutes that would change nothing are refused, unless a reason is given."""

import pytest

from domain.any_subject import (
    EntryVoided,
)
from domain.assumption import (
    AssumptionLinked,
    AssumptionStated,
    AssumptionUnlinked,
    LinkAssumption,
)
from domain.decision_messages import (
    DecisionProposed,
)
from domain.errors import NothingChanges
from domain.evidence import EvidenceLinked, EvidenceRecorded, LinkEvidence
from domain.feature import (
    FeaturePrioritized,
    FeatureProposed,
)
from domain.meeting import AddMinutes, MeetingHeld, MeetingPlanned, MinutesAdded
from domain.messages import Source
from domain.product import (
    GoalSet,
    ReleaseScheduled,
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
    LinkAssumption(subject=RAIN, to=(GIFT,)): LINKED,
    LinkEvidence(subject=SURVEY, to=(GIFT,)): fact(SURVEY, EvidenceLinked(to=(GIFT,), stance="for")),
}


@pytest.mark.parametrize("command", REPEATED, ids=lambda command: f"{command.type}-{command.subject}")
def test_a_repeated_link_is_refused(command):
    """A link that exists already is refused, and the error names the field."""
    given(*KNOWN, REPEATED[command]).when(command).refused(NothingChanges, "to", "already linked")


@pytest.mark.parametrize("command", REPEATED, ids=lambda command: f"{command.type}-{command.subject}")
def test_a_repetition_with_a_reason_is_recorded(command):
    """A link that exists already is recorded if the command says why: it then has another reason."""
    story = given(*KNOWN, REPEATED[command])
    story.when(command.model_copy(update={"because": (TEA,)})).recorded()
    story.when(command.model_copy(update={"note": "As agreed."})).recorded()


def test_imported_history_may_repeat_a_link():
    """A command of an import is recorded although it changes nothing: it is what happened elsewhere."""
    command = LinkAssumption(subject=RAIN, to=(GIFT,), source=Source(system="jira"))
    given(*KNOWN, LINKED).when(command).recorded()


def test_a_command_that_changes_something_is_recorded():
    """One new link among others, or another stance, is a change."""
    story = given(*KNOWN, LINKED, fact(SURVEY, EvidenceLinked(to=(GIFT,), stance="for")))
    story.when(LinkAssumption(subject=RAIN, to=(GIFT, TEA))).recorded()
    story.when(LinkEvidence(subject=SURVEY, to=(GIFT,), stance="against")).recorded()


def test_a_removed_link_can_be_made_again():
    """A link that was removed is no repetition."""
    story = given(*KNOWN, LINKED, fact(RAIN, AssumptionUnlinked(to=(GIFT,))))
    story.when(LinkAssumption(subject=RAIN, to=(GIFT,))).recorded()


def test_the_links_at_the_effective_time_are_compared():
    """A command that took effect earlier is compared with what was in effect then."""
    command = LinkAssumption(subject=RAIN, to=(GIFT,))
    story = given(*KNOWN, LINKED)
    story.when(backdated(command, len(KNOWN))).recorded()
    story.when(backdated(command, len(KNOWN) + 2)).refused(NothingChanges, "to")


def test_a_voided_link_can_be_made_again():
    """The link of a voided entry does not count, and its correction may repeat it."""
    position = 4 + len(KNOWN) + 1
    voided = fact(RAIN, EntryVoided(position=position, why="Typo."))
    given(*KNOWN, LINKED, voided).when(LinkAssumption(subject=RAIN, to=(GIFT,))).recorded()
    given(*KNOWN, LINKED).when(LinkAssumption(subject=RAIN, to=(GIFT,), corrects=position)).recorded()


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
