"""What can be wrong with the log itself, as opposed to a command (`domain.errors`).

LogError
├── LogInUseError        another process writes it
├── SealedLogError       it goes on elsewhere
├── NoStoreError         the database cannot be had
├── NewerLogError        a later version of this program wrote it
└── DamagedLogError      the file is not what was written
"""

from __future__ import annotations

from pathlib import Path

from eventsourcing.persistence import IntegrityError, OperationalError


class LogError(Exception):
    """The log cannot be used."""


class DiskFullError(OperationalError):
    """There is no room for what was to be stored, and nothing of it was."""


class DamagedStoreError(IntegrityError):
    """The file of a log that is open was found to be damaged: nothing more is written to it."""

    def __init__(self, name: Path | str, what: str) -> None:
        super().__init__(
            f"{name} is damaged: {what}. Nothing more is written to it. Stop the server, run `decisionlog verify`, "
            "and put a backup in its place: docs/how-to/back-up-and-restore.md says how"
        )


class LogInUseError(LogError):
    """Another process writes this log."""

    def __init__(self, path: Path, address: str, key: str = "") -> None:
        where = f"; it answers at {address}" if address else ""
        super().__init__(f"{path} is being written by another process{where}. Speak to that one, or stop it first.")
        self.address = address
        self.key = key


class ReadOnlyLogError(LogError):
    """It was sealed: it may be read, but not written any more."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} is sealed: {why}")


class DatabaseUnavailableError(LogError):
    """The database cannot be had; the message says why, and what to do."""


class NewerLogError(LogError):
    """A later version of this program wrote the log."""

    def __init__(self, name: Path | str, found: int, known: int) -> None:
        super().__init__(
            f"{name} has schema version {found}, and this program knows {known} at most. "
            "Use the version of decisionlog that wrote it, or a later one."
        )


class DamagedLogError(LogError):
    """The file is not what was written."""

    def __init__(self, name: Path | str, what: str) -> None:
        super().__init__(
            f"{name} cannot be used as a decision log: {what}. "
            "Keep it aside, and put a backup in its place: docs/how-to/back-up-and-restore.md says how."
        )
