"""Meetings: the decisions on the agenda, the attendees, and what was said and decided.

    planned ──▶ held
        └─────▶ canceled

The minutes of a meeting are everything recorded in one transaction with `HoldMeeting`, `RecordMeeting` or `AddMinutes`:
advice, dissent, decisions and tasks use the same commands as elsewhere. What a scribe records for others is a claim
until they confirm it, as elsewhere; see `projections.queries.minutes` and docs/decisions/0035-minutes-are-transactions.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final, Literal, assert_never

from pydantic import ConfigDict, Field

from domain.errors import NotAllowed, NothingChanges
from domain.fields import EXISTS, STATUS, FieldChange, Subjects, code, refs, text
from domain.guards import new_subject_id, require_change, require_status, revised_values
from domain.messages import Command, CommandContext, Draft, Event, derive
from domain.ownership import accountable_changes, require_active_holder
from domain.values import Day, DecisionId, Holder, Key, Line, MeetingId, Person, ProductId, Text, format_micros

PLANNED: Final = "planned"
HELD: Final = "held"
CANCELED: Final = "canceled"
AGENDA: Final = "agenda"
ATTENDEES: Final = "attendees"
HELD_ON: Final = "held_on"
EARLIEST_ZONE_US: Final = 14 * 3_600 * 1_000_000
"""How far the earliest time zone is ahead of UTC."""
_REVISABLE: Final = (HELD_ON, AGENDA, "invited", "notes")


class PlanMeeting(Command):
    """Plan a meeting: when, with whom, and its agenda."""

    type: Literal["PlanMeeting"] = "PlanMeeting"
    key: Key | None = Field(None, description="The key of the new meeting; random by default.")
    title: Line = Field(description="The title, in one line.")
    held_on: Day = Field(description="The day it is planned for.")
    products: tuple[ProductId, ...] = Field((), max_length=50, description="The products it is about.")
    agenda: tuple[DecisionId, ...] = Field((), max_length=100, description="The decisions on the agenda, in order.")
    invited: tuple[Person, ...] = Field((), max_length=200, description="The people invited.")
    accountable: Holder | None = Field(None, description="The person or team who prepares it.")
    notes: Text | None = Field(None, description="What else to discuss.")
    creates: ClassVar[str] = "meeting"


class MeetingPlanned(Event):
    """A meeting was planned."""

    title: Line
    held_on: Day
    products: tuple[ProductId, ...] = ()
    agenda: tuple[DecisionId, ...] = ()
    invited: tuple[Person, ...] = ()
    accountable: Holder | None = None
    notes: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, PLANNED)
        yield text("title", self.title)
        if self.products:
            yield refs("products", self.products)
        yield from _content_changes(self)
        yield from accountable_changes(self.accountable)


class ReviseMeeting(Command):
    """Revise a planned meeting. Omitted fields stay unchanged."""

    model_config = ConfigDict(
        json_schema_extra={"not": {"properties": {name: {"type": "null"} for name in _REVISABLE}}}
    )

    type: Literal["ReviseMeeting"] = "ReviseMeeting"
    subject: MeetingId
    held_on: Day | None = Field(None, description="The day it is planned for.")
    agenda: tuple[DecisionId, ...] | None = Field(
        None, max_length=100, description="All decisions on the agenda, in order; replaces the previous list."
    )
    invited: tuple[Person, ...] | None = Field(
        None, max_length=200, description="All people invited; replaces the previous list."
    )
    notes: Text | None = Field(None, description="What else to discuss.")


class MeetingRevised(Event):
    """A planned meeting was revised; omitted fields stayed unchanged."""

    held_on: Day | None = None
    agenda: tuple[DecisionId, ...] | None = None
    invited: tuple[Person, ...] | None = None
    notes: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        return _content_changes(self, replaces=True)


class HoldMeeting(Command):
    """Write up a planned meeting. What is recorded in the same transaction belongs to its minutes."""

    type: Literal["HoldMeeting"] = "HoldMeeting"
    subject: MeetingId
    attendees: tuple[Person, ...] = Field(min_length=1, max_length=200, description="The people who attended.")
    held_on: Day | None = Field(None, description="The day it was held; the planned day by default.")
    agenda: tuple[DecisionId, ...] | None = Field(
        None, max_length=100, description="The decisions on the agenda, in order; the planned agenda by default."
    )
    notes: Text | None = Field(None, description="What else was said; replaces the planned notes.")


class MeetingHeld(Event):
    """A planned meeting was written up."""

    attendees: tuple[Person, ...]
    held_on: Day | None = None
    agenda: tuple[DecisionId, ...] | None = None
    notes: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, HELD)
        yield refs(ATTENDEES, self.attendees)
        yield from _content_changes(self, replaces=True)


class RecordMeeting(Command):
    """Write up a meeting that was not planned. What is recorded in the same transaction belongs to its minutes."""

    type: Literal["RecordMeeting"] = "RecordMeeting"
    key: Key | None = Field(None, description="The key of the new meeting; random by default.")
    title: Line = Field(description="The title, in one line.")
    held_on: Day = Field(description="The day it was held.")
    attendees: tuple[Person, ...] = Field(min_length=1, max_length=200, description="The people who attended.")
    products: tuple[ProductId, ...] = Field((), max_length=50, description="The products it was about.")
    agenda: tuple[DecisionId, ...] = Field((), max_length=100, description="The decisions on the agenda, in order.")
    notes: Text | None = Field(None, description="What else was said.")
    creates: ClassVar[str] = "meeting"


class MeetingRecorded(Event):
    """A meeting that was not planned was written up."""

    title: Line
    held_on: Day
    attendees: tuple[Person, ...]
    products: tuple[ProductId, ...] = ()
    agenda: tuple[DecisionId, ...] = ()
    notes: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, HELD)
        yield text("title", self.title)
        if self.products:
            yield refs("products", self.products)
        yield refs(ATTENDEES, self.attendees)
        yield from _content_changes(self)


class AddMinutes(Command):
    """Add to the minutes of a meeting that was held: what is recorded in the same transaction belongs to them."""

    type: Literal["AddMinutes"] = "AddMinutes"
    subject: MeetingId
    attendees: tuple[Person, ...] | None = Field(
        None, min_length=1, max_length=200, description="All people who attended; replaces the previous list."
    )
    notes: Text | None = Field(None, description="The notes in full; replaces the previous ones.")


class MinutesAdded(Event):
    """Something was added to the minutes of a meeting."""

    attendees: tuple[Person, ...] | None = None
    notes: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        if self.attendees:
            yield refs(ATTENDEES, self.attendees)
        if self.notes:
            yield text("notes", self.notes)


class CancelMeeting(Command):
    """Cancel a planned meeting."""

    type: Literal["CancelMeeting"] = "CancelMeeting"
    subject: MeetingId
    why: Text = Field(description="The reason.")


class MeetingCanceled(Event):
    """A planned meeting was canceled."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, CANCELED)
        yield text("canceled_because", self.why)


