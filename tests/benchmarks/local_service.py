"""The machine, and a log with its API to measure."""

from __future__ import annotations

import asyncio
import itertools
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from interchange.import_report import ImportReport
from interchange.sink import LogSink
from interchange.tracker import import_changes, load_mapping
from tests.support_log import LocalService

ROOT = Path(__file__).parents[2]
CORPORA = ROOT.parent / "shared" / "corpora"
FILES = {"keps": "keps_before_2023-01-01.jsonl", "peps": "peps_before_2021-01-01.jsonl"}


def machine() -> str:
    """What it runs on: no figure means anything without it."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, fsync {_fsync() * 1000:.2f} ms, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def _fsync() -> float:
    """The median time of an fsync in the folder where the benchmarks write."""
    with tempfile.TemporaryFile() as file:
        return statistics.median(
            _time(lambda: (file.write(b"x" * 4096), file.flush(), os.fsync(file.fileno()))) for _ in range(50)
        )


def _time(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def timed_in_turn(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median seconds of each, measured in turn so that a noisy machine is noisy for all."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(_time(work))
    return {name: statistics.median(found) for name, found in times.items()}


def system_clock() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def imported(service: LocalService, name: str) -> ImportReport:
    """Imports one of the corpora with the mapping the project ships, until it can be read."""
    keys = (f"{name}-{n}" for n in itertools.count())
    mapping = load_mapping(ROOT / "examples" / "mappings" / f"{name}.toml")
    report = asyncio.run(
        import_changes(
            CORPORA / FILES[name], mapping, LogSink(service.log), service.caller("import"), new_key=lambda: next(keys)
        )
    )
    service.runner.wait_for(service.log.head().size, 600)
    return report
