"""Errors of an open log. They derive from those of the `eventsourcing` library, which is loaded only where a log is opened.

OperationalError
├── StoreUnavailableError         the store cannot be used at the moment, whatever it contains
│   └── FileUnavailableError      a file cannot be read or written
│       └── DiskFullError         the disk is full; nothing was stored
└── UnknownOutcomeError           a commit was sent, and the connection was lost before its answer
IntegrityError
└── DamagedStoreError             damage was found; nothing more is written
"""

from __future__ import annotations

from pathlib import Path

from eventsourcing.persistence import IntegrityError, OperationalError


class StoreUnavailableError(OperationalError):
    """The store cannot be used at the moment, such as without a connection. This says nothing about what it contains."""


class FileUnavailableError(StoreUnavailableError):
    """A file cannot be read or written, whatever it contains; the message says why, and how to fix it."""


class DiskFullError(FileUnavailableError):
    """The disk is full; nothing was stored."""


class DamagedStoreError(IntegrityError):
    """Damage was found in a log that is open; nothing more is written to it."""

    def __init__(self, name: Path | str, problem: str) -> None:
        super().__init__(
            f"{name} is damaged: {problem}. Nothing more is written to it. Stop the server, run `decisionlog verify`, "
            "and restore a backup: see docs/how-to/back-up-and-restore.md"
        )


class UnknownOutcomeError(OperationalError):
    """The connection was lost during a commit, so it is unknown whether the group was recorded."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the connection to {name} was lost during a commit, so it is unknown whether this was recorded. "
            "Retry with the same idempotency key"
        )
