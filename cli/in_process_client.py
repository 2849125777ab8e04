"""The HTTP interface in this process, on the log's files or its database, when no server has the log."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx2

from api.admission import Admission, Limits
from api.app import create_app
from api.middleware import Hosts
from api.services import Services
from cli.bootstrap import (
    POLL_INTERVAL_S,
    find_last_verification,
    list_workers,
    open_for_write,
    open_read_only,
    open_runtime,
)
from cli.caller import find_caller, resolve_caller
from cli.connection import IN_PROCESS_URL, TIMEOUT_S, connect
from cli.settings import Settings
from cli.table import print_note
from decisionlog_client import Client

NO_LIMITS: Final = Limits(seconds=inf, read_bytes=inf, page_bytes=inf)
"""One command at a time has the process to itself."""
UNUSED_TOKEN: Final = "in-process"  # noqa: S105  (the caller is known; the interface only wants some token)


@contextmanager
def open_in_process_client(settings: Settings, *, writes: bool) -> Iterator[Client]:
    """Open a client of the in-process interface. Only `writes` takes the lock, so reads work while another process
    writes.

    Raises:
        CommandFailed: there is no log to read, or the token in the settings is unknown.
    """
    with (
        (open_for_write if writes else open_read_only)(settings) as log,
        _place_read_model(settings) as place,
        open_runtime(log, place, poll=POLL_INTERVAL_S) as runtime,
    ):
        caller = (resolve_caller if writes else find_caller)(log, settings, "cli")
        services = Services(
            log,
            runtime.model,
            runtime.runner,
            lambda _: caller,
            wait_seconds=TIMEOUT_S,
            workers=lambda: list_workers(settings),
            last_verification=lambda: find_last_verification(settings),
            questions=Admission(NO_LIMITS),
        )
        hosts = Hosts(settings.public_url.rstrip("/"), in_process=True)
        app = create_app(services, hosts, pages=False)
        with connect(IN_PROCESS_URL, UNUSED_TOKEN, InProcessTransport(app)) as client:
            yield client


@contextmanager
def _place_read_model(settings: Settings) -> Iterator[Settings]:
    """Return the settings with the place of the read model: a temporary directory if that of the log is read-only."""
    if settings.store or os.access(settings.data, os.W_OK):
        yield settings
        return
    print_note(f"Note: {settings.data} is read-only, so this command builds a read model of its own.")
    with TemporaryDirectory(prefix="decisionlog-") as folder:
        yield settings.model_copy(update={"data": Path(folder)})


class InProcessTransport(httpx2.BaseTransport):
    """Sends requests to an ASGI application in this process."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._transport = httpx2.ASGITransport(app)
        self._runner = asyncio.Runner()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the application's response."""
        return self._runner.run(self._handle(request))

    async def _handle(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._transport.handle_async_request(request)
        return httpx2.Response(response.status_code, headers=response.headers, content=await response.aread())

    def close(self) -> None:
        """Close the event loop."""
        self._runner.close()
