"""The lock file of a log file: only one process writes.

It holds the address of that process, a key for it, and its id. Only the owner of the file can read it.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from eventlog.errors import LogInUseError
from eventlog.regular_files import open_regular

MAX_ADDRESS_BYTES: Final = 4096


class WriterLock:
    """A lock that is held until `release`; the operating system releases it when the process ends."""

    def __init__(self, log: Path) -> None:
        """Acquire the lock.

        Raises:
            LogInUseError: another process holds it; the error has that process's address and key, if it published them.
            OSError: the lock file cannot be opened, or is a link or not a regular file.
        """
        self._path = log.with_name(log.name + ".lock")
        self._handle = open_regular(self._path, os.O_RDWR | os.O_CREAT)
        os.fchmod(self._handle, 0o600)  # an existing file may have another mode, and it holds the key
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = _in_use(log, self._handle)
            os.close(self._handle)
            raise found from None
        with suppress(OSError):  # on a full disk, only the messages of other processes lack the process id
            self.announce()

    def announce(self, address: str = "", key: str = "") -> None:
        """Publish the address of this process, and a key for it, to processes that find the lock held."""
        self._write(f"{address}\n{key}\n{os.getpid()}")

    def _write(self, text: str) -> None:
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, text.encode(), 0)

    def release(self) -> None:
        """Release the lock. The file stays, because deleting it could give the lock to two processes."""
        self._write("")
        os.close(self._handle)


def find_writer(log: Path) -> LogInUseError | None:
    """Return the error that opening this log would raise, or None if no process writes it."""
    path = log.with_name(log.name + ".lock")
    try:
        handle = open_regular(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _in_use(log, handle)
    finally:
        os.close(handle)
    return None


def _in_use(log: Path, lock: int) -> LogInUseError:
    """Return the error with what the holder published, if the lock file is the user's own or of who owns the log.

    A token is sent to that address, so another user must not be able to choose it.
    """
    if os.fstat(lock).st_uid not in {os.geteuid(), log.stat().st_uid if log.exists() else os.geteuid()}:
        return LogInUseError(log, "", "")
    address, key, process, *_ = f"{os.pread(lock, MAX_ADDRESS_BYTES, 0).decode(errors='replace')}\n\n".split("\n")
    return LogInUseError(log, address, key, process if process.isdecimal() else "")
