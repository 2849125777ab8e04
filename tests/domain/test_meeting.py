"""Meetings and tasks: what is refused, and what is recorded."""

import pytest

from domain.errors import AlreadyExists, NotAllowed, NothingChanges
from domain.meeting import (
    AddMinutes,
    CancelMeeting,
    HoldMeeting,
    MeetingCanceled,
    MeetingHeld,
    MeetingPlanned,
    MeetingRecorded,
    MinutesAdded,
    PlanMeeting,
    RecordMeeting,
    ReviseMeeting,
)
from domain.task import AssignTask, CompleteTask, DropTask, RescheduleTask, TaskAssigned, TaskCompleted, TaskDropped
from domain.values import format_micros
from tests.support_story import TODAY, day, fact, given

ROUND, CUPS = "meeting:round", "task:cups"
PLANNED = fact(ROUND, MeetingPlanned(title="Round", held_on="2024-12-30"))
HELD = fact(ROUND, MeetingHeld(attendees=("person:ann",)))
TASK = fact(CUPS, TaskAssigned(title="Buy cups", accountable="person:ann", due_on="2025-06-01"))


def test_a_planned_meeting_is_written_up_once() -> None:
    """A planned meeting is held; after that it is neither held again, nor revised, nor canceled."""
    hold = HoldMeeting(subject=ROUND, attendees=("person:ann",))
    given(PLANNED).when(hold).then(fact(ROUND, MeetingHeld(attendees=("person:ann",))))
    for command in (hold, ReviseMeeting(subject=ROUND, notes="N."), CancelMeeting(subject=ROUND, why="W.")):
        given(PLANNED, HELD).when(command).refused(NotAllowed, "subject", "is held")


def test_a_meeting_is_not_written_up_before_its_day() -> None:
    """A meeting that is planned for a future day cannot be written up, unless the day it was held is given."""
    later = fact(ROUND, MeetingPlanned(title="Round", held_on="2035-01-01"))
    command = HoldMeeting(subject=ROUND, attendees=("person:ann",))
    given(later).when(command).refused(NotAllowed, "held_on", "in the future")
    given(later).when(command.model_copy(update={"held_on": "2024-12-30"})).then(
        fact(ROUND, MeetingHeld(attendees=("person:ann",), held_on="2024-12-30"))
    )


def test_a_meeting_that_was_not_planned_is_recorded_in_one_event() -> None:
    """Writing up a meeting without a plan creates it as held; a day in the future is refused."""
    command = RecordMeeting(key="round", title="Round", held_on="2024-12-30", attendees=("person:ann",))
    event = MeetingRecorded(title="Round", held_on="2024-12-30", attendees=("person:ann",))
    given().when(command).then(fact(ROUND, event))
    given(PLANNED).when(command).refused(AlreadyExists, "key")
    given().when(command.model_copy(update={"held_on": "2035-01-01"})).refused(NotAllowed, "held_on")


def test_a_day_that_has_begun_anywhere_on_earth_is_not_in_the_future() -> None:
    """A meeting of today or, once the earliest time zone has passed midnight, of tomorrow is written up; a later one is not."""
    today, tomorrow, later = (format_micros(day(TODAY + number))[:10] for number in range(3))
    record = RecordMeeting(key="round", title="Round", held_on=tomorrow, attendees=("person:ann",))
    hold = HoldMeeting(subject=ROUND, attendees=("person:ann",), held_on=tomorrow)
    for story, command in ((given(), record), (given(PLANNED), hold)):
        story.when(command.model_copy(update={"held_on": today})).recorded()
        story.when(command, hour=9).refused(NotAllowed, "held_on", "in the future")
        story.when(command, hour=10).recorded()
        story.when(command.model_copy(update={"held_on": later}), hour=23).refused(NotAllowed, "held_on")


def test_minutes_are_added_only_to_a_meeting_that_was_held() -> None:
    """Minutes cannot be added to a meeting that is still planned."""
    command = AddMinutes(subject=ROUND, notes="Bob was late.")
    given(PLANNED).when(command).refused(NotAllowed, "subject", "is planned")
    given(PLANNED, HELD).when(command).then(fact(ROUND, MinutesAdded(notes="Bob was late.")))


def test_a_meeting_is_canceled_with_a_reason() -> None:
    """A canceled meeting is not held."""
    given(PLANNED).when(CancelMeeting(subject=ROUND, why="Snow.")).then(fact(ROUND, MeetingCanceled(why="Snow.")))
    canceled = fact(ROUND, MeetingCanceled(why="Snow."))
    given(PLANNED, canceled).when(HoldMeeting(subject=ROUND, attendees=("person:ann",))).refused(NotAllowed, "subject")


def test_a_revision_of_a_meeting_changes_something() -> None:
    """A revision without any field is refused."""
    given(PLANNED).when(ReviseMeeting(subject=ROUND)).refused(NothingChanges, "held_on")


def test_a_meeting_is_planned_without_anything_but_a_title_and_a_day() -> None:
    """Agenda, invitations and products are optional."""
    command = PlanMeeting(key="round", title="Round", held_on="2035-01-01")
    given().when(command).then(fact(ROUND, MeetingPlanned(title="Round", held_on="2035-01-01")))


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (CompleteTask(subject=CUPS, result="Twelve."), TaskCompleted(result="Twelve.")),
        (DropTask(subject=CUPS, why="No money."), TaskDropped(why="No money.")),
    ],
)
def test_a_task_is_done_or_dropped_once(command: object, event: object) -> None:
    """A task that is done or dropped is not moved, done or dropped again."""
    given(TASK).when(command).then(fact(CUPS, event))
    for again in (command, RescheduleTask(subject=CUPS, due_on="2025-07-01")):
        given(TASK, fact(CUPS, event)).when(again).refused(NotAllowed, "subject")


def test_a_task_is_moved_to_another_day_only() -> None:
    """Moving a task to its current due date is refused."""
    given(TASK).when(RescheduleTask(subject=CUPS, due_on="2025-06-01")).refused(NothingChanges, "due_on")


def test_a_task_has_an_owner() -> None:
    """A task is assigned to a person or team; the day is optional."""
    command = AssignTask(key="cups", title="Buy cups", accountable="person:ann")
    given().when(command).then(fact(CUPS, TaskAssigned(title="Buy cups", accountable="person:ann")))
