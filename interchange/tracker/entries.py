"""Read the rows of a file as entries: one change of one record each, by the columns of the mapping."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from domain.values import from_micros, to_micros
from interchange.scratch import Scratch, SortedRows
from interchange.source_file import SourceFile, SourceLine, fingerprint_of, list_rows
from interchange.tracker.columns import build_getter, name_in, unfold
from interchange.tracker.key_counter import KeyCounter
from interchange.tracker.mapping import Mapping as TrackerMapping
from interchange.tracker.mapping import build_time_reader
from interchange.value_parsers import as_text

ENTRIES_PER_CALL: Final = 1000
_IN_JSON: Final = json.JSONEncoder(default=str)

Expand = Callable[[dict[str, Any]], Iterable[dict[str, Any]]]
"""Turns a row of a known system into lines with the columns of its preset."""
NOW: Final = "now"
"""The time of a record that has none in the export of a known system."""
LEFT_OUT: Final = "left_out"
"""The only column of what stands for a part of the export of a known system that changes no field of a record."""
PROBLEM: Final = "problem"
"""The column with the reason why a row of a known system cannot be read."""
CREATED: Final = "\x00created"
"""The kind of the line that a row of a list of records stands for, when it was created."""


@dataclass(slots=True)
class Entry:
    """One change, read by the columns of the mapping. If `error` says why it cannot be placed, the rest is empty.

    Attributes:
        number: the number of its row in the file.
        place: its place among all entries of the file; counted from the end if the file has the newest first.
        key: what it is recognized by on the next import: the hash of what it says, after that of its own id, if any.
        label: what it is called in the report: its own id, else the number of its row.
        own: the columns of the entry alone, without those of the row around it.
        at: when it took effect, in microseconds since 1970.
        order_at: the time by which entries are ordered: the same, or that of the second clock if the file follows it.
    """

    number: int
    place: int
    key: str
    label: str | int
    data: dict[str, Any]
    own: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    when: datetime | None = None
    at: int = 0
    order_at: int = 0
    record: str = ""
    identity: str | None = None
    kind: str = ""
    field: str = ""


class EntryReader:
    """Reads the entries of a file."""

    def __init__(
        self, source: SourceFile, mapping: TrackerMapping, expand: Expand | None = None, *, now: int = 0
    ) -> None:
        self._now = now
        self.pending: list[dict[str, Any]] = []
        """Lines that earlier imports could not place, to be tried again; those that the file has are not doubled."""
        self.digest = ""
        """The hash of the keys of all entries, once the file was read."""
        self._source = source
        self._mapping = mapping
        self._expand = expand
        columns = mapping.columns
        self.times, self.value_times = build_time_reader(mapping), build_time_reader(mapping)
        """The readers of the columns with times, and of the values that are days."""
        self._get_when = build_getter(columns.when)
        self._get_record = build_getter(columns.record)
        self._get_id = build_getter(columns.id) if columns.id else None
        self._get_identity = build_getter(columns.identity) if columns.identity else None
        self._get_kind = build_getter(columns.kind) if columns.kind else None
        self._get_field = build_getter(columns.field) if columns.field else None
        self._get_created = build_getter(columns.created) if columns.created else None
        self._get_source_at = build_getter(columns.source_at) if columns.source_at else None
        self.is_ordered_by_source = False
        self.on_read: Callable[[int], object] = lambda _lines: None
        """Called from time to time with the number of entries read so far."""
        self._seen = KeyCounter()
        self._said: set[str] = set()
        self._begun = KeyCounter()
        self.left_out: Counter[str] = Counter()
        """What the last reading of the export of a known system left out, as it changes no field of a record."""

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return self._source.path.stat().st_size

    @property
    def is_known_system(self) -> bool:
        """Whether the file is the export of a known system, read without a mapping of its own."""
        return self._expand is not None

    def source_time(self, data: dict[str, Any]) -> int | None:
        """Return the time of the tracker's second clock in microseconds, or None if there is none."""
        value = self._get_source_at(data) if self._get_source_at else None
        try:
            return None if value in (None, "") else to_micros(self.times.read(value))
        except ValueError:
            return None

    def read(self, *, with_keys: bool = True) -> Iterator[Entry]:
        """Yield the entries in the order of the file; without keys, if they are only counted and compared.

        Raises:
            NotAHistoryError: the file cannot be read as what it looks like.
            OSError: the file cannot be read.
        """
        self._seen.clear()
        self._said.clear()
        self._begun.clear()
        self.left_out.clear()
        place = 0
        digest = sha256()
        for line in self._source.rows():
            for data, own in self._items(line):
                place += 1
                entry = self._entry(line, data, own, place, with_key=with_keys or bool(self.pending))
                digest.update(entry.key.encode())
                if place % ENTRIES_PER_CALL == 0:
                    self.on_read(place)
                yield entry
                if self._get_created is not None and data:
                    place += 1
                    yield self._created_entry(line, data, own, place)

        self.digest = digest.hexdigest()
        said = set(self._said) if self.pending else set()
        for data in self.pending:
            if fingerprint_of(data) not in said:
                place += 1
                yield self.build(0, place, self._key(data), data, data, "")

    def build(self, number: int, place: int, key: str, data: dict[str, Any], own: dict[str, Any], kind: str) -> Entry:
        """Return an entry whose key is known."""
        label = self._label(data, number)
        entry = Entry(number, place, key, label, data, own, kind=kind)
        if self._expand is not None and PROBLEM in data:
            entry.error = str(data[PROBLEM])
            return entry
        record = self._get_record(data)
        if record is None or record in ("", [], {}):
            entry.error = f"the column {self._mapping.columns.record!r} names no record"
            return entry
        get_when = self._get_created if kind == CREATED and self._get_created else self._get_when
        try:
            when = get_when(data)
            entry.when = from_micros(self._now) if self._expand and when == NOW else self.times.read(when)
        except ValueError as error:
            name = self._mapping.columns.created if kind == CREATED else self._mapping.columns.when
            entry.error = f"column {name!r}: {error}"
            return entry
        entry.at = entry.order_at = to_micros(entry.when)
        if self.is_ordered_by_source:
            entry.order_at = self.source_time(data) or entry.at
        entry.record = as_text(record).strip()
        identity = self._get_identity(data) if self._get_identity else None
        entry.identity = None if identity in (None, "") else as_text(identity)
        entry.kind = kind or (as_text(self._get_kind(data) or "") if self._get_kind else "")
        entry.field = as_text(self._get_field(data) or "") if self._get_field else ""
        return entry

    def _items(self, line: SourceLine) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        if line.data is None:
            yield {}, {}
        elif self._expand is not None:
            for wrapped in list_rows(line.data):
                yield from ((row, row) for row in self._expand(wrapped) if self._is_line(row))
        elif not self._mapping.file.items and self._get_record(line.data) is None and self._get_when(line.data) is None:
            for row in list_rows(line.data):
                yield row, row
        elif self._mapping.file.items:
            yield from unfold(line.data, self._mapping.file.items)
        else:
            yield line.data, line.data

    def _is_line(self, row: dict[str, Any]) -> bool:
        """Whether a row of a known system is a line. Many exports repeat the creation of a record with each change."""
        if LEFT_OUT in row:
            self.left_out[row[LEFT_OUT]] += 1
            return False
        if row.get("kind") != "created":
            return True
        begun = f"{row.get('identity')}\n{row.get('record')}\n{row.get('when')}"
        return self._begun.add(sha256(begun.encode(errors="surrogatepass")).hexdigest()) == 1

    def _entry(
        self, line: SourceLine, data: dict[str, Any], own: dict[str, Any], place: int, *, with_key: bool
    ) -> Entry:
        if line.data is None:
            return Entry(line.number, place, "", line.number, {}, error=line.error)
        return self.build(line.number, place, self._key(data) if with_key else "", data, own, "")

    def _created_entry(self, line: SourceLine, data: dict[str, Any], own: dict[str, Any], place: int) -> Entry:
        record, created = self._get_record(data), self._get_created(data) if self._get_created else None
        key = sha256(f"{CREATED}\n{record}\n{created}".encode(errors="surrogatepass")).hexdigest()[:40]
        return self.build(line.number, place, key, data, own, CREATED)

    def _label(self, data: dict[str, Any], number: int) -> str | int:
        line_id = self._get_id(data) if self._get_id else None
        return number if line_id in (None, "") else as_text(line_id)

    def _key(self, data: dict[str, Any]) -> str:
        """Return the hash of what an entry says, its number among identical ones, and before it the hash of its id.

        Several changes of one id are distinguished by their record and field, and by their number if these are the same.
        """
        said = fingerprint_of(data)
        if self.pending:
            self._said.add(said)
        line_id = self._get_id(data) if self._get_id else None
        if line_id in (None, ""):
            return f"{said}-{self._seen.add(said)}"
        named = (as_text(line_id), self._get_record(data), self._get_field(data) if self._get_field else None)
        own = sha256(_in_json(named).encode()).hexdigest()[:32]
        return f"{own}-{self._seen.add(own)}-{said}"


