"""A sabotaged server: it answers first and commits some time later.

`python -m tests.faults.sabotaged_commit serve` is `decisionlog serve` with this mistake.
"""

from __future__ import annotations

import functools
import sqlite3
from typing import Any

from cli.main import main

GROUPS = 50


class LateCommit(sqlite3.Connection):
    """After the first decision, commits only every 50 groups."""

    _left = 0

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if sql.startswith("INSERT INTO events") and any("DecisionRecorded" in str(value) for value in parameters):
            self._left = self._left or GROUPS
        if sql == "COMMIT" and self._left:
            self._left -= 1
        if sql in {"COMMIT", "BEGIN IMMEDIATE"} and self._left:
            sql = "BEGIN IMMEDIATE" if not self.in_transaction else "SELECT 'later'"
        return super().execute(sql, parameters)


if __name__ == "__main__":
    sqlite3.connect = functools.partial(sqlite3.connect, factory=LateCommit)
    main()
