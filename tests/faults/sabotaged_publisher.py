"""A sabotaged publisher: it counts messages as published once they are sent, and resumes after them.

`python -m tests.faults.sabotaged_publisher publish` is `decisionlog publish` with this mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cli.main import main
from consumers.kafka.broker import Broker
from consumers.kafka.publisher import EntryStream, Publisher
from consumers.kafka.status_reporter import StatusReporter


def _send(self: EntryStream, rows: Sequence[Any]) -> None:
    _whole(self, rows)
    self.confirmed = self.sent


def _wait_for_delivery(self: EntryStream, max_in_flight: int, timeout_s: float) -> bool:
    confirmed = self.confirmed
    done = _waited(self, max_in_flight, timeout_s)
    self.confirmed = confirmed
    return done


def _report_progress(self: StatusReporter, position: int, *more: Any, **named: Any) -> None:
    self._reported_at = 0  # save the status at every step
    _told(self, position, *more, **named)


def _producer(self: Broker, **more: Any) -> Any:
    return _made(self, **more | {"linger_ms": 300})  # so that messages are usually in flight at a kill


if __name__ == "__main__":
    _made = Broker.producer
    Broker.producer = _producer  # type: ignore[method-assign]
    _whole, _waited, _told = EntryStream.send, EntryStream.wait_for_delivery, StatusReporter.report_progress
    EntryStream.send = _send  # type: ignore[method-assign]
    EntryStream.wait_for_delivery = _wait_for_delivery  # type: ignore[method-assign]
    StatusReporter.report_progress = _report_progress  # type: ignore[method-assign]
    Publisher._resume_position = lambda self, _state: self._reporter.previous.position if self._reporter.previous else 0  # type: ignore[method-assign]
    main()
