"""Whatever happens to messages on their way, the replica is that of a clean run; and replicas that are not are caught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from consumers.kafka.reorder_buffer import Arrivals
from consumers.kafka.replica import Turn
from eventlog.appender import EntryRow
from eventlog.codec import read_back
from projections import replica_state
from projections.replica_state import ReplicaState
from tests.faults.schedules import check


class GreedyArrivals(Arrivals):
    """Takes the end of what arrived for the place to go on at, and forgets what waits."""

    def resume(self) -> int:
        return self._next


class Greedy(Turn):
    """Loses what waited when it is killed."""

    def _begin(self) -> ReplicaState:
        self._arrivals = GreedyArrivals()
        return super()._begin()


class RowsFirst(Turn):
    """Writes the rows, and only then, in another transaction, how far it is."""

    def _apply(self, rows: Sequence[EntryRow]) -> None:
        before = {"position": self._standing.position}
        move = "update projection set position = :position"
        with self._writer.transaction():
            self._projector.apply([read_back(row) for row in rows])
            self._writer.rows(move, before)
        self.pause()
        now = replace(self._standing, position=rows[-1].position, next=self._arrivals.resume(), waits_for=None)
        with self._writer.transaction():
            self._writer.rows(move, {"position": now.position})
            replica_state.write_state(self._writer, now)
        self._standing = self._noted = now

    def pause(self) -> None:
        """Between the two."""


class HoleArrivals(Arrivals):
    """Goes on with whatever waits."""

    def ready(self, after: int, limit: int) -> list[EntryRow]:
        ahead = self.ahead()
        if ahead is None or ahead == after + 1:
            return super().ready(after, limit)
        _, row = self._waiting.pop(ahead)
        return [row._replace(position=after + 1)]


class Skipping(Turn):
    """Passes a hole over, and counts on as if there had been none."""

    def _begin(self) -> ReplicaState:
        self._arrivals = HoleArrivals()
        return super()._begin()


class Rememberer(Turn):
    """Forgets nothing."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._projector._forget = lambda _positions: None  # type: ignore[method-assign]


TWINS = [Greedy, RowsFirst, Skipping, Rememberer]


def test_whatever_happens_the_replica_is_that_of_a_clean_run() -> None:
    """A hundred random schedules; `python -m tests.faults schedules` runs ten times as many, and more."""
    assert check(100) == 100


@pytest.mark.parametrize("twin", TWINS)
def test_a_replica_that_loses_something_is_caught(twin: type[Turn]) -> None:
    """Each twin that is wrong in one thing is seen to be wrong."""
    with pytest.raises(AssertionError):
        check(300, twin, of=1)
