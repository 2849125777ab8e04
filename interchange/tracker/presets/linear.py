"""Linear: issues from its GraphQL API with their history, and the CSV of issues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from interchange.source_file import nodes_of
from interchange.tracker.columns import name_in
from interchange.tracker.entries import NOW
from interchange.tracker.presets.csv_records import Headers, expand_csv
from interchange.tracker.presets.lines import (
    Line,
    Row,
    build_creation,
    build_line,
    by_time,
    left_out,
    list_names,
    member_line,
    state_lines,
    title_in,
)

_CSV: Final[Headers] = {
    "record": ("ID", "Identifier"),
    "identity": ("UUID",),
    "title": ("Title",),
    "status": ("Status", "State"),
    "creator": ("Creator",),
    "assignee": ("Assignee",),
    "created": ("Created", "Created At"),
    "updated": ("Updated", "Updated At"),
    "started": ("Started", "Started At"),
    "completed": ("Completed", "Completed At"),
    "canceled": ("Canceled", "Canceled At", "Cancelled"),
    "release": ("Project Milestone",),
    "labels": ("Labels",),
    "due": ("Due Date",),
    "priority": ("Priority",),
    "description": ("Description",),
}
_FIELDS: Final = {
    "State": "status",
    "Assignee": "assignee",
    "Title": "title",
    "DueDate": "due",
    "Priority": "priority",
    "Estimate": "estimate",
    "Project": "project",
    "ProjectMilestone": "release",
    "Cycle": "cycle",
    "Parent": "parent",
    "Team": "team",
}
"""The fields by the names of the values before and after in an entry of the history, such as `fromState`."""


def expand_linear(row: Row) -> Iterator[Line]:
    """Yield the lines for an issue: its creation, each change of its history, and what no change is known of."""
    if "identifier" in row and "createdAt" in row:
        yield from _expand_issue(row)
    else:
        yield from expand_csv(row, _CSV)


def _expand_issue(issue: Row) -> Iterator[Line]:
    record = {"record": issue["identifier"], "identity": str(issue.get("id") or issue["identifier"])}
    history = by_time(nodes_of(issue.get("history")) or issue.get("history") or (), "createdAt")
    lines = [line for entry in history for line in _expand_entry(record, entry)]
    now = {
        "title": issue.get("title"),
        "description": issue.get("description"),
        "status": title_in(issue.get("state")),
        "assignee": name_in(issue.get("assignee")),
        "priority": issue.get("priorityLabel") or issue.get("priority"),
        "release": title_in(issue.get("projectMilestone")),
        "labels": list_names(issue.get("labels")),
        "due": issue.get("dueDate"),
        "estimate": issue.get("estimate"),
        **{name: title_in(issue.get(name)) for name in ("project", "cycle", "team")},
    }
    changed = {line.get("field") for line in lines}
    before = {line["field"]: line["from"] for line in reversed(lines) if "from" in line}
    first = {"title": now["title"], **before}
    if "history" in issue and "status" not in changed:
        first["status"] = now["status"]
    yield build_creation(record, issue["createdAt"], name_in(issue.get("creator")), first)
    yield from lines
    rest = {name: value for name, value in now.items() if name not in changed and first.get(name) != value}
    yield from state_lines(record, issue.get("updatedAt") or NOW, rest)


def _expand_entry(record: Row, entry: Row) -> Iterator[Line]:
    """Yield the changes in an entry of the history; an entry may have several."""
    who = name_in(entry.get("actor")) or _bot(entry.get("botActor"))
    shared = {**record, "id": entry.get("id"), "when": entry.get("createdAt"), "who": who}
    found = []
    for key, field in _FIELDS.items():
        before, after = _value(field, entry.get(f"from{key}")), _value(field, entry.get(f"to{key}"))
        if before != after:
            found.append(build_line(shared, field=field, to=after, **{"from": before}))
    for side in ("added", "removed"):
        found += [member_line(shared, "labels", side, name) for name in list_names(entry.get(f"{side}Labels"))]
    if entry.get("archived") is not None:
        found.append(build_line(shared, kind="deleted" if entry["archived"] else "restored"))
    yield from found or [left_out("entry of a history that changes no field that is read")]


def _value(field: str, value: Any) -> Any:
    if field == "assignee":
        return name_in(value)
    return value.get("identifier") or title_in(value) if isinstance(value, dict) else value


def _bot(value: Any) -> str | None:
    """Return the name of an integration, marked as a service."""
    name = name_in(value)
    return f"{name}[bot]" if name else None
