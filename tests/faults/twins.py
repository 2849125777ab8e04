"""The sabotaged twins: a check that cannot find what is wrong with them is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

UNTIL_CAUGHT: Final = 8


def caught(saying: str, tried: Callable[[int], Iterable[str]]) -> bool:
    """Whether something like this is said of a twin soon: a kill that comes at a harmless moment shows nothing."""
    return any(saying in what for n in range(UNTIL_CAUGHT) for what in tried(n))
