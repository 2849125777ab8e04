"""Large responses: encoded in parts, sent in chunks as fast as the client reads them, and dropped if it reads too slowly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from fastapi import Response

from projections.read_model.query_limits import Bounds

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from api.admission import Admission

CHUNK_BYTES: Final = 1 << 16
LARGE_BYTES: Final = 1 << 18
"""Larger responses are sent in chunks."""
SEND_TIMEOUT_S: Final = 60.0
"""The time a client has to read a large response before the connection is closed."""
LONG: Final = 32
"""A list or object with more members is encoded in parts."""
PART_CHARACTERS: Final = 1 << 14
"""About how long a part becomes: no other thread runs while it is encoded, some 0.2 milliseconds."""

_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class LargeResponse(Response):
    """A response of known length that is sent in chunks."""

    def __init__(self, chunks: list[bytes], media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(None, media_type=media_type, headers=headers)
        self._chunks = chunks
        self._size = sum(map(len, chunks))
        self._admission: Admission | None = None
        self.headers["Content-Length"] = str(self._size)

    def count_in(self, admission: Admission) -> None:
        """Count the bytes as unsent until the client has read them."""
        self._admission = admission
        admission.unsent += self._size

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the response, or close the connection of a client that is too slow."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                for chunk in self._chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            return  # the server closes a connection whose response is incomplete
        finally:
            self._chunks = []
            if self._admission:
                self._admission.unsent -= self._size


def build_text_response(parts: Iterator[str], media_type: str, headers: Mapping[str, str], bounds: Bounds) -> Response:
    """Return a response with these parts of a text; large ones are sent in chunks.

    Raises:
        QuestionEnded: encoding exceeded the bounds.
    """
    chunks = list(_chunks(parts, bounds))
    if sum(map(len, chunks)) <= LARGE_BYTES:
        return Response(b"".join(chunks), media_type=media_type, headers=dict(headers))
    return LargeResponse(chunks, media_type, headers)


def _chunks(parts: Iterator[str], bounds: Bounds) -> Iterator[bytes]:
    """Yield the parts as UTF-8, joined to chunks."""
    found: list[str] = []
    size = 0
    for part in parts:
        found.append(part)
        size += len(part)
        if size >= CHUNK_BYTES:
            bounds.check()
            yield "".join(found).encode()
            found, size = [], 0
    if found:
        yield "".join(found).encode()


def json_parts(value: Any) -> Iterator[str]:
    """Yield a value as JSON, like Starlette's, in parts: encoding a large value at once would block every thread."""
    if isinstance(value, dict) and any(map(_is_long, value.values())):
        before = "{"
        for name, member in value.items():
            yield f"{before}{_encode(name)}:"
            yield from json_parts(member)
            before = ","
        yield "}"
    elif isinstance(value, list) and value and (len(value) > LONG or _is_deep(value)):
        before = "["
        for part in _encode_members(value):
            yield before
            yield from part
            before = ","
        yield "]"
    else:
        yield _encode(value)


def _encode_members(value: list[Any]) -> Iterator[Iterator[str]]:
    """Yield the members of a list: one by one if they are long themselves, else several at once."""
    if _is_deep(value):
        yield from map(json_parts, value)
        return
    begin, count = 0, 1
    while begin < len(value):
        part = _encode(value[begin : begin + count])[1:-1]
        yield iter([part])
        begin += count
        count = max(1, min(LONG, PART_CHARACTERS * count // len(part)))


def _is_deep(value: list[Any]) -> bool:
    """Return whether some of the first members are long themselves."""
    return any(isinstance(member, dict) and any(map(_is_long, member.values())) for member in value[:LONG])


def _is_long(value: Any) -> bool:
    return isinstance(value, dict | list) and len(value) > LONG
