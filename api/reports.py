"""The progress report of a product: as data, as Markdown, and as a page to print."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response

from api import answers, tables
from api.asking import AskedKey, AskingFor, caught_up, lag_of, question
from api.delivery import respond_with
from api.problems import HttpProblem, unprocessable
from api.report_page import Page, as_html, as_markdown, page_of
from api.services import Served, Services
from api.v1 import v1
from domain.values import MAX_INTEGER, Timestamp, to_micros
from eventlog.directory import names_in
from projections.query import Answer
from projections.read_model import Read
from projections.report import NoSuchReport, NotWhatWasIssued, Span, issued, report

ReportFormat = Literal["json", "csv", "jsonl", "markdown", "html"]
MAX_LINES: Final = 10_000
HTML: Final = "text/html; charset=utf-8"
MARKDOWN: Final = "text/markdown; charset=utf-8"
_PAGES: Final[dict[str, ReportFormat]] = {"text/html": "html", "text/markdown": "markdown"}
_SAFE: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
"""What a page of strangers' texts may do: nothing."""


def router() -> APIRouter:
    """The route of the report. That one was issued is a command, `IssueReport`."""
    routes = v1("Ask")
    declared = answers.asked(answers.Report)
    declared["responses"][200]["content"] |= {
        media: {"schema": {"type": "string", "description": what}}
        for media, what in (("text/html", "A page that can be printed."), ("text/markdown", "CommonMark."))
    }
    routes.add_api_route(
        "/products/{key}/report",
        question(progress),
        methods=["GET"],
        summary="What became of a product in a span",
        **declared,
    )
    return routes


async def _format(
    request: Request,
    format: Annotated[  # noqa: A002  (the parameter's name outside)
        ReportFormat | None,
        Query(description="`json`, `csv`, `jsonl`, `markdown` or `html`; else as `Accept` says."),
    ] = None,
) -> ReportFormat:
    if format:
        return format
    accepted = (part.partition(";")[0].strip() for part in request.headers.get("accept", "").split(","))
    first = next((media for media in accepted if media in _PAGES or media in tables.BY_MEDIA_TYPE), "")
    return _PAGES.get(first) or tables.chosen_format(request, None)


def progress(
    *,
    request: Request,
    served: Served,
    asking: AskingFor,
    key: AskedKey,
    _: Annotated[None, Depends(caught_up)],
    format_: Annotated[ReportFormat, Depends(_format)],
    since: Annotated[
        Timestamp | None,
        Query(description="Where the span begins.", openapi_examples={"a day": {"value": "2025-01-01"}}),
    ] = None,
    until: Annotated[
        Timestamp | None, Query(description="Where it ends, which is no more part of it; now if silent.")
    ] = None,
    position: Annotated[
        int | None, Query(ge=1, le=MAX_INTEGER, description="The position to speak up to; the last, if silent.")
    ] = None,
    issued_at: Annotated[
        int | None,
        Query(
            ge=1, le=MAX_INTEGER,
            description="The position at which a report was issued: the same again. Instead of span and position.",
        ),
    ] = None,
    lines: Annotated[
        int | None,
        Query(
            ge=1, le=MAX_LINES,
            description="At most so many lines in Markdown and HTML; as many as fit on two printed pages, if silent.",
        ),
    ] = None,
) -> Response:  # fmt: skip
    """Decisions taken, what was shipped, dropped, slipped or moved, who owns what now, what comes next, each with its reason.

    With the same span and `position` it is the same for ever, and so is its `sha256`, the hash of its canonical JSON
    (RFC 8785) without `sha256` itself and without the fields `title`, `titles`, `why`, `note`, `word` and `names`
    wherever they stand. `POST /v1/products/{key}/report` keeps that it was issued.
    """
    served.must_follow()
    product = served.subject(key, "key", kind="product")
    given = {"since": since, "until": until, "position": position}
    with served.model.read(asking.bounds) as read:
        lag = lag_of(read, served)
        try:
            answer = _answer(read, product, given, issued_at)
        except NoSuchReport as error:
            named = "position" if issued_at is None else "issued_at"
            raise HttpProblem(404, str(error), field=named) from None
        except NotWhatWasIssued as error:
            raise HttpProblem(409, str(error), field="issued_at") from None
    headers = {"Decisionlog-Position": str(answer.position), "Decisionlog-As-Of": answer.as_of, **lag}
    if format_ == "html":
        text = as_html(_page(answer, served, request, lines))
        return respond_with(tables.pieces(text), HTML, headers | _SAFE, asking.bounds)
    if format_ == "markdown":
        text = as_markdown(_page(answer, served, request, lines))
        return respond_with(tables.pieces(text), MARKDOWN, headers | _SAFE, asking.bounds)
    response = tables.responded(answer, format_, served.book.directory, answers.Report, asking.bounds)
    response.headers.update(lag)
    return response


def _answer(read: Read, product: str, given: dict[str, Any], issued_at: int | None) -> Answer:
    """The report asked for.

    Raises:
        HttpProblem: the span is not said, said twice, or ends before it begins.
        NoSuchReport: the log does not go so far, or no report was issued there.
        NotWhatWasIssued: the log says something else by now.
    """
    said = [name for name, value in given.items() if value is not None]
    if issued_at is not None:
        if said:
            raise unprocessable("`issued_at` says span and position already; leave the others out", field=said[0])
        return issued(read, product, issued_at)
    since, until = given["since"], given["until"]
    if since is None:
        raise unprocessable("say where the span begins in `since`, or name a report in `issued_at`", field="since")
    if until is not None and until <= since:
        raise unprocessable("`until` must be later than `since`", field="until")
    if until is None and to_micros(since) >= read.now:
        raise unprocessable("the span begins later than now", field="since")
    return report(read, Span(product, to_micros(since), None if until is None else to_micros(until), given["position"]))


def _page(answer: Answer, served: Services, request: Request, lines: int | None) -> Page:
    """The report in words, with links to wherever it was asked for."""
    told = answer.to_dict()
    base = quote(str(request.base_url).rstrip("/"), safe=":/[]")
    return page_of(told, names_in(told, served.book.directory), base=base, lines=lines)
