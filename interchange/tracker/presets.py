"""Presets: how Jira, GitHub, GitLab, Linear, OpenProject, Redmine, Trello and Azure DevOps export their histories.

Each turns the rows of its exports into lines with one set of columns, which one mapping reads. A list of records (a CSV
of issues) says what a record is now: its history begins when the record was created, and goes on with every import.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from interchange.tracker.columns import name_in
from interchange.tracker.entries import NOW
from interchange.tracker.mapping import Mapping as TrackerMapping
from interchange.tracker.mapping import parse_mapping

Row = dict[str, Any]
Line = dict[str, Any]

_MAPPING: Final = r"""
empty_values = ["none", "unassigned", "n/a", "TBD"]
[columns]
id = "id"
when = "when"
who = "who"
record = "record"
identity = "identity"
kind = "kind"
field = "field"
from = "from"
to = "to"
added = "added"
removed = "removed"
note = ["note"]
reference = ["reference"]
[kinds]
create = ["created"]
remove = ["deleted"]
restore = ["restored"]
rename = ["renamed"]
unknown_records = "create"
[releases]
pattern = '(.+)'
[people]
service = '(.+)\[bot\]'
[[subject]]
kind = "feature"
[subject.fields.title]
field = "title"
[subject.fields.description]
field = "x.description"
[subject.fields.status]
field = "status"
as = "mapped"
[subject.fields.status.values]
"new" = "proposed"
"open" = "proposed"
"opened" = "proposed"
"reopened" = "proposed"
"to do" = "proposed"
"todo" = "proposed"
"backlog" = "proposed"
"triage" = "proposed"
"idea" = "proposed"
"ideas" = "proposed"
"proposed" = "proposed"
"draft" = "proposed"
"inbox" = "proposed"
"feedback" = "proposed"
"selected for development" = "committed"
"ready" = "committed"
"ready for development" = "committed"
"planned" = "committed"
"approved" = "committed"
"committed" = "committed"
"next" = "committed"
"specified" = "committed"
"confirmed" = "committed"
"scheduled" = "committed"
"in progress" = "started"
"doing" = "started"
"active" = "started"
"started" = "started"
"in development" = "started"
"in review" = "started"
"in testing" = "started"
"testing" = "started"
"review" = "started"
"developed" = "started"
"on hold" = "paused"
"blocked" = "paused"
"paused" = "paused"
"waiting" = "paused"
"done" = "shipped"
"closed" = "shipped"
"resolved" = "shipped"
"completed" = "shipped"
"complete" = "shipped"
"released" = "shipped"
"shipped" = "shipped"
"finished" = "shipped"
"tested" = "shipped"
"merged" = "shipped"
"canceled" = "dropped"
"cancelled" = "dropped"
"rejected" = "dropped"
"removed" = "dropped"
"duplicate" = "dropped"
"won't do" = "dropped"
"won't fix" = "dropped"
"wontfix" = "dropped"
"not planned" = "dropped"
"test failed" = "started"
[subject.fields.status.patterns]
"in .*" = "started"
[subject.fields.release]
field = "target.ship"
as = "release"
[subject.fields.assignee]
field = "role.accountable"
as = "people"
[subject.fields.labels]
field = "labels"
[subject.fields.due]
field = "x.due"
as = "date"
[subject.fields.type]
field = "x.type"
[subject.fields.priority]
field = "x.priority"
"""


@dataclass(frozen=True, slots=True)
class Preset:
    """A system whose exports are read without a mapping. `command` is how its history is exported."""

    name: str
    title: str
    command: str
    expand: Callable[[Row], Iterable[Line]]

    def mapping(
        self, product: str, *, system: str | None = None, title: str | None = None, zone: str | None = None
    ) -> TrackerMapping:
        """Return the mapping for a product.

        Raises:
            MappingError: the system, the title or the zone is invalid.
        """
        head = f'system = "{_escape(system or self.name)}"\n'
        table = f'[product]\nkey = "{product}"\ntitle = "{_escape(title or product)}"\n'
        table += f'[time]\nzone = "{_escape(zone)}"\n' if zone else ""
        top, bracket, rest = _MAPPING.partition("[columns]")
        return parse_mapping(head + top + table + bracket + rest)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _line(row: Mapping[str, Any], **more: Any) -> Line:
    return {**row, **more}


def _names(values: Any) -> list[str]:
    """Return the names in a list of objects or of texts."""
    if isinstance(values, str):
        return [part.strip() for part in values.split(",") if part.strip()]
    found = [name_in(one) if isinstance(one, dict) else one for one in values or () if one]
    titles = [
        one.get("title") if isinstance(one, dict) and name is None else name
        for one, name in zip(values or (), found, strict=False)
    ]
    return [str(one) for one in titles if one]


def _state(record: Mapping[str, Any], when: Any, values: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the line that says what a record is at a time."""
    said = {name: value for name, value in values.items() if value not in (None, "", [])}
    if when not in (None, "") and said:
        yield _line(record, kind="state", when=when, to=said)


