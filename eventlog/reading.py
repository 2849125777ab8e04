"""How much is read of the log before others are let on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

ENTRIES_IN_LOOP: Final = 500
"""Entries that are read and folded within an event loop, at most: some 10 ms. What is longer is read in a thread."""


class LongReadError(Exception):
    """So much has to be read that it must not be done here: call `load` in a thread, and try again."""

    def __init__(self, load: Callable[[], object]) -> None:
        super().__init__("this is read in a thread")
        self.load = load
