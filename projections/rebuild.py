"""Building the read model again, beside the one in use, and putting it in its place at one stroke."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Final

from projections import schema
from projections.model import ReadModel, transaction
from projections.projector import Hole, Projector, Source
from projections.schema import SHADOW

BATCH: Final = 2_000


def rebuild(source: Source, model: ReadModel, progress: Callable[[int, int], None] = lambda _done, _all: None) -> int:
    """Builds the model from the log's first entry; its position. `progress` is told entries done and in all.

    Readers see the old content until the end, and a projector beside it may go on: it reads its position inside each of
    its transactions. A rebuild that fails leaves nothing behind; what is left of a process that died is dropped by the next
    rebuild, and when the model is opened.

    Raises:
        Hole: the log has one.
    """
    with closing(schema.connect(model.path)) as connection:
        try:
            with transaction(connection):
                schema.drop(connection, SHADOW)
                schema.create(connection, SHADOW)
            position = _fill(connection, source, progress)
            with transaction(connection):
                position = _take_over(connection, source, position)
        except BaseException:
            with transaction(connection):
                schema.drop(connection, SHADOW)
            raise
        finally:
            model.scrub()
    return position


def _fill(connection: sqlite3.Connection, source: Source, progress: Callable[[int, int], None]) -> int:
    projector = Projector(connection, source, SHADOW)
    position, size = 0, source.head().size
    while position < size:
        position = _step(connection, projector, source, position)
        size = source.head().size
        progress(position, size)
    return position


def _step(connection: sqlite3.Connection, projector: Projector, source: Source, position: int) -> int:
    entries = source.read(position, BATCH)
    if not entries:
        msg = f"the log says it goes on after {position}, and has no entry there"
        raise Hole(msg)
    with transaction(connection):
        projector.apply(entries)
    return entries[-1].position


def _take_over(connection: sqlite3.Connection, source: Source, position: int) -> int:
    """Reads what the model in use has read meanwhile, so that nobody's position goes back, and takes its place."""
    in_use = Projector(connection, source).position()
    shadow = Projector(connection, source, SHADOW)
    while position < in_use:
        entries = source.read(position, min(BATCH, in_use - position))
        shadow.apply(entries)
        position = entries[-1].position
    schema.rename(connection, SHADOW)
    return position
