"""The sabotaged twin of the publisher: it takes for published what it has sent, and goes on from there.

`python -m tests.faults.early_position publish` is `decisionlog publish` with this mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cli.main import main
from consumers.kafka.broker import Broker
from consumers.kafka.publisher import Publisher, Stream
from consumers.kafka.status_reporter import Reporter


def _send(self: Stream, rows: Sequence[Any]) -> None:
    _whole(self, rows)
    self.confirmed = self.sent


def _settled(self: Stream, under_way: int, timeout: float) -> bool:
    confirmed = self.confirmed
    done = _waited(self, under_way, timeout)
    self.confirmed = confirmed
    return done


def _done(self: Reporter, position: int, *more: Any, **named: Any) -> None:
    self._said = 0  # every step is written down
    _told(self, position, *more, **named)


def _producer(self: Broker, **more: Any) -> Any:
    return _made(self, **more | {"linger_ms": 300})  # so that a kill nearly always finds something under way


if __name__ == "__main__":
    _made = Broker.producer
    Broker.producer = _producer  # type: ignore[method-assign]
    _whole, _waited, _told = Stream.send, Stream.settled, Reporter.done
    Stream.send, Stream.settled, Reporter.done = _send, _settled, _done  # type: ignore[method-assign]
    Publisher._left_off = lambda self, _state: self._reporter.before.position if self._reporter.before else 0  # type: ignore[method-assign]
    main()
