"""Features, in the order of their life cycle.

    proposed ─▶ committed ─▶ started ⇄ paused ─▶ shipped
        └────────────┴───────────┴──────┴─▶ dropped        shipped, dropped ─▶ reopened (proposed)

Stages can be skipped: a feature can be shipped without having been committed or started.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Final, Literal, assert_never

from pydantic import ConfigDict, Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from domain.errors import NotAllowed, NothingChanges
from domain.fields import EXISTS, STATUS, FieldChange, Subjects, code, ref, refs, text
from domain.guards import new_subject_id, require_status
from domain.messages import Command, CommandContext, Draft, Event
from domain.ownership import accountable_changes, require_active_holder
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
    SubjectId,
    Text,
)

PROPOSED: Final = "proposed"
OPEN: Final = frozenset({PROPOSED, "committed", "started", "paused"})
CLOSED: Final = frozenset({"shipped", "dropped"})


Horizon = Literal["now", "next", "later"]
Rank = Annotated[int, Strict(), Field(ge=0, le=1_000_000), Integral]


class ProposeFeature(Command):
    """Propose a feature. Its status is then `proposed`."""

    type: Literal["ProposeFeature"] = "ProposeFeature"
    key: Key | None = Field(None, description="The key of the new feature; random by default.")
    title: Line = Field(description="The title.")
    products: tuple[ProductId, ...] = Field(min_length=1, max_length=50, description="The products it belongs to.")
    definition: Text | None = Field(None, description="What the feature is, and what it is not.")
    accountable: Holder | None = Field(None, description="The person or team accountable for it.")
    creates: ClassVar[str] = "feature"


class FeatureProposed(Event):
    """A feature was proposed."""

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
        yield from accountable_changes(self.accountable)


class DefineFeature(Command):
    """Define what a feature is, and what it is not."""

    type: Literal["DefineFeature"] = "DefineFeature"
    subject: FeatureId
    definition: Text = Field(description="What the feature is, and what it is not.")


class FeatureDefined(Event):
    """The definition of a feature was set."""

    definition: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield text("definition", self.definition)


class PrioritizeFeature(Command):
    """Set the horizon and rank of a feature."""

    type: Literal["PrioritizeFeature"] = "PrioritizeFeature"
    subject: FeatureId
    horizon: Horizon = Field(description="When it is planned: `now`, `next` or `later`.")
    rank: Rank | None = Field(None, description="Its rank within the horizon; the lowest comes first.")


class FeaturePrioritized(Event):
    """The horizon and rank of a feature were set."""

    horizon: Horizon
    rank: int | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code("horizon", self.horizon)
        yield code("rank", self.rank)


class TargetMilestone(Command):
    """Set or clear the target of a feature's milestone: a release or a date."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {
                "properties": {"release": {"type": "string"}, "day": {"type": "string"}},
                "required": ["release", "day"],
            }
        }
    )

    type: Literal["TargetMilestone"] = "TargetMilestone"
    subject: FeatureId
    milestone: Slug = Field("ship", description="The milestone: `ship`, `beta`, or a name of your own.")
    release: ReleaseId | None = Field(
        None, description="The target release. Give this or `day`; with neither, the target is cleared."
    )
    day: Day | None = Field(None, description="The target date.")
    cause: SubjectId | None = Field(
        None, description="What made it move: an assumption, evidence, or a feature or release that it waits for."
    )

    @model_validator(mode="after")
    def _check_target(self) -> TargetMilestone:
        if self.release and self.day:
            raise PydanticCustomError(COMBINATION, "give `release` or `day`, not both")
        return self


class MilestoneTargeted(Event):
    """The target of a feature's milestone was set or cleared."""

    milestone: Slug
    release: ReleaseId | None = None
    day: Day | None = None
    cause: SubjectId | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        name = f"target.{self.milestone}"
        yield code(name, self.day) if self.day else ref(name, self.release)


class CommitFeature(Command):
    """Commit to a feature."""

    type: Literal["CommitFeature"] = "CommitFeature"
    subject: FeatureId


class FeatureCommitted(Event):
    """A feature was committed to."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "committed")


class StartFeature(Command):
    """Start or resume work on a feature."""

    type: Literal["StartFeature"] = "StartFeature"
    subject: FeatureId


class FeatureStarted(Event):
    """Work on a feature was started or resumed."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "started")


class PauseFeature(Command):
    """Pause work on a feature."""

    type: Literal["PauseFeature"] = "PauseFeature"
    subject: FeatureId


class FeaturePaused(Event):
    """Work on a feature was paused."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "paused")


class ShipFeature(Command):
    """Ship a feature."""

    type: Literal["ShipFeature"] = "ShipFeature"
    subject: FeatureId


class FeatureShipped(Event):
    """A feature was shipped."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "shipped")


