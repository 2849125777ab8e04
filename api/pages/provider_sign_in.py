"""Signing in with an OpenID provider: the code flow with PKCE, connecting an account, and back-channel logout."""

from __future__ import annotations

import json
import logging
from asyncio import to_thread
from functools import partial
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from api.cookies import delete_cookie, read_cookie, set_cookie
from api.cross_site import refuse_cross_site
from api.pages.form_input import read_form
from api.pages.page import PageRoute
from api.pages.sign_in import find_session, must_have_cookies, show_failure, start_session
from api.problems import HttpProblem
from api.return_addresses import local_path
from api.services import ServiceDependency, Services
from identity.oidc.errors import ProviderUnavailableError, SignInRefusedError
from identity.one_time_codes import OneTimeCodes
from identity.sessions import ProviderLogin

if TYPE_CHECKING:
    from identity.oidc.provider import Account, Provider

LOGGER: Final = logging.getLogger("decisionlog.api")
COOKIE: Final = "decisionlog-sign-in"
ATTEMPT_S: Final = 600
"""How long someone may take at the provider."""
CONNECTING: Final = "connect"
SIGNING_IN: Final = "sign-in"
LEEWAY_S: Final = 60
_SEPARATOR: Final = " "


def router() -> APIRouter:
    """Return the routes of the provider, which need no session."""
    routes = APIRouter(include_in_schema=False, route_class=PageRoute)
    routes.get("/sign-in/provider")(begin_sign_in)
    routes.post("/sign-in/connect")(begin_connecting)
    routes.get("/sign-in/callback")(finish_sign_in)
    routes.post("/sign-in/backchannel-logout")(log_out)
    return routes


def provider_of(services: Services) -> Provider:
    """Return the provider.

    Raises:
        HttpProblem: 404 if there is none.
    """
    if services.provider is None:
        raise HttpProblem(404, "this log has no OpenID provider; sign in with a link")
    return services.provider


async def begin_sign_in(
    request: Request,
    services: ServiceDependency,
    next: Annotated[str, Query(max_length=2000)] = "",  # noqa: A002  (the name of the parameter)
) -> Response:
    """Send the browser to the provider."""
    return await _begin(request, services, SIGNING_IN, next)


async def begin_connecting(request: Request, services: ServiceDependency) -> Response:
    """Send a person who is signed in to the provider, to connect an account.

    Only a page of this server can begin this: otherwise another site could connect an account of its own.
    """
    refuse_cross_site(request)
    if await find_session(request, services) is None:
        return show_failure(request, "You are not signed in", "Sign in with a link first.", 401)
    return await _begin(request, services, CONNECTING, "/")


async def _begin(request: Request, services: Services, purpose: str, next_: str) -> Response:
    from identity.oidc.provider import LoginAttempt  # noqa: PLC0415  (an optional dependency)

    must_have_cookies(request)
    provider, secret = provider_of(services), token_urlsafe(32)
    try:
        address = await provider.login_address(LoginAttempt(secret), _redirect_uri(request))
    except ProviderUnavailableError as error:
        return _show_unavailable(request, error)
    # A form may not be answered with a redirect to another site (`form-action 'self'`), so a page goes there.
    response: Response = RedirectResponse(address, 303, {"Cache-Control": "no-store"})
    if request.method == "POST":
        response = Response(status_code=200, headers={"Refresh": f"0; url={address}"}, media_type="text/html")
    set_cookie(request, response, _SEPARATOR.join((secret, purpose, local_path(next_))), COOKIE, ATTEMPT_S)
    return response


