"""The one catalogue: every command, every event with its stored name, and the door through which commands are judged.

The same models are the HTTP bodies, the Kafka messages, the import lines and the tool inputs. A stored name carries
its version and is final: a new shape is a new name with an upcaster, and a golden entry keeps the old bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Annotated, Final, get_args

from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter

from domain import access, decision, feature, ownership, people, product, record
from domain.cells import STATUS, State, Step, World
from domain.errors import Malformed, NotAllowed, OutOfOrder, Unknown
from domain.messages import Act, Command, Draft, Event, leaf_paths, values_at
from domain.values import SUBJECT_PATTERN, Mark, SubjectId, Version, format_micros, is_subject

AnyCommand = Annotated[
    decision.DecisionCommand | feature.FeatureCommand | ownership.OwnershipCommand | product.ProductCommand
    | people.PeopleCommand | record.RecordCommand,
    Field(discriminator="type"),
]  # fmt: skip
COMMAND: Final[TypeAdapter[Command]] = TypeAdapter(AnyCommand)

COMMANDS: Final = MappingProxyType(
    {
        command.__name__: command
        for union in (
            product.ProductCommand, decision.DecisionCommand, feature.FeatureCommand, ownership.OwnershipCommand,
            people.PeopleCommand, record.RecordCommand,
        )
        for command in get_args(union)
    }
)  # fmt: skip


class Batch(BaseModel):
    """Several commands as one unit: applied whole or not at all, each seeing those before."""

    model_config = ConfigDict(extra="forbid")

    commands: Annotated[tuple[AnyCommand, ...], FailFast()] = Field(
        min_length=1, max_length=1000, description="Commands with their `type`, in order."
    )
    expected: dict[SubjectId, Version] = Field(
        default_factory=dict,
        max_length=1000,
        description="The versions you read, by subject, as `If-Match` says one.",
        json_schema_extra={"propertyNames": {"pattern": f"^{SUBJECT_PATTERN}$"}},
    )


EVENTS: Final[MappingProxyType[str, type[Event]]] = MappingProxyType(
    {
        "LogOpened.v1": record.LogOpened,
        "ProductDefined.v1": product.ProductDefined,
        "VisionStated.v1": product.VisionStated,
        "StrategySet.v1": product.StrategySet,
        "ReleasesOrdered.v1": product.ReleasesOrdered,
        "ProductRetired.v1": product.ProductRetired,
        "ReleaseScheduled.v1": product.ReleaseScheduled,
        "ReleaseRescheduled.v1": product.ReleaseRescheduled,
        "GoalStated.v1": product.GoalStated,
        "GoalClosed.v1": product.GoalClosed,
        "ReportIssued.v1": product.ReportIssued,
        "DecisionProposed.v1": decision.DecisionProposed,
        "DecisionRevised.v1": decision.DecisionRevised,
        "AdviceGiven.v1": decision.AdviceGiven,
        "DissentRecorded.v1": decision.DissentRecorded,
        "DecisionAccepted.v1": decision.DecisionAccepted,
        "DecisionRecorded.v1": decision.DecisionRecorded,
        "DecisionRejected.v1": decision.DecisionRejected,
        "DecisionDeferred.v1": decision.DecisionDeferred,
        "DecisionWithdrawn.v1": decision.DecisionWithdrawn,
        "DecisionReopened.v1": decision.DecisionReopened,
        "DecisionSuperseded.v1": decision.DecisionSuperseded,
        "DecisionReversed.v1": decision.DecisionReversed,
        "DecisionConfirmed.v1": decision.DecisionConfirmed,
        "DecisionRatified.v1": decision.DecisionRatified,
        "DecisionReviewed.v1": decision.DecisionReviewed,
        "FeatureProposed.v1": feature.FeatureProposed,
        "FeatureDefined.v1": feature.FeatureDefined,
        "FeaturePrioritised.v1": feature.FeaturePrioritised,
        "MilestoneTargeted.v1": feature.MilestoneTargeted,
        "FeatureCommitted.v1": feature.FeatureCommitted,
        "FeatureStarted.v1": feature.FeatureStarted,
        "FeaturePaused.v1": feature.FeaturePaused,
        "FeatureShipped.v1": feature.FeatureShipped,
        "FeatureDropped.v1": feature.FeatureDropped,
        "FeatureReopened.v1": feature.FeatureReopened,
        "FeatureLinked.v1": feature.FeatureLinked,
        "OwnershipAssigned.v1": ownership.OwnershipAssigned,
        "OwnershipReleased.v1": ownership.OwnershipReleased,
        "OwnershipHandedOver.v1": ownership.OwnershipHandedOver,
        "OwnershipAcknowledged.v1": ownership.OwnershipAcknowledged,
        "OwnershipDelegated.v1": ownership.OwnershipDelegated,
        "DelegationRevoked.v1": ownership.DelegationRevoked,
        "PersonRegistered.v1": people.PersonRegistered,
        "PersonJoined.v1": people.PersonJoined,
        "PersonDeparted.v1": people.PersonDeparted,
        "TeamRegistered.v1": people.TeamRegistered,
        "TeamDisbanded.v1": people.TeamDisbanded,
        "TokenCreated.v1": access.TokenCreated,
        "TokenRevoked.v1": access.TokenRevoked,
        "NamesChanged.v1": access.NamesChanged,
        "Retitled.v1": record.Retitled,
        "AliasesSet.v1": record.AliasesSet,
        "AttributeSet.v1": record.AttributeSet,
        "Placed.v1": record.Placed,
        "Struck.v1": record.Struck,
        "Restored.v1": record.Restored,
        "EntryVoided.v1": record.EntryVoided,
        "Observed.v1": record.Observed,
        "TextsForgotten.v1": record.TextsForgotten,
    }
)
EVENT_NAMES: Final = MappingProxyType({event: name for name, event in EVENTS.items()})


def decide(command: Command, act: Act, world: World) -> list[Draft]:
    """Judges one command in a world: the events it comes to, or the reason why not.

    Every person named in it must already be an id, and a creating command must have its key.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    if not isinstance(command, record.Observe):
        _must_name_once(command, world)
        _must_know(command, act, world)
    drafts = _decide(command, act, world)
    for draft in drafts:
        _must_fit_in_time(draft, act, world)
    return drafts


