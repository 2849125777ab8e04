"""Requests to the provider, bounded in time and size. Redirects are not followed."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import httpx2

from identity.oidc.errors import ProviderUnavailableError

TIMEOUT_S: Final = 3.0
MAX_BYTES: Final = 256 * 1024


@cache
def _load_certificates() -> ssl.SSLContext:
    """Return the certificates that are trusted. Loading them takes longer than most requests, so this happens once."""
    return httpx2.create_ssl_context()


async def fetch_json(
    url: str, form: Mapping[str, str] | None = None, auth: tuple[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON object that a URL answers; with a form, it is posted.

    Raises:
        ProviderUnavailableError: it does not answer in time, or with something else.
    """
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            httpx2.AsyncClient(verify=_load_certificates(), timeout=TIMEOUT_S, follow_redirects=False) as http,
        ):
            request = http.build_request(
                "POST" if form else "GET", url, data=form, headers={"Accept": "application/json"}
            )
            response = await http.send(request, auth=auth, stream=True)
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_BYTES:
                    raise ProviderUnavailableError(f"{url} answered with more than {MAX_BYTES} bytes")
    except (httpx2.HTTPError, TimeoutError, OSError) as error:
        raise ProviderUnavailableError(f"{url} cannot be reached ({type(error).__name__})") from None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProviderUnavailableError(f"{url} did not answer with a JSON object (status {response.status_code})")
    return response.status_code, found


async def fetch_document(url: str) -> dict[str, Any]:
    """Return a JSON document.

    Raises:
        ProviderUnavailableError: there is none.
    """
    status, found = await fetch_json(url)
    if status != HTTPStatus.OK:
        raise ProviderUnavailableError(f"{url} answered with the status {status}")
    return found
