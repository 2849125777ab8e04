"""A sabotaged server on PostgreSQL: it answers a decision first and commits some time later.

`python -m tests.faults.sabotaged_postgresql_commit serve` is `decisionlog serve` with this mistake.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from cli.main import main
from eventlog import postgresql_store
from eventlog.postgresql_pipeline import Pipeline
from eventlog.postgresql_store import PostgresStore

LATE: Final = 1.0
"""Seconds between the answer and the commit in PostgreSQL."""


def delay_commits() -> None:
    """Leave groups with a decision open when they are answered, and commit them later; the next group waits."""
    whole, ending, late = PostgresStore._write, postgresql_store._roll_back, set[int]()

    def commit(writer: Pipeline) -> None:
        writer.execute("COMMIT")
        writer.run()
        writer.connection.close()

    def write(store: PostgresStore, writer: Pipeline, head: Any, placed: Any, *basis: Any) -> None:
        if not any(row.type.startswith("DecisionRecorded") for _, rows in placed for row in rows):
            whole(store, writer, head, placed, *basis)
            return
        late.add(id(writer))
        store._writer = None
        execute = writer.execute
        writer.execute = lambda statement, *more: execute("SELECT 1" if statement == "COMMIT" else statement, *more)  # type: ignore[method-assign]
        whole(store, writer, head, placed, *basis)
        writer.execute = execute  # type: ignore[method-assign]
        threading.Timer(LATE, commit, [writer]).start()

    PostgresStore._write = write  # type: ignore[method-assign]
    PostgresStore._must_be_committed = lambda *_: None  # type: ignore[method-assign]
    postgresql_store._roll_back = lambda writer: None if id(writer) in late else ending(writer)


if __name__ == "__main__":
    delay_commits()
    main()
