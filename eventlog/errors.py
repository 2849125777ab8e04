"""Errors of the log itself, as opposed to those of a command (`domain.errors`).

LogError                          the log cannot be used
├── LogInUseError                 another process writes it
├── ReadOnlyLogError              it was made read-only
├── DatabaseUnavailableError      the database cannot be reached or used
├── NewerLogError                 a later version of this program wrote it
└── DamagedLogError               the file is not a complete decision log
Those of an open log are in `eventlog.store_errors`.
"""

from __future__ import annotations

from pathlib import Path


class LogError(Exception):
    """The log cannot be used."""


class LogInUseError(LogError):
    """Another process writes this log."""

    def __init__(self, path: Path, address: str, key: str = "", process: str = "") -> None:
        holder = f"process {process}" if process else "another process"
        super().__init__(
            f"{path} is in use by {holder} at {address}. Send commands to that process, or stop it first."
            if address
            else f"{path} is in use by {holder}, which takes no commands. Wait until it has finished, or stop it; "
            "`decisionlog consume` runs until it is stopped."
        )
        self.address = address
        self.key = key


class ReadOnlyLogError(LogError):
    """The log was made read-only, because it was migrated to another store or is being migrated."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} is read-only: {reason}")


class DatabaseUnavailableError(LogError):
    """The database cannot be reached or used; the message says why, and how to fix it."""


class NewerLogError(LogError):
    """A later version of this program wrote the log."""

    def __init__(self, name: Path | str, found: int, known: int) -> None:
        super().__init__(
            f"{name} has schema version {found}, but this program supports up to version {known}. "
            "Use the version of decisionlog that wrote it, or a later one."
        )


class DamagedLogError(LogError):
    """The file is not a complete decision log."""

    def __init__(self, name: Path | str, problem: str) -> None:
        super().__init__(
            f"{name} cannot be used as a decision log: {problem}. "
            "Move it aside and restore a backup: see docs/how-to/back-up-and-restore.md."
        )
