"""How a command fails, and the exit codes.

0 success; 1 refused or failed; 2 usage error; 3 the log is in use or its server or database cannot be
reached; 4 a file is damaged;
130 interrupted.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes."""

    SUCCESS = 0
    FAILED = 1
    USAGE_ERROR = 2
    LOG_UNAVAILABLE = 3
    DAMAGED = 4
    INTERRUPTED = 130


class CommandFailed(Exception):
    """A command failed; the message says what is wrong and how to fix it."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


class NoLogError(CommandFailed):
    """There is no log where the settings say."""
