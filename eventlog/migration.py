"""Migrating a log from one store to another: every entry, text and side table, and the head.

The target is read-only while it is filled, so that no process writes it before it is complete. What was copied stays:
an interrupted migration continues where it stopped. Then both stores are compared row by row and verified. Only then is
the source made read-only and the target made writable, so that two logs never grow from one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from eventlog import text_erasure
from eventlog.codec import compose
from eventlog.errors import LogError
from eventlog.merkle import append_leaf, leaf_hash
from eventlog.records import EntryRow, Head
from eventlog.sql import SIDE_TABLE_KEYS, Session, update_head
from eventlog.store import Store
from eventlog.verification import Finding, verify

ROWS_PER_BATCH: Final = 1000
Progress = Callable[[int, int], None]


class MigrationError(LogError):
    """The log cannot be migrated; the message says why, and how to fix it. The source is unchanged."""


class Migrated(NamedTuple):
    """A log that was migrated: the head at which it was, and how many entries the target has recorded since."""

    head: Head
    recorded_since: int
    was_finished: bool
    """Whether an earlier migration did it, so that nothing was copied or compared now."""


def migrate(source: Store, target: Store, on_progress: Progress = lambda _done, _total: None) -> Migrated:
    """Migrate a log, unless that was finished before.

    `on_progress` is called with the number of entries copied and compared, and their total. No other process may write
    the source meanwhile. The source may be read-only already, if a migration to this target made it so.

    Raises:
        MigrationError: the target holds something else, or no longer the log, or a copy differs from its source.
        PersistenceError: a store failed; run the migration again.
    """
    in_progress = f"it is being filled from {source.name}; run `decisionlog migrate` until it finishes"
    moved = f"it was migrated to {target.name}; set DECISIONLOG_STORE to that"
    if source.read_only_reason() not in ("", moved):
        raise MigrationError(f"{source.name} cannot be migrated: {source.read_only_reason()}.")
    was_finished = bool(source.read_only_reason()) and not target.read_only_reason()
    if was_finished:
        _must_continue(target, source)
    else:
        _must_be_free_for(target, source, in_progress)
        _copy_entries(source, target, on_progress)
        for table in SIDE_TABLE_KEYS:
            replace_side_table(target, table, _iter_pages(source, table))
        _must_be_equal(source, target, on_progress)
        set_read_only(source, moved)
        set_read_only(target, "")
    head = source.head()
    return Migrated(head, target.head().size - head.size, was_finished)


# Writing to a store --------------------------------------------------------------------------------------------------


def append_rows(target: Store, rows: Sequence[EntryRow], head: Head) -> None:
    """Append rows of another store unchanged, with the head after them."""

    def write(session: Session) -> None:
        session.insert("events", rows)
        update_head(session, head)

    target.run(write)
    target.cache_head(head)


def erase_texts(target: Store, positions: Sequence[int]) -> None:
    """Erase texts that were erased in the source."""
    target.run(lambda session: text_erasure.erase_texts(session, positions))


def replace_side_table(target: Store, table: str, pages: Iterable[Sequence[Any]]) -> None:
    """Replace all rows of a side table."""

    def write(session: Session) -> None:
        session.execute(f"DELETE FROM {table}")
        for rows in pages:
            session.insert(table, rows)

    target.run(write)


def set_read_only(store: Store, reason: str) -> None:
    """Make a log read-only for a reason, or writable if the reason is empty."""

    def write(session: Session) -> None:
        session.execute("DELETE FROM read_only")
        session.executemany("INSERT INTO read_only VALUES (?)", [(reason,)] if reason else [])

    store.run(write)


# Steps ---------------------------------------------------------------------------------------------------------------


def _must_be_free_for(target: Store, source: Store, in_progress: str) -> None:
    """Make the target read-only, if it is empty or holds a part of this very log."""
    size, reason = target.head().size, target.read_only_reason()
    if reason not in ("", in_progress) or (size and not reason):
        raise MigrationError(f"{target.name} holds another log. Name an empty schema with ?schema= and retry.")
    if size and target.rows(0, 1)[0][:6] != source.rows(0, 1)[0][:6]:
        raise MigrationError(
            f"{target.name} holds a part of another log. Drop its schema or name another with ?schema=, then retry."
        )
    set_read_only(target, in_progress)


def _must_continue(target: Store, source: Store) -> None:
    """Check that the target of a finished migration still has the last entry of the source at its position."""
    last = source.head().size - 1
    if [row[:6] for row in target.rows(last, 1)] != [row[:6] for row in source.rows(last, 1)]:
        raise MigrationError(
            f"{source.name} was migrated to {target.name}, which no longer holds its entries. Restore a backup of that "
            "database: see docs/how-to/back-up-and-restore.md."
        )


def _copy_entries(source: Store, target: Store, on_progress: Progress) -> None:
    head, size = target.head(), source.head().size
    while rows := source.rows(head.size, ROWS_PER_BATCH):
        head = _head_after(head, rows)
        append_rows(target, rows, head)
        on_progress(head.size, 2 * size)


def _head_after(head: Head, rows: list[EntryRow]) -> Head:
    frontier = head.frontier
    for row in rows:
        frontier = append_leaf(frontier, row.position - 1, leaf_hash(compose(row)))
    return Head(rows[-1].position, frontier, rows[-1].recorded_at)


def _iter_pages(store: Store, table: str) -> Iterator[list[tuple[object, ...]]]:
    after = None
    while rows := store.read_side_table(table, after, ROWS_PER_BATCH):
        yield rows
        after = rows[-1][: len(SIDE_TABLE_KEYS[table].split(","))]


def _must_be_equal(source: Store, target: Store, on_progress: Progress) -> None:
    """Compare everything that was copied, and verify both stores."""
    _must_have_equal_entries(source, target, on_progress)
    for table in SIDE_TABLE_KEYS:
        if [*_iter_pages(source, table)] != [*_iter_pages(target, table)]:
            raise MigrationError(
                f"{target.name} does not hold the same {table} as {source.name}. Run `decisionlog migrate` again."
            )
    if source.head() != target.head():
        raise MigrationError(f"The head of {source.name} does not match its entries. Run `decisionlog verify`.")
    for store in (source, target):
        if isinstance(found := verify(store), Finding):
            raise MigrationError(f"{store.name} is not what was written: {found}.")


def _must_have_equal_entries(source: Store, target: Store, on_progress: Progress) -> None:
    """Compare all entries. Texts that were erased in the source since they were copied are erased in the target too."""
    size, after = source.head().size, 0
    while expected := source.rows(after, ROWS_PER_BATCH):
        copied = target.rows(after, ROWS_PER_BATCH)
        erased = [
            row.position for row, copy in zip(expected, copied, strict=False) if row.texts is None is not copy.texts
        ]
        if erased:
            erase_texts(target, erased)
            copied = target.rows(after, ROWS_PER_BATCH)
        if copied != expected:
            raise MigrationError(
                f"{target.name} does not hold the same entries as {source.name} after position {after}. "
                "Drop its schema and retry."
            )
        after = expected[-1].position
        on_progress(size + after, 2 * size)
