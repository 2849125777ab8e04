"""A log in memory, and a read model that has read it: in a file, and in a schema of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest
from support_postgresql import fresh_schema

from projections.database import Database
from projections.factory import open_database
from projections.read_model import Read, ReadModel
from tests.projections.support import SECOND, START, Log, catch_up, emptied

NewDatabase = Callable[[], Database]


@contextmanager
def in_files(folder: Path) -> Iterator[NewDatabase]:
    numbers = count(1)
    yield lambda: open_database(folder / f"model{next(numbers)}.sqlite")


@contextmanager
def in_schemas(_: Path) -> Iterator[NewDatabase]:
    with ExitStack() as opened:

        def new() -> Database:
            database = open_database(opened.enter_context(fresh_schema()))
            opened.callback(database.close)
            return database

        yield new


@pytest.fixture(params=[in_files, in_schemas], ids=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Places for read models, each empty, on one database and on the other."""
    with request.param(tmp_path) as new:
        yield new


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def model(new_database: NewDatabase, log: Log) -> Iterator[ReadModel]:
    opened = ReadModel.open(new_database(), log, lambda: START + 1_000_000 * SECOND)
    yield opened
    opened.close()


@pytest.fixture
def anew(new_database: NewDatabase) -> Iterator[Callable[[Log], ReadModel]]:
    """A read model that has read a log and nothing else, in one place again and again."""
    database = new_database()
    database.renew()

    def model_of(log: Log, batch: int = 7) -> ReadModel:
        emptied(database)
        model = ReadModel(database, lambda: START + 100 * SECOND)
        catch_up(model, log, batch)
        return model

    yield model_of
    database.close()


@pytest.fixture
def read(model: ReadModel, log: Log) -> Iterator[Callable[[], Read]]:
    """Reads the log to its end, and gives a snapshot."""
    opened = []

    def now() -> Read:
        catch_up(model, log)
        snapshot = model.read()
        opened.append(snapshot)
        return snapshot.__enter__()

    yield now
    for snapshot in opened:
        snapshot.__exit__(None, None, None)
