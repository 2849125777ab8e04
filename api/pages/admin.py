"""Administration: people, tokens, imports, and the state of the log and its workers."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.pages.page import Context, Page, PageDependency, add_page, page_router
from api.permissions import is_administrator
from api.routes.log import get_log, get_status
from api.routes.tokens import describe_token
from identity.decision_log import DecisionLog
from projections.read_model import Read


def router() -> APIRouter:
    """Return the route of administration."""
    routes = page_router()
    add_page(routes, "/admin", get_admin)
    return routes


def get_admin(page: PageDependency) -> Response:
    """Show people, tokens, imports and workers. Tokens are shown to administrators only."""

    def build(read: Read) -> Context:
        is_log = isinstance(page.services.book, DecisionLog)
        status = get_status(page.services)
        people = (each for each in page.services.book.directory.list_people() if each.id.startswith("person:"))
        return {
            "people": [
                {"id": each.id, "spellings": each.spellings} for each in sorted(people, key=lambda one: one.name)
            ],
            "tokens": _list_tokens(page) if is_log and is_administrator(page.services, page.caller) else None,
            "imports": _count_imports(read),
            "status": status,
            "workers": status["workers"],
            "head": get_log(page.services) if is_log else None,
        }

    return page.render("admin.html", build)


def _list_tokens(page: Page) -> list[dict[str, object]]:
    return [describe_token(token) for token in page.services.log.tokens.all()]


def _count_imports(read: Read) -> list[tuple[str, int]]:
    """Return the number of events imported from each system."""
    sql = """select source_system, count(*) from event where source_system is not null
        group by source_system order by source_system"""
    return [(str(system), int(count)) for system, count in read.rows(sql, {})]
