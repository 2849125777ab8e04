"""Refusing what another site makes a browser send (cross-site request forgery).

A browser attaches its cookies to requests that other sites cause. It also says where they come from, and no page can
forge that: `Sec-Fetch-Site` on secure addresses and this machine's own, `Origin` everywhere. This follows the algorithm of
Go's `http.CrossOriginProtection` and the OWASP cheat sheet, with one difference: where both headers are missing, Go
answers, because the caller is no browser. Here a request with a cookie and neither header is refused, because callers
that are no browsers have tokens.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.types import Scope

from api.problems import HttpProblem

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SCOPE_KEY: Final = "decisionlog.site"


@dataclass(frozen=True, slots=True)
class Site:
    """The server as the browser of a request sees it.

    `address` is where its readers reach it, or empty if they cannot. `origins` are those of its own pages. `is_secure` means HTTPS. `has_cookies` means that it may set a cookie: over
    HTTPS, on this machine, or where the operator named an address without TLS.
    """

    address: str
    origins: frozenset[str]
    is_secure: bool
    has_cookies: bool

    def put(self, scope: Scope) -> None:
        """Store it in the scope of a request."""
        scope[_SCOPE_KEY] = self


def site_of(request: Request) -> Site:
    """Return the site that a request was sent to."""
    site: Site = request.scope[_SCOPE_KEY]
    return site


def refuse_cross_site(request: Request) -> None:
    """Refuse a request that changes something and that another site may have caused.

    Raises:
        HttpProblem: 403, with what the browser said.
    """
    if is_cross_site(request.method, request.headers, site_of(request).origins):
        sender = request.headers.get("origin", "an unknown origin")
        raise HttpProblem(
            403,
            f"this request came from {sender}, not from a page of this server; send an API token instead of a cookie, or "
            "set DECISIONLOG_PUBLIC_URL to the address that browsers use",
            name="cross-site",
        )


def is_cross_site(method: str, headers: Mapping[str, str], origins: Collection[str]) -> bool:
    """Whether a request may have been caused by another site, or does not say by which."""
    if method in SAFE_METHODS:
        return False
    fetch_site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if fetch_site is not None:
        return fetch_site not in ("same-origin", "none")
    return origin not in origins
