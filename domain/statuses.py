"""Every status that an event sets, by the kinds of its subject. A field `status` that was imported can have any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STATUSES_BY_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    "decision": ("proposed", "accepted", "rejected", "deferred", "withdrawn", "superseded", "reversed"),
    "feature": ("proposed", "committed", "started", "paused", "shipped", "dropped"),
    "goal": ("open", "met", "missed", "dropped"),
    "product": ("active", "retired"),
    "evidence": ("current", "superseded", "withdrawn"),
    "assumption": ("open", "confirmed", "broken"),
    "meeting": ("planned", "held", "canceled"),
    "task": ("open", "done", "dropped"),
    "person": ("active", "left"),
    "team": ("active", "disbanded"),
}
STATUSES: Final = tuple(dict.fromkeys(status for statuses in STATUSES_BY_KIND.values() for status in statuses))
ENDED_DECISION: Final = frozenset({"rejected", "withdrawn", "superseded", "reversed"})
"""The statuses of a decision of which nothing more is due, and which contributes to nothing."""
