"""Ownership of any subject: who answers for it, who else has a part in it, and on whose behalf.

Exactly one is `accountable`, a person or a team; every other role can be held by several, in order. A role is one
cell, `role.NAME`, with the whole list in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal, assert_never

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from domain.errors import NotAllowed, NothingChanges, Unknown
from domain.fields import STATUS, FieldChange, Subjects, Value, code, refs
from domain.guards import require_person
from domain.messages import Command, CommandContext, Draft, Event
from domain.values import COMBINATION, Holder, Key, Line, Person, Slug, SubjectId, Timestamp, to_micros

ACCOUNTABLE: Final = "accountable"


class _Term(Command):
    """What begins or ends at an instant of its own, half open."""

    from_: Timestamp | None = Field(None, alias="from", description="When it begins, if not when the act takes effect.")
    until: Timestamp | None = Field(None, description="When it ends; it no longer holds at that instant.")

    @model_validator(mode="after")
    def _in_order(self) -> _Term:
        if self.from_ and self.until and self.until <= self.from_:
            raise PydanticCustomError(COMBINATION, "`until` must be later than `from`")
        return self


class _Termed(Event):
    from_: Timestamp | None = Field(None, alias="from")
    until: Timestamp | None = None

    def _termed(self, step: FieldChange) -> FieldChange:
        at, until = (to_micros(instant) if instant else None for instant in (self.from_, self.until))
        return step._replace(starts_at=at, ends_at=until)


class AssignOwnership(_Term):
    """Give a role on a subject to somebody. The list is the whole list, in order."""

    type: Literal["AssignOwnership"] = "AssignOwnership"
    subject: SubjectId
    role: Slug = Field(
        ACCOUNTABLE,
        description="`accountable`, `responsible`, `approver`, `consulted`, `informed`, `driver`, or a role of your own.",
    )
    holders: tuple[Holder, ...] = Field(
        min_length=1,
        max_length=100,
        description="Who has the role from now on, in order; `accountable` has exactly one.",
    )


class OwnershipAssigned(_Termed):
    """A role on a subject was given; the list is the whole list."""

    role: Slug
    holders: tuple[Holder, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        yield self._termed(refs(f"role.{self.role}", self.holders))


class ReleaseOwnership(Command):
    """Take a role from everybody who has it."""

    type: Literal["ReleaseOwnership"] = "ReleaseOwnership"
    subject: SubjectId
    role: Slug = Field(ACCOUNTABLE, description="The role released.")


class OwnershipReleased(Event):
    """A role on a subject was taken from everybody who had it."""

    role: Slug

    def field_changes(self) -> Iterable[FieldChange]:
        yield refs(f"role.{self.role}", ())


class HandOverOwnership(_Term):
    """Pass accountability on to somebody else."""

    type: Literal["HandOverOwnership"] = "HandOverOwnership"
    subject: SubjectId
    to: Holder


class OwnershipHandedOver(_Termed):
    """Accountability passed to somebody else."""

    to: Holder
    by: tuple[Holder, ...] = Field(description="Who had it until then.")

    def field_changes(self) -> Iterable[FieldChange]:
        yield self._termed(refs(f"role.{ACCOUNTABLE}", (self.to,)))


class AcknowledgeOwnership(Command):
    """Say that one knows of a role one holds."""

    type: Literal["AcknowledgeOwnership"] = "AcknowledgeOwnership"
    subject: SubjectId
    role: Slug = Field(ACCOUNTABLE, description="The role acknowledged.")


class OwnershipAcknowledged(Event):
    """Somebody said that they know of a role they hold."""

    role: Slug
    by: Person

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(f"acknowledged.{self.role}.{self.by.partition(':')[2]}", True)


class DelegateOwnership(_Term):
    """Let somebody act for the accountable in some kinds of decision, for a time."""

    type: Literal["DelegateOwnership"] = "DelegateOwnership"
    subject: SubjectId = Field(description="What the delegation covers.")
    delegation: Key | None = Field(None, description="The key of the delegation, to revoke it by; random if silent.")
    to: Holder
    kinds: tuple[Slug, ...] = Field((), max_length=50, description="The kinds of decision; all, if silent.")
    limit: Line | None = Field(None, description="How far it goes, such as a sum of money.")


class OwnershipDelegated(_Termed):
    """Somebody was let act for the accountable."""

    delegation: Key
    to: Holder
    by: tuple[Holder, ...]
    kinds: tuple[Slug, ...] = ()
    limit: Line | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        value: dict[str, Value] = {"to": self.to, "by": [*self.by], "kinds": [*self.kinds]}
        if self.limit:
            value["limit"] = self.limit
        yield self._termed(FieldChange(f"delegation.{self.delegation}", value, refs=(self.to,)))


class RevokeDelegation(Command):
    """End a delegation before its time."""

    type: Literal["RevokeDelegation"] = "RevokeDelegation"
    subject: SubjectId
    delegation: Key = Field(description="The key of the delegation.")


class DelegationRevoked(Event):
    """A delegation was ended before its time."""

    delegation: Key

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(f"delegation.{self.delegation}", None)


OwnershipCommand = (
    AssignOwnership | ReleaseOwnership | HandOverOwnership | AcknowledgeOwnership | DelegateOwnership | RevokeDelegation
)


def decide(command: OwnershipCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """What a command about ownership comes to.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    event: Event
    match command:
        case AssignOwnership():
            _assignable(command, context, subjects)
            event = OwnershipAssigned(
                role=command.role, holders=command.holders, **{"from": command.from_}, until=command.until
            )
        case ReleaseOwnership():
            _held(command.subject, command.role, context, subjects)
            event = OwnershipReleased(role=command.role)
        case HandOverOwnership():
            by = _held(command.subject, ACCOUNTABLE, context, subjects)
            if subjects.canonical_id(command.to) in subjects.canonical_ids(by):
                msg = f"{command.to} is accountable for {command.subject} already"
                raise NothingChanges(msg, field="to", subject=command.subject)
            _present(command.to, "to", context, subjects)
            event = OwnershipHandedOver(to=command.to, by=by, **{"from": command.from_}, until=command.until)
        case AcknowledgeOwnership():
            event = _acknowledged(command, context, subjects)
        case DelegateOwnership():
            event = _delegated(command, context, subjects)
        case RevokeDelegation():
            if not subjects[command.subject].value_at(f"delegation.{command.delegation}", context.now):
                msg = f"{command.subject} has no delegation {command.delegation} in force"
                raise Unknown(msg, field="delegation", subject=command.subject)
            event = DelegationRevoked(delegation=command.delegation)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def check_accountable(holder: str | None, context: CommandContext, subjects: Subjects) -> None:
    """Check that a new subject can begin with this holder accountable; None passes.

    Raises:
        NotAllowed: the person or team had left when the command takes effect.
    """
    if holder is not None:
        _present(holder, "accountable", context, subjects)


