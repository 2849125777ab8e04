"""The command, but for one thing: a replica writes the rows first and then, in another transaction, how far it is.

It stands still between the two for a moment, so that a kill need not be lucky.
"""

from __future__ import annotations

import time

import consumers.kafka.replica
from cli.main import main
from tests.faults.test_schedules import RowsFirst


class Slowly(RowsFirst):
    """Stands still between the two."""

    def pause(self) -> None:
        time.sleep(0.2)


if __name__ == "__main__":
    consumers.kafka.replica.Turn = Slowly  # type: ignore[misc]
    main()
