"""People and teams. The log identifies a person by an opaque id; names are stored in the directory, outside the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final, Literal, assert_never

from pydantic import Field

from domain.errors import NotAllowed, NothingChanges
from domain.fields import EXISTS, MERGED_INTO, STATUS, FieldChange, Subjects, code, ref, text
from domain.guards import new_subject_id
from domain.messages import Command, CommandContext, Draft, Event
from domain.values import Key, Line, Person, PersonId, TeamId

ACTIVE: Final = "active"
LEFT: Final = "left"
DISBANDED: Final = "disbanded"
INACTIVE_STATUSES: Final = frozenset({LEFT, DISBANDED})


class RegisterPerson(Command):
    """Register a person. Their names go to the directory; the log stores only an opaque id."""

    type: Literal["RegisterPerson"] = "RegisterPerson"
    key: Key | None = Field(
        None, description="An opaque key; random by default. Do not derive it from a name: it can never be erased."
    )
    name: Line = Field(description="The name to display.")
    identifiers: tuple[Line, ...] = Field(
        (), max_length=100, description="Email addresses, handles and other names of the person."
    )
    creates: ClassVar[str] = "person"


class PersonRegistered(Event):
    """A person was registered under an opaque id."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, ACTIVE)


class MergePeople(Command):
    """Merge two ids of the same person. Queries about either then cover both."""

    type: Literal["MergePeople"] = "MergePeople"
    subject: PersonId = Field(description="The id to merge into the other one.")
    into: Person = Field(description="The person to keep: an id, or any name in the directory.")


class PersonMerged(Event):
    """Two ids of the same person were merged."""

    into: Person

    def field_changes(self) -> Iterable[FieldChange]:
        yield ref(MERGED_INTO, self.into)


class RecordPersonLeft(Command):
    """Record that a person left. What they are accountable for is then listed as having no owner."""

    type: Literal["RecordPersonLeft"] = "RecordPersonLeft"
    subject: PersonId


class PersonLeft(Event):
    """A person left."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, LEFT)


class RegisterTeam(Command):
    """Register a team, so that it can hold a role."""

    type: Literal["RegisterTeam"] = "RegisterTeam"
    key: Key | None = Field(None, description="The key of the new team; random by default.")
    title: Line = Field(description="The name of the team.")
    creates: ClassVar[str] = "team"


class TeamRegistered(Event):
    """A team was registered."""

    title: Line

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, ACTIVE)
        yield text("title", self.title)


class DisbandTeam(Command):
    """Record that a team was disbanded."""

    type: Literal["DisbandTeam"] = "DisbandTeam"
    subject: TeamId


class TeamDisbanded(Event):
    """A team was disbanded."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, DISBANDED)


PeopleCommand = RegisterPerson | MergePeople | RecordPersonLeft | RegisterTeam | DisbandTeam


def decide(command: PeopleCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command about people or teams.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    match command:
        case RegisterPerson():
            return [Draft(new_subject_id(command, subjects), PersonRegistered())]
        case RegisterTeam():
            return [Draft(new_subject_id(command, subjects), TeamRegistered(title=command.title))]
        case MergePeople():
            _require_not_merged(command, context, subjects)
            return [Draft(command.subject, PersonMerged(into=command.into))]
        case RecordPersonLeft():
            _require_still_active(command.subject, context, subjects)
            return [Draft(command.subject, PersonLeft())]
        case DisbandTeam():
            _require_still_active(command.subject, context, subjects)
            return [Draft(command.subject, TeamDisbanded())]
        case _:
            assert_never(command)


def _require_still_active(subject: str, context: CommandContext, subjects: Subjects) -> None:
    canonical_id = subjects.canonical_id(subject)
    status = subjects[canonical_id].value_at(STATUS, context.now)
    if status in INACTIVE_STATUSES:
        detail = f"{subject} was already disbanded" if status == DISBANDED else f"{subject} already left"
        raise NothingChanges(detail, field="subject", subject=subject)
    if canonical_id != subject:
        raise NotAllowed(
            f"{subject} was merged into {canonical_id}; record it for {canonical_id} instead",
            field="subject",
            subject=subject,
        )


def _require_not_merged(command: MergePeople, context: CommandContext, subjects: Subjects) -> None:
    """Merges form chains without cycles: an id is merged once, and never into an id that was merged into it."""
    target = subjects[command.subject].value_at(MERGED_INTO, context.now)
    if target is not None:
        raise NothingChanges(
            f"{command.subject} was already merged into {target}", field="subject", subject=command.subject
        )
    if subjects.canonical_id(command.into) == command.subject:
        raise NotAllowed(
            f"{command.into} and {command.subject} are already the same person", field="into", subject=command.subject
        )
