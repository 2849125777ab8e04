"""Reading what was sent: after sign-in, never more than a bounded length, and within one budget for all requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Final, Self, TypeVar

from fastapi import Request
from pydantic import BaseModel
from starlette.types import Message

from api.json_input import INLINE_BYTES, parse, validate
from api.problems import HttpProblem
from api.security import Speaker

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes; a unit of a thousand commands fits, a film does not."""
MAX_BUFFERED: Final = 32 * 1024 * 1024
"""Bytes of large bodies that are held at a time, of all requests together."""

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")


async def read_json(request: Request, build: Callable[[Any], T]) -> T:
    """Return what `build` makes of the JSON in the body, an empty object where there is none.

    Raises:
        HttpProblem: 400, not JSON, or the client left; 413, too long or too many members; 503, too many large bodies
            are held now.
        ValidationError: what `build` raises.
    """
    said = request.headers.get("content-length", "0")
    if said.isdecimal() and int(said) > MAX_BODY:
        raise _too_long()
    message = await request.receive()
    if message["type"] == "http.request" and not message.get("more_body") and len(message["body"]) <= INLINE_BYTES:
        return build(parse(message["body"] or b"{}"))
    with _Held() as held:
        return await validate(await _read(request, message, held), build)


class _Held:
    """What one request takes of the budget for large bodies, until it leaves the context."""

    total: ClassVar[int] = 0

    def __init__(self) -> None:
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _Held.total -= self._size

    def add(self, size: int) -> None:
        """Take more; raises HttpProblem, 503, where there is no more."""
        if _Held.total + size > MAX_BUFFERED:
            detail = "the server holds too many large bodies now; send this one again in a moment"
            raise HttpProblem(503, detail, headers={"Connection": "close", "Retry-After": "1"})
        _Held.total += size
        self._size += size


async def _read(request: Request, message: Message, held: _Held) -> bytes:
    """Return the body of a request of which the first message has come."""
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise _too_long()
        held.add(len(part))
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await request.receive()
    raise HttpProblem(400, "the body ended early")


def _too_long() -> HttpProblem:
    detail = f"a body can have {MAX_BODY} bytes; send large imports in several units"
    return HttpProblem(413, detail, headers={"Connection": "close"})


def body_as(model: type[Model]) -> Callable[..., Awaitable[Model]]:
    """A dependency that reads the body as a model, once it is known who speaks."""

    async def read(request: Request, _: Speaker) -> Model:
        return await read_json(request, model.model_validate)

    return read


def json_body(*names: str) -> dict[str, Any]:
    """What OpenAPI says of a body that is one of these component schemas."""
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
