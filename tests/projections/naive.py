"""The read model's twin: what cells hold and what steps there were, straight from the definition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from eventlog.entry import Entry

Key = tuple[str, str]


def known(entries: Iterable[Entry], known_at: int) -> list[Entry]:
    return [entry for entry in entries if entry.recorded_at <= known_at]


def rows_of(entries: Iterable[Entry], known_at: int) -> dict[Key, list[tuple[int, int, int, Any]]]:
    """The rows of each cell in effective order: when, position, place, and the step."""
    seen = known(entries, known_at)
    voided = {entry.event.voided_position() for entry in seen}
    rows: dict[Key, list[tuple[int, int, int, Any]]] = {}
    for entry in seen:
        if entry.position not in voided:
            for n, step in enumerate(entry.event.field_changes()):
                when = entry.effective_at if step.starts_at is None else step.starts_at
                rows.setdefault((entry.subject, step.field), []).append((when, entry.position, n, step))
    return {key: sorted(found, key=lambda row: row[:3]) for key, found in rows.items()}


def holds(entries: Iterable[Entry], as_of: int, known_at: int) -> dict[Key, tuple[Any, str | None]]:
    """Value and word of every cell that holds something."""
    held = {}
    for key, rows in rows_of(entries, known_at).items():
        before = [row for row in rows if row[0] <= as_of]
        if before and not (before[-1][3].ends_at is not None and before[-1][3].ends_at <= as_of):
            value, word = before[-1][3].value, before[-1][3].source_value
            if value not in (None, []) or word is not None:
                held[key] = (value, word)
    return held


def on_record(held: dict[Key, Any]) -> dict[Key, Any]:
    """Without the cells of subjects that do not exist."""
    return {key: said for key, said in held.items() if held.get((key[0], "exists"), (False,))[0] is True}


def steps(entries: list[Entry], as_of: int, known_at: int) -> Iterator[tuple[int, str, str, Any, Any]]:
    """Every change of a cell, ends of terms included: when, subject, field, before and after."""
    for (subject, field), rows in rows_of(entries, known_at).items():
        now: tuple[Any, str | None] = (None, None)
        for this, following in zip(rows, [*rows[1:], None], strict=True):
            when, _, _, step = this
            over = step.ends_at is not None and step.ends_at <= when
            after = (None, None) if over else (step.value, step.source_value)
            if when <= as_of:
                yield when, subject, field, now, after
            now = after
            if (
                step.ends_at is not None
                and not over
                and step.ends_at <= as_of
                and not (following and following[0] <= step.ends_at)
            ):
                yield step.ends_at, subject, field, now, (None, None)
                now = (None, None)
