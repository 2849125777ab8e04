"""A worker's word on itself: said often enough to be believed, and seldom enough to cost nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from eventlog.worker_status import Workers, WorkerStatus

_log: Final = logging.getLogger("decisionlog.consumers")
OFTEN: Final = 1_000_000
"""Microseconds between two sheets that say nothing new but how far it is."""
LONGEST: Final = 500
"""Characters of what went wrong."""


class Reporter:
    """Keeps the sheet of one worker. What went wrong last stays on it; whether it still does is said beside it."""

    def __init__(self, workers: Workers, name: str, place: str, clock: Callable[[], int]) -> None:
        before = workers.of(name)
        self._workers = workers
        self._clock = clock
        self._said = 0
        self.before = before
        """What the process before said last."""
        known = before is not None and before.place == place
        self._sheet = replace(before, failing=False) if before and known else WorkerStatus(name, place, 0)

    def done(self, position: int, behind: int | None = None, topic: str = "") -> None:
        """It works, and is done with a position."""
        now = self._clock()
        recovered = self._sheet.failing
        self._sheet = replace(self._sheet, position=position, behind=behind, topic=topic, failing=False, at=now)
        if recovered or now - self._said >= OFTEN:
            self._say(now)

    def failed(self, error: BaseException) -> None:
        """Something went wrong, and will be tried again."""
        now = self._clock()
        text = " ".join(str(error).split()) or type(error).__name__
        self._sheet = self._sheet.failed(text[:LONGEST], now)
        self._say(now)

    def last(self) -> None:
        """Says once more how far it is, before it ends."""
        self._say(self._clock())

    def _say(self, now: int) -> None:
        self._said = now
        try:
            self._workers.put(self._sheet)
        except Exception as error:  # noqa: BLE001  (whoever cannot be told must not stop the work)
            _log.warning("How far the %s is cannot be told: %s", self._sheet.name, error)
