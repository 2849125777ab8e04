"""A log behind the HTTP interface, and a reader of its pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support_log import LocalService
from tests.support_pages import PageReader


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LocalService]:
    with LocalService(tmp_path) as opened:
        yield opened


@pytest.fixture
def pages(service: LocalService) -> PageReader:
    return PageReader(service)
