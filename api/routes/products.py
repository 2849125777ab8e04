"""Products with their releases and goals, and the progress report of a product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response

from api import answer_documentation, formats
from api.access_journal import record_read
from api.cross_site import site_of
from api.large_responses import build_text_response
from api.problems import HttpProblem, unprocessable
from api.query_execution import ExecutionDependency, QueryDependency, lag_header, wait_for_position
from api.query_parameters import KeyPath, PageParameters, ProductText, TimeParameters, list_parameter
from api.report_html import as_html
from api.report_markdown import as_markdown
from api.report_text import Page, build_page
from api.routes.subjects import get_endpoint, list_endpoint
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain import product
from domain.messages import Command
from domain.values import MAX_INTEGER, Timestamp, to_micros
from projections.queries import listings
from projections.queries.issued_report import ReportMismatch, issued_report
from projections.queries.paging import Answer
from projections.queries.report import ReportNotFound, ReportRequest, report
from projections.queries.titles import titles_of_answer
from projections.read_model.model import Read

COMMANDS: Final[Mapping[type[Command], str]] = {
    product.DefineProduct: "/products",
    product.SetVision: "/products/{key}/vision",
    product.SetStrategy: "/products/{key}/strategy",
    product.OrderReleases: "/products/{key}/releases",
    product.RetireProduct: "/products/{key}/retire",
    product.IssueReport: "/products/{key}/report",
    product.ScheduleRelease: "/releases",
    product.RescheduleRelease: "/releases/{key}/reschedule",
    product.SetGoal: "/goals",
    product.ReviseGoal: "/goals/{key}/revise",
    product.RecordMeasurement: "/goals/{key}/measurements",
    product.CloseGoal: "/goals/{key}/close",
}
ReportFormat = Literal["json", "csv", "jsonl", "markdown", "html"]
MAX_LINES: Final = 10_000
HTML: Final = "text/html; charset=utf-8"
MARKDOWN: Final = "text/markdown; charset=utf-8"
_REPORT_FORMATS: Final[dict[str, ReportFormat]] = {
    **formats.BY_MEDIA_TYPE,
    "text/html": "html",
    "text/markdown": "markdown",
}
_PRODUCT_FIELDS: Final = ("status", "description", "line", "role.accountable")
_GOAL_FIELDS: Final = ("status", "due_on", "products", "role.accountable", "baseline", "target", "current", "unit")
_REPORT_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
"""A page with untrusted text loads and runs nothing."""


def router() -> APIRouter:
    """Return the routes that read products, releases and goals."""
    routes = v1_router("Products")
    add_query(
        routes, "/products", list_endpoint("product", _PRODUCT_FIELDS), answer_documentation.Subjects, "List products"
    )
    add_query(
        routes, "/products/{key}", get_endpoint("product"), answer_documentation.SubjectPage, "Get a product", "light"
    )
    add_query(
        routes,
        "/products/{key}/report",
        get_report,
        answer_documentation.Report,
        "Get the progress report of a product",
    )
    add_query(routes, "/releases", list_releases, answer_documentation.Subjects, "List releases")
    add_query(
        routes, "/releases/{key}", get_endpoint("release"), answer_documentation.SubjectPage, "Get a release", "light"
    )
    add_query(routes, "/goals", list_endpoint("goal", _GOAL_FIELDS), answer_documentation.Subjects, "List goals")
    add_query(routes, "/goals/{key}", get_endpoint("goal"), answer_documentation.SubjectPage, "Get a goal", "light")
    return routes


def list_releases(
    query: QueryDependency,
    services: ServiceDependency,
    time: TimeParameters,
    page: PageParameters,
    product: Annotated[list[ProductText], list_parameter("Only releases of these products.")],
) -> Response:
    """In the order their product sets, else by version number."""
    products = [services.find_subject(each, "product", kind="product") for each in product]
    return query(lambda read: listings.releases(read, products, time, limit=page.limit, cursor=page.cursor))


# The progress report --------------------------------------------------------------------------------------------------


async def _report_format(
    request: Request,
    format: Annotated[  # noqa: A002  (the name of the parameter)
        ReportFormat | None, Query(description="Response format. Default: taken from the `Accept` header.")
    ] = None,
) -> ReportFormat:
    return format or formats.negotiate(request, _REPORT_FORMATS) or "json"


def get_report(
    *,
    request: Request,
    services: ServiceDependency,
    execution: ExecutionDependency,
    key: KeyPath,
    _: Annotated[None, Depends(wait_for_position)],
    format_: Annotated[ReportFormat, Depends(_report_format)],
    since: Annotated[
        Timestamp | None,
        Query(description="The beginning of the period.", openapi_examples={"a day": {"value": "2025-01-01"}}),
    ] = None,
    until: Annotated[
        Timestamp | None, Query(description="The end of the period, which is not part of it. Default: now.")
    ] = None,
    position: Annotated[
        int | None,
        Query(ge=1, le=MAX_INTEGER, description="Use the log up to this position. Default: its last position."),
    ] = None,
    issued_at: Annotated[
        int | None,
        Query(
            ge=1,
            le=MAX_INTEGER,
            description="Return the report that was issued at this position. Replaces period and position.",
        ),
    ] = None,
    lines: Annotated[
        int | None,
        Query(
            ge=1,
            le=MAX_LINES,
            description="Maximum number of lines in Markdown and HTML. Default: as many as fit on two printed pages.",
        ),
    ] = None,
) -> Response:
    """Decisions, features shipped, dropped, slipped or moved, changes of ownership and what comes next, with reasons.

    For the same period and `position` the report never changes. Its `sha256` is the hash of its canonical JSON (RFC
    8785) without `sha256` and `issued`, and without the members `title`, `titles`, `text`, `note`, `measure` and
    `source_value` at any depth. `POST /v1/products/{key}/report` records that a report was issued.

    With `format=markdown` or `format=html` (`Accept: text/markdown`, `text/html`) it is a document to read or print.
    """
    services.check_read_model()
    subject = services.find_subject(key, "key", kind="product")
    record_read(request, is_file=True)  # a report is made to be handed on, whatever its format
    given = {"since": since, "until": until, "position": position}
    with services.read(execution.bounds) as read:
        lag = lag_header(read, services)
        try:
            answer = _build_report(read, subject, given, issued_at)
        except ReportNotFound as error:
            raise HttpProblem(404, str(error), field="position" if issued_at is None else "issued_at") from None
        except ReportMismatch as error:
            raise HttpProblem(409, str(error), field="issued_at") from None
        titles = titles_of_answer(read, answer, services.book.directory)
    headers = {"Decisionlog-Position": str(answer.position), "Decisionlog-As-Of": answer.as_of, **lag}
    if format_ == "html":
        html = as_html(_build_page(answer, titles, request, lines))
        return build_text_response(formats.split_text(html), HTML, headers | _REPORT_HEADERS, execution.bounds)
    if format_ == "markdown":
        markdown = as_markdown(_build_page(answer, titles, request, lines))
        return build_text_response(formats.split_text(markdown), MARKDOWN, headers | _REPORT_HEADERS, execution.bounds)
    response = formats.build_response(answer, format_, titles, answer_documentation.Report, execution.bounds)
    response.headers.update(lag)
    return response


def _build_report(
    read: Read, product: str, given: dict[str, Any], issued_at: int | None
) -> Answer[answer_documentation.ReportLine, answer_documentation.ReportSummary]:
    """Return the requested report.

    Raises:
        HttpProblem: 422 if the period is missing, set twice, or ends before it begins.
        ReportNotFound: the log does not reach the position, or no report was issued there.
        ReportMismatch: the report no longer has the hash it was issued with.
    """
    if issued_at is not None:
        if conflicting := [name for name, value in given.items() if value is not None]:
            raise unprocessable(
                f"`issued_at` sets period and position; remove `{conflicting[0]}`", field=conflicting[0]
            )
        return issued_report(read, product, issued_at)
    since, until = given["since"], given["until"]
    if since is None:
        raise unprocessable("set the beginning of the period with `since`, or pass `issued_at`", field="since")
    if until is not None and until <= since:
        raise unprocessable("`until` must be later than `since`", field="until")
    if until is None and to_micros(since) >= read.now:
        raise unprocessable("`since` must be in the past", field="since")
    return report(
        read, ReportRequest(product, to_micros(since), None if until is None else to_micros(until), given["position"])
    )


def _build_page(
    answer: Answer[answer_documentation.ReportLine, answer_documentation.ReportSummary],
    titles: Mapping[str, str],
    request: Request,
    lines: int | None,
) -> Page:
    """Return the report as a page, with links to the public address of the server, if it has one that readers reach."""
    base = quote(site_of(request).address, safe=":/[]")
    return build_page({**answer.to_dict(), "titles": titles}, base=base, lines=lines)
