"""Connections of the command line to the HTTP interface of a log: timeouts, retries and the in-process address."""

from __future__ import annotations

from typing import Final

import httpx2

from cli.errors import CommandFailed, Exit
from decisionlog_client import Client

RETRY_FOR_S: Final = 1.0
"""How long to retry a server that does not answer; a person is waiting at the terminal."""
TIMEOUT_S: Final = 120.0
IN_PROCESS_URL: Final = "http://in-this-process"
"""The base URL of requests that never leave this process."""


def connect(address: str, token: str | None, transport: httpx2.BaseTransport | None = None) -> Client:
    """Return a client for the server at an address.

    Raises:
        CommandFailed: the address is not a URL.
    """
    try:
        return Client(address, token=token, patience=RETRY_FOR_S, timeout=TIMEOUT_S, transport=transport)
    except httpx2.InvalidURL as error:
        raise CommandFailed(
            f"DECISIONLOG_URL is not a valid URL: {error}. Set it to one such as https://log.example.org.",
            Exit.USAGE_ERROR,
        ) from error
