"""Who is accountable for what: the load of each person and team, and what has no owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Response

from api.pages.page import Context, PageDependency, add_page, page_router
from api.pages.subjects import ENDED
from domain.people import INACTIVE_STATUSES
from projections.answer_types.ownership import UnownedRow
from projections.queries import accountability
from projections.queries.field_values import all_field_values
from projections.queries.filters import Filter
from projections.queries.paging import Row
from projections.queries.timepoint import TimePoint, resolve_time
from projections.read_model.model import Read

MAX_ROWS: Final = 200


def router() -> APIRouter:
    """Return the route of the page."""
    routes = page_router()
    add_page(routes, "/people", get_people)
    return routes


def get_people(page: PageDependency) -> Response:
    """Show how much each person and team is accountable for, what has no owner, and everyone."""

    def build(read: Read) -> Context:
        people = sorted(page.services.book.directory.list_people(), key=lambda each: each.name.casefold())
        return {
            "loads": find_loads(read, page.time.point),
            "gaps": find_gaps(read, Filter(), page.time.point)[:MAX_ROWS],
            "people": [each.id for each in people if each.id.startswith("person:")],
            "merged_into": dict(read.merged_into),
        }

    return page.render("people.html", build)


def find_loads(read: Read, when: TimePoint) -> list[Row]:
    """Return how many open subjects each person and team is accountable for, most first."""
    time = resolve_time(read, when)
    owners = all_field_values(read, Filter(fields=("role.accountable",)), time)
    ended = _find_ended(read, when, sorted({row["subject"] for row in owners}))
    counts: dict[str, int] = {}
    for row in owners:
        if row["subject"] not in ended:
            for holder in map(str, row["value"] if isinstance(row["value"], list) else []):
                counts[holder] = counts.get(holder, 0) + 1
    most = max(counts.values(), default=1)
    gone = _find_inactive(read, counts, when)
    return [
        {"holder": holder, "count": count, "share": round(100 * count / most), "has_left": holder in gone}
        for holder, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def find_gaps(read: Read, selection: Filter, when: TimePoint) -> list[UnownedRow]:
    """Return the open subjects without an owner."""
    rows = accountability.unowned(read, selection, when, limit=10_000).rows
    ended = _find_ended(read, when, [row["subject"] for row in rows])
    return [row for row in rows if row["subject"] not in ended]


def _find_ended(read: Read, when: TimePoint, subjects: Sequence[str]) -> set[str]:
    if not subjects:
        return set()
    rows = all_field_values(read, Filter(subjects=subjects, fields=("status",)), resolve_time(read, when))
    return {row["subject"] for row in rows if row["value"] in ENDED}


def _find_inactive(read: Read, holders: dict[str, int], when: TimePoint) -> set[str]:
    if not holders:
        return set()
    selection = Filter(subjects=sorted(holders), fields=("status",), include_removed=True)
    rows = all_field_values(read, selection, resolve_time(read, when))
    return {row["subject"] for row in rows if row["value"] in INACTIVE_STATUSES}
