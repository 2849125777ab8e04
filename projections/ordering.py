"""What is later than what, and what kind of change a step is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from domain.fields import Value
from domain.values import kind_of
from projections.query import ResolvedTime, loads
from projections.read_model import Read

Direction = Literal[
    "first", "cleared", "later", "earlier", "changed", "gained", "lost", "replaced", "reordered", "include_unchanged"
]
DIRECTIONS: Final[tuple[Direction, ...]] = Direction.__args__  # type: ignore[attr-defined]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_VERSION = re.compile(r"\D*(?P<numbers>[0-9]{1,9}(?:\.[0-9]{1,9})*)")
_LAST_VERSION = re.compile(r"(?P<numbers>[0-9]{1,9}(?:\.[0-9]{1,9})*)\D*$")

Held = tuple[Value, str | None]
"""What a cell holds: the meaning and the source's own word."""


@dataclass(frozen=True)
class Order:
    """The order of releases at a moment: a product's own where it has said one, else by version number."""

    read: Read
    then: ResolvedTime

    @cached_property
    def _said(self) -> tuple[Mapping[str, int], ...]:
        """For each product that orders its releases, their places."""
        rows = self._values("releases")
        lists = (loads(value) for value in rows.values())
        return tuple({str(item): n for n, item in enumerate(found)} for found in lists if isinstance(found, list))

    @cached_property
    def _versions(self) -> Mapping[str, tuple[int, ...] | None]:
        """For each release the numbers of its version."""
        versions = {subject: str(loads(value)) for subject, value in self._values("version").items()}
        return {subject: _numbers(_VERSION.match(version)) for subject, version in versions.items()}

    def _values(self, name: str) -> dict[str, str]:
        sql = f"select c.subject, c.value from cell c where c.field = :name and c.value is not null and {self.then.holds('c')}"
        return dict(self.read.rows(sql, {"name": name, **self.then.parameters}))

    def compare(self, one: Value, other: Value) -> int | None:
        """Below 0 if `one` is the earlier, above 0 if it is the later, 0 if neither; None if they have no order."""
        if not isinstance(one, str) or not isinstance(other, str):
            return None
        if _DAY.fullmatch(one) and _DAY.fullmatch(other):
            return (one > other) - (one < other)
        if kind_of(one) != "release" or kind_of(other) != "release":
            return None
        for places in self._said:
            if one in places and other in places:
                return places[one] - places[other]
        a, b = self._number(one), self._number(other)
        return None if a is None or b is None else (a > b) - (a < b)

    def _number(self, release: str) -> tuple[int, ...] | None:
        if release in self._versions:
            return self._versions[release]
        return _numbers(_LAST_VERSION.search(release.partition(":")[2]))

    def key(self, value: Value) -> tuple[int, int, tuple[int, ...], str]:
        """A sorting key for releases, days and words beside one another: first those with an order."""
        if isinstance(value, str) and kind_of(value) == "release":
            for places in self._said:
                if value in places:
                    return 0, places[value], (), value
            return 1, 0, self._number(value) or (1 << 62,), value
        return 2, 0, (), str(value)


def _numbers(found: re.Match[str] | None) -> tuple[int, ...] | None:
    """The numbers of a version; 1.0 is 1."""
    if found is None:
        return None
    numbers = [int(number) for number in found["numbers"].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def direction(before: Held, after: Held, order: Order) -> Direction:
    """What kind of change this is. Two ids of one person are one."""
    if _empty(before) or _empty(after):
        return "include_unchanged" if _empty(before) and _empty(after) else "first" if _empty(before) else "cleared"
    old, new = as_one(before[0], order.read.same), as_one(after[0], order.read.same)
    if old == new:
        return "include_unchanged" if before[1] == after[1] else "changed"
    if isinstance(old, list) and isinstance(new, list):
        return _of_lists([str(item) for item in old], [str(item) for item in new])
    found = order.compare(old, new)
    return "changed" if not found else "later" if found < 0 else "earlier"


def _of_lists(old: Sequence[str], new: Sequence[str]) -> Direction:
    had, has = set(old), set(new)
    if had == has:
        return "reordered"
    if had and has and not had & has:
        return "replaced"
    return "gained" if had < has else "lost" if had > has else "changed"


def _empty(held: Held) -> bool:
    return held[0] in (None, []) and held[1] is None


def as_one(value: Value, same: Mapping[str, str]) -> Value:
    """The value with each person under the one id they are read as, and nobody twice."""
    if isinstance(value, str):
        return same.get(value, value)
    if isinstance(value, list):
        one = [as_one(item, same) for item in value]
        return [item for n, item in enumerate(one) if item not in one[:n]]
    return value


def list_difference(before: Value, after: Value, same: Mapping[str, str]) -> dict[str, list[Value]]:
    """Who or what came to a list and who went, in the order of the lists; empty for what is no list."""
    if not isinstance(before, list | None) or not isinstance(after, list | None) or before is after is None:
        return {}
    old, new = as_one(before or [], same), as_one(after or [], same)
    assert isinstance(old, list)
    assert isinstance(new, list)
    return {"gained": [item for item in new if item not in old], "lost": [item for item in old if item not in new]}
