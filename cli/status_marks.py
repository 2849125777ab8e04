"""The state of a subject as a shape and a word, so that it does not depend on color."""

from __future__ import annotations

from typing import Any, Final

from api.pages.labels import status_mark, verdict_mark
from cli.display import Span

SHAPES: Final = {"good": "●", "half": "◐", "ring": "○", "warn": "▲", "bad": "■"}
_STYLES: Final = {"good": "green", "half": "cyan", "ring": "", "warn": "magenta", "bad": "red"}
"""Only the terminal's own basic colors, which are legible on dark and light backgrounds."""


def mark_status(status: Any) -> Span:
    """Return a status with its shape."""
    mark = status_mark(str(status) if status else None)
    return f"{SHAPES[mark.shape]} {mark.word}", _STYLES[mark.shape]


def mark_verdict(verdict: Any) -> Span:
    """Return a verdict on authority with its shape."""
    mark = verdict_mark(str(verdict) if verdict else None)
    return f"{SHAPES[mark.shape]} {mark.word}", _STYLES[mark.shape]


def mark_problem(word: str) -> Span:
    """Return what needs attention: something late or without an owner."""
    return f"▲ {word}", "red"
