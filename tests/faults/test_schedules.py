"""Whatever happens to messages, a replica equals one of an undisturbed run; faulty replicas are detected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from consumers.kafka.reorder_buffer import ReorderBuffer
from consumers.kafka.replica_session import ReplicaSession
from eventlog.codec import decode_row
from eventlog.records import EntryRow
from projections.read_model import replica_state
from projections.read_model.replica_state import ReplicaState
from tests.faults.schedules import check

pytestmark = pytest.mark.slow


class GreedyBuffer(ReorderBuffer):
    """Resumes after everything that arrived, and loses what waits."""

    def resume_offset(self) -> int:
        return self._next_offset


class Greedy(ReplicaSession):
    """Loses waiting messages when it is killed."""

    def _resume(self) -> ReplicaState:
        self._buffer = GreedyBuffer()
        return super()._resume()


class RowsFirst(ReplicaSession):
    """Writes the rows first, and its position in a second transaction."""

    def _apply(self, rows: Sequence[EntryRow]) -> None:
        before = {"position": self._state.position}
        move = "update projection set position = :position"
        with self._writer.transaction():
            self._projector.apply([decode_row(row) for row in rows])
            self._writer.rows(move, before)
        self.pause()
        now = replace(
            self._state, position=rows[-1].position, next_offset=self._buffer.resume_offset(), missing_position=None
        )
        with self._writer.transaction():
            self._writer.rows(move, {"position": now.position})
            replica_state.write_state(self._writer, now)
        self._state = self._stored_state = now

    def pause(self) -> None:
        """Called between the two transactions."""


class HoleBuffer(ReorderBuffer):
    """Skips missing positions."""

    def pop_ready(self, after: int, limit: int) -> list[EntryRow]:
        ahead = self.first_waiting()
        if ahead is None or ahead == after + 1:
            return super().pop_ready(after, limit)
        _, row = self._waiting.pop(ahead)
        return [row._replace(position=after + 1)]


class Skipping(ReplicaSession):
    """Skips a gap and counts as if there had been none."""

    def _resume(self) -> ReplicaState:
        self._buffer = HoleBuffer()
        return super()._resume()


class Rememberer(ReplicaSession):
    """Erases nothing."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._projector._erase_texts = lambda _positions: None  # type: ignore[method-assign]


SABOTAGED_SESSIONS = [Greedy, RowsFirst, Skipping, Rememberer]


def test_a_replica_equals_that_of_an_undisturbed_run() -> None:
    """A hundred random schedules; `python -m tests.faults schedules` runs more."""
    assert check(100) == 100


@pytest.mark.parametrize("sabotaged", SABOTAGED_SESSIONS)
def test_a_faulty_replica_is_detected(sabotaged: type[ReplicaSession]) -> None:
    """Each sabotaged replica, wrong in one way, ends up different."""
    with pytest.raises(AssertionError):
        check(300, sabotaged, of=1)
