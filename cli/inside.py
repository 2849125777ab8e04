"""The HTTP interface in this process, over files that nobody serves or over the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import httpx2

from api.admission import Admission, Limits
from api.app import create_app
from api.services import Services
from cli.reaching import INSIDE, TIMEOUT, reach
from cli.settings import Settings
from cli.speaking import known_speaker, speaker_of
from cli.wiring import POLL, house, reading, workers, writing
from decisionlog_client import Client


@contextmanager
def inside(settings: Settings, *, writes: bool) -> Iterator[Client]:
    """A client of it. Only who writes takes the lock; who reads does so also beside an import, or a log that is sealed.

    Raises:
        CannotGoOn: there is no log to read, or the token that is set is unknown.
    """
    with (writing if writes else reading)(settings) as log, house(log, settings, poll=POLL) as built:
        speaker = (speaker_of if writes else known_speaker)(log, settings, "cli")
        services = Services(
            log, built.model, built.runner, lambda _: speaker, wait_seconds=TIMEOUT, workers=lambda: workers(settings),
            questions=Admission(Limits(seconds=inf, read_bytes=inf, page_bytes=inf)),  # others need not wait for this one
        )  # fmt: skip
        with reach(INSIDE, "whoever runs this", InProcess(create_app(services))) as client:
            yield client


class InProcess(httpx2.BaseTransport):
    """Takes requests to an ASGI application in this process."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._inside = httpx2.ASGITransport(app)
        self._runner = asyncio.Runner()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The application's response."""
        return self._runner.run(self._answered(request))

    async def _answered(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inside.handle_async_request(request)
        return httpx2.Response(response.status_code, headers=response.headers, content=await response.aread())

    def close(self) -> None:
        """Ends the loop in which it ran."""
        self._runner.close()
