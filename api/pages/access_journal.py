"""The access journal, for auditors and administrators: who signed in, was refused, exported or audited."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api.access_journal import record_read
from api.answer_documentation import AccessJournalRow
from api.pages.csv_parts import Export, Skipped, export_csv
from api.pages.page import Context, Page, PageDependency, TimeText, add_page, build_address, page_router
from api.pages.references import MAX_OFFERED, people_candidates
from api.pages.times import format_address_time, parse_time
from api.parameter_checks import check_choices
from api.permissions import why_not
from api.problems import HttpProblem, unprocessable
from api.query_parameters import CURSOR_PATTERN, list_parameter
from api.routes.access_journal import list_rows as list_access_rows
from domain.actions import AUDIT
from identity.access_journal import KINDS, AccessFilter
from projections.queries.paging import Answer
from projections.read_model.model import Read

ROWS: Final = 50


def router() -> APIRouter:
    """Return the route of the access journal."""
    routes = page_router()
    add_page(routes, "/access-journal", list_access, "light")
    return routes


def list_access(
    page: PageDependency,
    kind: Annotated[list[str], list_parameter("Only rows of these kinds.")],
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
    selection = AccessFilter(check_choices(kind, KINDS, "kind"), [person] if person else [], begin, end)
    record_read(page.request, is_file=False)
    journal = page.services.log.journal

    def ask(read: Read, limit: int) -> tuple[Answer[AccessJournalRow], None]:
        return list_access_rows(read, journal, selection, limit=limit, cursor=cursor), None

    if export:
        query = {"kind": list(selection.kinds), "who": person, **period_parameters(begin, end), "format": "csv"}
        return export_csv(page, build_address("/v1/access-journal", query), ask, cursor, skipped)

    def build(read: Read) -> Context:
        answer, _ = ask(read, ROWS)
        return {
            "rows": answer.rows,
            "next": answer.next,
            "kinds": KINDS,
            "chosen": selection.kinds,
            "who": person,
            "typed": who,
            "begin": begin,
            "end": end,
            "candidates": people_candidates(page.services.book.directory.list_people(), read.merged_into)[:MAX_OFFERED],
        }

    return page.render("access_journal.html", build)


def find_period(page: Page, since: str, until: str) -> tuple[int | None, int | None]:
    """Return a period as typed in the reader's time zone, in microseconds; None where it is open.

    Raises:
        HttpProblem: 422 if a time cannot be read, or the period ends before it begins.
    """
    zone = page.time.zone
    begin, end = (parse_time(text.strip() or None, name, zone) for name, text in (("since", since), ("until", until)))
    if begin is not None and end is not None and begin >= end:
        raise unprocessable("`until` must be after `since`", field="until")
    return begin, end


def period_parameters(begin: int | None, end: int | None) -> dict[str, str | None]:
    """Return a period as the parameters `since` and `until`."""
    ends = (("since", begin), ("until", end))
    return {name: None if time is None else format_address_time(time) for name, time in ends}
