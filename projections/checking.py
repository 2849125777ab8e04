"""Whether a read model holds what the log says: all of it, or the rows of some subjects.

Both ways work the rows out again from the entries, in a database of their own, and compare them with those in use.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Protocol

from eventlog.entry import Entry
from projections import schema
from projections.projector import Projector, Source
from projections.read_model import Read, ReadModel, spell_row
from projections.schema import TEXTS_PER_EVENT
from projections.sqlite import SqliteDatabase, SqliteWriter

BATCH: Final = 5_000
ATTEMPTS: Final = 3
"""A model that goes on while it is compared may differ for that; so it is compared again."""

_BY_SUBJECT: Final = ("cell", "cell_ref", "act")


class Streams(Source, Protocol):
    """A log, as far as the rows of single subjects are compared with it."""

    def stream(self, subject: str) -> list[Entry]:
        """All entries of one subject, in order."""
        ...


def find_difference(
    source: Source, model: ReadModel, tell: Callable[[int, int], None] = lambda _done, _all: None
) -> str | None:
    """Build the read model again in a temporary file, and return in words where the one in use differs; None: nowhere.

    Nothing is written to the model in use, which may go on meanwhile.
    """
    for attempt in range(ATTEMPTS):
        with model.snapshot() as read:
            position, found = read.position, dict(_table_hashes(read))
        expected = _hashes_at(source, position, tell)
        wrong = [table for table in expected if expected[table] != found[table]]
        if not wrong:
            return None
        if attempt and model.position == position:
            break
    return f"the rows of {' and '.join(wrong)} are not those that the log's {position} entries give"


def _table_hashes(read: Read) -> Iterator[tuple[str, str]]:
    """SHA-256 over the rows of each table in the order of their keys."""
    for table, (columns, key) in schema.TABLES.items():
        digest = hashlib.sha256()
        for row in read.rows(f"select {columns} from {table} order by {key}", {}):
            digest.update(spell_row(row) + b"\n")
        yield table, digest.hexdigest()


def _hashes_at(source: Source, position: int, tell: Callable[[int, int], None]) -> dict[str, str]:
    """The hashes of a model that was built from the first entries of a log, up to a position."""
    with tempfile.TemporaryDirectory() as folder:
        database = SqliteDatabase(Path(folder) / "model.sqlite3")
        database.renew()
        with closing(database.writer()) as writer:
            projector, done = Projector(writer), 0
            while done < position:
                entries = source.read(done, min(BATCH, position - done))
                with writer.transaction():
                    projector.apply(entries)
                done = entries[-1].position
                tell(done, position)
        again = ReadModel(database, lambda: 0)
        with again.snapshot() as read:
            found = dict(_table_hashes(read))
        again.close()
        return found


def find_different_subject(log: Streams, read: Read, subjects: Sequence[str]) -> str | None:
    """Return the first of some subjects whose rows in a snapshot are not those that its entries give, or None."""
    position = read.position
    entries = [entry for subject in subjects for entry in log.stream(subject) if entry.position <= position]
    with closing(SqliteWriter(Path(":memory:"))) as writer:
        writer.create("")
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
    """For each subject all of its rows, in one order."""
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
    yield from ask("select decision, position from act_because where position = :p order by decision", {"p": position})
    first = position * TEXTS_PER_EVENT
    sql = f"""select {schema.TABLES["search"][0]} from search where rowid >= :first and rowid < :end order by rowid"""
    yield from ask(sql, {"first": first, "end": first + TEXTS_PER_EVENT})
