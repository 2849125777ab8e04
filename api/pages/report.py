"""Progress reports as pages, and the list of those that were issued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from secrets import token_hex
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.access_journal import record_refused_command
from api.command_routes import build_transaction
from api.pages.fields import Origin, content_of
from api.pages.form_input import Typed, read_form
from api.pages.page import Context, Page, PageDependency, add_page, build_address, page_router
from api.pages.sentences import Change, Sentence
from api.pages.times import parse_time
from api.pages.verbs import verb_of
from api.problems import HttpProblem, unprocessable
from api.query_execution import wait_for_position
from api.query_parameters import KeyPath
from api.report_text import HEADINGS, build_page
from api.services import refuse_writes_on_replica
from domain.catalog import COMMAND
from domain.errors import Refused
from domain.validation_messages import list_errors
from domain.values import MAX_INTEGER, parse_micros
from projections.answer_types.report import ReportLine as ReportRow
from projections.answer_types.report import ReportSummary
from projections.queries import audit as audit_queries
from projections.queries.audit import AuditFilter
from projections.queries.issued_report import ReportMismatch, issued_report
from projections.queries.paging import Answer, Row
from projections.queries.reasons import Reason
from projections.queries.report import ReportNotFound, ReportRequest, report
from projections.queries.report_lines import SECTIONS
from projections.queries.titles import titles_of_answer
from projections.read_model.model import Read

PERIODS: Final = {"week": 7, "month": 30, "quarter": 91}
DEFAULT_DAYS: Final = 91
LINES: Final = 80
ISSUE: Final = "IssueReport"
EARLIER: Final = 6
PRINTED_LINES: Final = 36
"""Lines that fit on two pages of A4 together with fourteen headings."""
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
    status: str | None = None
    """For what is, and not what happened: its status."""
    measure: str | None = None
    progress: Mapping[str, str] = field(default_factory=dict)
    """For a goal: its values when it was set, to reach, and last measured, with their unit."""
    first: str | None = None
    """For a release or a goal whose date moved: the day that was promised first."""
    features: Mapping[str, int] | None = None
    """For a release: how many features are planned for it, and how many of them were shipped."""


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A section of a report, with the number of its lines that are not shown."""

    heading: str
    is_history: bool
    lines: list[ReportLine]
    more: int
    printed: int
    """The lines that fit on paper, where all sections share two pages."""

    @property
    def more_in_print(self) -> int:
        """How many lines are only on the screen, or are not shown at all."""
        return len(self.lines) + self.more - self.printed


def router() -> APIRouter:
    """Return the routes of reports."""
    routes = page_router()
    add_page(routes, "/reports", list_reports)
    add_page(routes, "/reports/{key}", get_report)
    routes.add_api_route("/reports/{key}", post_report, methods=["POST"], response_model=None)
    return routes


def list_reports(page: PageDependency) -> Response:
    """Show the reports that were issued, and the periods of new ones."""

    def build(read: Read) -> Context:
        issued = audit_queries.audit(read, AuditFilter(types=("ReportIssued",)), page.time.point, limit=100).rows
        return {"issued": issued, "periods": [(name, _since(page, days)) for name, days in PERIODS.items()]}

    return page.render("reports.html", build)


