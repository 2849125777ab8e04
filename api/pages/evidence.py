"""Evidence and assumptions as lists, and what other pages show of them: what is behind a subject, and its flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, Response

from api.pages.fields import flatten
from api.pages.labels import Mark, status_mark
from api.pages.page import Context, Page, PageDependency, add_page, page_router
from domain.evidence import LINK, linked_subject
from projections.queries import contributions as contribution_queries
from projections.queries import flags as flag_queries
from projections.queries import grounds as ground_queries
from projections.queries import listings
from projections.queries.filters import Filter
from projections.queries.paging import Row
from projections.queries.timepoint import resolve_time
from projections.read_model.model import Read

FLAG_WORDS: Final[Mapping[str, str]] = {
    "broken_assumption": "an assumption broke",
    "withdrawn_evidence": "evidence was withdrawn",
    "superseded_evidence": "evidence was superseded",
    "expired_evidence": "evidence expired",
    "unchecked_assumption": "to be checked",
}
_FIELDS: Final = (
    *("status", "kind", "strength", "valid_until", "confidence", "check_on", "products", "role.accountable"),
    f"{LINK}*",
)
MAX_WAYS: Final = 200


def router() -> APIRouter:
    """Return the routes of evidence and assumptions."""
    routes = page_router()
    add_page(routes, "/evidence", list_evidence)
    add_page(routes, "/assumptions", list_assumptions)
    add_page(routes, "/flags", list_flags)
    return routes


def list_evidence(page: PageDependency) -> Response:
    """Show every piece of evidence, and how many uses it has."""
    return page.render("evidence.html", lambda read: {"kind": "evidence", "rows": _list(read, page, "evidence")})


def list_assumptions(page: PageDependency) -> Response:
    """Show every assumption, with its day and who checks it."""
    return page.render("evidence.html", lambda read: {"kind": "assumption", "rows": _list(read, page, "assumption")})


def list_flags(page: PageDependency) -> Response:
    """Show what rests on a ground that no longer holds."""
    return page.render("flags.html", lambda read: {"flags": find_flags(read, page, Filter())})


def _list(read: Read, page: Page, kind: str) -> list[Row]:
    answer = listings.subjects(read, Filter(kinds=(kind,)), _FIELDS, page.time.point)
    rows = [*map(flatten, answer.rows)]
    return [{**row, "uses": [linked_subject(name) for name in row if name.startswith(LINK)]} for row in rows]


def find_flags(read: Read, page: Page, selection: Filter) -> list[Row]:
    """Return flags with what they mean in words."""
    rows = flag_queries.flags(read, selection, page.time.point).rows
    return [{**row, "word": FLAG_WORDS[row["reason"]]} for row in rows]


def find_grounds(read: Read, page: Page, subject: str) -> list[Row]:
    """Return the evidence and assumptions behind a subject, each with the mark of its state."""
    rows = ground_queries.grounds(read, subject, page.time.point).rows
    unsound = {
        cause.subject: FLAG_WORDS[cause.reason]
        for cause in flag_queries.find_causes(read, resolve_time(read, page.time.point))
    }
    return [{**row, "mark": _mark_of(row, unsound)} for row in rows]


def _mark_of(row: Row, unsound: Mapping[str, str]) -> Mark:
    if row["subject"] in unsound and row["status"] in ("current", None):
        return Mark("bad", "expired")
    return status_mark(row["status"])


def find_evidence_parts(read: Read, page: Page, subject: str) -> Context:
    """Return what every page of a subject shows of evidence: what is behind it, its flags, and the ways to goals."""
    ways: Sequence[Any] = ()
    if subject.startswith(("goal:", "decision:", "feature:", "release:")):
        selection = Filter(subjects=(subject,))
        ways = contribution_queries.contributions(read, selection, page.time.point, limit=MAX_WAYS).rows
    return {
        "grounds": find_grounds(read, page, subject),
        "flags": find_flags(read, page, Filter(subjects=(subject,))),
        "ways": ways,
    }
