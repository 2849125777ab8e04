"""Report the status of a worker, such as a publisher, for `decisionlog status`: at most once per interval."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from consumers.kafka.broker import describe_broker_error
from eventlog.worker_status import Workers, WorkerStatus

_log: Final = logging.getLogger("decisionlog.consumers")
REPORT_INTERVAL_US: Final = 1_000_000
MAX_ERROR_CHARACTERS: Final = 500


def without_repeats(notify: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that passes on each message that differs from the one before it."""
    last = ""

    def notify_of_changes(message: str) -> None:
        nonlocal last
        if message != last:
            notify(message)
        last = message

    return notify_of_changes


class StatusReporter:
    """Stores the status of one worker. Its last error is kept, with whether the worker is still failing.

    `notify` gets a sentence when the worker begins to fail, and when it works again.
    """

    def __init__(
        self,
        workers: Workers,
        name: str,
        place: str,
        clock: Callable[[], int],
        *,
        notify: Callable[[str], None] = lambda _message: None,
    ) -> None:
        previous = workers.find(name)
        self._workers = workers
        self._clock = clock
        self._notify = notify
        self._reported_at = 0
        self._last_warning = ""
        self.previous = previous
        """The last status of the previous process."""
        is_same = previous is not None and previous.place == place
        self._status = replace(previous, failing=False) if previous and is_same else WorkerStatus(name, place, 0)

    def report_progress(self, position: int, behind: int | None = None, topic: str = "") -> None:
        """Report that the worker is working and has finished a position."""
        now = self._clock()
        has_recovered = self._status.failing
        self._status = replace(self._status, position=position, behind=behind, topic=topic, failing=False, at=now)
        if has_recovered:
            self._notify(f"The {self._status.name} works again, at position {position}.")
        if has_recovered or now - self._reported_at >= REPORT_INTERVAL_US:
            self._store(now)

    def report_failure(self, error: BaseException, *, final: bool = False) -> None:
        """Report an error, after which the worker will retry unless it is `final`."""
        now = self._clock()
        text = describe_broker_error(error)
        if not (self._status.failing or final):
            self._notify(f"The {self._status.name} is failing, and keeps trying: {text[:MAX_ERROR_CHARACTERS]}")
        self._status = self._status.with_error(text[:MAX_ERROR_CHARACTERS], now)
        self._store(now)

    def flush(self) -> None:
        """Store the latest status before the worker ends."""
        self._store(self._clock())

    def _store(self, now: int) -> None:
        self._reported_at = now
        try:
            self._workers.save(self._status)
            self._last_warning = ""
        except Exception as error:  # noqa: BLE001  (a failing report must not stop the work)
            warning = " ".join(str(error).split())
            if warning != self._last_warning:
                _log.warning("The status of the %s cannot be stored: %s", self._status.name, warning)
            self._last_warning = warning
