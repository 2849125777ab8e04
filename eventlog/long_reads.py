"""How much of the log may be read in an event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

MAX_ENTRIES_IN_LOOP: Final = 500
"""The most entries that are read and folded in an event loop: about 10 ms. A longer read goes to a thread."""


class LongReadError(Exception):
    """Too many entries have to be read here: call `load` in a thread, then try again."""

    def __init__(self, load: Callable[[], object]) -> None:
        super().__init__("this is read in a thread")
        self.load = load
