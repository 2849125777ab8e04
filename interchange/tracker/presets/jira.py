"""Jira: issues with their changelog from the REST API, and the CSV of issues."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from interchange.tracker.columns import name_in
from interchange.tracker.entries import NOW
from interchange.tracker.presets.csv_records import Headers, cells_of, column_of, expand_csv
from interchange.tracker.presets.lines import (
    EMPTY,
    Line,
    Row,
    build_creation,
    build_line,
    by_time,
    left_out,
    list_names,
    problem,
    state_lines,
    title_in,
    without_empty,
)
from interchange.tracker.presets.shared_mapping import STATUS_WORDS
from interchange.value_parsers import fold_word, nameless

_FIELDS: Final = {
    "summary": "title",
    "description": "description",
    "status": "status",
    "assignee": "assignee",
    "fix version": "release",
    "fixversions": "release",
    "labels": "labels",
    "component": "components",
    "components": "components",
    "version": "versions",
    "versions": "versions",
    "duedate": "due",
    "due date": "due",
    "issuetype": "type",
    "priority": "priority",
}
_CSV: Final[Headers] = {
    "record": ("Issue key", "Key"),
    "identity": ("Issue id",),
    "title": ("Summary",),
    "status": ("Status",),
    "assignee": ("Assignee",),
    "creator": ("Creator", "Reporter"),
    "created": ("Created",),
    "updated": ("Updated",),
    "resolved": ("Resolved",),
    "release": ("Fix Version/s", "Fix versions", "Fix Version"),
    "labels": ("Labels",),
    "due": ("Due date",),
    "type": ("Issue Type",),
    "priority": ("Priority",),
    "description": ("Description",),
}
_RESOLUTION: Final = ("Resolution", "Lösung", "Résolution", "Resolución", "Resolução", "解決状況", "解决结果")
_MEMBERS: Final = ("release", "components", "versions")
"""Fields with several values, of which each item of a changelog adds or removes one."""
_SPRINT: Final = re.compile(r"[\[,]name=([^,\]]*)")
_READ: Final = frozenset(
    {"summary", "description", "status", "assignee", "fixVersions", "labels", "duedate", "issuetype", "priority"}
    | {"components", "versions"}
    | {"created", "updated", "creator", "comment", "worklog", "attachment", "watches", "votes", "lastViewed", "project"}
    | {"progress", "aggregateprogress", "workratio", "statuscategorychangedate", "issuelinks", "subtasks", "thumbnail"}
)
"""The fields of an issue that are read by their meaning, or that say nothing of the issue itself."""


MAX_MISSING_CHANGES: Final = 10_000
"""What a page says of how many changes it lacks is counted up to here: an issue has no more, and anything can be said."""


def expand_jira(row: Row) -> Iterator[Line]:
    """Yield the lines for an issue: its creation, each change of its changelog, and what no change is known of."""
    if "fields" in row or "changelog" in row:
        yield from _expand_issue(row)
    elif "items" in row and "created" in row:
        yield problem(row, "a change without its issue; export the issues with `expand=changelog`")
    else:
        cells = cells_of(row)
        status, resolution = column_of("status", _CSV["status"], cells), column_of("resolution", _RESOLUTION, cells)
        outcome = {status: _outcome(row[status], row[resolution])} if status and resolution else {}
        yield from expand_csv({**row, **outcome}, _CSV)


def _outcome(status: Any, resolution: Any) -> Any:
    """Return the status of an issue; if it is done with a resolution such as Won't Do, that resolution."""
    means = [STATUS_WORDS.get(fold_word(str(one))) for one in (status, resolution)]
    return resolution if means == ["shipped", "dropped"] else status


def _expand_issue(row: Row) -> Iterator[Line]:
    fields = row.get("fields") or {}
    changelog = row.get("changelog") or {}
    if isinstance(changelog, list):
        changelog = {"histories": changelog}
    histories = by_time(changelog.get("histories") or changelog.get("values") or (), "created")
    items = list(_with_outcomes(histories, fields))
    keys = [item for _, item in items if str(item.get("field")).casefold() == "key"]
    name = keys[0].get("fromString") if keys else row.get("key")
    record = {"record": name, "identity": str(row.get("id") or row.get("key"))}
    now = _read_fields(fields)
    if fields.get("created"):
        who = title_in(fields.get("creator") or fields.get("reporter"))
        first = {**now, **_first_values(items, now)} if "changelog" in row else {"title": now["title"]}
        yield build_creation(record, fields["created"], who, first)
    for history, item in items:
        shared = {"id": history.get("id"), "when": history.get("created"), "who": name_in(history.get("author"))}
        yield from _expand_item(record, shared, item)
        if str(item.get("field")).casefold() == "key":
            record = {**record, "record": item.get("toString")}
    changed = {str(item.get(key)).casefold() for _, item in items for key in ("field", "fieldId")}
    rest = _rest(fields, changed | {_FIELDS[name] for name in changed & _FIELDS.keys()})
    yield from state_lines(record, fields.get("updated") or NOW, {**rest, **({} if "changelog" in row else now)})
    yield from _count_left_out(fields, changelog, len(histories))


