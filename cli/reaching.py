"""The way to the log, for commands that ask and record: always the HTTP interface, wherever it runs.

Where `DECISIONLOG_URL` is set, it is there; where a server on this machine has the log, it is that one; and where nobody
serves, the interface runs in this process over the files. So a command is written once, and answers the same everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx2

from cli.errors import CannotGoOn, Exit
from cli.secret import token_of
from cli.settings import Settings
from decisionlog_client import Client
from eventlog.errors import LogInUseError
from eventlog.lock import writer_of

PATIENCE: Final = 1.0
"""Seconds to wait in all for a server that is away: somebody is looking at the screen."""
TIMEOUT: Final = 120.0
INSIDE: Final = "http://in-this-process"
BUSY: Final = 5.0
"""Seconds to wait for another command that has the files."""


@contextmanager
def client_of(settings: Settings, *, writes: bool) -> Iterator[Client]:
    """A client of the log that the settings name. With `writes`, a log is begun where there is none.

    Raises:
        CannotGoOn: there is none, or another process has the files and serves nobody.
    """
    if settings.url:
        reached = reach(settings.url, token_of(settings))
    elif serving := _served_at(settings, writes=writes):
        reached = reach(serving.address, token_of(settings) or serving.key)
    else:
        from cli.inside import inside  # noqa: PLC0415  (it takes a second to load, which commands beside a server are spared)

        with inside(settings, writes=writes) as client:
            yield client
        return
    with reached as client:
        yield client


def reach(address: str, token: str | None, transport: httpx2.BaseTransport | None = None) -> Client:
    """A client for somebody who is looking at a screen.

    Raises:
        CannotGoOn: the address is none.
    """
    try:
        return Client(address, token=token, patience=PATIENCE, timeout=TIMEOUT, transport=transport)
    except httpx2.InvalidURL as error:
        sentence = f"DECISIONLOG_URL is no address: {error}. Set it to one like https://log.example.org."
        raise CannotGoOn(sentence, Exit.MISUNDERSTOOD) from error


def _served_at(settings: Settings, *, writes: bool) -> LogInUseError | None:
    """The server that has the log, if one does. Whoever writes waits for a command that has the files for a moment.

    Raises:
        CannotGoOn: another process has them, and serves nobody.
    """
    if settings.store:
        return None
    deadline = time.monotonic() + BUSY
    while (found := writer_of(settings.log_file)) and not found.address:
        if not writes:
            return None
        if time.monotonic() > deadline:
            raise CannotGoOn(f"{found} It serves nobody; wait until it has ended.", Exit.IN_USE)
        time.sleep(0.05)
    return found
