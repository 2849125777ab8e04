"""SQL that both databases understand, with `?` for a value: reading and writing the tables of a log in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, Protocol

from eventsourcing.persistence import IntegrityError

from eventlog.merkle import pack_frontier, unpack_frontier
from eventlog.records import Head, IdempotencyRecord, NameRow

LAST: Final = 2**63 - 1
"""Greater than any position, version or number of rows."""
ROWS_PER_STATEMENT: Final = (64, 32, 16, 8, 4, 2, 1)
"""Many rows are split into statements of these sizes, so that few statements are executed and few have to be prepared.

Each execution releases the interpreter lock, and then waits for it while other threads run."""
HEAD: Final = "SELECT size, frontier, recorded_at FROM head"
COLUMNS: Final = "position, subject, version, type, recorded_at, event, texts"
AMONG_RESULTS: Final = (
    "(VALUES {marks}) AS wanted CROSS JOIN idempotency_records WHERE scope = column1 AND key = column2"
)
"""The results stored under some keys. With `(scope, key) IN (VALUES ...)` SQLite would scan the whole table."""
SIDE_TABLE_KEYS: Final = {
    "idempotency_records": "scope, key",
    "names": "normalized, person, name",
    "tokens": "id",
    "owners": "name",
    "provider_accounts": "issuer, subject",
    "access_journal": "number",
    "access_journal_head": "one",
}
"""The tables that no Merkle tree covers, because their rows may be changed or erased, each with its primary key."""


class Result(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """The number of rows that were changed."""

    def fetchall(self) -> list[Any]:
        """All rows."""

    def fetchone(self) -> Any:
        """The first row, or None."""


class Session(Protocol):
    """The writer's database transaction."""

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Result:
        """Execute a statement."""

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]], /) -> object:
        """Execute a statement once for each set of parameters."""

    def insert(self, table: str, rows: Sequence[Sequence[Any]], on_conflict: str = "") -> None:
        """Insert many rows in few statements. `on_conflict` is the clause for rows whose key exists."""


def iter_values(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[Any]]]:
    """Yield placeholders for a VALUES clause with their values, for few statements of few lengths."""
    done = 0
    while done < len(rows):
        count = next(size for size in ROWS_PER_STATEMENT if size <= len(rows) - done)
        yield _build_marks(count, len(rows[done])), list(chain.from_iterable(rows[done : done + count]))
        done += count


@lru_cache(64)
def _build_marks(rows: int, columns: int) -> str:
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)


def parse_head(rows: Sequence[Any]) -> Head:
    """Return the head from the rows of the `head` table.

    Raises:
        IntegrityError: the table is empty.
    """
    if not rows:
        raise IntegrityError("the log has no head")
    size, frontier, recorded_at = rows[0]
    return Head(size, unpack_frontier(frontier), recorded_at)


def update_head(
    session: Session, head: Head, before: Head | None = None, returning: str = "", parameters: Sequence[Any] = ()
) -> None:
    """Store a new head; with `before`, only in the place of that one. `returning` is a clause that is evaluated then."""
    condition = " WHERE size = ? AND frontier = ? AND recorded_at = ?" if before is not None else ""
    session.execute(
        f"UPDATE head SET size = ?, frontier = ?, recorded_at = ?{condition}{returning}",
        (*_head_row(head), *(_head_row(before) if before is not None else ()), *parameters),
    )


def _head_row(head: Head) -> tuple[int, bytes, int]:
    return head.size, pack_frontier(head.frontier), head.recorded_at


def insert_idempotency_records(session: Session, records: Iterable[tuple[IdempotencyRecord, int, int]]) -> None:
    """Insert idempotency records, each with the position of its first entry and the number of entries."""
    rows = [(record.claim.scope, record.claim.key, record.salt, record.digest, *span) for record, *span in records]
    session.insert("idempotency_records", rows)


def insert_names(session: Session, names: Iterable[NameRow]) -> None:
    """Insert names of people; existing ones stay as they are."""
    rows = [(name.normalized, name.person, name.name, name.shown) for name in names]
    session.insert("names", rows, "ON CONFLICT DO NOTHING")
