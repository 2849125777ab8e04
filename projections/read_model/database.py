"""The interface of a database that holds a read model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from projections.read_model.query_limits import UNBOUNDED, Bounds

Row = tuple[Any, ...]
RunQuery = Callable[[str, Mapping[str, Any]], Iterable[Row]]
"""Runs a statement in the SQL dialect of `projections.read_model.schema` with its parameters, and returns its rows."""

RowKey = tuple[int, int]
"""The sort key of a row among those of its field: when it takes effect, and its id."""

RowRange = tuple[str, str, RowKey, RowKey]
"""A range of one field's rows: subject, field, the first row and the last."""

NextRow = tuple[int | None, int | None]
"""When the next row takes effect, and its id; None and None if there is no next row."""

NeighborRow = tuple[int, int, int, int | None, int | None]
"""A row in a range or next to it: the index of the range, when the row takes effect, its id, and its next row."""


MISSING: Final = "there is none yet"
"""What `Database.check` returns for a read model that was never created."""


PROJECTOR: Final = "projector"
"""The lock of the process that writes the read model."""

REBUILD: Final = "rebuild"
"""The lock of the process that rebuilds the read model."""


class Writer(Protocol):
    """A connection that changes the tables. `p` is the prefix of their names: empty, or that of a set being built."""

    def try_lock(self, what: str) -> bool:
        """Take a lock unless another process holds it. It is held until this is closed or the process ends."""
        ...

    def transaction(self, p: str = "") -> AbstractContextManager[None]:
        """Run a transaction, alone among the writers of these tables."""
        ...

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Run one statement in the SQL dialect of `projections.read_model.schema`, and return its rows, if any."""
        ...

    def insert(self, p: str, table: str, rows: Sequence[Row]) -> None:
        """Insert rows, each with the columns of `schema.columns_of`."""
        ...

    def neighbors(self, p: str, spans: Sequence[RowRange]) -> Iterable[NeighborRow]:
        """Return the rows in some ranges that are not void, and for each range the row before it and the row after it."""
        ...

    def update_validity(self, p: str, rows: Sequence[Row]) -> None:
        """Set `valid_to`, `next_id` and `voided_by` of rows of `field_value`, given with their primary keys."""
        ...

    def optimize_search(self, p: str) -> None:
        """Remove words from the search index that no text has any more."""
        ...

    def create_tables(self, p: str) -> None:
        """Create the tables, empty, at position 0, without most of their indexes."""
        ...

    def create_indexes(self, p: str) -> Iterable[None]:
        """Create the other indexes of the tables that this writer created, one per step of the iterator."""
        ...

    def create_unsorted(self, p: str) -> None:
        """Create the tables of rows in the order of the log, empty."""
        ...

    def move_unsorted(self, p: str) -> Iterable[None]:
        """Move the rows of these tables to their own, with their next rows, some per step of the iterator, and drop them."""
        ...

    def drop_tables(self, p: str) -> None:
        """Drop the tables if they exist."""
        ...

    def swap_tables(self, p: str) -> None:
        """Replace the tables without a prefix by those with this one. Readers see either set, never a mixture."""
        ...

    def close(self) -> None:
        """Close the connection, and release its locks."""
        ...


class Database(Protocol):
    """A database that holds one read model."""

    @property
    def transient_errors(self) -> tuple[type[Exception], ...]:
        """The errors that may not occur again on a retry."""
        ...

    def check(self) -> str | None:
        """Return why the read model cannot be read, or None."""
        ...

    def is_damage(self, error: BaseException) -> bool:
        """Whether an error means that stored data is damaged."""
        ...

    def find_damage(self) -> list[str]:
        """Return what is wrong with the database itself, whatever its rows: pages, indexes, schema."""
        ...

    def has_table(self, table: str) -> bool:
        """Whether a table exists."""
        ...

    def recreate(self) -> None:
        """Drop the read model, and create empty tables."""
        ...

    def snapshot(self, bounds: Bounds = UNBOUNDED) -> AbstractContextManager[RunQuery]:
        """Open a snapshot, which later writes do not change. A statement that exceeds the bounds is canceled."""
        ...

    def writer(self) -> Writer:
        """Open a connection that writes."""
        ...

    def has_active_writer(self) -> bool:
        """Whether a process writes the read model now. Changes nothing."""
        ...

    def scrub(self) -> bool:
        """Remove what is left of deleted rows where possible. Return False if a reader blocked it."""
        ...

    def close(self) -> None:
        """Close the idle connections."""
        ...
