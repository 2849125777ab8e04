"""The one door: who speaks is known from a bearer token, never from a body.

Roles, grants and other ways to sign in will come through here and nowhere else.
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from api.problems import HttpProblem
from api.services import Served, Services
from domain import access
from domain.fields import SubjectState
from eventlog.entry import Caller

_bearer = HTTPBearer(auto_error=False, description="A token from `decisionlog token create`, or the first start's.")


class CannotTell(Exception):
    """Who holds a secret cannot be said now: whoever knows does not answer."""


async def authenticated(
    _: Request, served: Served, given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Caller:
    """The caller behind the token.

    Raises:
        HttpProblem: 401, with no token or with one that is unknown or revoked; 503, where that cannot be said now.
    """
    return await caller_of(served, given.credentials if given else None)


async def caller_in(request: Request, served: Services) -> Caller:
    """The same, for a route that has no dependencies."""
    scheme, secret = get_authorization_scheme_param(request.headers.get("authorization"))
    return await caller_of(served, secret if secret and scheme.lower() == "bearer" else None)


async def caller_of(served: Services, secret: str | None) -> Caller:
    """The caller who has a secret; raises as `authenticated` does."""
    challenge = {"WWW-Authenticate": 'Bearer realm="decisionlog"'}
    if secret is None:
        detail = "send your token as `Authorization: Bearer TOKEN`; `decisionlog token create` makes one"
        raise HttpProblem(401, detail, headers=challenge)
    caller = served.sign_in(secret)
    if isawaitable(caller):
        try:
            caller = await caller
        except CannotTell as error:
            raise HttpProblem(503, str(error), headers={"Retry-After": "5"}) from None
    if caller is None:
        detail = "this token is unknown or was revoked; `decisionlog token create` makes another"
        raise HttpProblem(401, detail, headers=challenge)
    if not await may_speak(served, caller):
        detail = f"{caller.actor}, whose token this is, has left or is struck from the record"
        raise HttpProblem(401, detail, headers=challenge)
    return caller


async def may_speak(served: Services, caller: Caller) -> bool:
    """Whether a caller may speak: see `domain.access.may_speak`. The key of the log's own machine always may."""
    if caller.credential == access.LOCAL and access.ADMIN_RIGHT in caller.rights:
        return True
    try:
        return access.may_speak(caller.actor, partial(_cached, served))
    except _NotCached:  # it may have thousands of entries, and nobody else is to wait while they are read
        return await to_thread(access.may_speak, caller.actor, served.book.state)


class _NotCached(Exception):
    pass


def _cached(served: Services, subject: str) -> SubjectState:
    state = served.book.state_cached(subject)
    if state is None:
        raise _NotCached
    return state


def may(right: str) -> Callable[[Caller], Awaitable[None]]:
    """A dependency that lets only those with a right pass."""

    async def check(speaker: Annotated[Caller, Depends(authenticated)]) -> None:
        if right not in speaker.rights:
            raise HttpProblem(403, f"your token does not have the right to {right}")

    return check


Speaker = Annotated[Caller, Depends(authenticated)]
