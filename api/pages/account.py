"""A person's own account: where they are signed in, and the API tokens that act as them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.pages.admin_forms import allowed_forms
from api.pages.form_input import read_form
from api.pages.page import Context, Page, PageDependency, add_page, page_router
from api.permissions import held_roles
from api.problems import unprocessable
from api.routes.sessions import describe_session, end_others, end_session
from api.routes.tokens import describe_token
from api.services import refuse_writes_on_replica
from projections.read_model.model import Read

ADDRESS = "/account"


def router() -> APIRouter:
    """Return the routes of the account page."""
    routes = page_router()
    add_page(routes, ADDRESS, get_account, "light")
    routes.add_api_route(ADDRESS, post_account, methods=["POST"], response_model=None)
    return routes


def get_account(page: PageDependency) -> Response:
    """Show the reader's own sessions and tokens, and their roles."""
    return page.render("account.html", lambda read: _build(read, page))


def _build(_read: Read, page: Page) -> Context:
    log, me = page.services.log, page.caller.actor
    sessions = [describe_session(each, page.caller) for each in log.sessions.list_of(me)]
    tokens = [each for each in log.tokens.all() if each.actor == me and each.revoked_at is None]
    return {
        "sessions": sessions,
        "others": sum(not each["current"] for each in sessions),
        "tokens": [
            {
                **describe_token(each),
                "is_own": each.id == page.caller.credential,
                "is_expired": each.expires_at is not None and each.expires_at <= page.time.now,
            }
            for each in tokens
        ],
        "may_revoke": "revoke-token" in allowed_forms(page),
        "roles": dict.fromkeys(held_roles(page.services, page.caller).grants()),
        "spellings": page.services.book.directory.spellings(me)[1:] if me.startswith("person:") else (),
    }


async def post_account(request: Request, page: PageDependency) -> Response:
    """End one of the reader's own sessions, or all but this one."""
    await refuse_writes_on_replica(request, page.services)
    typed = await read_form(request)
    if typed.get("others") == "yes":
        await run_in_threadpool(end_others, page.services, page.caller)
    elif session := typed.get("session", ""):
        await run_in_threadpool(end_session, page.services, page.caller, session)
    else:
        raise unprocessable("name the session to end, or send `others` with `yes` to end all others", field="session")
    return RedirectResponse(ADDRESS, 303, headers={"Cache-Control": "no-store"})
