"""Ownership of any subject: who answers for it, who else has a part in it, and on whose behalf.

Exactly one is `accountable`, a person or a team; every other role can be held by several, in order. A role is one
cell, `role.NAME`, with the whole list in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal, assert_never

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from domain.cells import STATUS, Step, Value, World, code, refs
from domain.errors import NotAllowed, NothingChanges, Unknown
from domain.messages import Act, Command, Draft, Event
from domain.rules import person_or_refuse
from domain.values import COMBINATION, Holder, Instant, Key, Line, Person, SubjectId, Word, micros

ACCOUNTABLE: Final = "accountable"


class _Term(Command):
    """What begins or ends at an instant of its own, half open."""

    from_: Instant | None = Field(None, alias="from", description="When it begins, if not when the act takes effect.")
    until: Instant | None = Field(None, description="When it ends; it no longer holds at that instant.")

    @model_validator(mode="after")
    def _in_order(self) -> _Term:
        if self.from_ and self.until and self.until <= self.from_:
            raise PydanticCustomError(COMBINATION, "`until` must be later than `from`")
        return self


class _Termed(Event):
    from_: Instant | None = Field(None, alias="from")
    until: Instant | None = None

    def _termed(self, step: Step) -> Step:
        at, until = (micros(instant) if instant else None for instant in (self.from_, self.until))
        return step._replace(at=at, until=until)


class AssignOwnership(_Term):
    """Give a role on a subject to somebody. The list is the whole list, in order."""

    type: Literal["AssignOwnership"] = "AssignOwnership"
    subject: SubjectId
    role: Word = Field(
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

    role: Word
    holders: tuple[Holder, ...]

    def steps(self) -> Iterable[Step]:
        yield self._termed(refs(f"role.{self.role}", self.holders))


class ReleaseOwnership(Command):
    """Take a role from everybody who has it."""

    type: Literal["ReleaseOwnership"] = "ReleaseOwnership"
    subject: SubjectId
    role: Word = Field(ACCOUNTABLE, description="The role released.")


class OwnershipReleased(Event):
    """A role on a subject was taken from everybody who had it."""

    role: Word

    def steps(self) -> Iterable[Step]:
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

    def steps(self) -> Iterable[Step]:
        yield self._termed(refs(f"role.{ACCOUNTABLE}", (self.to,)))


class AcknowledgeOwnership(Command):
    """Say that one knows of a role one holds."""

    type: Literal["AcknowledgeOwnership"] = "AcknowledgeOwnership"
    subject: SubjectId
    role: Word = Field(ACCOUNTABLE, description="The role acknowledged.")


class OwnershipAcknowledged(Event):
    """Somebody said that they know of a role they hold."""

    role: Word
    by: Person

    def steps(self) -> Iterable[Step]:
        yield code(f"acknowledged.{self.role}.{self.by.partition(':')[2]}", True)


class DelegateOwnership(_Term):
    """Let somebody act for the accountable in some kinds of decision, for a time."""

    type: Literal["DelegateOwnership"] = "DelegateOwnership"
    subject: SubjectId = Field(description="What the delegation covers.")
    delegation: Key | None = Field(None, description="The key of the delegation, to revoke it by; random if silent.")
    to: Holder
    kinds: tuple[Word, ...] = Field((), max_length=50, description="The kinds of decision; all, if silent.")
    limit: Line | None = Field(None, description="How far it goes, such as a sum of money.")


class OwnershipDelegated(_Termed):
    """Somebody was let act for the accountable."""

    delegation: Key
    to: Holder
    by: tuple[Holder, ...]
    kinds: tuple[Word, ...] = ()
    limit: Line | None = None

    def steps(self) -> Iterable[Step]:
        value: dict[str, Value] = {"to": self.to, "by": [*self.by], "kinds": [*self.kinds]}
        if self.limit:
            value["limit"] = self.limit
        yield self._termed(Step(f"delegation.{self.delegation}", value, refs=(self.to,)))


class RevokeDelegation(Command):
    """End a delegation before its time."""

    type: Literal["RevokeDelegation"] = "RevokeDelegation"
    subject: SubjectId
    delegation: Key = Field(description="The key of the delegation.")


class DelegationRevoked(Event):
    """A delegation was ended before its time."""

    delegation: Key

    def steps(self) -> Iterable[Step]:
        yield code(f"delegation.{self.delegation}", None)


OwnershipCommand = (
    AssignOwnership | ReleaseOwnership | HandOverOwnership | AcknowledgeOwnership | DelegateOwnership | RevokeDelegation
)


def decide(command: OwnershipCommand, act: Act, world: World) -> list[Draft]:
    """What a command about ownership comes to.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    event: Event
    match command:
        case AssignOwnership():
            _assignable(command, act, world)
            event = OwnershipAssigned(
                role=command.role, holders=command.holders, **{"from": command.from_}, until=command.until
            )
        case ReleaseOwnership():
            _held(command.subject, command.role, act, world)
            event = OwnershipReleased(role=command.role)
        case HandOverOwnership():
            by = _held(command.subject, ACCOUNTABLE, act, world)
            if world.one_of(command.to) in world.ones(by):
                msg = f"{command.to} is accountable for {command.subject} already"
                raise NothingChanges(msg, field="to", subject=command.subject)
            _present(command.to, "to", act, world)
            event = OwnershipHandedOver(to=command.to, by=by, **{"from": command.from_}, until=command.until)
        case AcknowledgeOwnership():
            event = _acknowledged(command, act, world)
        case DelegateOwnership():
            event = _delegated(command, act, world)
        case RevokeDelegation():
            if not world[command.subject].value(f"delegation.{command.delegation}", act.now):
                msg = f"{command.subject} has no delegation {command.delegation} in force"
                raise Unknown(msg, field="delegation", subject=command.subject)
            event = DelegationRevoked(delegation=command.delegation)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def check_accountable(holder: str | None, act: Act, world: World) -> None:
    """Check that a new subject can begin with this holder accountable; None passes.

    Raises:
        NotAllowed: the person or team had left when the command takes effect.
    """
    if holder is not None:
        _present(holder, "accountable", act, world)


