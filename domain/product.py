"""Products and product lines, their releases, their goals, and the reports that were given of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Final, Literal, assert_never

from pydantic import Field, StringConstraints

from domain.cells import EXISTS, STATUS, Step, Value, World, code, ref, refs, text
from domain.errors import Malformed
from domain.messages import Act, Command, Draft, Event
from domain.ownership import accountable_steps, check_accountable
from domain.rules import must_be_in, new_subject
from domain.values import (
    Code,
    Day,
    GoalId,
    Holder,
    Instant,
    Key,
    Line,
    Mark,
    Position,
    ProductId,
    ReleaseId,
    Text,
    format_instant,
    format_micros,
    micros,
)  # fmt: skip

REPORT: Final = "report"
"""The cell of a product that holds its latest report."""

Sha256 = Annotated[str, Mark.CODE, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


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

    def steps(self) -> Iterable[Step]:
        yield code(EXISTS, True)
        yield code(STATUS, "active")
        yield text("title", self.title)
        if self.description:
            yield text("description", self.description)
        if self.line:
            yield ref("line", self.line)
        yield from accountable_steps(self.accountable)


class StateVision(Command):
    """Say what a product is to become."""

    type: Literal["StateVision"] = "StateVision"
    subject: ProductId
    vision: Text = Field(description="What it is to become.")


class VisionStated(Event):
    """It was said what a product is to become."""

    vision: Text

    def steps(self) -> Iterable[Step]:
        yield text("vision", self.vision)


class SetStrategy(Command):
    """Say how a product gets there."""

    type: Literal["SetStrategy"] = "SetStrategy"
    subject: ProductId
    strategy: Text = Field(description="How it is to get there.")


class StrategySet(Event):
    """It was said how a product gets there."""

    strategy: Text

    def steps(self) -> Iterable[Step]:
        yield text("strategy", self.strategy)


class OrderReleases(Command):
    """Say in which order a product's releases come. The list is the whole list."""

    type: Literal["OrderReleases"] = "OrderReleases"
    subject: ProductId
    releases: tuple[ReleaseId, ...] = Field(max_length=1000, description="The releases, the earliest first.")


class ReleasesOrdered(Event):
    """The order of a product's releases was said, whole."""

    releases: tuple[ReleaseId, ...]

    def steps(self) -> Iterable[Step]:
        yield refs("releases", self.releases)


class RetireProduct(Command):
    """Take a product off the market."""

    type: Literal["RetireProduct"] = "RetireProduct"
    subject: ProductId
    why: Text = Field(description="The reason.")


class ProductRetired(Event):
    """A product was taken off the market."""

    why: Text

    def steps(self) -> Iterable[Step]:
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

    def steps(self) -> Iterable[Step]:
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

    def steps(self) -> Iterable[Step]:
        yield code("on", self.on)


# Goals -------------------------------------------------------------------------------------------------------------


class StateGoal(Command):
    """Say what a product is to reach, and how one will know."""

    type: Literal["StateGoal"] = "StateGoal"
    key: Key | None = Field(None, description="The key of the new goal; a random one if silent.")
    title: Line = Field(description="What it is called.")
    products: tuple[ProductId, ...] = Field((), max_length=50, description="The products it is for.")
    measure: Text | None = Field(None, description="How one will know.")
    by: Day | None = Field(None, description="The day to reach it by.")
    accountable: Holder | None = Field(None, description="Who answers for it.")
    creates: ClassVar[str] = "goal"


class GoalStated(Event):
    """It was said what is to be reached, and how one will know."""

    title: Line
    products: tuple[ProductId, ...] = ()
    measure: Text | None = None
    by: Day | None = None
    accountable: Holder | None = None

    def steps(self) -> Iterable[Step]:
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

    def steps(self) -> Iterable[Step]:
        yield code(STATUS, self.outcome)
        if self.why:
            yield text("closed_because", self.why)


# Reports -----------------------------------------------------------------------------------------------------------


class IssueReport(Command):
    """Say that a progress report of a product was given to somebody, so that it can be shown later what was reported."""

    type: Literal["IssueReport"] = "IssueReport"
    subject: ProductId
    since: Instant = Field(description="Where the span of the report begins.")
    until: Instant = Field(description="Where it ends; not in the future.")
    position: Position = Field(description="The position up to which it speaks.")
    sha256: Sha256 = Field(description="SHA-256 of its canonical JSON, in hex, as it was answered.")


class ReportIssued(Event):
    """A progress report of a product was given to somebody."""

    since: Instant
    until: Instant
    position: int
    sha256: Sha256

    def steps(self) -> Iterable[Step]:
        span: dict[str, Value] = {"since": format_instant(self.since), "until": format_instant(self.until)}
        yield code(REPORT, {**span, "position": self.position, "sha256": self.sha256})


ProductCommand = (
    DefineProduct | StateVision | SetStrategy | OrderReleases | RetireProduct | ScheduleRelease | RescheduleRelease
    | StateGoal | CloseGoal | IssueReport
)  # fmt: skip


def decide(command: ProductCommand, act: Act, world: World) -> list[Draft]:
    """What a command about a product, a release, a goal or a report comes to.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    event: Event
    match command:
        case DefineProduct():
            return [_product_defined(command, act, world)]
        case ScheduleRelease():
            scheduled = ReleaseScheduled(products=command.products, version=command.version, on=command.on)
            return [Draft(new_subject(command, world), scheduled)]
        case StateGoal():
            return [_goal_stated(command, act, world)]
        case StateVision():
            _must_be_active(command, act, world)
            event = VisionStated(vision=command.vision)
        case SetStrategy():
            _must_be_active(command, act, world)
            event = StrategySet(strategy=command.strategy)
        case OrderReleases():
            event = ReleasesOrdered(releases=command.releases)
        case RetireProduct():
            _must_be_active(command, act, world)
            event = ProductRetired(why=command.why)
        case RescheduleRelease():
            event = ReleaseRescheduled(on=command.on)
        case CloseGoal():
            must_be_in(world[command.subject], act, ("open",), "be closed", silent="open")
            event = GoalClosed(outcome=command.outcome, why=command.why)
        case IssueReport():
            _must_be_over(command, act)
            event = ReportIssued(
                since=command.since, until=command.until, position=command.position, sha256=command.sha256
            )
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def _product_defined(command: DefineProduct, act: Act, world: World) -> Draft:
    subject = new_subject(command, world)
    check_accountable(command.accountable, act, world)
    return Draft(subject, ProductDefined(**{name: getattr(command, name) for name in ProductDefined.model_fields}))


def _goal_stated(command: StateGoal, act: Act, world: World) -> Draft:
    subject = new_subject(command, world)
    check_accountable(command.accountable, act, world)
    return Draft(subject, GoalStated(**{name: getattr(command, name) for name in GoalStated.model_fields}))


def _must_be_active(command: StateVision | SetStrategy | RetireProduct, act: Act, world: World) -> None:
    must_be_in(world[command.subject], act, ("active",), "be changed", silent="active")


def _must_be_over(command: IssueReport, act: Act) -> None:
    """A report speaks of a span, and of what has been."""
    if command.until <= command.since:
        msg = "the span must end later than it begins"
        raise Malformed(msg, field="until", subject=command.subject)
    if micros(command.until) > act.now:
        msg = f"the span ends later than now, which is {format_micros(act.now)}; a report speaks of what has been"
        raise Malformed(msg, field="until", subject=command.subject)
