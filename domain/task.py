"""Tasks, or action items: what a person or team is to do by a day. They are assigned at a meeting or elsewhere.

open ──▶ done
  └────▶ dropped
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final, Literal, assert_never

from pydantic import Field

from domain.errors import NothingChanges
from domain.fields import EXISTS, STATUS, FieldChange, Subjects, code, refs, text
from domain.guards import new_subject_id, require_status
from domain.messages import Command, CommandContext, Draft, Event, derive
from domain.ownership import accountable_changes, require_active_holder
from domain.values import Day, Holder, Key, Line, ProductId, TaskId, Text

OPEN: Final = "open"
DONE: Final = "done"
DROPPED: Final = "dropped"
DUE_ON: Final = "due_on"


class AssignTask(Command):
    """Assign a task: what is to be done, by whom and by when."""

    type: Literal["AssignTask"] = "AssignTask"
    key: Key | None = Field(None, description="The key of the new task; random by default.")
    title: Line = Field(description="What to do, in one line.")
    accountable: Holder = Field(description="The person or team who does it.")
    due_on: Day | None = Field(None, description="The day it is due.")
    products: tuple[ProductId, ...] = Field((), max_length=50, description="The products it belongs to.")
    creates: ClassVar[str] = "task"


class TaskAssigned(Event):
    """A task was assigned."""

    title: Line
    accountable: Holder
    due_on: Day | None = None
    products: tuple[ProductId, ...] = ()

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, OPEN)
        yield text("title", self.title)
        if self.products:
            yield refs("products", self.products)
        if self.due_on:
            yield code(DUE_ON, self.due_on)
        yield from accountable_changes(self.accountable)


class RescheduleTask(Command):
    """Move a task to another day."""

    type: Literal["RescheduleTask"] = "RescheduleTask"
    subject: TaskId
    due_on: Day = Field(description="The day it is due.")
    why: Text | None = Field(None, description="The reason.")


class TaskRescheduled(Event):
    """A task was moved to another day."""

    due_on: Day
    why: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(DUE_ON, self.due_on)


class CompleteTask(Command):
    """Record that a task is done."""

    type: Literal["CompleteTask"] = "CompleteTask"
    subject: TaskId
    result: Text | None = Field(None, description="The result.")


class TaskCompleted(Event):
    """A task was completed."""

    result: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, DONE)
        if self.result:
            yield text("result", self.result)


class DropTask(Command):
    """Drop a task that is not going to be done."""

    type: Literal["DropTask"] = "DropTask"
    subject: TaskId
    why: Text = Field(description="The reason.")


class TaskDropped(Event):
    """A task was dropped."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, DROPPED)
        yield text("dropped_because", self.why)


TaskCommand = AssignTask | RescheduleTask | CompleteTask | DropTask


def decide(command: TaskCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command about a task.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    event: Event
    match command:
        case AssignTask():
            subject = new_subject_id(command, subjects)
            require_active_holder(command.accountable, context, subjects)
            return [Draft(subject, derive(TaskAssigned, command))]
        case RescheduleTask():
            require_status(subjects[command.subject], context, (OPEN,), "be moved")
            event = _reschedule(command, context, subjects)
        case CompleteTask():
            require_status(subjects[command.subject], context, (OPEN,), "be completed")
            event = TaskCompleted(result=command.result)
        case DropTask():
            require_status(subjects[command.subject], context, (OPEN,), "be dropped")
            event = TaskDropped(why=command.why)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def _reschedule(command: RescheduleTask, context: CommandContext, subjects: Subjects) -> Event:
    if subjects[command.subject].value_at(DUE_ON, context.now) == command.due_on:
        raise NothingChanges(
            f"{command.subject} is already due on {command.due_on}", field=DUE_ON, subject=command.subject
        )
    return TaskRescheduled(due_on=command.due_on, why=command.why)
