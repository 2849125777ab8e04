"""From entries to rows: the one way in which the read model changes.

Rows are added and never moved. Of a cell's row change later: `void`, once; and `et` and `et_id`, the instant at which
the row is followed by another, and which. A backdated entry is therefore no special case, and neither is a voided one: a
row that came or went asks for what follows itself and the row before it, and no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Protocol

from domain.any_subject import TextsErased
from domain.fields import CHANGES_PER_EVENT, FieldChange, Value
from domain.values import ERASED
from eventlog.entry import Entry
from projections.database import Following, Place, Span, Writer
from projections.event_rows import COLUMNS, entry_from_row, event_row, without_texts
from projections.schema import TEXTS_PER_EVENT, dumps

NOTE: Final = "note"
"""What the remark of an act is called among the fields that search looks into."""

LONGEST_MEMBER: Final = 500
"""A longer member of a list is prose, and nobody asks who holds it."""

Key = tuple[str, str, int, int]
_Cell = tuple[Key, int | None, str | None, str | None]
"""A new row of a cell: its key, the end of its term, value, word."""


class Head(Protocol):
    """The end of the log."""

    @property
    def size(self) -> int: ...


class Source(Protocol):
    """The log, as far as a reader needs it."""

    def read(self, after: int, limit: int) -> list[Entry]:
        """At most `limit` entries after a position, in order, without a hole."""
        ...

    def head(self) -> Head:
        """Where the log ends now."""
        ...


class Gap(Exception):
    """The next entry is not the one after the last: reading on would lose events without anybody noticing."""


@dataclass(slots=True)
class _Batch:
    """The rows of some entries."""

    acts: list[tuple[Any, ...]] = field(default_factory=list)
    becauses: list[tuple[str, int]] = field(default_factory=list)
    cells: list[_Cell] = field(default_factory=list)
    refs: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    texts: list[tuple[int, str, str, int, str]] = field(default_factory=list)
    voids: list[tuple[str, int, int]] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        self.acts.append(event_row(entry))
        self.becauses.extend((decision, entry.position) for decision in dict.fromkeys(entry.metadata.because))
        for n, step in enumerate(entry.event.field_changes()):
            self._add_step(entry, n, step)
        self._add_text(entry, TEXTS_PER_EVENT - 1, NOTE, entry.metadata.note)
        voided = entry.event.voided_position()
        if voided is not None:
            self.voids.append((entry.subject, voided, entry.position))
        if isinstance(entry.event, TextsErased):
            self.forgotten.extend(entry.event.positions)

    def _add_step(self, entry: Entry, n: int, step: FieldChange) -> None:
        eff = entry.effective_at if step.starts_at is None else step.starts_at
        id_ = entry.position * CHANGES_PER_EVENT + n
        value = None if step.value is None else dumps(step.value)
        self.cells.append(((entry.subject, step.field, eff, id_), step.ends_at, value, step.source_value))
        self.refs.extend((ref, step.field, entry.subject, eff, id_) for ref in _named(step))
        if step.is_searchable:
            self._add_text(entry, n, step.field, [step.value, step.source_value])

    def _add_text(self, entry: Entry, n: int, name: str, value: Value) -> None:
        content = "\n".join(text for text in _strings(value) if text != ERASED)
        if content:
            row = entry.position * TEXTS_PER_EVENT + n
            self.texts.append((row, entry.subject, name, entry.position, content))


class Projector:
    """Writes entries to the tables of one prefix, inside the transaction of whoever calls it."""

    def __init__(self, writer: Writer, prefix: str = "") -> None:
        self.writer = writer
        self.prefix = prefix

    def position(self) -> int:
        """The position of the last entry written."""
        return int(self._run("select position from {p}projection where name = 'fields'")[0][0])

    def apply(self, entries: Sequence[Entry]) -> bool:
        """Writes the next entries; whether texts were forgotten on the way.

        Raises:
            Hole: the first is not the one after the last written, or one is missing among them.
        """
        before = self.position()
        for expected, entry in enumerate(entries, before + 1):
            if entry.position != expected:
                msg = f"the read model stands at {expected - 1}, and the log's next entry is {entry.position}"
                raise Gap(msg)
        batch = self.write(entries)
        self._forget(batch.forgotten)
        position = before + len(entries)
        self._run("update {p}projection set position = :position where name = 'fields'", position=position)
        return bool(batch.forgotten)

    def write(self, entries: Sequence[Entry]) -> _Batch:
        """Writes the rows of some entries, wherever they are in the log, and nothing else: not the position, and not what
        they erase.
        """
        batch = _Batch()
        for entry in entries:
            batch.add(entry)
        self._insert(batch)
        return batch

    def _run(self, sql: str, **parameters: Any) -> Sequence[tuple[Any, ...]]:
        return self.writer.rows(sql.format(p=self.prefix), parameters)

    def _insert(self, batch: _Batch) -> None:
        self.writer.insert(self.prefix, "act", batch.acts)
        self.writer.insert(self.prefix, "act_because", batch.becauses)
        self._insert_cells(batch)
        self.writer.insert(self.prefix, "cell_ref", batch.refs)
        self.writer.insert(self.prefix, "search", batch.texts)

    def _insert_cells(self, batch: _Batch) -> None:
        """Adds the rows of cells with what follows them, and tells those before them and what was voided."""
        new = {cell[0] for cell in batch.cells}
        voided = self._voided(batch, new)
        after, before = self._followed(new, voided)
        rows = [
            (*key, *(key[2:] if key in voided else after[key]), until, voided.get(key), value, word)
            for key, until, value, word in batch.cells
        ]
        self.writer.insert(self.prefix, "cell", rows)
        moved = [(*key, *place, None) for key, place in after.items() if key in before and before[key] != place]
        gone = [(*key, *key[2:], by) for key, by in voided.items() if key not in new]
        self.writer.update_validity(self.prefix, moved + gone)

    def _voided(self, batch: _Batch, new: set[Key]) -> dict[Key, int]:
        """The rows that were voided, each with the position that first did so; marks their acts."""
        found: dict[Key, int] = {}
        for subject, voided, by in batch.voids:
            keys = [key for key in new if key[3] // CHANGES_PER_EVENT == voided]
            for key in keys or [row[:4] for row in self._steps_of(subject, voided) if row[5] is None]:
                found.setdefault(key, by)
            self._run("update {p}act set void = :by where position = :voided and void is null", by=by, voided=voided)
        return found

    def _followed(self, new: set[Key], voided: dict[Key, int]) -> tuple[dict[Key, Following], dict[Key, Following]]:
        """For rows that came, and for those around them, the next that counts; and which it was before."""
        touched: dict[tuple[str, str], list[Place]] = defaultdict(list)
        for subject, name, eff, id_ in {*new, *voided}:
            touched[subject, name].append((eff, id_))
        spans: list[Span] = [(*cell, min(places), max(places)) for cell, places in touched.items()]
        before: dict[Key, Following] = {}
        around: list[set[Place]] = [
            {place for place in touched[s[:2]] if (*s[:2], *place) not in voided} for s in spans
        ]
        for n, eff, id_, et, et_id in self.writer.neighbors(self.prefix, spans):
            key = (*spans[n][:2], eff, id_)
            before[key] = et, et_id
            if key not in voided:
                around[n].add((eff, id_))
        after: dict[Key, Following] = {}
        for (subject, name, _, last), places in zip(spans, around, strict=True):
            ordered = sorted(places)
            after |= {(subject, name, *one): following for one, following in pairwise(ordered)}
            if ordered and ordered[-1] <= last:  # nothing comes after; what lies beyond the span keeps what it has
                after[subject, name, *ordered[-1]] = None, None
        return after, before

    def _steps_of(self, subject: str, position: int) -> Sequence[tuple[Any, ...]]:
        """The rows of cells that an entry made."""
        first = position * CHANGES_PER_EVENT
        sql = """select subject, field, eff, id, value, void from {p}cell
            where subject = :subject and id >= :first and id < :end"""
        return self._run(sql, subject=subject, first=first, end=first + CHANGES_PER_EVENT)

    def _forget(self, positions: Sequence[int]) -> None:
        """Writes the rows of these entries anew, without their texts.

        The entries are read back from the rows: whoever feeds the model need not have them any more.
        """
        for position in positions:
            (row,) = self._run(f"select {COLUMNS} from {{p}}act where position = :position", position=position)
            again = _Batch()
            again.add(without_texts(entry_from_row(row)))
            self._reword(again)
            note, refs, body = (again.acts[0][n] for n in (14, 19, 22))
            sql = "update {p}act set note = :note, refs = :refs, body = :body where position = :position"
            self._run(sql, note=note, refs=refs, body=body, position=position)
            sql = "delete from {p}search where rowid >= :first and rowid < :end"
            self._run(sql, first=position * TEXTS_PER_EVENT, end=(position + 1) * TEXTS_PER_EVENT)
            self.writer.insert(self.prefix, "search", again.texts)
        if positions:
            self.writer.merge_words(self.prefix)

    def _reword(self, again: _Batch) -> None:
        this = "subject = :subject and field = :field and eff = :eff and id = :id"
        for (subject, name, eff, id_), _, value, word in again.cells:
            key = {"subject": subject, "field": name, "eff": eff, "id": id_}
            self._run(f"update {{p}}cell set value = :value, word = :word where {this}", value=value, word=word, **key)
            self._run(f"delete from {{p}}cell_ref where {this}", **key)
        self.writer.insert(self.prefix, "cell_ref", again.refs)


def _named(step: FieldChange) -> Iterator[str]:
    """What a cell can be found by: the subjects it names, and the members of its list."""
    listed = step.value if isinstance(step.value, list) else ()
    short = (item for item in listed if isinstance(item, str) and len(item) <= LONGEST_MEMBER and item != ERASED)
    return iter(dict.fromkeys((*step.refs, *short)))


def _strings(value: Value) -> Iterator[str]:
    """Every string in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from _strings(member)
