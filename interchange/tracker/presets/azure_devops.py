"""Azure DevOps: updates, revisions and lists of work items from the API, and the CSV of a query."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any, Final

from interchange.tracker.columns import name_in
from interchange.tracker.entries import NOW
from interchange.tracker.presets.csv_records import Headers, expand_csv
from interchange.tracker.presets.lines import (
    Line,
    Row,
    build_creation,
    build_line,
    day_of,
    left_out,
    problem,
    state_lines,
)

_FIELDS: Final = {
    "System.Title": "title",
    "System.State": "status",
    "System.AssignedTo": "assignee",
    "System.Description": "description",
    "System.IterationPath": "release",
    "System.Tags": "labels",
    "System.WorkItemType": "type",
    "System.AreaPath": "area",
    "System.Reason": "reason",
    "Microsoft.VSTS.Common.Priority": "priority",
    "Microsoft.VSTS.Scheduling.DueDate": "due",
    "Microsoft.VSTS.Scheduling.TargetDate": "due",
}
_IGNORED: Final = re.compile(
    r"System\.(?:Rev|ChangedDate|ChangedBy|AuthorizedDate|AuthorizedAs|RevisedDate|Watermark|PersonId|CreatedDate|CreatedBy|"
    r"StateChangeDate|BoardColumn.*|.*Id|.*Level\d+|CommentCount|History|NodeName|TeamProject)|.*Microsoft\.VSTS\.Common\.(?:StateChange|Activated|Closed|Resolved)\w*|WEF_.*"
)
_CSV: Final[Headers] = {
    "record": ("ID",),
    "title": ("Title", *(f"Title {n}" for n in range(1, 8))),
    "status": ("State",),
    "creator": ("Created By",),
    "assignee": ("Assigned To",),
    "created": ("Created Date",),
    "updated": ("Changed Date", "State Change Date"),
    "closed": ("Closed Date",),
    "release": ("Iteration Path",),
    "labels": ("Tags",),
    "due": ("Due Date", "Target Date"),
    "type": ("Work Item Type",),
    "priority": ("Priority",),
    "description": ("Description",),
}
LAST_YEAR: Final = "9999"
"""The year in which an update is replaced that nothing has replaced yet."""


def expand_azure(row: Row) -> Iterator[Line]:
    """Yield the lines for an update, a revision or a whole work item, or a row of the CSV."""
    if row.get("workItemId") is not None:
        yield from _expand_update(row)
    elif isinstance(row.get("fields"), dict):
        yield from _expand_revision(row)
    else:
        yield from expand_csv(row, _CSV, prefix="#")


def _expand_update(row: Row) -> Iterator[Line]:
    number, fields = row["workItemId"], row.get("fields") or {}
    if row.get("relations"):
        yield left_out("change of the links of a work item")
    changed = (fields.get("System.ChangedDate") or {}).get("newValue") or row.get("revisedDate")
    if not fields:
        return
    if str(changed).startswith(LAST_YEAR):
        yield problem(row, "an update without `System.ChangedDate`, so its time is unknown")
        return
    shared = {
        "record": f"#{number}",
        "identity": str(number),
        "id": f"{number}-{row.get('rev') or row.get('id')}",
        "when": changed,
        "who": _person((fields.get("System.ChangedBy") or {}).get("newValue") or row.get("revisedBy")),
        "note": (fields.get("System.History") or {}).get("newValue") or None,
    }
    said = {
        _FIELDS.get(name, name): change
        for name, change in fields.items()
        if isinstance(change, dict) and not _IGNORED.fullmatch(name)
    }
    if row.get("rev", row.get("id")) == 1:
        values = {name: _value(name, change.get("newValue")) for name, change in said.items()}
        yield build_creation(shared, changed, shared["who"], values)
        return
    if shared["note"] and not said:
        yield left_out("comment")
    for name, change in said.items():
        before, after = (_value(name, change.get(side)) for side in ("oldValue", "newValue"))
        yield build_line(shared, field=name, to=after, **{"from": before})


def _expand_revision(row: Row) -> Iterator[Line]:
    """Yield what a work item is at one of its revisions."""
    fields = row["fields"]
    number = fields.get("System.Id") or row.get("id")
    record = {"record": f"#{number}", "identity": str(number)}
    values = {_FIELDS.get(name, name): value for name, value in fields.items() if not _IGNORED.fullmatch(name)}
    values = {name: _value(name, value) for name, value in values.items()}
    created, changed = fields.get("System.CreatedDate"), fields.get("System.ChangedDate")
    if created:
        is_first = row.get("rev") == 1
        first = values if is_first else {"title": values.get("title"), "type": values.get("type")}
        yield build_creation(record, created, _person(fields.get("System.CreatedBy")), first)
    shared = {**record, "who": _person(fields.get("System.ChangedBy"))}
    yield from state_lines(shared, changed or NOW, values)


def _value(name: str, value: Any) -> Any:
    if name == "labels":
        return [part.strip() for part in str(value or "").split(";") if part.strip()]
    if name == "description" and isinstance(value, str):
        return _plain_text(value)
    if name == "due":
        return day_of(value)
    return _person(value) if name == "assignee" else name_in(value)


def _plain_text(value: str) -> str:
    """Return the text of a description in HTML."""
    broken = re.sub(r"(?i)<(?:br|/p|/div|/li|/tr)\b[^<>]*>", "\n", value)
    return html.unescape(re.sub(r"<[^<>]*>", "", broken)).strip()


def _person(value: Any) -> Any:
    """Return the name of a person, also of the older form `Ann Arbor <ann@example.org>`."""
    name = name_in(value)
    return re.sub(r"\s*<[^<>]*>$", "", name) if isinstance(name, str) else name
