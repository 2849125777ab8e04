"""Products and product lines, with their releases, goals and issued progress reports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final, Literal, assert_never

from pydantic import ConfigDict, Field

from domain.errors import Malformed
from domain.fields import EXISTS, STATUS, FieldChange, Subjects, Value, code, ref, refs, text
from domain.guards import new_subject_id, require_status, revised_values
from domain.messages import Command, CommandContext, Draft, Event, derive
from domain.ownership import accountable_changes, require_active_holder
from domain.values import (
    Code,
    Day,
    GoalId,
    Holder,
    Key,
    Line,
    Number,
    Position,
    ProductId,
    ReleaseId,
    Sha256,
    SubjectId,
    Text,
    Timestamp,
    format_micros,
    format_timestamp,
    to_micros,
)

REPORT_FIELD: Final = "report"
"""The field of a product that contains its latest issued report."""


class DefineProduct(Command):
    """Define a product, or a product line that other products belong to."""

    type: Literal["DefineProduct"] = "DefineProduct"
    key: Key | None = Field(
        None,
        description="The key of the new product, with which the numbers of its decisions begin. By default it is made from "
        "the title, or random if another product has that key.",
    )
    title: Line = Field(description="The title.")
    description: Text | None = Field(None, description="A description.")
    line: ProductId | None = Field(None, description="The product line it belongs to, which is a product itself.")
    accountable: Holder | None = Field(None, description="The person or team accountable for it.")
    creates: ClassVar[str] = "product"


class ProductDefined(Event):
    """A product or a product line was defined."""

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
        yield from accountable_changes(self.accountable)


class SetVision(Command):
    """Set the product vision."""

    type: Literal["SetVision"] = "SetVision"
    subject: ProductId
    vision: Text = Field(description="What the product should become.")


class VisionSet(Event):
    """The product vision was set."""

    vision: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield text("vision", self.vision)


class SetStrategy(Command):
    """Set the product strategy."""

    type: Literal["SetStrategy"] = "SetStrategy"
    subject: ProductId
    strategy: Text = Field(description="How the product will achieve its vision.")


class StrategySet(Event):
    """The product strategy was set."""

    strategy: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield text("strategy", self.strategy)


class OrderReleases(Command):
    """Set the order of a product's releases. The list replaces the previous one."""

    type: Literal["OrderReleases"] = "OrderReleases"
    subject: ProductId
    releases: tuple[ReleaseId, ...] = Field(max_length=1000, description="All releases, the earliest first.")


