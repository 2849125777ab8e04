"""What comes before every route and after every answer, as plain ASGI: hosts, HEAD, OPTIONS, `Allow` and headers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.headers import RawHeaders, secure
from api.problems import HttpProblem, problem, respond

MAX_REQUESTS: Final = 500
"""Requests that are worked on at a time; only health is answered beyond."""
_OPEN: Final = frozenset({"/v1/health", "/v1/version"})


@dataclass(frozen=True)
class Hosts:
    """Where the service is reached, and which names for it are taken.

    `public_url` is an origin such as `https://log.example.org`. With it a `Host` must name that, this machine, or the
    address that was connected to. `loopback` says that only this machine can connect; then, without a public address, a
    `Host` must be a name of this machine: a page of elsewhere whose name points here (DNS rebinding) is refused.
    """

    public_url: str = ""
    loopback: bool = False

    def origin(self, scope: Scope) -> tuple[str, bytes]:
        """Return scheme and authority for links: never what the caller called us."""
        if self.public_url:
            parts = urlsplit(self.public_url)
            return parts.scheme, parts.netloc.encode()
        return scope["scheme"], _authority(scope)

    def check(self, scope: Scope, host: str) -> None:
        """Check what a caller calls us.

        Raises:
            HttpProblem: 421, it is not a name of this service.
        """
        if not (self.public_url or self.loopback):
            return
        name = _name_of(host)
        known = {urlsplit(self.public_url).hostname, (scope.get("server") or ("",))[0].strip("[]").lower()}
        # A name without a dot, as containers call each other, is nobody's to register and to point here.
        if not name or ("." in name.strip(".") and name not in known and not _is_loopback(name)):
            detail = "this service is not called so; its operator names the address to use in DECISIONLOG_PUBLIC_URL"
            raise HttpProblem(421, detail, field="Host")


@lru_cache(64)
def _name_of(host: str) -> str:
    """Return the name in a `Host`, without its port; empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


@lru_cache(64)
def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _authority(scope: Scope) -> bytes:
    """Return the address that was connected to, which the caller cannot make up."""
    host, port = scope.get("server") or ("localhost", None)
    shown = f"[{host}]" if ":" in host else host
    return (shown if port in (None, {"http": 80, "https": 443}.get(scope["scheme"])) else f"{shown}:{port}").encode()


class Edge:
    """An ASGI application around another, whose routes it knows."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], hosts: Hosts) -> None:
        self._app = app
        self._routes = routes
        self._hosts = hosts
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it before anything looks at it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, scope, self)
        self._running += 1
        try:
            await self._serve(scope, receive, answer)
        finally:
            self._running -= 1

    async def _serve(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            self._check(scope)
        except HttpProblem as refused:
            document = problem(refused.status, refused.name, refused.detail, field=refused.field)
            await respond(document, refused.headers)(scope, receive, answer.send)
            return
        method = scope["method"]
        if method == "OPTIONS" and (allowed := self.methods_of(scope["path"])):
            await _no_content(allowed, answer.send)
        elif method == "HEAD":
            await self._app({**scope, "method": "GET"}, receive, answer.send)
        else:
            await self._app(scope, receive, answer.send)

    def _check(self, scope: Scope) -> None:
        """Check the `Host`, and put in its place what links are made from.

        Raises:
            HttpProblem: 421, it is not a name of this service; 503, too many requests are worked on.
        """
        headers: RawHeaders = scope["headers"]
        scope["scheme"], authority = self._hosts.origin(scope)
        for n, (name, value) in enumerate(headers):
            if name == b"host":
                self._hosts.check(scope, value.decode("latin-1"))
                headers[n] = (name, authority)
                break
        else:
            headers.append((b"host", authority))
        if self._running > MAX_REQUESTS and scope["path"] not in _OPEN:
            raise HttpProblem(503, "too many requests at a time; try again soon", headers={"Retry-After": "1"})

    def methods_of(self, path: str) -> list[str]:
        """Return every method that some route takes at a path, for `Allow`; none where there is no such path."""
        found = {method for route in self._routes for method in _methods(route, path)}
        if "GET" in found:
            found.add("HEAD")
        return sorted(found | {"OPTIONS"}) if found else []


def _methods(route: BaseRoute, path: str) -> Iterable[str]:
    return route.methods or () if isinstance(route, Route) and route.path_regex.match(path) else ()


async def _no_content(allowed: Sequence[str], send: Send) -> None:
    headers = [(b"allow", ", ".join(allowed).encode())]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


class _Answer:
    """Completes the headers of one answer on its way out, and leaves out the body where only they were asked for."""

    def __init__(self, send: Send, scope: Scope, edge: Edge) -> None:
        self._send = send
        self._path = scope["path"]
        self._head_only = scope["method"] == "HEAD"
        self._edge = edge

    async def send(self, message: Message) -> None:
        """Send a message of the answer."""
        if message["type"] == "http.response.start":
            headers: RawHeaders = message["headers"]
            secure(headers)
            if message["status"] == 405:  # noqa: PLR2004
                allow = ", ".join(self._edge.methods_of(self._path)).encode()
                headers[:] = [*(each for each in headers if each[0] != b"allow"), (b"allow", allow)]
        elif self._head_only:
            message = {**message, "body": b""}
        await self._send(message)