def _with_outcomes(histories: Iterable[Row], fields: Row) -> Iterator[tuple[Row, Row]]:
    """Yield the items of a changelog with their history. What a status means also depends on the resolution.

    An item that differs from the export for that reason has an id of its own.
    """
    histories = list(histories)
    told = {name: _before_all(histories, name, fields) for name in ("status", "resolution")}
    for history in histories:
        items = {str(item.get("field")).casefold(): item for item in history.get("items") or ()}
        before = _outcome(told["status"], told["resolution"])
        told |= {name: _name_or_id(items[name], "to") for name in told if name in items}
        after = _outcome(told["status"], told["resolution"])
        changed = {**items.get("status", {}), "field": "status", "fromString": before, "toString": after}
        own = {**history, "id": f"{history['id']}-status"} if history.get("id") else history
        is_same = "status" in items and (before, after) == tuple(
            _name_or_id(items["status"], side) for side in ("from", "to")
        )
        for item in history.get("items") or ():
            yield (own, changed) if item is items.get("status") and not is_same else (history, item)
        if "status" not in items and before != after:
            yield own, changed


def _before_all(histories: Iterable[Row], field: str, fields: Row) -> Any:
    """Return the value of a field before its first change; what it is now, if it never changed."""
    items = (item for history in histories for item in history.get("items") or ())
    first = next((item for item in items if str(item.get("field")).casefold() == field), None)
    return _name_or_id(first, "from") if first else title_in(fields.get(field))


def _count_left_out(fields: Row, changelog: Row, histories: int) -> Iterator[Line]:
    comments = (fields.get("comment") or {}).get("comments") if isinstance(fields.get("comment"), dict) else None
    for _ in comments or ():
        yield left_out("comment")
    total = changelog.get("total")
    missing = total - histories if isinstance(total, int) else 0
    for _ in range(min(missing, MAX_MISSING_CHANGES)):
        yield left_out("change that is missing from this page of the changelog; export the issue alone")


def _read_fields(fields: Row) -> Row:
    """Return what an issue is now."""
    return {
        "title": fields.get("summary"),
        "description": _plain_text(fields.get("description")),
        "status": _outcome(title_in(fields.get("status")), title_in(fields.get("resolution"))),
        "assignee": title_in(fields.get("assignee")),
        "type": title_in(fields.get("issuetype")),
        "priority": title_in(fields.get("priority")),
        "release": list_names(fields.get("fixVersions")),
        "components": list_names(fields.get("components")),
        "versions": list_names(fields.get("versions")),
        "labels": fields.get("labels"),
        "due": fields.get("duedate"),
    }


def _rest(fields: Row, changed: set[str]) -> Row:
    """Return the other fields of an issue that say something in words or numbers, and of which no change is known."""
    found = {}
    for name, value in fields.items():
        if name in _READ or name.casefold() in changed or name.startswith(("aggregate", "timeestimate")):
            continue
        said = [_sprint_in(one) for one in list_names(value)] if isinstance(value, list) else _name_of(value)
        if said not in EMPTY and not (isinstance(said, str) and said.startswith(("{", "com.atlassian."))):
            found[name] = said[0] if isinstance(said, list) and len(said) == 1 else said
    return without_empty(found)


def _sprint_in(text: str) -> str:
    """Return the name of a sprint in the form that Jira Server gives it."""
    found = _SPRINT.search(text) if text.startswith("com.atlassian.") else None
    return found[1] if found else text


def _name_of(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.get("type") == "doc":
        return _plain_text(value)
    return title_in(value) if "displayName" in value else value.get("key") or title_in(value)


def _plain_text(value: Any) -> str | None:
    """Return the text of a description, also of a document in the Atlassian Document Format."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return None
    inner = [part for one in value.get("content") or () if (part := _plain_text(one))]
    if value.get("type") in ("doc", "bulletList", "orderedList", "listItem", "table", "tableRow", "blockquote"):
        return "\n".join(inner) or None
    return value.get("text") or ("\n" if value.get("type") == "hardBreak" else "".join(inner)) or None


def _first_values(items: Iterable[tuple[Row, Row]], now: Row) -> Row:
    """Return the values that an issue was created with: those before its first change."""
    first: Row = {}
    members: dict[str, list[Any]] = {name: list(now[name]) for name in _MEMBERS}
    for _, item in reversed(list(items)):
        name = _FIELDS.get(str(item.get("field")).casefold())
        if name in members:
            gone, before = _name_or_id(item, "to"), _name_or_id(item, "from")
            members[name] = [one for one in members[name] if one != gone] + ([before] if before else [])
        elif name == "labels":
            first[name] = str(item.get("fromString") or "").split()
        elif name is not None:
            first[name] = _day(item.get("from")) if name == "due" else _name_or_id(item, "from")
    return {**first, **members}


def _name_or_id(item: Row, side: str) -> Any:
    """Return a value as it is shown, else its id: the name of a deleted account is not exported, its id is."""
    shown, key = item.get(f"{side}String"), item.get(side)
    return shown or (nameless(key) if key else None)


def _expand_item(record: Row, shared: Row, item: Row) -> Iterator[Line]:
    raw = str(item.get("field") or "")
    name = _FIELDS.get(raw.casefold(), raw)
    before, after = _name_or_id(item, "from"), _name_or_id(item, "to")
    if raw.casefold() == "key":
        yield build_line(record, **shared, kind="renamed", **{"from": before}) | {"record": after}
    elif name in _MEMBERS or (raw.casefold() == "link" and (before is None or after is None)):
        yield build_line(record, **shared, field=name, added=after, removed=before)
    elif name == "labels":
        yield build_line(
            record, **shared, field=name, to=str(after or "").split(), **{"from": str(before or "").split()}
        )
    elif name == "due":
        yield build_line(record, **shared, field=name, to=_day(item.get("to")), **{"from": _day(item.get("from"))})
    else:
        yield build_line(record, **shared, field=name, to=after, **{"from": before})


def _day(value: Any) -> Any:
    return value[:10] if isinstance(value, str) else value
