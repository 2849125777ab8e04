"""Products and product lines, their releases, their goals, and the reports that were given of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Final, Literal, assert_never

from pydantic import Field, StringConstraints

from domain.errors import Malformed
from domain.fields import EXISTS, STATUS, FieldChange, Subjects, Value, code, ref, refs, text
from domain.guards import must_have_status, new_subject
from domain.messages import Command, CommandContext, Draft, Event
from domain.ownership import accountable_steps, check_accountable
from domain.values import (
    Code,
    Day,
    GoalId,
    Holder,
    Key,
    Line,
    Position,
    ProductId,
    ReleaseId,
    StringKind,
    Text,
    Timestamp,
    format_micros,
    format_timestamp,
    to_micros,
)  # fmt: skip

REPORT: Final = "report"
"""The cell of a product that holds its latest report."""

Sha256 = Annotated[str, StringKind.CODE, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class DefineProduct(Command):
    """Bring a product, or a line of products, into the log."""

    type: Literal["DefineProduct"] = "DefineProduct"
    key: Key | None = Field(None, description="The key of the new product; a random one if silent.")
    title: Line = Field(description="What it is called.")
    description: Text | None = Field(None, description="What it is.")
    line: ProductId | None = Field(None, description="The product line it belongs to, itself a product.")
    accountable: Holder | None = Field(None, description="Who answers for it.")
    creates: ClassVar[str] = "product"


class ProductDefined(Event):
    """A product, or a line of products, came into the log."""

    title: Line
    description: Text | None = None
    line: ProductId | None = None
    accountable: Holder | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, "active")
        yield text("title", self.title)
        if self.description:
            yield text("description", self.description)
        if self.line:
            yield ref("line", self.line)
        yield from accountable_steps(self.accountable)


class SetVision(Command):
    """Say what a product is to become."""

    type: Literal["SetVision"] = "SetVision"
    subject: ProductId
    vision: Text = Field(description="What it is to become.")


class VisionSet(Event):
    """It was said what a product is to become."""

    vision: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield text("vision", self.vision)


class SetStrategy(Command):
    """Say how a product gets there."""

    type: Literal["SetStrategy"] = "SetStrategy"
    subject: ProductId
    strategy: Text = Field(description="How it is to get there.")


class StrategySet(Event):
    """It was said how a product gets there."""

    strategy: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield text("strategy", self.strategy)


class OrderReleases(Command):
    """Say in which order a product's releases come. The list is the whole list."""

    type: Literal["OrderReleases"] = "OrderReleases"
    subject: ProductId
    releases: tuple[ReleaseId, ...] = Field(max_length=1000, description="The releases, the earliest first.")


