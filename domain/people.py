"""People and teams. In the log a person is an opaque id; every name stands in the directory, outside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal, assert_never

from pydantic import Field

from domain.cells import EXISTS, JOINED_INTO, STATUS, Step, World, code, ref, text
from domain.errors import NotAllowed, NothingChanges
from domain.messages import Act, Command, Draft, Event
from domain.rules import new_subject
from domain.values import Key, Line, Person, PersonId, TeamId


class RegisterPerson(Command):
    """Make somebody known. Name and spellings go to the directory; the log keeps an id without a meaning."""

    type: Literal["RegisterPerson"] = "RegisterPerson"
    key: Key | None = Field(None, description="An opaque key; a random one if silent. Never make it from a name.")
    name: Line = Field(description="The name to show.")
    also: tuple[Line, ...] = Field((), max_length=100, description="E-mails, handles and other spellings.")
    creates: ClassVar[str] = "person"


class PersonRegistered(Event):
    """Somebody became known, by an id without a meaning."""

    def steps(self) -> Iterable[Step]:
        yield code(EXISTS, True)
        yield code(STATUS, "present")


class JoinPersons(Command):
    """Say that two ids are one person. What either did is then answered for both."""

    type: Literal["JoinPersons"] = "JoinPersons"
    subject: PersonId = Field(description="The id to be read as the other from now on.")
    into: Person


class PersonJoined(Event):
    """Two ids were found to be one person."""

    into: Person

    def steps(self) -> Iterable[Step]:
        yield ref(JOINED_INTO, self.into)


class DepartPerson(Command):
    """Say that somebody has left. What they hold shows up as without an owner."""

    type: Literal["DepartPerson"] = "DepartPerson"
    subject: PersonId


class PersonDeparted(Event):
    """Somebody left."""

    def steps(self) -> Iterable[Step]:
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

    def steps(self) -> Iterable[Step]:
        yield code(EXISTS, True)
        yield code(STATUS, "present")
        yield text("title", self.title)


class DisbandTeam(Command):
    """Say that a team is no more."""

    type: Literal["DisbandTeam"] = "DisbandTeam"
    subject: TeamId


class TeamDisbanded(Event):
    """A team came to its end."""

    def steps(self) -> Iterable[Step]:
        yield code(STATUS, "departed")


PeopleCommand = RegisterPerson | JoinPersons | DepartPerson | RegisterTeam | DisbandTeam


def decide(command: PeopleCommand, act: Act, world: World) -> list[Draft]:
    """What a command about people comes to.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    match command:
        case RegisterPerson():
            return [Draft(new_subject(command, world), PersonRegistered())]
        case RegisterTeam():
            return [Draft(new_subject(command, world), TeamRegistered(title=command.title))]
        case JoinPersons():
            _must_not_be_joined(command, act, world)
            return [Draft(command.subject, PersonJoined(into=command.into))]
        case DepartPerson():
            _must_not_have_left(command.subject, act, world)
            return [Draft(command.subject, PersonDeparted())]
        case DisbandTeam():
            _must_not_have_left(command.subject, act, world)
            return [Draft(command.subject, TeamDisbanded())]
        case _:
            assert_never(command)


def _must_not_have_left(subject: str, act: Act, world: World) -> None:
    one = world.one_of(subject)
    if world[one].value(STATUS, act.now) == "departed":
        msg = f"{subject} has departed already"
        raise NothingChanges(msg, field="subject", subject=subject)
    if one != subject:
        msg = f"{subject} is joined into {one}; say of {one} that they left"
        raise NotAllowed(msg, field="subject", subject=subject)


def _must_not_be_joined(command: JoinPersons, act: Act, world: World) -> None:
    """Joins form chains that end somewhere: nobody is joined twice, or into somebody joined into them."""
    joined = world[command.subject].value(JOINED_INTO, act.now)
    if joined is not None:
        msg = f"{command.subject} is joined into {joined} already"
        raise NothingChanges(msg, field="subject", subject=command.subject)
    if world.one_of(command.into) == command.subject:
        msg = f"{command.into} is {command.subject} already"
        raise NotAllowed(msg, field="into", subject=command.subject)
