"""Rebuilds the read model next to the one in use, then swaps the two."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Final

from projections.read_model.bulk_projector import BulkProjector
from projections.read_model.database import REBUILD, Writer
from projections.read_model.model import ReadModel
from projections.read_model.projector import Gap, Projector, Source
from projections.read_model.read_ahead import OpenSource, start_reader
from projections.read_model.row_batch import RowBatch
from projections.read_model.schema import SHADOW

BATCH_ENTRIES: Final = 10_000
"""About half a second of work. In SQLite, the projector waits for it."""
HEAD_START: Final = 2 * BATCH_ENTRIES
"""A process that reads ahead begins here. It takes about a second to start; meanwhile, this process reads the log itself."""
MIN_READ_AHEAD: Final = 2 * HEAD_START
"""A shorter log does not repay the start of a process."""


class Rebuilding(Exception):
    """Another process is rebuilding the read model."""


def rebuild(
    source: Source,
    model: ReadModel,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    open_source: OpenSource | None = None,
) -> int:
    """Rebuild the read model from the log's first entry, and return its position.

    `progress` is called with the number of entries done and of all entries. With `open_source`, a long log is read by a
    process of its own, as soon as that has started.

    Readers see the old content until the end, and the projector may keep writing to it, since it reads its position in
    each of its transactions. A rebuild that fails leaves nothing behind. What a killed process leaves is dropped by the
    next rebuild, or when the read model is opened.

    Raises:
        Gap: an entry is missing in the log.
        Rebuilding: another process is rebuilding.
    """
    with closing(model.database.writer()) as writer:
        if not writer.try_lock(REBUILD):
            raise Rebuilding
        try:
            with writer.transaction():
                writer.drop_tables(SHADOW)
                writer.create_tables(SHADOW)
                writer.create_unsorted(SHADOW)
            bulk = BulkProjector(writer, SHADOW)
            size = source.head().size
            position = 0
            if open_source and size >= MIN_READ_AHEAD:
                with start_reader(open_source, HEAD_START, size, BATCH_ENTRIES) as batches:
                    _fill(bulk, source, 0, progress, until=HEAD_START)
                    position = _write_batches(bulk, batches, progress, size)
            position = _fill(bulk, source, position, progress)
            _run_steps(writer, writer.move_unsorted(SHADOW))
            _run_steps(writer, writer.create_indexes(SHADOW))
            shadow = Projector(writer, SHADOW)
            position = _fill(shadow, source, position, progress)
            with writer.transaction():
                position = _catch_up(shadow, Projector(writer).position(), source, position)
                writer.swap_tables(SHADOW)
        except BaseException:
            with writer.transaction():
                writer.drop_tables(SHADOW)
            raise
        finally:
            model.scrub()
    return position


def _write_batches(
    shadow: Projector, batches: Iterable[RowBatch], progress: Callable[[int, int], None], size: int
) -> int:
    """Write the rows that another process has computed, and return the position."""
    position = HEAD_START
    for batch in batches:
        with shadow.writer.transaction(SHADOW):
            shadow.apply_batch(batch)
        position = batch.last
        progress(position, size)
    return position


def _run_steps(writer: Writer, steps: Iterable[None]) -> None:
    """Run each step in its own transaction. In SQLite, the projector waits for one of them at a time."""
    remaining = iter(steps)
    more = True
    while more:
        with writer.transaction(SHADOW):
            more = next(remaining, ...) is not ...


def _fill(
    shadow: Projector,
    source: Source,
    position: int,
    progress: Callable[[int, int], None],
    until: int | None = None,
) -> int:
    """Apply the entries up to a position, or all there are, and return the position."""
    size = source.head().size
    while position < (until or size):
        with shadow.writer.transaction(SHADOW):
            position = _apply_next(shadow, source, position, min(BATCH_ENTRIES, (until or size) - position))
        size = source.head().size
        progress(position, size)
    return position


def _apply_next(shadow: Projector, source: Source, position: int, limit: int) -> int:
    entries = source.read(position, limit)
    if not entries:
        raise Gap(f"the log has more entries, but none at position {position + 1}")
    shadow.apply(entries)
    return entries[-1].position


def _catch_up(shadow: Projector, in_use: int, source: Source, position: int) -> int:
    """Apply what the projector has applied meanwhile, so that the position never goes back."""
    while position < in_use:
        position = _apply_next(shadow, source, position, min(BATCH_ENTRIES, in_use - position))
    return position
