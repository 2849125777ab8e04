"""The projector writes entries to the tables of the read model.

Rows are inserted and never moved. Only three columns of a `field_value` row change later: `voided_by`, once, and
`valid_to` and `next_id`, which point to the next row of the field. So backdated and voided entries are no special case:
a row that was inserted or voided affects its next row and the row before it, and no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Any, Final, Protocol

from eventsourcing.persistence import OperationalError

from domain.any_subject import TextsErased
from domain.fields import CHANGES_PER_EVENT, FieldChange, Value
from domain.values import ERASED, is_subject
from eventlog.entry import Entry
from projections.read_model.database import NextRow, RowKey, RowRange, Writer
from projections.read_model.event_rows import COLUMNS, entry_from_row, event_row, without_texts
from projections.read_model.schema import TEXTS_PER_EVENT, dumps

NOTE: Final = "note"
"""The field name of an event's note in the search index."""

MAX_REF_CHARS: Final = 500
"""Longer items of a list are prose, which `field_ref` does not index."""

FieldRowKey = tuple[str, str, int, int]
_FieldRow = tuple[FieldRowKey, int | None, str | None, str | None]
"""A new row of `field_value`: its key, the end of its period, value and source value."""


class Head(Protocol):
    """The end of the log."""

    @property
    def size(self) -> int: ...


class Source(Protocol):
    """A log to read from."""

    def read(self, after: int, limit: int) -> list[Entry]:
        """Return at most `limit` entries after a position, in order, without a gap."""
        ...

    def head(self) -> Head:
        """Return the current end of the log."""
        ...


class Gap(Exception):
    """An entry is missing: reading on would silently lose events."""