class DropFeature(Command):
    """Drop a feature."""

    type: Literal["DropFeature"] = "DropFeature"
    subject: FeatureId
    why: Text = Field(description="The reason.")


class FeatureDropped(Event):
    """A feature was dropped."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "dropped")
        yield text("dropped_because", self.why)


class ReopenFeature(Command):
    """Reopen a shipped or dropped feature. Its status is then `proposed`."""

    type: Literal["ReopenFeature"] = "ReopenFeature"
    subject: FeatureId
    why: Text = Field(description="The reason.")


class FeatureReopened(Event):
    """A shipped or dropped feature was reopened."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, PROPOSED)
        yield code("dropped_because", None)
        yield text("reopened_because", self.why)


class LinkFeature(Command):
    """Link a feature to goals, decisions and other features. Each list replaces the previous one; omitted lists stay."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"properties": {name: {"type": "null"} for name in ("goals", "decisions", "features")}}
        }
    )

    type: Literal["LinkFeature"] = "LinkFeature"
    subject: FeatureId
    goals: tuple[GoalId, ...] | None = Field(
        None, max_length=100, description="All goals it contributes to; unchanged if omitted."
    )
    decisions: tuple[DecisionId, ...] | None = Field(
        None, max_length=100, description="All decisions it is based on; unchanged if omitted."
    )
    features: tuple[FeatureId, ...] | None = Field(
        None, max_length=100, description="All features it depends on or is related to; unchanged if omitted."
    )


class FeatureLinked(Event):
    """The links of a feature were set; omitted lists stayed unchanged."""

    goals: tuple[GoalId, ...] | None = None
    decisions: tuple[DecisionId, ...] | None = None
    features: tuple[FeatureId, ...] | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        for name, subjects in (("goals", self.goals), ("decisions", self.decisions), ("features", self.features)):
            if subjects is not None:
                yield refs(name, subjects)


FeatureCommand = (
    ProposeFeature
    | DefineFeature
    | PrioritizeFeature
    | TargetMilestone
    | CommitFeature
    | StartFeature
    | PauseFeature
    | ShipFeature
    | DropFeature
    | ReopenFeature
    | LinkFeature
)


def decide(command: FeatureCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command about a feature.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    if isinstance(command, ProposeFeature):
        return _propose(command, context, subjects)
    state = subjects[command.subject]

    def require(allowed: frozenset[str], action: str) -> None:
        require_status(state, context, allowed, action, default=PROPOSED)

    event: Event
    match command:
        case DefineFeature():
            require(OPEN, "be defined")
            event = FeatureDefined(definition=command.definition)
        case PrioritizeFeature():
            require(OPEN, "be prioritized")
            event = FeaturePrioritized(horizon=command.horizon, rank=command.rank)
        case TargetMilestone():
            require(OPEN, "be targeted")
            event = MilestoneTargeted(
                milestone=command.milestone, release=command.release, day=command.day, cause=command.cause
            )
        case CommitFeature():
            require(frozenset({PROPOSED}), "be committed to")
            event = FeatureCommitted()
        case StartFeature():
            require(OPEN - {"started"}, "be started")
            event = FeatureStarted()
        case PauseFeature():
            require(frozenset({"started"}), "be paused")
            event = FeaturePaused()
        case ShipFeature():
            require(OPEN, "be shipped")
            event = FeatureShipped()
        case DropFeature():
            require(OPEN, "be dropped")
            event = FeatureDropped(why=command.why)
        case ReopenFeature():
            require(CLOSED, "be reopened")
            event = FeatureReopened(why=command.why)
        case LinkFeature():
            event = _link(command)
        case _:
            assert_never(command)
    return [Draft(state.subject, event)]


def _propose(command: ProposeFeature, context: CommandContext, subjects: Subjects) -> list[Draft]:
    subject = new_subject_id(command, subjects)
    for n, product in enumerate(command.products):
        if subjects[product].value_at(STATUS, context.effective_at) == "retired":
            raise NotAllowed(
                f"{product} is retired; features cannot be proposed for it", field=f"products.{n}", subject=product
            )
    require_active_holder(command.accountable, context, subjects)
    proposed = FeatureProposed(
        title=command.title,
        products=command.products,
        definition=command.definition,
        accountable=command.accountable,
    )
    return [Draft(subject, proposed)]


def _link(command: LinkFeature) -> Event:
    if command.goals is None and command.decisions is None and command.features is None:
        raise NothingChanges(
            "nothing to link; give `goals`, `decisions` or `features`", field="goals", subject=command.subject
        )
    if command.subject in (command.features or ()):
        raise NotAllowed(f"{command.subject} cannot be linked to itself", field="features", subject=command.subject)
    return FeatureLinked(goals=command.goals, decisions=command.decisions, features=command.features)
