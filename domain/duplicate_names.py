"""Duplicate names in JSON objects. Parsers keep one value or the other, so a sender may mean another one than is recorded
(RFC 8259, section 4); I-JSON rules them out (RFC 7493, section 2.3).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

MAX_SHOWN: Final = 200
"""Characters of a path that an error repeats."""
_WHITE_SPACE: Final = b" \t\n\r"


def find_duplicate_name(text: bytes | bytearray, value: Any) -> str | None:
    """Return the dotted path of a name that an object of a JSON text has twice; None if there is none.

    `value` is what a parser, which kept each name once, returned for the text.
    """
    # Each member has a quote and a colon. So does a text such as `"Why":`, so members are at most as many.
    most = text.translate(None, _WHITE_SPACE).count(b'":')
    if most == _count_names(value) or not _has_duplicate_name(text):
        return None
    return next(_find_duplicates(json.loads(text, object_pairs_hook=_Members, parse_int=str), ()))


def _count_names(value: Any) -> int:
    """Return the number of names in all objects of a value."""
    is_object = isinstance(value, dict)
    count = len(value) if is_object else 0
    for member in value.values() if is_object else value if isinstance(value, list) else ():
        if isinstance(member, dict) or isinstance(member, list):  # noqa: SIM101  (a union takes twice as long)
            count += _count_names(member)
    return count


def _has_duplicate_name(text: bytes | bytearray) -> bool:
    found = []

    def compare(members: list[tuple[str, Any]]) -> None:
        if len(dict(members)) < len(members):
            found.append(members)

    json.loads(text, object_pairs_hook=compare, parse_int=str)  # `int` refuses thousands of digits
    return bool(found)


class _Members(list[tuple[str, Any]]):
    """The members of an object, each time that they are given."""


def _find_duplicates(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the path of each name that an object has again."""
    if isinstance(value, _Members):
        seen = set()
        for name, member in value:
            if name in seen:
                yield ".".join((*path, name))[:MAX_SHOWN]
            seen.add(name)
            yield from _find_duplicates(member, (*path, name))
    elif isinstance(value, list):
        for n, member in enumerate(value):
            yield from _find_duplicates(member, (*path, str(n)))
