"""The projector writes entries to the tables of the read model.

Rows are inserted and never moved. Only three columns of a `field_value` row change later: `voided_by`, once, and
`valid_to` and `next_id`, which point to the next row of the field. So backdated and voided entries are no special case:
a row that was inserted or voided affects its next row and the row before it, and no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, Protocol

from eventsourcing.persistence import OperationalError

from domain.fields import CHANGES_PER_EVENT
from eventlog.entry import Entry
from projections.read_model.database import NextRow, RowKey, RowRange, Writer
from projections.read_model.event_rows import COLUMNS, entry_from_row, without_texts
from projections.read_model.row_batch import FieldRowKey, RowBatch, flatten
from projections.read_model.schema import TEXTS_PER_EVENT


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


class WrongPositionError(OperationalError):
    """The read model cannot be used: its position is missing or not that of its last entry, or it has another version."""


class Projector:
    """Writes entries to the tables with one prefix, inside the caller's transaction."""

    _field_values = "field_value"
    _field_refs = "field_ref"
    """The tables that have the rows of field values, and of what they refer to."""

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
        return self.apply_batch(flatten(entries))

    def apply_batch(self, batch: RowBatch) -> bool:
        """Write the rows of the next entries. Return whether they erased texts.

        Raises:
            Gap: the first entry does not follow the last one written, or one is missing.
        """
        position = self.position()
        for found, *_ in batch.events:
            if found != position + 1:
                raise Gap(f"the read model is at position {position}, but the next entry is at {found}")
            position = found
        self._insert(batch)
        self._erase_texts(batch.erased)
        self._run("update {p}projection set position = :position where name = 'fields'", position=position)
        return bool(batch.erased)

    def write(self, entries: Sequence[Entry]) -> None:
        """Write only the rows of some entries, from anywhere in the log: not the position, and no erasure."""
        self._insert(flatten(entries))

    def _run(self, sql: str, **parameters: Any) -> Sequence[tuple[Any, ...]]:
        return self.writer.rows(sql.format(p=self.prefix), parameters)

    def _insert(self, batch: RowBatch) -> None:
        self.writer.insert(self.prefix, "event", batch.events)
        self.writer.insert(self.prefix, "event_because", batch.becauses)
        self._insert_field_values(batch)
        self._insert_field_refs(batch)
        self.writer.insert(self.prefix, "search", batch.texts)

    def _insert_field_refs(self, batch: RowBatch) -> None:
        self.writer.insert(self.prefix, "field_ref", sorted(batch.refs))

    def _insert_field_values(self, batch: RowBatch) -> None:
        """Insert the rows with their next rows, and update the rows before them and the voided ones."""
        ordered = sorted(batch.field_values, key=itemgetter(0))  # rows next to each other are on the same page
        new = [row[0] for row in ordered]
        voided = self._find_voided(batch, new)
        after, before = self._find_next_rows(sorted({*new, *voided}) if voided else new, voided, batch.created)
        rows = [
            (*key, *(key[2:] if key in voided else after[key]), ends_at, voided.get(key), value, source_value)
            for key, ends_at, value, source_value in ordered
        ]
        self.writer.insert(self.prefix, "field_value", rows)
        updated = [
            (*key, *after[key], None) for key, next_row in before.items() if after.get(key, next_row) != next_row
        ]
        inserted = set(new) if voided else set()
        newly_void = [(*key, *key[2:], by) for key, by in voided.items() if key not in inserted]
        self.writer.update_validity(self.prefix, updated + newly_void)

    def _find_voided(self, batch: RowBatch, new: Sequence[FieldRowKey]) -> dict[FieldRowKey, int]:
        """Return the rows that were voided, each with the position that first voided it, and mark their events."""
        found: dict[FieldRowKey, int] = {}
        for subject, voided, by in batch.voids:
            keys = [key for key in new if key[3] // CHANGES_PER_EVENT == voided]
            for key in keys or [row[:4] for row in self._rows_of_entry(subject, voided) if row[5] is None]:
                found.setdefault(key, by)
            self._mark_voided(voided, by)
        return found

    def _mark_voided(self, position: int, by: int) -> None:
        sql = "update {p}event set voided_by = :by where position = :position and voided_by is null"
        self._run(sql, by=by, position=position)

    def _find_next_rows(
        self, touched: Sequence[FieldRowKey], voided: dict[FieldRowKey, int], created: set[str]
    ) -> tuple[dict[FieldRowKey, NextRow], dict[FieldRowKey, NextRow]]:
        """Return the next rows of inserted rows and of their neighbors, and what they were before.

        `touched` are the keys of inserted and voided rows, in order.
        """
        before: dict[FieldRowKey, NextRow] = {}
        after: dict[FieldRowKey, NextRow] = {}
        ranges: list[RowRange] = []
        live_rows: list[set[RowKey]] = []
        """The rows of each range, and those next to it, that are not void."""
        for (subject, name), found in groupby(touched, itemgetter(0, 1)):
            keys = list(found)
            if subject in created:  # these are all rows of the field
                self._link([key for key in keys if key not in voided] if voided else keys, after)
            else:
                ranges.append((subject, name, keys[0][2:], keys[-1][2:]))
                live_rows.append({key[2:] for key in keys if key not in voided})
        for n, valid_from, id_, valid_to, next_id in self.writer.neighbors(self.prefix, ranges):
            key = (*ranges[n][:2], valid_from, id_)
            before[key] = valid_to, next_id
            if key not in voided:
                live_rows[n].add((valid_from, id_))
        for (subject, name, _, last), row_keys in zip(ranges, live_rows, strict=True):
            keys = [(subject, name, *row_key) for row_key in sorted(row_keys)]
            # Where the range has a next row, that row keeps its own.
            self._link(keys, after, is_last=not keys or keys[-1][2:] <= last)
        return after, before

    @staticmethod
    def _link(keys: Sequence[FieldRowKey], after: dict[FieldRowKey, NextRow], *, is_last: bool = True) -> None:
        """Set the next row of each row of a field to the one that follows it; the last may have none."""
        for one, following in pairwise(keys):
            after[one] = following[2:]
        if keys and is_last:
            after[keys[-1]] = None, None

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
            erased = flatten([without_texts(entry_from_row(row))])
            self._update_texts(erased)
            note, refs, body = (erased.events[0][n] for n in (14, 19, 22))
            sql = "update {p}event set note = :note, refs = :refs, body = :body where position = :position"
            self._run(sql, note=note, refs=refs, body=body, position=position)
            sql = "delete from {p}search where rowid >= :first and rowid < :end"
            self._run(sql, first=position * TEXTS_PER_EVENT, end=(position + 1) * TEXTS_PER_EVENT)
            self.writer.insert(self.prefix, "search", erased.texts)
        if positions:
            self.writer.optimize_search(self.prefix)

    def _update_texts(self, erased: RowBatch) -> None:
        this = "subject = :subject and field = :field and valid_from = :valid_from and id = :id"
        for (subject, name, valid_from, id_), _, value, source_value in erased.field_values:
            key = {"subject": subject, "field": name, "valid_from": valid_from, "id": id_}
            self._run(
                f"update {{p}}{self._field_values} set value = :value, source_value = :source_value where {this}",
                value=value,
                source_value=source_value,
                **key,
            )
            self._run(f"delete from {{p}}{self._field_refs} where {this}", **key)
        self._insert_field_refs(erased)
