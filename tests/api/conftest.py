"""A whole log in a temporary folder, with its read model following, behind the HTTP interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support_log import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path) as opened:
        yield opened


@pytest.fixture
def now(house: House) -> Callable[[], int]:
    return house.clock
