"""Building the read model again, beside the one in use, and putting it in its place at one stroke."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Final

from projections.database import REBUILD, Writer
from projections.projector import Gap, Projector, Source
from projections.read_model import ReadModel
from projections.schema import SHADOW

BATCH: Final = 5_000


class Rebuilding(Exception):
    """The read model is being built by another process."""


def rebuild(source: Source, model: ReadModel, progress: Callable[[int, int], None] = lambda _done, _all: None) -> int:
    """Builds the model from the log's first entry; its position. `progress` is told entries done and in all.

    Readers see the old content until the end, and a projector beside it may go on: it reads its position inside each of
    its transactions. A rebuild that fails leaves nothing behind; what is left of a process that died is dropped by the next
    rebuild, and when the model is opened.

    Raises:
        Hole: the log has one.
        Rebuilding: somebody else is at it.
    """
    with closing(model.database.writer()) as writer:
        if not writer.claim(REBUILD):
            raise Rebuilding
        try:
            with writer.transaction():
                writer.drop(SHADOW)
                writer.create(SHADOW)
            shadow = Projector(writer, SHADOW)
            position = _fill(shadow, source, 0, progress)
            _index(writer)
            position = _fill(shadow, source, position, progress)
            with writer.transaction():
                position = _take_over(shadow, Projector(writer).position(), source, position)
                writer.swap(SHADOW)
        except BaseException:
            with writer.transaction():
                writer.drop(SHADOW)
            raise
        finally:
            model.scrub()
    return position


def _index(writer: Writer) -> None:
    """Makes the indexes, now that most rows are there; whoever writes the model beside this waits for one at a time."""
    indexes = iter(writer.index(SHADOW))
    more = True
    while more:
        with writer.transaction(SHADOW):
            more = next(indexes, ...) is not ...


def _fill(shadow: Projector, source: Source, position: int, progress: Callable[[int, int], None]) -> int:
    size = source.head().size
    while position < size:
        with shadow.writer.transaction(SHADOW):
            position = _step(shadow, source, position, BATCH)
        size = source.head().size
        progress(position, size)
    return position


def _step(shadow: Projector, source: Source, position: int, limit: int) -> int:
    entries = source.read(position, limit)
    if not entries:
        msg = f"the log says it goes on after {position}, and has no entry there"
        raise Gap(msg)
    shadow.apply(entries)
    return entries[-1].position


def _take_over(shadow: Projector, in_use: int, source: Source, position: int) -> int:
    """Reads what the model in use has read meanwhile, so that nobody's position goes back."""
    while position < in_use:
        position = _step(shadow, source, position, min(BATCH, in_use - position))
    return position
