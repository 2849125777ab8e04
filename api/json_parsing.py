"""JSON request bodies: limited before they are parsed, and parsed in a thread if they are large.

Validating a body creates Python objects and an error for each invalid member. Both grow with the number of members, not
with the number of bytes: 4 MiB can contain 2 million members, which took gigabytes and seconds. So members are counted
in the bytes first, and no object or list may be longer than any command can use.
"""

from __future__ import annotations

import asyncio
import time
from codecs import BOM_UTF8
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from pydantic_core import ValidationError, from_json

from api.problems import HttpProblem
from domain.duplicate_names import find_duplicate_name

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
PAUSE_AFTER_S: Final = 0.005
PAUSE_SHARE: Final = 2
"""After a body that took longer than `PAUSE_AFTER_S`, the next large one waits this many times as long. Parsing one can
hold the interpreter lock for ten milliseconds, even if it is only whitespace, and other requests need more than the gaps
between them.
"""

T = TypeVar("T")


async def validate(body: bytes | bytearray, build: Callable[[Any], T]) -> T:
    """Parse a body whose members were counted, and return what `build` makes of the value.

    Raises:
        HttpProblem: 400 if the body is not JSON, 413 if one of its lists or objects is too long, 422 if an object has a
            name twice.
        ValidationError: what `build` raises.
    """
    if len(body) <= INLINE_BYTES:
        return build(parse(body))
    content = [body]
    del body
    loop = asyncio.get_running_loop()
    spent: list[float] = []
    built = loop.run_in_executor(_POOL, _build_and_clear, content, build, spent)
    loop.run_in_executor(_POOL, _pause, spent)
    return await built


def _build_and_clear(content: list[bytes | bytearray], build: Callable[[Any], T], spent: list[float]) -> T:
    """Do as `validate` does, and leave no reference to the body: the traceback of an error would keep it in memory.

    The CPU time that this takes, in seconds, is added to `spent`.
    """
    begun = time.thread_time()
    try:
        return build(parse(content[0]))
    except (HttpProblem, ValidationError) as error:
        error.__context__ = None
        raise error.with_traceback(None) from None
    finally:
        content.clear()
        spent.append(time.thread_time() - begun)


def _pause(spent: list[float]) -> None:
    """Pause before the next large body, if the last one took long."""
    if sum(spent) > PAUSE_AFTER_S:
        time.sleep(PAUSE_SHARE * sum(spent))


def parse(body: bytes | bytearray) -> Any:
    """Return the value of a JSON document, which may start with a byte order mark. Raises as `validate` does.

    Its members were counted while it was received, or are few because it has at most `INLINE_BYTES`.
    """
    body = body.removeprefix(BOM_UTF8)
    try:
        value = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise HttpProblem(400, f"the body is not JSON: {error}") from None
    if len(body) > UNCHECKED_BYTES:
        _check_lengths(value)
    if (name := find_duplicate_name(body, value)) is not None:
        raise HttpProblem(422, f"`{name}` is given twice; send it once", field=name)
    return value


class ReceivedBody:
    """What was received of a body, which is refused as soon as it has too many members, so that most is never read."""

    def __init__(self) -> None:
        self.content = bytearray()
        """One buffer that grows: thousands of parts and their copy would leave holes in the memory of the process."""
        self._counter = _MemberCounter()
        self._counted = 0
        """Bytes whose members were counted exactly."""
        self._most = 0
        """The most members that the content can have. Separators in strings count until they matter."""

    async def add(self, part: bytes) -> None:
        """Add the next part.

        Raises:
            HttpProblem: 413 if the body has too many members.
        """
        self.content += part
        self._most += _count_separators(part)
        if self._most <= MAX_MEMBERS:
            return
        self._most = await asyncio.get_running_loop().run_in_executor(_POOL, self._count_exactly)
        if self._most > MAX_MEMBERS:
            detail = f"a body can have at most {MAX_MEMBERS} members in all; split it into several requests"
            raise HttpProblem(413, detail, headers={"Connection": "close"})

    def _count_exactly(self) -> int:
        """Return the number of members, or one that is over the limit.

        A method of `bytes` holds the interpreter lock until it finishes, so all other requests would wait. That is why
        there are slices, and a pause after each.
        """
        while self._counted < len(self.content) and self._counter.members <= MAX_MEMBERS:
            end = self._counted + SLICE_BYTES
            self._counter.add(bytes(self.content[self._counted : end]))
            self._counted = min(end, len(self.content))
            time.sleep(REST_S)
        return self._counter.members


def _count_separators(part: bytes) -> int:
    return len(part) - len(part.translate(None, b",[{"))


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
