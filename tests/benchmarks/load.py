"""Load over HTTP: connections that each send one request after another, and the results."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import uvloop

TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """The result of one round: responses a second, the median and the 99th percentile of their seconds."""

    rate: float
    p50: float
    p99: float
    answered: int
    refused: int


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the previous one is answered."""

    def __init__(self, requests: Iterator[bytes], times: list[float]) -> None:
        self.refused = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._times = times
        self._begun = 0.0
        self._missing = -1
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def send(self) -> None:
        """Send the next request, or close the connection if there is none."""
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._begun = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            data = self._head + data
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._head = head
                return
            self._head = b""
            self.refused += not head.startswith(b"HTTP/1.1 2")
            self._missing = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        self._missing -= len(data)
        if self._missing == 0:
            self._missing = -1
            self._times.append(time.perf_counter() - self._begun)
            self.send()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def load(address: str, request: Callable[[], bytes], connections: int, count: int) -> Load:
    """Send a number of requests over some connections."""

    async def run() -> Load:
        loop = asyncio.get_running_loop()
        host, port = address.removeprefix("http://").split(":")
        requests = islice(iter(request, None), count)
        times: list[float] = []
        made = [
            (await loop.create_connection(lambda: _Connection(requests, times), host, int(port)))[1]
            for _ in range(connections)
        ]
        begun = time.perf_counter()
        for connection in made:
            connection.send()
        await asyncio.gather(*(connection.ended for connection in made))
        took = time.perf_counter() - begun
        times.sort()
        return Load(
            len(times) / took,
            times[len(times) // 2],
            times[int(len(times) * 0.99)],
            len(times),
            sum(connection.refused for connection in made),
        )

    return uvloop.run(run())


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and all its descendants so far, living and ended.

    Of the living, the scheduler's own figures: the usual ones count ticks, and a thread that wakes with the clock is
    charged for whole ones.
    """
    tasks = Path(f"/proc/{pid}/task")
    try:
        own = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = (tasks / str(pid) / "children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):  # it ended just now; its parent has its time from then on
        return 0.0
    return own + sum(map(int, fields[13:15])) / TICKS + sum(cpu_seconds(int(child)) for child in children)
