"""Ownership of any subject: who is accountable for it, who holds other roles, and who acts on their behalf.

Exactly one person or team is `accountable`; any other role can have several holders, in order. Each role is one field,
`role.NAME`, that contains the whole list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final, Literal, assert_never

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from domain.errors import Forbidden, NotAllowed, NothingChanges, Unknown
from domain.fields import STATUS, FieldChange, Subjects, Value, code, refs
from domain.guards import require_person
from domain.messages import Command, CommandContext, Draft, Event
from domain.money import Cost
from domain.people import DISBANDED, INACTIVE_STATUSES
from domain.values import (
    COMBINATION,
    Holder,
    Key,
    Line,
    Person,
    Slug,
    SubjectId,
    Timestamp,
    format_micros,
    kind_of,
    to_micros,
)

ACCOUNTABLE: Final = "accountable"
ACCOUNTABLE_FIELD: Final = f"role.{ACCOUNTABLE}"
MEMBER_FIELDS: Final = (ACCOUNTABLE_FIELD, "role.member")
"""The fields of a team that list its members: who is accountable for it, and who has the role `member` on it."""
DELEGATION_PREFIX: Final = "delegation."
"""Begins the field of a delegation; its key follows."""


class PeriodCommand(Command):
    """A command about a role or delegation for a period, half open."""

    from_: Timestamp | None = Field(
        None, alias="from", description="When the period starts; by default, when the command takes effect."
    )
    until: Timestamp | None = Field(None, description="When the period ends (exclusive); open-ended by default.")

    def starts_at(self, context: CommandContext) -> int:
        """Return when the period starts, in microseconds since 1970."""
        return to_micros(self.from_) if self.from_ else context.effective_at

    @model_validator(mode="after")
    def _check_period(self) -> PeriodCommand:
        if self.from_ and self.until and self.until <= self.from_:
            raise PydanticCustomError(COMBINATION, "`until` must be later than `from`")
        return self


class PeriodEvent(Event):
    """An event about a role or delegation for a period, half open."""

    has_periods: ClassVar[bool] = True

    from_: Timestamp | None = Field(None, alias="from")
    until: Timestamp | None = None

    def limit_to_period(self, change: FieldChange) -> FieldChange:
        """Return a change that holds only in the period of the event."""
        starts_at, ends_at = (to_micros(time) if time else None for time in (self.from_, self.until))
        return change._replace(starts_at=starts_at, ends_at=ends_at)


class AssignOwnership(PeriodCommand):
    """Assign a role on a subject. The list replaces the previous holders."""

    type: Literal["AssignOwnership"] = "AssignOwnership"
    subject: SubjectId
    role: Slug = Field(
        ACCOUNTABLE,
        description="`accountable`, `responsible`, `approver`, `consulted`, `informed`, `driver`, or a custom role.",
    )
    holders: tuple[Holder, ...] = Field(
        min_length=1,
        max_length=100,
        description="All holders of the role, in order; `accountable` has exactly one.",
    )


class OwnershipAssigned(PeriodEvent):
    """A role on a subject was assigned, replacing its previous holders."""

    role: Slug
    holders: tuple[Holder, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        yield self.limit_to_period(refs(f"role.{self.role}", self.holders))


class ReleaseOwnership(Command):
    """Remove all holders of a role."""

    type: Literal["ReleaseOwnership"] = "ReleaseOwnership"
    subject: SubjectId
    role: Slug = Field(ACCOUNTABLE, description="The role to release.")


class OwnershipReleased(Event):
    """All holders of a role on a subject were removed."""

    role: Slug

    def field_changes(self) -> Iterable[FieldChange]:
        yield refs(f"role.{self.role}", ())


class HandOverOwnership(PeriodCommand):
    """Hand over accountability to another person or team."""

    type: Literal["HandOverOwnership"] = "HandOverOwnership"
    subject: SubjectId
    to: Holder = Field(description="The person or team who becomes accountable.")


class OwnershipHandedOver(PeriodEvent):
    """Accountability was handed over to another person or team."""

    to: Holder
    previous_holders: tuple[Holder, ...] = Field(description="Who was accountable before.")

    def field_changes(self) -> Iterable[FieldChange]:
        yield self.limit_to_period(refs(ACCOUNTABLE_FIELD, (self.to,)))


class AcknowledgeOwnership(Command):
    """Acknowledge a role you hold."""

    type: Literal["AcknowledgeOwnership"] = "AcknowledgeOwnership"
    subject: SubjectId
    role: Slug = Field(ACCOUNTABLE, description="The role to acknowledge.")


class OwnershipAcknowledged(Event):
    """A holder of a role acknowledged it."""

    role: Slug
    by: Person

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(f"acknowledged.{self.role}.{self.by.partition(':')[2]}", True)


class DelegateOwnership(PeriodCommand):
    """Delegate decisions about a subject to another person or team, for some kinds of decision and a period."""

    type: Literal["DelegateOwnership"] = "DelegateOwnership"
    subject: SubjectId = Field(description="The subject that the delegation covers.")
    delegation: Key | None = Field(None, description="The key of the delegation, used to revoke it; random by default.")
    to: Holder = Field(description="The person or team who may decide.")
    kinds: tuple[Slug, ...] = Field((), max_length=50, description="The kinds of decision covered; all by default.")
    cost_limit: Cost | None = Field(None, description="The highest cost of a decision covered; any cost by default.")
    limit: Line | None = Field(None, description="A remark on the limit of the authority. Rules never read it.")


class OwnershipDelegated(PeriodEvent):
    """Decisions about a subject were delegated to another person or team."""

    delegation: Key
    to: Holder
    by: tuple[Holder, ...]
    kinds: tuple[Slug, ...] = ()
    cost_limit: Cost | None = None
    limit: Line | None = None
    is_claim: Literal[True] | None = Field(
        None, description="True if it was recorded without the credentials or a delegation of an accountable person."
    )

    def field_changes(self) -> Iterable[FieldChange]:
        value: dict[str, Value] = {"to": self.to, "by": [*self.by], "kinds": [*self.kinds]}
        if self.cost_limit:
            value["cost_limit"] = self.cost_limit.model_dump()
        if self.limit:
            value["limit"] = self.limit
        if self.is_claim:
            value["is_claim"] = True
        yield self.limit_to_period(FieldChange(f"{DELEGATION_PREFIX}{self.delegation}", value, refs=(self.to,)))


class RevokeDelegation(Command):
    """Revoke a delegation before it ends."""

    type: Literal["RevokeDelegation"] = "RevokeDelegation"
    subject: SubjectId
    delegation: Key = Field(description="The key of the delegation.")


class DelegationRevoked(Event):
    """A delegation was revoked."""

    delegation: Key

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(f"{DELEGATION_PREFIX}{self.delegation}", None)


OwnershipCommand = (
    AssignOwnership | ReleaseOwnership | HandOverOwnership | AcknowledgeOwnership | DelegateOwnership | RevokeDelegation
)


def decide(command: OwnershipCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command about ownership.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    event: Event
    match command:
        case AssignOwnership():
            _require_assignable(command, context, subjects)
            event = OwnershipAssigned(
                role=command.role, holders=command.holders, **{"from": command.from_}, until=command.until
            )
        case ReleaseOwnership():
            _require_holders(command.subject, command.role, context.effective_at, context, subjects)
            event = OwnershipReleased(role=command.role)
        case HandOverOwnership():
            event = _hand_over(command, context, subjects)
        case AcknowledgeOwnership():
            event = _acknowledge(command, context, subjects)
        case DelegateOwnership():
            event = _delegate(command, context, subjects)
        case RevokeDelegation():
            _require_revocable(command, context, subjects)
            event = DelegationRevoked(delegation=command.delegation)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def require_active_holder(
    holder: str | None, context: CommandContext, subjects: Subjects, *, field: str = "accountable"
) -> None:
    """Check that a person or team can be given a role; None passes.

    What a person was given before they left can still be recorded later, with an earlier effective time.

    Raises:
        NotAllowed: the person had left, or the team was disbanded, when the command takes effect.
    """
    if holder is None:
        return
    status = subjects[subjects.canonical_id(holder)].value_at(STATUS, context.effective_at)
    if status in INACTIVE_STATUSES:
        detail = f"{holder} was disbanded" if status == DISBANDED else f"{holder} has left"
        raise NotAllowed(f"{detail} and cannot be given a role", field=field, subject=holder)


def accountable_changes(holder: str | None) -> Iterator[FieldChange]:
    """Yield the change that makes the holder of a new subject accountable, or nothing without a holder."""
    if holder is not None:
        yield refs(ACCOUNTABLE_FIELD, (holder,))


def _require_assignable(command: AssignOwnership, context: CommandContext, subjects: Subjects) -> None:
    current = subjects[command.subject].subjects_at(f"role.{command.role}", context.now)
    is_same = subjects.canonical_ids(current) == subjects.canonical_ids(command.holders)
    is_planned = command.from_ is not None and to_micros(command.from_) > context.now
    if command.role == ACCOUNTABLE:
        if len(command.holders) != 1:
            raise NotAllowed(
                "exactly one person or team can be accountable; give the others another role",
                field="holders",
                subject=command.subject,
            )
        if current and not is_same and not is_planned:
            raise NotAllowed(
                f"{', '.join(current)} is accountable for {command.subject}; hand it over or release it first",
                field="holders",
                subject=command.subject,
            )
    is_backdated = context.effective_at < context.now or command.from_
    if is_same and not (is_backdated or command.until):
        raise NothingChanges(
            f"the {command.role} role of {command.subject} is already held by {', '.join(current)}",
            field="holders",
            subject=command.subject,
        )
    for holder in command.holders:
        require_active_holder(holder, context, subjects, field="holders")


def _require_holders(
    subject: str, role: str, at: int, context: CommandContext, subjects: Subjects, *, advice: str = ""
) -> tuple[str, ...]:
    """Return the holders of a role at a time, of whom there must be some."""
    holders = subjects[subject].subjects_at(f"role.{role}", at)
    if not holders:
        none = f"{subject} has no {role} person or team" if role == ACCOUNTABLE else f"{subject} has no {role}"
        raise NothingChanges(
            (none if at == context.now else f"{none} at {format_micros(at)}") + advice,
            field="subject" if role == ACCOUNTABLE else "role",
            subject=subject,
        )
    return holders


def _hand_over(command: HandOverOwnership, context: CommandContext, subjects: Subjects) -> Event:
    """Hand over from who is accountable when it begins; after the end of their period, from who was accountable until then."""
    at = command.starts_at(context)
    row = subjects[command.subject].row_at(ACCOUNTABLE_FIELD, at)
    ended_at = row.ends_at if row and row.ends_at is not None and row.ends_at <= at else None
    advice = "; assign it with AssignOwnership"
    previous = _require_holders(
        command.subject, ACCOUNTABLE, at if ended_at is None else ended_at - 1, context, subjects, advice=advice
    )
    if subjects.canonical_id(command.to) in subjects.canonical_ids(previous):
        raise NothingChanges(
            f"{command.to} is already accountable for {command.subject}"
            if ended_at is None
            else f"the period of {command.to} as accountable for {command.subject} ends at {format_micros(ended_at)}; "
            "assign another one with AssignOwnership",
            field="to",
            subject=command.subject,
        )
    require_active_holder(command.to, context, subjects, field="to")
    return OwnershipHandedOver(to=command.to, previous_holders=previous, **{"from": command.from_}, until=command.until)


def _acknowledge(command: AcknowledgeOwnership, context: CommandContext, subjects: Subjects) -> Event:
    person = require_person(context, "on_behalf_of")
    holders = _require_holders(command.subject, command.role, context.now, context, subjects)
    if subjects.canonical_id(person) not in subjects.canonical_ids(holders):
        raise NotAllowed(
            f"{person} does not have the {command.role} role on {command.subject}",
            field="role",
            subject=command.subject,
        )
    return OwnershipAcknowledged(role=command.role, by=person)


def _delegate(command: DelegateOwnership, context: CommandContext, subjects: Subjects) -> Event:
    require_unused_delegation(command.subject, command.delegation, subjects)
    require_active_holder(command.to, context, subjects, field="to")
    at = min(command.starts_at(context), context.now)  # one that is planned is by who is accountable now
    holders = _require_holders(command.subject, ACCOUNTABLE, at, context, subjects)
    return OwnershipDelegated(
        delegation=command.delegation or context.new_key(),
        to=command.to,
        by=holders,
        kinds=command.kinds,
        cost_limit=command.cost_limit,
        limit=command.limit,
        is_claim=None if _acts_for_holder(holders, context, subjects) else True,
        **{"from": command.from_},
        until=command.until,
    )


def require_unused_delegation(subject: str, delegation: str | None, subjects: Subjects) -> None:
    """Check that a subject never had a delegation with this key.

    Raises:
        NotAllowed: it had.
    """
    if delegation and f"{DELEGATION_PREFIX}{delegation}" in subjects[subject].rows:
        raise NotAllowed(
            f"{subject} already had a delegation '{delegation}'; choose another key",
            field="delegation",
            subject=subject,
        )


def _acts_for_holder(holders: Iterable[str], context: CommandContext, subjects: Subjects) -> bool:
    """Whether a holder, or a member of a team that is one, acts here, with their own credentials or a delegation."""
    person = context.principal if context.delegation else context.actor
    return any(is_or_belongs_to(person, holder, subjects, context.effective_at) for holder in holders)


def is_or_belongs_to(person: str, holder: str, subjects: Subjects, at: int) -> bool:
    """Return whether a person is the holder of a role, or a member of the team that is."""
    if person == holder or subjects.canonical_id(person) == subjects.canonical_id(holder):
        return True
    members = (one for name in MEMBER_FIELDS for one in subjects[holder].subjects_at(name, at))
    return kind_of(holder) == "team" and subjects.canonical_id(person) in subjects.canonical_ids(members)


def _require_revocable(command: RevokeDelegation, context: CommandContext, subjects: Subjects) -> None:
    """A delegation of a subject must be in force; that of a person is revoked by them, or given up by the other."""
    value = subjects[command.subject].value_at(f"{DELEGATION_PREFIX}{command.delegation}", context.now)
    if not isinstance(value, dict):
        raise Unknown(
            f"{command.subject} has no delegation '{command.delegation}' in force",
            field="delegation",
            subject=command.subject,
        )
    if kind_of(command.subject) != "person":
        return
    parties = subjects.canonical_ids((command.subject, str(value["to"])))
    if subjects.canonical_id(context.actor) not in parties:
        raise Forbidden(
            f"only {command.subject} can revoke this delegation, and only {value['to']} can give it up, each with their own credentials",
            field="subject",
            subject=command.subject,
        )
