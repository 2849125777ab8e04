"""The lock beside a log file: one process writes.

The file holds the address at which that process can be spoken to, and a key that it takes from whoever may read the
file, which is its owner alone.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from eventlog.errors import LogInUseError


class WriterLock:
    """Held from the moment it is made until `release`; the system releases it when the process dies."""

    def __init__(self, log: Path) -> None:
        """Takes the lock.

        Raises:
            LogInUseError: another process has it; the error carries that process's address and key, if it gave them.
        """
        self._path = log.with_name(log.name + ".lock")
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        os.fchmod(self._handle, 0o600)  # an older file may have had another mode, and the key is in it
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            raise _in_use(log, self._path) from None
        self.announce()

    def announce(self, address: str = "", key: str = "") -> None:
        """Says where, and with what key, whoever finds the lock taken can speak to this process."""
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{address}\n{key}".encode(), 0)

    def release(self) -> None:
        """Lets others write. The file stays: removing it could give the lock to two."""
        self.announce()
        os.close(self._handle)


def writer_of(log: Path) -> LogInUseError | None:
    """What somebody who wants to write this log would be told, or None when nobody writes it. It only looks."""
    path = log.with_name(log.name + ".lock")
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _in_use(log, path)
    finally:
        os.close(handle)
    return None


def _in_use(log: Path, lock: Path) -> LogInUseError:
    address, _, key = lock.read_text(encoding="utf-8").partition("\n")
    return LogInUseError(log, address, key)
