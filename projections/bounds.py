"""What one question may cost: its time and how much it reads. A question over its bounds ends with an error."""

from __future__ import annotations

import marshal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from math import inf
from typing import Any, Final

Row = tuple[Any, ...]

COLUMN_BYTES: Final = 64
"""What a value takes in memory apart from its letters, about."""
FIRST_BATCH: Final = 16
BATCH: Final = 256
"""Rows between two looks at the clock and at what was read."""
BATCH_BYTES: Final = 1 << 20
"""Rows that are heavier than this together are fetched in smaller batches."""
OPCODES: Final = 20_000
"""SQLite looks at the clock each time it has run this many instructions of its virtual machine, about half a millisecond."""


class QuestionEnded(Exception):
    """A question was ended before it had an answer."""


class TookTooLong(QuestionEnded):
    """It reached its deadline."""


class ReadTooMuch(QuestionEnded):
    """What it would have to keep in memory is more than a question may keep."""


class Abandoned(QuestionEnded):
    """Its caller has gone."""


class Bounds:
    """The bounds of one question.

    `seconds` run from now on. `size` is how many bytes of rows it may keep, and `page` after how many of them a page ends
    even if fewer rows than its limit were found. `cancel` may be called from any thread; the thread that asks finds out
    at its next batch of rows, and within a statement of the database as soon as that looks.
    """

    def __init__(self, seconds: float = inf, size: float = inf, page: float = inf) -> None:
        self.seconds = seconds
        self.size = size
        self.page = page
        self.read = 0
        """Bytes of the rows that were kept so far."""
        self.is_bounded = min(seconds, size, page) < inf  # what is not bounded is not counted
        self._deadline = time.monotonic() + seconds
        self._is_cancelled = False
        self._lock = threading.Lock()
        self._interrupt: Callable[[], None] | None = None

    def cancel(self) -> None:
        """Ends the question: its caller has gone."""
        self._is_cancelled = True
        self.interrupt()

    def interrupt(self) -> None:
        """Ends the statement that is running in the database, where that does not look at the bounds by itself."""
        with self._lock:
            if self._interrupt:
                self._interrupt()

    def on_interrupt(self, interrupt: Callable[[], None] | None) -> None:
        """Sets what ends a statement of the database that is being asked; None once it is no longer asked."""
        with self._lock:
            self._interrupt = interrupt
        if interrupt:
            self.check()

    def is_over(self) -> bool:
        """Whether the question has to end: its time is up, or its caller has gone."""
        return self._is_cancelled or time.monotonic() > self._deadline

    def seconds_left(self) -> float:
        """Seconds until the deadline."""
        return self._deadline - time.monotonic()

    def check(self) -> None:
        """Go on only within the bounds.

        Raises:
            Abandoned: the caller has gone.
            TookTooLong: the deadline has passed.
            ReadTooMuch: more was read than may be kept.
        """
        if self._is_cancelled:
            raise Abandoned
        if time.monotonic() > self._deadline:
            msg = f"it took longer than {self.seconds:g} seconds"
            raise TookTooLong(msg)
        if self.read > self.size:
            msg = f"it needs more than {self.size / (1 << 20):.0f} MiB of the read model at once"
            raise ReadTooMuch(msg)

    def kept(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, of which every one counts towards the size that may be kept; `check` is made for each batch."""
        for batch, weight in _batches(rows):
            self.read += weight
            self.check()
            yield from batch

    def streamed(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, for a caller that keeps none of them; `check` is made for each batch."""
        for batch, _ in _batches(rows):
            self.check()
            yield from batch

    def keep(self, size: int) -> None:
        """Count something else that is kept; it is checked with the next rows."""
        self.read += size

    def release(self, read: int) -> None:
        """Count no longer what was read since `read` had this value, as it is kept no longer."""
        self.read = read

    def is_page_full(self) -> bool:
        """Whether what was read is enough for one page."""
        return self.read > self.page


UNBOUNDED: Final = Bounds()
"""For a process that has its machine to itself."""


def _batches(rows: Iterable[Row]) -> Iterator[tuple[list[Row], int]]:
    """The rows in batches, each with its size in memory; heavy rows come in small batches."""
    found, most = iter(rows), FIRST_BATCH
    while batch := list(islice(found, most)):
        weight = size_of(batch)
        yield batch, weight
        most = max(1, min(BATCH, BATCH_BYTES * len(batch) // weight))


def size_of(batch: list[Row]) -> int:
    """About how many bytes rows take in memory."""
    return _letters(batch) + COLUMN_BYTES * len(batch) * (1 + len(batch[0]))


def _letters(batch: list[Any]) -> int:
    try:
        return len(marshal.dumps(batch, 2))  # at the speed of C, unlike a look at each value
    except ValueError:
        return len(repr(batch))
