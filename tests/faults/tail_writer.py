"""One of the processes that write to a log in PostgreSQL while it is followed: see `tail`.

`python -m tests.faults.tail_writer STORE TASK`, the task in JSON; it ends by telling how often it was troubled.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

import psycopg

from cli.bootstrap import clock
from eventlog import postgresql_store
from eventlog.sequencer import Sequencer
from identity.decision_log import DecisionLog
from tests.faults.tail import write


@dataclass(frozen=True)
class Task:
    """What one process writes, and where it is troubled: `pauses` are sizes of the log at which it stands still.

    With `gap` it is sabotaged: in the first group beyond that size a position is skipped.
    """

    name: str
    events: int
    clients: int
    pauses: Sequence[int]
    longest: float
    rolled_back: float
    gap: int | None = None


class Trouble:
    """Stands still inside the lock, and fails at the last moment before a commit."""

    def __init__(self, task: Task) -> None:
        self.paused = self.rolled_back = 0
        self._pauses = sorted(task.pauses)
        self._longest = task.longest
        self._share = task.rolled_back
        self._chance = Random(task.name)
        self._whole = postgresql_store.update_head
        postgresql_store.update_head = self._update_head

    def _update_head(self, session: Any, head: Any, *more: Any) -> None:
        self._whole(session, head, *more)
        if self._pauses and head.size >= self._pauses[0]:
            self._pauses.pop(0)
            self.paused += 1
            time.sleep(self._chance.uniform(0.1, 1) * self._longest)
        if self._chance.random() < self._share:
            self.rolled_back += 1
            raise psycopg.OperationalError("rolled back")


def with_gap(size: int) -> None:
    """Has every process leave out the position after the first that is at least `size`."""
    placed = Sequencer._assign_position

    def leaving_one_out(self: Sequencer, event: Any) -> Any:
        if size <= self.head.size < size + 50:
            placed(self, event)
        return placed(self, event)

    Sequencer._assign_position = leaving_one_out  # type: ignore[method-assign]


def main(store: str, task: Task) -> None:
    if task.gap is not None:
        with_gap(task.gap)
    trouble = Trouble(task)
    with DecisionLog.open(
        store, clock=clock, whole=task.gap is None
    ) as log:  # else a gap would be noticed at the start
        log.default_role = "admin"
        asyncio.run(write(log, task.events, [0], task.clients, task.name))
    sys.stdout.write(json.dumps([trouble.paused, trouble.rolled_back]))


def command(store: str, task: Task) -> list[str]:
    """What starts it."""
    return [sys.executable, "-m", "tests.faults.tail_writer", store, json.dumps(asdict(task))]


if __name__ == "__main__":
    main(sys.argv[1], Task(**json.loads(sys.argv[2])))