async def finish_sign_in(
    request: Request,
    services: ServiceDependency,
    code: Annotated[str, Query(max_length=4000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    iss: Annotated[str | None, Query(max_length=500)] = None,
    error: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Sign in the person who comes back from the provider."""
    provider = provider_of(services)
    try:
        purpose, next_, account = await _read_answer(request, services, provider, (code, state, iss, error))
        person = await _find_person(request, services, account, connects=purpose == CONNECTING)
        response = await _start_session(request, services, person, next_, account)
    except SignInRefusedError as refused:
        LOGGER.info("A sign-in with the provider was refused: %s", refused)
        response = show_failure(request, "You are not signed in", f"{str(refused).capitalize()}.", 403)
    except ProviderUnavailableError as unavailable:
        response = _show_unavailable(request, unavailable)
    delete_cookie(request, response, COOKIE)
    return response


async def _read_answer(
    request: Request, services: Services, provider: Provider, answer: tuple[str, str, str | None, str]
) -> tuple[str, str, Account]:
    """Return what the browser wanted, and the account it comes back with.

    Raises:
        SignInRefusedError: it does not come back from our own request, or the provider refuses.
        ProviderUnavailableError: the provider cannot be reached.
    """
    from identity.oidc.provider import LoginAttempt  # noqa: PLC0415  (an optional dependency)

    code, state, issuer, error = answer
    secret, purpose, next_ = (*(read_cookie(request, COOKIE) or "").split(_SEPARATOR, 2), "", "", "")[:3]
    attempt = LoginAttempt(secret)
    if not secret or not attempt.has_state(state):
        raise SignInRefusedError("this browser did not start this sign-in; start again")
    await provider.check_issuer(issuer)
    if error or not code:
        raise SignInRefusedError("the provider did not sign you in")
    account = await provider.redeem(code, attempt, _redirect_uri(request))
    # Only now, so that made-up attempts write nothing: the provider vouches for this one.
    expires_at = services.model.now() + 2 * ATTEMPT_S * 1_000_000
    if not await to_thread(services.log.codes.claim, "sign-in attempt", state, expires_at):
        raise SignInRefusedError("this sign-in is already complete; start again")
    return purpose, next_, account


async def _find_person(request: Request, services: Services, account: Account, *, connects: bool) -> str:
    """Return the person of an account; where it has none, connect it or register one.

    Raises:
        SignInRefusedError: there is none.
    """
    accounts, provider = services.log.accounts, provider_of(services)
    known = await to_thread(accounts.find, account.issuer, account.subject)
    if connects:
        session = await find_session(request, services)
        if session is None or known not in (None, session.person):
            raise SignInRefusedError("this account belongs to another person, or your session has ended")
        link = partial(accounts.link, by=session.caller())
        return await to_thread(link, account.issuer, account.subject, session.person)
    if known is not None:
        return known
    if not provider.config.registers:
        raise SignInRefusedError(
            "no person of this log has your account; sign in with a link, then connect your account"
        )
    return await accounts.register(account.issuer, account.subject, account.name or account.email or "", account.email)


async def _start_session(request: Request, services: Services, person: str, next_: str, account: Account) -> Response:
    """Start a session for the person of an account, and redirect to a page of this server.

    Raises:
        SignInRefusedError: the account was disconnected, or the provider signed the person out, in the meantime.
    """
    groups = tuple(sorted(account.groups))
    login = ProviderLogin(account.issuer, account.subject, account.session, account.id_token, groups)
    response = await start_session(request, services, person, next_, login)
    # Checked after the session is stored: a logout is recorded first, and then ends the stored sessions.
    if not account.session:
        return response
    if await to_thread(_is_ended, services.log.codes, account):
        await to_thread(services.log.sessions.end_of_provider_session, account.issuer, account.session)
        raise SignInRefusedError("the provider signed you out while you were signing in")
    return response


def _is_ended(codes: OneTimeCodes, account: Account) -> bool:
    """Return whether the provider recently ended the session of a sign-in, for this account or for all."""
    kind = _ended_at(account.issuer)
    return any(codes.is_claimed(kind, _name_session(account.session, each)) for each in (None, account.subject))


def _ended_at(issuer: str) -> str:
    return f"ended {issuer}"


def _name_session(session: str, subject: str | None) -> str:
    return json.dumps([session, subject])


async def log_out(request: Request, services: ServiceDependency) -> Response:
    """End the sessions that the provider names (OpenID Connect Back-Channel Logout 1.0)."""
    headers = {"Cache-Control": "no-store"}
    try:
        provider = provider_of(services)
        form = await read_form(request)
        await _end_sessions(services, provider, form.get("logout_token", ""))
    except SignInRefusedError as refused:
        LOGGER.info("A logout token was refused: %s", refused)
        problem = {"error": "invalid_request", "error_description": f"the logout token is refused: {refused}"}
        return JSONResponse(problem, 400, headers)
    except ProviderUnavailableError as unavailable:
        return JSONResponse({"error": "temporarily_unavailable", "error_description": str(unavailable)}, 503, headers)
    return Response(status_code=200, headers=headers)


async def _end_sessions(services: Services, provider: Provider, token: str) -> None:
    """End the sessions that a logout token names.

    Raises:
        SignInRefusedError: it is not acceptable, or was used before.
        ProviderUnavailableError: the provider cannot be reached.
    """
    logout, issuer = await provider.read_logout_token(token), provider.config.issuer
    expires_at = (logout.expires_at + 2 * LEEWAY_S) * 1_000_000
    if not await to_thread(services.log.codes.claim, f"logout {issuer}", logout.token_id, expires_at):
        raise SignInRefusedError("it was used before")
    sessions = services.log.sessions
    if logout.session:
        ended = _name_session(logout.session, logout.subject)
        await to_thread(services.log.codes.claim, _ended_at(issuer), ended, expires_at)
        await to_thread(sessions.end_of_provider_session, issuer, logout.session, logout.subject)
    elif logout.subject:
        await to_thread(sessions.end_of_account, issuer, logout.subject)


def _redirect_uri(request: Request) -> str:
    """Return where the provider sends the browser back: always the same, never from what the request says."""
    return f"{request.base_url}sign-in/callback"


def _show_unavailable(request: Request, error: ProviderUnavailableError) -> Response:
    LOGGER.warning("The OpenID provider: %s", error)
    return show_failure(request, "The provider cannot be reached", "Try again, or sign in with a link.", 503)
