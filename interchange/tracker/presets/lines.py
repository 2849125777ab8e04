"""The lines that a preset makes of the rows of an export, with one set of columns for all systems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from interchange.source_file import nodes_of
from interchange.tracker.columns import name_in
from interchange.tracker.entries import LEFT_OUT, PROBLEM

Row = dict[str, Any]
Line = dict[str, Any]
EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


def build_line(record: Mapping[str, Any], **more: Any) -> Line:
    """Return a line about a record."""
    return {**record, **more}


def build_creation(record: Mapping[str, Any], when: Any, who: Any, values: Mapping[str, Any]) -> Line:
    """Return the line that creates a record with its first values."""
    return build_line(record, kind="created", when=when, who=who, to=without_empty(values))


def state_lines(record: Mapping[str, Any], when: Any, values: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the line that says what a record is at a time, if that is known."""
    said = without_empty(values)
    if when not in EMPTY and said:
        yield build_line(record, kind="state", when=when, to=said)


def member_line(shared: Mapping[str, Any], field: str, side: str, value: Any) -> Line:
    """Return the line that adds a member to a field, or removes one; some exports do not name one that was deleted."""
    if value in EMPTY:
        return left_out(f"change of {field} that names no value")
    return build_line(shared, field=field, **{side: value})


def left_out(what: str) -> Line:
    """Return what stands for a part of the export that changes no field of a record; the report counts it."""
    return {LEFT_OUT: what}


def problem(row: Mapping[str, Any], why: str) -> Line:
    """Return a row that cannot be read as a line; the report names the reason, and the import keeps the row."""
    return {**row, PROBLEM: why}


def without_empty(values: Mapping[str, Any]) -> Row:
    """Return the values that are not empty."""
    return {name: value for name, value in values.items() if value not in EMPTY}


def list_names(values: Any) -> list[str]:
    """Return the names in a list of objects or of texts, in the nodes of a GraphQL list, or in a text with commas."""
    if isinstance(values, dict):
        values = nodes_of(values) or []
    if isinstance(values, str):
        return [part.strip() for part in values.split(",") if part.strip()]
    return [str(name) for one in values or () if (name := title_in(one)) not in EMPTY]


def title_in(value: Any) -> Any:
    """Return the name or the title in an object; any other value is returned unchanged."""
    if not isinstance(value, dict):
        return value
    named = name_in(value)
    return named if named is not None else value.get("title") or value.get("value")


def day_of(value: Any) -> Any:
    """Return the day of a time in ISO format."""
    return value[:10] if isinstance(value, str) else value


def by_time(changes: Iterable[Row], *names: str) -> list[Row]:
    """Return the objects in the order of the first of some times that each has."""
    return sorted(
        (one for one in changes if isinstance(one, dict)),
        key=lambda one: next((str(one[name]) for name in names if one.get(name)), ""),
    )