class ReleasesOrdered(Event):
    """The order of a product's releases was set."""

    releases: tuple[ReleaseId, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        yield refs("releases", self.releases)


class RetireProduct(Command):
    """Retire a product."""

    type: Literal["RetireProduct"] = "RetireProduct"
    subject: ProductId
    why: Text = Field(description="The reason.")


class ProductRetired(Event):
    """A product was retired."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "retired")
        yield text("retired_because", self.why)


# Releases ----------------------------------------------------------------------------------------------------------


class ScheduleRelease(Command):
    """Schedule a release of one or more products."""

    type: Literal["ScheduleRelease"] = "ScheduleRelease"
    key: Key | None = Field(None, description="The key of the new release; random by default.")
    products: tuple[ProductId, ...] = Field(min_length=1, max_length=50, description="The products it belongs to.")
    version: Code = Field(description="The name of the release, such as `2.1` or `2025-Q3`.")
    due_on: Day | None = Field(None, description="The planned release date.")
    creates: ClassVar[str] = "release"


class ReleaseScheduled(Event):
    """A release was scheduled."""

    products: tuple[ProductId, ...]
    version: Code
    due_on: Day | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code("version", self.version)
        yield refs("products", self.products)
        if self.due_on:
            yield code("due_on", self.due_on)


class RescheduleRelease(Command):
    """Move a release to another date."""

    type: Literal["RescheduleRelease"] = "RescheduleRelease"
    subject: ReleaseId
    due_on: Day = Field(description="The new release date.")
    cause: SubjectId | None = Field(
        None, description="What made it move: an assumption, evidence, or a feature or release that it waits for."
    )


class ReleaseRescheduled(Event):
    """A release was moved to another date."""

    due_on: Day
    cause: SubjectId | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code("due_on", self.due_on)


_REVISABLE_FIELDS: Final = ("measure", "baseline", "target", "unit", "due_on")


# Goals -------------------------------------------------------------------------------------------------------------


class SetGoal(Command):
    """Set a goal and how to measure it."""

    type: Literal["SetGoal"] = "SetGoal"
    key: Key | None = Field(None, description="The key of the new goal; random by default.")
    title: Line = Field(description="The title.")
    products: tuple[ProductId, ...] = Field((), max_length=50, description="The products it is for.")
    measure: Text | None = Field(None, description="How to measure whether the goal is met.")
    baseline: Number | None = Field(None, description="The value at the start.")
    target: Number | None = Field(None, description="The value to reach.")
    unit: Code | None = Field(None, description="The unit of these values, such as `%`, `days` or `EUR`.")
    due_on: Day | None = Field(None, description="The date by which to meet it.")
    accountable: Holder | None = Field(None, description="The person or team accountable for it.")
    creates: ClassVar[str] = "goal"


class GoalSet(Event):
    """A goal was set."""

    title: Line
    products: tuple[ProductId, ...] = ()
    measure: Text | None = None
    baseline: Number | None = None
    target: Number | None = None
    unit: Code | None = None
    due_on: Day | None = None
    accountable: Holder | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, "open")
        yield text("title", self.title)
        if self.products:
            yield refs("products", self.products)
        yield from _measure_changes(self)
        yield from accountable_changes(self.accountable)


class ReviseGoal(Command):
    """Revise how a goal is measured and by when it is due. Omitted fields stay unchanged."""

    model_config = ConfigDict(
        json_schema_extra={"not": {"properties": {name: {"type": "null"} for name in _REVISABLE_FIELDS}}}
    )

    type: Literal["ReviseGoal"] = "ReviseGoal"
    subject: GoalId
    measure: Text | None = Field(None, description="How to measure whether the goal is met.")
    baseline: Number | None = Field(None, description="The value at the start.")
    target: Number | None = Field(None, description="The value to reach.")
    unit: Code | None = Field(None, description="The unit of these values, such as `%`, `days` or `EUR`.")
    due_on: Day | None = Field(None, description="The date by which to meet it.")


class GoalRevised(Event):
    """The measure, baseline, target or date of a goal was revised; omitted fields stayed unchanged."""

    measure: Text | None = None
    baseline: Number | None = None
    target: Number | None = None
    unit: Code | None = None
    due_on: Day | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        return _measure_changes(self)


class RecordMeasurement(Command):
    """Record a measured value of a goal. `effective_at` says when it was measured."""

    type: Literal["RecordMeasurement"] = "RecordMeasurement"
    subject: GoalId
    value: Number = Field(description="The value, in the goal's unit.")


class MeasurementRecorded(Event):
    """A measured value of a goal was recorded."""

    value: Number

    def field_changes(self) -> Iterable[FieldChange]:
        yield code("current", self.value)


def _measure_changes(event: GoalSet | GoalRevised) -> Iterable[FieldChange]:
    if event.measure:
        yield text("measure", event.measure)
    for name in ("baseline", "target", "unit", "due_on"):
        if (value := getattr(event, name)) is not None:
            yield code(name, value)


class CloseGoal(Command):
    """Close a goal as met, missed or dropped."""

    type: Literal["CloseGoal"] = "CloseGoal"
    subject: GoalId
    outcome: Literal["met", "missed", "dropped"] = Field(description="The result.")
    why: Text | None = Field(None, description="The reason.")


class GoalClosed(Event):
    """A goal was closed as met, missed or dropped."""

    outcome: Literal["met", "missed", "dropped"]
    why: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, self.outcome)
        if self.why:
            yield text("closed_because", self.why)


# Reports -----------------------------------------------------------------------------------------------------------


class IssueReport(Command):
    """Record that a progress report was issued, so that it can be reproduced and compared later."""

    type: Literal["IssueReport"] = "IssueReport"
    subject: ProductId
    since: Timestamp = Field(description="The start of the reporting period.")
    until: Timestamp = Field(description="The end of the reporting period (exclusive); not in the future.")
    position: Position = Field(description="The position of the last entry that the report covers.")
    sha256: Sha256 = Field(description="The SHA-256 of the report's canonical JSON, in hexadecimal.")
    summary: Text | None = Field(None, description="Your summary for its readers, shown at the top.")


class ReportIssued(Event):
    """A progress report of a product was issued."""

    since: Timestamp
    until: Timestamp
    position: int
    sha256: Sha256
    summary: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        period: dict[str, Value] = {"since": format_timestamp(self.since), "until": format_timestamp(self.until)}
        yield code(REPORT_FIELD, {**period, "position": self.position, "sha256": self.sha256})


ProductCommand = (
    DefineProduct
    | SetVision
    | SetStrategy
    | OrderReleases
    | RetireProduct
    | ScheduleRelease
    | RescheduleRelease
    | SetGoal
    | ReviseGoal
    | RecordMeasurement
    | CloseGoal
    | IssueReport
)


def decide(command: ProductCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command about a product, a release, a goal or a report.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    event: Event
    match command:
        case DefineProduct():
            return [_define_product(command, context, subjects)]
        case ScheduleRelease():
            scheduled = ReleaseScheduled(products=command.products, version=command.version, due_on=command.due_on)
            return [Draft(new_subject_id(command, subjects), scheduled)]
        case SetGoal():
            return [_set_goal(command, context, subjects)]
        case SetVision():
            _require_active(command, context, subjects)
            event = VisionSet(vision=command.vision)
        case SetStrategy():
            _require_active(command, context, subjects)
            event = StrategySet(strategy=command.strategy)
        case OrderReleases():
            event = ReleasesOrdered(releases=command.releases)
        case RetireProduct():
            _require_active(command, context, subjects)
            event = ProductRetired(why=command.why)
        case RescheduleRelease():
            event = ReleaseRescheduled(due_on=command.due_on, cause=command.cause)
        case ReviseGoal():
            require_status(subjects[command.subject], context, ("open",), "be revised", default="open")
            event = GoalRevised(**revised_values(command, _REVISABLE_FIELDS, "measure"))
        case RecordMeasurement():
            event = MeasurementRecorded(value=command.value)
        case CloseGoal():
            require_status(subjects[command.subject], context, ("open",), "be closed", default="open")
            event = GoalClosed(outcome=command.outcome, why=command.why)
        case IssueReport():
            _require_past_period(command, context)
            event = derive(ReportIssued, command)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def _define_product(command: DefineProduct, context: CommandContext, subjects: Subjects) -> Draft:
    subject = new_subject_id(command, subjects)
    require_active_holder(command.accountable, context, subjects)
    return Draft(subject, derive(ProductDefined, command))


def _set_goal(command: SetGoal, context: CommandContext, subjects: Subjects) -> Draft:
    subject = new_subject_id(command, subjects)
    require_active_holder(command.accountable, context, subjects)
    return Draft(subject, derive(GoalSet, command))


def _require_active(
    command: SetVision | SetStrategy | RetireProduct, context: CommandContext, subjects: Subjects
) -> None:
    require_status(subjects[command.subject], context, ("active",), "be changed", default="active")


def _require_past_period(command: IssueReport, context: CommandContext) -> None:
    if command.until <= command.since:
        raise Malformed("`until` must be later than `since`", field="until", subject=command.subject)
    if to_micros(command.until) > context.now:
        raise Malformed(
            f"`until` cannot be in the future; it is now {format_micros(context.now)}",
            field="until",
            subject=command.subject,
        )
