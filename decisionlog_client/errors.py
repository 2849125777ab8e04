"""What can go wrong between a client and a server, as one tree; what the log refuses is a `domain.errors.Refused`.

ClientError
├── Unreachable        nobody answers at the address
├── NotADecisionLog    somebody else does
├── NotSignedIn        the token is unknown or was revoked, or there is none
├── NotYet             the answer does not cover the position it must cover
└── Failed             the server could not do it; the detail says why
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain import errors
from domain.errors import Refused


class ClientError(Exception):
    """The server did not answer the request; `detail` says why."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Unreachable(ClientError):
    """Nobody answers at the address."""


class NotADecisionLog(ClientError):
    """What answers there is no decision log."""


class NotSignedIn(ClientError):
    """The server does not know who speaks."""


class NotYet(ClientError):
    """The read model has not yet come to a position that the answer must cover."""


class Failed(ClientError):
    """The server could not do it."""


def refusal(problem: Mapping[str, Any]) -> Refused:
    """A problem document as the refusal it tells of; its type is the name of the class in lower case."""
    name = str(problem.get("type", "")).rpartition(":")[2]
    detail, field, subject = (problem.get(part) for part in ("detail", "field", "subject"))
    kind = _KINDS.get(name, Refused)
    if kind is errors.Stale:
        return errors.Stale(detail or "", subject=subject or "", version=problem.get("version") or 0, field=field)
    return kind(detail or name, field=field, subject=subject)


def _all_of(kind: type[Refused]) -> Iterator[type[Refused]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _all_of(below)


_KINDS: Final = {re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower(): kind for kind in _all_of(Refused)}
_KINDS["idempotency-key-reused"] = errors.KeyReused