def _in_json(values: tuple[Any, ...]) -> str:
    """Return a list in JSON; the usual one, of texts, in a fraction of the time."""
    try:
        return f"[{', '.join(['null' if value is None else encode_basestring_ascii(value) for value in values])}]"
    except TypeError:  # a number, or a list
        return _IN_JSON.encode(values)


def id_part(key: str) -> str | None:
    """Return the part of a key that stands for the entry's own id, or None if it has none."""
    return key[: key.rindex("-") + 1] if key.count("-") > 1 else None


class EntrySpool:
    """The entries of a file, to be read in the order of their times: those of a small file in memory, others on disk."""

    def __init__(self, scratch: Scratch, *, in_memory: bool = False) -> None:
        self._rows = SortedRows(scratch)
        self._entries: list[Entry] | None = [] if in_memory else None

    def add(self, entry: Entry) -> None:
        """Add an entry."""
        if self._entries is not None:
            self._entries.append(entry)
            return
        own = None if entry.own is entry.data else list(entry.own)
        row = (
            *(entry.number, entry.place, entry.key, entry.label, entry.data, own, entry.error, entry.at),
            *(entry.order_at, entry.record, entry.identity, entry.kind, entry.field),
        )
        self._rows.add(entry.order_at, entry.place, row)

    def read(self, *, backwards: bool) -> Iterator[Entry]:
        """Yield the entries by their time, and those of the same time by their places; `backwards`, from the last place."""
        sign = -1 if backwards else 1
        if self._entries is not None:
            for entry in sorted(self._entries, key=lambda entry: (entry.order_at, sign * entry.place)):
                yield entry if sign > 0 else replace(entry, place=-entry.place)
            return
        for number, place, key, label, data, own, error, at, order_at, *names in self._rows.in_order(
            backwards=backwards
        ):
            columns = data if own is None else {name: data[name] for name in own}
            when = None if error else from_micros(at)
            yield Entry(number, sign * place, key, label, data, columns, error, when, at, order_at, *names)


def author_of(value: Any) -> str:
    """Return the name in the column of the author; empty if it has none, as for a deleted account."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    named = name_in(value)
    return as_text(named).strip() if isinstance(named, str | int | float) and not isinstance(named, bool) else ""


__all__ = ["CREATED", "Entry", "EntryReader", "EntrySpool", "Expand", "author_of", "id_part"]