def _creation(record: Mapping[str, Any], when: Any, who: Any, values: Mapping[str, Any]) -> Line:
    said = {name: value for name, value in values.items() if value not in (None, "", [])}
    return _line(record, kind="created", when=when, who=who, to=said)


def _cell(row: Row, *names: str) -> Any:
    """Return the first cell that is there, by any of its headers in any case."""
    folded = {str(key).casefold(): value for key, value in row.items()}
    return next((folded[name.casefold()] for name in names if folded.get(name.casefold()) not in (None, "", [])), None)


def _csv_record(row: Row, headers: Mapping[str, tuple[str, ...]]) -> Iterator[Line]:
    """Yield the lines for a row of a CSV of records: its creation, its milestones in time, and its state."""
    got = {name: _cell(row, *options) for name, options in headers.items()}
    key = got.get("record")
    if key is None:
        yield row
        return
    identity = got.get("identity") or key
    record = {"record": str(key), "identity": str(identity)}
    created = got.get("created")
    if created is not None:
        yield _creation(record, created, got.get("creator"), {"title": got.get("title"), "type": got.get("type")})
    for name, status in (
        ("started", "In Progress"),
        ("completed", "Done"),
        ("canceled", "Canceled"),
        ("closed", "Closed"),
    ):
        if got.get(name) is not None:
            yield _line(record, kind="", when=got[name], field="status", to=status)
    skipped = ("record", "identity", "created", "updated", "creator", "started", "completed", "canceled", "closed")
    values = {name: value for name, value in got.items() if name not in skipped}
    for name in ("labels", "release"):
        if isinstance(values.get(name), str):
            values[name] = [part.strip() for part in re.split(r"[,;]", values[name]) if part.strip()]
    if isinstance(values.get("release"), list) and len(values["release"]) == 1:
        values["release"] = values["release"][0]
    times = [
        got[name] for name in ("updated", "canceled", "completed", "closed", "created") if got.get(name) is not None
    ]
    yield from _state(record, times[0] if times else None, values)


# Jira

_JIRA_FIELDS: Final = {
    "summary": "title",
    "description": "description",
    "status": "status",
    "assignee": "assignee",
    "fix version": "release",
    "fixversions": "release",
    "labels": "labels",
    "duedate": "due",
    "due date": "due",
    "issuetype": "type",
    "priority": "priority",
}
_JIRA_CSV: Final = {
    "record": ("Issue key", "Key"),
    "identity": ("Issue id",),
    "title": ("Summary",),
    "status": ("Status",),
    "assignee": ("Assignee",),
    "creator": ("Creator", "Reporter"),
    "created": ("Created",),
    "updated": ("Updated",),
    "release": ("Fix Version/s", "Fix versions", "Fix Version"),
    "labels": ("Labels",),
    "due": ("Due date", "Due Date"),
    "type": ("Issue Type",),
    "priority": ("Priority",),
    "description": ("Description",),
}


