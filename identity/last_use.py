"""When tokens and sessions were last used: coarse, and written in batches, so that a request costs no write."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

from eventsourcing.persistence import PersistenceError

from eventlog.sql import Session
from eventlog.store import Store

WRITE_AFTER_S: Final = 5.0
"""How long uses are collected before they are written in one transaction."""


class LastUse:
    """Writes the column `used_at` of a table, at most once in `precision_us` for each row."""

    def __init__(
        self, store: Store, table: Literal["tokens", "sessions"], *, clock: Callable[[], int], precision_us: int
    ) -> None:
        self.precision_us = precision_us
        self._store = store
        self._statement = f"UPDATE {table} SET used_at = ? WHERE id = ?"
        self._clock = clock
        self._pending: dict[str, int] = {}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def note(self, row_id: str, used_at: int | None) -> None:
        """Note that a row is used now; `used_at` is its last use as stored."""
        if self._store.read_only:
            return
        now = self._clock()
        if used_at is not None and now - used_at < self.precision_us:
            return
        with self._lock:
            self._pending[row_id] = now
            if self._timer is None:
                self._timer = threading.Timer(WRITE_AFTER_S, self.write)
                self._timer.daemon = True
                self._timer.start()

    def write(self) -> None:
        """Write what was noted. If the store fails, the next use is noted again."""
        with self._lock:
            pending, self._pending = self._pending, {}
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        if pending:
            with suppress(PersistenceError):
                self._store.run(lambda session: self._update(session, pending))

    def _update(self, session: Session, pending: dict[str, int]) -> None:
        session.executemany(self._statement, [(used_at, row_id) for row_id, used_at in pending.items()])
