"""Compares a read model with its log, in full or for some subjects.

Both ways compute the rows again from the entries in a separate database, and compare them with the rows in use.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Protocol

from eventlog.entry import Entry
from projections.read_model import schema
from projections.read_model.model import Read, ReadModel, encode_row
from projections.read_model.projector import Projector, Source
from projections.read_model.schema import TEXTS_PER_EVENT
from projections.read_model.sqlite import SqliteDatabase, SqliteWriter

BATCH_ENTRIES: Final = 5_000
ATTEMPTS: Final = 3
"""A read model that is written during the comparison may differ; so the comparison is repeated."""

_BY_SUBJECT: Final = ("field_value", "field_ref", "event")


class Streams(Source, Protocol):
    """A log whose entries can be read by subject."""

    def stream(self, subject: str) -> list[Entry]:
        """Return all entries of one subject, in order."""
        ...


def find_difference(
    source: Source, model: ReadModel, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> str | None:
    """Rebuild the read model in a temporary file, and return a description of how the one in use differs, or None.

    Nothing is written to the read model in use, and it may be written meanwhile.
    """
    for attempt in range(ATTEMPTS):
        with model.snapshot() as read:
            position, found = read.position, dict(_table_hashes(read))
        expected = _hashes_at(source, position, progress)
        different = [table for table in expected if expected[table] != found[table]]
        if not different:
            return None
        if attempt and model.position == position:
            break
    return f"the rows of {' and '.join(different)} do not match the {position} entries of the log"


def _table_hashes(read: Read) -> Iterator[tuple[str, str]]:
    """Yield each table with the SHA-256 of its sorted rows."""
    for table, (columns, key) in schema.TABLES.items():
        digest = hashlib.sha256()
        for row in read.rows(f"select {columns} from {table} order by {key}", {}):
            digest.update(encode_row(row) + b"\n")
        yield table, digest.hexdigest()


def _hashes_at(source: Source, position: int, tell: Callable[[int, int], None]) -> dict[str, str]:
    """Return the table hashes of a read model built from the log's entries up to a position."""
    with tempfile.TemporaryDirectory() as folder:
        database = SqliteDatabase(Path(folder) / "model.sqlite3")
        database.recreate()
        with closing(database.writer()) as writer:
            projector, done = Projector(writer), 0
            while done < position:
                entries = source.read(done, min(BATCH_ENTRIES, position - done))
                with writer.transaction():
                    projector.apply(entries)
                done = entries[-1].position
                tell(done, position)
        rebuilt = ReadModel(database, lambda: 0)
        with rebuilt.snapshot() as read:
            found = dict(_table_hashes(read))
        rebuilt.close()
        return found


def find_different_subject(log: Streams, read: Read, subjects: Sequence[str]) -> str | None:
    """Return the first of some subjects whose rows in a snapshot differ from what its entries give, or None."""
    position = read.position
    entries = [entry for subject in subjects for entry in log.stream(subject) if entry.position <= position]
    with closing(SqliteWriter(Path(":memory:"))) as writer:
        writer.create_tables("")
        Projector(writer).write(sorted(entries, key=lambda entry: entry.position))
        expected = list(_rows_of(writer.rows, subjects, entries))
    found = list(_rows_of(read.rows, subjects, entries))
    for subject, rows, others in zip(subjects, expected, found, strict=True):
        if rows != others:
            return subject
    return None


def _rows_of(
    ask: Callable[[str, dict[str, Any]], Any], subjects: Sequence[str], entries: Sequence[Entry]
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all rows of each subject, sorted."""
    for subject in subjects:
        rows: list[tuple[Any, ...]] = []
        for table in _BY_SUBJECT:
            columns, key = schema.TABLES[table]
            rows += ask(f"select {columns} from {table} where subject = :subject order by {key}", {"subject": subject})
        for entry in entries:
            if entry.subject == subject:
                rows += _rows_of_entry(ask, entry.position)
        yield rows


def _rows_of_entry(ask: Callable[[str, dict[str, Any]], Any], position: int) -> Iterator[tuple[Any, ...]]:
    yield from ask(
        "select decision, position from event_because where position = :position order by decision",
        {"position": position},
    )
    first = position * TEXTS_PER_EVENT
    sql = f"""select {schema.TABLES["search"][0]} from search where rowid >= :first and rowid < :end order by rowid"""
    yield from ask(sql, {"first": first, "end": first + TEXTS_PER_EVENT})
