"""Checkpoints: what a log was at some size, in three lines to be kept elsewhere.

The form is that of C2SP checkpoints: the log's id, the size in decimal, the root in base64. Signatures would follow
after an empty line; whatever stands there is left alone.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Self

from eventlog.merkle import HASH_BYTES


class NotACheckpointError(ValueError):
    """A text that is no checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """That the log `log` had just these entries when it was `size` long; `root` is that of their tree."""

    log: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """A checkpoint read back.

        Raises:
            NotACheckpointError: the text is none; the message says what a checkpoint looks like.
        """
        try:
            log, size, root, *_ = text.partition("\n\n")[0].splitlines()
            checkpoint = cls(log, int(size), b64decode(root, validate=True))
        except ValueError:
            checkpoint, size = cls("", 0, b""), ""
        if not checkpoint.log or len(checkpoint.root) != HASH_BYTES or str(checkpoint.size) != size:
            raise NotACheckpointError("a checkpoint has three lines: the log's id, its size, and its root in base64")
        return checkpoint

    def __str__(self) -> str:
        """The three lines."""
        return f"{self.log}\n{self.size}\n{b64encode(self.root).decode()}\n"
