"""The whole audit trail as a page, for auditors and administrators: entries of the log and access, by time."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api.access_journal import record_read
from api.audit_trail import SOURCES, ActivityFilter, list_activity
from api.pages.access_journal import find_period, period_parameters
from api.pages.csv_parts import Export, Skipped, export_csv
from api.pages.page import Context, PageDependency, TimeText, add_page, build_address, page_router
from api.pages.references import MAX_OFFERED, people_candidates
from api.parameter_checks import check_choices
from api.permissions import why_not
from api.problems import HttpProblem
from api.query_parameters import CURSOR_PATTERN, list_parameter
from api.routes.audit import TYPES
from domain.actions import AUDIT
from identity.access_journal import KINDS
from projections.answer_types.activity import ActivityCounts, ActivityRow
from projections.queries.paging import Answer
from projections.read_model.model import Read

ROWS: Final = 50


def router() -> APIRouter:
    """Return the route of the whole audit trail."""
    routes = page_router()
    add_page(routes, "/activity", list_rows)
    return routes


def list_rows(
    *,
    page: PageDependency,
    source: Annotated[list[str], list_parameter("Only entries of the log, or only rows of the access journal.")],
    type: Annotated[list[str], list_parameter("Only events of these types.")],  # noqa: A002  (as in the API)
    kind: Annotated[list[str], list_parameter("Only access of these kinds.")],
    who: Annotated[str, Query(max_length=500)] = "",
    since: TimeText = "",
    until: TimeText = "",
    cursor: Annotated[str | None, Query(max_length=2000, pattern=CURSOR_PATTERN)] = None,
    export: Export = False,
    skipped: Skipped = 0,
) -> Response:
    """Show the rows that match, the newest first, or export them."""
    if why := why_not(page.services, page.caller, AUDIT):
        raise HttpProblem(403, why)
    begin, end = find_period(page, since, until)
    person = page.services.find_person(who.strip(), "who") if who.strip() else None
    selection = ActivityFilter(
        check_choices(source, SOURCES, "source"),
        check_choices(type, TYPES, "type", name="event type"),
        check_choices(kind, KINDS, "kind"),
        [person] if person else [],
        begin,
        end,
    )
    record_read(page.request, is_file=False)

    filters = {"source": selection.sources, "type": selection.types, "kind": selection.kinds, "who": person}

    def ask(read: Read, limit: int) -> tuple[Answer[ActivityRow, ActivityCounts], None]:
        return list_activity(read, page.services.log.journal, selection, limit=limit, cursor=cursor), None

    if export:
        query = {**filters, **period_parameters(begin, end), "format": "csv"}
        return export_csv(page, build_address("/v1/activity", query), ask, cursor, skipped)

    def build(read: Read) -> Context:
        answer, _ = ask(read, ROWS)
        return {
            "rows": answer.rows,
            "next": answer.next,
            "counts": answer.about,
            "filters": filters,
            "who": person,
            "typed": who,
            "begin": begin,
            "end": end,
            "candidates": people_candidates(page.services.book.directory.list_people(), read.merged_into)[:MAX_OFFERED],
        }

    return page.render("activity.html", build)
