"""Features, in the order of their life.

    proposed ─▶ committed ─▶ started ⇄ paused ─▶ shipped
        └────────────┴───────────┴──────┴─▶ dropped        shipped, dropped ─▶ reopened (proposed)

A step may be left out: what was shipped without having been committed was shipped all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Final, Literal, assert_never

from pydantic import ConfigDict, Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from domain.errors import NotAllowed, NothingChanges
from domain.fields import EXISTS, STATUS, FieldChange, Subjects, code, ref, refs, text
from domain.guards import must_have_status, new_subject
from domain.messages import Command, CommandContext, Draft, Event
from domain.ownership import accountable_steps, check_accountable
from domain.values import (
    COMBINATION,
    Day,
    DecisionId,
    FeatureId,
    GoalId,
    Holder,
    Integral,
    Key,
    Line,
    ProductId,
    ReleaseId,
    Slug,
    Text,
)

PROPOSED: Final = "proposed"
OPEN: Final = frozenset({PROPOSED, "committed", "started", "paused"})
CLOSED: Final = frozenset({"shipped", "dropped"})


def _given(name: str) -> dict[str, Any]:
    """The JSON Schema of an object in which a list is given."""
    return {"required": [name], "properties": {name: {"type": "array"}}}


Horizon = Literal["now", "next", "later"]
Rank = Annotated[int, Strict(), Field(ge=0, le=1_000_000), Integral]


class ProposeFeature(Command):
    """Put a feature up."""

    type: Literal["ProposeFeature"] = "ProposeFeature"
    key: Key | None = Field(None, description="The key of the new feature; a random one if silent.")
    title: Line = Field(description="What it is called.")
    products: tuple[ProductId, ...] = Field(min_length=1, max_length=50, description="The products it belongs to.")
    definition: Text | None = Field(None, description="What it is, and what it is not.")
    accountable: Holder | None = Field(None, description="Who answers for it.")
    creates: ClassVar[str] = "feature"


class FeatureProposed(Event):
    """A feature was put up."""

    title: Line
    products: tuple[ProductId, ...]
    definition: Text | None = None
    accountable: Holder | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, PROPOSED)
        yield text("title", self.title)
        yield refs("products", self.products)
        if self.definition:
            yield text("definition", self.definition)
        yield from accountable_steps(self.accountable)


class DefineFeature(Command):
    """Say what a feature is, and what it is not."""

    type: Literal["DefineFeature"] = "DefineFeature"
    subject: FeatureId
    definition: Text = Field(description="What it is, and what it is not.")


class FeatureDefined(Event):
    """It was said what a feature is, and what it is not."""

    definition: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield text("definition", self.definition)


class PrioritizeFeature(Command):
    """Put a feature where it belongs on the board."""

    type: Literal["PrioritizeFeature"] = "PrioritizeFeature"
    subject: FeatureId
    horizon: Horizon = Field(description="When it is meant to come.")
    rank: Rank | None = Field(None, description="Its place within the horizon; the lowest comes first.")


class FeaturePrioritized(Event):
    """A feature was put in its place on the board."""

    horizon: Horizon
    rank: int | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code("horizon", self.horizon)
        yield code("rank", self.rank)


class TargetMilestone(Command):
    """Aim a milestone of a feature at a release or a day, or at nothing any more."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"properties": {"release": {"type": "null"}}}, {"properties": {"day": {"type": "null"}}}]
        }
    )

    type: Literal["TargetMilestone"] = "TargetMilestone"
    subject: FeatureId
    milestone: Slug = Field("ship", description="Which milestone: `ship`, `beta`, or any word of your own.")
    release: ReleaseId | None = Field(
        None, description="The release aimed at; this or `day`, and neither takes the target back."
    )
    day: Day | None = Field(None, description="The day aimed at.")

    @model_validator(mode="after")
    def _one_of_them(self) -> TargetMilestone:
        if self.release and self.day:
            raise PydanticCustomError(COMBINATION, "give `release` or `day`, not both")
        return self


class MilestoneTargeted(Event):
    """A milestone of a feature was aimed at a release or a day, or at nothing any more."""

    milestone: Slug
    release: ReleaseId | None = None
    day: Day | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        name = f"target.{self.milestone}"
        yield code(name, self.day) if self.day else ref(name, self.release)


class CommitFeature(Command):
    """Promise a feature."""

    type: Literal["CommitFeature"] = "CommitFeature"
    subject: FeatureId


class FeatureCommitted(Event):
    """A feature was promised."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "committed")


class StartFeature(Command):
    """Begin work on a feature, or take it up again."""

    type: Literal["StartFeature"] = "StartFeature"
    subject: FeatureId


class FeatureStarted(Event):
    """Work on a feature began, or was taken up again."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "started")


class PauseFeature(Command):
    """Let work on a feature rest."""

    type: Literal["PauseFeature"] = "PauseFeature"
    subject: FeatureId


