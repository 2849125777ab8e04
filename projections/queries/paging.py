"""Answers, cursors, and pages that end after a number of rows or bytes."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, overload

from typing_extensions import TypedDict, TypeVar

from domain.values import format_micros
from projections.queries.timepoint import ResolvedTime
from projections.read_model.model import Read
from projections.read_model.schema import dumps

Row = Mapping[str, Any]
"""A row of any answer."""

DEFAULT_LIMIT: Final = 1_000
"""The default number of rows on a page."""
BATCH_ROWS: Final = 1_000
"""Rows of a large page that are built at once."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class OnlyRows(TypedDict):
    """What an answer says beyond its rows: nothing."""


RowT = TypeVar("RowT", bound=Mapping[str, object])
AboutT = TypeVar("AboutT", bound=Mapping[str, object])
RowT_co = TypeVar("RowT_co", bound=Mapping[str, object], covariant=True)
AboutT_co = TypeVar("AboutT_co", bound=Mapping[str, object], default=OnlyRows, covariant=True)


@dataclass(frozen=True, slots=True)
class Answer(Generic[RowT_co, AboutT_co]):
    """Rows ready for JSON and CSV, the position they cover, and the cursor of the next page.

    The types are those of `projections.answer_types`: of a row, and of what concerns the answer as a whole.
    """

    time: ResolvedTime
    rows: list[RowT_co]
    next: str | None
    about: AboutT_co

    @property
    def position(self) -> int:
        """The position of the log that the answer covers."""
        return self.time.position

    @property
    def as_of(self) -> str:
        """The valid time."""
        return format_micros(self.time.as_of)

    @property
    def known_at(self) -> str | None:
        """The transaction time; None if everything recorded is included."""
        known_at = self.time.requested.known_at
        return None if known_at is None else format_micros(known_at)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as one JSON object; the members of `about` are next to `rows`."""
        whole = {name: getattr(self, name) for name in ("position", "as_of", "known_at", "rows", "next")}
        return {**{name: value for name, value in whole.items() if value is not None}, **self.about}


@overload
def build_answer(time: ResolvedTime, rows: list[RowT], *, next_cursor: str | None = None) -> Answer[RowT]: ...


@overload
def build_answer(
    time: ResolvedTime, rows: list[RowT], *, next_cursor: str | None = None, about: AboutT
) -> Answer[RowT, AboutT]: ...


def build_answer(
    time: ResolvedTime, rows: list[Any], *, next_cursor: str | None = None, about: Any = None
) -> Answer[Any, Any]:
    """Return rows as an answer."""
    return Answer(time, rows, next_cursor, about or {})


class BadCursor(ValueError):
    """The cursor did not come from an earlier answer to the same query."""

    def __init__(self) -> None:
        super().__init__("the cursor must be the `next` of an earlier answer to the same query")


def encode_cursor(*key: Any) -> str:
    """Return the sort key of the last row of a page as an opaque, URL-safe string."""
    return dumps(key).encode().hex()


def decode_cursor(cursor: str, *types: type) -> tuple[Any, ...]:
    """Return the sort key in a cursor.

    Raises:
        BadCursor: it does not hold a key with parts of these types.
    """
    try:
        parts = json.loads(bytes.fromhex(cursor))
    except (ValueError, RecursionError):
        raise BadCursor from None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(types):
        raise BadCursor
    if any(isinstance(part, int) and abs(part) >= 1 << 63 for part in parts):
        raise BadCursor
    return tuple(parts)


def take_page(read: Read, rows: Iterable[Item], limit: int) -> tuple[list[Item], bool]:
    """Return up to `limit` rows, fewer if the page reaches its size first, and whether there are more."""
    found: list[Item] = []
    for row in rows:
        if len(found) >= limit or (found and read.bounds.is_page_full()):
            return found, True
        found.append(row)
    return found, False


def build_until_full(
    read: Read, items: Sequence[Item], build: Callable[[Sequence[Item]], list[Result]], size: int = BATCH_ROWS
) -> list[Result]:
    """Return what `build` makes of the items, called with `size` items at a time until the page reaches its size."""
    found: list[Result] = []
    for begin in range(0, len(items), size):
        if begin and read.bounds.is_page_full():
            break
        found += build(items[begin : begin + size])
    return found


def page_after(
    rows: Iterable[Item],
    key: Callable[[Item], tuple[Any, ...]],
    types: Sequence[type],
    limit: int | None,
    cursor: str | None,
) -> tuple[list[Item], str | None]:
    """Return up to `limit` of the sorted rows after a cursor, and the cursor of the next page.

    Raises:
        BadCursor: it does not hold a key with parts of these types.
    """
    shown = list(rows)
    if cursor is not None:
        after = decode_cursor(cursor, *types)
        shown = [row for row in shown if key(row) > after]
    if limit is None or len(shown) <= limit:
        return shown, None
    return shown[:limit], encode_cursor(*key(shown[limit - 1]))


def smallest_after(
    rows: Iterable[Item],
    key: Callable[[Item], tuple[Any, ...]],
    types: Sequence[type],
    limit: int,
    cursor: str | None,
) -> tuple[list[Item], str | None]:
    """Return what `page_after` returns, from rows in any order.

    It sorts only those that it returns: no other thread runs while Python sorts, 0.1 seconds for 100,000 rows.

    Raises:
        BadCursor: it does not hold a key with parts of these types.
    """
    if cursor is not None:
        after = decode_cursor(cursor, *types)
        rows = (row for row in rows if key(row) > after)
    shown = heapq.nsmallest(limit + 1, rows, key=key)
    return page_after(shown, key, types, limit, None)
