"""The catalog of all commands and events, and `decide`, which applies the rules to any command.

The same models are the HTTP bodies, the Kafka messages, the import lines and the tool inputs. The stored name of an
event includes its version and is final: a new shape is a new version with an upcaster, and a golden entry keeps the
bytes of the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Annotated, Any, Final, get_args

from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter

from domain import (
    any_subject,
    assumption,
    credentials,
    decision_messages,
    decision_rights,
    decision_rules,
    delegation,
    evidence,
    feature,
    meeting,
    outcome,
    ownership,
    people,
    product,
    roles,
    task,
)
from domain.errors import Malformed, NotAllowed, OutOfOrder
from domain.fields import STATUS, FieldChange, Subjects, SubjectState
from domain.messages import Command, CommandContext, Draft, Event
from domain.references import referenced_subjects, unknown_error
from domain.values import SUBJECT_PATTERN, SubjectId, Version, format_micros, kind_of

AnyCommand = Annotated[
    decision_messages.DecisionCommand
    | feature.FeatureCommand
    | evidence.EvidenceCommand
    | assumption.AssumptionCommand
    | outcome.OutcomeCommand
    | meeting.MeetingCommand
    | task.TaskCommand
    | ownership.OwnershipCommand
    | decision_rights.SetDecisionRights
    | delegation.DelegateActions
    | product.ProductCommand
    | people.PeopleCommand
    | roles.RoleCommand
    | any_subject.AnySubjectCommand,
    Field(discriminator="type"),
]
COMMAND: Final[TypeAdapter[Command]] = TypeAdapter(AnyCommand)


def _decide_delegation(command: delegation.DelegateActions, context: CommandContext, subjects: Subjects) -> list[Draft]:
    return delegation.decide(command, context, subjects, COMMANDS)


_DECIDERS: Final[MappingProxyType[type[Command], Callable[[Any, CommandContext, Subjects], list[Draft]]]] = (
    MappingProxyType(
        {
            command: decide_kind
            for union, decide_kind in (
                (product.ProductCommand, product.decide),
                (decision_messages.DecisionCommand, decision_rules.decide),
                (feature.FeatureCommand, feature.decide),
                (evidence.EvidenceCommand, evidence.decide),
                (assumption.AssumptionCommand, assumption.decide),
                (outcome.OutcomeCommand, outcome.decide),
                (meeting.MeetingCommand, meeting.decide),
                (task.TaskCommand, task.decide),
                (ownership.OwnershipCommand, ownership.decide),
                (decision_rights.SetDecisionRights, decision_rights.decide),
                (delegation.DelegateActions, _decide_delegation),
                (people.PeopleCommand, people.decide),
                (roles.RoleCommand, roles.decide),
                (any_subject.AnySubjectCommand, any_subject.decide),
            )
            for command in get_args(union) or (union,)
        }
    )
)
COMMANDS: Final = MappingProxyType({command.__name__: command for command in _DECIDERS})


class Batch(BaseModel):
    """Several commands as one transaction: all are applied or none, and each sees the effects of those before it."""

    model_config = ConfigDict(extra="forbid")

    commands: Annotated[tuple[AnyCommand, ...], FailFast()] = Field(
        min_length=1, max_length=1000, description="The commands, in order, each with its `type`."
    )
    expected: dict[SubjectId, Version] = Field(
        default_factory=dict,
        max_length=1000,
        description="The expected version of each subject, as `If-Match` gives for one; a mismatch refuses them all.",
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
        "GoalRevised.v1": product.GoalRevised,
        "MeasurementRecorded.v1": product.MeasurementRecorded,
        "GoalClosed.v1": product.GoalClosed,
        "ReportIssued.v1": product.ReportIssued,
        "DecisionProposed.v1": decision_messages.DecisionProposed,
        "DecisionRevised.v1": decision_messages.DecisionRevised,
        "AdviceGiven.v1": decision_messages.AdviceGiven,
        "DissentRecorded.v1": decision_messages.DissentRecorded,
        "DecisionApproved.v1": decision_messages.DecisionApproved,
        "AbstentionRecorded.v1": decision_messages.AbstentionRecorded,
        "DecisionAccepted.v1": decision_messages.DecisionAccepted,
        "DecisionRecorded.v1": decision_messages.DecisionRecorded,
        "DecisionRejected.v1": decision_messages.DecisionRejected,
        "DecisionDeferred.v1": decision_messages.DecisionDeferred,
        "DecisionWithdrawn.v1": decision_messages.DecisionWithdrawn,
        "DecisionReopened.v1": decision_messages.DecisionReopened,
        "DecisionSuperseded.v1": decision_messages.DecisionSuperseded,
        "DecisionReversed.v1": decision_messages.DecisionReversed,
        "DecisionConfirmed.v1": decision_messages.DecisionConfirmed,
        "DecisionRatified.v1": decision_messages.DecisionRatified,
        "ReasoningReviewed.v1": decision_messages.ReasoningReviewed,
        "DecisionReviewed.v1": decision_messages.DecisionReviewed,
        "DecisionLinked.v1": decision_messages.DecisionLinked,
        "ChoiceJudged.v1": decision_messages.ChoiceJudged,
        "ConstraintChecked.v1": decision_messages.ConstraintChecked,
        "ExpectedOutcomeStated.v1": outcome.ExpectedOutcomeStated,
        "OutcomeRecorded.v1": outcome.OutcomeRecorded,
        "CalibrationShared.v1": outcome.CalibrationShared,
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
        "EvidenceRecorded.v1": evidence.EvidenceRecorded,
        "EvidenceLinked.v1": evidence.EvidenceLinked,
        "EvidenceUnlinked.v1": evidence.EvidenceUnlinked,
        "EvidenceSuperseded.v1": evidence.EvidenceSuperseded,
        "EvidenceWithdrawn.v1": evidence.EvidenceWithdrawn,
        "AssumptionStated.v1": assumption.AssumptionStated,
        "AssumptionRevised.v1": assumption.AssumptionRevised,
        "AssumptionLinked.v1": assumption.AssumptionLinked,
        "AssumptionUnlinked.v1": assumption.AssumptionUnlinked,
        "AssumptionConfirmed.v1": assumption.AssumptionConfirmed,
        "AssumptionBroken.v1": assumption.AssumptionBroken,
        "MeetingPlanned.v1": meeting.MeetingPlanned,
        "MeetingRevised.v1": meeting.MeetingRevised,
        "MeetingHeld.v1": meeting.MeetingHeld,
        "MeetingRecorded.v1": meeting.MeetingRecorded,
        "MinutesAdded.v1": meeting.MinutesAdded,
        "MeetingCanceled.v1": meeting.MeetingCanceled,
        "TaskAssigned.v1": task.TaskAssigned,
        "TaskRescheduled.v1": task.TaskRescheduled,
        "TaskCompleted.v1": task.TaskCompleted,
        "TaskDropped.v1": task.TaskDropped,
        "OwnershipAssigned.v1": ownership.OwnershipAssigned,
        "OwnershipReleased.v1": ownership.OwnershipReleased,
        "OwnershipHandedOver.v1": ownership.OwnershipHandedOver,
        "OwnershipAcknowledged.v1": ownership.OwnershipAcknowledged,
        "OwnershipDelegated.v1": ownership.OwnershipDelegated,
        "DelegationRevoked.v1": ownership.DelegationRevoked,
        "ActionsDelegated.v1": delegation.ActionsDelegated,
        "DecisionRightsSet.v1": decision_rights.DecisionRightsSet,
        "PersonRegistered.v1": people.PersonRegistered,
        "PersonMerged.v1": people.PersonMerged,
        "PersonLeft.v1": people.PersonLeft,
        "TeamRegistered.v1": people.TeamRegistered,
        "TeamDisbanded.v1": people.TeamDisbanded,
        "TokenCreated.v1": credentials.TokenCreated,
        "TokenRevoked.v1": credentials.TokenRevoked,
        "SignInLinkCreated.v1": credentials.SignInLinkCreated,
        "AccountConnected.v1": credentials.AccountConnected,
        "AccountDisconnected.v1": credentials.AccountDisconnected,
        "NamesChanged.v1": credentials.NamesChanged,
        "RoleGranted.v1": roles.RoleGranted,
        "RoleRevoked.v1": roles.RoleRevoked,
        "TitleChanged.v1": any_subject.TitleChanged,
        "AliasesSet.v1": any_subject.AliasesSet,
        "AttributeSet.v1": any_subject.AttributeSet,
        "ProductsAssigned.v1": any_subject.ProductsAssigned,
        "StillValidConfirmed.v1": any_subject.StillValidConfirmed,
        "SubjectRemoved.v1": any_subject.SubjectRemoved,
        "SubjectRestored.v1": any_subject.SubjectRestored,
        "EntryVoided.v1": any_subject.EntryVoided,
        "ChangesImported.v1": any_subject.ChangesImported,
        "TextsErased.v1": any_subject.TextsErased,
    }
)
EVENT_NAMES: Final = MappingProxyType({event: name for name, event in EVENTS.items()})


def decide(command: Command, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Return the events that a command leads to.

    Every person it names must already be resolved to an id, and a command that creates a subject must have its key.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    if not isinstance(command, any_subject.ImportChanges):
        referenced = list(referenced_subjects(command))
        _require_unique_references(referenced, subjects)
        _require_known_subjects(command, referenced, context, subjects)
    drafts = _decide(command, context, subjects)
    for draft in drafts:
        _require_valid_time(draft, context, subjects)
    return drafts


def _decide(command: Command, context: CommandContext, subjects: Subjects) -> list[Draft]:
    decide_kind = _DECIDERS.get(type(command))
    if decide_kind is None:
        raise Malformed(f"unknown command {type(command).__name__}", field="type")
    return decide_kind(command, context, subjects)


def _require_unique_references(referenced: Iterable[tuple[str, str]], subjects: Subjects) -> None:
    """A list references each subject at most once, and each person under at most one of their ids."""
    by_canonical_id: dict[tuple[str, str], list[str]] = {}
    for path, subject in referenced:
        field, _, index = path.rpartition(".")
        if field and index.isdigit():
            by_canonical_id.setdefault((field, subjects.canonical_id(subject)), []).append(subject)
    for (field, _), same in by_canonical_id.items():
        if len(set(same)) > 1:
            raise Malformed(f"{' and '.join(dict.fromkeys(same))} are the same person", field=field, subject=same[0])
        if len(same) > 1:
            raise Malformed(f"{same[0]} is listed {len(same)} times", field=field, subject=same[0])


def _require_known_subjects(
    command: Command, referenced: Iterable[tuple[str, str]], context: CommandContext, subjects: Subjects
) -> None:
    """Every subject that a command references is in the log and is not removed."""
    for field, subject in referenced:
        if isinstance(command, _NAME_UNKNOWN) and _may_be_unknown(command, field, subject):
            continue
        state = subjects[subject]
        if state.exists_at(context.now):
            continue
        if not state.version or state.started_at() is None:
            raise unknown_error(field, subject)
        is_restorable = isinstance(command, any_subject.RestoreSubject | any_subject.VoidEntry) and field == "subject"
        if not is_restorable:
            raise NotAllowed(f"{subject} was removed; restore it first", field=field, subject=subject)


_NAME_UNKNOWN: Final = (*get_args(roles.RoleCommand), delegation.DelegateActions, decision_messages.DeferDecision)
"""The commands that can name subjects which are not in the log."""


def _may_be_unknown(command: Command, field: str, subject: str) -> bool:
    """Whether one of these commands names a service or a group, or evidence that a deferred decision waits for."""
    match command:
        case decision_messages.DeferDecision():
            return field.startswith("awaits") and kind_of(subject) == "evidence"
        case delegation.DelegateActions():
            return kind_of(subject) == "service"
    return roles.is_unregistered_holder(subject)


_ROLE_CHANGES: Final = (roles.RoleGranted, roles.RoleRevoked)


def _require_valid_time(draft: Draft, context: CommandContext, subjects: Subjects) -> None:
    """An event may be backdated, but not to before its subject was created, nor a status change to before the latest."""
    if draft.event.is_imported or isinstance(draft.event, _ROLE_CHANGES):
        return
    state = subjects[draft.subject]
    if not state.version and not draft.event.has_periods:
        return  # nothing was before the first event
    changes = tuple(draft.event.field_changes())
    _require_within_lifetime(state, changes, context)
    latest = state.latest_row(STATUS)
    changes_status = any(change.field == STATUS for change in changes)
    if latest is not None and context.effective_at < latest.valid_from and changes_status:
        raise OutOfOrder(
            f"the latest status change of {draft.subject} took effect at {format_micros(latest.valid_from)} (position "
            f"{latest.position}); a status change cannot be dated before it",
            field="effective_at",
            subject=draft.subject,
        )


def _require_restart_before_rows(state: SubjectState, context: CommandContext) -> None:
    """A subject whose first entry was voided starts again no later than what remains of it."""
    remaining = (row for rows in state.rows.values() for row in rows if not state.events[row.position].is_voided)
    first = min(remaining, default=None, key=lambda row: (row.valid_from, row.id))
    if first is not None and first.valid_from < context.effective_at:
        raise NotAllowed(
            f"the entry at position {first.position} of {state.subject} took effect at "
            f"{format_micros(first.valid_from)}; set `effective_at` to that time or earlier, or void that entry first",
            field="effective_at",
            subject=state.subject,
        )


def _require_within_lifetime(state: SubjectState, changes: Iterable[FieldChange], context: CommandContext) -> None:
    """Nothing takes effect before its subject was created, and a period ends after it starts."""
    started_at = state.started_at()
    if started_at is None:
        _require_restart_before_rows(state, context)
    for field, time in [
        ("effective_at", context.effective_at),
        *(("from", change.starts_at) for change in changes if change.starts_at is not None),
    ]:
        if started_at is not None and time < started_at:
            raise NotAllowed(
                f"{state.subject} was created at {format_micros(started_at)}; nothing can take effect before that",
                field=field,
                subject=state.subject,
            )
    for change in changes:
        starts_at = context.effective_at if change.starts_at is None else change.starts_at
        if change.ends_at is not None and change.ends_at <= starts_at:
            raise Malformed(
                f"`until` must be later than {format_micros(starts_at)}, when the period starts",
                field="until",
                subject=state.subject,
            )
