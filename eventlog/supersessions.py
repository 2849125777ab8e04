"""Which decisions another one has superseded, found without reading the log again each time."""

from __future__ import annotations

import threading
from typing import Final

from domain.catalog import EVENT_NAMES
from domain.decision import SUPERSEDED_BY, DecisionSuperseded
from eventlog.codec import read_back
from eventlog.reading import LongReadError
from eventlog.store import Store

SUPERSESSION: Final = EVENT_NAMES[DecisionSuperseded]
POSITIONS_PER_READ: Final = 10_000


class Supersessions:
    """An index from decisions to those they superseded, read on from where it ended. It may name more, never fewer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._superseded: dict[str, set[str]] = {}
        self._position = 0
        self._reading = threading.Lock()

    def superseded_by(self, decision: str, size: int, at_most: int | None = None) -> frozenset[str]:
        """The decisions that name this one as what superseded them, in the first `size` entries.

        Raises:
            LongReadError: more than `at_most` entries would have to be read first.
        """
        if at_most is not None and size - self._position > at_most:
            raise LongReadError(lambda: self._read_until(size))
        self._read_until(size)
        return frozenset(self._superseded.get(decision, ()))

    def _read_until(self, size: int) -> None:
        with self._reading:
            while self._position < size:
                until = min(size, self._position + POSITIONS_PER_READ)
                for row in self._store.rows(self._position, POSITIONS_PER_READ, until=until, types=(SUPERSESSION,)):
                    for step in read_back(row).event.field_changes():
                        self._add(row.subject, step.refs if step.field == SUPERSEDED_BY else ())
                self._position = until

    def _add(self, decision: str, by: tuple[str, ...]) -> None:
        for each in by:
            self._superseded[each] = self._superseded.get(each, set()) | {decision}