class FeaturePaused(Event):
    """Work on a feature came to rest."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "paused")


class ShipFeature(Command):
    """Give a feature to its users."""

    type: Literal["ShipFeature"] = "ShipFeature"
    subject: FeatureId


class FeatureShipped(Event):
    """A feature was given to its users."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "shipped")


class DropFeature(Command):
    """Give a feature up."""

    type: Literal["DropFeature"] = "DropFeature"
    subject: FeatureId
    why: Text = Field(description="The reason.")


class FeatureDropped(Event):
    """A feature was given up."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "dropped")
        yield text("dropped_because", self.why)


class ReopenFeature(Command):
    """Take a shipped or dropped feature up again: it is proposed once more."""

    type: Literal["ReopenFeature"] = "ReopenFeature"
    subject: FeatureId
    why: Text = Field(description="The reason.")


class FeatureReopened(Event):
    """A shipped or dropped feature was taken up again."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, PROPOSED)
        yield text("reopened_because", self.why)


class LinkFeature(Command):
    """Say what goals a feature serves, what decisions it rests on, what features it needs. A list given is the whole list."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [_given(name) for name in ("goals", "decisions", "features")]}
    )

    type: Literal["LinkFeature"] = "LinkFeature"
    subject: FeatureId
    goals: tuple[GoalId, ...] | None = Field(
        None, max_length=100, description="The goals it serves, all of them anew; silent leaves them."
    )
    decisions: tuple[DecisionId, ...] | None = Field(
        None, max_length=100, description="The decisions it rests on, all of them anew; silent leaves them."
    )
    features: tuple[FeatureId, ...] | None = Field(
        None, max_length=100, description="The features it has to do with, all of them anew; silent leaves them."
    )


class FeatureLinked(Event):
    """It was said what a feature serves, rests on or needs; what is absent stayed."""

    goals: tuple[GoalId, ...] | None = None
    decisions: tuple[DecisionId, ...] | None = None
    features: tuple[FeatureId, ...] | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        for name, linked in (("goals", self.goals), ("decisions", self.decisions), ("features", self.features)):
            if linked is not None:
                yield refs(name, linked)


FeatureCommand = (
    ProposeFeature | DefineFeature | PrioritizeFeature | TargetMilestone | CommitFeature | StartFeature | PauseFeature
    | ShipFeature | DropFeature | ReopenFeature | LinkFeature
)  # fmt: skip


def decide(command: FeatureCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """What a command about a feature comes to.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    if isinstance(command, ProposeFeature):
        return _propose(command, context, subjects)
    state = subjects[command.subject]

    def must_be(allowed: frozenset[str], to_do: str) -> None:
        must_have_status(state, context, allowed, to_do, silent=PROPOSED)

    event: Event
    match command:
        case DefineFeature():
            must_be(OPEN, "be defined")
            event = FeatureDefined(definition=command.definition)
        case PrioritizeFeature():
            must_be(OPEN, "be prioritized")
            event = FeaturePrioritized(horizon=command.horizon, rank=command.rank)
        case TargetMilestone():
            must_be(OPEN, "be targeted")
            event = MilestoneTargeted(milestone=command.milestone, release=command.release, day=command.day)
        case CommitFeature():
            must_be(frozenset({PROPOSED}), "be committed")
            event = FeatureCommitted()
        case StartFeature():
            must_be(OPEN - {"started"}, "be started")
            event = FeatureStarted()
        case PauseFeature():
            must_be(frozenset({"started"}), "be paused")
            event = FeaturePaused()
        case ShipFeature():
            must_be(OPEN, "be shipped")
            event = FeatureShipped()
        case DropFeature():
            must_be(OPEN, "be dropped")
            event = FeatureDropped(why=command.why)
        case ReopenFeature():
            must_be(CLOSED, "be reopened")
            event = FeatureReopened(why=command.why)
        case LinkFeature():
            event = _linked(command)
        case _:
            assert_never(command)
    return [Draft(state.subject, event)]


def _propose(command: ProposeFeature, context: CommandContext, subjects: Subjects) -> list[Draft]:
    subject = new_subject(command, subjects)
    for n, product in enumerate(command.products):
        if subjects[product].value_at(STATUS, context.effective_at) == "retired":
            msg = f"{product} is retired; no feature can be proposed for it"
            raise NotAllowed(msg, field=f"products.{n}", subject=product)
    check_accountable(command.accountable, context, subjects)
    proposed = FeatureProposed(
        title=command.title,
        products=command.products,
        definition=command.definition,
        accountable=command.accountable,
    )
    return [Draft(subject, proposed)]


def _linked(command: LinkFeature) -> Event:
    if command.goals is None and command.decisions is None and command.features is None:
        msg = "nothing to link: give `goals`, `decisions` or `features`"
        raise NothingChanges(msg, field="goals", subject=command.subject)
    if command.subject in (command.features or ()):
        msg = f"{command.subject} cannot need itself"
        raise NotAllowed(msg, field="features", subject=command.subject)
    return FeatureLinked(goals=command.goals, decisions=command.decisions, features=command.features)
