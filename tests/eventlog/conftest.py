"""Where a log may be: what is promised of a log holds in each of these places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support_postgresql import fresh_schema


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """A place without a log: a folder, or the address of a schema."""
    if request.param == "sqlite":
        yield tmp_path
        return
    with fresh_schema() as address:
        yield address