def _expand_jira(row: Row) -> Iterator[Line]:
    if "fields" not in row and "changelog" not in row:
        yield from _csv_record(row, _JIRA_CSV)
        return
    fields = row.get("fields") or {}
    histories = (row.get("changelog") or {}).get("histories") or []
    histories = sorted(histories, key=lambda one: str(one.get("created")))
    items = [(history, item) for history in histories for item in history.get("items") or ()]
    keys = [(history, item) for history, item in items if str(item.get("field")).casefold() == "key"]
    name = keys[0][1].get("fromString") if keys else row.get("key")
    record = {"record": name, "identity": str(row.get("id") or row.get("key"))}
    values = _jira_now(fields)
    values = {**values, **_jira_first(items, values)}
    who = name_in(fields.get("creator") or fields.get("reporter"))
    if fields.get("created"):
        yield _creation(record, fields["created"], who, values)
    for history, item in items:
        shared = {"id": history.get("id"), "when": history.get("created"), "who": name_in(history.get("author"))}
        yield from _jira_item(record, shared, item)
        if str(item.get("field")).casefold() == "key":
            record = {**record, "record": item.get("toString")}


def _jira_now(fields: Row) -> Row:
    named = {
        "status": fields.get("status"),
        "assignee": fields.get("assignee"),
        "type": fields.get("issuetype"),
        "priority": fields.get("priority"),
    }
    return {
        "title": fields.get("summary"),
        "description": fields.get("description") if isinstance(fields.get("description"), str) else None,
        **{name: name_in(value) for name, value in named.items()},
        "release": _names(fields.get("fixVersions")),
        "labels": fields.get("labels"),
        "due": fields.get("duedate"),
    }


def _jira_first(items: Iterable[tuple[Row, Row]], now: Row) -> Row:
    """Return the values that an issue was created with: those before its first change."""
    first: Row = {}
    releases = list(now["release"])
    for _, item in reversed(list(items)):
        name = _JIRA_FIELDS.get(str(item.get("field")).casefold())
        if name == "release":
            releases = [one for one in releases if one != item.get("toString")]
            releases += [item["fromString"]] if item.get("fromString") else []
        elif name == "labels":
            first[name] = str(item.get("fromString") or "").split()
        elif name is not None:
            first[name] = item.get("from") if name == "due" else item.get("fromString")
    return {**first, "release": releases}


def _jira_item(record: Row, shared: Row, item: Row) -> Iterator[Line]:
    raw = str(item.get("field") or "")
    name = _JIRA_FIELDS.get(raw.casefold(), raw)
    before, after = item.get("fromString"), item.get("toString")
    if raw.casefold() == "key":
        yield _line(record, **shared, kind="renamed", **{"from": before}) | {"record": after}
    elif name == "release":
        yield _line(record, **shared, field=name, added=after, removed=before)
    elif name == "labels":
        yield _line(record, **shared, field=name, to=str(after or "").split(), **{"from": str(before or "").split()})
    elif name == "due":
        yield _line(record, **shared, field=name, to=item.get("to"), **{"from": item.get("from")})
    else:
        yield _line(record, **shared, field=name, to=after, **{"from": before})


# GitHub

_GITHUB_TSV: Final = {
    "record": ("URL", "Number", "Title"),
    "title": ("Title",),
    "status": ("Status",),
    "assignee": ("Assignees",),
    "labels": ("Labels",),
    "release": ("Milestone",),
    "created": ("Created", "Created at"),
    "updated": ("Updated", "Updated at"),
    "closed": ("Closed", "Closed at"),
}


def _expand_github(row: Row) -> Iterator[Line]:
    issue = row.get("issue") if isinstance(row.get("issue"), dict) else None
    if "event" in row:
        if issue is not None:
            yield from _github_created(issue)
            yield from _github_event(_github_record(issue), row)
        else:
            yield {**row, "when": row.get("created_at"), "record": _number_in_url(row), "kind": "event without issue"}
        return
    if "number" in row and ("title" in row or "timeline" in row):
        yield from _github_issue(row)
    elif isinstance(row.get("content"), dict):
        yield from _github_item(row)
    else:
        yield from _csv_record(row, _GITHUB_TSV)


def _github_record(issue: Row) -> Row:
    return {"record": f"#{issue.get('number')}", "identity": str(issue.get("number"))}


def _number_in_url(row: Row) -> str | None:
    found = re.search(r"/issues/(\d+)(?:[#/?]|$)", str(row.get("html_url") or row.get("issue_url") or ""))
    return f"#{found[1]}" if found else None


