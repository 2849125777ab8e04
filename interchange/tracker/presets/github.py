"""GitHub: events and timelines of issues, lists of issues (REST, GraphQL, `gh issue list`), and exports of projects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
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
    problem,
    state_lines,
    title_in,
)

_TSV: Final[Headers] = {
    "record": ("URL", "Number", "Title"),
    "title": ("Title",),
    "status": ("Status", "State"),
    "assignee": ("Assignees", "Assignee"),
    "labels": ("Labels",),
    "release": ("Milestone",),
    "created": ("Created", "Created at"),
    "updated": ("Updated", "Updated at"),
    "closed": ("Closed", "Closed at"),
}
_ITEM_FIELDS: Final = frozenset(
    {"id", "content", "title", "status", "assignees", "labels", "milestone", "repository", "updatedAt", "createdAt"}
    | {"linked pull requests", "reviewers", "sub-issues progress", "parent issue"}
)
_ADDITIONS: Final = {
    "labeled": ("labels", "added"),
    "unlabeled": ("labels", "removed"),
    "assigned": ("assignee", "added"),
    "unassigned": ("assignee", "removed"),
    "milestoned": ("release", "added"),
    "demilestoned": ("release", "removed"),
}

_BOARD_MOVES: Final = {
    "project_v2_item_status_changed": ("project status", "previousStatus", "status"),
    "moved_columns_in_project": ("project column", "previous_column_name", "column_name"),
}
"""The fields of the moves of an issue on a board, and where an event has their values."""
_IN_GRAPHQL: Final = {"previous_column_name": "previousProjectColumnName", "column_name": "projectColumnName"}


def expand_github(row: Row) -> Iterator[Line]:
    """Yield the lines for an event, an issue with or without its timeline, or an item of a project."""
    if "event" in row:
        yield from _expand_event(row)
    elif "number" in row and ("title" in row or "timeline" in row):
        yield from _expand_issue(row)
    elif isinstance(row.get("content"), dict):
        yield from _expand_item(row)
    else:
        number = re.search(r"([^/]+)/(?:issues|pull)/(\d+)", str(row.get("URL") or ""))
        for line in expand_csv(row, _TSV, several=("assignee",)):
            yield {**line, "record": f"{number[1]}#{number[2]}"} if number and "record" in line else line


def _expand_event(row: Row) -> Iterator[Line]:
    issue = row.get("issue")
    lines = list(_event_lines(_record_of(issue or {}), row))
    if isinstance(issue, dict) and issue.get("number"):
        yield _creation_of(issue)
        yield from lines
    elif all("left_out" in line for line in lines):
        yield from lines
    else:
        yield problem(row, "an event without its issue; export the events of the repository")


def _record_of(issue: Row) -> Row:
    return {"record": f"#{issue.get('number')}", "identity": str(issue.get("number"))}


def _creation_of(issue: Row, events: Iterable[Row] = ()) -> Line:
    renames = [one for one in events if _kind_of(one) == "renamed"]
    title = _rename_of(renames[0])[0] if renames else issue.get("title")
    kind = "pull request" if issue.get("pull_request") else None
    who = name_in(issue.get("user") or issue.get("author"))
    when = issue.get("created_at") or issue.get("createdAt")
    return build_creation(_record_of(issue), when, who, {"title": title, "status": "open", "type": kind})


def _expand_issue(issue: Row) -> Iterator[Line]:
    record = _record_of(issue)
    events = by_time(_events_of(issue), "created_at", "createdAt")
    if issue.get("created_at") or issue.get("createdAt"):
        yield _creation_of(issue, events)
    for event in events:
        yield from _event_lines(record, event)
    closed = issue.get("closed_at") or issue.get("closedAt")
    if closed and not any(_kind_of(event) == "closed" for event in events):
        reason = issue.get("state_reason") or issue.get("stateReason")
        yield build_line(
            record, when=closed, who=name_in(issue.get("closed_by")), field="status", to=_status_of_reason(reason)
        )
    values = {
        "assignee": list_names(issue.get("assignees")),
        "labels": list_names(issue.get("labels")),
        "release": title_in(issue.get("milestone")),
    }
    changed = {_ADDITIONS[kind][0] for event in events if (kind := _kind_of(event)) in _ADDITIONS}
    values = {name: value for name, value in values.items() if name not in changed}
    values["description"] = issue.get("body")
    yield from state_lines(record, issue.get("updated_at") or issue.get("updatedAt") or NOW, values)


def _events_of(issue: Row) -> Iterable[Row]:
    events = issue.get("timeline") or issue.get("events") or issue.get("timelineItems") or ()
    return nodes_of(events) or () if isinstance(events, dict) else events


def _status_of_reason(reason: Any) -> str:
    return "not planned" if str(reason).casefold() in ("not_planned", "not planned", "duplicate") else "closed"


def _kind_of(event: Row) -> str:
    """Return the kind of an event by the name that it has in the REST API; GraphQL calls `closed` a `ClosedEvent`."""
    if "event" in event:
        return str(event["event"])
    name = str(event.get("__typename") or "").removesuffix("Event")
    return "renamed" if name == "RenamedTitle" else re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _rename_of(event: Row) -> tuple[Any, Any]:
    """Return the title before a renaming and after it."""
    rename = event.get("rename") or {}
    return rename.get("from", event.get("previousTitle")), rename.get("to", event.get("currentTitle"))


def _event_lines(record: Row, event: Row) -> Iterator[Line]:
    shared = {
        **record,
        "id": event.get("id") or event.get("node_id"),
        "when": event.get("created_at") or event.get("createdAt"),
        "who": name_in(event.get("actor") or event.get("user")),
    }
    kind = _kind_of(event)
    if kind == "closed":
        reason = event.get("state_reason") or event.get("stateReason")
        yield build_line(shared, field="status", to=_status_of_reason(reason))
    elif kind == "reopened":
        yield build_line(shared, field="status", to="reopened")
    elif kind == "renamed":
        before, after = _rename_of(event)
        yield build_line(shared, field="title", to=after, **{"from": before})
    elif kind in _ADDITIONS:
        field, side = _ADDITIONS[kind]
        milestone = event.get("milestone") or {"title": event.get("milestoneTitle")}
        value = {"labels": event.get("label"), "assignee": event.get("assignee"), "release": milestone}[field]
        yield member_line(shared, field, side, title_in(value))
    elif kind in _BOARD_MOVES:
        field, before_key, after_key = _BOARD_MOVES[kind]
        card = {**event, **(event.get("project_card") or {})}
        before, after = (
            card.get(key) or card.get(_IN_GRAPHQL.get(key, key)) or None for key in (before_key, after_key)
        )
        yield (
            build_line(shared, field=field, to=after, **{"from": before})
            if before or after
            else left_out(f"event `{kind}`")
        )
    elif kind == "deleted":
        yield build_line(shared, kind="deleted")
    else:
        yield left_out(f"event `{kind or 'of no kind'}`")


def _expand_item(row: Row) -> Iterator[Line]:
    """Yield the state of an item of a project, which has no times of its own: it is known from now on."""
    content = row["content"]
    number, repository = content.get("number"), str(content.get("repository") or "").rpartition("/")[2]
    name = f"{repository}#{number}" if number else str(row.get("title"))
    record = {"record": name, "identity": str(row.get("id") or content.get("url") or name)}
    values = {
        **{field: title_in(value) for field, value in row.items() if field.casefold() not in _ITEM_FIELDS},
        "title": row.get("title") or content.get("title"),
        "description": content.get("body"),
        "status": row.get("status"),
        "assignee": list_names(row.get("assignees")),
        "labels": list_names(row.get("labels")),
        "release": title_in(row.get("milestone")),
        "type": content.get("type"),
    }
    yield from state_lines(
        record, row.get("updatedAt") or content.get("updatedAt") or row.get("createdAt") or NOW, values
    )
