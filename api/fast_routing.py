"""Dispatch of commands and queries: from the server to the route's handler, without the framework in between.

The framework matches one route after another, opens two exit stacks and passes a response through five layers, which
takes longer than deciding what to record, or than a short query. A request that fails is passed to the framework after
all, so that its handlers answer every error. So is the path of any other route.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.command_routes import ERROR, CommandRoute
from api.query_route import QueryRoute

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_PARAMETER_AT: Final = 3
"""`/v1/features/{key}/ship`: the part of a path, between slashes, that can be a parameter."""


class FastRouter:
    """An ASGI application that handles the requests of some routes, and passes all others to another one."""

    def __init__(self, app: ASGIApp, framework: FastAPI, routes: Iterable[object]) -> None:
        self._app = app
        self._framework = framework
        self._fixed: dict[tuple[str, str], tuple[APIRoute, Handler] | None] = {}
        self._with_parameter: dict[tuple[str, ...], tuple[APIRoute, Handler, str]] = {}
        for route in routes:
            if isinstance(route, Route) and route.methods:
                self._add(route)

    def _add(self, route: Route) -> None:
        methods = (route.methods or set()) - {"HEAD"}
        own = route if isinstance(route, CommandRoute | QueryRoute) and len(methods) == 1 else None
        if not route.param_convertors:
            # A fixed path comes before one with a parameter, also where the framework handles it.
            for method in methods:
                self._fixed.setdefault((method, route.path), (own, own.get_route_handler()) if own else None)
            return
        name, *more = route.param_convertors
        parts = route.path.split("/")
        if own and not more and parts[_PARAMETER_AT:][:1] == [f"{{{name}}}"]:
            del parts[_PARAMETER_AT]
            self._with_parameter.setdefault((*methods, *parts), (own, own.get_route_handler(), name))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        handler = self._find(scope) if scope["type"] == "http" else None
        if handler is None:
            await self._app(scope, receive, send)
            return
        scope["app"] = self._framework
        try:
            response = await handler(Request(scope, receive, send))
        except Exception as error:  # noqa: BLE001  (raised again where the framework handles it)
            scope[ERROR] = error
            await self._app(scope, receive, send)
            return
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> Handler | None:
        """Return the handler of a request, and tell it the route and the parameter."""
        if scope["root_path"]:
            return None
        method, path = scope["method"], scope["path"]
        if (method, path) in self._fixed:
            fixed = self._fixed[method, path]
            if fixed is None:
                return None
            scope["route"], handler = fixed
            scope["path_params"] = {}
            return handler
        parts = path.split("/")
        value = parts.pop(_PARAMETER_AT) if len(parts) > _PARAMETER_AT else ""
        found = self._with_parameter.get((method, *parts)) if value else None
        if found is None:
            return None
        scope["route"], handler, name = found
        scope["path_params"] = {name: value}
        return handler
