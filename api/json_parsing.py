"""JSON request bodies: limited before they are parsed, and parsed in a thread if they are large.

Validating a body creates Python objects and an error for each invalid member. Both grow with the number of members, not
with the number of bytes: 4 MiB can contain 2 million members, which took gigabytes and seconds. So members are counted
in the bytes first, and no object or list may be longer than any command can use.
"""

from __future__ import annotations

import asyncio
import time
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from pydantic_core import from_json

from api.problems import HttpProblem

MAX_MEMBERS: Final = 150_000
"""Members of all lists and objects of a body: 10,000 commands of 14 members each, and their braces. 4 MiB leave 28 bytes
for each, less than an ordinary member takes.
"""
MAX_LIST_ITEMS: Final = 10_000
"""The longest list of any command: the positions whose texts are erased."""
MAX_OBJECT_KEYS: Final = 1_000
"""The largest object of any request: the versions that a transaction expects."""
UNCHECKED_BYTES: Final = 4 * 1024
"""A smaller body cannot exceed a limit by enough to matter, so it is not counted."""
INLINE_BYTES: Final = 64 * 1024
"""A smaller body is parsed and validated on the event loop: at worst that takes 15 ms, and for an ordinary body a thread
would cost more.
"""
SLICE_BYTES: Final = 32 * 1024
"""Bytes that are counted without a pause, which takes about 0.2 ms."""
REST_S: Final = 0.0002
"""Pause between two slices. A body short enough for the event loop is one or two."""
_POOL: Final = ThreadPoolExecutor(1, thread_name_prefix="large-bodies")
"""Parses one large body at a time, so that many of them cannot exhaust memory or hold the interpreter lock."""

T = TypeVar("T")


async def validate(body: bytes, build: Callable[[Any], T]) -> T:
    """Parse a body and return what `build` makes of the value.

    Raises:
        HttpProblem: 400 if the body is not JSON, 413 if it has too many members.
        ValidationError: what `build` raises.
    """
    if len(body) <= INLINE_BYTES:
        return build(parse(body))
    return await asyncio.get_running_loop().run_in_executor(_POOL, lambda: build(parse(body)))


def parse(body: bytes) -> Any:
    """Return the value of a JSON document, which may start with a byte order mark. Raises as `validate` does."""
    body = body.removeprefix(BOM_UTF8)
    if len(body) > UNCHECKED_BYTES and _exceeds(body, MAX_MEMBERS):
        raise HttpProblem(413, f"a body can have at most {MAX_MEMBERS} members in all; split it into several requests")
    try:
        value = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise HttpProblem(400, f"the body is not JSON: {error}") from None
    if len(body) > UNCHECKED_BYTES:
        _check_lengths(value)
    return value


def _exceeds(body: bytes, limit: int) -> bool:
    """Return whether a JSON document has more members than a limit, without parsing it.

    Members are counted in slices, with a short pause after each: a method of `bytes` holds the interpreter lock until it
    finishes, and all other requests would wait. Counting stops at the limit.
    """
    if len(body) <= limit or sum(map(_count_separators, _slices(body, 8 * SLICE_BYTES))) <= limit:
        return False
    counter = _MemberCounter()
    for part in _slices(body, SLICE_BYTES):
        counter.add(part)
        if counter.members > limit:
            return True
    return False


def _slices(body: bytes, size: int) -> Iterator[bytes]:
    for begin in range(0, len(body), size):
        if begin:
            time.sleep(REST_S)
        yield body[begin : begin + size]


def _count_separators(part: bytes) -> int:
    return part.count(b",") + part.count(b"[") + part.count(b"{")


class _MemberCounter:
    """Counts the most members that a JSON document can have: one after each comma, and one in each list or object.

    Commas and brackets in strings are not counted.
    """

    def __init__(self) -> None:
        self.members = 0
        self._in_string = False
        self._rest = b""
        """A backslash at the end of the last slice."""

    def add(self, part: bytes) -> None:
        """Count the next part of the document."""
        part = self._rest + part
        # Backslashes occur only in strings. An odd one at the end escapes what comes next.
        self._rest = b"\\" * ((len(part) - len(part.rstrip(b"\\"))) % 2)
        bare = part[: len(part) - len(self._rest)].replace(rb"\\", b"").replace(rb"\"", b"")
        quotes = bare.count(b'"')
        outside = b"".join(bare.split(b'"')[int(self._in_string) :: 2]) if quotes or self._in_string else bare
        self._in_string ^= quotes % 2 == 1
        self.members += _count_separators(outside)


def _check_lengths(value: Any) -> None:
    """Refuse lists and objects that are longer than any command can use.

    Raises:
        HttpProblem: 413.
    """
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            if len(each) > MAX_OBJECT_KEYS:
                raise HttpProblem(413, f"an object can have at most {MAX_OBJECT_KEYS} members; one has {len(each)}")
            stack.extend(each.values())
        elif isinstance(each, list):
            if len(each) > MAX_LIST_ITEMS:
                raise HttpProblem(413, f"a list can have at most {MAX_LIST_ITEMS} members; one has {len(each)}")
            stack.extend(each)