def _github_created(issue: Row, events: Iterable[Row] = ()) -> Iterator[Line]:
    renames = [one["rename"]["from"] for one in events if one.get("event") == "renamed" and one.get("rename")]
    title = renames[0] if renames else issue.get("title")
    who = name_in(issue.get("user") or issue.get("author"))
    when = issue.get("created_at") or issue.get("createdAt")
    if when:
        yield _creation(_github_record(issue), when, who, {"title": title, "status": "open"})


def _github_issue(issue: Row) -> Iterator[Line]:
    events = [one for one in issue.get("timeline") or issue.get("events") or () if isinstance(one, dict)]
    events.sort(key=lambda one: str(one.get("created_at") or one.get("createdAt") or ""))
    record = _github_record(issue)
    yield from _github_created(issue, events)
    for event in events:
        yield from _github_event(record, event)
    closed = issue.get("closed_at") or issue.get("closedAt")
    if closed and not events:
        yield _line(
            record,
            when=closed,
            field="status",
            to=_closed_status(issue.get("state_reason") or issue.get("stateReason")),
        )
    milestone = issue.get("milestone")
    values = {
        "assignee": _names(issue.get("assignees")),
        "labels": _names(issue.get("labels")),
        "release": milestone.get("title") if isinstance(milestone, dict) else None,
    }
    if not events:
        yield from _state(record, issue.get("updated_at") or issue.get("updatedAt"), values)


def _closed_status(reason: Any) -> str:
    return "not planned" if str(reason).casefold() in ("not_planned", "not planned", "duplicate") else "closed"


def _github_event(record: Row, event: Row) -> Iterator[Line]:
    shared = {
        **record,
        "id": event.get("id") or event.get("node_id"),
        "when": event.get("created_at") or event.get("createdAt"),
        "who": name_in(event.get("actor") or event.get("user")),
    }
    kind = str(event.get("event"))
    label, milestone = event.get("label") or {}, event.get("milestone") or {}
    rename, person = event.get("rename") or {}, name_in(event.get("assignee"))
    if kind == "closed":
        yield _line(shared, field="status", to=_closed_status(event.get("state_reason")))
    elif kind == "reopened":
        yield _line(shared, field="status", to="reopened")
    elif kind == "renamed":
        yield _line(shared, field="title", to=rename.get("to"), **{"from": rename.get("from")})
    elif kind in ("labeled", "unlabeled"):
        yield _line(shared, field="labels", **{"added" if kind == "labeled" else "removed": label.get("name")})
    elif kind in ("assigned", "unassigned"):
        yield _line(shared, field="assignee", **{"added" if kind == "assigned" else "removed": person})
    elif kind in ("milestoned", "demilestoned"):
        yield _line(shared, field="release", **{"added" if kind == "milestoned" else "removed": milestone.get("title")})
    elif kind == "deleted":
        yield _line(shared, kind="deleted")


def _github_item(row: Row) -> Iterator[Line]:
    """Yield the state of an item of a project, which has no times of its own: it is known from now on."""
    content = row["content"]
    number, repository = content.get("number"), str(content.get("repository") or "").rpartition("/")[2]
    name = f"{repository}#{number}" if number else str(row.get("title"))
    record = {"record": name, "identity": str(row.get("id") or content.get("url") or name)}
    milestone = row.get("milestone")
    values = {
        "title": row.get("title") or content.get("title"),
        "status": row.get("status"),
        "assignee": _names(row.get("assignees")),
        "labels": _names(row.get("labels")),
        "release": milestone.get("title") if isinstance(milestone, dict) else milestone,
        "type": content.get("type"),
    }
    yield from _state(record, row.get("updatedAt") or content.get("updatedAt") or row.get("createdAt") or NOW, values)


# GitLab

_GITLAB_CSV: Final = {
    "record": ("Issue ID", "IID", "ID"),
    "title": ("Title",),
    "status": ("State",),
    "creator": ("Author", "Author Username"),
    "assignee": ("Assignee", "Assignee(s)", "Assignees"),
    "created": ("Created At (UTC)", "Created At"),
    "updated": ("Updated At (UTC)", "Updated At"),
    "closed": ("Closed At (UTC)", "Closed At"),
    "release": ("Milestone",),
    "labels": ("Labels",),
    "due": ("Due Date",),
    "description": ("Description",),
}


