"""Read columns of a row by their path, such as `author.displayName` or `labels[].name`, and unfold nested items."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from operator import methodcaller
from typing import Any, Final

_PART: Final = re.compile(r"([^.\[\]]+)|\[(\d*)\]")
_LONG_INDEX: Final = re.compile(r"\[\d{10}")
_NAME_KEYS: Final = (
    "displayName",
    "fullName",
    "full_name",
    "name",
    "login",
    "username",
    "emailAddress",
    "email",
    "uniqueName",
)
"""Where the systems keep the name of a person in an object, the best first."""
MISSING: Final = object()

Getter = Callable[[dict[str, Any]], Any]


@cache
def build_getter(path: str) -> Getter:
    """Return a function that reads a column. A key that is spelled like the whole path comes first."""
    parts = _split(path)
    if len(parts) == 1:
        return methodcaller("get", path)

    def get(row: dict[str, Any]) -> Any:
        if path in row:
            return row[path]
        found = _walk(row, parts)
        return None if found is MISSING else found

    return get


def check_path(path: str) -> str:
    """Return the path of a column.

    Raises:
        ValueError: an index in it has more digits than any list has members.
    """
    if _LONG_INDEX.search(path):
        raise ValueError("an index in a path has at most 9 digits")
    return path


def first_part(path: str) -> str:
    """Return the key of a row in which a path begins."""
    return str(_split(path)[0])


def unfold(row: dict[str, Any], path: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each item at a path such as `histories[].items[]`, with the columns of what it is in, and the item alone.

    A column of an item hides a column of the same name further out.
    """
    scopes: list[tuple[dict[str, Any], dict[str, Any]]] = [(row, row)]
    for step in filter(None, path.split("[]")):
        names = list(_split(step.strip(".")))
        inner = []
        for outer, item in scopes:
            members = _walk(item, names)
            if isinstance(members, list):
                around = {key: value for key, value in outer.items() if key != names[0]}
                inner += [({**around, **member}, member) for member in members if isinstance(member, dict)]
        scopes = inner
    yield from scopes


def name_in(value: Any) -> Any:
    """Return the name in an object that describes a person; any other value is returned unchanged."""
    if not isinstance(value, dict):
        return value
    return next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str) and value[key].strip()), None)


@cache
def _split(path: str) -> tuple[str | int | None, ...]:
    """Return the parts of a path: keys, indexes, and None for every member of a list."""
    matches = _PART.finditer(path)
    parts = (match[1] if match[1] is not None else int(match[2]) if match[2] else None for match in matches)
    return tuple(parts) or (path,)


def _walk(value: Any, parts: Any) -> Any:
    for n, part in enumerate(parts):
        if isinstance(value, list) and not isinstance(part, int):
            rest = parts[n + 1 :] if part is None else parts[n:]
            found = [_walk(member, rest) for member in value]
            return [one for one in found if one is not MISSING and one is not None]
        if isinstance(part, int):
            if not isinstance(value, list) or part >= len(value):
                return MISSING
            value = value[part]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return MISSING
    return value
