"""Load over HTTP: connections that each send one request after another, and what came of them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """What some seconds of load came to: answers a second, and the time that 99 of 100 answers took at most."""

    rate: float
    p99: float
    answered: int
    refused: int


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the one before is answered."""

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self.times: list[float] = []
        self.refused = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._until = until
        self._begun = 0.0
        self._missing = -1
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send()

    def _send(self) -> None:
        self._begun = time.perf_counter()
        self._transport.write(next(self._requests))

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
            self._answered()

    def _answered(self) -> None:
        now = time.perf_counter()
        self.times.append(now - self._begun)
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def load(address: str, request: Callable[[], bytes], connections: int, seconds: float) -> Load:
    """Sends requests over so many connections for so long."""

    async def run() -> Load:
        loop = asyncio.get_running_loop()
        host, port = address.removeprefix("http://").split(":")
        begun = time.perf_counter()
        until = begun + seconds
        requests = iter(request, None)
        made = [
            (await loop.create_connection(lambda: _Connection(requests, until), host, int(port)))[1]
            for _ in range(connections)
        ]
        await asyncio.gather(*(connection.ended for connection in made))
        took = time.perf_counter() - begun
        times = sorted(each for connection in made for each in connection.times)
        p99 = times[int(len(times) * 0.99)] if times else float("inf")
        return Load(len(times) / took, p99, len(times), sum(connection.refused for connection in made))

    return asyncio.run(run())


def cpu_seconds(pid: int) -> float:
    """What a process and all its descendants have used of the processors so far, living and ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(map(int, fields[11:15])) / TICKS
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)
