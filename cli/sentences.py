"""The sentence for whatever can go wrong with a command, and the exit code it ends with."""

from __future__ import annotations

import errno
import re
from typing import Final

from eventsourcing.persistence import PersistenceError
from pydantic import ValidationError

from cli.errors import CannotGoOn, Exit
from decisionlog_client.errors import ClientError, NotADecisionLog, NotSignedIn, Unreachable
from domain.errors import Forbidden, Refused, Unknown
from eventlog.errors import DamagedLogError, DamagedStoreError, DiskFullError, LogError, LogInUseError

_NO_ROOM: Final = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_KIND: Final = re.compile(r" knows no (\w+):")


def in_a_sentence(error: Exception) -> tuple[Exit, str]:
    """The exit code and the sentence for whatever can be foreseen.

    Raises:
        Exception: what nobody foresaw: a mistake of ours, of which the whole trace is wanted.
    """
    match error:
        case CannotGoOn():
            return error.code, str(error)
        case Refused():
            return Exit.REFUSED, _of_a_refusal(error)
        case ClientError():
            return _of_a_client(error)
        case LogError() | PersistenceError():
            return _of_a_store(error)
        case ValidationError() | UnicodeEncodeError():
            return Exit.MISUNDERSTOOD, _of_what_was_given(error)
        case OSError() if error.filename or error.errno in _NO_ROOM:
            return Exit.REFUSED, _of_a_file(error)
        case _:
            raise error


def _of_what_was_given(error: ValidationError | UnicodeEncodeError) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "A word on the command line is not text in UTF-8. Write it in UTF-8, and try again."
    wrong = "; ".join(
        f"DECISIONLOG_{'.'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()
    )
    return f"A setting is not in order. {wrong}."


def _of_a_file(error: OSError) -> str:
    if error.errno in _NO_ROOM:
        where = f" for {error.filename}" if error.filename else ""
        return f"There is no room{where}: {error.strerror}. Make some, and do it again."
    return f"{error.filename}: {error.strerror}. Check the path and its permissions, and try again."


def _of_a_refusal(refused: Refused) -> str:
    match refused:
        case Forbidden():
            return f"Refused: {refused}. Whoever administers the log can make you a token that has it."
        case Unknown() if kind := _KIND.search(str(refused)):
            return f"Refused: {refused}. `decisionlog show --kind {kind[1]} --field title` lists what there is."
        case _:
            return f"Refused: {_for_a_terminal(str(refused))}."


def _for_a_terminal(said: str) -> str:
    """What the interface says, with commands where it names a route to look at."""
    return said.replace("GET /v1/people", "`decisionlog people`").replace("GET /v1/catalog", "docs/reference/events.md")


def _of_a_client(error: ClientError) -> tuple[Exit, str]:
    match error:
        case NotSignedIn():
            said = f"The server does not know you: {error}. Set DECISIONLOG_TOKEN to one that it knows."
            return Exit.REFUSED, said
        case Unreachable() | NotADecisionLog():
            said = str(error)
            hint = "See that the server runs, and that DECISIONLOG_URL, where it is set, is its address."
            return Exit.IN_USE, f"{said[0].upper()}{said[1:]}. {hint}"
        case _:
            return Exit.REFUSED, f"The server could not do it: {error}."


def _of_a_store(error: LogError | PersistenceError) -> tuple[Exit, str]:
    if isinstance(error, DiskFullError):
        return (
            Exit.REFUSED,
            f"There is no room for the log: {error}. Make some, and do it again; what is there is whole.",
        )
    if isinstance(error, DamagedStoreError):
        return Exit.DAMAGED, f"{error}."
    if isinstance(error, PersistenceError):
        return Exit.REFUSED, f"The log's store failed: {error}. Look to it, and try again."
    codes = {LogInUseError: Exit.IN_USE, DamagedLogError: Exit.DAMAGED}
    return codes.get(type(error), Exit.REFUSED), str(error)
