"""What `verify` costs compared with the plain loop that an auditor would write: parse each entry, hash it, fold the tree."""

from __future__ import annotations

import json
from collections.abc import Iterator

from eventlog.checkpoint import Checkpoint
from eventlog.codec import compose
from eventlog.merkle import Frontier, append_leaf, leaf_hash
from eventlog.store import Store
from eventlog.verification import verify
from tests.benchmarks.filling import filled, places
from tests.benchmarks.local_service import timed_in_turn

ROUNDS = 5
AT_ONCE = 1_000


def measure(events: int) -> Iterator[str]:
    """Seconds and ratios on both databases, and the same against hashing alone of leaves that are in memory."""
    with places() as found:
        for name, (where, _) in found.items():
            with filled(where, events) as (log, _):
                store, size = log._store, log.head().size
                leaves = [compose(row) for row in store.rows(0, 20_000)]
                works = {
                    "verify": lambda store=store: _must_be_whole(store),
                    "loop": lambda store=store: _loop(store, parses=True),
                    "unread": lambda store=store: _loop(store, parses=False),
                    "hashing": lambda leaves=leaves: _hash_leaves(leaves),
                }
                seconds = timed_in_turn(works, ROUNDS)
                texts = sum((row.texts or b"").count(b'":["') for row in store.rows(0, 20_000)) / len(leaves)
            each = {one: seconds[one] / size * 1e6 for one in ("verify", "loop", "unread")}
            each["hashing"] = seconds["hashing"] / len(leaves) * 1e6
            yield (
                f"{name}, {size:,} entries with {texts:.1f} texts each: {each['verify']:.1f} µs an entry, "
                f"{each['verify'] / each['loop']:.2f} of a plain loop that parses, hashes and folds ({each['loop']:.1f} µs; wanted: "
                f"at most 1.50), {each['verify'] / each['unread']:.2f} of one that parses nothing ({each['unread']:.1f} µs), "
                f"{each['verify'] / each['hashing']:.1f} of hashing alone what is in memory ({each['hashing']:.1f} µs)"
            )


def _must_be_whole(store: Store) -> None:
    found = verify(store)
    assert isinstance(found, Checkpoint), found


def _loop(store: Store, *, parses: bool) -> Frontier:
    """Reads, parses with the standard library, composes and hashes entries; compares nothing and reads no other table."""
    frontier: Frontier = ()
    after = 0
    while rows := store.rows(after, AT_ONCE):
        for row in rows:
            if parses:
                json.loads(row.event)
                json.loads(row.texts or b"null")
            frontier = append_leaf(frontier, row.position - 1, leaf_hash(compose(row)))
        after = rows[-1].position
    return frontier


def _hash_leaves(leaves: list[bytes]) -> Frontier:
    frontier: Frontier = ()
    for size, leaf in enumerate(leaves):
        frontier = append_leaf(frontier, size, leaf_hash(leaf))
    return frontier
