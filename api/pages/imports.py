"""An import: what it read, and the lines that it could not place."""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi import APIRouter, Response

from api.pages.fields import flatten
from api.pages.page import Context, PageDependency, add_page, page_router
from api.query_parameters import KeyPath
from projections.queries import decisions as decision_queries
from projections.queries.field_values import all_field_values
from projections.queries.filters import Filter
from projections.queries.listings import subjects
from projections.queries.paging import Row
from projections.queries.timepoint import TimePoint, resolve_time
from projections.read_model.model import Read

KIND: Final = "import"
LINES: Final = "line.*"
"""The fields of the lines that an import keeps because it could not place them."""
MAX_LINES: Final = 200


def router() -> APIRouter:
    """Return the route of an import."""
    routes = page_router()
    add_page(routes, "/imports/{key}", get_import, "light")
    return routes


def get_import(page: PageDependency, key: KeyPath) -> Response:
    """Show an import with the lines that it could not place, each with the reason."""
    subject = f"{KIND}:{key}"

    def build(read: Read) -> Context:
        when = page.time.point
        about = decision_queries.subject_page(read, subject, when).about
        lines = all_field_values(read, Filter(subjects=(subject,), fields=(LINES,)), resolve_time(read, when))
        return {
            "subject": subject,
            "fields": {name: value for name, value in flatten(about).items() if not name.startswith("line.")},
            "lines": [_parse_line(row["value"]) for row in lines[:MAX_LINES]],
            "count": len(lines),
        }

    return page.render("import.html", build)


def _parse_line(text: Any) -> dict[str, Any]:
    """Return a line with its number, the reason why it was not placed, and its fields; or erased text as it is."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, dict):
        return {"line": None, "reason": str(text), "data": None}
    data = found.get("data")
    shown = json.dumps(data, ensure_ascii=False, indent=2) if data else None
    return {"line": found.get("line"), "reason": found.get("reason") or "", "data": shown}


def list_imports(read: Read, when: TimePoint) -> list[Row]:
    """Return the imports, each with how many lines it read, and how many of them are not placed until now."""
    rows = subjects(read, Filter(kinds=(KIND,)), ("system", "lines"), when).rows
    kept = all_field_values(read, Filter(kinds=(KIND,), fields=(LINES,)), resolve_time(read, when))
    unplaced: dict[str, int] = {}
    for row in kept:
        unplaced[row["subject"]] = unplaced.get(row["subject"], 0) + 1
    return [{**flatten(row), "unplaced": unplaced.get(row["subject"], 0)} for row in rows]