class ReleasesOrdered(Event):
    """The order of a product's releases was said, whole."""

    releases: tuple[ReleaseId, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        yield refs("releases", self.releases)


class RetireProduct(Command):
    """Take a product off the market."""

    type: Literal["RetireProduct"] = "RetireProduct"
    subject: ProductId
    why: Text = Field(description="The reason.")


class ProductRetired(Event):
    """A product was taken off the market."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "retired")
        yield text("retired_because", self.why)


# Releases ----------------------------------------------------------------------------------------------------------


class ScheduleRelease(Command):
    """Plan a release of a product."""

    type: Literal["ScheduleRelease"] = "ScheduleRelease"
    key: Key | None = Field(None, description="The key of the new release; a random one if silent.")
    products: tuple[ProductId, ...] = Field(min_length=1, max_length=50, description="The products it is a release of.")
    version: Code = Field(description="What it is called, such as `2.1` or `2025-Q3`.")
    on: Day | None = Field(None, description="The day it is planned for.")
    creates: ClassVar[str] = "release"


class ReleaseScheduled(Event):
    """A release was planned."""

    products: tuple[ProductId, ...]
    version: Code
    on: Day | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code("version", self.version)
        yield refs("products", self.products)
        if self.on:
            yield code("on", self.on)


class RescheduleRelease(Command):
    """Move a release to another day."""

    type: Literal["RescheduleRelease"] = "RescheduleRelease"
    subject: ReleaseId
    on: Day = Field(description="The new day.")


class ReleaseRescheduled(Event):
    """A release was moved to another day."""

    on: Day

    def field_changes(self) -> Iterable[FieldChange]:
        yield code("on", self.on)


# Goals -------------------------------------------------------------------------------------------------------------


class SetGoal(Command):
    """Say what a product is to reach, and how one will know."""

    type: Literal["SetGoal"] = "SetGoal"
    key: Key | None = Field(None, description="The key of the new goal; a random one if silent.")
    title: Line = Field(description="What it is called.")
    products: tuple[ProductId, ...] = Field((), max_length=50, description="The products it is for.")
    measure: Text | None = Field(None, description="How one will know.")
    by: Day | None = Field(None, description="The day to reach it by.")
    accountable: Holder | None = Field(None, description="Who answers for it.")
    creates: ClassVar[str] = "goal"


class GoalSet(Event):
    """It was said what is to be reached, and how one will know."""

    title: Line
    products: tuple[ProductId, ...] = ()
    measure: Text | None = None
    by: Day | None = None
    accountable: Holder | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, "open")
        yield text("title", self.title)
        if self.products:
            yield refs("products", self.products)
        if self.measure:
            yield text("measure", self.measure)
        if self.by:
            yield code("by", self.by)
        yield from accountable_steps(self.accountable)


class CloseGoal(Command):
    """Say that a goal was met, was missed, or is no longer wanted."""

    type: Literal["CloseGoal"] = "CloseGoal"
    subject: GoalId
    outcome: Literal["met", "missed", "dropped"] = Field(description="How it ended.")
    why: Text | None = Field(None, description="The reason.")


class GoalClosed(Event):
    """A goal was met, missed or dropped."""

    outcome: Literal["met", "missed", "dropped"]
    why: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, self.outcome)
        if self.why:
            yield text("closed_because", self.why)


# Reports -----------------------------------------------------------------------------------------------------------


class IssueReport(Command):
    """Say that a progress report of a product was given to somebody, so that it can be shown later what was reported."""

    type: Literal["IssueReport"] = "IssueReport"
    subject: ProductId
    since: Timestamp = Field(description="Where the span of the report begins.")
    until: Timestamp = Field(description="Where it ends; not in the future.")
    position: Position = Field(description="The position up to which it speaks.")
    sha256: Sha256 = Field(description="SHA-256 of its canonical JSON, in hex, as it was answered.")


class ReportIssued(Event):
    """A progress report of a product was given to somebody."""

    since: Timestamp
    until: Timestamp
    position: int
    sha256: Sha256

    def field_changes(self) -> Iterable[FieldChange]:
        span: dict[str, Value] = {"since": format_timestamp(self.since), "until": format_timestamp(self.until)}
        yield code(REPORT, {**span, "position": self.position, "sha256": self.sha256})


ProductCommand = (
    DefineProduct | SetVision | SetStrategy | OrderReleases | RetireProduct | ScheduleRelease | RescheduleRelease
    | SetGoal | CloseGoal | IssueReport
)  # fmt: skip


def decide(command: ProductCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """What a command about a product, a release, a goal or a report comes to.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    event: Event
    match command:
        case DefineProduct():
            return [_product_defined(command, context, subjects)]
        case ScheduleRelease():
            scheduled = ReleaseScheduled(products=command.products, version=command.version, on=command.on)
            return [Draft(new_subject(command, subjects), scheduled)]
        case SetGoal():
            return [_goal_stated(command, context, subjects)]
        case SetVision():
            _must_be_active(command, context, subjects)
            event = VisionSet(vision=command.vision)
        case SetStrategy():
            _must_be_active(command, context, subjects)
            event = StrategySet(strategy=command.strategy)
        case OrderReleases():
            event = ReleasesOrdered(releases=command.releases)
        case RetireProduct():
            _must_be_active(command, context, subjects)
            event = ProductRetired(why=command.why)
        case RescheduleRelease():
            event = ReleaseRescheduled(on=command.on)
        case CloseGoal():
            must_have_status(subjects[command.subject], context, ("open",), "be closed", silent="open")
            event = GoalClosed(outcome=command.outcome, why=command.why)
        case IssueReport():
            _must_be_over(command, context)
            event = ReportIssued(
                since=command.since, until=command.until, position=command.position, sha256=command.sha256
            )
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def _product_defined(command: DefineProduct, context: CommandContext, subjects: Subjects) -> Draft:
    subject = new_subject(command, subjects)
    check_accountable(command.accountable, context, subjects)
    return Draft(subject, ProductDefined(**{name: getattr(command, name) for name in ProductDefined.model_fields}))


def _goal_stated(command: SetGoal, context: CommandContext, subjects: Subjects) -> Draft:
    subject = new_subject(command, subjects)
    check_accountable(command.accountable, context, subjects)
    return Draft(subject, GoalSet(**{name: getattr(command, name) for name in GoalSet.model_fields}))


def _must_be_active(
    command: SetVision | SetStrategy | RetireProduct, context: CommandContext, subjects: Subjects
) -> None:
    must_have_status(subjects[command.subject], context, ("active",), "be changed", silent="active")


def _must_be_over(command: IssueReport, context: CommandContext) -> None:
    """A report speaks of a span, and of what has been."""
    if command.until <= command.since:
        msg = "the span must end later than it begins"
        raise Malformed(msg, field="until", subject=command.subject)
    if to_micros(command.until) > context.now:
        msg = f"the span ends later than now, which is {format_micros(context.now)}; a report speaks of what has been"
        raise Malformed(msg, field="until", subject=command.subject)
