"""Bounds on the time and the memory of one query, and turns between queries that take long.

A query that exceeds its bounds ends with an error.
"""

from __future__ import annotations

import marshal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from math import inf
from typing import Any, Final, TypeVar

Row = tuple[Any, ...]
Result = TypeVar("Result")

COLUMN_BYTES: Final = 64
"""The approximate size of a value in memory, without its characters."""
FIRST_BATCH_ROWS: Final = 16
BATCH_ROWS: Final = 256
"""Rows between two checks of the bounds."""
BATCH_BYTES: Final = 1 << 20
"""Rows larger than this in total are fetched in smaller batches."""
PAUSE_S: Final = 0.0003
"""How often a query that steps aside looks whether it can go on."""
LONGEST_PAUSE_S: Final = 0.005
TURN_S: Final = 0.05
"""How long a thread waits at most for the turn of another one to end."""
OPCODES_PER_CHECK: Final = 20_000
"""SQLite checks the time after this many instructions of its virtual machine, about half a millisecond."""


class QuestionEnded(Exception):
    """The query ended before it had an answer."""


class TookTooLong(QuestionEnded):
    """The query reached its deadline."""


class ReadTooMuch(QuestionEnded):
    """The query needs more memory than it may use."""


class Abandoned(QuestionEnded):
    """The caller disconnected."""


