"""How fast a tracker's history comes in: from the first line until the read models have caught up.

As in a real log, the caller is an administrator by a role of their own, and the garbage collector is set as by every command.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cli.bootstrap import freeze_gc
from domain.roles import GrantRole
from eventlog.entry import Transaction
from tests.benchmarks.local_service import FILES, imported, system_clock
from tests.support_log import LocalService


def measure() -> Iterator[str]:
    """Changes a second, and the same once more, when all of it is there already."""
    for name in FILES:
        with tempfile.TemporaryDirectory() as folder, LocalService(Path(folder), system_clock) as service:
            service.execute(Transaction((GrantRole(subject=service.ada, role="admin"),), service.caller()))
            service.log.default_role = None
            freeze_gc()
            times = []
            for _ in range(2):
                begun = time.perf_counter()
                report = imported(service, name)
                times.append(time.perf_counter() - begun)
            size = service.log.head().size
        yield (
            f"{name}: {report.lines} changes, {size} events in {times[0]:.2f} s: {report.lines / times[0]:.0f} changes/s "
            f"(wanted: 1,000); once more, changing nothing: {report.lines / times[1]:.0f}/s"
        )
