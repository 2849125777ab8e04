"""GitLab: issues from the API and from a project export with their resource events and notes, and the CSV of issues."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
    list_names,
    state_lines,
    title_in,
)

_CSV: Final[Headers] = {
    "record": ("Issue ID", "IID", "ID"),
    "title": ("Title",),
    "status": ("State",),
    "creator": ("Author", "Author Username"),
    "assignee": ("Assignee", "Assignees"),
    "created": ("Created At",),
    "updated": ("Updated At",),
    "closed": ("Closed At",),
    "release": ("Milestone",),
    "labels": ("Labels",),
    "due": ("Due Date",),
    "type": ("Type",),
    "description": ("Description",),
}
_RENAMED: Final = re.compile(r"changed title from \*\*(?P<before>.*)\*\* to \*\*(?P<after>.*)\*\*", re.DOTALL)
_DUE: Final = re.compile(r"changed due date to (?P<day>.+)")
_ASSIGNED: Final = re.compile(r"\b(unassigned|assigned to) ((?:(?:, | and |, and )?@[\w.-]+)+)")


def expand_gitlab(row: Row) -> Iterator[Line]:
    """Yield the lines for an issue: its creation, its events, the changes in its notes, and its state."""
    if "iid" not in row:
        yield from expand_csv(_with_utc(row), _CSV, prefix="#", several=("assignee",))
        return
    record = {"record": f"#{row['iid']}", "identity": str(row.get("id") or row["iid"])}
    events = [
        {**one, "kind": kind}
        for kind in ("state", "label", "milestone")
        for one in row.get(f"resource_{kind}_events") or row.get(f"{kind}_events") or ()
    ]
    notes = [line for note in by_time(row.get("notes") or (), "created_at") for line in _expand_note(record, note)]
    first_title = next((line["from"] for line in notes if line.get("field") == "title"), row.get("title"))
    first = {"title": first_title, "status": "opened"}
    yield build_creation(record, row.get("created_at"), name_in(row.get("author")), first)
    for event in by_time(events, "created_at"):
        yield _expand_event(record, event)
    yield from notes
    if row.get("closed_at") and not row.get("resource_state_events") and not row.get("state_events"):
        yield build_line(record, when=row["closed_at"], who=name_in(row.get("closed_by")), field="status", to="closed")
    yield from state_lines(record, row.get("updated_at"), _state_of(row, {one["kind"] for one in events}))


def _state_of(row: Row, known: set[str]) -> Row:
    """Return what an issue is now, besides what its events say."""
    labels = row.get("labels") or [one.get("label") for one in row.get("label_links") or ()]
    return {
        "assignee": list_names(row.get("assignees")),
        "due": row.get("due_date"),
        "description": row.get("description"),
        "labels": None if "label" in known else list_names(labels),
        "release": None if "milestone" in known else title_in(row.get("milestone")),
        **{name: title_in(row.get(name)) for name in ("weight", "epic", "iteration", "health_status")},
        "type": str(row.get("issue_type") or row.get("type") or "").lower(),
    }


def _expand_event(record: Row, event: Row) -> Line:
    kind = event["kind"]
    shared = {
        **record,
        "id": f"{kind}-{event['id']}" if event.get("id") else None,
        "when": event.get("created_at"),
        "who": name_in(event.get("user")),
    }
    if kind == "state":
        return build_line(shared, field="status", to=event.get("state"))
    side = "removed" if event.get("action") == "remove" else "added"
    return build_line(shared, field="labels" if kind == "label" else "release", **{side: title_in(event.get(kind))})


def _expand_note(record: Row, note: Row) -> Iterator[Line]:
    """Yield the changes that a note of the system tells, where no event does."""
    if not note.get("system"):
        yield left_out("comment")
        return
    text = str(note.get("note") or note.get("body") or "")
    shared = {**record, "when": note.get("created_at"), "who": name_in(note.get("author"))}
    if (renamed := _RENAMED.search(text)) is not None:
        before, after = (re.sub(r"\{[-+]|[-+]\}", "", renamed[side]) for side in ("before", "after"))
        yield build_line(shared, field="title", to=after, **{"from": before})
    elif (due := _DUE.fullmatch(text)) is not None:
        yield build_line(shared, field="due", to=due["day"])
    elif assigned := _ASSIGNED.findall(text):
        for verb, names in assigned:
            side = "removed" if verb == "unassigned" else "added"
            yield build_line(shared, field="assignee", **{side: re.findall(r"@[\w.-]+", names)})
    elif not re.match(r"(?:added|removed) .*(?:label|milestone)|closed|reopened|changed milestone|removed", text):
        yield left_out(f"note `{' '.join(text.split()[:2])} …`")


def _with_utc(row: Row) -> Row:
    """Return a row whose times say that they are in UTC, as their headers do."""
    return {name: _in_utc(value) if name.endswith("(UTC)") else value for name, value in row.items()}


def _in_utc(value: Any) -> Any:
    return f"{value} UTC" if isinstance(value, str) and value.strip()[-1:].isdigit() else value