def accountable_steps(holder: str | None) -> Iterator[FieldChange]:
    """Yield the step that makes a new subject's holder accountable, or nothing without a holder."""
    if holder is not None:
        yield refs(f"role.{ACCOUNTABLE}", (holder,))


def _assignable(command: AssignOwnership, context: CommandContext, subjects: Subjects) -> None:
    held = subjects[command.subject].subjects_at(f"role.{command.role}", context.now)
    same = subjects.canonical_ids(held) == subjects.canonical_ids(command.holders)
    planned = command.from_ is not None and to_micros(command.from_) > context.now
    if command.role == ACCOUNTABLE:
        if len(command.holders) != 1:
            msg = "exactly one person or team is accountable; name the others in another role"
            raise NotAllowed(msg, field="holders", subject=command.subject)
        if held and not same and not planned:
            msg = f"{', '.join(held)} is accountable for {command.subject}; hand it over, or release it first"
            raise NotAllowed(msg, field="holders", subject=command.subject)
    dated_back = context.effective_at < context.now or command.from_
    if same and not (dated_back or command.until):
        msg = f"{command.role} of {command.subject} is {', '.join(held)} already"
        raise NothingChanges(msg, field="holders", subject=command.subject)
    for holder in command.holders:
        _present(holder, "holders", context, subjects)


def _present(holder: str, field: str, context: CommandContext, subjects: Subjects) -> None:
    """Who had left when it took effect can be given nothing; what they were given before may be recorded later."""
    if subjects[subjects.canonical_id(holder)].value_at(STATUS, context.effective_at) == "departed":
        msg = f"{holder} has departed"
        raise NotAllowed(msg, field=field, subject=holder)


def _held(subject: str, role: str, context: CommandContext, subjects: Subjects) -> tuple[str, ...]:
    held = subjects[subject].subjects_at(f"role.{role}", context.now)
    if not held:
        msg = f"nobody is {role} for {subject}"
        raise NothingChanges(msg, field="role" if role != ACCOUNTABLE else "subject", subject=subject)
    return held


def _acknowledged(command: AcknowledgeOwnership, context: CommandContext, subjects: Subjects) -> Event:
    holder = require_person(context, "on_behalf_of")
    if subjects.canonical_id(holder) not in subjects.canonical_ids(
        _held(command.subject, command.role, context, subjects)
    ):
        msg = f"{holder} is not {command.role} for {command.subject}"
        raise NotAllowed(msg, field="role", subject=command.subject)
    return OwnershipAcknowledged(role=command.role, by=holder)


def _delegated(command: DelegateOwnership, context: CommandContext, subjects: Subjects) -> Event:
    delegation = command.delegation or context.new_key()
    if any(True for _ in subjects[command.subject].field_names(f"delegation.{delegation}")):
        msg = f"{command.subject} has had a delegation {delegation}; choose another key"
        raise NotAllowed(msg, field="delegation", subject=command.subject)
    _present(command.to, "to", context, subjects)
    by = _held(command.subject, ACCOUNTABLE, context, subjects)
    return OwnershipDelegated(
        delegation=delegation, to=command.to, by=by, kinds=command.kinds, limit=command.limit,
        **{"from": command.from_}, until=command.until,
    )  # fmt: skip
