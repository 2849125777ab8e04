"""Authentication: the bearer token, or the session in a cookie, says who calls, never the body."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Awaitable
from functools import partial
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from api.cookies import read_cookie
from api.cross_site import SAFE_METHODS, refuse_cross_site
from api.headers import find_header
from api.problems import HttpProblem
from api.services import ServiceDependency, Services
from domain import credentials
from domain.fields import MERGED_INTO, SubjectState
from domain.scopes import ADMIN_SCOPE
from eventlog.entry import Caller
from identity.oidc.errors import ProviderUnavailableError, SignInRefusedError

_bearer = HTTPBearer(
    auto_error=False,
    description="An API token. The first start prints one; `decisionlog token create` makes more.",
)


class LookupUnavailableError(Exception):
    """The token's holder cannot be determined right now."""


async def authenticate(
    request: Request, services: ServiceDependency, _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Caller:
    """Return the caller of a request, as `authenticate_request` does; the dependency of every route that needs one."""
    return await authenticate_request(request, services)


async def authenticate_request(request: Request, services: Services) -> Caller:
    """Return the holder of the request's token, or of the session in its cookie: the one place that lets callers in.

    Raises:
        HttpProblem: 401 if there is neither, or it is unknown, expired or revoked; 403 if another site caused a request
            with a cookie; 429 if the caller makes too many; 503 if it cannot be checked right now.
    """
    header = find_header(request, b"authorization")
    # Nearly every client writes it like this.
    secret = header[7:].strip() if header is not None and header[:7] == "Bearer " else _read_bearer_token(header)
    try:
        if secret:
            found = services.sign_in(secret)  # of nearly every request, without waiting
            caller = found if isinstance(found, Caller) else await _find_token_holder(found)
        else:
            caller = await _find_session_holder(request, services)
    except SignInRefusedError as error:
        raise _build_401(f"the access token is refused: {error}") from None
    except (LookupUnavailableError, ProviderUnavailableError) as error:
        raise HttpProblem(503, str(error), headers={"Retry-After": "5"}) from None
    known = services.active_callers.get(caller.actor)
    # Nearly every caller had access before, and nothing has happened to this person since.
    is_active = known is not None and services.book.find_cached_state(caller.actor) is known
    if not is_active and not await has_access(services, caller):
        raise _build_401(f"your token or session belongs to {caller.actor}, who has left or was removed")
    request.state.caller = caller
    services.quotas.take_request(caller)
    return caller


def _read_bearer_token(header: str | None) -> str:
    """Return the token in a header; empty if there is none. The scheme is case-insensitive (RFC 9110, section 11.1)."""
    scheme, secret = get_authorization_scheme_param(header)
    return secret if scheme.lower() == "bearer" else ""


async def _find_token_holder(found: Awaitable[Caller | None] | None) -> Caller:
    caller = await found if found is not None else None
    if caller is None:
        raise _build_401(
            "the API token is unknown, has expired or was revoked; create one with `decisionlog token create`"
        )
    return caller


async def _find_session_holder(request: Request, services: Services) -> Caller:
    cookie = read_cookie(request)
    if cookie is None and services.anonymous and request.method in SAFE_METHODS:
        return services.anonymous
    if cookie is None or services.sessions is None:
        raise _build_401(
            "send an API token as `Authorization: Bearer TOKEN`, created with `decisionlog token create`, or sign in at "
            "/sign-in with a browser"
        )
    refuse_cross_site(request)
    caller = await services.sessions.find(cookie)
    if caller is None:
        raise _build_401("your session has ended; sign in again at /sign-in")
    return caller


def _build_401(detail: str) -> HttpProblem:
    return HttpProblem(401, detail, headers={"WWW-Authenticate": 'Bearer realm="decisionlog"'})


async def has_access(services: Services, caller: Caller) -> bool:
    """Return whether a caller still has access (see `domain.credentials.is_active`). The log's machine always has it."""
    if caller.credential == credentials.LOCAL_CREDENTIAL and ADMIN_SCOPE in caller.scopes:
        return True
    state = services.book.find_cached_state(caller.actor)
    try:
        active = credentials.is_active(caller.actor, partial(_get_cached_state, services))
    except _NotCachedError:  # a stream may have thousands of entries: read them off the event loop
        return await to_thread(credentials.is_active, caller.actor, services.book.state)
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


CurrentCaller = Annotated[Caller, Depends(authenticate)]
