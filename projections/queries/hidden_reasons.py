"""What is shown of a reason or a cause that is there, but that the reader may not read."""

from __future__ import annotations

from typing import Final

HIDDEN_REASON: Final = "Based on a decision that you may not read."
"""What is shown of a reason that is inherited only from decisions that the reader may not read."""


def describe_hidden_cause(cause: str) -> str:
    """Return what is shown of the cause of a slip, by its kind, if the reader may not read what caused it."""
    if cause in ("reason", "none"):
        return ""
    return f"Caused by {'an' if cause == 'assumption' else 'a'} {cause} that you may not read."
