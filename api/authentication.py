"""Authentication: the bearer token says who calls, never the body."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from api.problems import HttpProblem
from api.services import ServiceDependency, Services
from domain import access
from domain.fields import MERGED_INTO, SubjectState
from domain.scopes import ADMIN_SCOPE
from eventlog.entry import Caller

_bearer = HTTPBearer(
    auto_error=False,
    description="An API token. The first start prints one; `decisionlog token create` makes more.",
)


class LookupUnavailableError(Exception):
    """The token's holder cannot be determined right now."""


async def authenticate(
    _: Request, services: ServiceDependency, given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Caller:
    """Return the holder of the request's token.

    Raises:
        HttpProblem: 401 if the token is missing, unknown or revoked; 503 if it cannot be checked right now.
    """
    return await find_caller(services, given.credentials if given else None)


async def authenticate_request(request: Request, services: Services) -> Caller:
    """Return the holder of the request's token, without the framework's dependencies. Raises as `authenticate` does."""
    scheme, secret = get_authorization_scheme_param(request.headers.get("authorization"))
    return await find_caller(services, secret if secret and scheme.lower() == "bearer" else None)


async def find_caller(services: Services, secret: str | None) -> Caller:
    """Return the holder of a secret. Raises as `authenticate` does."""
    challenge = {"WWW-Authenticate": 'Bearer realm="decisionlog"'}
    if secret is None:
        detail = "send an API token as `Authorization: Bearer TOKEN`; create one with `decisionlog token create`"
        raise HttpProblem(401, detail, headers=challenge)
    caller = services.sign_in(secret)
    if caller is not None and not isinstance(caller, Caller):
        try:
            caller = await caller
        except LookupUnavailableError as error:
            raise HttpProblem(503, str(error), headers={"Retry-After": "5"}) from None
    if caller is None:
        detail = "the API token is unknown or was revoked; create one with `decisionlog token create`"
        raise HttpProblem(401, detail, headers=challenge)
    if not await has_access(services, caller):
        detail = f"the API token belongs to {caller.actor}, who has left or was removed"
        raise HttpProblem(401, detail, headers=challenge)
    return caller


async def has_access(services: Services, caller: Caller) -> bool:
    """Return whether a caller still has access (see `domain.access.is_active`). The machine's own key always does."""
    if caller.credential == access.LOCAL_CREDENTIAL and ADMIN_SCOPE in caller.scopes:
        return True
    state = services.book.find_cached_state(caller.actor)
    if state is not None and services.active_callers.get(caller.actor) is state:
        return True  # nothing has happened to this person since the last request
    try:
        active = access.is_active(caller.actor, partial(_get_cached_state, services))
    except _NotCachedError:  # a stream may have thousands of entries: read them off the event loop
        return await to_thread(access.is_active, caller.actor, services.book.state)
    if active and state is not None and state.latest_row(MERGED_INTO) is None:  # no other state was read
        services.remember_active(state)
    return active


class _NotCachedError(Exception):
    pass


def _get_cached_state(services: Services, subject: str) -> SubjectState:
    state = services.book.find_cached_state(subject)
    if state is None:
        raise _NotCachedError
    return state


def require_scope(scope: str) -> Callable[[Caller], Awaitable[None]]:
    """Return a dependency that refuses callers without a scope."""

    async def check(caller: Annotated[Caller, Depends(authenticate)]) -> None:
        if scope not in caller.scopes:
            raise HttpProblem(403, f"your API token does not have the scope `{scope}`")

    return check


CurrentCaller = Annotated[Caller, Depends(authenticate)]
