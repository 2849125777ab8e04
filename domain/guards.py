"""What several subjects' rules have in common."""

from __future__ import annotations

from collections.abc import Collection

from domain.errors import AlreadyExists, NotAllowed
from domain.fields import EXISTS, STATUS, Subjects, SubjectState
from domain.messages import Command, CommandContext
from domain.values import kind_of


def must_be_new(subjects: Subjects, subject: str, command: Command) -> None:
    """A key is used once and never again, not even after its subject was struck or its beginning voided.

    The one exception is the command that corrects that voided beginning: it begins the same subject again, so that
    whatever names the subject still does.

    Raises:
        AlreadyExists: something by this id is or was in the log.
    """
    if subjects[subject].version and not _corrects_beginning(command, subjects[subject]):
        msg = f"{subject} is in the log already; a key is never used twice, so choose another or leave `key` out"
        raise AlreadyExists(msg, field="key", subject=subject)


def new_subject(command: Command, subjects: Subjects) -> str:
    """The id of what a creating command brings into being, once it is known to be free."""
    subject = command.subject_id()
    must_be_new(subjects, subject, command)
    return subject


def _corrects_beginning(command: Command, state: SubjectState) -> bool:
    # A person's names are kept outside the log, where registering the same person twice would store them twice.
    if command.corrects is None or command.creates == "person" or state.started_at() is not None:
        return False
    corrected = [row.position for row in state.rows.get(EXISTS, ())]
    return command.corrects in corrected and state.events[command.corrects].is_voided


def must_have_status(
    state: SubjectState, context: CommandContext, allowed: Collection[str], to_do: str, *, silent: str = ""
) -> None:
    """The status must be one of `allowed`; `silent` is what an unspoken or not understood status counts as.

    Raises:
        NotAllowed: it is not; the message says where the subject stands and what would be needed.
    """
    status = state.value_at(STATUS, context.now) or silent
    if status not in allowed:
        wanted = " or ".join(sorted(allowed))
        msg = f"{state.subject} is {status}; to {to_do} it must be {wanted}"
        raise NotAllowed(msg, field="subject", subject=state.subject)


def require_person(context: CommandContext, field: str) -> str:
    """Whose act it was, who must be a person: a service decides nothing.

    Raises:
        NotAllowed: a service spoke for nobody.
    """
    if kind_of(context.principal) != "person":
        msg = f"{context.principal} is no person; say whose act it was in `{field}` or `on_behalf_of`"
        raise NotAllowed(msg, field=field)
    return context.principal
