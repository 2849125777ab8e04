"""People and teams. In the log a person is an opaque id; every name stands in the directory, outside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal, assert_never

from pydantic import Field

from domain.errors import NotAllowed, NothingChanges
from domain.fields import EXISTS, MERGED_INTO, STATUS, FieldChange, Subjects, code, ref, text
from domain.guards import new_subject
from domain.messages import Command, CommandContext, Draft, Event
from domain.values import Key, Line, Person, PersonId, TeamId


class RegisterPerson(Command):
    """Make somebody known. Name and spellings go to the directory; the log keeps an id without a meaning."""

    type: Literal["RegisterPerson"] = "RegisterPerson"
    key: Key | None = Field(None, description="An opaque key; a random one if silent. Never make it from a name.")
    name: Line = Field(description="The name to show.")
    identifiers: tuple[Line, ...] = Field((), max_length=100, description="E-mails, handles and other spellings.")
    creates: ClassVar[str] = "person"


class PersonRegistered(Event):
    """Somebody became known, by an id without a meaning."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, "present")


class MergePeople(Command):
    """Say that two ids are one person. What either did is then answered for both."""

    type: Literal["MergePeople"] = "MergePeople"
    subject: PersonId = Field(description="The id to be read as the other from now on.")
    into: Person


class PersonMerged(Event):
    """Two ids were found to be one person."""

    into: Person

    def field_changes(self) -> Iterable[FieldChange]:
        yield ref(MERGED_INTO, self.into)


class RecordPersonLeft(Command):
    """Say that somebody has left. What they hold shows up as without an owner."""

    type: Literal["RecordPersonLeft"] = "RecordPersonLeft"
    subject: PersonId


class PersonLeft(Event):
    """Somebody left."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "departed")


class RegisterTeam(Command):
    """Make a team known, so that it can hold a role."""

    type: Literal["RegisterTeam"] = "RegisterTeam"
    key: Key | None = Field(None, description="The key of the new team; a random one if silent.")
    title: Line = Field(description="What it is called.")
    creates: ClassVar[str] = "team"


class TeamRegistered(Event):
    """A team became known."""

    title: Line

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, "present")
        yield text("title", self.title)


class DisbandTeam(Command):
    """Say that a team is no more."""

    type: Literal["DisbandTeam"] = "DisbandTeam"
    subject: TeamId


class TeamDisbanded(Event):
    """A team came to its end."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "departed")


PeopleCommand = RegisterPerson | MergePeople | RecordPersonLeft | RegisterTeam | DisbandTeam


def decide(command: PeopleCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """What a command about people comes to.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    match command:
        case RegisterPerson():
            return [Draft(new_subject(command, subjects), PersonRegistered())]
        case RegisterTeam():
            return [Draft(new_subject(command, subjects), TeamRegistered(title=command.title))]
        case MergePeople():
            _must_not_be_joined(command, context, subjects)
            return [Draft(command.subject, PersonMerged(into=command.into))]
        case RecordPersonLeft():
            _must_not_have_left(command.subject, context, subjects)
            return [Draft(command.subject, PersonLeft())]
        case DisbandTeam():
            _must_not_have_left(command.subject, context, subjects)
            return [Draft(command.subject, TeamDisbanded())]
        case _:
            assert_never(command)


def _must_not_have_left(subject: str, context: CommandContext, subjects: Subjects) -> None:
    one = subjects.canonical_id(subject)
    if subjects[one].value_at(STATUS, context.now) == "departed":
        msg = f"{subject} has departed already"
        raise NothingChanges(msg, field="subject", subject=subject)
    if one != subject:
        msg = f"{subject} is joined into {one}; say of {one} that they left"
        raise NotAllowed(msg, field="subject", subject=subject)


def _must_not_be_joined(command: MergePeople, context: CommandContext, subjects: Subjects) -> None:
    """Joins form chains that end somewhere: nobody is joined twice, or into somebody joined into them."""
    joined = subjects[command.subject].value_at(MERGED_INTO, context.now)
    if joined is not None:
        msg = f"{command.subject} is joined into {joined} already"
        raise NothingChanges(msg, field="subject", subject=command.subject)
    if subjects.canonical_id(command.into) == command.subject:
        msg = f"{command.into} is {command.subject} already"
        raise NotAllowed(msg, field="into", subject=command.subject)
