"""What `verify` costs compared with a plain loop that reads the same rows and hashes the same leaves and tree."""

from __future__ import annotations

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
                    "loop": lambda store=store: _loop(store),
                    "hashing": lambda leaves=leaves: _hash_leaves(leaves),
                }
                seconds = timed_in_turn(works, ROUNDS)
                texts = sum((row.texts or b"").count(b'":["') for row in store.rows(0, 20_000)) / len(leaves)
            each = {one: seconds[one] / size * 1e6 for one in ("verify", "loop")}
            each["hashing"] = seconds["hashing"] / len(leaves) * 1e6
            yield (
                f"{name}, {size:,} entries with {texts:.1f} texts each: {each['verify']:.1f} µs an entry, "
                f"{each['verify'] / each['loop']:.2f} of a plain loop over the stored rows ({each['loop']:.1f} µs; wanted: "
                f"at most 2.00), {each['verify'] / each['hashing']:.1f} of hashing alone what is in memory ({each['hashing']:.1f} µs)"
            )


def _must_be_whole(store: Store) -> None:
    found = verify(store)
    assert isinstance(found, Checkpoint), found


def _loop(store: Store) -> Frontier:
    """Reads, composes, hashes; checks nothing."""
    frontier: Frontier = ()
    after = 0
    while rows := store.rows(after, AT_ONCE):
        for row in rows:
            frontier = append_leaf(frontier, row.position - 1, leaf_hash(compose(row)))
        after = rows[-1].position
    return frontier


def _hash_leaves(leaves: list[bytes]) -> Frontier:
    frontier: Frontier = ()
    for size, leaf in enumerate(leaves):
        frontier = append_leaf(frontier, size, leaf_hash(leaf))
    return frontier
