"""The Kafka tests share one broker; each test has its own topics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kafka.broker import fresh_prefix, missing, shared


@pytest.fixture(scope="session")
def bootstrap_servers(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """A real broker."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.getbasetemp()
    with shared((folder if worker_id == "master" else folder.parent) / "kafka") as servers:
        yield servers


@pytest.fixture
def prefix() -> str:
    """A prefix for topics that no other test uses."""
    return fresh_prefix()
