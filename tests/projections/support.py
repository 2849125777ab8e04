"""A log in memory, and helpers to build read models from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.catalog import EVENT_NAMES
from domain.messages import Event
from eventlog.entry import Delegate, Entry, Metadata, Origin
from projections.read_model.database import Database
from projections.read_model.model import Read, ReadModel
from projections.read_model.projector import Projector
from projections.read_model.sqlite import _query_runner

BuildModel = Callable[..., ReadModel]

START = 1_700_000_000_000_000
SECOND = 1_000_000


@dataclass
class Size:
    size: int


@dataclass
class Log:
    """Entries in order, recorded a second apart. `at` backdates an entry, in seconds since `START`."""

    entries: list[Entry] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    def add(self, subject: str, event: Event, *, at: float | None = None, by: str = "person:ann", **more: Any) -> int:
        position = len(self.entries) + 1
        self.versions[subject] = self.versions.get(subject, 0) + 1
        chain = (Delegate(by),) if by != "person:ann" else ()
        effective = None if at is None else START + int(at * SECOND)
        metadata = Metadata(
            id=f"e{position}",
            transaction=f"u{position}",
            index=0,
            actor="person:ann",
            credential="token",
            source=more.pop("source", Origin("http")),
            on_behalf_of=chain,
            effective_at=effective,
            **more,
        )
        recorded = START + position * SECOND
        name = EVENT_NAMES[type(event)]
        self.entries.append(Entry(position, recorded, subject, name, self.versions[subject], event, metadata))
        return position

    def replace(self, position: int, **changes: Any) -> None:
        """Changes an entry as erasure does."""
        self.entries[position - 1] = self.entries[position - 1]._replace(**changes)

    def read(self, after: int, limit: int) -> list[Entry]:
        return self.entries[after : after + limit]

    def head(self) -> Size:
        return Size(len(self.entries))


def catch_up(model: ReadModel, log: Log, batch: int = 7) -> None:
    with closing(model.database.writer()) as writer:
        projector = Projector(writer)
        while entries := log.read(projector.position(), batch):
            with writer.transaction():
                projector.apply(entries)


def count_steps(path: Path, ask: Callable[[Read], object]) -> int:
    """Return how many steps SQLite takes to answer a question, which must have an answer."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(count, 1)
        assert ask(Read(_query_runner(connection), lambda: START))
    return steps


def at(seconds: float) -> int:
    return START + int(seconds * SECOND)


def delete_rows(database: Database) -> None:
    """Delete all rows, which is faster than to create new tables."""
    with closing(database.writer()) as writer, writer.transaction():
        for table in ("field_value", "field_ref", "event", "event_because", "search"):
            writer.rows(f"delete from {table}", {})
        writer.rows("update projection set position = 0", {})
