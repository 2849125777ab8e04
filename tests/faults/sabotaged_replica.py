"""A sabotaged replica: it writes the rows first, and its position in a second transaction.

It pauses between the two, so that a kill usually falls there.
"""

from __future__ import annotations

import time

import consumers.kafka.replica_worker
from cli.main import main
from tests.faults.test_schedules import RowsFirst


class Slowly(RowsFirst):
    """Pauses between the two transactions."""

    def pause(self) -> None:
        time.sleep(0.2)


if __name__ == "__main__":
    consumers.kafka.replica_worker.ReplicaSession = Slowly  # type: ignore[misc]
    main()
