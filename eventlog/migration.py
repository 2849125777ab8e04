"""Carrying a log from one store to another: every entry, text, answer, name and token, and the head.

The target is sealed while it is filled, so that nobody writes it before it is whole. What has arrived stays: carried
again, a log goes on where it stopped. In the end the two are compared row by row and the target is verified; only then
is the source sealed, and the target's seal taken off, so that never two logs grow from one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from eventlog.appender import EntryRow, Head
from eventlog.codec import compose
from eventlog.errors import LogError
from eventlog.merkle import append_leaf, leaf_hash
from eventlog.store import BESIDE, Store
from eventlog.verification import Finding, verify

BATCH: Final = 1000
Tell = Callable[[int, int], None]


class MigrationError(LogError):
    """The log cannot be carried there; the message says why, and what to do. The source is as it was."""


def migrate(source: Store, target: Store, tell: Tell = lambda _done, _of: None) -> Head:
    """Carries a log; `tell` hears how many entries were carried and compared, and of how many. Gives the head of both.

    The source must be nobody else's to write meanwhile; it may be sealed already, if it was for this target.

    Raises:
        MigrationError: the target holds something else, or what arrived is not what was sent.
        PersistenceError: a store failed; do it again.
    """
    filling = f"it is being filled from {source.name}; run `decisionlog migrate` to the end"
    gone = f"it goes on in {target.name}; set DECISIONLOG_STORE to that"
    if source.seal() not in ("", gone):
        msg = f"{source.name} cannot be carried on: {source.seal()}."
        raise MigrationError(msg)
    if not (source.seal() and not target.seal()):  # else all was done, to the last step
        _must_be_free_for(target, source, filling)
        _carry(source, target, tell)
        for table in BESIDE:
            target.replace(table, _pages(source, table))
        _must_be_equal(source, target, tell)
        source.put_seal(gone)
        target.put_seal("")
    return target.head()


def _must_be_free_for(target: Store, source: Store, filling: str) -> None:
    """Seals the target, if it is empty or holds a part of just this log."""
    size, seal = target.head().size, target.seal()
    if seal not in ("", filling) or (size and not seal):
        msg = f"{target.name} holds another log. Name an empty schema with ?schema=, and try again."
        raise MigrationError(msg)
    if size and target.rows(0, 1)[0][:6] != source.rows(0, 1)[0][:6]:
        msg = (
            f"{target.name} holds a part of another log. Drop its schema or name another with ?schema=, and try again."
        )
        raise MigrationError(msg)
    target.put_seal(filling)


def _carry(source: Store, target: Store, tell: Tell) -> None:
    head, size = target.head(), source.head().size
    while rows := source.rows(head.size, BATCH):
        head = _after(head, rows)
        target.adopt(rows, head)
        tell(head.size, 2 * size)


def _after(head: Head, rows: list[EntryRow]) -> Head:
    """The head after some more rows."""
    frontier = head.frontier
    for row in rows:
        frontier = append_leaf(frontier, row.position - 1, leaf_hash(compose(row)))
    return Head(rows[-1].position, frontier, rows[-1].recorded_at)


def _pages(store: Store, table: str) -> Iterator[list[tuple[object, ...]]]:
    after = None
    while rows := store.beside(table, after, BATCH):
        yield rows
        after = rows[-1][: len(BESIDE[table].split(","))]


def _must_be_equal(source: Store, target: Store, tell: Tell) -> None:
    """Compares all that was carried. Texts that were forgotten since they arrived are forgotten in the target, too."""
    size, after = source.head().size, 0
    while there := source.rows(after, BATCH):
        here = target.rows(after, BATCH)
        forgotten = [
            one.position for one, other in zip(there, here, strict=False) if one.texts is None is not other.texts
        ]
        if forgotten:
            target.drop_texts(forgotten)
            here = target.rows(after, BATCH)
        if here != there:
            msg = (
                f"{target.name} does not hold what {source.name} holds, from position {after + 1} on; drop its schema."
            )
            raise MigrationError(msg)
        after = there[-1].position
        tell(size + after, 2 * size)
    for table in BESIDE:
        if [*_pages(source, table)] != [*_pages(target, table)]:
            msg = f"{target.name} does not hold the {table} that {source.name} holds; run `decisionlog migrate` again."
            raise MigrationError(msg)
    if source.head() != target.head():
        msg = f"the head of {source.name} is not that of its entries: `decisionlog verify` says more."
        raise MigrationError(msg)
    for store in (source, target):
        if isinstance(found := verify(store), Finding):
            msg = f"{store.name} is not what was written: {found}."
            raise MigrationError(msg)