def _since(page: PageDependency, days: int) -> str:
    """Return the first day of a period, for an address: a day where the reader is, which in a report begins at midnight UTC."""
    return (page.time.today - timedelta(days=days)).isoformat()


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

    return _show(page, key, _Asked(product, begin or 0, end, issued_at, lines), Issuing())


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which report a page shows, and at most how many of its lines."""

    product: str
    since: int
    until: int | None
    issued_at: int | None = None
    lines: int = LINES
    position: int | None = None
    """The last position that the report covers; by default that of the page."""


@dataclass(frozen=True, slots=True)
class Issuing:
    """The form that issues a report: what was typed, and what is wrong with it."""

    summary: str = ""
    error: str = ""
    form_key: str = field(default_factory=lambda: token_hex(16))


def _show(page: Page, key: str, asked: _Asked, issuing: Issuing, status: int = 200) -> Response:
    product, issued_at, lines = asked.product, asked.issued_at, asked.lines

    def build(read: Read) -> Context:
        answer = _build(read, asked)
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
            "position_covered": body["position"],
            "sha256": body["sha256"],
            "issuing": issuing,
            "may_issue": not issued_at and page.time.is_now and bool(page.permissions.of([ISSUE], product)),
            "earlier": _find_earlier(read, page, product, issued_at),
        }

    return page.render("report.html", build, status=status)


def _find_earlier(read: Read, page: Page, product: str, issued_at: int | None) -> list[Row]:
    """Return the reports that were issued of a product before, the newest first."""
    selection = AuditFilter(types=("ReportIssued",), subjects=(product,), voided=False)
    rows = audit_queries.audit(read, selection, page.time.point, limit=EARLIER).rows
    return [row for row in rows if row["position"] != issued_at]


async def post_report(request: Request, page: PageDependency, key: KeyPath) -> Response:
    """Issue the report that the form was shown with, unless the log no longer gives the same."""
    await refuse_writes_on_replica(request, page.services)
    product = page.services.find_subject(key, "key", kind="product")
    if not page.permissions.of([ISSUE], product):
        raise HttpProblem(403, f"to issue a report you need the role `manager` for {product}")
    typed = await read_form(request)
    asked, sha256 = _parse_shown(typed, product)
    issuing = Issuing(typed.get("summary", ""), form_key=typed.get("form_key") or token_hex(16))
    if typed.get("confirmed") != "yes":
        issuing = replace(issuing, error="Confirm that you issue this report. It cannot be withdrawn.")
        return await page.execution.run("heavy", lambda: _show(page, key, asked, issuing, status=422))
    answer = await run_in_threadpool(_read_report, page, asked)
    if answer.about["sha256"] != sha256:
        raise HttpProblem(409, "the report is no longer the one that was shown; reload it and look again")
    body = answer.to_dict()
    given = {name: body[name] for name in ("since", "until", "position", "sha256")}
    try:
        command = COMMAND.validate_python(
            {"type": ISSUE, "subject": product, **given, "summary": issuing.summary.strip() or None}
        )
        page.services.quotas.take_commands(page.caller, 1)
        receipt = await page.services.log.execute(build_transaction((command,), page.caller, issuing.form_key, {}))
    except ValidationError as error:
        issuing = replace(issuing, error=list_errors(error.errors(include_url=False, include_input=False))[0][1])
    except Refused as refused:
        record_refused_command(request, refused)
        issuing = replace(issuing, error=refused.detail)
    else:
        with suppress(HttpProblem):  # the page will show it a little later
            await wait_for_position(page.services, receipt.position)
        address = build_address(f"/reports/{key}", {"issued_at": receipt.position, "done": receipt.position})
        return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})
    return await page.execution.run("heavy", lambda: _show(page, key, asked, issuing, status=422))


def _parse_shown(typed: Typed, product: str) -> tuple[_Asked, str]:
    """Return the report that a form was shown with, and its hash."""
    try:
        since, until = (parse_micros(typed.get(name, "")) for name in ("since", "until"))
        position = int(typed.get("position", ""))
    except (ValueError, OverflowError):
        raise unprocessable("the form does not say which report it issues; reload the page", field="since") from None
    if not since < until or not 0 < position <= MAX_INTEGER:
        raise unprocessable("the form does not say which report it issues; reload the page", field="since")
    return _Asked(product, since, until, position=position), typed.get("sha256", "")


def _read_report(page: Page, asked: _Asked) -> Answer[ReportRow, ReportSummary]:
    with page.services.read(page.execution.bounds) as read:
        return _build(read, asked)


def find_sections(rows: Sequence[Row], counts: Mapping[str, int], *, show_all: bool) -> list[ReportSection]:
    """Return the sections of a report with their lines in the order of the answer: the weightiest and latest first."""
    found: dict[str, list[ReportLine]] = {}
    for row in rows:
        found.setdefault(row["section"], []).append(_build_line(row))
    most = None if show_all else LINES_PER_SECTION
    shown = {section: found[section][:most] for section in SECTIONS if section in found}
    printed = share_paper({section: len(lines) for section, lines in shown.items()})
    return [
        ReportSection(HEADINGS[section], section in HAPPENED, lines, counts[section] - len(lines), printed[section])
        for section, lines in shown.items()
    ]


def share_paper(lengths: Mapping[str, int]) -> dict[str, int]:
    """Return how many lines of each section are printed: as equal as possible, and all of the short ones."""
    printed = dict.fromkeys(lengths, 0)
    for _ in range(PRINTED_LINES):
        waiting = [section for section in lengths if printed[section] < lengths[section]]
        if not waiting:
            break
        printed[min(waiting, key=printed.__getitem__)] += 1
    return printed


def _build_line(row: Row) -> ReportLine:
    blame = row["blame"]
    changes = [
        Change(
            each["field"], content_of(each.get("before")), content_of(each["after"]), each.get("direction") == "later"
        )
        for each in row["changes"]
        if each["field"] not in ("exists", "title", "rank")
    ]
    status = next((str(each.after[0]) for each in changes if each.field == "status" and each.after), None)
    if row["section"] in STATES:  # the day by which it is due begins the line, and the status is a mark
        changes = [each for each in changes if each.after != [row.get("due")] and each.field != "status"]
    else:
        changes = [each for each in changes if each.field != "status"]
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
    first = content_of((row.get("slips") or {}).get("first"))
    return ReportLine(
        sentence,
        row["by"],
        row.get("due"),
        row.get("left") or [],
        status if row["section"] in STATES else None,
        row.get("measure"),
        row.get("progress") or {},
        str(first[0]) if first and row["section"] in ("releases", "goals") and first[0] != row.get("due") else None,
        row.get("features"),
    )


def reason_of(reason: Row) -> Reason:
    """Return the reason of a line as the pages show it."""
    return Reason(reason["kind"], reason["text"], tuple(reason["decisions"]))


def _build(read: Read, asked: _Asked) -> Answer[ReportRow, ReportSummary]:
    try:
        if asked.issued_at is not None:
            return issued_report(read, asked.product, asked.issued_at)
        return report(read, ReportRequest(asked.product, asked.since, asked.until, asked.position))
    except ReportNotFound as error:
        raise HttpProblem(404, str(error), field="issued_at") from None
    except ReportMismatch as error:
        raise HttpProblem(409, str(error), field="issued_at") from None
