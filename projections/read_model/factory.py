"""Opens the database of a read model: a file, or a schema of a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

from eventlog.dsn import is_dsn
from projections.read_model.database import Database
from projections.read_model.sqlite import SqliteDatabase


def open_database(where: Path | str) -> Database:
    """Return the database at a path, or at a PostgreSQL URL (`postgresql://...?schema=NAME`).

    Raises:
        NoStoreError: the URL names no schema.
        ModuleNotFoundError: the URL needs psycopg, which is not installed.
    """
    if isinstance(where, str) and is_dsn(where):
        from projections.read_model.postgresql import PostgresqlDatabase  # noqa: PLC0415  (an optional dependency)

        return PostgresqlDatabase(where)
    return SqliteDatabase(Path(where))
