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
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            address, _, key = self._path.read_text(encoding="utf-8").partition("\n")
            os.close(self._handle)
            raise LogInUseError(log, address, key) from None
        self.announce()

    def announce(self, address: str = "", key: str = "") -> None:
        """Says where, and with what key, whoever finds the lock taken can speak to this process."""
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{address}\n{key}".encode(), 0)

    def release(self) -> None:
        """Lets others write. The file stays: removing it could give the lock to two."""
        self.announce()
        os.close(self._handle)


def address_of_writer(log: Path) -> str | None:
    """The address of the process that writes this log, or None when nobody does; empty if it gave none."""
    try:
        WriterLock(log).release()
    except LogInUseError as error:
        return error.address
    return None
