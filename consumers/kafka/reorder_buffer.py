"""What has arrived from a topic and could not be applied yet: the order of the log made of an order of arrival.

Whatever comes twice counts once, what comes early waits, and nothing is passed over: after a position comes the next.
"""

from __future__ import annotations

from typing import Final

from eventlog.appender import EntryRow

ROOM: Final = 10_000
"""Rows that may wait. Those furthest ahead are let go when there are more, and read again when it is their turn."""


class Arrivals:
    """Rows by position, each with its offset in the topic."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._waiting: dict[int, tuple[int, EntryRow]] = {}
        self._let_go: tuple[int, int] | None = None
        self._next = 0

    def take(self, offset: int, row: EntryRow | None, after: int) -> None:
        """Takes in what stands at an offset; None is nothing of the log. `after` is the last position applied."""
        self._next = offset + 1
        if row is None or row.position <= after or row.position in self._waiting:
            return
        self._waiting[row.position] = (offset, row)
        if len(self._waiting) > self._room:
            furthest = max(self._waiting)
            self._forgo(furthest, self._waiting.pop(furthest)[0])

    def _forgo(self, position: int, offset: int) -> None:
        known = self._let_go or (position, offset)
        self._let_go = (min(position, known[0]), min(offset, known[1]))

    def ready(self, after: int, limit: int) -> list[EntryRow]:
        """Takes out the rows that follow a position without a hole, at most so many."""
        found: list[EntryRow] = []
        while len(found) < limit and (waiting := self._waiting.pop(after + len(found) + 1, None)):
            found.append(waiting[1])
        return found

    def ahead(self) -> int | None:
        """The first position that waits or was let go, if any was."""
        let_go = [self._let_go[0]] if self._let_go else []
        return min([*self._waiting, *let_go], default=None)

    def to_read_again(self, after: int) -> int | None:
        """The offset to read from again, if what follows a position, or an earlier one, was let go; told once."""
        if self._let_go is None or self._let_go[0] > after + 1:
            return None
        offset, self._let_go = self._let_go[1], None
        return offset

    def resume(self) -> int:
        """The offset from which another would have to read to miss nothing of what waits here."""
        offsets = [offset for offset, _ in self._waiting.values()]
        return min([self._next, *offsets, *([self._let_go[1]] if self._let_go else [])])

    def moved(self, offset: int, after: int) -> None:
        """Goes on from another offset; what was applied meanwhile no longer waits."""
        self._next = offset
        self._waiting = {position: waiting for position, waiting in self._waiting.items() if position > after}
