"""Checkpoints: the root of a log at some size, to be kept elsewhere as evidence.

The format is that of C2SP checkpoints: the log's id, the size in decimal, and the root in base64, each on a line.
Signatures may follow after an empty line; they are ignored here.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Self

from eventlog.merkle import HASH_BYTES


class NotACheckpointError(ValueError):
    """A text is not a checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log `log` had exactly the entries whose tree has this `root` when its size was `size`."""

    log: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text of a checkpoint.

        Raises:
            NotACheckpointError: the text is not a checkpoint; the message describes the format.
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
        """The checkpoint as three lines."""
        return f"{self.log}\n{self.size}\n{b64encode(self.root).decode()}\n"
