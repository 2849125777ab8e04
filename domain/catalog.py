"""The one catalogue: every command, every event with its stored name, and the door through which commands are judged.

The same models are the HTTP bodies, the Kafka messages, the import lines and the tool inputs. A stored name carries
its version and is final: a new shape is a new name with an upcaster, and a golden entry keeps the old bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Annotated, Final, get_args

from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter

from domain import access, any_subject, decision, feature, ownership, people, product
from domain.errors import Malformed, NotAllowed, OutOfOrder, Unknown
from domain.fields import STATUS, FieldChange, Subjects, SubjectState
from domain.messages import Command, CommandContext, Draft, Event, string_paths, strings_at
from domain.values import SUBJECT_PATTERN, StringKind, SubjectId, Version, format_micros, is_subject

AnyCommand = Annotated[
    decision.DecisionCommand | feature.FeatureCommand | ownership.OwnershipCommand | product.ProductCommand
    | people.PeopleCommand | any_subject.AnySubjectCommand,
    Field(discriminator="type"),
]  # fmt: skip
COMMAND: Final[TypeAdapter[Command]] = TypeAdapter(AnyCommand)

COMMANDS: Final = MappingProxyType(
    {
        command.__name__: command
        for union in (
            product.ProductCommand, decision.DecisionCommand, feature.FeatureCommand, ownership.OwnershipCommand,
            people.PeopleCommand, any_subject.AnySubjectCommand,
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
        "LogOpened.v1": any_subject.LogOpened,
        "ProductDefined.v1": product.ProductDefined,
        "VisionSet.v1": product.VisionSet,
        "StrategySet.v1": product.StrategySet,
        "ReleasesOrdered.v1": product.ReleasesOrdered,
        "ProductRetired.v1": product.ProductRetired,
        "ReleaseScheduled.v1": product.ReleaseScheduled,
        "ReleaseRescheduled.v1": product.ReleaseRescheduled,
        "GoalSet.v1": product.GoalSet,
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
        "FeaturePrioritized.v1": feature.FeaturePrioritized,
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
        "PersonMerged.v1": people.PersonMerged,
        "PersonLeft.v1": people.PersonLeft,
        "TeamRegistered.v1": people.TeamRegistered,
        "TeamDisbanded.v1": people.TeamDisbanded,
        "TokenCreated.v1": access.TokenCreated,
        "TokenRevoked.v1": access.TokenRevoked,
        "NamesChanged.v1": access.NamesChanged,
        "TitleChanged.v1": any_subject.TitleChanged,
        "AliasesSet.v1": any_subject.AliasesSet,
        "AttributeSet.v1": any_subject.AttributeSet,
        "ProductsAssigned.v1": any_subject.ProductsAssigned,
        "SubjectRemoved.v1": any_subject.SubjectRemoved,
        "SubjectRestored.v1": any_subject.SubjectRestored,
        "EntryVoided.v1": any_subject.EntryVoided,
        "ChangesImported.v1": any_subject.ChangesImported,
        "TextsErased.v1": any_subject.TextsErased,
    }
)
EVENT_NAMES: Final = MappingProxyType({event: name for name, event in EVENTS.items()})


def decide(command: Command, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Judges one command in a world: the events it comes to, or the reason why not.

    Every person named in it must already be an id, and a creating command must have its key.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    if not isinstance(command, any_subject.ImportChanges):
        _must_name_once(command, subjects)
        _must_know(command, context, subjects)
    drafts = _decide(command, context, subjects)
    for draft in drafts:
        _must_fit_in_time(draft, context, subjects)
    return drafts


def _decide(command: Command, context: CommandContext, subjects: Subjects) -> list[Draft]:
    match command:
        case _ if isinstance(command, decision.DecisionCommand):
            return decision.decide(command, context, subjects)
        case _ if isinstance(command, feature.FeatureCommand):
            return feature.decide(command, context, subjects)
        case _ if isinstance(command, ownership.OwnershipCommand):
            return ownership.decide(command, context, subjects)
        case _ if isinstance(command, product.ProductCommand):
            return product.decide(command, context, subjects)
        case _ if isinstance(command, people.PeopleCommand):
            return people.decide(command, context, subjects)
        case _ if isinstance(command, any_subject.AnySubjectCommand):
            return any_subject.decide(command, context, subjects)
        case _:
            msg = f"{type(command).__name__} is no command of this catalogue"
            raise Malformed(msg, field="type")


def referenced_subjects(command: Command) -> Iterator[tuple[str, str]]:
    """Each subject a command names, with the field that names it."""
    for mark in (StringKind.SUBJECT, StringKind.PERSON):
        for path in string_paths(type(command), mark):
            for place, value in strings_at(command, path):
                if is_subject(value):
                    yield ".".join(str(part) for part in place), value


def _must_name_once(command: Command, subjects: Subjects) -> None:
    """A list of subjects or persons names each of them once, a person under whatever id."""
    named = [(name.rpartition("."), subject) for name, subject in referenced_subjects(command)]
    listed: dict[tuple[str, str], list[str]] = {}
    for (field, _, place), subject in named:
        if place.isdigit():
            listed.setdefault((field, subjects.canonical_id(subject)), []).append(subject)
    for (field, _), same in listed.items():
        if len(same) > 1:
            ids = " and ".join(dict.fromkeys(same))
            msg = f"{ids} are one person" if len(set(same)) > 1 else f"{ids} is named {len(same)} times"
            raise Malformed(msg, field=field, subject=same[0])


def _must_know(command: Command, context: CommandContext, subjects: Subjects) -> None:
    """An ordinary command may name only what is in the log and on the record."""
    for name, subject in referenced_subjects(command):
        state = subjects[subject]
        if not state.version or state.started_at() is None:
            msg = f"the log knows no {subject}"
            raise Unknown(msg, field=name, subject=subject)
        restoring = isinstance(command, any_subject.RestoreSubject | any_subject.VoidEntry) and name == "subject"
        if not state.exists_at(context.now) and not restoring:
            msg = f"{subject} is struck from the record; restore it first"
            raise NotAllowed(msg, field=name, subject=subject)


def _must_fit_in_time(draft: Draft, context: CommandContext, subjects: Subjects) -> None:
    """Dating back is free, but not to before the beginning, and for a status act not to before the latest one."""
    if draft.event.is_imported:
        return
    state = subjects[draft.subject]
    steps = tuple(draft.event.field_changes())
    _must_have_begun(state, steps, context)
    latest = state.latest_row(STATUS)
    if latest is not None and context.effective_at < latest.valid_from and any(step.field == STATUS for step in steps):
        msg = (
            f"the latest status act of {draft.subject} is at position {latest.position} and took effect at "
            f"{format_micros(latest.valid_from)}; a status act cannot be dated before it"
        )
        raise OutOfOrder(msg, field="effective_at", subject=draft.subject)


def _must_begin_before_all(state: SubjectState, context: CommandContext) -> None:
    """A subject that begins again, its first beginning voided, begins no later than what is left of it."""
    left = (row for rows in state.rows.values() for row in rows if not state.events[row.position].is_voided)
    first = min(left, default=None, key=lambda row: (row.valid_from, row.id))
    if first is not None and first.valid_from < context.effective_at:
        msg = (
            f"the entry at position {first.position} of {state.subject} took effect at {format_micros(first.valid_from)}; "
            "date this no later, or void that entry first"
        )
        raise NotAllowed(msg, field="effective_at", subject=state.subject)


def _must_have_begun(state: SubjectState, steps: Iterable[FieldChange], context: CommandContext) -> None:
    """Nothing holds before its subject begins, and a term ends after it has begun."""
    earliest = state.started_at()
    if earliest is None:
        _must_begin_before_all(state, context)
    for field, at in [
        ("effective_at", context.effective_at),
        *(("from", step.starts_at) for step in steps if step.starts_at is not None),
    ]:
        if earliest is not None and at < earliest:
            msg = f"{state.subject} begins at {format_micros(earliest)}; nothing of it can take effect before"
            raise NotAllowed(msg, field=field, subject=state.subject)
    for step in steps:
        begins = context.effective_at if step.starts_at is None else step.starts_at
        if step.ends_at is not None and step.ends_at <= begins:
            msg = f"`until` must be later than {format_micros(begins)}, when the term begins"
            raise Malformed(msg, field="until", subject=state.subject)
