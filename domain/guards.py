"""Checks that the rules of several kinds of subject share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from domain.errors import NotAllowed, NothingChanges, format_alternatives, key_taken_error
from domain.fields import EXISTS, STATUS, Subjects, SubjectState
from domain.messages import Command, CommandContext, Event
from domain.values import kind_of


def require_new(subjects: Subjects, subject: str, command: Command) -> None:
    """Check that a key was never used, not even by a subject that was removed or whose first entry was voided.

    The one exception is a command that corrects the voided first entry: it starts the same subject again, so that
    existing references to the subject stay valid.

    Raises:
        AlreadyExists: the log has, or had, a subject with this id.
    """
    if subjects[subject].version and not _corrects_first_entry(command, subjects[subject]):
        raise key_taken_error(subject)


def revised_values(command: Command, names: Sequence[str], field: str) -> dict[str, Any]:
    """Return the fields that a command may revise, of which at least one is given.

    Raises:
        NothingChanges: none is given; the error is that of `field`.
    """
    values = {name: getattr(command, name) for name in names}
    if all(value is None for value in values.values()):
        raise NothingChanges(
            f"nothing to revise; give at least one of {', '.join(names)}", field=field, subject=command.subject_id()
        )
    return values


def require_change(
    event: Event, command: Command, context: CommandContext, state: SubjectState, *, field: str, problem: str
) -> None:
    """Check that an event changes a field, unless its command gives a reason, corrects an entry, or is imported.

    A reason makes a difference where the value stays: it is then the latest reason behind the value.

    Raises:
        NothingChanges: all fields have these values; the error is that of `field`, and says the `problem`.
    """
    if command.because or command.note or command.corrects is not None or command.source is not None:
        return
    if not any(state.is_changed_by(change, context.effective_at) for change in event.field_changes()):
        raise NothingChanges(
            f"{state.subject} {problem}; give something else, or a reason in `because` or `note`",
            field=field,
            subject=state.subject,
        )


def new_subject_id(command: Command, subjects: Subjects) -> str:
    """Return the id of the subject that a command creates, after checking that it is unused.

    Raises:
        AlreadyExists: the log has, or had, a subject with this id.
    """
    subject = command.subject_id()
    require_new(subjects, subject, command)
    return subject


def _corrects_first_entry(command: Command, state: SubjectState) -> bool:
    # Names are stored outside the log, so registering the same person again would store them twice.
    if command.corrects is None or command.creates == "person" or state.started_at() is not None:
        return False
    first_positions = [row.position for row in state.rows.get(EXISTS, ())]
    return command.corrects in first_positions and state.events[command.corrects].is_voided


def require_status(
    state: SubjectState, context: CommandContext, allowed: Collection[str], action: str, *, default: str = ""
) -> None:
    """Check that the status is one of `allowed`; a missing status counts as `default`.

    Raises:
        NotAllowed: it is not; the message names the current status and those that would be allowed.
    """
    status = state.value_at(STATUS, context.now) or default
    if status not in allowed:
        raise NotAllowed(
            f"{state.subject} is {status}; to {action}, it must be {format_alternatives(sorted(allowed))}",
            field="subject",
            subject=state.subject,
        )


def require_person(context: CommandContext, field: str) -> str:
    """Return the person on whose behalf a command acts.

    Raises:
        NotAllowed: a service acts on its own behalf, and a service decides nothing.
    """
    if kind_of(context.principal) != "person":
        raise NotAllowed(
            f"{context.principal} is not a person; name the person in `{field}` or `on_behalf_of`", field=field
        )
    return context.principal
