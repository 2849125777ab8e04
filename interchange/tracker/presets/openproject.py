"""OpenProject: activities and work packages from the API, and the CSV of work packages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any, Final

from interchange.tracker.presets.csv_records import Headers, expand_csv
from interchange.tracker.presets.lines import Line, Row, build_creation, build_line, left_out, problem, state_lines

CSV_HEADERS: Final[Headers] = {
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
_FIELDS: Final = {
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
_LINKS: Final = {
    "status": "status",
    "assignee": "assignee",
    "release": "version",
    "type": "type",
    "priority": "priority",
    "parent": "parent",
    "responsible": "responsible",
    "category": "category",
}
_CHANGED: Final = re.compile(r"(?P<name>[^\n]{1,80}?) (?:changed )?from (?P<before>.*?) to (?P<after>.*)", re.DOTALL)
_SET: Final = re.compile(r"(?P<name>[^\n]{1,80}?) (?:set to|added:) ?(?P<after>.*)", re.DOTALL)
_DELETED: Final = re.compile(r"(?P<name>[^\n]{1,80}?) (?:deleted|removed) \((?P<before>.*?)\)", re.DOTALL)
_MARKED: Final = re.compile(
    r"<strong>([^<]{1,80})</strong> changed from (<i\b.{0,2000}?</i>) <strong>to</strong> (<i\b.{0,2000}</i>)",
    re.DOTALL,
)
_ATTACHMENT: Final = re.compile(r"(?:File|Attachment) .* (?:added|deleted|removed)(?: as attachment)?", re.DOTALL)
_DESCRIPTION: Final = re.compile(r"Description (?:set|changed) \(.*\)", re.DOTALL)


def expand_openproject(row: Row) -> Iterator[Line]:
    """Yield the lines for an activity, a work package, or a collection of these."""
    embedded = row.get("_embedded")
    if isinstance(embedded, dict) and isinstance(embedded.get("elements"), list):
        for one in embedded["elements"]:
            yield from expand_openproject(one)
    elif str(row.get("_type", "")).startswith("Activity"):
        yield from _expand_activity(row)
    elif row.get("_type") == "WorkPackage":
        yield from _expand_work_package(row)
    else:
        yield from expand_csv(row, CSV_HEADERS, prefix="#")


def _expand_work_package(row: Row) -> Iterator[Line]:
    links = row.get("_links") or {}
    record = {"record": f"#{row.get('id')}", "identity": str(row.get("id"))}
    yield build_creation(record, row.get("createdAt"), _link_title(links, "author"), {"title": row.get("subject")})
    values = {
        "title": row.get("subject"),
        "description": (row.get("description") or {}).get("raw"),
        "due": row.get("dueDate") or row.get("date"),
        **{name: row.get(name) for name in ("startDate", "percentageDone", "estimatedTime")},
        **{name: _link_title(links, link) for name, link in _LINKS.items()},
    }
    for activity in _activities_of(row):
        yield from _expand_activity(activity, str(row.get("id")))
    yield from state_lines(record, row.get("updatedAt"), values)


def _activities_of(row: Row) -> list[Row]:
    """Return the activities that a work package was exported with."""
    found = row.get("activities") or (row.get("_embedded") or {}).get("activities") or []
    if isinstance(found, dict):
        found = (found.get("_embedded") or {}).get("elements") or []
    return [one for one in found if isinstance(one, dict)]


def _link_title(links: Row, name: str) -> Any:
    return (links.get(name) or {}).get("title")


def _expand_activity(row: Row, work_package: str = "") -> Iterator[Line]:
    links = row.get("_links") or {}
    number = re.search(r"(\d+)$", work_package or str((links.get("workPackage") or {}).get("href") or ""))
    comment = (row.get("comment") or {}).get("raw")
    shared = {
        "record": f"#{number[1]}" if number else None,
        "identity": number[1] if number else None,
        "id": row.get("id"),
        "when": row.get("createdAt"),
        "who": _link_title(links, "user"),
        "note": comment or None,
    }
    details = [one if isinstance(one, dict) else {"raw": one} for one in row.get("details") or ()]
    if comment and not details:
        yield left_out("comment")
    for detail in details:
        yield _expand_detail(shared, str(detail.get("raw")), str(detail.get("html") or ""))


def _expand_detail(shared: Row, text: str, markup: str) -> Line:
    """Return the change that a sentence of an activity tells. In HTML, values that contain "to" are marked as such."""
    marked = _MARKED.fullmatch(markup)
    if marked is not None:
        name, before, after = (html.unescape(re.sub(r"<[^<>]*>", "", part)) for part in marked.groups())
        return build_line(shared, field=_FIELDS.get(name.casefold(), name), to=after, **{"from": before})
    if _ATTACHMENT.fullmatch(text):
        return left_out("attachment")
    if _DESCRIPTION.fullmatch(text):
        return left_out("change of a description, which the export does not give")
    found = _CHANGED.fullmatch(text) or _SET.fullmatch(text) or _DELETED.fullmatch(text)
    if found is None:
        return problem({**shared, "detail": text}, f"the sentence {text[:80]!r} names no field and value")
    parts = found.groupdict()
    name = _FIELDS.get(parts["name"].casefold(), parts["name"])
    return build_line(shared, field=name, to=parts.get("after"), **{"from": parts.get("before")})
