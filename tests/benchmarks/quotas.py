"""How long others wait while a client sends ten times its quota, and while none does."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx2

from tests.support_serving import Serving, run, serving

PER_MINUTE = 600
"""The quota: ten a second."""
GREEDY_PER_S = 100
SECONDS = 10.0
PAUSE_S = 0.1


def measure() -> Iterator[str]:
    """The median and the 99th percentile of a modest client, in one run; what the greedy one is answered."""
    limits = {"DECISIONLOG_REQUESTS_PER_MINUTE": str(PER_MINUTE)}
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), **limits) as server:
        for name in ("Modest", "Modest too", "Greedy"):
            run(Path(folder), "person", "add", name)
        modest = [_token(server, name) for name in ("Modest", "Modest too")]
        quiet = _waits(server, modest)
        answers: Counter[int] = Counter()
        stop, exhausted = threading.Event(), threading.Event()
        greedy = threading.Thread(target=_flood, args=(server, _token(server, "Greedy"), stop, exhausted, answers))
        greedy.start()
        try:
            assert exhausted.wait(60)
            loud = _waits(server, modest)
        finally:
            stop.set()
            greedy.join()
    yield f"alone: median {median(quiet):.2f} ms, p99 {_p99(quiet):.2f} ms of {len(quiet):,} requests"
    yield f"beside: median {median(loud):.2f} ms, p99 {_p99(loud):.2f} ms ({median(loud) / median(quiet):.2f} times)"
    yield f"the client at ten times its quota: {answers[200]:,} answered, {answers[429]:,} refused with 429"


def _token(server: Serving, name: str) -> str:
    body = {"holder": name, "role": "viewer"}
    answer = httpx2.post(f"{server.address}/v1/tokens", json=body, headers=_headers(server.token))
    return str(answer.json()["secret"])


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _waits(server: Serving, tokens: list[str]) -> list[float]:
    """What requests take in milliseconds, at half the quota of each token."""
    waits = []
    with httpx2.Client(base_url=server.address) as client:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for token in tokens:
                began = time.perf_counter()
                answer = client.get("/v1/me", headers=_headers(token))
                waits.append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 200, answer.text
                time.sleep(PAUSE_S)
    return waits


def _flood(
    server: Serving, token: str, stop: threading.Event, exhausted: threading.Event, answers: Counter[int]
) -> None:
    """Use up what a quota allows at once, and then go on at ten times the quota."""
    with httpx2.Client(base_url=server.address, headers=_headers(token)) as client:
        while client.get("/v1/me").status_code == 200 and not stop.is_set():
            pass
        exhausted.set()
        while not stop.is_set():
            began = time.monotonic()
            answers[client.get("/v1/me").status_code] += 1
            time.sleep(max(0.0, 1 / GREEDY_PER_S - (time.monotonic() - began)))


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]
