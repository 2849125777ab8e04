"""The pages to sign in with a one-time link, and to sign out."""

from __future__ import annotations

from asyncio import to_thread
from html import escape
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.authentication import has_access
from api.cookies import delete_cookie, read_cookie, set_cookie
from api.cross_site import refuse_cross_site, site_of
from api.forms import local_path, read_form
from api.problems import HttpProblem
from api.services import ServiceDependency, Services
from identity.sessions import ProviderLogin, Session

GET_ANOTHER: Final = "Ask an administrator for another link. On the machine of the log, <code>decisionlog login-link NAME</code> prints one."


def router() -> APIRouter:
    """Return the routes of these pages, which need no session."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/sign-in")(show_sign_in)
    routes.post("/sign-in")(redeem_link)
    routes.get("/sign-out")(show_sign_out)
    routes.post("/sign-out")(sign_out)
    return routes


async def show_sign_in(
    code: Annotated[str, Query(max_length=200)] = "",
    next: Annotated[str, Query(max_length=2000)] = "",  # noqa: A002
) -> Response:
    """A page with one button: previews of links in mail and chat programs fetch a page, but press no button."""
    if not code:
        return _page("Sign in", f"<p>Open the sign-in link that you were given. {GET_ANOTHER}</p>")
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in (("code", code), ("next", local_path(next)))
    )
    form = f'<form method="post" action="/sign-in">{fields}<button>Sign in</button></form>'
    return _page("Sign in to the decision log", f"<p>This link works once.</p>{form}")


async def redeem_link(request: Request, services: ServiceDependency) -> Response:
    """Start a session with the code of a link.

    Raises:
        HttpProblem: 403 if another site sent the form, or this address may not have a cookie.
    """
    refuse_cross_site(request)
    must_have_cookies(request)
    form = await read_form(request)
    person = await to_thread(services.log.sign_in_links.redeem, form.get("code", ""))
    if person is None:
        text = f"<p>It was used before, has expired, or is incomplete. {GET_ANOTHER}</p>"
        return _page("This link does not work", text, 410)
    return await start_session(request, services, person, form.get("next"))


async def start_session(
    request: Request, services: Services, person: str, next_: str | None, login: ProviderLogin | None = None
) -> Response:
    """Start a session of a person, end the one that the browser had, and go to a page of this server."""
    session, secret = await to_thread(services.log.sessions.start, person, login)
    if not await has_access(services, session.caller()):
        await to_thread(services.log.sessions.end, session.id)
        return _page("You cannot sign in", "<p>You have left or were removed. Ask an administrator.</p>", 403)
    await end_current_session(request, services)
    response = RedirectResponse(local_path(next_), 303)
    set_cookie(request, response, secret)
    return response


async def end_current_session(request: Request, services: Services) -> Session | None:
    """End the session of the browser, if it has one, and return it."""
    cookie = read_cookie(request)
    session = await to_thread(services.log.sessions.find, cookie) if cookie else None
    if session:
        await to_thread(services.log.sessions.end, session.id)
    return session


def must_have_cookies(request: Request) -> None:
    """Refuse to sign in over an address without TLS, unless it is this machine's or the operator named it.

    Raises:
        HttpProblem: 403, with what to set.
    """
    if not site_of(request).has_cookies:
        raise HttpProblem(
            403,
            "signing in at this address would send your session over the network without encryption; set "
            "DECISIONLOG_PUBLIC_URL to an https address with a proxy in front, or open the server as localhost",
        )


async def show_sign_out() -> Response:
    """A page with one button."""
    return _page("Sign out", '<form method="post" action="/sign-out"><button>Sign out</button></form>')


async def sign_out(request: Request, services: ServiceDependency) -> Response:
    """End the session of the browser.

    Raises:
        HttpProblem: 403 if another site sent the form.
    """
    refuse_cross_site(request)
    await end_current_session(request, services)
    response = _page("You are signed out", f"<p>Your session has ended. {GET_ANOTHER}</p>")
    delete_cookie(request, response)
    return response


def _page(title: str, body: str, status: int = 200) -> Response:
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><main><h1>{title}</h1>{body}</main></html>'
    )
    policy = "default-src 'none'; form-action 'self'"
    return HTMLResponse(html, status, {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"})
