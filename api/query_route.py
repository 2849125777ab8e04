"""A route whose dependencies are resolved by a plan that is made once, and not searched again in each request.

The framework resolves a dependency wherever it is named, looks for each parameter that was not given, and calls
`inspect` for their defaults. For a short query that takes longer than the query. The plan calls the same functions with
the same arguments in the same order, and validates what was given with the framework's own functions, so that errors
and the OpenAPI document are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from inspect import iscoroutinefunction
from typing import Any, Final

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import PydanticUndefined

from api.command_routes import ERROR

_FAILED: Final = object()
"""The result of a dependency whose parameters are invalid, or that needs one."""


class QueryRoute(APIRoute):
    """A route that reads: its endpoint returns the response."""

    @cached_property
    def plan(self) -> Plan:
        """The plan of its requests, which all applications of this process share."""
        return Plan(self.dependant)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function that handles a request."""
        plan = self.plan

        async def handle(request: Request) -> Response:
            if ERROR in request.scope:
                raise request.scope[ERROR]
            response: Response = await plan.run(request)
            return response

        return handle


@dataclass(slots=True)
class _Parameter:
    """A query parameter. If it is not given, it gets its default without validation, as the framework does."""

    field: Any
    name: str
    alias: str
    default: Any
    factory: Callable[[], Any] | None


@dataclass(slots=True)
class _Step:
    """A call of a dependency, or at last of the endpoint."""

    call: Callable[..., Any]
    request_name: str | None
    path: list[Any]
    query: list[_Parameter]
    headers: list[Any]
    needs: list[tuple[str | None, int]] = field(default_factory=list)
    """The name of an argument, None if it is not passed on, and the step whose result it is."""


class Plan:
    """The calls that a request takes, in order: each dependency before what needs it, and only once."""

    def __init__(self, dependant: Dependant) -> None:
        self._steps: list[_Step] = []
        self._shared: dict[Any, int] = {}
        self._add(dependant)

    def _add(self, dependant: Dependant) -> int:
        """Add the steps of a dependency, if they were not added before, and return the index of the last one."""
        if dependant.use_cache and dependant.call in self._shared:
            return self._shared[dependant.call]
        step = _build_step(dependant)
        for needed in dependant.dependencies:
            step.needs.append((needed.name, self._add(needed)))
        self._steps.append(step)
        self._shared.setdefault(dependant.call, len(self._steps) - 1)
        return len(self._steps) - 1

    async def run(self, request: Request) -> Any:
        """Return the result of the last call.

        Raises:
            RequestValidationError: parameters are invalid; it lists all of them.
        """
        results: list[Any] = []
        errors: list[Any] = []
        for step in self._steps:
            arguments = {name: results[n] for name, n in step.needs if name is not None}
            found = _read_parameters(step, request, arguments)
            if found or any(results[n] is _FAILED for _, n in step.needs):
                errors += found
                results.append(_FAILED)
            elif errors and step is self._steps[-1]:
                break
            else:
                results.append(await step.call(**arguments))
        if errors:
            raise RequestValidationError(errors)
        return results[-1]


def _build_step(dependant: Dependant) -> _Step:
    """Return the call of a dependency.

    Raises:
        TypeError: it uses what the routes that read do not use.
    """
    call = dependant.call
    is_async = iscoroutinefunction(call) or iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004
    if call is None or not is_async or dependant.body_params or dependant.cookie_params:
        raise TypeError(f"{call} must be an asynchronous function without a body or cookies")
    return _Step(
        call,
        dependant.request_param_name or dependant.http_connection_param_name,
        dependant.path_params,
        list(map(_build_parameter, dependant.query_params)),
        dependant.header_params,
    )


def _build_parameter(field: Any) -> _Parameter:
    info = field.field_info
    is_shared = not isinstance(info.default, list | dict | set)
    factory = info.default_factory if is_shared else lambda: deepcopy(info.default)
    return _Parameter(field, field.name, field.alias, info.default, factory)


def _read_parameters(step: _Step, request: Request, arguments: dict[str, Any]) -> list[Any]:
    """Add the parameters of a step to its arguments, and return what is wrong with those that were given."""
    errors = list(_read_query(step.query, request.query_params, arguments)) if step.query else []
    for fields, given in ((step.path, request.path_params), (step.headers, request.headers)):
        if fields:
            values, found = request_params_to_args(fields, given)
            arguments.update(values)
            errors = found + errors if fields is step.path else errors + found
    if step.request_name:
        arguments[step.request_name] = request
    return errors


def _read_query(parameters: list[_Parameter], given: Mapping[str, str], arguments: dict[str, Any]) -> Iterator[Any]:
    for each in parameters:
        if each.alias in given or (each.default is PydanticUndefined and each.factory is None):
            values, errors = request_params_to_args([each.field], given)
            arguments.update(values)
            yield from errors
        else:
            arguments[each.name] = each.factory() if each.factory else each.default
