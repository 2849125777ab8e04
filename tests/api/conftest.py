"""A whole log in a temporary folder, with its read model following, behind the HTTP interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support_log import LocalService


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LocalService]:
    with LocalService(tmp_path) as opened:
        yield opened


@pytest.fixture
def now(service: LocalService) -> Callable[[], int]:
    return service.clock