class Turns:
    """Lets one thread at a time compute, the others in the order in which they came.

    Python runs one thread at a time anyway. Each other thread that wants to run makes a short request wait longer for the
    interpreter lock, which goes to any of them. A turn is not a lock: who has waited for `TURN_S` goes on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0
        self._waiting: deque[threading.Lock] = deque()

    def take(self) -> None:
        """Wait for a turn. Each thread must give it back before it takes the next."""
        with self._lock:
            if not self._taken:
                self._taken = 1
                return
            passed_on = threading.Lock()
            passed_on.acquire()
            self._waiting.append(passed_on)
        if not passed_on.acquire(timeout=TURN_S):
            with self._lock:
                if passed_on in self._waiting:
                    self._waiting.remove(passed_on)
                    self._taken += 1

    def give_back(self) -> None:
        """End the turn; the next is that of the thread that has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken -= 1

    def pass_on(self) -> None:
        """Let those that wait now have their turns, and take the next."""
        if self._waiting:
            self.give_back()
            self.take()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and give it back at the end."""
        self.take()
        try:
            yield
        finally:
            self.give_back()


LONG_WORK: Final = Turns()
"""Of all threads of this process that compute for long: expensive queries and checks of the read model."""


class Bounds:
    """The bounds of one query.

    The deadline is `seconds` from now. `size` is how many bytes of rows the query may keep, `page` after how many bytes
    a page ends before it has all its rows. `cancel` may be called from any thread; the query notices at its next batch
    of rows, or within a statement if the database supports that. While `others_wait` is true, the query pauses between
    batches, for as long as it has worked since the last pause: short queries wait for the interpreter lock at each row
    that they read, so that a long one next to them makes them take several times as long. With `turns`, the query
    computes only in its turns: it passes them on between batches, and gives them back while the database works.
    """

    def __init__(
        self,
        seconds: float = inf,
        size: float = inf,
        page: float = inf,
        others_wait: Callable[[], bool] = lambda: False,
        turns: Turns | None = None,
    ) -> None:
        self.seconds = seconds
        self.size = size
        self.page = page
        self.kept_bytes = 0
        """Bytes of the rows that were kept so far."""
        self.is_bounded = min(seconds, size, page) < inf  # unbounded queries do not count
        self._others_wait = others_wait
        self._turns = turns
        self._resumed = time.monotonic()
        self._deadline = self._resumed + seconds
        self._is_cancelled = False
        self._lock = threading.Lock()
        self._interrupt: Callable[[], None] | None = None

    def cancel(self) -> None:
        """End the query, because the caller disconnected."""
        self._is_cancelled = True
        self.interrupt()

    def interrupt(self) -> None:
        """Interrupt the running statement, for databases that do not check the bounds themselves."""
        with self._lock:
            if self._interrupt:
                self._interrupt()

    def on_interrupt(self, interrupt: Callable[[], None] | None) -> None:
        """Set what interrupts a running statement; None when there is no statement to interrupt."""
        with self._lock:
            self._interrupt = interrupt
        if interrupt:
            self.check()

    def is_over(self) -> bool:
        """Whether the query must end: it reached its deadline, or the caller disconnected."""
        return self._is_cancelled or time.monotonic() > self._deadline

    def check(self) -> None:
        """Check the bounds, after a pause if others wait.

        Raises:
            Abandoned: the caller disconnected.
            TookTooLong: the deadline has passed.
            ReadTooMuch: the query keeps more than it may.
        """
        if self._turns:
            self._turns.pass_on()
        if self._others_wait():
            self._step_aside()
        if self._is_cancelled:
            raise Abandoned
        if time.monotonic() > self._deadline:
            raise TookTooLong(f"it took longer than {self.seconds:g} seconds")
        if self.kept_bytes > self.size:
            raise ReadTooMuch(f"it needs more than {self.size / (1 << 20):.0f} MiB of the read model at once")

    def in_turn(self, work: Callable[[], Result]) -> Result:
        """Return the result of the query's work, done in its turns."""
        if not self._turns:
            return work()
        with self._turns.turn():
            return work()

    def out_of_turn(self, work: Callable[[], Result]) -> Result:
        """Return the result of work that the database does, during which other queries have their turns."""
        if not self._turns:
            return work()
        self._turns.give_back()
        try:
            return work()
        finally:
            self._turns.take()

    def _step_aside(self) -> None:
        now = time.monotonic()
        end = now + min(LONGEST_PAUSE_S, now - self._resumed)
        while self._others_wait() and time.monotonic() < end:
            time.sleep(PAUSE_S)
        self._resumed = time.monotonic()

    def keep_rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows, and count them toward the size that may be kept. The bounds are checked for each batch."""
        for batch, weight in _batches(rows):
            self.kept_bytes += weight
            self.check()
            yield from batch

    def stream_rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows for a caller that does not keep them. The bounds are checked for each batch."""
        for batch, _ in _batches(rows):
            self.check()
            yield from batch

    def count_bytes(self, size: int) -> None:
        """Count other data toward the size that may be kept; it is checked with the next rows."""
        self.kept_bytes += size

    def release_to(self, read: int) -> None:
        """Reset the number of bytes kept to an earlier value, because what was read since is not kept."""
        self.kept_bytes = read

    def end_pages_by_rows(self) -> None:
        """From now on, let only the number of rows end a page: the query has several parts, and each needs all its rows."""
        self.page = inf

    def is_page_full(self) -> bool:
        """Whether what was read is enough for one page."""
        return self.kept_bytes > self.page


UNBOUNDED: Final = Bounds()
"""For processes that run queries alone on their machine."""


def _batches(rows: Iterable[Row]) -> Iterator[tuple[list[Row], int]]:
    """Yield the rows in batches with their size in memory. Large rows come in small batches."""
    found, most = iter(rows), FIRST_BATCH_ROWS
    while batch := list(islice(found, most)):
        weight = memory_bytes(batch)
        yield batch, weight
        most = max(1, min(BATCH_ROWS, BATCH_BYTES * len(batch) // weight))


def memory_bytes(batch: list[Row]) -> int:
    """Return the approximate size of rows in memory."""
    return _text_bytes(batch) + COLUMN_BYTES * len(batch) * (1 + len(batch[0]))


def _text_bytes(batch: list[Any]) -> int:
    try:
        return len(marshal.dumps(batch, 2))  # much faster than a loop over the values
    except ValueError:
        return len(repr(batch))