@dataclass(slots=True)
class _Batch:
    """The rows of some entries."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    becauses: list[tuple[str, int]] = field(default_factory=list)
    field_values: list[_FieldRow] = field(default_factory=list)
    refs: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    texts: list[tuple[int, str, str, int, str]] = field(default_factory=list)
    voids: list[tuple[str, int, int]] = field(default_factory=list)
    erased: list[int] = field(default_factory=list)
    created: set[str] = field(default_factory=set)
    """The subjects whose first entry is among these: the tables have no rows of them yet."""

    def add(self, entry: Entry) -> None:
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


class WrongPositionError(OperationalError):
    """The read model is damaged: its position is missing, or is not that of its last entry."""


class Projector:
    """Writes entries to the tables with one prefix, inside the caller's transaction."""

    def __init__(self, writer: Writer, prefix: str = "") -> None:
        self.writer = writer
        self.prefix = prefix

    def position(self) -> int:
        """Return the position of the last entry written.

        Raises:
            WrongPositionError: the row that holds it was changed or deleted.
        """
        found = self._run(
            "select position, (select coalesce(max(position), 0) from {p}event) from {p}projection where name = 'fields'"
        )
        if not found:
            raise WrongPositionError("its position is missing")
        position, last = map(int, found[0])
        if position != last:
            raise WrongPositionError(f"it is at position {position}, and its last entry is at {last}")
        return position

    def apply(self, entries: Sequence[Entry]) -> bool:
        """Write the next entries. Return whether they erased texts.

        Raises:
            Gap: the first entry does not follow the last one written, or one is missing.
        """
        before = self.position()
        for expected, entry in enumerate(entries, before + 1):
            if entry.position != expected:
                raise Gap(f"the read model is at position {expected - 1}, but the next entry is at {entry.position}")
        batch = self.write(entries)
        self._erase_texts(batch.erased)
        position = before + len(entries)
        self._run("update {p}projection set position = :position where name = 'fields'", position=position)
        return bool(batch.erased)

    def write(self, entries: Sequence[Entry]) -> _Batch:
        """Write only the rows of some entries, from anywhere in the log: not the position, and no erasure."""
        batch = _Batch()
        for entry in entries:
            batch.add(entry)
        self._insert(batch)
        return batch

    def _run(self, sql: str, **parameters: Any) -> Sequence[tuple[Any, ...]]:
        return self.writer.rows(sql.format(p=self.prefix), parameters)

    def _insert(self, batch: _Batch) -> None:
        self.writer.insert(self.prefix, "event", batch.events)
        self.writer.insert(self.prefix, "event_because", batch.becauses)
        self._insert_field_values(batch)
        self.writer.insert(self.prefix, "field_ref", sorted(batch.refs))
        self.writer.insert(self.prefix, "search", batch.texts)

    def _insert_field_values(self, batch: _Batch) -> None:
        """Insert the rows with their next rows, and update the rows before them and the voided ones."""
        new = {row[0] for row in batch.field_values}
        voided = self._find_voided(batch, new)
        after, before = self._find_next_rows(new, voided, batch.created)
        rows = [
            (*key, *(key[2:] if key in voided else after[key]), ends_at, voided.get(key), value, source_value)
            for key, ends_at, value, source_value in sorted(batch.field_values, key=itemgetter(0))
        ]  # sorted, because rows next to each other are on the same page
        self.writer.insert(self.prefix, "field_value", rows)
        updated = [(*key, *row_key, None) for key, row_key in after.items() if key in before and before[key] != row_key]
        newly_void = [(*key, *key[2:], by) for key, by in voided.items() if key not in new]
        self.writer.update_validity(self.prefix, updated + newly_void)

    def _find_voided(self, batch: _Batch, new: set[FieldRowKey]) -> dict[FieldRowKey, int]:
        """Return the rows that were voided, each with the position that first voided it, and mark their events."""
        found: dict[FieldRowKey, int] = {}
        for subject, voided, by in batch.voids:
            keys = [key for key in new if key[3] // CHANGES_PER_EVENT == voided]
            for key in keys or [row[:4] for row in self._rows_of_entry(subject, voided) if row[5] is None]:
                found.setdefault(key, by)
            self._run(
                "update {p}event set voided_by = :by where position = :voided and voided_by is null",
                by=by,
                voided=voided,
            )
        return found

    def _find_next_rows(
        self, new: set[FieldRowKey], voided: dict[FieldRowKey, int], created: set[str]
    ) -> tuple[dict[FieldRowKey, NextRow], dict[FieldRowKey, NextRow]]:
        """Return the next rows of inserted rows and of their neighbors, and what they were before."""
        touched: dict[tuple[str, str], list[RowKey]] = defaultdict(list)
        for subject, name, valid_from, id_ in sorted({*new, *voided}):
            touched[subject, name].append((valid_from, id_))
        ranges: list[RowRange] = [(*field_key, row_keys[0], row_keys[-1]) for field_key, row_keys in touched.items()]
        before: dict[FieldRowKey, NextRow] = {}
        for subject, name, *row_key in voided:
            touched[subject, name].remove((row_key[0], row_key[1]))
        live_rows = [set(row_keys) for row_keys in touched.values()]
        stored = [n for n, (subject, *_) in enumerate(ranges) if subject not in created]
        for index, valid_from, id_, valid_to, next_id in self.writer.neighbors(
            self.prefix, [ranges[n] for n in stored]
        ):
            n = stored[index]
            key = (*ranges[n][:2], valid_from, id_)
            before[key] = valid_to, next_id
            if key not in voided:
                live_rows[n].add((valid_from, id_))
        after: dict[FieldRowKey, NextRow] = {}
        for (subject, name, _, last), row_keys in zip(ranges, live_rows, strict=True):
            ordered = sorted(row_keys)
            after |= {(subject, name, *one): next_cursor for one, next_cursor in pairwise(ordered)}
            if ordered and ordered[-1] <= last:  # there is no next row; rows beyond the range keep theirs
                after[subject, name, *ordered[-1]] = None, None
        return after, before

    def _rows_of_entry(self, subject: str, position: int) -> Sequence[tuple[Any, ...]]:
        """Return the rows of `field_value` that an entry created."""
        first = position * CHANGES_PER_EVENT
        sql = """select subject, field, valid_from, id, value, voided_by from {p}field_value
            where subject = :subject and id >= :first and id < :end"""
        return self._run(sql, subject=subject, first=first, end=first + CHANGES_PER_EVENT)

    def _erase_texts(self, positions: Sequence[int]) -> None:
        """Rewrite the rows of these entries without their texts.

        The entries are restored from the rows, because the log has already erased their texts.
        """
        for position in positions:
            (row,) = self._run(f"select {COLUMNS} from {{p}}event where position = :position", position=position)
            erased = _Batch()
            erased.add(without_texts(entry_from_row(row)))
            self._update_texts(erased)
            note, refs, body = (erased.events[0][n] for n in (14, 19, 22))
            sql = "update {p}event set note = :note, refs = :refs, body = :body where position = :position"
            self._run(sql, note=note, refs=refs, body=body, position=position)
            sql = "delete from {p}search where rowid >= :first and rowid < :end"
            self._run(sql, first=position * TEXTS_PER_EVENT, end=(position + 1) * TEXTS_PER_EVENT)
            self.writer.insert(self.prefix, "search", erased.texts)
        if positions:
            self.writer.optimize_search(self.prefix)

    def _update_texts(self, erased: _Batch) -> None:
        this = "subject = :subject and field = :field and valid_from = :valid_from and id = :id"
        for (subject, name, valid_from, id_), _, value, source_value in erased.field_values:
            key = {"subject": subject, "field": name, "valid_from": valid_from, "id": id_}
            self._run(
                f"update {{p}}field_value set value = :value, source_value = :source_value where {this}",
                value=value,
                source_value=source_value,
                **key,
            )
            self._run(f"delete from {{p}}field_ref where {this}", **key)
        self.writer.insert(self.prefix, "field_ref", erased.refs)


def _refs(change: FieldChange) -> Iterable[str]:
    """Return what a field can be found by: the subjects it refers to, and the items of its list."""
    if not isinstance(change.value, list):
        return dict.fromkeys(change.refs)
    short = [item for item in change.value if isinstance(item, str) and len(item) <= MAX_REF_CHARS and item != ERASED]
    return dict.fromkeys((*change.refs, *short))


def _strings(value: Value) -> list[str]:
    """Return all strings in a value at any depth, but not the ids that name subjects in a record."""
    if isinstance(value, str):
        return [value]
    members: Iterable[Value] = ()
    if isinstance(value, list):
        members = value
    elif isinstance(value, dict):
        members = [member for member in value.values() if not (isinstance(member, str) and is_subject(member))]
    return [text for member in members for text in _strings(member)]
