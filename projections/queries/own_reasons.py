"""The reason that the data of an event gives. It is in a module of its own, as the terminal needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

REASON_KEYS: Final = ("why", "finding", "vision", "strategy")
"""Where the data of an event gives its reason, in order of preference."""
DEFERRED: Final = "DecisionDeferred.v1"
"""The event whose reason is in `until`, which is the end of a period in others."""


def find_own_reason(event_type: str, data: Mapping[str, Any]) -> str | None:
    """Return the reason in the data of an event."""
    keys = ("until",) if event_type == DEFERRED else REASON_KEYS
    return next((str(data[key]) for key in keys if data.get(key)), None)
