"""Whether an SQLite file is sound apart from what its rows say: its pages, its indexes, and its schema.

SQLite trusts its indexes: a question that one of them answers is never compared with the table. So each index is
compared with its table here, and whatever does not belong to the schema is named.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from typing import Final

MAX_PROBLEMS: Final = 10
"""Of what `PRAGMA integrity_check` finds; one alone is enough to distrust the file."""

DAMAGE_ERRORS: Final = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file may raise; the latter, when a message or a name is not UTF-8 any more."""

SchemaObjects = set[tuple[str, str, str, str]]
"""Each table, index, trigger and view: its type, its name, its table, and the statement that made it."""


def find_page_damage(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield what `PRAGMA integrity_check` finds: damaged pages, and indexes that differ from their tables."""
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
    """Yield in words how a schema differs from the expected one."""
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
    """Whether an error says that what is stored is damaged, and not that the disk fails or a lock is held."""
    if isinstance(error, UnicodeDecodeError):
        return True
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}:
        return True
    return any(sign in describe(error) for sign in _SIGNS_OF_DAMAGE)


_SIGNS_OF_DAMAGE: Final = (
    "Could not decode to UTF-8", "malformed", "no such table", "no such column", "no such module", "has no column",
    "vtable constructor failed", "fts5: corrupt", "missing row", "unsupported file format", "no such index",
)  # fmt: skip
"""SQLite has one code for these and for a mistake in a statement; ours are fixed, so the file must have changed."""


def describe(error: BaseException) -> str:
    """Return what an error says, in one line that can be printed."""
    return " ".join(str(error).encode(errors="replace").decode().split())


def _normalize(sql: str) -> str:
    return re.sub(r"\s+", " ", sql.replace('"', "")).strip()


class BackgroundCheck:
    """Checks the pages of a large file in a thread, and calls `report` with the first thing that is wrong."""

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
                with suppress(sqlite3.ProgrammingError):  # it has just been closed
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
