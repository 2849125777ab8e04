"""For all tests: temporary files in memory, no deadlines, and fewer objects for the garbage collector."""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

MEMORY = Path("/dev/shm")
NEEDED_BYTES = 4 << 30
EARLY = "test_questions.py"
"""Runs first: its tests are quick after a long preparation, which each worker that takes over some of them repeats. Others
take over from the end."""

# No example fails for being slow: how long it takes says more about the machine than about the code.
settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("untimed")


def _has_room(folder: Path) -> bool:
    """Whether a folder in memory takes the files of all tests, and lets programs be run from it."""
    if not folder.is_dir() or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    available_kib = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return min(shutil.disk_usage(folder).free, int(available_kib[1]) << 10) > NEEDED_BYTES


def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary files in memory where there is room: most tests write a log, and each commit waits for the disk.

    And let Ctrl-C interrupt, as the tests of it expect: a shell that starts a command in the background prevents that.
    """
    gc.disable()  # until all tests are collected: nothing of them goes
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.option.basetemp is None and "TMPDIR" not in os.environ and _has_room(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that are to run first at the beginning, in their order."""
    items.sort(key=lambda item: item.path.name != EARLY)


def pytest_collection_finish() -> None:
    """Take what was imported and collected out of garbage collection: it stays, and going through it costs time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # as the commands set it, but with more full collections
    gc.enable()
