"""An index of the teams that were ever granted a role, kept in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from domain.catalog import EVENT_NAMES
from domain.roles import RoleGranted
from domain.values import kind_of
from eventlog.entry import Entry
from eventlog.long_reads import LongReadError
from eventlog.records import EntryRow
from eventlog.store import Store

GRANT: Final = EVENT_NAMES[RoleGranted]


class TeamsWithRoles:
    """The teams that were ever granted a role; reads only new entries. It may contain too many, never too few."""

    def __init__(self, store: Store, recent: Callable[[int, int], Sequence[Entry]]) -> None:
        """Read from the store what `recent(after, limit)`, the cached entries after a position, does not have."""
        self._store = store
        self._recent = recent
        self._teams: frozenset[str] = frozenset()
        self._position = 0
        self._read_lock = threading.Lock()

    def all(self, size: int, at_most: int | None = None) -> frozenset[str]:
        """Return the teams with a grant within the first `size` entries.

        Raises:
            LongReadError: more than `at_most` entries would have to be read first.
        """
        if at_most is not None and size - self._position > at_most:
            raise LongReadError(lambda: self._read_until(size))
        self._read_until(size)
        return self._teams

    def _read_until(self, size: int) -> None:
        with self._read_lock:
            missing = size - self._position
            if missing <= 0:
                return
            recent = self._recent(self._position, missing)
            found: Sequence[Entry | EntryRow] = (
                [entry for entry in recent if entry.type == GRANT]
                if len(recent) == missing
                else self._store.rows(self._position, missing, until=size, types=(GRANT,))
            )
            self._teams |= {each.subject for each in found if kind_of(each.subject) == "team"}
            self._position = size
