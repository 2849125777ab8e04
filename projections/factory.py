"""Where a read model is: a file, or a schema of a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

from eventlog.dsn import is_dsn
from projections.database import Database
from projections.sqlite import SqliteDatabase


def open_database(where: Path | str) -> Database:
    """The database for a path, or for the address of a PostgreSQL database (`postgresql://...?schema=NAME`).

    Raises:
        NoStoreError: the address names no schema.
        ModuleNotFoundError: psycopg is not installed, and the address needs it.
    """
    if isinstance(where, str) and is_dsn(where):
        from projections.postgresql import PostgresqlDatabase  # noqa: PLC0415  (an extra that a file does without)

        return PostgresqlDatabase(where)
    return SqliteDatabase(Path(where))
