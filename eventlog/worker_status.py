"""What the processes that carry a log out and in say of themselves: how far each is, and what went wrong last.

Each keeps one sheet, over and over, where every process that has the log can read it: a file in the folder of the log,
or a row in its schema. Nothing rests on it but what people are shown; it can be thrown away.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from domain.values import format_micros
from eventlog.dsn import is_dsn

SILENT: Final = 15_000_000
"""Microseconds after which a worker that said nothing more is taken for gone; it says something every second or so."""


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """What one worker says. Instants in microseconds since 1970.

    `position` is the last one it is done with. `behind` is how many messages it had left to do, for one that does not
    follow the log. `failing` is whether what went wrong last still does. `topic` is the id of the topic of `position`.
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

    def working(self, now: int) -> bool:
        """Whether it is at work, as far as it says."""
        return not self.failing and now - self.at < SILENT

    def left(self, size: int) -> int:
        """How much it has left to do, of a log of that size."""
        return max(0, size - self.position) if self.behind is None else self.behind

    def told(self, size: int, *, working: bool) -> dict[str, Any]:
        """The same for people, of a log of that size."""
        error_at = None if self.error_at is None else format_micros(self.error_at)
        return {
            "name": self.name, "place": self.place, "working": working, "position": self.position,
            "lag": self.left(size), "seen_at": format_micros(self.at), "error": self.error, "error_at": error_at,
        }  # fmt: skip

    def failed(self, error: str, now: int) -> WorkerStatus:
        """The same once something went wrong."""
        return replace(self, failing=True, error=error, error_at=now, at=now)


class Workers(Protocol):
    """The sheets of a log's workers."""

    def put(self, sheet: WorkerStatus) -> None:
        """Keeps a worker's sheet in the place of the one before."""

    def all(self) -> list[WorkerStatus]:
        """Every sheet there is, by name."""

    def of(self, name: str) -> WorkerStatus | None:
        """A worker's last sheet."""


def workers_at(where: Path | str) -> Workers:
    """The sheets of the log in a file, or at the address of a database."""
    if is_dsn(where):
        return SheetsInTable(str(where))
    return SheetsInFolder(Path(where).parent / "workers")


@dataclass(frozen=True, slots=True)
class SheetsInFolder:
    """A file for each, which is whole at any moment."""

    folder: Path

    def put(self, sheet: WorkerStatus) -> None:
        """Writes a file beside, and puts it in the place of the one before."""
        if not re.fullmatch(r"[a-z][a-z0-9-]*", sheet.name):
            raise ValueError(sheet.name)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        new = self.folder / f"{sheet.name}.{os.getpid()}.new"
        new.write_text(json.dumps(asdict(sheet)), encoding="utf-8")
        new.replace(self.folder / f"{sheet.name}.json")

    def all(self) -> list[WorkerStatus]:
        """What stands in the files."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            with suppress(OSError, ValueError, TypeError):  # what is no sheet says nothing
                found.append(WorkerStatus(**json.loads(path.read_text(encoding="utf-8"))))
        return found

    def of(self, name: str) -> WorkerStatus | None:
        """A worker's last sheet."""
        return next((sheet for sheet in self.all() if sheet.name == name), None)


@dataclass(frozen=True, slots=True)
class SheetsInTable:
    """A row for each, in the schema of the log."""

    url: str

    def put(self, sheet: WorkerStatus) -> None:
        """Writes a row, and makes the table where it is missing."""
        from psycopg import errors  # noqa: PLC0415  (an extra, as the store of such a log)

        try:
            self._put(sheet)
        except errors.UndefinedTable:
            with suppress(errors.DuplicateTable, errors.UniqueViolation):  # another process was faster
                self._run("CREATE TABLE workers (name text PRIMARY KEY, sheet text NOT NULL)")
            self._put(sheet)

    def _put(self, sheet: WorkerStatus) -> None:
        self._run(
            "INSERT INTO workers VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET sheet = excluded.sheet",
            (sheet.name, json.dumps(asdict(sheet))),
        )

    def all(self) -> list[WorkerStatus]:
        """What stands in the rows."""
        from psycopg import errors  # noqa: PLC0415

        try:
            rows = self._run("SELECT sheet FROM workers ORDER BY name")
        except errors.UndefinedTable:
            return []
        return [WorkerStatus(**json.loads(sheet)) for (sheet,) in rows]

    def of(self, name: str) -> WorkerStatus | None:
        """A worker's last sheet."""
        return next((sheet for sheet in self.all() if sheet.name == name), None)

    def _run(self, statement: str, parameters: tuple[str, ...] = ()) -> list[Any]:
        from eventlog.postgresql import connected  # noqa: PLC0415

        with connected(self.url) as connection:
            done = connection.execute(statement.encode(), parameters)
            return done.fetchall() if done.description else []
