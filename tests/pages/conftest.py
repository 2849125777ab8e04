"""A log behind the HTTP interface, and a reader of its pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support_log import House
from support_pages import PageReader


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path) as opened:
        yield opened


@pytest.fixture
def pages(house: House) -> PageReader:
    return PageReader(house)
