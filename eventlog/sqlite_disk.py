"""Errors of SQLite that say nothing about the content of a file: a full or failing disk, permissions, and locks.

A file must neither be replaced nor be called damaged because of them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eventlog.sqlite_integrity import describe
from eventlog.store_errors import DiskFullError, FileUnavailableError

MIN_FREE_BYTES: Final = 64 * 1024
"""Even a reader needs half of this, for the index of the write-ahead log."""
_PRIMARY_CODE: Final = 0xFF
"""The bits of an SQLite error code that give its primary code."""
_LOCK_CODES: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_ACCESS_CODES: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
_DISK_CODES: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, *_ACCESS_CODES, *_LOCK_CODES})


def is_disk_error(error: BaseException) -> bool:
    """Whether an error of SQLite says nothing about the content of the file."""
    return _code_of(error) in _DISK_CODES


def explain_disk_error(error: BaseException, path: Path) -> FileUnavailableError | None:
    """Return an error that says what to do, with the file that SQLite had open; None if it is not an error of the disk."""
    if not is_disk_error(error):
        return None
    code = _code_of(error)
    if code == sqlite3.SQLITE_FULL or (code not in _LOCK_CODES and _is_full(path.parent)):
        return DiskFullError(f"{path}: {describe(error)}")
    if code in _ACCESS_CODES:
        for denied in _find_denied(path):
            return FileUnavailableError(f"Permission denied: {denied}. Check its owner and mode, and retry")
    advice = "Retry when that has finished" if code in _LOCK_CODES else "Check the disk, its free space, and the mode"
    cause = "another process has it locked" if code in _LOCK_CODES else describe(error)
    return FileUnavailableError(f"{path} cannot be used: {cause}. {advice}; its content is not known to be damaged")


def _code_of(error: BaseException) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_CODE


def _is_full(folder: Path) -> bool:
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < MIN_FREE_BYTES


def _find_denied(path: Path) -> Iterator[Path]:
    """Yield what this user may not access: the folder, the file, and the files that SQLite keeps next to it."""
    files = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]
    wanted = [(path.parent, os.X_OK), *((file, os.R_OK | os.W_OK) for file in files), (path.parent, os.W_OK)]
    for each, mode in wanted:
        if os.path.exists(each) and not os.access(each, mode):  # noqa: PTH110  (`Path.exists` raises in a closed folder)
            yield each
