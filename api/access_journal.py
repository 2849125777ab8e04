"""What requests leave in the access journal: refusals, exports, and reads of the audit trail."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from fastapi import Request

from domain.errors import Forbidden, Refused
from eventlog.entry import Caller
from identity.access_journal import Kind
from identity.decision_log import DecisionLog

_REFUSALS: Final = (401, 403)
_AUDITED: Final = frozenset(
    {
        *("/v1/audit", "/audit", "/v1/access-journal", "/access-journal", "/v1/activity", "/activity"),
        *("/v1/tokens", "/v1/accounts", "/admin"),
    }
)
"""Paths that show what people did, or the tokens, accounts and sessions they use to sign in."""
_FOLLOWED: Final = "/v1/log/entries"
"""Followers read it many times a second; one row an hour says that they do."""
_HOUR_US: Final = 3_600_000_000


def record_refusal(request: Request, status: int, reason: str, *, is_command: bool = False) -> None:
    """Record that a request was refused, if it was because of who sent it."""
    if status in _REFUSALS:
        _record(request, "refused" if is_command else "denied", reason)


def record_refused_command(request: Request, refused: Refused) -> None:
    """Record that a command of a page was refused, if it was because of who sent it."""
    if isinstance(refused, Forbidden):
        record_refusal(request, HTTPStatus.FORBIDDEN, refused.detail, is_command=True)


def record_failed_sign_in(request: Request, reason: str) -> None:
    """Record that someone could not sign in with a browser."""
    _record(request, "denied", reason)


def record_read(request: Request, *, is_file: bool) -> None:
    """Record that data was exported as a file, or that the audit trail or sign-in data was read."""
    path = request.url.path
    if path in _AUDITED:
        _record(request, "audit")
    if path == _FOLLOWED:
        _record(request, "export", every_us=_HOUR_US)
    elif is_file:
        _record(request, "export")


def record_read_about(request: Request, person: str) -> None:
    """Record that a caller read data about another person. Reading data about oneself is not recorded."""
    if person != request.state.caller.actor:
        _record(request, "audit", f"about {person}")


def _record(request: Request, kind: Kind, reason: str = "", *, every_us: int = 0) -> None:
    book = request.app.state.services.book
    if not isinstance(book, DecisionLog):
        return  # a replica has no journal
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:
        book.journal.record(kind, what=f"{request.method} {_template(request)}", reason=reason)
        return
    what = f"{request.method} {request.url.path}"
    book.journal.record(kind, caller.actor, caller.credential, what, reason, every_us=every_us)


def _template(request: Request) -> str:
    """Return the route's path, so that strangers cannot fill the journal with paths of their own."""
    return str(getattr(request.scope.get("route"), "path", "another path"))
