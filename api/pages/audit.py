"""The audit trail with its filters and their counts, and each entry with its metadata, bytes and hash."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, get_args

from fastapi import APIRouter, Path, Query, Response

from api.access_journal import record_read
from api.pages.csv_parts import Export, Skipped, export_csv
from api.pages.page import Context, Page, PageDependency, add_page, build_address, page_router
from api.pages.sentences import build_sentences
from api.parameter_checks import check_choices
from api.permissions import why_not
from api.problems import HttpProblem
from api.query_parameters import CURSOR_PATTERN, ProductText, SubjectText, list_parameter
from domain.actions import AUDIT
from domain.catalog import EVENTS
from domain.judgment import VerdictCode
from domain.values import MAX_INTEGER, format_micros
from eventlog import codec
from eventlog.checkpoint import Checkpoint
from eventlog.inclusion import find_inclusion_path, root_of_path
from eventlog.merkle import leaf_hash
from identity.decision_log import DecisionLog
from projections.answer_types.audit import AuditEvent
from projections.answer_types.subjects import HistoryEvent
from projections.queries import audit as audit_queries
from projections.queries.audit import AuditFilter
from projections.queries.field_history import ChangeFilter, all_field_history
from projections.queries.paging import Answer
from projections.queries.reasons import NO_REASON, find_reasons
from projections.queries.timepoint import NOW, resolve_time
from projections.read_model.model import Read

ROWS: Final = 50
FLAGS: Final = {
    "backdated": "backdated",
    "corrections": "corrections",
    "voided": "voided",
    "unexplained": "no reason given",
    "on_behalf_of": "on behalf of another",
}
LEAVES_AT_ONCE: Final = 1_000
PROOF_FORMAT: Final = "decisionlog inclusion proof, version 1"


def router() -> APIRouter:
    """Return the routes of the audit trail."""
    routes = page_router()
    add_page(routes, "/audit", list_events)
    add_page(routes, "/audit/{position}", get_entry, "light")
    add_page(routes, "/audit/{position}/proof", get_proof)
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
    self_approved: Flag = False,
    verdict: Annotated[list[VerdictCode], list_parameter("Only decisions with these verdicts on authority.")],
    cursor: Annotated[str | None, Query(max_length=2000, pattern=CURSOR_PATTERN)] = None,
    export: Export = False,
    skipped: Skipped = 0,
) -> Response:
    """Show the events that match, the newest first, or export them."""
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
        verdicts=verdict,
        self_approved=self_approved,
    )

    record_read(page.request, is_file=False)
    when = page.time.point

    def ask(read: Read, limit: int) -> tuple[Answer[AuditEvent], int]:
        answer = audit_queries.audit(read, base, when, limit=limit, cursor=cursor)
        return answer, audit_queries.count_events(read, base, when).count

    if export:
        return export_csv(page, _export_address(page), ask, cursor, skipped)

    def build(read: Read) -> Context:
        answer = audit_queries.audit(read, base, when, limit=ROWS, cursor=cursor)
        reasons = find_reasons(read, (row["position"] for row in answer.rows), resolve_time(read, when))
        return {
            "rows": [{**row, "reason": reasons.get(row["position"], NO_REASON)} for row in answer.rows],
            "next": answer.next,
            "counts": audit_queries.count_events(read, base, when),
            "flags": FLAGS,
            "verdicts": verdict,
            "self_approved": self_approved,
            "verdict_counts": _count_verdicts(read, base, page),
            "may_see_journal": why_not(page.services, page.caller, AUDIT) is None,
            "chosen": [name for name in FLAGS if page.request.query_params.get(name) == "true"],
            "types": base.types,
            "subjects": base.subjects,
            "products_chosen": base.products,
            "by": people,
            "systems": system,
        }

    return page.render("audit.html", build)


def _count_verdicts(read: Read, base: AuditFilter, page: Page) -> dict[str, int]:
    """Return how many matching events have each verdict, and how many are self-approved."""
    others = replace(base, verdicts=(), self_approved=False)
    asked = {verdict: replace(others, verdicts=(verdict,)) for verdict in get_args(VerdictCode)}
    asked["self_approved"] = replace(others, self_approved=True)
    return {name: audit_queries.count_events(read, each, page.time.point).count for name, each in asked.items()}


def _export_address(page: Page) -> str:
    """Return the address of the API that returns the events of the page as CSV."""
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
        "self_approved",
        "verdict",
    )
    query = page.request.query_params
    given = {name: query.getlist(name) for name in names if name in query}
    times = {name: value for name, value in page.time.parameters.items() if name in ("as_of", "known_at")}
    return build_address("/v1/audit", {**given, **times, "format": "csv"})


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


def get_proof(
    page: PageDependency,
    position: Annotated[int, Path(ge=1, le=MAX_INTEGER)],
    size: Annotated[int | None, Query(ge=1, le=MAX_INTEGER)] = None,
    download: Annotated[bool, Query()] = False,
) -> Response:
    """Show the proof that an entry is in the log, or send it as a file; `size` is that of an earlier checkpoint."""
    log = page.services.log  # a replica cannot prove anything
    head = log.head()
    whole = head.size if size is None else size
    if whole > head.size or position > whole:
        detail = f"the log had no entry {position} when its size was {whole}; it now has {head.size}"
        raise HttpProblem(404, detail, field="size" if whole > head.size else "position")
    with page.services.read(page.execution.bounds) as read:
        is_shown = audit_queries.audit(read, AuditFilter(positions=(position,)), NOW).rows
        if not is_shown or not page.services.is_entry_readable(*log.raw(position - 1, 1)):
            raise HttpProblem(404, f"the log has no entry {position} at this time", field="position")
    proof = _prove(log, position, whole)
    if download:
        record_read(page.request, is_file=True)
        headers = {"Content-Disposition": f'attachment; filename="entry-{position}-of-{whole}.proof.json"'}
        return Response(_as_json(proof) + "\n", media_type="application/json", headers=headers)
    is_whole = whole == head.size
    return page.render(
        "proof.html",
        lambda _: {
            "proof": proof,
            "event_position": position,
            "agrees": proof["root"] == head.root if is_whole else None,
            "proved_at": format_micros(page.time.now),
            "verification": find_verification(page),
            "checkpoint": str(Checkpoint(log.id, whole, bytes.fromhex(proof["root"]))),
        },
    )


@dataclass(frozen=True, slots=True)
class Verification:
    """When every hash was last verified, by what, and up to which position."""

    at: str
    by: str
    position: int
    later: int
    """The entries that were recorded since."""
    error: str | None


def find_verification(page: Page) -> Verification | None:
    """Return the last verification of the log; None if it was never verified here, and on a replica."""
    status, book = page.services.last_verification(), page.services.book
    if status is None or not isinstance(book, DecisionLog):
        return None
    later = max(0, book.head().size - status.position)
    return Verification(format_micros(status.at), status.place, status.position, later, status.error)


def _prove(log: DecisionLog, position: int, size: int) -> dict[str, Any]:
    """Return the proof with all that is needed to check it. Its root is computed from the entries as they are now."""
    (raw,) = log.raw(position - 1, 1)
    leaf = bytes.fromhex(raw.leaf)
    path = find_inclusion_path(_read_leaves(log, size), position - 1, size)
    return {
        "format": PROOF_FORMAT,
        "log": log.id,
        "position": position,
        "size": size,
        "entry": b64encode(raw.entry).decode(),
        "leaf": raw.leaf,
        "path": [each.hex() for each in path],
        "root": root_of_path(leaf, position - 1, size, path).hex(),
    }


def _read_leaves(log: DecisionLog, size: int) -> Iterator[bytes]:
    """Yield the hashes of the first entries, computed from their bytes as they are stored."""
    for begin in range(0, size, LEAVES_AT_ONCE):
        yield from (leaf_hash(codec.compose(row)) for row in log.rows(begin, min(LEAVES_AT_ONCE, size - begin)))


def _raw(page: Page, position: int) -> dict[str, Any]:
    """Return the bytes of an entry, its leaf and the root of the log; a replica has none of them."""
    log = page.services.book
    if not isinstance(log, DecisionLog):
        return {"entry": None, "leaf": None, "root": None}
    (raw,) = log.raw(position - 1, 1)
    if not page.services.is_entry_readable(raw):
        return {"entry": None, "leaf": raw.leaf, "root": log.head().root}
    return {"entry": _as_json(json.loads(raw.entry)), "leaf": raw.leaf, "root": log.head().root}


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
