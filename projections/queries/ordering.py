"""The order of releases and dates, and the direction of a change."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from domain.fields import Value
from domain.ids import key_of
from domain.values import kind_of
from projections.answer_types.parts import Direction, ListDifference
from projections.queries.release_names import ReleaseName, parse_release_name
from projections.queries.timepoint import ResolvedTime
from projections.read_model.cached_property import CachedProperty
from projections.read_model.model import Read
from projections.read_model.schema import loads

DIRECTIONS: Final[tuple[Direction, ...]] = get_args(Direction)

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

FieldContent = tuple[Value, str | None]
"""The value and the source value of a field."""


@dataclass(frozen=True)
class TargetOrder:
    """The order of releases and dates at one time.

    Releases follow their product's order, or else the periods or the versions that they are named by.
    """

    read: Read
    time: ResolvedTime

    @CachedProperty
    def _release_ranks(self) -> tuple[Mapping[str, int], ...]:
        """The ranks of releases, for each product that has ordered its releases."""
        lists = (loads(value) for value in self._find_values("releases").values())
        return tuple({str(item): n for n, item in enumerate(items)} for items in lists if isinstance(items, list))

    @CachedProperty
    def _versions(self) -> Mapping[str, ReleaseName]:
        """What each release with a version is named by."""
        return {
            subject: parse_release_name(str(loads(value))) for subject, value in self._find_values("version").items()
        }

    def _find_values(self, field: str) -> dict[str, str]:
        sql = f"""select c.subject, c.value from field_value c
            where c.field = :field and c.value is not null and {self.time.is_in_effect("c")}"""
        return dict(self.read.rows(sql, {"field": field, **self.time.parameters}))

    def compare(self, one: Value, other: Value) -> int | None:
        """Return a number below 0 if `one` is earlier, above 0 if it is later, 0 if equal; None if there is no order."""
        if not isinstance(one, str) or not isinstance(other, str):
            return None
        if _DATE.fullmatch(one) and _DATE.fullmatch(other):
            return (one > other) - (one < other)
        if kind_of(one) != "release" or kind_of(other) != "release":
            return None
        for ranks in self._release_ranks:
            if one in ranks and other in ranks:
                return ranks[one] - ranks[other]
        return self._name_of(one).compare(self._name_of(other))

    def _name_of(self, release: str) -> ReleaseName:
        return self._versions.get(release) or parse_release_name(key_of(release), is_key=True)

    def key(self, value: Value) -> tuple[int, int, tuple[int, ...], str]:
        """Return a sort key: releases that their product has ordered, then other releases, then all other values."""
        if isinstance(value, str) and kind_of(value) == "release":
            for ranks in self._release_ranks:
                if value in ranks:
                    return 0, ranks[value], (), value
            return 1, 0, self._name_of(value).sort_key, value
        return 2, 0, (), str(value)


def is_same(before: FieldContent, after: FieldContent, merged_into: Mapping[str, str]) -> bool:
    """Return whether two contents of a field are equal. Empty values are, and so are two ids of one merged person."""
    if _is_empty(before) or _is_empty(after):
        return _is_empty(before) and _is_empty(after)
    return before[1] == after[1] and resolve_people(before[0], merged_into) == resolve_people(after[0], merged_into)


def change_direction(before: FieldContent, after: FieldContent, order: TargetOrder) -> Direction:
    """Return the kind of a change. Two ids of one merged person are equal."""
    if _is_empty(before) or _is_empty(after):
        if _is_empty(before) and _is_empty(after):
            return "unchanged"
        return "first" if _is_empty(before) else "cleared"
    old, new = (resolve_people(content[0], order.read.merged_into) for content in (before, after))
    if old == new:
        return "unchanged" if before[1] == after[1] else "changed"
    if isinstance(old, list) and isinstance(new, list):
        return _list_direction([str(item) for item in old], [str(item) for item in new])
    difference = order.compare(old, new)
    return "changed" if not difference else "later" if difference < 0 else "earlier"


def _list_direction(old: Sequence[str], new: Sequence[str]) -> Direction:
    before, after = set(old), set(new)
    if before == after:
        return "reordered"
    if before and after and not before & after:
        return "replaced"
    return "gained" if before < after else "lost" if before > after else "changed"


def _is_empty(content: FieldContent) -> bool:
    return content[0] in (None, []) and content[1] is None


def resolve_people(value: Value, merged_into: Mapping[str, str]) -> Value:
    """Return the value with each merged person replaced by the surviving id, without duplicates."""
    if isinstance(value, str):
        return merged_into.get(value, value)
    if isinstance(value, list):
        items = [resolve_people(item, merged_into) for item in value]
        return [item for n, item in enumerate(items) if item not in items[:n]]
    return value


def add_list_difference(row: ListDifference, before: Value, after: Value, merged_into: Mapping[str, str]) -> None:
    """Add to a row what a list `gained` and `lost`, in the order of the lists; nothing for values that are not lists."""
    if not isinstance(before, list | None) or not isinstance(after, list | None) or before is after is None:
        return
    old, new = resolve_people(before or [], merged_into), resolve_people(after or [], merged_into)
    assert isinstance(old, list)
    assert isinstance(new, list)
    row["gained"] = [item for item in new if item not in old]
    row["lost"] = [item for item in old if item not in new]
