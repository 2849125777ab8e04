"""ASGI middleware around every route: the `Host` check, HEAD, OPTIONS and `Allow`, CORS, and security headers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.cross_site import Site
from api.pages.errors import respond_to
from api.problems import HttpProblem, problem, status_problem
from api.security_headers import RawHeaders, add_security_headers

MAX_REQUESTS: Final = 500
"""Requests processed at a time; more get a 503, except health and version."""
_OWN_HEADERS: Final = ("Position", "As-Of", "Next", "Lag")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
"""A host name or IP address and an optional port, but no other part of a URL (RFC 9112, section 3.2)."""
_ALWAYS_SERVED: Final = frozenset({"/v1/health", "/v1/version"})


@dataclass(frozen=True)
class Hosts:
    """The address of the server, and the names it accepts in `Host`.

    `public_url` is an origin such as `https://log.example.org`. If set, `Host` must name it, this machine, or the
    address of the connection. `loopback` means that only this machine can connect; then, without `public_url`, `Host`
    must name this machine. This prevents DNS rebinding: a foreign page whose name resolves to this machine.
    """

    public_url: str = ""
    loopback: bool = False
    in_process: bool = False
    """Whether requests come from this process only, so that its own address leads nowhere."""

    def origin(self, scope: Scope) -> tuple[str, bytes]:
        """Return scheme and authority for links, never from the request's `Host`."""
        if self.public_url:
            parts = urlsplit(self.public_url)
            return parts.scheme, parts.netloc.encode()
        host, port = scope.get("server") or ("localhost", None)
        return scope["scheme"], _authority(scope["scheme"], host, port)

    def site(self, scheme: str, authority: bytes, host: bytes) -> Site:
        """Return this server as the browser of a request sees it; `host` is the `Host` that it sent."""
        reachable = bool(self.public_url) or not self.in_process
        return _build_site(scheme, authority, host, has_public_url=bool(self.public_url), address_works=reachable)

    def check(self, scope: Scope, host: bytes) -> None:
        """Check the `Host` of a request.

        Raises:
            HttpProblem: 421 if it is not a name of this server.
        """
        if not (self.public_url or self.loopback):
            return
        if not _is_own_name(self.public_url, (scope.get("server") or ("",))[0], host):
            given = host.decode("latin-1")
            detail = (
                f"this server does not serve the host {_name_of(given) or given!r}; "
                "set DECISIONLOG_PUBLIC_URL to its address"
            )
            raise HttpProblem(421, detail, field="Host")


@lru_cache(64)
def _build_site(scheme: str, authority: bytes, host: bytes, *, has_public_url: bool, address_works: bool) -> Site:
    name = host.decode("latin-1")
    return Site(
        address=f"{scheme}://{authority.decode()}" if address_works else "",
        origins=frozenset({f"{scheme}://{authority.decode()}", f"{scheme}://{name}"}),
        is_secure=scheme == "https",
        has_cookies=scheme == "https" or has_public_url or _is_loopback(_name_of(name)),
    )


@lru_cache(64)
def _is_own_name(public_url: str, address: str, host: bytes) -> bool:
    """Return whether a `Host` names a server with a public URL at an address."""
    name = _name_of(host.decode("latin-1"))
    known = {urlsplit(public_url).hostname, address.strip("[]").lower()}
    # A name without a dot, as in a container network, cannot be registered by an attacker.
    return bool(name) and ("." not in name.strip(".") or name in known or _is_loopback(name))


@lru_cache(64)
def _name_of(host: str) -> str:
    """Return the name in a `Host` without its port, or an empty string if it is invalid."""
    if not _HOST.fullmatch(host):
        return ""
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


@lru_cache(64)
def _authority(scheme: str, host: str, port: int | None) -> bytes:
    """Return the address of the connection, which the client cannot forge."""
    shown = f"[{host}]" if ":" in host else host
    return (shown if port in (None, {"http": 80, "https": 443}.get(scheme)) else f"{shown}:{port}").encode()


