"""An index of which decisions each decision superseded, kept in memory."""

from __future__ import annotations

import threading
from typing import Final

from domain.catalog import EVENT_NAMES
from domain.decision_messages import SUPERSEDED_BY, DecisionSuperseded
from eventlog.codec import decode_row
from eventlog.long_reads import LongReadError
from eventlog.store import Store

SUPERSESSION: Final = EVENT_NAMES[DecisionSuperseded]
POSITIONS_PER_READ: Final = 10_000


class Supersessions:
    """Maps decisions to those they superseded; reads only new entries. It may contain too many, never too few."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._superseded: dict[str, set[str]] = {}
        self._position = 0
        self._read_lock = threading.Lock()

    def superseded_by(self, decision: str, size: int, at_most: int | None = None) -> frozenset[str]:
        """Return the decisions that a decision superseded, within the first `size` entries.

        Raises:
            LongReadError: more than `at_most` entries would have to be read first.
        """
        if at_most is not None and size - self._position > at_most:
            raise LongReadError(lambda: self._read_until(size))
        self._read_until(size)
        return frozenset(self._superseded.get(decision, ()))

    def _read_until(self, size: int) -> None:
        with self._read_lock:
            while self._position < size:
                until = min(size, self._position + POSITIONS_PER_READ)
                for row in self._store.rows(self._position, POSITIONS_PER_READ, until=until, types=(SUPERSESSION,)):
                    for change in decode_row(row).event.field_changes():
                        self._add(row.subject, change.refs if change.field == SUPERSEDED_BY else ())
                self._position = until

    def _add(self, decision: str, successors: tuple[str, ...]) -> None:
        for successor in successors:
            self._superseded[successor] = self._superseded.get(successor, set()) | {decision}