def _expand_gitlab(row: Row) -> Iterator[Line]:
    if "iid" not in row:
        for line in _csv_record(_with_utc(row), _GITLAB_CSV):
            yield {**line, "record": f"#{line['record']}"} if "record" in line and line is not row else line
        return
    record = {"record": f"#{row['iid']}", "identity": str(row.get("id") or row["iid"])}
    events = [
        (one, kind)
        for kind in ("state", "label", "milestone")
        for one in row.get(f"resource_{kind}_events") or row.get(f"{kind}_events") or ()
    ]
    yield _creation(
        record, row.get("created_at"), name_in(row.get("author")), {"title": row.get("title"), "status": "opened"}
    )
    for event, kind in sorted(events, key=lambda one: str(one[0].get("created_at"))):
        yield from _gitlab_event(record, event, kind)
    if row.get("closed_at") and not events:
        yield _line(record, when=row["closed_at"], who=name_in(row.get("closed_by")), field="status", to="closed")
    values = {
        "assignee": _names(row.get("assignees")),
        "due": row.get("due_date"),
        **({} if events else {"labels": row.get("labels"), "release": (row.get("milestone") or {}).get("title")}),
    }
    yield from _state(record, row.get("updated_at"), values)


def _gitlab_event(record: Row, event: Row, kind: str) -> Iterator[Line]:
    shared = {
        **record,
        "id": f"{kind}-{event.get('id')}",
        "when": event.get("created_at"),
        "who": name_in(event.get("user")),
    }
    side = "removed" if event.get("action") == "remove" else "added"
    if kind == "state":
        yield _line(shared, field="status", to=event.get("state"))
    elif kind == "label":
        yield _line(shared, field="labels", **{side: (event.get("label") or {}).get("name")})
    else:
        yield _line(shared, field="release", **{side: (event.get("milestone") or {}).get("title")})


def _with_utc(row: Row) -> Row:
    """Return a row whose times say that they are in UTC, as their headers do."""
    return {
        name: f"{value} UTC"
        if name.endswith("(UTC)") and isinstance(value, str) and value.strip()[-1:].isdigit()
        else value
        for name, value in row.items()
    }


# Linear

