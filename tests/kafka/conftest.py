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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a broker as slow: one takes ten seconds to start."""
    for item in items:
        if "bootstrap_servers" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def prefix() -> str:
    """A prefix for topics that no other test uses."""
    return fresh_prefix()
