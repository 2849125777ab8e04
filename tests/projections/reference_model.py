"""A naive implementation of field values and their changes, to compare the read model with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from eventlog.entry import Entry

Key = tuple[str, str]


def known_entries(entries: Iterable[Entry], known_at: int) -> list[Entry]:
    return [entry for entry in entries if entry.recorded_at <= known_at]


def rows_of(entries: Iterable[Entry], known_at: int) -> dict[Key, list[tuple[int, int, int, Any]]]:
    """Return the rows of each field in effective order: when, position, index, and the change."""
    known = known_entries(entries, known_at)
    voided = {entry.event.voided_position() for entry in known}
    rows: dict[Key, list[tuple[int, int, int, Any]]] = {}
    for entry in known:
        if entry.position not in voided:
            for n, change in enumerate(entry.event.field_changes()):
                when = entry.effective_at if change.starts_at is None else change.starts_at
                rows.setdefault((entry.subject, change.field), []).append((when, entry.position, n, change))
    return {key: sorted(found, key=lambda row: row[:3]) for key, found in rows.items()}


def values_in_effect(entries: Iterable[Entry], as_of: int, known_at: int) -> dict[Key, tuple[Any, str | None]]:
    """Return value and source value of every field that has one."""
    values = {}
    for key, rows in rows_of(entries, known_at).items():
        before = [row for row in rows if row[0] <= as_of]
        if before and not (before[-1][3].ends_at is not None and before[-1][3].ends_at <= as_of):
            value, source_value = before[-1][3].value, before[-1][3].source_value
            if value not in (None, []) or source_value is not None:
                values[key] = (value, source_value)
    return values


def without_removed(values: dict[Key, Any]) -> dict[Key, Any]:
    """Return the fields of subjects that exist."""
    return {key: content for key, content in values.items() if values.get((key[0], "exists"), (False,))[0] is True}


def changes(entries: list[Entry], as_of: int, known_at: int) -> Iterator[tuple[int, str, str, Any, Any]]:
    """Yield every change of a field, also ends of periods: when, subject, field, before and after."""
    for (subject, field), rows in rows_of(entries, known_at).items():
        now: tuple[Any, str | None] = (None, None)
        for this, following in zip(rows, [*rows[1:], None], strict=True):
            when, _, _, change = this
            is_over = change.ends_at is not None and change.ends_at <= when
            after = (None, None) if is_over else (change.value, change.source_value)
            if when <= as_of:
                yield when, subject, field, now, after
            now = after
            if (
                change.ends_at is not None
                and not is_over
                and change.ends_at <= as_of
                and not (following and following[0] <= change.ends_at)
            ):
                yield change.ends_at, subject, field, now, (None, None)
                now = (None, None)
