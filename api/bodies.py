"""Reading request bodies: after sign-in, up to a maximum length, and within one memory budget for all requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, ClassVar, Final, Self, TypeVar

from fastapi import Request
from pydantic import BaseModel
from starlette.types import Message

from api.authentication import CurrentCaller
from api.headers import find_header
from api.json_parsing import INLINE_BYTES, ReceivedBody, parse, validate
from api.problems import HttpProblem
from eventlog.entry import Caller

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes: enough for a transaction of a thousand commands."""
MAX_LENGTH_DIGITS: Final = 18
"""Digits of a declared length, of which `int` refuses thousands."""
MAX_SHORT_BODY: Final = INLINE_BYTES
"""Bytes of a body that is not a command, such as one for a token or an account."""
MAX_BUFFERED: Final = 32 * 1024 * 1024
"""Bytes of large bodies in memory at a time, over all requests."""
MAX_BUFFERED_EACH: Final = 2 * MAX_BODY
"""Of these, bytes for one actor, so that others can send theirs meanwhile."""

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")


async def read_json(request: Request, caller: Caller, build: Callable[[Any], T], longest: int = MAX_BODY) -> T:
    """Return what `build` makes of the JSON in the body; an empty body is an empty object.

    Raises:
        HttpProblem: 400 if it is not JSON or ends early, 415 if it is compressed; 413 if it is too long or has too many
            members; 422 if an object has a name twice; 503 if the server holds too many large bodies.
        ValidationError: what `build` raises.
    """
    length = _declared_length(request)
    if length > longest:
        raise _too_long(longest)
    with _Budget(caller.actor, length if length > INLINE_BYTES else 0) as budget:
        message = await request.receive()
        try:
            if (
                message["type"] == "http.request"
                and not message.get("more_body")
                and len(message["body"]) <= INLINE_BYTES
            ):
                return build(parse(message["body"] or b"{}"))
            return await validate(await _read(request, message, budget, longest), build)
        except HttpProblem as problem:
            if problem.status == HTTPStatus.BAD_REQUEST and find_header(request, b"content-encoding"):
                raise HttpProblem(415, "send the body without compression", field="Content-Encoding") from None
            raise


def _declared_length(request: Request) -> int:
    """The length that the headers declare, or 0; one with more digits than are read is too large anyway."""
    length = (find_header(request, b"content-length") or "0").lstrip("0")[:MAX_LENGTH_DIGITS]
    return int(length) if length.isdecimal() else 0


class _Budget:
    """What one request takes of the memory budget for large bodies, until the context ends."""

    totals: ClassVar[Counter[str]] = Counter()

    def __init__(self, actor: str, declared: int) -> None:
        self._actor = actor
        self._declared = declared
        self._received = 0
        self._taken = 0

    def __enter__(self) -> Self:
        self._take(self._declared)  # before anything of it is received, so that a refusal costs next to nothing
        return self

    def __exit__(self, *_: object) -> None:
        if not self._taken:
            return
        self.totals[self._actor] -= self._taken
        if not self.totals[self._actor]:
            del self.totals[self._actor]

    def add(self, size: int) -> None:
        """Account for a part that was received, once the body is large.

        Raises:
            HttpProblem: 503 if the budget is used up.
        """
        self._received += size
        if self._received > INLINE_BYTES:
            self._take(max(0, self._received - self._taken))

    def _take(self, size: int) -> None:
        if not size:
            return
        if self.totals[self._actor] + size > MAX_BUFFERED_EACH:
            raise _busy("your requests have too many large bodies; send one after another")
        if self.totals.total() + size > MAX_BUFFERED:
            raise _busy("the server is processing too many large bodies; try again in a moment")
        self.totals[self._actor] += size
        self._taken += size


def _busy(detail: str) -> HttpProblem:
    return HttpProblem(503, detail, headers={"Connection": "close", "Retry-After": "1"})


async def _read(request: Request, message: Message, budget: _Budget, longest: int) -> bytearray:
    """Return the body of a request whose first message was received."""
    body = ReceivedBody()
    while message["type"] == "http.request":
        part = message.get("body", b"")
        if len(body.content) + len(part) > longest:
            raise _too_long(longest)
        budget.add(len(part))
        await body.add(part)
        if not message.get("more_body"):
            return body.content
        message = await request.receive()
    raise HttpProblem(400, "the body ended before its last chunk")


def _too_long(longest: int) -> HttpProblem:
    hint = "; split large imports into several transactions" if longest == MAX_BODY else " on this route"
    detail = f"a body can have at most {longest} bytes{hint}"
    return HttpProblem(413, detail, headers={"Connection": "close"})


def parse_body(model: type[Model]) -> Callable[..., Awaitable[Model]]:
    """Return a dependency that reads the body as a model, after sign-in."""

    async def read(request: Request, caller: CurrentCaller) -> Model:
        return await read_json(request, caller, model.model_validate, MAX_SHORT_BODY)

    return read


def json_body(*names: str) -> dict[str, Any]:
    """Return the OpenAPI description of a body that has one of these component schemas."""
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
