"""JSON from strangers: bounded before it is parsed, and parsed and validated off the event loop where it is large.

Validating a body builds Python objects and, for what is wrong, an error per member. Both grow with the number of
members, not with the number of bytes: 4 MiB hold 2 million members, which took gigabytes and seconds. So members are
counted on the bytes first, and no object or list is longer than any that a command can use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from pydantic_core import from_json

from api.problems import HttpProblem

MAX_MEMBERS: Final = 150_000
"""Members of all lists and objects of a body: 10,000 commands of 14 members and their own braces. An ordinary member is
longer than the 28 bytes that 4 MiB leave for each.
"""
MAX_LIST_ITEMS: Final = 10_000
"""The longest list of any command: the positions whose texts are erased."""
MAX_OBJECT_KEYS: Final = 1_000
"""The largest object of any request: the versions that a transaction expects."""
UNCHECKED_BYTES: Final = 4 * 1024
"""So small a body cannot exceed a bound by enough to matter, and is not counted."""
INLINE_BYTES: Final = 64 * 1024
"""Up to this size a body is parsed and validated on the event loop: at worst that takes 15 ms, and a thread costs more
than an ordinary body takes.
"""
_POOL: Final = ThreadPoolExecutor(2, thread_name_prefix="large-bodies")
"""Two large bodies at a time, so that neither memory nor the interpreter's lock is taken by many at once."""

T = TypeVar("T")


async def validate(body: bytes, build: Callable[[Any], T]) -> T:
    """Parse a body and return what `build` makes of the value.

    Raises:
        HttpProblem: 400, not JSON; 413, more members than any request needs.
        ValidationError: what `build` raises.
    """
    if len(body) <= INLINE_BYTES:
        return build(parse(body))
    return await asyncio.get_running_loop().run_in_executor(_POOL, lambda: build(parse(body)))


def parse(body: bytes) -> Any:
    """Return the value of a JSON document; raises as `validate` does."""
    if len(body) > UNCHECKED_BYTES and _exceeds(body, MAX_MEMBERS):
        raise HttpProblem(413, f"a body can have {MAX_MEMBERS} members in all; send it in several requests")
    try:
        value = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise HttpProblem(400, f"the body is not JSON: {error}") from None
    if len(body) > UNCHECKED_BYTES:
        _check_lengths(value)
    return value


def _exceeds(body: bytes, limit: int) -> bool:
    """Return whether a JSON document has more members than a limit, without parsing it."""
    if len(body) <= limit or _separators(body) <= limit:
        return False
    # Texts have commas and brackets too: count again without them. Backslashes stand only in strings.
    bare = body.replace(rb"\\", b"").replace(rb"\"", b"")
    if bare.count(b'"') > 4 * limit:  # a member has at most a name and a text, of two quotes each
        return True
    return _separators(b"".join(bare.split(b'"')[::2])) > limit


def _separators(body: bytes) -> int:
    """Return how many members a document has at most: one after each comma, and the first of each list or object."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _check_lengths(value: Any) -> None:
    """Refuse lists and objects that are longer than any command can use."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if len(each) > MAX_OBJECT_KEYS:
                raise HttpProblem(413, f"an object can have {MAX_OBJECT_KEYS} members; one has {len(each)}")
            waiting.extend(each.values())
        elif isinstance(each, list):
            if len(each) > MAX_LIST_ITEMS:
                raise HttpProblem(413, f"a list can have {MAX_LIST_ITEMS} members; one has {len(each)}")
            waiting.extend(each)
