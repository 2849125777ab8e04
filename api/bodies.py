"""Reading what was sent: after sign-in, never more than a bounded length, with pydantic's own parser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel

from api.problems import HttpProblem
from api.security import Speaker

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes; a unit of a thousand commands fits, a film does not."""

Model = TypeVar("Model", bound=BaseModel)


async def body_of(request: Request) -> bytes:
    """The body of a request.

    Raises:
        HttpProblem: 413, when it says or turns out to be longer than `MAX_BODY`.
    """
    said = request.headers.get("content-length", "0")
    parts, size = [], 0
    if not said.isdecimal() or int(said) <= MAX_BODY:
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY:
                break
            parts.append(part)
        else:
            return b"".join(parts)
    raise HttpProblem(
        413, f"a body can have {MAX_BODY} bytes; send large imports in several units", headers={"Connection": "close"}
    )


def body_as(model: type[Model]) -> Callable[..., Awaitable[Model]]:
    """A dependency that reads the body as a model, once it is known who speaks."""

    async def read(request: Request, _: Speaker) -> Model:
        return model.model_validate_json(await body_of(request) or b"{}")

    return read


def json_body(*names: str) -> dict[str, Any]:
    """What OpenAPI says of a body that is one of these component schemas."""
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
