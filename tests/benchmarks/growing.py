"""Whether writing slows down as a log grows: the same decisions into a small log and a large one, in turn."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator

from domain.decision_messages import RecordDecision
from eventlog.entry import Caller, Receipt, Transaction
from identity.decision_log import DecisionLog
from tests.benchmarks.filling import filled, places

SMALL = 10_000
BULK_PATH = 64
ROUNDS = 40
ANN = Caller("person:p0", "bench", "http")


def measure(events: int) -> Iterator[str]:
    """Events a second through the append core, of decisions that are judged, keyed, and committed 64 at a time."""
    with places() as small, places() as large:
        for name in small:
            with filled(small[name][0], SMALL) as (few, _), filled(large[name][0], events) as (many, _):
                keys = itertools.count()
                rates: dict[str, list[float]] = {"few": [], "many": []}
                for _ in range(ROUNDS):
                    rates["few"].append(_write(few, keys))
                    rates["many"].append(_write(many, keys))
                slow, fast = statistics.median(rates["many"]), statistics.median(rates["few"])
            yield (
                f"{name}: {slow:,.0f} events/s at {events:,} events, {slow / fast:.2f} of the rate at {SMALL:,} ({fast:,.0f}/s; "
                "wanted: at least 0.90)"
            )


def _write(log: DecisionLog, keys: Iterator[int]) -> float:
    command = RecordDecision(title="Ship it", decision="We ship it.", why="It is ready.", accountable="person:p1")
    transactions = [Transaction((command,), ANN, f"key-{next(keys)}") for _ in range(BULK_PATH)]
    before = log.head().size
    begun = time.perf_counter()
    for result in asyncio.run(log.execute_many(transactions)):
        assert isinstance(result, Receipt), result
    return (log.head().size - before) / (time.perf_counter() - begun)
