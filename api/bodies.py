"""Reading request bodies: after sign-in, up to a maximum length, and within one memory budget for all requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Final, Self, TypeVar

from fastapi import Request
from pydantic import BaseModel
from starlette.types import Message

from api.authentication import CurrentCaller
from api.headers import find_header
from api.json_parsing import INLINE_BYTES, parse, validate
from api.problems import HttpProblem

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes: enough for a transaction of a thousand commands."""
MAX_BUFFERED: Final = 32 * 1024 * 1024
"""Bytes of large bodies in memory at a time, over all requests."""

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")


async def read_json(request: Request, build: Callable[[Any], T]) -> T:
    """Return what `build` makes of the JSON in the body; an empty body is an empty object.

    Raises:
        HttpProblem: 400 if it is not JSON or ends early; 413 if it is too long or has too many members; 503 if the
            server holds too many large bodies.
        ValidationError: what `build` raises.
    """
    length = find_header(request, b"content-length") or "0"
    if length.isdecimal() and int(length) > MAX_BODY:
        raise _too_long()
    message = await request.receive()
    if message["type"] == "http.request" and not message.get("more_body") and len(message["body"]) <= INLINE_BYTES:
        return build(parse(message["body"] or b"{}"))
    with _Budget() as budget:
        return await validate(await _read(request, message, budget), build)


class _Budget:
    """What one request takes of the memory budget for large bodies, until the context ends."""

    total: ClassVar[int] = 0

    def __init__(self) -> None:
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _Budget.total -= self._size

    def add(self, size: int) -> None:
        """Take more of the budget. Raises HttpProblem, 503, if it is used up."""
        if _Budget.total + size > MAX_BUFFERED:
            detail = "the server is processing too many large bodies; try again in a moment"
            raise HttpProblem(503, detail, headers={"Connection": "close", "Retry-After": "1"})
        _Budget.total += size
        self._size += size


async def _read(request: Request, message: Message, budget: _Budget) -> bytes:
    """Return the body of a request whose first message was received."""
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise _too_long()
        budget.add(len(part))
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await request.receive()
    raise HttpProblem(400, "the body ended before its last chunk")


def _too_long() -> HttpProblem:
    detail = f"a body can have {MAX_BODY} bytes; split large imports into several transactions"
    return HttpProblem(413, detail, headers={"Connection": "close"})


def parse_body(model: type[Model]) -> Callable[..., Awaitable[Model]]:
    """Return a dependency that reads the body as a model, after sign-in."""

    async def read(request: Request, _: CurrentCaller) -> Model:
        return await read_json(request, model.model_validate)

    return read


def json_body(*names: str) -> dict[str, Any]:
    """Return the OpenAPI description of a body that has one of these component schemas."""
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
