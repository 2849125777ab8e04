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
    member_line,
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
_EVENT_FIELDS: Final = {"label": "labels", "milestone": "release"}
_RENAMED: Final = re.compile(r"changed title from \*\*(?P<before>.*)\*\* to \*\*(?P<after>.*)\*\*", re.DOTALL)
_DUE: Final = re.compile(r"\bchanged due date to (?P<day>[^\n]{1,40}?)(?: and |$)|\bremoved due date\b")
_MILESTONE: Final = re.compile(r"changed milestone to %(?P<name>[^\n]{1,300})|removed milestone")
_LABELED: Final = re.compile(r"(?:added|removed) (?=~)")
_LABEL: Final = re.compile(r"~(?:\"([^\"\n]{1,300})\"|([^\s,~\"]{1,300}))")
_STATE: Final = re.compile(r"(closed|reopened)(?: via [^\n]{1,300})?")
_ASSIGNED: Final = re.compile(r"\b(unassigned|assigned to) ((?:(?:, | and |, and )?@[\w.-]+)+)")


def expand_gitlab(row: Row) -> Iterator[Line]:
    """Yield the lines for an issue: its creation, its events, the changes in its notes, and its state."""
    if "iid" not in row:
        yield from expand_csv(_with_utc(row), _CSV, prefix="#", several=("assignee",))
        return
    record = {"record": f"#{row['iid']}", "identity": str(row.get("id") or row["iid"])}
    events = [
        {**one, "kind": kind}
        for kind in ("state", "label", "milestone", "weight", "iteration")
        for one in row.get(f"resource_{kind}_events") or row.get(f"{kind}_events") or ()
    ]
    known = {event["kind"] for event in events}
    system_notes = by_time(row.get("notes") or (), "created_at")
    notes = [line for note in system_notes for line in _expand_note(record, note, known)]
    first_title = next((line["from"] for line in notes if line.get("field") == "title"), row.get("title"))
    first = {"title": first_title, "status": "opened"}
    yield build_creation(record, row.get("created_at"), name_in(row.get("author")), first)
    for event in by_time(events, "created_at"):
        yield _expand_event(record, event)
    yield from notes
    says_state = "state" in known or any(line.get("field") == "status" for line in notes)
    if row.get("closed_at") and not says_state:
        yield build_line(record, when=row["closed_at"], who=name_in(row.get("closed_by")), field="status", to="closed")
    if row.get("issue_assignees") and not row.get("assignees"):
        yield left_out("assignee whose name the export does not give")
    yield from state_lines(record, row.get("updated_at"), _state_of(row, known))


def _state_of(row: Row, known: set[str]) -> Row:
    """Return what an issue is now, besides what its events say."""
    labels = row.get("labels") or [one.get("label") for one in row.get("label_links") or ()]
    return {
        "assignee": list_names(row.get("assignees")),
        "due": row.get("due_date"),
        "description": row.get("description"),
        "labels": None if "label" in known else list_names(labels),
        "release": None if "milestone" in known else title_in(row.get("milestone")),
        **{name: title_in(row.get(name)) for name in ("weight", "iteration") if name not in known},
        **{name: title_in(row.get(name)) for name in ("epic", "health_status")},
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
    if kind == "weight":
        return build_line(shared, field="weight", to=event.get("weight"))
    side = "removed" if event.get("action") == "remove" else "added"
    return member_line(shared, _EVENT_FIELDS.get(kind) or str(kind), side, title_in(event.get(kind)))


def _expand_note(record: Row, note: Row, known: set[str]) -> Iterator[Line]:
    """Yield the changes that a note of the system tells, where no event does; `known` are the kinds of events.

    Exports of older versions have no events for states, labels and milestones.
    """
    if not note.get("system"):
        yield left_out("comment")
        return
    text = str(note.get("note") or note.get("body") or "")
    shared = {**record, "when": note.get("created_at"), "who": name_in(note.get("author"))}
    if (renamed := _RENAMED.search(text)) is not None:
        before, after = (re.sub(r"\{[-+]|[-+]\}", "", renamed[side]) for side in ("before", "after"))
        yield build_line(shared, field="title", to=after, **{"from": before})
    elif (due := _DUE.search(text)) is not None:
        yield build_line(shared, field="due", to=due["day"])
    elif text == "removed assignee":
        yield build_line(shared, field="assignee", to=None)
    elif (state := _STATE.fullmatch(text)) is not None:
        yield from () if "state" in known else (build_line(shared, field="status", to=state[1]),)
    elif (milestone := _MILESTONE.fullmatch(text)) is not None:
        yield from () if "milestone" in known else (build_line(shared, field="release", to=milestone["name"]),)
    elif _LABELED.match(text):
        yield from () if "label" in known else _label_lines(shared, text)
    elif assigned := _ASSIGNED.findall(text):
        for verb, names in assigned:
            side = "removed" if verb == "unassigned" else "added"
            yield build_line(shared, field="assignee", **{side: re.findall(r"@[\w.-]+", names)})
    else:
        yield left_out(f"note `{' '.join(text.split()[:2])} …`")


def _label_lines(shared: Row, text: str) -> Iterator[Line]:
    """Yield the labels that a note adds and removes, such as `added ~bug and removed ~"needs review" labels`."""
    for verb, part in re.findall(r"(added|removed) ((?:(?!\b(?:added|removed) ~).)*)", text):
        for quoted, bare in _LABEL.findall(part):
            name = quoted or bare
            if name.isdigit():  # the number of a label, whose name the export does not give
                yield left_out("change of labels that names no value")
            else:
                yield member_line(shared, "labels", "added" if verb == "added" else "removed", name)


def _with_utc(row: Row) -> Row:
    """Return a row whose times say that they are in UTC, as their headers do."""
    return {name: _in_utc(value) if name.endswith("(UTC)") else value for name, value in row.items()}


def _in_utc(value: Any) -> Any:
    return f"{value} UTC" if isinstance(value, str) and value.strip()[-1:].isdigit() else value
