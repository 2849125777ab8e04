"""Progress reports as pages, and the list of those that were issued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api.dependencies import KeyPath
from api.pages.fields import Origin, content_of
from api.pages.page import Context, PageDependency, add_page, build_address, page_router
from api.pages.sentences import Change, Sentence
from api.pages.times import format_address_time, parse_time
from api.pages.verbs import verb_of
from api.problems import HttpProblem, unprocessable
from api.report_page import HEADINGS, build_page
from domain.values import MAX_INTEGER, from_micros, to_micros
from projections import audit as audit_queries
from projections.audit import AuditFilter
from projections.paging import AnyAnswer, Row
from projections.read_model import Read
from projections.reasons import Reason
from projections.report import SECTIONS, ReportMismatch, ReportNotFound, ReportRequest, issued_report, report
from projections.titles import titles_of_answer

PERIODS: Final = {"week": 7, "month": 30, "quarter": 91}
DEFAULT_DAYS: Final = 91
LINES: Final = 80


LINES_PER_SECTION: Final = 8
STATES: Final = frozenset({"goals", "releases", "overdue", "next", "waiting", "unowned", "undecided"})
"""Sections about how things are at the end of the period; the others are about what happened."""
HAPPENED: Final = frozenset(SECTIONS) - STATES


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A line of a report: the event as a sentence, who decided it, and since when it is due."""

    sentence: Sentence
    by: list[str]
    due: str | None
    left: list[str]


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A section of a report, with the number of its lines that are not shown."""

    heading: str
    is_history: bool
    lines: list[ReportLine]
    more: int


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
    day = from_micros(page.time.valid_time) - timedelta(days=days)
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
        told = build_page({**body, "titles": titles_of_answer(read, answer, page.services.book.directory)}, lines=lines)
        sections = find_sections(body["rows"], body["counts"], show_all=lines > LINES)
        period = {"issued_at": issued_at} if issued_at else {"since": body["since"], "until": body["until"]}
        download = build_address(f"/v1/products/{key}/report", {**period, "format": "html"})
        return {
            "title": told.title,
            "summary": told.summary,
            "footing": told.footing,
            "issued": told.issued,
            "sections": sections,
            "issued_at": issued_at,
            "download": download,
            "product": product,
            "period": (body["since"], body["until"]),
        }

    return page.render("report.html", build)


def find_sections(rows: Sequence[Row], counts: Mapping[str, int], *, show_all: bool) -> list[ReportSection]:
    """Return the sections of a report with their lines in the order of the answer: the weightiest and latest first."""
    found: dict[str, list[ReportLine]] = {}
    for row in rows:
        found.setdefault(row["section"], []).append(_build_line(row))
    most = None if show_all else LINES_PER_SECTION
    return [
        ReportSection(
            HEADINGS[section], section in HAPPENED, found[section][:most], counts[section] - len(found[section][:most])
        )
        for section in SECTIONS
        if section in found
    ]


def _build_line(row: Row) -> ReportLine:
    blame = row["blame"]
    changes = [
        Change(
            each["field"], content_of(each.get("before")), content_of(each["after"]), each.get("direction") == "later"
        )
        for each in row["changes"]
        if each["field"] not in ("exists", "title", "rank")
    ]
    changes = [each for each in changes if each.field != "status" or row["section"] in STATES]
    origin = Origin(
        ", ".join(row["by"]) if len(row["by"]) == 1 else blame["principal"],
        blame["actor"],
        row["at"],
        blame["recorded_at"],
        blame["position"],
        reason_of(row["reason"]),
    )
    sentence = Sentence(
        blame["type"].partition(".")[0], verb_of(blame["type"]), row["subject"], changes, origin, is_voided=False
    )
    return ReportLine(sentence, row["by"], row.get("due"), row.get("left") or [])


def reason_of(reason: Row) -> Reason:
    """Return the reason of a line as the pages show it."""
    return Reason(reason["kind"], reason["text"], tuple(reason["decisions"]))


def _build(read: Read, product: str, since: int, until: int | None, issued_at: int | None) -> AnyAnswer:
    try:
        if issued_at is not None:
            return issued_report(read, product, issued_at)
        return report(read, ReportRequest(product, since, until))
    except ReportNotFound as error:
        raise HttpProblem(404, str(error), field="issued_at") from None
    except ReportMismatch as error:
        raise HttpProblem(409, str(error), field="issued_at") from None
