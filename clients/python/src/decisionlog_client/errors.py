"""The errors that a client raises.

DecisionLogError
├── Refused                   the server rejected the command or the question; nothing was recorded
│   ├── Malformed             a value is missing or invalid; `field` names it
│   ├── Unknown               it refers to something that does not exist
│   ├── AlreadyExists         the key is in use
│   ├── NotAllowed            the subject is in the wrong state
│   │   ├── OutOfOrder        a status change is dated before the latest one
│   │   └── NothingChanges    the subject has this value already
│   ├── Forbidden             the token lacks the scope
│   ├── Stale                 the subject has changed since it was read
│   └── KeyReused             the idempotency key belongs to another command
└── ClientError               the request was not answered
    ├── Unreachable           no server answers at the address, or a proxy there cannot reach it
    ├── NotADecisionLog       the server at the address is not a decision log
    ├── NotSignedIn           the token is missing, unknown or revoked
    ├── NotYet                the answer does not cover the required position yet
    └── Failed                the server failed; `detail` says why
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final


class DecisionLogError(Exception):
    """A request failed; `detail` says why."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Refused(DecisionLogError):
    """The server rejected the command or the question; nothing was recorded."""

    def __init__(self, detail: str, *, field: str | None = None, subject: str | None = None) -> None:
        super().__init__(detail)
        self.field = field
        self.subject = subject


class Malformed(Refused):
    """A value is missing or invalid."""


class Unknown(Refused):
    """The command or the question refers to something that does not exist."""


class AlreadyExists(Refused):
    """The key is in use; a key is never used twice."""


class NotAllowed(Refused):
    """The subject is in the wrong state for this."""


class OutOfOrder(NotAllowed):
    """The status change is dated before the subject's latest one."""


class NothingChanges(NotAllowed):
    """The subject has this value already."""


class Forbidden(Refused):
    """The token lacks the scope."""


class Stale(Refused):
    """The subject has changed since it was read; `version` is its current version."""

    def __init__(self, detail: str, *, subject: str | None, version: int, field: str | None = None) -> None:
        super().__init__(detail, field=field, subject=subject)
        self.version = version


class KeyReused(Refused):
    """The idempotency key belongs to another command."""


class ClientError(DecisionLogError):
    """The server did not answer the request."""


class Unreachable(ClientError):
    """No server answers at the address, or a proxy there cannot reach it."""


class NotADecisionLog(ClientError):
    """The server at the address is not a decision log."""


class NotSignedIn(ClientError):
    """The token is missing, unknown or revoked."""


class NotYet(ClientError):
    """The answer does not cover the required position yet."""


class Failed(ClientError):
    """The server failed."""


PROBLEM_TYPES: Final[Mapping[str, type[Refused]]] = {
    "malformed": Malformed,
    "malformed-json": Malformed,
    "unprocessable": Malformed,
    "unknown": Unknown,
    "already-exists": AlreadyExists,
    "not-allowed": NotAllowed,
    "out-of-order": OutOfOrder,
    "nothing-changes": NothingChanges,
    "forbidden": Forbidden,
    "stale": Stale,
    "idempotency-key-reused": KeyReused,
}
"""The error for each type of problem document; any other type is a plain `Refused`."""


def parse_problem(problem: Mapping[str, Any]) -> Refused:
    """Return the error that a problem document describes."""
    name = str(problem.get("type", "")).rpartition(":")[2]
    detail = str(problem.get("detail") or name)
    field, subject = problem.get("field"), problem.get("subject")
    error = PROBLEM_TYPES.get(name, Refused)
    if issubclass(error, Stale):
        return error(detail, subject=subject, version=problem.get("version") or 0, field=field)
    return error(detail, field=field, subject=subject)
