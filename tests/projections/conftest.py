"""Fixtures: a log in memory, and a read model of it, in a file and in a schema of a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path

import pytest

from projections.read_model.database import Database
from projections.read_model.factory import open_database
from projections.read_model.model import Read, ReadModel
from tests.projections.support import SECOND, START, Log, catch_up, delete_rows
from tests.support_postgresql import fresh_schema

NewDatabase = Callable[[], Database]
SEEDS_ON_POSTGRESQL = 4


@contextmanager
def in_files(folder: Path) -> Iterator[NewDatabase]:
    numbers = count(1)
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(open_database(folder / f"model{next(numbers)}.sqlite")))


@contextmanager
def in_schemas(_: Path) -> Iterator[NewDatabase]:
    with ExitStack() as opened:

        def new() -> Database:
            database = open_database(opened.enter_context(fresh_schema()))
            opened.callback(database.close)
            return database

        yield new


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on SQLite, and on PostgreSQL too, unless it is marked `sqlite_only`, by itself or by its module.

    A test that is marked `seeds(COUNT)` runs with this number of seeds on SQLite; PostgreSQL, where each takes ten times as
    long and the queries are the same, gets the first `SEEDS_ON_POSTGRESQL` of them. For the same reason, properties of
    generated logs are tested on PostgreSQL in the slow tests only.
    """
    if "new_database" not in metafunc.fixturenames:
        return
    sqlite_only = metafunc.definition.get_closest_marker("sqlite_only")
    databases = {"sqlite": in_files} if sqlite_only else {"sqlite": in_files, "postgresql": in_schemas}
    if seeds := metafunc.definition.get_closest_marker("seeds"):
        runs = [
            pytest.param(new, seed, id=f"{name}-{seed}")
            for name, new in databases.items()
            for seed in range(seeds.args[0] if name == "sqlite" else SEEDS_ON_POSTGRESQL)
        ]
        metafunc.parametrize(("new_database", "seed"), runs, indirect=["new_database"])
    else:
        is_property = hasattr(metafunc.function, "hypothesis")
        slow = {"postgresql": [pytest.mark.slow]} if is_property else {}
        choices = [pytest.param(new, id=name, marks=slow.get(name, [])) for name, new in databases.items()]
        metafunc.parametrize("new_database", choices, indirect=True)


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Creates empty databases, with SQLite or with PostgreSQL."""
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
def build_model(new_database: NewDatabase) -> Iterator[Callable[[Log], ReadModel]]:
    """Returns a function that builds a read model of a log, always in the same database."""
    database = new_database()
    database.recreate()

    def model_of(log: Log, batch: int = 7) -> ReadModel:
        delete_rows(database)
        model = ReadModel(database, lambda: START + 100 * SECOND)
        catch_up(model, log, batch)
        return model

    yield model_of
    database.close()


@pytest.fixture
def read(model: ReadModel, log: Log) -> Iterator[Callable[[], Read]]:
    """Returns a function that reads the log to its end and opens a snapshot."""
    opened = []

    def now() -> Read:
        catch_up(model, log)
        snapshot = model.read()
        opened.append(snapshot)
        return snapshot.__enter__()

    yield now
    for snapshot in opened:
        snapshot.__exit__(None, None, None)
