"""A log in memory, and a read model that has read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from projections.model import Read, ReadModel
from tests.projections.support import SECOND, START, Log, catch_up


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def model(tmp_path: Path, log: Log) -> Iterator[ReadModel]:
    opened = ReadModel.open(tmp_path / "model.sqlite", log, lambda: START + 1_000_000 * SECOND)
    yield opened
    opened.close()


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