def accountable_steps(holder: str | None) -> Iterator[Step]:
    """Yield the step that makes a new subject's holder accountable, or nothing without a holder."""
    if holder is not None:
        yield refs(f"role.{ACCOUNTABLE}", (holder,))


def _assignable(command: AssignOwnership, act: Act, world: World) -> None:
    held = world[command.subject].names(f"role.{command.role}", act.now)
    same = world.ones(held) == world.ones(command.holders)
    planned = command.from_ is not None and micros(command.from_) > act.now
    if command.role == ACCOUNTABLE:
        if len(command.holders) != 1:
            msg = "exactly one person or team is accountable; name the others in another role"
            raise NotAllowed(msg, field="holders", subject=command.subject)
        if held and not same and not planned:
            msg = f"{', '.join(held)} is accountable for {command.subject}; hand it over, or release it first"
            raise NotAllowed(msg, field="holders", subject=command.subject)
    dated_back = act.eff < act.now or command.from_
    if same and not (dated_back or command.until):
        msg = f"{command.role} of {command.subject} is {', '.join(held)} already"
        raise NothingChanges(msg, field="holders", subject=command.subject)
    for holder in command.holders:
        _present(holder, "holders", act, world)


def _present(holder: str, field: str, act: Act, world: World) -> None:
    """Who had left when it took effect can be given nothing; what they were given before may be recorded later."""
    if world[world.one_of(holder)].value(STATUS, act.eff) == "departed":
        msg = f"{holder} has departed"
        raise NotAllowed(msg, field=field, subject=holder)


def _held(subject: str, role: str, act: Act, world: World) -> tuple[str, ...]:
    held = world[subject].names(f"role.{role}", act.now)
    if not held:
        msg = f"nobody is {role} for {subject}"
        raise NothingChanges(msg, field="role" if role != ACCOUNTABLE else "subject", subject=subject)
    return held


def _acknowledged(command: AcknowledgeOwnership, act: Act, world: World) -> Event:
    holder = person_or_refuse(act, "on_behalf_of")
    if world.one_of(holder) not in world.ones(_held(command.subject, command.role, act, world)):
        msg = f"{holder} is not {command.role} for {command.subject}"
        raise NotAllowed(msg, field="role", subject=command.subject)
    return OwnershipAcknowledged(role=command.role, by=holder)


def _delegated(command: DelegateOwnership, act: Act, world: World) -> Event:
    delegation = command.delegation or act.new_key()
    if any(True for _ in world[command.subject].fields(f"delegation.{delegation}")):
        msg = f"{command.subject} has had a delegation {delegation}; choose another key"
        raise NotAllowed(msg, field="delegation", subject=command.subject)
    _present(command.to, "to", act, world)
    by = _held(command.subject, ACCOUNTABLE, act, world)
    return OwnershipDelegated(
        delegation=delegation, to=command.to, by=by, kinds=command.kinds, limit=command.limit,
        **{"from": command.from_}, until=command.until,
    )  # fmt: skip
