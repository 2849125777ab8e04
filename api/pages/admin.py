"""Administration: people, roles, tokens, sessions, imports, and the state of the log and its workers."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.access_journal import record_read
from api.pages.admin_forms import allowed_forms
from api.pages.imports import list_imports
from api.pages.page import Context, Page, PageDependency, add_page, page_router
from api.permissions import is_administrator, why_not
from api.routes.log import get_log, get_status
from api.routes.sessions import describe_session
from api.routes.tokens import describe_token
from domain.actions import AUDIT
from identity.decision_log import DecisionLog
from projections.queries.grants import grants
from projections.read_model.model import Read


def router() -> APIRouter:
    """Return the route of administration."""
    routes = page_router()
    add_page(routes, "/admin", get_admin)
    return routes


def get_admin(page: PageDependency) -> Response:
    """Show people, roles, imports and workers; tokens and sessions to administrators only."""

    def build(read: Read) -> Context:
        is_log = isinstance(page.services.book, DecisionLog)
        sees_all = is_log and is_administrator(page.services, page.caller)
        if sees_all:
            record_read(page.request, is_file=False)
        status = get_status(page.services)
        people = (each for each in page.services.book.directory.list_people() if each.id.startswith("person:"))
        return {
            "people": [
                {"id": each.id, "spellings": each.spellings} for each in sorted(people, key=lambda one: one.name)
            ],
            "may": allowed_forms(page),
            "sees_journal": is_log and why_not(page.services, page.caller, AUDIT) is None,
            "grants": grants(read, page.time.point).rows,
            "tokens": _list_tokens(page) if sees_all else None,
            "sessions": [describe_session(each, page.caller) for each in page.services.log.sessions.all()]
            if sees_all
            else None,
            "imports": list_imports(read, page.time.point),
            "systems": _count_imports(read),
            "status": status,
            "workers": status["workers"],
            "head": get_log(page.services) if is_log else None,
        }

    return page.render("admin.html", build)


def _list_tokens(page: Page) -> list[dict[str, object]]:
    """Return the tokens, those that still work first."""
    now = page.time.now
    found = [(each, describe_token(each)) for each in page.services.log.tokens.all()]
    rows = [{**row, "is_expired": each.expires_at is not None and each.expires_at <= now} for each, row in found]
    return sorted(rows, key=lambda row: bool(row["revoked_at"] or row["is_expired"]))


def _count_imports(read: Read) -> list[tuple[str, int]]:
    """Return the number of events imported from each system."""
    sql = """select source_system, count(*) from event where source_system is not null
        group by source_system order by source_system"""
    return [(str(system), int(count)) for system, count in read.rows(sql, {})]
