"""The oldest PostgreSQL that a log takes: what a current one accepts may be an error there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support_oldest_postgresql import oldest_postgresql

TESTS = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_oldest_postgresql_passes_the_tests_of_postgresql() -> None:
    """Every quick test that runs on PostgreSQL also passes on the oldest version that the log takes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with oldest_postgresql() as url:
        environment["DECISIONLOG_TEST_POSTGRESQL"] = url
        command = [sys.executable, "-m", "pytest", "-n", "0", "-k", "postgresql", TESTS]
        done = subprocess.run(command, check=False, cwd=TESTS.parent, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
