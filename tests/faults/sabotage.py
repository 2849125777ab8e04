"""Sabotaged versions of the program: a check is only worth something if it detects them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

MAX_ROUNDS: Final = 8


def is_caught(message: str, run_round: Callable[[int], Iterable[str]]) -> bool:
    """Whether a round reports a problem with this message. A kill at a harmless moment shows nothing, so several are run."""
    return any(message in problem for n in range(MAX_ROUNDS) for problem in run_round(n))
