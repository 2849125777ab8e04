"""A log in a temporary place, with a clock and randomness that can be foretold."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from domain.catalog import COMMAND
from domain.errors import Refused
from domain.scopes import SCOPES
from eventlog.entry import Caller, Receipt, Transaction
from identity.decision_log import DecisionLog

START = 1_740_000_000_000_000
ANN = Caller("person:ann", "token-1", "http", frozenset(SCOPES))


class Clock:
    """Moves on by a second whenever it is read, unless told to stand still."""

    def __init__(self) -> None:
        self.now = START
        self.step = 1_000_000

    def __call__(self) -> int:
        self.now += self.step
        return self.now


def foretold() -> Any:
    """Bytes that are the same in every run, and never the same twice."""
    numbers: Iterator[int] = count()
    return lambda length: sha256(next(numbers).to_bytes(8)).digest()[:length]


def open_log(place: Path | str, **options: Any) -> DecisionLog:
    """The log in a folder, or in a schema."""
    role = options.pop("default_role", "admin")
    log = DecisionLog.open(
        where(place), clock=options.pop("clock", Clock()), entropy=options.pop("entropy", foretold()), **options
    )
    log.default_role = role
    return log


def where(place: Path | str) -> Path | str:
    """What to open for the log in a place."""
    return place / "log.sqlite" if isinstance(place, Path) else place


def tables(place: Path | str) -> Any:
    """A connection to the tables, past the log, for attacks on it; it takes `?` and commits by itself."""
    if isinstance(place, Path):
        return sqlite3.connect(where(place), isolation_level=None)
    from eventlog.postgresql_store import connect

    return connect(place)


def transaction(
    *commands: dict[str, Any], caller: Caller = ANN, key: str | None = None, **expected: int
) -> Transaction:
    """A unit of commands as a client would send them; `expected` versions by subject, with `__` for the colon."""
    parsed = tuple(COMMAND.validate_python(command) for command in commands)
    return Transaction(
        parsed, caller, key, {subject.replace("__", ":"): version for subject, version in expected.items()}
    )


def do(log: DecisionLog, *commands: dict[str, Any], **options: Any) -> Receipt:
    """Applies a unit."""
    return asyncio.run(log.execute(transaction(*commands, **options)))


def do_many(log: DecisionLog, *transactions: Transaction) -> list[Receipt | Refused]:
    """Applies units in order."""
    return asyncio.run(log.execute_many(transactions))


def everything(place: Path | str) -> bytes:
    """Every byte that the files hold; of a database, every value of every row."""
    if isinstance(place, Path):
        return b"".join(path.read_bytes() for path in place.iterdir())
    with tables(place) as connection:
        rows = [
            row
            for table in ("events", "idempotency_records", "names", "tokens", "sessions", "one_time_codes")
            for row in connection.execute(f"SELECT * FROM {table}")
        ]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
