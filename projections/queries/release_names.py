"""The order of releases by their names: by the period that a name gives, such as `2025-Q3`, or else by its version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAME: Final = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])"
)
_PART: Final = r"(?:(?:q(?P<q>[1-4])|h(?P<h>[12]))(?!\d)|(?:(?P<q2>[1-4])q|(?P<h2>[12])h)(?!(?!fy)[a-z]))"
_YEAR: Final = r"(?<!\d)(?<!\d\.)(?P<year>(?:19|20)\d\d)(?!\d)"
_SHORT_YEAR: Final = r"(?<!\d)(?<!\d\.)(?P<year>\d\d)(?!\d)"
_GAP: Final = r"[\s,_./'-]*"


def _forms(part: str, year: str) -> tuple[re.Pattern[str], ...]:
    """Return the patterns of a part of a year: after the year and before it."""
    forms = (rf"{year}{_GAP}{part}", rf"(?<![a-z0-9]){part}{_GAP}(?:fy{_GAP})?{year}")
    return tuple(re.compile(form, re.IGNORECASE | re.ASCII) for form in forms)


_YEAR_ALONE: Final = re.compile(rf"{_YEAR}(?!\.\d)", re.ASCII)
"""A period only where the name has another number: `R2 2025`, but not `Windows Server 2022`."""
_PERIODS: Final = (
    *_forms(_PART, _YEAR),
    *_forms(_MONTH_NAME, _YEAR),
    re.compile(rf"{_YEAR}[/_-](?P<month>0[1-9]|1[0-2])(?!\d)", re.ASCII),
    re.compile(r"(?<![\d./])(?P<day>\d\d\.)?(?P<month>0[1-9]|1[0-2])[./-](?P<year>(?:19|20)\d\d)(?![\d.])", re.ASCII),
    _YEAR_ALONE,
    *_forms(_PART, _SHORT_YEAR),
)
"""Patterns of periods, the clearest first."""
_PART_ALONE: Final = re.compile(rf"\D*(?<![a-z0-9]){_PART}\D*|\D*(?<![a-z]){_MONTH_NAME}.*", re.IGNORECASE | re.ASCII)
_NUMBERS: Final = r"(?P<numbers>[0-9]{1,9}(?:\.[0-9]{1,9})*)"
_STAGES: Final = {"dev": 0, "a": 1, "alpha": 1, "b": 2, "beta": 2, "c": 3, "rc": 3, "pre": 3, "preview": 3}
_FINAL: Final = 4
_STAGE: Final = r"(?:[ ._-]?(?:(?P<stage>dev|alpha|beta|rc|preview|pre)[ ._-]?|(?P<letter>[abc])(?=[0-9]))(?P<build>[0-9]{0,9})(?![a-z]))?"
_FIRST_VERSION: Final = re.compile(rf"\D*{_NUMBERS}{_STAGE}", re.IGNORECASE | re.ASCII)
_LAST_VERSION: Final = re.compile(rf"{_NUMBERS}{_STAGE}\D*$", re.IGNORECASE | re.ASCII)
_NO_ORDER: Final = (1 << 62,)

_ALL_YEAR: Final = (1, 12)
Period = tuple[int, int, int]
"""A year, and the first and the last month in it."""


@dataclass(frozen=True, slots=True)
class ReleaseName:
    """What the name of a release says about its order: a period, or a version.

    With a period, `version` is the only version in the rest of the name, and `rest` are the words there.
    """

    period: Period | None = None
    version: tuple[int, ...] | None = None
    rest: tuple[str, ...] = ()

    def compare(self, other: ReleaseName) -> int | None:
        """Return a number below 0 if this is earlier, above 0 if it is later, 0 if equal; None if there is no order."""
        if self.period is None or other.period is None:
            return None if self.period is not other.period else _compare(self.version, other.version)
        (year, first, last), (other_year, other_first, other_last) = self.period, other.period
        if (year, last) < (other_year, other_first):
            return -1
        if (year, first) > (other_year, other_last):
            return 1
        if self.rest != other.rest:
            return None
        if self.period == other.period:
            return _compare(self.version, other.version)
        return _compare(self._number_in_year(), other._number_in_year())

    def _number_in_year(self) -> tuple[int, ...] | None:
        """Return the number of a sprint or week: 2024-12 reads as a month, and 2024-13 as a version in its year."""
        if self.period is None or self.period[1:] == _ALL_YEAR:
            return self.version
        is_number = self.version is None and self.period[1] == self.period[2]
        return _read_version(_FIRST_VERSION.match(str(self.period[1]))) if is_number else None

    @property
    def sort_key(self) -> tuple[int, ...]:
        """A key that sorts as the names compare; names without order are last."""
        return (*(self.period or ()), *(self.version or (() if self.period else _NO_ORDER)))


def parse_release_name(name: str, *, is_key: bool = False) -> ReleaseName:
    """Return what the name of a release says about its order; of a key, by the version at its end."""
    for pattern in _PERIODS:
        if (found := pattern.search(name)) is not None:
            parts = found.groupdict()
            rest = f"{name[: found.start()]} {parts.get('day') or ''} {name[found.end() :]}"
            if pattern is not _YEAR_ALONE or re.search(r"[0-9]", rest):
                words = tuple(re.findall(r"[^\W\d_]+", rest.casefold()))
                return ReleaseName(_read_period(parts), _only_version(rest), words)
    if _PART_ALONE.fullmatch(name):
        return ReleaseName()
    return ReleaseName(version=_read_version(_LAST_VERSION.search(name) if is_key else _FIRST_VERSION.match(name)))


def _read_period(parts: Mapping[str, str | None]) -> Period:
    text = parts["year"] or ""
    year = int(text) + (2000 if len(text) == 2 else 0)  # noqa: PLR2004
    if quarter := parts.get("q") or parts.get("q2"):
        return year, int(quarter) * 3 - 2, int(quarter) * 3
    if half := parts.get("h") or parts.get("h2"):
        return year, int(half) * 6 - 5, int(half) * 6
    if name := parts.get("name"):
        month = _MONTHS.index(name[:3].lower()) + 1
        return year, month, month
    month = int(parts.get("month") or 0)
    return (year, month, month) if month else (year, 1, 12)


def _only_version(text: str) -> tuple[int, ...] | None:
    """Return the version in a text that has no other numbers."""
    found = _FIRST_VERSION.match(text)
    return None if found is None or re.search(r"[0-9]", text[found.end() :]) else _read_version(found)


def _read_version(found: re.Match[str] | None) -> tuple[int, ...] | None:
    """Return a version as numbers that sort, where 1.0 equals 1, and 2.0-rc1 is before 2.0 and that before 2.0.1."""
    if found is None:
        return None
    numbers = [int(number) for number in found["numbers"].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    stage = (found["stage"] or found["letter"] or "").lower()
    return (*(number + 1 for number in numbers), 0, _STAGES.get(stage, _FINAL), int(found["build"] or 0))


def _compare(one: tuple[int, ...] | None, other: tuple[int, ...] | None) -> int | None:
    return None if one is None or other is None else (one > other) - (one < other)
