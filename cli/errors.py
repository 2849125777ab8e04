"""What a command line says when it cannot go on, and with what exit code it ends.

0 done; 1 refused, or something was not in order; 2 the command was not understood; 3 the log is in use, or its server
cannot be reached; 4 a file is damaged; 130 interrupted.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    REFUSED = 1
    MISUNDERSTOOD = 2
    IN_USE = 3
    DAMAGED = 4
    INTERRUPTED = 130


class CannotGoOn(Exception):
    """A sentence that says what is wrong and what to do."""

    def __init__(self, sentence: str, code: Exit = Exit.REFUSED) -> None:
        super().__init__(sentence)
        self.code = code
