"""The pages to sign in with a one-time link, and to sign out."""

from __future__ import annotations

from asyncio import to_thread
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.access_journal import record_failed_sign_in
from api.authentication import has_access
from api.cookies import delete_cookie, read_cookie, set_cookie
from api.cross_site import refuse_cross_site, site_of
from api.pages.form_input import read_form
from api.pages.page import PageRoute
from api.pages.templating import render_page
from api.problems import HttpProblem
from api.return_addresses import local_path
from api.services import ServiceDependency, Services
from identity.sessions import ProviderLogin, Session

NO_REFERRER: Final = {"Referrer-Policy": "no-referrer"}
"""The address of these pages may contain a secret."""


def router() -> APIRouter:
    """Return the routes of these pages, which need no session."""
    routes = APIRouter(include_in_schema=False, route_class=PageRoute)
    routes.get("/sign-in")(show_sign_in)
    routes.post("/sign-in")(redeem_link)
    routes.get("/sign-out")(show_sign_out)
    routes.post("/sign-out")(sign_out)
    return routes


async def show_sign_in(
    request: Request,
    services: ServiceDependency,
    code: Annotated[str, Query(max_length=200)] = "",
    next: Annotated[str, Query(max_length=2000)] = "",  # noqa: A002  (the name of the parameter)
) -> Response:
    """A page with a button: previews of links in mail and chat programs fetch a page, but press no button."""
    provider = services.provider
    session = await find_session(request, services)
    accounts = await to_thread(services.log.accounts.all, session.person) if session and provider else []
    context = {
        "code": code,
        "next": local_path(next),
        "provider": provider.config.name if provider else None,
        "signed_in": session is not None,
        "is_connected": provider is not None and any(each.issuer == provider.config.issuer for each in accounts),
    }
    return render(request, "sign_in.html", context)


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
        detail = "It was used before, has expired, or is incomplete."
        return show_failure(request, "This link does not work", detail, 410)
    return await start_session(request, services, person, form.get("next"))


async def start_session(
    request: Request, services: Services, person: str, next_: str | None, login: ProviderLogin | None = None
) -> Response:
    """Start a session of a person, end the one that the browser had, and go to a page of this server."""
    session, secret = await to_thread(services.log.sessions.start, person, login)
    if not await has_access(services, session.caller()):
        await to_thread(services.log.sessions.end, session.id)
        return show_failure(request, "You cannot sign in", "You have left or were removed.", 403)
    await end_current_session(request, services)
    response = RedirectResponse(local_path(next_), 303, {"Cache-Control": "no-store"})
    set_cookie(request, response, secret)
    return response


async def find_session(request: Request, services: Services) -> Session | None:
    """Return the session of the browser, if it has one."""
    cookie = read_cookie(request)
    return await to_thread(services.log.sessions.find, cookie) if cookie else None


async def end_current_session(request: Request, services: Services) -> Session | None:
    """End the session of the browser, if it has one, and return it."""
    session = await find_session(request, services)
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


async def show_sign_out(request: Request) -> Response:
    """A page with a button."""
    return render(request, "sign_out.html", {"signed_out": False})


async def sign_out(request: Request, services: ServiceDependency) -> Response:
    """End the session of the browser, and offer to sign out of the provider too.

    Raises:
        HttpProblem: 403 if another site sent the form.
    """
    refuse_cross_site(request)
    session = await end_current_session(request, services)
    provider, address = services.provider, None
    if provider and session and session.issuer == provider.config.issuer:
        address = await provider.logout_address(session.id_token, f"{request.base_url}sign-in")
    name = provider.config.name if provider else None
    context = {"signed_out": True, "provider": name, "provider_address": address}
    response = render(request, "sign_out.html", context)
    delete_cookie(request, response)
    return response


def show_failure(request: Request, title: str, detail: str, status: int) -> Response:
    """Return a page that says why someone is not signed in, and how to get another link; the access journal says it too."""
    record_failed_sign_in(request, detail)
    return render(request, "sign_in_failed.html", {"title": title, "detail": detail}, status)


def render(request: Request, template: str, context: dict[str, Any], status: int = 200) -> Response:
    """Return a page whose address no other site learns."""
    return render_page(request, template, context, status, NO_REFERRER)
