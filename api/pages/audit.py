"""The audit trail with its filters and their counts, and each entry with its metadata, bytes and hash."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response

from api.dependencies import CURSOR_PATTERN, ProductText, SubjectText, check_choices, list_parameter
from api.pages.page import Context, Page, PageDependency, add_page, build_address, page_router
from api.pages.sentences import build_sentences
from api.problems import HttpProblem
from domain.catalog import EVENTS
from domain.values import MAX_INTEGER
from identity.decision_log import DecisionLog
from projections import audit as audit_queries
from projections.answers import HistoryEvent
from projections.audit import AuditFilter
from projections.field_history import ChangeFilter, all_field_history
from projections.read_model import Read
from projections.reasons import NO_REASON, find_reasons
from projections.timepoint import resolve_time

ROWS: Final = 50
FLAGS: Final = {
    "backdated": "backdated",
    "corrections": "corrections",
    "voided": "voided",
    "unexplained": "no reason given",
    "on_behalf_of": "on behalf of another",
}


def router() -> APIRouter:
    """Return the routes of the audit trail."""
    routes = page_router()
    add_page(routes, "/audit", list_events)
    add_page(routes, "/audit/{position}", get_entry, "light")
    return routes


Flag = Annotated[bool, Query()]


def list_events(
    *,
    page: PageDependency,
    type: Annotated[list[str], list_parameter("Only events of these types.")],  # noqa: A002  (as in the API)
    subject: Annotated[list[SubjectText], list_parameter("Only these subjects.")],
    product: Annotated[list[ProductText], list_parameter("Only subjects of these products.")],
    by: Annotated[list[str], list_parameter("Only events by these people.")],
    system: Annotated[list[str], list_parameter("Only events imported from these systems.")],
    backdated: Flag = False,
    corrections: Flag = False,
    voided: Flag = False,
    unexplained: Flag = False,
    on_behalf_of: Flag = False,
    cursor: Annotated[str | None, Query(max_length=2000, pattern=CURSOR_PATTERN)] = None,
) -> Response:
    """Show the events that match, the newest first."""
    known_types = sorted({*EVENTS, *(name.removesuffix(".v1") for name in EVENTS)})
    find_subject = page.services.find_subject
    people = [page.services.find_person(each, "by") for each in by]
    base = AuditFilter(
        types=check_choices(type, known_types, "type", name="event type"),
        subjects=[find_subject(each, "subject") for each in subject],
        products=[find_subject(each, "product", kind="product") for each in product],
        by=people,
        systems=system,
        backdated=backdated,
        corrections=corrections,
        voided=voided or None,
        unexplained=unexplained,
        delegated=on_behalf_of,
    )

    def build(read: Read) -> Context:
        when = page.time.point
        answer = audit_queries.audit(read, base, when, limit=ROWS, cursor=cursor)
        reasons = find_reasons(read, (row["position"] for row in answer.rows), resolve_time(read, when))
        return {
            "rows": [{**row, "reason": reasons.get(row["position"], NO_REASON)} for row in answer.rows],
            "next": answer.next,
            "counts": audit_queries.count_events(read, base, when),
            "flags": FLAGS,
            "chosen": [name for name in FLAGS if page.request.query_params.get(name) == "true"],
            "types": base.types,
            "subjects": base.subjects,
            "products_chosen": base.products,
            "by": people,
            "export": _export_address(page),
        }

    return page.render("audit.html", build)


def _export_address(page: Page) -> str:
    """Return the address of the API that returns the same events as CSV."""
    names = (
        "type",
        "subject",
        "product",
        "by",
        "system",
        "backdated",
        "corrections",
        "voided",
        "unexplained",
        "on_behalf_of",
    )
    query = page.request.query_params
    given = {name: query.getlist(name) for name in names if name in query}
    times = {name: value for name, value in page.time.parameters.items() if name in ("as_of", "known_at")}
    return build_address("/v1/audit", {**given, **times, "limit": 10_000, "format": "csv"})


def get_entry(page: PageDependency, position: Annotated[int, Path(ge=1, le=MAX_INTEGER)]) -> Response:
    """Show one entry: the sentence, its metadata, its data, and the bytes that are hashed."""

    def build(read: Read) -> Context:
        when = page.time.point
        rows = audit_queries.audit(read, AuditFilter(positions=(position,)), when).rows
        if not rows:
            raise HttpProblem(404, f"the log has no entry {position} at this time", field="position")
        selection = ChangeFilter(positions=range(position, position + 1))
        changes = all_field_history(read, selection, resolve_time(read, when))
        event: HistoryEvent = {**rows[0], "changes": [*changes]}
        (sentence,) = build_sentences(read, [event], when)
        return {
            "event": rows[0],
            "sentence": sentence,
            "data": _as_json(rows[0]["data"]),
            "size": read.position,
            **_raw(page, position),
        }

    return page.render("entry.html", build)


def _raw(page: Page, position: int) -> dict[str, Any]:
    """Return the bytes of an entry, its leaf and the root of the log; a replica has none of them."""
    log = page.services.book
    if not isinstance(log, DecisionLog):
        return {"entry": None, "leaf": None, "root": None}
    (raw,) = log.raw(position - 1, 1)
    return {"entry": _as_json(json.loads(raw.entry)), "leaf": raw.leaf, "root": log.head().root}


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
