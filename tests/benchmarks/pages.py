"""What the server spends on a page, compared with the JSON of the same question."""

from __future__ import annotations

import gzip
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.local_service import imported, system_clock
from tests.support_log import LocalService

ROUNDS = 9
DAY = "2021-06-15"
PAGES = {
    "home": "/?view=manager",
    "home of a superior": "/?view=superior",
    "home of an auditor": "/?view=auditor",
    "board": "/roadmap",
    "board of all features": "/roadmap?show=all",
    "board by status": "/roadmap?columns=status",
    "board of a past day": f"/roadmap?as_of={DAY}",
    "board compared": f"/roadmap?as_of={DAY}&compare=now",
    "table": "/roadmap?layout=table",
    "timeline": "/roadmap?layout=timeline",
    "timeline compared": f"/roadmap?layout=timeline&as_of={DAY}&compare=now",
    "decisions": "/decisions",
    "people": "/people",
    "product": "/products/kubernetes",
    "audit": "/audit",
    "releases": "/releases",
    "goals": "/goals",
    "evidence": "/evidence",
    "assumptions": "/assumptions",
    "flags": "/flags",
    "debt": "/debt",
    "outcomes": "/outcomes",
    "slips": "/slips",
    "reports": "/reports",
    "account": "/account",
    "administration": "/admin",
    "record": "/record",
    "search": "/search?text=api",
}
WANTED_MS = 100
JSON_OF_BOARD = "/v1/roadmap?blame=true&limit=1000"


def measure() -> Iterator[str]:
    """CPU time of each page of the KEP corpus, which other work on the machine changes little; medians, in turn."""
    with tempfile.TemporaryDirectory() as folder, LocalService(Path(folder), system_clock) as service:
        imported(service, "keps")
        addresses = {**PAGES, "JSON of the board": JSON_OF_BOARD}
        found: dict[str, list[float]] = {name: [] for name in addresses}
        sizes: dict[str, int] = {}
        for _ in range(ROUNDS):
            for name, address in addresses.items():
                seconds, body = _cpu_time(lambda address=address: _get(service, address))
                found[name].append(seconds)
                sizes[name] = len(gzip.compress(body, 5))
        times = {name: statistics.median(each) * 1000 for name, each in found.items()}
    base = times["JSON of the board"]
    for name, ms in times.items():
        verdict = "" if name not in PAGES or ms <= WANTED_MS else f" (wanted: {WANTED_MS})"
        yield f"{name}: {ms:.0f} ms CPU, {ms / base:.2f} of the board's JSON, {sizes[name] / 1000:.0f} kB{verdict}"


def _cpu_time(work: Callable[[], bytes]) -> tuple[float, bytes]:
    begun = time.process_time()
    body = work()
    return time.process_time() - begun, body


def _get(service: LocalService, address: str) -> bytes:
    response = service.client.get(address, headers={"Accept": "*/*"})
    assert response.status_code == 200, response.text
    return response.content