class Middleware:
    """An ASGI application around another one with known routes.

    `cors_origins` are the origins whose pages may call the API from a browser; `*` means all.
    """

    def __init__(
        self, app: ASGIApp, routes: Sequence[BaseRoute], hosts: Hosts, cors_origins: Sequence[str] = ()
    ) -> None:
        self._app = _allow_origins(app, cors_origins) if cors_origins else app
        self._has_cors = bool(cors_origins)
        self._routes = routes
        self._literal_paths = _methods_of_literal_paths(routes)
        self._hosts = hosts
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it before the application sees it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        response = _ResponseSender(send, scope, self)
        self._running += 1
        try:
            await self._serve(scope, receive, response)
        finally:
            self._running -= 1

    async def _serve(self, scope: Scope, receive: Receive, response: _ResponseSender) -> None:
        try:
            self._check(scope)
        except HttpProblem as refused:
            document = problem(refused.status, refused.name, refused.detail, field=refused.field)
            await respond_to(Request(scope), document, refused.headers)(scope, receive, response.send)
            return
        method, path = scope["method"], scope["path"]
        is_preflight = self._has_cors and any(name == b"access-control-request-method" for name, _ in scope["headers"])
        if method == "OPTIONS" and not is_preflight and (allowed := self.methods_of(path)):
            await _send_allowed(allowed, response.send)
            return
        asked = "GET" if method == "HEAD" else method
        if method != "OPTIONS" and asked not in self._literal_paths.get(path, {asked}):
            document = status_problem(405, f"{path} does not support {method}")
            await respond_to(Request(scope), document)(scope, receive, response.send)
            return
        await self._app(scope if asked == method else {**scope, "method": asked}, receive, response.send)

    def _check(self, scope: Scope) -> None:
        """Check the `Host`, and replace it with the address that links are made from.

        Raises:
            HttpProblem: 421 if it is not a name of this server; 503 if too many requests are being processed.
        """
        headers: RawHeaders = scope["headers"]
        scheme, authority = self._hosts.origin(scope)
        host = b""
        for n, (name, value) in enumerate(headers):
            if name == b"host":
                host = value
                self._hosts.check(scope, host)
                headers[n] = (name, authority)
                break
        else:
            headers.append((b"host", authority))
        self._hosts.site(scheme, authority, host).put(scope)
        scope["scheme"] = scheme
        if self._running > MAX_REQUESTS and scope["path"] not in _ALWAYS_SERVED:
            raise HttpProblem(
                503, "the server is processing too many requests; try again soon", headers={"Retry-After": "1"}
            )

    def methods_of(self, path: str) -> list[str]:
        """Return every method that a path supports, for `Allow`; an unknown path supports none."""
        found = set(self._literal_paths.get(path) or self._methods_of_templates(path))
        if "GET" in found:
            found.add("HEAD")
        return sorted(found | {"OPTIONS"}) if found else []

    def _methods_of_templates(self, path: str) -> Iterable[str]:
        return (method for route in self._routes for method in _methods_at(route, path))


def _methods_of_literal_paths(routes: Sequence[BaseRoute]) -> dict[str, set[str]]:
    """Return the methods of each path without parameters.

    Such a path comes before a template that matches it too (OpenAPI 3.1, section 4.8.8.2): `propose` is not a key in
    `/v1/decisions/propose`.
    """
    found: dict[str, set[str]] = {}
    for route in routes:
        if isinstance(route, Route) and route.methods and "{" not in route.path:
            found.setdefault(route.path, set()).update(route.methods)
    return found


def _methods_at(route: BaseRoute, path: str) -> Iterable[str]:
    return route.methods or () if isinstance(route, Route) and route.path_regex.match(path) else ()


def _allow_origins(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Return an application that lets pages of these origins read its responses."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Idempotency-Key", "If-Match", "If-None-Match"],
        expose_headers=["Allow", "ETag", "Location", "Retry-After", *(f"Decisionlog-{each}" for each in _OWN_HEADERS)],
    )


async def _send_allowed(allowed: Sequence[str], send: Send) -> None:
    headers = [(b"allow", ", ".join(allowed).encode())]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


class _ResponseSender:
    """Completes the headers of one response, and drops its body if the request is HEAD."""

    def __init__(self, send: Send, scope: Scope, middleware: Middleware) -> None:
        self._send = send
        self._path = scope["path"]
        self._head_only = scope["method"] == "HEAD"
        self._middleware = middleware

    async def send(self, message: Message) -> None:
        """Send a message of the response."""
        if message["type"] == "http.response.start":
            headers: RawHeaders = message["headers"]
            add_security_headers(headers)
            if message["status"] == 405:  # noqa: PLR2004
                allow = ", ".join(self._middleware.methods_of(self._path)).encode()
                headers[:] = [*(each for each in headers if each[0] != b"allow"), (b"allow", allow)]
        elif self._head_only:
            message = {**message, "body": b""}
        await self._send(message)
