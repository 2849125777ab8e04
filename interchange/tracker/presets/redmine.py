"""Redmine: issues from the API with their journals, and the CSV of issues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from interchange.tracker.columns import name_in
from interchange.tracker.presets.csv_records import Headers, expand_csv
from interchange.tracker.presets.lines import (
    Line,
    Row,
    build_creation,
    build_line,
    by_time,
    left_out,
    state_lines,
    title_in,
)
from interchange.tracker.presets.openproject import CSV_HEADERS
from interchange.value_parsers import nameless

_CSV: Final[Headers] = {
    **CSV_HEADERS,
    "record": ("#", "ID"),
    "created": ("Created",),
    "updated": ("Updated",),
    "closed": ("Closed",),
    "type": ("Tracker",),
}
_FIELDS: Final = {
    "status_id": "status",
    "assigned_to_id": "assignee",
    "fixed_version_id": "release",
    "subject": "title",
    "description": "description",
    "due_date": "due",
    "tracker_id": "type",
    "priority_id": "priority",
    "category_id": "category",
    "parent_id": "parent",
}
_NAMES: Final = {"status": "status", "assignee": "assigned_to", "release": "fixed_version", "type": "tracker"} | {
    "priority": "priority",
    "category": "category",
}
_STATUSES: Final = {
    "1": "New",
    "2": "In Progress",
    "3": "Resolved",
    "4": "Feedback",
    "5": "Closed",
    "6": "Rejected",
}
"""The statuses of a new installation, used where the export gives only their numbers."""


def expand_redmine(row: Row) -> Iterator[Line]:
    """Yield the lines for an issue: its creation, each change of its journals, and what no change is known of."""
    issue = row["issue"] if isinstance(row.get("issue"), dict) else row
    if "journals" not in issue and "created_on" not in issue:
        yield from expand_csv(issue, _CSV, prefix="#")
        return
    record = {"record": f"#{issue.get('id')}", "identity": str(issue.get("id"))}
    journals = by_time(issue.get("journals") or (), "created_on")
    tables = _list_tables(issue, journals)
    now = {
        "title": issue.get("subject"),
        "description": issue.get("description"),
        "due": issue.get("due_date"),
        **{name: title_in(issue.get(source)) for name, source in _NAMES.items()},
    }
    custom = {str(one.get("name")): one.get("value") for one in issue.get("custom_fields") or ()}
    several = {str(one.get("id")) for one in issue.get("custom_fields") or () if one.get("multiple")}
    lines = [line for journal in journals for line in _expand_journal(record, journal, tables, several)]
    changed = {line["field"]: line.get("from") for line in reversed(lines) if line.get("field")}
    first = {**now, **{name: value for name, value in changed.items() if name in now}}
    if "journals" not in issue:  # what it was at first is not known
        first = {"title": now["title"], "type": now["type"]}
        custom |= now
    yield build_creation(record, issue.get("created_on"), name_in(issue.get("author")), first)
    yield from lines
    rest = {name: value for name, value in custom.items() if name not in changed}
    yield from state_lines(record, issue.get("updated_on") or issue.get("created_on"), rest)


def _list_tables(issue: Row, journals: Iterable[Row]) -> dict[str, dict[str, str]]:
    """Return the names behind numbers, as far as the export gives them."""
    people = [issue.get("author"), issue.get("assigned_to"), *(journal.get("user") for journal in journals)]
    named = {
        "status_id": [issue.get("status")],
        "fixed_version_id": [issue.get("fixed_version")],
        "tracker_id": [issue.get("tracker")],
        "priority_id": [issue.get("priority")],
        "category_id": [issue.get("category")],
        "assigned_to_id": people,
        "cf": issue.get("custom_fields") or [],
    }
    tables = {
        field: {str(one.get("id")): str(one.get("name")) for one in some if isinstance(one, dict)}
        for field, some in named.items()
    }
    current = tables["status_id"]
    if all(_STATUSES.get(number) == name for number, name in current.items()):
        tables["status_id"] = {**_STATUSES, **current}
    return tables


def _name_behind(value: Any, table: dict[str, str] | None) -> Any:
    """Return the name behind a number; a value that is no number is its own name."""
    if value in (None, ""):
        return None
    return value if table is None else table.get(str(value)) or nameless(f"#{value}")


def _expand_journal(record: Row, journal: Row, tables: dict[str, dict[str, str]], several: set[str]) -> Iterator[Line]:
    shared = {
        **record,
        "id": journal.get("id"),
        "when": journal.get("created_on"),
        "who": name_in(journal.get("user")),
        "note": journal.get("notes") or None,
    }
    details = journal.get("details") or ()
    if journal.get("notes") and not details:
        yield left_out("comment")
    for detail in details:
        raw, kind = str(detail.get("name")), detail.get("property")
        table = tables.get(raw) if kind == "attr" else None
        before, after = (_name_behind(detail.get(side), table) for side in ("old_value", "new_value"))
        if kind == "attr":
            yield build_line(shared, field=_FIELDS.get(raw, raw), to=after, **{"from": before})
        elif kind == "cf" and raw in several:
            yield build_line(shared, field=tables["cf"].get(raw, f"cf {raw}"), added=after, removed=before)
        elif kind == "cf":
            yield build_line(shared, field=tables["cf"].get(raw, f"cf {raw}"), to=after, **{"from": before})
        else:
            yield build_line(shared, field=str(kind), added=after, removed=before)
