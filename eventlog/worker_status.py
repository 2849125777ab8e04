"""The status of background workers: how far each publisher, consumer or replica is, and its last error.

Each worker overwrites one status, which every process that can open the log can read: in a file next to the log, or in a
row in its schema. It is only shown to people, so it can be deleted at any time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from domain.values import format_micros
from eventlog.dsn import is_dsn
from eventlog.regular_files import read_regular, replace_regular

if TYPE_CHECKING:
    from eventlog.postgresql_store import Connection

_SAVE: Final = """INSERT INTO workers VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET status = excluded.status"""
WORKER_TIMEOUT_US: Final = 15_000_000
"""A worker that has not saved its status for this long is considered stopped; it saves it about every second."""
MAX_STATUS_BYTES: Final = 65_536
VERIFIER: Final = "verify"
"""The name under which `decisionlog verify` saves what it found; it is no worker."""


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """The status of one worker. Times are in microseconds since 1970.

    `position` is the last one it has processed. `behind` is the number of waiting messages, for a worker that does not
    follow the log. `failing` says whether the last error persists. `topic` is the id of the topic of `position`.
    """

    name: str
    place: str
    at: int
    position: int = 0
    behind: int | None = None
    failing: bool = False
    error: str | None = None
    error_at: int | None = None
    topic: str = ""

    def is_working(self, now: int) -> bool:
        """Whether the worker is running without an error, according to its status."""
        return not self.failing and now - self.at < WORKER_TIMEOUT_US

    def lag(self, size: int) -> int:
        """Return how many entries or messages it has still to process, for a log of a size."""
        return max(0, size - self.position) if self.behind is None else self.behind

    def to_dict(self, size: int, *, working: bool) -> dict[str, Any]:
        """Return the status for people, for a log of a size."""
        return {
            "name": self.name,
            "place": self.place,
            "working": working,
            "position": self.position,
            "lag": self.lag(size),
            "seen_at": format_micros(self.at),
            "error": self.error,
            "error_at": None if self.error_at is None else format_micros(self.error_at),
        }

    def with_error(self, error: str, now: int) -> WorkerStatus:
        """Return the status after an error."""
        return replace(self, failing=True, error=error, error_at=now, at=now)


class Workers(Protocol):
    """The stored statuses of a log's workers."""

    def save(self, status: WorkerStatus) -> None:
        """Store the status of a worker; it replaces the previous one."""

    def all(self) -> list[WorkerStatus]:
        """Return every status, by name of the worker."""

    def find(self, name: str) -> WorkerStatus | None:
        """Return the last status of a worker, or None."""


def workers_at(where: Path | str) -> Workers:
    """Return the statuses stored for the log in a file, or at the address of a database."""
    if is_dsn(where):
        return WorkerTable(str(where))
    return WorkerFiles(Path(where).parent / "workers")


@dataclass(frozen=True, slots=True)
class WorkerFiles:
    """A file for each worker, replaced atomically."""

    folder: Path

    def save(self, status: WorkerStatus) -> None:
        """Write a new file, and rename it over the old one."""
        if not re.fullmatch(r"[a-z][a-z0-9-]*", status.name):
            raise ValueError(status.name)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        replace_regular(self.folder / f"{status.name}.json", json.dumps(asdict(status)))

    def all(self) -> list[WorkerStatus]:
        """Return the statuses of all valid files."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            with suppress(OSError, ValueError, TypeError):  # an invalid file is ignored
                found.append(WorkerStatus(**json.loads(read_regular(path, MAX_STATUS_BYTES))))
        return found

    def find(self, name: str) -> WorkerStatus | None:
        """Return the last status of a worker, or None."""
        return next((status for status in self.all() if status.name == name), None)


@dataclass(frozen=True, slots=True)
class WorkerTable:
    """A row for each worker, in the schema of the log."""

    url: str

    def save(self, status: WorkerStatus) -> None:
        """Write a row; create the table if it does not exist."""
        from psycopg import errors  # noqa: PLC0415  (an optional dependency)

        values = (status.name, json.dumps(asdict(status)))
        with self._connect() as connection:
            try:
                connection.execute(_SAVE, values)
            except errors.UndefinedTable:
                with suppress(errors.DuplicateTable, errors.UniqueViolation):  # another process created it first
                    connection.execute("CREATE TABLE workers (name text PRIMARY KEY, status text NOT NULL)")
                connection.execute(_SAVE, values)

    def all(self) -> list[WorkerStatus]:
        """Return the statuses of all rows."""
        from psycopg import errors  # noqa: PLC0415

        with self._connect() as connection:
            try:
                rows = connection.execute("SELECT status FROM workers ORDER BY name").fetchall()
            except errors.UndefinedTable:
                return []
        return [WorkerStatus(**json.loads(status)) for (status,) in rows]

    def find(self, name: str) -> WorkerStatus | None:
        """Return the last status of a worker, or None."""
        return next((status for status in self.all() if status.name == name), None)

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        """Open a connection.

        Raises:
            PersistenceError: the database cannot be used.
        """
        from eventlog.postgresql_store import connect, library_errors  # noqa: PLC0415

        with library_errors(), connect(self.url) as connection:
            yield connection