_LINEAR_CSV: Final = {
    "record": ("ID", "Identifier"),
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


def _expand_linear(row: Row) -> Iterator[Line]:
    yield from _csv_record(row, _LINEAR_CSV)


# OpenProject

_OPENPROJECT_CSV: Final = {
    "record": ("ID", "#"),
    "title": ("Subject",),
    "status": ("Status",),
    "creator": ("Author",),
    "assignee": ("Assignee",),
    "created": ("Created on", "Created at"),
    "updated": ("Updated on", "Updated at"),
    "release": ("Version", "Target version"),
    "type": ("Type",),
    "priority": ("Priority",),
    "due": ("Finish date", "Due date"),
    "description": ("Description",),
}
_PLAIN_FIELDS: Final = {
    "subject": "title",
    "status": "status",
    "assignee": "assignee",
    "version": "release",
    "target version": "release",
    "finish date": "due",
    "due date": "due",
    "type": "type",
    "priority": "priority",
    "description": "description",
}
_CHANGED: Final = re.compile(r"(?P<name>[^\n]{1,80}?) (?:changed )?from (?P<before>.*?) to (?P<after>.*)", re.DOTALL)
_SET: Final = re.compile(r"(?P<name>[^\n]{1,80}?) (?:set to|added:?) (?P<after>.*)", re.DOTALL)
_DELETED: Final = re.compile(r"(?P<name>[^\n]{1,80}?) (?:deleted|removed) \(?(?P<before>.*?)\)?", re.DOTALL)


def _expand_openproject(row: Row) -> Iterator[Line]:
    embedded = row.get("_embedded")
    if isinstance(embedded, dict) and isinstance(embedded.get("elements"), list):
        for one in embedded["elements"]:
            yield from _expand_openproject(one)
    elif str(row.get("_type", "")).startswith("Activity"):
        yield from _openproject_activity(row)
    elif row.get("_type") == "WorkPackage":
        links = row.get("_links") or {}
        record = {"record": f"#{row.get('id')}", "identity": str(row.get("id"))}
        yield _creation(record, row.get("createdAt"), _link_title(links, "author"), {"title": row.get("subject")})
        names = {
            "status": "status",
            "assignee": "assignee",
            "release": "version",
            "type": "type",
            "priority": "priority",
        }
        values = {name: _link_title(links, link) for name, link in names.items()}
        yield from _state(
            record, row.get("updatedAt"), {"title": row.get("subject"), "due": row.get("dueDate"), **values}
        )
    else:
        for line in _csv_record(row, _OPENPROJECT_CSV):
            yield {**line, "record": f"#{line['record']}"} if "record" in line and line is not row else line


def _link_title(links: Row, name: str) -> Any:
    return (links.get(name) or {}).get("title")


def _openproject_activity(row: Row) -> Iterator[Line]:
    links = row.get("_links") or {}
    number = re.search(r"(\d+)$", str((links.get("workPackage") or {}).get("href") or ""))
    comment = (row.get("comment") or {}).get("raw")
    shared = {
        "record": f"#{number[1]}" if number else None,
        "identity": number[1] if number else None,
        "id": row.get("id"),
        "when": row.get("createdAt"),
        "who": _link_title(links, "user"),
        "note": comment or None,
    }
    for detail in row.get("details") or ():
        text = str(detail.get("raw") if isinstance(detail, dict) else detail)
        found = _CHANGED.fullmatch(text) or _SET.fullmatch(text) or _DELETED.fullmatch(text)
        if found is not None:
            parts = found.groupdict()
            name = _PLAIN_FIELDS.get(parts["name"].casefold(), parts["name"])
            yield _line(shared, field=name, to=parts.get("after"), **{"from": parts.get("before")})


# Redmine

_REDMINE_CSV: Final = {
    **_OPENPROJECT_CSV,
    "record": ("#", "ID"),
    "created": ("Created",),
    "updated": ("Updated",),
    "type": ("Tracker",),
}
_REDMINE_FIELDS: Final = {
    "status_id": "status",
    "assigned_to_id": "assignee",
    "fixed_version_id": "release",
    "subject": "title",
    "description": "description",
    "due_date": "due",
    "tracker_id": "type",
    "priority_id": "priority",
}
_REDMINE_STATUSES: Final = {
    "1": "New",
    "2": "In Progress",
    "3": "Resolved",
    "4": "Feedback",
    "5": "Closed",
    "6": "Rejected",
}
"""The statuses of a new installation, used where the export gives only their numbers."""


def _expand_redmine(row: Row) -> Iterator[Line]:
    issue = row.get("issue") if isinstance(row.get("issue"), dict) else row
    if not isinstance(issue, dict) or ("journals" not in issue and "created_on" not in issue):
        for line in _csv_record(row, _REDMINE_CSV):
            yield {**line, "record": f"#{line['record']}"} if "record" in line and line is not row else line
        return
    record = {"record": f"#{issue.get('id')}", "identity": str(issue.get("id"))}
    journals = sorted(issue.get("journals") or (), key=lambda one: str(one.get("created_on")))
    tables = _redmine_tables(issue, journals)
    now = {
        "title": issue.get("subject"),
        "description": issue.get("description"),
        "due": issue.get("due_date"),
        **{
            name: name_in(issue.get(source))
            for name, source in (
                ("status", "status"),
                ("assignee", "assigned_to"),
                ("release", "fixed_version"),
                ("type", "tracker"),
                ("priority", "priority"),
            )
        },
    }
    lines = [line for journal in journals for line in _redmine_journal(record, journal, tables)]
    first = {line["field"]: line.get("from") for line in reversed(lines) if line.get("field") in now}
    yield _creation(record, issue.get("created_on"), name_in(issue.get("author")), {**now, **first})
    yield from lines


def _redmine_tables(issue: Row, journals: Iterable[Row]) -> dict[str, dict[str, str]]:
    """Return the names behind numbers, as far as the export gives them."""
    people = [issue.get("author"), issue.get("assigned_to"), *(journal.get("user") for journal in journals)]
    named = {
        "status_id": [issue.get("status")],
        "fixed_version_id": [issue.get("fixed_version")],
        "tracker_id": [issue.get("tracker")],
        "priority_id": [issue.get("priority")],
        "assigned_to_id": people,
    }
    tables = {
        field: {str(one.get("id")): str(one.get("name")) for one in some if isinstance(one, dict)}
        for field, some in named.items()
    }
    current = tables["status_id"]
    if all(_REDMINE_STATUSES.get(number) == name for number, name in current.items()):
        tables["status_id"] = {**_REDMINE_STATUSES, **current}
    return tables


def _redmine_journal(record: Row, journal: Row, tables: dict[str, dict[str, str]]) -> Iterator[Line]:
    shared = {
        **record,
        "id": journal.get("id"),
        "when": journal.get("created_on"),
        "who": name_in(journal.get("user")),
        "note": journal.get("notes") or None,
    }
    for detail in journal.get("details") or ():
        raw = str(detail.get("name"))
        table = tables.get(raw, {})
        before, after = (
            table.get(str(value), value) if (value := detail.get(side)) not in (None, "") else None
            for side in ("old_value", "new_value")
        )
        name = _REDMINE_FIELDS.get(raw, raw) if detail.get("property") == "attr" else f"{detail.get('property')} {raw}"
        yield _line(shared, field=name, to=after, **{"from": before})


# Trello


def _expand_trello(row: Row) -> Iterator[Line]:
    data = row.get("data") or {}
    card = data.get("card") or {}
    if not card.get("id"):
        return
    kind, old = str(row.get("type")), data.get("old") or {}
    name = f"#{card['idShort']}" if card.get("idShort") else str(card.get("shortLink") or card["id"])
    shared = {
        "record": name,
        "identity": str(card["id"]),
        "id": row.get("id"),
        "when": row.get("date"),
        "who": name_in(row.get("memberCreator")),
    }
    person = name_in(row.get("member") or data.get("member"))
    if kind in ("createCard", "copyCard", "convertToCardFromCheckItem", "emailCard", "moveCardToBoard"):
        yield _creation(
            shared,
            row.get("date"),
            shared["who"],
            {"title": card.get("name"), "status": (data.get("list") or {}).get("name")},
        )
    elif kind in ("deleteCard", "moveCardFromBoard"):
        yield _line(shared, kind="deleted")
    elif kind in ("addMemberToCard", "removeMemberFromCard"):
        yield _line(shared, field="assignee", **{"added" if kind.startswith("add") else "removed": person})
    elif kind == "commentCard":
        return
    elif kind == "updateCard":
        if "listAfter" in data:
            yield _line(
                shared,
                field="status",
                to=data["listAfter"].get("name"),
                **{"from": (data.get("listBefore") or {}).get("name")},
            )
        for key, field in (("name", "title"), ("desc", "description"), ("due", "due")):
            if key in old:
                yield _line(
                    shared, field=field, to=_day(card.get(key)) if key == "due" else card.get(key), **{"from": old[key]}
                )
        if "closed" in old:
            yield _line(shared, kind="deleted" if card.get("closed") else "restored")


def _day(value: Any) -> Any:
    return value[:10] if isinstance(value, str) else value


# Azure DevOps

_AZURE_FIELDS: Final = {
    "System.Title": "title",
    "System.State": "status",
    "System.AssignedTo": "assignee",
    "System.Description": "description",
    "System.IterationPath": "release",
    "System.Tags": "labels",
    "System.WorkItemType": "type",
    "Microsoft.VSTS.Common.Priority": "priority",
    "Microsoft.VSTS.Scheduling.DueDate": "due",
}
_AZURE_IGNORED: Final = re.compile(
    r"System\.(?:Rev|ChangedDate|ChangedBy|AuthorizedDate|AuthorizedAs|RevisedDate|Watermark|PersonId|CreatedDate|CreatedBy|"
    r"StateChangeDate|BoardColumn.*|.*Id|.*Level\d+|CommentCount|History|NodeName|TeamProject)|.*Microsoft\.VSTS\.Common\.(?:StateChange|Activated|Closed|Resolved)\w*|WEF_.*"
)
_AZURE_CSV: Final = {
    "record": ("ID",),
    "title": ("Title",),
    "status": ("State",),
    "creator": ("Created By",),
    "assignee": ("Assigned To",),
    "created": ("Created Date",),
    "updated": ("Changed Date", "State Change Date"),
    "release": ("Iteration Path",),
    "labels": ("Tags",),
    "type": ("Work Item Type",),
    "priority": ("Priority",),
}


def _expand_azure(row: Row) -> Iterator[Line]:
    number = row.get("workItemId")
    if number is None:
        for line in _csv_record(row, _AZURE_CSV):
            yield {**line, "record": f"#{line['record']}"} if "record" in line and line is not row else line
        return
    fields = row.get("fields") or {}
    changed = (fields.get("System.ChangedDate") or {}).get("newValue") or row.get("revisedDate")
    shared = {
        "record": f"#{number}",
        "identity": str(number),
        "id": f"{number}-{row.get('rev') or row.get('id')}",
        "when": changed,
        "who": _azure_value((fields.get("System.ChangedBy") or {}).get("newValue") or row.get("revisedBy")),
    }
    known = {
        name: change
        for name, change in fields.items()
        if isinstance(change, dict) and not _AZURE_IGNORED.fullmatch(name)
    }
    said = {_AZURE_FIELDS.get(name, name): change for name, change in known.items()}
    history = (fields.get("System.History") or {}).get("newValue")
    if history:
        shared["note"] = history
    if row.get("rev", row.get("id")) == 1:
        values = {name: _azure_field(name, change.get("newValue")) for name, change in said.items()}
        yield _creation(shared, changed, shared["who"], values)
        return
    for name, change in said.items():
        before, after = (_azure_field(name, change.get(side)) for side in ("oldValue", "newValue"))
        yield _line(shared, field=name, to=after, **{"from": before})


def _azure_field(name: str, value: Any) -> Any:
    value = _azure_value(value)
    if name == "labels":
        return [part.strip() for part in str(value or "").split(";") if part.strip()]
    return _day(value) if name == "due" else value


def _azure_value(value: Any) -> Any:
    """Return the name of a person, also of the older form `Ann Arbor <ann@example.org>`."""
    name = name_in(value)
    return re.sub(r"\s*<[^<>]*>$", "", name) if isinstance(name, str) else name


PRESETS: Final[Mapping[str, Preset]] = {
    preset.name: preset
    for preset in (
        Preset(
            "jira",
            "Jira",
            "curl -u USER:TOKEN 'https://SITE.atlassian.net/rest/api/3/search/jql?jql=project=SHOP&fields=*all&expand=changelog' > jira.json",
            _expand_jira,
        ),
        Preset(
            "github",
            "GitHub",
            "gh api --paginate repos/OWNER/REPO/issues/events --jq '.[]' > github.jsonl",
            _expand_github,
        ),
        Preset(
            "gitlab",
            "GitLab",
            "glab api --paginate projects/ID/issues > gitlab.json",
            _expand_gitlab,
        ),
        Preset("linear", "Linear", "Settings > Administration > Import/Export > Export CSV", _expand_linear),
        Preset(
            "openproject",
            "OpenProject",
            "curl -u apikey:KEY https://HOST/api/v3/work_packages/ID/activities > openproject.json",
            _expand_openproject,
        ),
        Preset(
            "redmine",
            "Redmine",
            "curl -H 'X-Redmine-API-Key: KEY' 'https://HOST/issues/ID.json?include=journals' >> redmine.jsonl",
            _expand_redmine,
        ),
        Preset("trello", "Trello", "Board menu > Print, export, and share > Export as JSON", _expand_trello),
        Preset(
            "azure-devops",
            "Azure DevOps",
            "curl -u :TOKEN https://dev.azure.com/ORG/PROJECT/_apis/wit/workItems/ID/updates?api-version=7.1 >> azure.jsonl",
            _expand_azure,
        ),
    )
}