MeetingCommand = PlanMeeting | ReviseMeeting | HoldMeeting | RecordMeeting | AddMinutes | CancelMeeting
MINUTES: Final = ("MeetingHeld.v1", "MeetingRecorded.v1", "MinutesAdded.v1")
"""The events whose transactions are the minutes of their meeting."""


def decide(command: MeetingCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command about a meeting.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    event: Event
    match command:
        case PlanMeeting():
            subject = new_subject_id(command, subjects)
            require_active_holder(command.accountable, context, subjects)
            return [Draft(subject, derive(MeetingPlanned, command))]
        case RecordMeeting():
            subject = new_subject_id(command, subjects)
            _require_past(command.held_on, context)
            return [Draft(subject, derive(MeetingRecorded, command))]
        case ReviseMeeting():
            require_status(subjects[command.subject], context, (PLANNED,), "be revised")
            event = MeetingRevised(**revised_values(command, _REVISABLE, HELD_ON))
        case HoldMeeting():
            state = subjects[command.subject]
            require_status(state, context, (PLANNED,), "be written up")
            _require_past(command.held_on or str(state.value_at(HELD_ON, context.now)), context)
            event = derive(MeetingHeld, command)
        case AddMinutes():
            require_status(subjects[command.subject], context, (HELD,), "have minutes")
            event = _add_minutes(command, context, subjects)
        case CancelMeeting():
            require_status(subjects[command.subject], context, (PLANNED,), "be canceled")
            event = MeetingCanceled(why=command.why)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def _add_minutes(command: AddMinutes, context: CommandContext, subjects: Subjects) -> Event:
    """Minutes may be empty where other commands of the same transaction are what was said and decided."""
    event = derive(MinutesAdded, command)
    if not context.is_only_command:
        return event
    if command.attendees is None and command.notes is None:
        raise NothingChanges(
            "nothing to add; give `attendees` or `notes`, or send what was said and decided in the same transaction",
            field="notes",
            subject=command.subject,
        )
    state = subjects[command.subject]
    require_change(event, command, context, state, field=ATTENDEES, problem="already has these attendees")
    return event


def _content_changes(
    event: MeetingPlanned | MeetingRevised | MeetingHeld | MeetingRecorded, *, replaces: bool = False
) -> Iterator[FieldChange]:
    """Yield the changes of day, agenda, invitations and notes; an empty list counts where it replaces another."""
    if event.held_on:
        yield code(HELD_ON, event.held_on)
    for name in (AGENDA, "invited"):
        listed = getattr(event, name, None)
        if listed or (replaces and listed is not None):
            yield refs(name, listed)
    if event.notes:
        yield text("notes", event.notes)


def _require_past(day: str, context: CommandContext) -> None:
    """A meeting cannot be written up before its day has begun in the earliest time zone."""
    if day > format_micros(context.now + EARLIEST_ZONE_US)[:10]:
        raise NotAllowed(
            f"the meeting is on {day}, which is in the future; give the day it was held in `held_on`", field=HELD_ON
        )
