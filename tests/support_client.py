"""A client of an application in this process, whose requests share one event loop in a thread.

The test client of Starlette changes threads eight times for each request, which costs more than most answers.
"""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from functools import cache
from threading import Thread
from typing import Any, TypeVar

import httpx2

T = TypeVar("T")

_until_exit = ExitStack()
atexit.register(_until_exit.close)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="clients", daemon=True)
    thread.start()
    _until_exit.callback(loop.close)
    _until_exit.callback(thread.join)
    _until_exit.callback(loop.call_soon_threadsafe, loop.stop)
    return loop


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns, run in the event loop of all clients: each loop of its own costs half a request."""
    return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result()


class AppClient(httpx2.Client):
    """Sends requests to an application. With `raises`, its unexpected errors are raised, not answered with 500."""

    def __init__(
        self,
        app: Callable[..., Any],
        base_url: str = "http://testserver",
        *,
        headers: Mapping[str, str] | None = None,
        raises: bool = True,
    ) -> None:
        transport = _AppTransport(app, raises)
        super().__init__(base_url=base_url, headers=headers, transport=transport, follow_redirects=True)


class _AppTransport(httpx2.BaseTransport):
    def __init__(self, app: Callable[..., Any], raises: bool) -> None:
        self._transport = httpx2.ASGITransport(app, raises, client=("testclient", 50000))

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        return run(self._answer(request))

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._transport.handle_async_request(request)
        body = b"".join([part async for part in response.aiter_raw()])
        return httpx2.Response(response.status_code, headers=response.headers, stream=httpx2.ByteStream(body))
