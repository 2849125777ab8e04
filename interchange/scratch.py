"""Storage for what an import remembers of a file of any size: in memory while small, then in a temporary file."""

from __future__ import annotations

import errno
import marshal
import os
import pickle  # only this process reads and writes the temporary file
import shutil
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

K = TypeVar("K", str, int)
V = TypeVar("V")

VALUES_KEPT: Final = 1000
ROWS_PER_WRITE: Final = 500
CACHE_KIB: Final = 8 * 1024


def temporary_folder() -> Path:
    """Return the folder of SQLite's temporary files: its first candidate that can be written to."""
    named = (os.environ.get(name) for name in ("SQLITE_TMPDIR", "TMPDIR"))
    candidates = [Path(name) for name in (*named, "/var/tmp", "/usr/tmp", "/tmp") if name]  # noqa: S108
    return next((one for one in candidates if one.is_dir() and os.access(one, os.W_OK | os.X_OK)), Path())


def require_room(size_bytes: int) -> None:
    """Check that the temporary folder has enough free space.

    Raises:
        OSError: it has too little; the message says how much is needed and how to choose another folder.
    """
    folder = temporary_folder()
    free = shutil.disk_usage(folder).free
    if free < size_bytes:
        needed, there = (f"{max(number // 1024**2, 1):,} MiB" for number in (size_bytes, free))
        message = f"the import needs about {needed} for temporary files, but only {there} are free; set TMPDIR to a folder with more space"
        raise OSError(errno.ENOSPC, message, str(folder))


class Scratch:
    """A temporary database. SQLite keeps it in memory up to the cache size, then in an unnamed file that is deleted with it.

    The folder comes from the environment variable SQLITE_TMPDIR or TMPDIR; otherwise it is /var/tmp.
    """

    def __init__(self) -> None:
        self.database = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode = off", "synchronous = off", f"cache_size = -{CACHE_KIB}"):
            self.database.execute(f"pragma {setting}")
        self.database.execute("begin")
        self._tables = 0

    def create_table(self, columns: str) -> str:
        """Create a table and return its name."""
        self._tables += 1
        name = f"scratch_{self._tables}"
        self.database.execute(f"create table {name} ({columns})")
        return name

    def close(self) -> None:
        """Delete the database."""
        with suppress(sqlite3.Error):
            self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class DiskDict(Generic[K, V]):
    """A dictionary that keeps recently used values in memory, and the others on disk.

    After changing a value in place, set it again if others were read since: it may already have been written to disk.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._database = scratch.database
        self._table = scratch.create_table("key primary key, value")
        self._recent: OrderedDict[K, V] = OrderedDict()
        self._has_written = False

    def get(self, key: K) -> V | None:
        """Return the value of a key, or None."""
        found = self._recent.get(key)
        if found is not None:
            self._recent.move_to_end(key)
            return found
        if not self._has_written:
            return None
        row = self._database.execute(f"select value from {self._table} where key = ?", (key,)).fetchone()
        if row is None:
            return None
        value: V = pickle.loads(row[0])  # noqa: S301
        self[key] = value
        return value

    def __getitem__(self, key: K) -> V:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __contains__(self, key: K) -> bool:
        return self.get(key) is not None

    def __setitem__(self, key: K, value: V) -> None:
        self._recent[key] = value
        self._recent.move_to_end(key)
        if len(self._recent) > VALUES_KEPT:
            self._write_oldest()

    def items(self) -> Iterator[tuple[K, V]]:
        """Yield all keys with their values, in no order."""
        rows = self._database.execute(f"select key, value from {self._table}") if self._has_written else ()
        for key, value in rows:
            if key not in self._recent:
                yield key, pickle.loads(value)  # noqa: S301
        yield from list(self._recent.items())

    def _write_oldest(self) -> None:
        oldest = [self._recent.popitem(last=False) for _ in range(max(VALUES_KEPT // 4, 1))]
        rows = [(key, pickle.dumps(value, pickle.HIGHEST_PROTOCOL)) for key, value in oldest]
        self._database.executemany(f"insert or replace into {self._table} values (?, ?)", rows)
        self._has_written = True


class SortedRows:
    """Rows of plain values, to be read in the order of their time and place."""

    def __init__(self, scratch: Scratch) -> None:
        self._database = scratch.database
        self._table = scratch.create_table("at, place, row")
        self._waiting: list[tuple[int, int, bytes]] = []

    def add(self, at: int, place: int, row: tuple[Any, ...]) -> None:
        """Add a row."""
        self._waiting.append((at, place, marshal.dumps(tuple(row))))
        if len(self._waiting) >= ROWS_PER_WRITE:
            self._write()

    def in_order(self, *, backwards: bool = False) -> Iterator[tuple[Any, ...]]:
        """Yield the rows by their times, those of the same time by their places; `backwards`, from the last place."""
        self._write()
        places = "place desc" if backwards else "place"
        index = f"{self._table}_{'backwards' if backwards else 'forwards'}"
        self._database.execute(f"create index if not exists {index} on {self._table} (at, {places})")
        for (row,) in self._database.execute(f"select row from {self._table} order by at, {places}, rowid"):
            yield marshal.loads(row)  # noqa: S302

    def as_added(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows in the order in which they were added."""
        self._write()
        for (row,) in self._database.execute(f"select row from {self._table} order by rowid"):
            yield marshal.loads(row)  # noqa: S302

    def _write(self) -> None:
        self._database.executemany(f"insert into {self._table} values (?, ?, ?)", self._waiting)
        self._waiting.clear()