def _decide(command: Command, act: Act, world: World) -> list[Draft]:
    match command:
        case _ if isinstance(command, decision.DecisionCommand):
            return decision.decide(command, act, world)
        case _ if isinstance(command, feature.FeatureCommand):
            return feature.decide(command, act, world)
        case _ if isinstance(command, ownership.OwnershipCommand):
            return ownership.decide(command, act, world)
        case _ if isinstance(command, product.ProductCommand):
            return product.decide(command, act, world)
        case _ if isinstance(command, people.PeopleCommand):
            return people.decide(command, act, world)
        case _ if isinstance(command, record.RecordCommand):
            return record.decide(command, act, world)
        case _:
            msg = f"{type(command).__name__} is no command of this catalogue"
            raise Malformed(msg, field="type")


def named_subjects(command: Command) -> Iterator[tuple[str, str]]:
    """Each subject a command names, with the field that names it."""
    for mark in (Mark.SUBJECT, Mark.PERSON):
        for path in leaf_paths(type(command), mark):
            for place, value in values_at(command, path):
                if is_subject(value):
                    yield ".".join(str(part) for part in place), value


def _must_name_once(command: Command, world: World) -> None:
    """A list of subjects or persons names each of them once, a person under whatever id."""
    named = [(name.rpartition("."), subject) for name, subject in named_subjects(command)]
    listed: dict[tuple[str, str], list[str]] = {}
    for (field, _, place), subject in named:
        if place.isdigit():
            listed.setdefault((field, world.one_of(subject)), []).append(subject)
    for (field, _), same in listed.items():
        if len(same) > 1:
            ids = " and ".join(dict.fromkeys(same))
            msg = f"{ids} are one person" if len(set(same)) > 1 else f"{ids} is named {len(same)} times"
            raise Malformed(msg, field=field, subject=same[0])


def _must_know(command: Command, act: Act, world: World) -> None:
    """An ordinary command may name only what is in the log and on the record."""
    for name, subject in named_subjects(command):
        state = world[subject]
        if not state.version or state.began() is None:
            msg = f"the log knows no {subject}"
            raise Unknown(msg, field=name, subject=subject)
        restoring = isinstance(command, record.Restore | record.VoidEntry) and name == "subject"
        if not state.exists(act.now) and not restoring:
            msg = f"{subject} is struck from the record; restore it first"
            raise NotAllowed(msg, field=name, subject=subject)


def _must_fit_in_time(draft: Draft, act: Act, world: World) -> None:
    """Dating back is free, but not to before the beginning, and for a status act not to before the latest one."""
    if draft.event.observed:
        return
    state = world[draft.subject]
    steps = tuple(draft.event.steps())
    _must_have_begun(state, steps, act)
    latest = state.latest(STATUS)
    if latest is not None and act.eff < latest.eff and any(step.field == STATUS for step in steps):
        msg = (
            f"the latest status act of {draft.subject} is at position {latest.position} and took effect at "
            f"{format_micros(latest.eff)}; a status act cannot be dated before it"
        )
        raise OutOfOrder(msg, field="effective_at", subject=draft.subject)


def _must_begin_before_all(state: State, act: Act) -> None:
    """A subject that begins again, its first beginning voided, begins no later than what is left of it."""
    left = (row for rows in state.rows.values() for row in rows if not state.acts[row.position].voided)
    first = min(left, default=None, key=lambda row: (row.eff, row.id))
    if first is not None and first.eff < act.eff:
        msg = (
            f"the entry at position {first.position} of {state.subject} took effect at {format_micros(first.eff)}; "
            "date this no later, or void that entry first"
        )
        raise NotAllowed(msg, field="effective_at", subject=state.subject)


def _must_have_begun(state: State, steps: Iterable[Step], act: Act) -> None:
    """Nothing holds before its subject begins, and a term ends after it has begun."""
    earliest = state.began()
    if earliest is None:
        _must_begin_before_all(state, act)
    for field, at in [("effective_at", act.eff), *(("from", step.at) for step in steps if step.at is not None)]:
        if earliest is not None and at < earliest:
            msg = f"{state.subject} begins at {format_micros(earliest)}; nothing of it can take effect before"
            raise NotAllowed(msg, field=field, subject=state.subject)
    for step in steps:
        begins = act.eff if step.at is None else step.at
        if step.until is not None and step.until <= begins:
            msg = f"`until` must be later than {format_micros(begins)}, when the term begins"
            raise Malformed(msg, field="until", subject=state.subject)
