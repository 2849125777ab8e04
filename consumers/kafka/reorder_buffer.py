"""Bring entries that arrive out of order into the order of the log.

Duplicates are ignored, early entries wait, and no position is skipped.
"""

from __future__ import annotations

from typing import Final

from eventlog.records import EntryRow

DEFAULT_CAPACITY: Final = 10_000


class ReorderBuffer:
    """Rows by position, each with its offset in the topic.

    If there are more than the capacity, the rows furthest ahead are evicted, and must be read from the topic again.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: dict[int, tuple[int, EntryRow]] = {}
        self._evicted: tuple[int, int] | None = None
        """The lowest position and the lowest offset of the evicted rows."""
        self._next_offset = 0

    def add(self, offset: int, row: EntryRow | None, after: int) -> None:
        """Add the row at an offset; None if there is no entry. `after` is the last position applied."""
        self._next_offset = offset + 1
        if row is None or row.position <= after or row.position in self._waiting:
            return
        self._waiting[row.position] = (offset, row)
        if len(self._waiting) > self._capacity:
            furthest = max(self._waiting)
            self._mark_evicted(furthest, self._waiting.pop(furthest)[0])

    def _mark_evicted(self, position: int, offset: int) -> None:
        before = self._evicted or (position, offset)
        self._evicted = (min(position, before[0]), min(offset, before[1]))

    def pop_ready(self, after: int, limit: int) -> list[EntryRow]:
        """Remove and return at most `limit` rows that follow a position without a gap."""
        found: list[EntryRow] = []
        while len(found) < limit and (waiting := self._waiting.pop(after + len(found) + 1, None)):
            found.append(waiting[1])
        return found

    def first_waiting(self) -> int | None:
        """Return the lowest position that waits or was evicted."""
        evicted = [self._evicted[0]] if self._evicted else []
        return min([*self._waiting, *evicted], default=None)

    def pop_reread_offset(self, after: int) -> int | None:
        """Return the offset to read from again, once, if the row after a position was evicted."""
        if self._evicted is None or self._evicted[0] > after + 1:
            return None
        offset, self._evicted = self._evicted[1], None
        return offset

    def resume_offset(self) -> int:
        """Return the offset from which a new reader must read to miss nothing that waits here."""
        offsets = [offset for offset, _ in self._waiting.values()]
        return min([self._next_offset, *offsets, *([self._evicted[1]] if self._evicted else [])])

    def seek(self, offset: int, after: int) -> None:
        """Continue at another offset, and drop the rows up to a position."""
        self._next_offset = offset
        self._waiting = {position: waiting for position, waiting in self._waiting.items() if position > after}
