"""The rows of entries, computed from the entries alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from domain.any_subject import TextsErased
from domain.fields import CHANGES_PER_EVENT, FieldChange, Value
from domain.values import ERASED, is_subject
from eventlog.entry import Entry
from projections.read_model.event_rows import event_row
from projections.read_model.schema import TEXTS_PER_EVENT, dumps

NOTE: Final = "note"
"""The field name of an event's note in the search index."""

MAX_REF_CHARS: Final = 500
"""Longer items of a list are prose, which `field_ref` does not index."""

FieldRowKey = tuple[str, str, int, int]
FieldRow = tuple[FieldRowKey, int | None, str | None, str | None]
"""A new row of `field_value`: its key, the end of its period, value and source value."""


@dataclass(slots=True)
class RowBatch:
    """The rows of some entries, without what depends on other rows. It can be sent to another process."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    becauses: list[tuple[str, int]] = field(default_factory=list)
    field_values: list[FieldRow] = field(default_factory=list)
    refs: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    texts: list[tuple[int, str, str, int, str]] = field(default_factory=list)
    voids: list[tuple[str, int, int]] = field(default_factory=list)
    erased: list[int] = field(default_factory=list)
    created: set[str] = field(default_factory=set)
    """The subjects whose first entry is among these: the tables have no rows of them yet."""

    @property
    def last(self) -> int:
        """The position of the last entry."""
        return int(self.events[-1][0])

    def add(self, entry: Entry) -> None:
        """Add the rows of an entry."""
        if entry.version == 1:
            self.created.add(entry.subject)
        self.events.append(event_row(entry))
        if entry.metadata.because:
            self.becauses.extend((decision, entry.position) for decision in dict.fromkeys(entry.metadata.because))
        effective_at = entry.effective_at
        for n, change in enumerate(entry.event.field_changes()):
            self._add_change(entry, n, change, effective_at if change.starts_at is None else change.starts_at)
        if entry.metadata.note is not None:
            self._add_text(entry, TEXTS_PER_EVENT - 1, NOTE, entry.metadata.note)
        voided = entry.event.voided_position()
        if voided is not None:
            self.voids.append((entry.subject, voided, entry.position))
        if isinstance(entry.event, TextsErased):
            self.erased.extend(entry.event.positions)

    def _add_change(self, entry: Entry, n: int, change: FieldChange, valid_from: int) -> None:
        name, subject = change.field, entry.subject
        id_ = entry.position * CHANGES_PER_EVENT + n
        value = None if change.value is None else dumps(change.value)
        self.field_values.append(((subject, name, valid_from, id_), change.ends_at, value, change.source_value))
        for ref in _refs(change):
            self.refs.append((ref, name, subject, valid_from, id_))
        if change.is_searchable:
            self._add_text(entry, n, name, [change.value, change.source_value])

    def _add_text(self, entry: Entry, n: int, name: str, value: Value) -> None:
        content = "\n".join([text for text in _strings(value) if text != ERASED])
        if content:
            row = entry.position * TEXTS_PER_EVENT + n
            self.texts.append((row, entry.subject, name, entry.position, content))


def flatten(entries: Iterable[Entry]) -> RowBatch:
    """Return the rows of some entries."""
    batch = RowBatch()
    for entry in entries:
        batch.add(entry)
    return batch


def _refs(change: FieldChange) -> Iterable[str]:
    """Return what a field can be found by: the subjects it refers to, and the items of its list."""
    if not isinstance(change.value, list):
        return dict.fromkeys(change.refs)
    short = [item for item in change.value if isinstance(item, str) and len(item) <= MAX_REF_CHARS and item != ERASED]
    return dict.fromkeys((*change.refs, *short))


def _strings(value: Value, *, in_record: bool = False) -> list[str]:
    """Return all strings in a value at any depth, but not the ids that name subjects in a record."""
    if isinstance(value, str):
        return [] if in_record and is_subject(value) else [value]
    if isinstance(value, dict):
        return [text for member in value.values() for text in _strings(member, in_record=True)]
    members = value if isinstance(value, list) else []
    return [text for member in members for text in _strings(member, in_record=in_record)]
