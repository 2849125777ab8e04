"""How fast read models are built compared with decoding alone, and how fast the projector follows compared with a rebuild."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial

from identity.decision_log import DecisionLog
from projections.read_model.database import Database
from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel
from projections.read_model.projector import Projector
from projections.read_model.rebuild import BATCH_ENTRIES, rebuild
from tests.benchmarks.filling import Filling, filled, places
from tests.benchmarks.local_service import system_clock

FOLLOWED = 4_000
BATCHES = (1_000, 100, 10)


def measure(events: int) -> Iterator[str]:
    """Events a second on both databases; the projector goes on where the rebuild ended, with tables of full size."""
    with places() as found:
        for name, (where, at) in found.items():
            with filled(where, events) as (log, _), closing(open_database(at)) as database:
                model = ReadModel.open(database, log, system_clock)
                begun = time.perf_counter()
                _decode(log)
                decoding = log.head().size / (time.perf_counter() - begun)
                begun = time.perf_counter()
                open_source = partial(DecisionLog.open, where, clock=system_clock, read_only=True)
                size = rebuild(log, model, open_source=open_source)
                building = size / (time.perf_counter() - begun)
                yield (
                    f"{name}, {size:,} events: rebuild {building:,.0f}/s, {building / decoding:.2f} of decoding alone "
                    f"({decoding:,.0f}/s; wanted: at least 0.30)"
                )
                _fill_on(log, size + FOLLOWED * len(BATCHES))
                for batch in BATCHES:
                    rate = _follow(log, database, batch)
                    yield f"  the projector in batches of {batch}: {rate:,.0f}/s, {rate / building:.2f} of a rebuild (wanted: at least 0.30)"


def _decode(log: DecisionLog) -> None:
    after = 0
    while entries := log.read(after, BATCH_ENTRIES):
        after = entries[-1].position


def _fill_on(log: DecisionLog, size: int) -> None:
    """More of the same on top: new subjects, under keys of their own."""
    filling = Filling(log._store, 1, seed=3, keys="more.")
    filling.to(size)


def _follow(log: DecisionLog, database: Database, batch: int) -> float:
    with closing(database.writer()) as writer:
        projector = Projector(writer)
        after = projector.position()
        begun = time.perf_counter()
        for _ in range(FOLLOWED // batch):
            entries = log.read(after, batch)
            with writer.transaction():
                projector.position()  # as the runner does
                projector.apply(entries)
            after = entries[-1].position
        return FOLLOWED / (time.perf_counter() - begun)
