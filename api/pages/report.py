"""Progress reports as pages, and the list of those that were issued."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api.dependencies import KeyPath
from api.pages.page import Context, PageDependency, add_page, build_address, page_router
from api.pages.times import format_address_time, parse_time
from api.problems import HttpProblem, unprocessable
from api.report_page import build_page
from domain.values import MAX_INTEGER, from_micros, to_micros
from projections import audit as audit_queries
from projections.audit import AuditFilter
from projections.paging import Answer
from projections.read_model import Read
from projections.report import ReportMismatch, ReportNotFound, ReportRequest, issued_report, report

PERIODS: Final = {"week": 7, "month": 30, "quarter": 91}
DEFAULT_DAYS: Final = 91
LINES: Final = 80


def router() -> APIRouter:
    """Return the routes of reports."""
    routes = page_router()
    add_page(routes, "/reports", list_reports)
    add_page(routes, "/reports/{key}", get_report)
    return routes


def list_reports(page: PageDependency) -> Response:
    """Show the reports that were issued, and the periods of new ones."""

    def build(read: Read) -> Context:
        issued = audit_queries.audit(read, AuditFilter(types=("ReportIssued",)), page.time.point, limit=100).rows
        return {"issued": issued, "periods": [(name, _since(page, days)) for name, days in PERIODS.items()]}

    return page.render("reports.html", build)


def _since(page: PageDependency, days: int) -> str:
    day = from_micros(page.time.shown) - timedelta(days=days)
    return format_address_time(to_micros(day.replace(hour=0, minute=0, second=0, microsecond=0)))


def get_report(
    page: PageDependency,
    key: KeyPath,
    since: Annotated[str, Query(max_length=40)] = "",
    until: Annotated[str, Query(max_length=40)] = "",
    issued_at: Annotated[int | None, Query(ge=1, le=MAX_INTEGER)] = None,
    lines: Annotated[int, Query(ge=1, le=10_000)] = LINES,
) -> Response:
    """Show the progress of a product in a period, by default the last quarter; or a report as it was issued."""
    product = page.services.find_subject(key, "key", kind="product")
    begin = parse_time(since or _since(page, DEFAULT_DAYS), "since", page.time.zone)
    end = parse_time(until, "until", page.time.zone) if until else page.time.point.as_of
    if issued_at is None and begin is not None and begin >= (page.time.now if end is None else end):
        raise unprocessable("`since` must be before the end of the period", field="since")

    def build(read: Read) -> Context:
        answer = _build(read, product, begin or 0, end, issued_at)
        body = answer.to_dict()
        told = build_page({**body, "titles": {}}, lines=lines)
        period = {"issued_at": issued_at} if issued_at else {"since": body["since"], "until": body["until"]}
        download = build_address(f"/v1/products/{key}/report", {**period, "format": "html"})
        return {
            "report": told,
            "issued_at": issued_at,
            "download": download,
            "product": product,
            "period": (body["since"], body["until"]),
        }

    return page.render("report.html", build)


def _build(read: Read, product: str, since: int, until: int | None, issued_at: int | None) -> Answer:
    try:
        if issued_at is not None:
            return issued_report(read, product, issued_at)
        return report(read, ReportRequest(product, since, until))
    except ReportNotFound as error:
        raise HttpProblem(404, str(error), field="issued_at") from None
    except ReportMismatch as error:
        raise HttpProblem(409, str(error), field="issued_at") from None
