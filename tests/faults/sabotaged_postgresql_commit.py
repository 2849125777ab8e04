"""A sabotaged server on PostgreSQL: it answers a decision first and commits some time later.

`python -m tests.faults.sabotaged_postgresql_commit serve` is `decisionlog serve` with this mistake.
"""

from __future__ import annotations

import threading
from typing import Any, Final

import psycopg

from cli.main import main
from eventlog import postgresql_store
from eventlog.postgresql_store import PostgresStore

LATE: Final = 1.0
"""Seconds between the answer and the commit in PostgreSQL."""


def delay_commits() -> None:
    """Leave groups with a decision open when they are answered, and commit them later; the next group waits."""
    whole, ending, late = PostgresStore._write, postgresql_store._roll_back, set[int]()

    def commit(connection: psycopg.Connection[Any]) -> None:
        connection.execute("COMMIT")
        connection.close()

    def write(store: PostgresStore, connection: Any, head: Any, placed: Any, *basis: Any) -> None:
        if not any(row.type.startswith("DecisionRecorded") for _, rows in placed for row in rows):
            whole(store, connection, head, placed, *basis)
            return
        late.add(id(connection))
        store._write_connection = None
        whole(store, _Open(connection), head, placed, *basis)
        threading.Timer(LATE, commit, [connection]).start()

    PostgresStore._write = write  # type: ignore[method-assign]
    PostgresStore._must_be_committed = lambda *_: None  # type: ignore[method-assign]
    postgresql_store._roll_back = lambda connection: None if id(connection) in late else ending(connection)


class _Open:
    """A connection that does not commit."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, query: Any, *more: Any, **options: Any) -> Any:
        return self._connection.execute("SELECT 'later'" if query == "COMMIT" else query, *more, **options)


if __name__ == "__main__":
    delay_commits()
    main()
