"""Loading the demo into a log that is still empty, so that one can look around before recording anything."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.access_journal import record_refused_command
from api.pages.form_input import read_form
from api.pages.page import Context, Page, PageDependency, add_page, page_router
from api.permissions import why_not
from api.problems import HttpProblem
from api.services import refuse_writes_on_replica
from domain.actions import ADMINISTER
from domain.errors import Refused
from domain.values import kind_of
from projections.queries.filters import Filter
from projections.queries.listings import subjects
from projections.read_model.model import Read


def router() -> APIRouter:
    """Return the routes of the demo."""
    routes = page_router()
    add_page(routes, "/demo", get_demo, "light")
    routes.add_api_route("/demo", post_demo, methods=["POST"], response_model=None)
    return routes


def may_load_demo(page: Page) -> bool:
    """Return whether the caller may load the demo: an administrator of all products, on a server that has it."""
    return page.services.load_demo is not None and why_not(page.services, page.caller, ADMINISTER) is None


def get_demo(page: PageDependency) -> Response:
    """Show what loading the demo does, and ask for a confirmation."""
    _require_permission(page)
    return _show(page, "", 200)


async def post_demo(request: Request, page: PageDependency) -> Response:
    """Load the demo, if the log is still empty."""
    await refuse_writes_on_replica(request, page.services)
    _require_permission(page)
    typed = await read_form(request)
    if typed.get("confirmed") != "yes":
        problem = "Confirm that you want the demo in this log."
        return await page.execution.run("light", lambda: _show(page, problem, 422))
    load = page.services.load_demo
    if load is None or not is_empty(page):
        raise HttpProblem(409, "the demo can only be loaded into an empty log")
    try:
        await load(page.caller.actor)
    except Refused as refused:
        record_refused_command(request, refused)
        raise
    return RedirectResponse("/", 303, headers={"Cache-Control": "no-store"})


def is_empty(page: Page) -> bool:
    """Return whether nothing but people was recorded yet."""
    with page.services.model.read() as read:
        rows = subjects(read, Filter(include_removed=True), (), limit=None).rows
    return all(kind_of(row["subject"]) in ("person", "service", "log") for row in rows)


def _require_permission(page: Page) -> None:
    if why := why_not(page.services, page.caller, ADMINISTER):
        raise HttpProblem(403, why)
    if page.services.load_demo is None:
        raise HttpProblem(404, "this server has no demo; create one with `decisionlog demo`")


def _show(page: Page, problem: str, status: int) -> Response:
    def build(_: Read) -> Context:
        return {"problem": problem, "is_empty": is_empty(page)}

    return page.render("demo.html", build, status=status)
