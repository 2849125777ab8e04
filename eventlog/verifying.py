"""Whether a log is still what was written: every leaf, the root, the order, and each text against its commitment."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from eventlog.canonical import canonical
from eventlog.codec import broken_texts, compose
from eventlog.committer import Head, Row
from eventlog.merkle import Frontier, grown, leaf_hash, root


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that does not fit. `position` is None where only the whole can be judged."""

    position: int | None
    what: str


def verify(read: Callable[[int], list[Row]], head: Head) -> Finding | None:
    """Goes through a log in order. `read` gives some rows after a position, none at the end."""
    frontier: Frontier = ()
    versions: dict[str, int] = {}
    before: Row | None = None
    while rows := read(before.position if before else 0):
        for row in rows:
            what = _misfit(row, before, versions)
            if what:
                return Finding(row.position, what)
            frontier = grown(frontier, row.position - 1, leaf_hash(compose(row)))
            before = row
    size = before.position if before else 0
    if size != head.size:
        return Finding(None, f"the log holds {size} entries, its head says {head.size}")
    if root(frontier) != root(head.frontier):
        return Finding(None, "the root of the entries is not the root in the head: an entry was altered")
    return None


def _misfit(row: Row, before: Row | None, versions: dict[str, int]) -> str | None:
    last = before.position if before else 0
    if row.position != last + 1:
        return f"it follows position {last}"
    if before and row.recorded_at <= before.recorded_at:
        return "it was recorded no later than the one before"
    version = versions.get(row.subject, 0) + 1
    versions[row.subject] = row.version
    if row.version != version:
        return f"it is version {row.version} of {row.subject}, where {version} comes next"
    try:
        if canonical(json.loads(row.event)) != row.event:
            return "its bytes are not canonical"
        broken = broken_texts(row.event, row.texts)
    except ValueError as error:
        return f"it cannot be read: {error}"
    return f"its text at {broken[0]} is not what was committed to" if broken else None
