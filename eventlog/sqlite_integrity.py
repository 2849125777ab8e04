"""Checks of an SQLite file itself, whatever its rows say: pages, indexes, and schema.

SQLite trusts its indexes: what an index returns is never compared with the table. So each index is compared with its
table here, and every object that does not belong to the schema is reported.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from typing import Final

MAX_PROBLEMS: Final = 10
"""The most problems that `PRAGMA integrity_check` reports; one is enough to distrust the file."""

DAMAGE_ERRORS: Final = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file may raise; the latter if a message or a name is not valid UTF-8."""

SchemaObjects = set[tuple[str, str, str, str]]
"""Each table, index, trigger and view: its type, name, table, and CREATE statement."""


def find_page_damage(connection: sqlite3.Connection) -> Iterator[str]:
    """Describe damaged pages, and indexes that differ from their tables (`PRAGMA integrity_check`)."""
    try:
        for (found,) in connection.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})").fetchall():
            if found != "ok":
                yield " ".join(str(found).split())
    except DAMAGE_ERRORS as error:
        if not is_damage(error):
            raise
        yield describe(error)


def read_schema(connection: sqlite3.Connection, rename: Callable[[str], str] = str) -> SchemaObjects:
    """Return the objects of a file's schema; each name and statement passes through `rename`."""
    rows = connection.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master").fetchall()
    return {(kind, rename(name), rename(table), _normalize(rename(sql))) for kind, name, table, sql in rows}


def find_schema_damage(found: SchemaObjects, expected: SchemaObjects) -> Iterator[str]:
    """Describe how a schema differs from the expected one."""
    names = {(kind, name) for kind, name, _, _ in expected}
    for kind, name, table, _ in sorted(found - expected):
        if (kind, name) in names:
            yield f"the {kind} {name} is not defined as it was created"
        else:
            yield f"it has a {kind} {name} on {table}, which does not belong there"
    present = {(kind, name) for kind, name, _, _ in found}
    for kind, name, _, _ in sorted(expected):
        if (kind, name) not in present:
            yield f"the {kind} {name} is missing"


def is_damage(error: BaseException) -> bool:
    """Whether an error means that the file is damaged, not that the disk fails or a lock is held."""
    if isinstance(error, UnicodeDecodeError):
        return True
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}:
        return True
    return any(message in describe(error) for message in _DAMAGE_MESSAGES)


_DAMAGE_MESSAGES: Final = (
    "Could not decode to UTF-8",
    "malformed",
    "no such table",
    "no such column",
    "no such module",
    "has no column",
    "vtable constructor failed",
    "fts5: corrupt",
    "missing row",
    "unsupported file format",
    "no such index",
)
"""SQLite uses one error code for these and for mistakes in a statement. The statements here are fixed, so the file must
have changed."""


def describe(error: BaseException) -> str:
    """Return the message of an error as one printable line."""
    return " ".join(str(error).encode(errors="replace").decode().split())


def _normalize(sql: str) -> str:
    return re.sub(r"\s+", " ", sql.replace('"', "")).strip()


class BackgroundCheck:
    """Checks the pages of a large file in a thread, and calls `report` with the first problem."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], report: Callable[[str], object]) -> None:
        self._connect = connect
        self._report = report
        self._stopping = False
        self._connection: sqlite3.Connection | None = None
        self._thread = threading.Thread(target=self._run, name="decisionlog-check", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the check, finished or not."""
        self._stopping = True
        while self._thread.is_alive():
            if self._connection is not None:
                with suppress(sqlite3.ProgrammingError):  # it was closed meanwhile
                    self._connection.interrupt()
            self._thread.join(timeout=0.05)

    def _run(self) -> None:
        with suppress(sqlite3.Error), closing(self._connect()) as connection:
            self._connection = connection
            if not self._stopping:
                self._report_first(find_page_damage(connection))

    def _report_first(self, problems: Iterable[str]) -> None:
        for problem in problems:
            if not self._stopping:
                self._report(problem)
            return
