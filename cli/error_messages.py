"""The message and the exit code for every error that a command expects."""

from __future__ import annotations

import errno
import re
import sys
from typing import Final

from eventsourcing.persistence import PersistenceError
from pydantic import ValidationError

import decisionlog_client
from cli.errors import CommandFailed, Exit
from decisionlog_client.errors import ClientError, NotADecisionLog, NotSignedIn, Unreachable
from domain.errors import Forbidden, Refused, Unknown
from domain.ids import is_subject, kind_of
from eventlog.errors import DamagedLogError, DatabaseUnavailableError, LogError, LogInUseError
from eventlog.store_errors import DamagedStoreError, DiskFullError, FileUnavailableError, StoreUnavailableError

_DISK_FULL: Final = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_SUBJECT: Final = re.compile(r"\b[a-z]+:[^\s;,']+")


def describe_failure(error: Exception) -> tuple[Exit, str]:
    """Return the exit code and the message for an expected error.

    Raises:
        Exception: the error is not expected. It is a bug, and its traceback is wanted.
    """
    if _is_database_unavailable(error):
        error = StoreUnavailableError(" ".join(str(error).split()))
    match error:
        case CommandFailed():
            return error.code, str(error)
        case Refused() | decisionlog_client.Refused():
            return Exit.FAILED, _describe_refusal(error)
        case ClientError():
            return _describe_client_error(error)
        case LogError() | PersistenceError():
            return _describe_log_error(error)
        case ValidationError() | UnicodeEncodeError():
            return Exit.USAGE_ERROR, _describe_bad_input(error)
        case OSError() if error.filename or error.errno in _DISK_FULL:
            return Exit.FAILED, _describe_file_error(error)
        case _:
            raise error


def _is_database_unavailable(error: Exception) -> bool:
    """Whether an error of psycopg says that the server cannot be reached or that the role may not do something."""
    psycopg = sys.modules.get("psycopg")  # it is optional, and not loaded for a log in a file
    return psycopg is not None and isinstance(error, psycopg.OperationalError | psycopg.errors.InsufficientPrivilege)


def _describe_unavailable_database(error: StoreUnavailableError) -> tuple[Exit, str]:
    reason = str(error).rstrip(".")
    advice = (
        "Connect as the role that created the log, and retry."
        if reason.startswith("permission denied")
        else "Check its address and the server, and retry."
    )
    return Exit.LOG_UNAVAILABLE, f"The database cannot be used: {reason}. {advice}"


def _describe_bad_input(error: ValidationError | UnicodeEncodeError) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "An argument is not valid UTF-8. Enter it in UTF-8, and try again."
    wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return f"Invalid input. {wrong}."


def _describe_file_error(error: OSError) -> str:
    if error.errno in _DISK_FULL:
        where = f" while writing {error.filename}" if error.filename else ""
        return f"Disk full{where}: {error.strerror}. Free some space and retry."
    return f"{error.filename}: {error.strerror}. Check the path and its permissions, and retry."


def _describe_refusal(refused: Refused | decisionlog_client.Refused) -> str:
    message = _end_sentence(_name_commands(str(refused)))
    match refused:
        case Forbidden() | decisionlog_client.Forbidden() if "the scope" in message:
            return f"Refused: {message} An administrator of the log can create a token that has it."
        case Unknown() | decisionlog_client.Unknown() if kind := _kind_of_unknown(refused):
            listed = "imports" if kind == "import" else f"show --kind {kind}"
            return f"Refused: {message} List them with `decisionlog {listed}`."
        case _:
            return f"Refused: {message}"


def _kind_of_unknown(refused: Unknown | decisionlog_client.Unknown) -> str | None:
    if " has no " in str(refused):  # the subject exists, and what it does not have is no subject
        return None
    found = _SUBJECT.search(str(refused))
    subject = refused.subject or (found[0] if found else "")
    return kind_of(subject) if is_subject(subject) and kind_of(subject) != "person" else None


def _name_commands(message: str) -> str:
    """Replace routes that a message refers to by commands and pages."""
    return message.replace("GET /v1/people", "`decisionlog people`").replace(
        "GET /v1/catalog", "docs/reference/events.md"
    )


def _end_sentence(message: str) -> str:
    return message if message.endswith((".", "?", "!")) else f"{message}."


def _describe_client_error(error: ClientError) -> tuple[Exit, str]:
    message = str(error)
    match error:
        case NotSignedIn():
            return Exit.FAILED, f"Not signed in: {message}. Set DECISIONLOG_TOKEN to a valid token."
        case Unreachable() | NotADecisionLog():
            hint = "Check that the server is running, and DECISIONLOG_URL if it is set."
            return Exit.LOG_UNAVAILABLE, f"{message[:1].upper()}{message[1:]}. {hint}"
        case _:
            return Exit.FAILED, f"Server error: {message}."


def _describe_log_error(error: LogError | PersistenceError) -> tuple[Exit, str]:
    if isinstance(error, DiskFullError):
        return Exit.FAILED, f"Disk full: {error}. Free some space and retry; existing data is intact."
    if isinstance(error, FileUnavailableError):
        return Exit.FAILED, f"{error}."
    if isinstance(error, StoreUnavailableError):
        return _describe_unavailable_database(error)
    if isinstance(error, DamagedStoreError):
        return Exit.DAMAGED, f"{error}."
    if isinstance(error, PersistenceError):
        return Exit.FAILED, f"Database error: {error}. Check the database and retry."
    codes = {
        LogInUseError: Exit.LOG_UNAVAILABLE,
        DatabaseUnavailableError: Exit.LOG_UNAVAILABLE,
        DamagedLogError: Exit.DAMAGED,
    }
    return codes.get(type(error), Exit.FAILED), str(error)
