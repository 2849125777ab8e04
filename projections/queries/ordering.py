"""The order of releases and dates, and the direction of a change."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
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
    """The order of targets: of releases and of days.

    Releases of a product that has ordered its releases have that order, as of the time of the query. All other targets
    compare by the day on which each is due, as of the time of the target: a day is due on itself. Releases of one product
    that are not both due on a day compare by the periods or the versions that they are named by. The rest has no order.
    """

    read: Read
    time: ResolvedTime

    @CachedProperty
    def _release_ranks(self) -> tuple[Mapping[str, int], ...]:
        """The ranks of releases, for each product that has ordered its releases."""
        lists = (loads(value) for value in self._find_values("releases", "product").values())
        return tuple({str(item): n for n, item in enumerate(items)} for items in lists if isinstance(items, list))

    @CachedProperty
    def _versions(self) -> Mapping[str, ReleaseName]:
        """What each release with a version is named by."""
        versions = self._find_values("version", "release")
        return {release: parse_release_name(str(loads(value))) for release, value in versions.items()}

    @CachedProperty
    def _products(self) -> Mapping[str, frozenset[str]]:
        """The products of each release that has any."""
        found = {release: loads(value) for release, value in self._find_values("products", "release").items()}
        return {release: frozenset(map(str, items)) for release, items in found.items() if isinstance(items, list)}

    @CachedProperty
    def _due_dates(self) -> Mapping[str, Sequence[tuple[int, Value]]]:
        """The days on which each release was due, each with the time from which it was."""
        sql = f"""select c.subject, c.valid_from, c.value from field_value c
            where c.field = 'due_on' and {_IS_OF_KIND} and {self.time.is_known("c")}
            order by c.subject, c.valid_from, c.id"""
        found: dict[str, list[tuple[int, Value]]] = {}
        for release, since, value in self.read.rows(sql, {**_of_kind("release"), **self.time.parameters}):
            found.setdefault(release, []).append((since, loads(value)))
        return found

    def _find_values(self, field: str, kind: str) -> dict[str, str]:
        sql = f"""select c.subject, c.value from field_value c
            where c.field = :field and {_IS_OF_KIND} and c.value is not null and {self.time.is_in_effect("c")}"""
        return dict(self.read.rows(sql, {"field": field, **_of_kind(kind), **self.time.parameters}))

    def compare(self, one: Value, other: Value, times: tuple[int, int]) -> int | None:
        """Return a number below 0 if `one` is earlier, above 0 if it is later, 0 if equal; None if there is no order.

        `times` are the times of the two targets, in microseconds since 1970.
        """
        if not isinstance(one, str) or not isinstance(other, str):
            return None
        are_releases = kind_of(one) == kind_of(other) == "release"
        for ranks in self._release_ranks if are_releases else ():
            if one in ranks and other in ranks:
                return ranks[one] - ranks[other]
        day, other_day = (self._due_date(each, at) for each, at in zip((one, other), times, strict=True))
        if day and other_day:
            return (day > other_day) - (day < other_day)
        if are_releases and self._have_common_product(one, other):
            return self._name_of(one).compare(self._name_of(other))
        return None

    def _due_date(self, target: str, at: int) -> str | None:
        """Return the day on which a target is due, as of a time; None if there is none."""
        if kind_of(target) != "release":
            return target if _DATE.fullmatch(target) else None
        days = self._due_dates.get(target, ())
        n = bisect_right(days, at, key=itemgetter(0))
        return str(days[n - 1][1] or "") or None if n else None

    def _have_common_product(self, one: str, other: str) -> bool:
        """Return whether two releases are of one product, or of none that is known."""
        products, others = (self._products.get(each, frozenset()) for each in (one, other))
        return products == others or not products.isdisjoint(others)

    def _name_of(self, release: str) -> ReleaseName:
        return self._versions.get(release) or parse_release_name(key_of(release), is_key=True)

    def key(self, value: Value) -> tuple[str, int, tuple[int, ...], str]:
        """Return a sort key: by the day on which a target is due, then by the order of its product, or else by its name.

        A release that is not due on a day follows its product's others; values that are no targets are last.
        """
        if isinstance(value, str) and kind_of(value) == "release":
            default = self._due_date(value, self.time.as_of) or _WITHOUT_DAY, 0
            return *self._places.get(value, default), self._name_of(value).sort_key, value
        is_day = isinstance(value, str) and _DATE.fullmatch(value)
        return str(value) if is_day else _NO_TARGET, 0, (), str(value)

    @CachedProperty
    def _places(self) -> Mapping[str, tuple[str, int]]:
        """The day by which each release of a product sorts, and its place in the product's order."""
        places: dict[str, tuple[str, int]] = {}
        for ranks in self._release_ranks:
            latest = ""
            for release, day in self._fill_days([*ranks]):
                latest = max(latest, day)
                places.setdefault(release, (latest, ranks[release] - len(ranks)))
        of_products: dict[str, list[str]] = {}
        for release in sorted(self._products, key=lambda each: (self._name_of(each).sort_key, each)):
            for product in self._products[release]:
                of_products.setdefault(product, []).append(release)
        for _, releases in sorted(of_products.items()):
            for release, day in self._fill_days(releases):
                places.setdefault(release, (day, 0))
        return places

    def _fill_days(self, releases: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield each of these releases with the day on which it is due, or else with that of its neighbor."""
        days = [self._due_date(release, self.time.as_of) for release in releases]
        day = next(filter(None, days), _WITHOUT_DAY)
        for release, own in zip(releases, days, strict=True):
            day = own or day
            yield release, day


_IS_OF_KIND: Final = "c.subject >= :kind and c.subject < :after_kind"
_WITHOUT_DAY: Final = "~"
_NO_TARGET: Final = "~~"
"""Sort after all days."""


def _of_kind(kind: str) -> dict[str, str]:
    """Return the parameters of `_IS_OF_KIND`."""
    return {"kind": f"{kind}:", "after_kind": f"{kind};"}


def is_same(before: FieldContent, after: FieldContent, merged_into: Mapping[str, str]) -> bool:
    """Return whether two contents of a field are equal. Empty values are, and so are two ids of one merged person."""
    if _is_empty(before) or _is_empty(after):
        return _is_empty(before) and _is_empty(after)
    return before[1] == after[1] and resolve_people(before[0], merged_into) == resolve_people(after[0], merged_into)


def change_direction(
    before: FieldContent, after: FieldContent, order: TargetOrder, times: tuple[int, int]
) -> Direction:
    """Return the kind of a change. Two ids of one merged person are equal.

    `times` are those of `before` and of `after`, in microseconds since 1970.
    """
    if _is_empty(before) or _is_empty(after):
        if _is_empty(before) and _is_empty(after):
            return "unchanged"
        return "first" if _is_empty(before) else "cleared"
    old, new = (resolve_people(content[0], order.read.merged_into) for content in (before, after))
    if old == new:
        return "unchanged" if before[1] == after[1] else "changed"
    if isinstance(old, list) and isinstance(new, list):
        return _list_direction([str(item) for item in old], [str(item) for item in new])
    difference = order.compare(old, new, times)
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
