"""Linear: the CSV of issues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from interchange.tracker.presets.csv_records import Headers, expand_csv
from interchange.tracker.presets.lines import Line, Row

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


def expand_linear(row: Row) -> Iterator[Line]:
    """Yield the lines for an issue."""
    yield from expand_csv(row, _CSV)
