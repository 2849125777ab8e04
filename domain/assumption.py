"""Assumptions: what is taken to be true until it is checked, and what rests on it.

    open ─▶ confirmed ⇄ broken
      └────────────────▶ broken

A broken assumption flags everything that rests on it; see `projections.queries.flags`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Final, Literal, assert_never

from pydantic import ConfigDict, Field, Strict

from domain.evidence import link_changes, require_links, require_new_links
from domain.fields import EXISTS, STATUS, FieldChange, Subjects, code, refs, text
from domain.guards import new_subject_id, require_status, revised_values
from domain.messages import Command, CommandContext, Draft, Event, derive
from domain.ownership import accountable_changes, require_active_holder
from domain.values import AssumptionId, Day, DependentId, EvidenceId, Holder, Integral, Key, Line, ProductId, Text

OPEN: Final = "open"
CONFIRMED: Final = "confirmed"
BROKEN: Final = "broken"
CHECK_ON: Final = "check_on"
SETTLED_BY: Final = "settled_by"
UNDER: Final = "under"
"""The value of a field that links an assumption to what rests on it."""
_REVISABLE: Final = ("confidence", "check_on", "description")

Percent = Annotated[int, Strict(), Field(ge=0, le=100), Integral]


class StateAssumption(Command):
    """State an assumption, and what rests on it."""

    type: Literal["StateAssumption"] = "StateAssumption"
    key: Key | None = Field(None, description="The key of the new assumption; random by default.")
    title: Line = Field(description="What is assumed, in one line.")
    products: tuple[ProductId, ...] = Field((), max_length=50, description="The products it belongs to.")
    description: Text | None = Field(None, description="What is assumed, in full.")
    confidence: Percent | None = Field(None, description="How likely it is to be true, in percent.")
    check_on: Day | None = Field(None, description="The date to check it.")
    accountable: Holder | None = Field(None, description="The person or team accountable for checking it.")
    under: tuple[DependentId, ...] = Field((), max_length=100, description="What rests on it.")
    creates: ClassVar[str] = "assumption"


class AssumptionStated(Event):
    """An assumption was stated."""

    title: Line
    products: tuple[ProductId, ...] = ()
    description: Text | None = None
    confidence: int | None = None
    check_on: Day | None = None
    accountable: Holder | None = None
    under: tuple[DependentId, ...] = ()

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, OPEN)
        yield text("title", self.title)
        if self.products:
            yield refs("products", self.products)
        yield from _content_changes(self)
        yield from accountable_changes(self.accountable)
        yield from link_changes(self.under, UNDER)


class ReviseAssumption(Command):
    """Revise the confidence in an assumption or when to check it. Omitted fields stay unchanged."""

    model_config = ConfigDict(
        json_schema_extra={"not": {"properties": {name: {"type": "null"} for name in _REVISABLE}}}
    )

    type: Literal["ReviseAssumption"] = "ReviseAssumption"
    subject: AssumptionId
    confidence: Percent | None = Field(None, description="How likely it is to be true, in percent.")
    check_on: Day | None = Field(None, description="The date to check it.")
    description: Text | None = Field(None, description="What is assumed, in full.")


class AssumptionRevised(Event):
    """The confidence in an assumption or its date was revised; omitted fields stayed unchanged."""

    confidence: int | None = None
    check_on: Day | None = None
    description: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        return _content_changes(self)


class LinkAssumption(Command):
    """Link an assumption to what rests on it."""

    type: Literal["LinkAssumption"] = "LinkAssumption"
    subject: AssumptionId
    to: tuple[DependentId, ...] = Field(min_length=1, max_length=100, description="What rests on it.")


class AssumptionLinked(Event):
    """An assumption was linked to what rests on it."""

    to: tuple[DependentId, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        return link_changes(self.to, UNDER)


class UnlinkAssumption(Command):
    """Remove links from an assumption to what rested on it."""

    type: Literal["UnlinkAssumption"] = "UnlinkAssumption"
    subject: AssumptionId
    to: tuple[DependentId, ...] = Field(min_length=1, max_length=100, description="What no longer rests on it.")


class AssumptionUnlinked(Event):
    """Links from an assumption were removed."""

    to: tuple[DependentId, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        return link_changes(self.to, None)


class ConfirmAssumption(Command):
    """Record that an assumption turned out to be true."""

    type: Literal["ConfirmAssumption"] = "ConfirmAssumption"
    subject: AssumptionId
    why: Text | None = Field(None, description="The reason.")
    evidence: tuple[EvidenceId, ...] = Field((), max_length=50, description="The evidence that shows it.")


class AssumptionConfirmed(Event):
    """An assumption turned out to be true."""

    why: Text | None = None
    evidence: tuple[EvidenceId, ...] = ()

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, CONFIRMED)
        yield refs(SETTLED_BY, self.evidence)
        yield code("broken_because", None)
        yield text("confirmed_because", self.why)


class BreakAssumption(Command):
    """Record that an assumption turned out to be false. What rests on it is flagged."""

    type: Literal["BreakAssumption"] = "BreakAssumption"
    subject: AssumptionId
    why: Text = Field(description="The reason.")
    evidence: tuple[EvidenceId, ...] = Field((), max_length=50, description="The evidence that shows it.")


class AssumptionBroken(Event):
    """An assumption turned out to be false."""

    why: Text
    evidence: tuple[EvidenceId, ...] = ()

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, BROKEN)
        yield refs(SETTLED_BY, self.evidence)
        yield code("confirmed_because", None)
        yield text("broken_because", self.why)


AssumptionCommand = (
    StateAssumption | ReviseAssumption | LinkAssumption | UnlinkAssumption | ConfirmAssumption | BreakAssumption
)


def decide(command: AssumptionCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command about an assumption.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    event: Event
    match command:
        case StateAssumption():
            subject = new_subject_id(command, subjects)
            require_active_holder(command.accountable, context, subjects)
            return [Draft(subject, derive(AssumptionStated, command))]
        case ReviseAssumption():
            event = AssumptionRevised(**revised_values(command, _REVISABLE, "confidence"))
        case LinkAssumption():
            event = AssumptionLinked(to=command.to)
            require_new_links(event, command, context, subjects)
        case UnlinkAssumption():
            require_links(subjects[command.subject], command.to, context)
            event = AssumptionUnlinked(to=command.to)
        case ConfirmAssumption():
            require_status(subjects[command.subject], context, (OPEN, BROKEN), "be confirmed", default=OPEN)
            event = AssumptionConfirmed(why=command.why, evidence=command.evidence)
        case BreakAssumption():
            require_status(subjects[command.subject], context, (OPEN, CONFIRMED), "be broken", default=OPEN)
            event = AssumptionBroken(why=command.why, evidence=command.evidence)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def _content_changes(event: AssumptionStated | AssumptionRevised) -> Iterable[FieldChange]:
    if event.description:
        yield text("description", event.description)
    for name in ("confidence", CHECK_ON):
        if (value := getattr(event, name)) is not None:
            yield code(name, value)
