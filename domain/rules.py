"""What several subjects' rules have in common."""

from __future__ import annotations

from collections.abc import Collection

from domain.cells import EXISTS, STATUS, State, World
from domain.errors import AlreadyExists, NotAllowed
from domain.messages import Act, Command
from domain.values import kind_of


def must_be_new(world: World, subject: str, command: Command) -> None:
    """A key is used once and never again, not even after its subject was struck or its beginning voided.

    The one exception is the command that corrects that voided beginning: it begins the same subject again, so that
    whatever names the subject still does.

    Raises:
        AlreadyExists: something by this id is or was in the log.
    """
    if world[subject].version and not _corrects_beginning(command, world[subject]):
        msg = f"{subject} is in the log already; a key is never used twice, so choose another or leave `key` out"
        raise AlreadyExists(msg, field="key", subject=subject)


def new_subject(command: Command, world: World) -> str:
    """The id of what a creating command brings into being, once it is known to be free."""
    subject = command.addressed()
    must_be_new(world, subject, command)
    return subject


def _corrects_beginning(command: Command, state: State) -> bool:
    # A person's names are kept outside the log, where registering the same person twice would store them twice.
    if command.corrects is None or command.creates == "person" or state.began() is not None:
        return False
    corrected = [row.position for row in state.rows.get(EXISTS, ())]
    return command.corrects in corrected and state.acts[command.corrects].voided


def must_be_in(state: State, act: Act, allowed: Collection[str], to_do: str, *, silent: str = "") -> None:
    """The status must be one of `allowed`; `silent` is what an unspoken or not understood status counts as.

    Raises:
        NotAllowed: it is not; the message says where the subject stands and what would be needed.
    """
    status = state.value(STATUS, act.now) or silent
    if status not in allowed:
        wanted = " or ".join(sorted(allowed))
        msg = f"{state.subject} is {status}; to {to_do} it must be {wanted}"
        raise NotAllowed(msg, field="subject", subject=state.subject)


def person_or_refuse(act: Act, field: str) -> str:
    """Whose act it was, who must be a person: a service decides nothing.

    Raises:
        NotAllowed: a service spoke for nobody.
    """
    if kind_of(act.principal) != "person":
        msg = f"{act.principal} is no person; say whose act it was in `{field}` or `on_behalf_of`"
        raise NotAllowed(msg, field=field)
    return act.principal
