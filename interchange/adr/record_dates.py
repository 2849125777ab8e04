"""Find and read the dates in a decision record: `2024-03-01`, `1.3.2024`, `March 1, 2024`, `2024年3月1日`, `March 2024`."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from interchange.adr.markdown_blocks import strip_comments
from interchange.times import MONTHS, TimeReader, month_number

_DATE_START: Final = re.compile(r"[*_`\[(\"'\s]*(\d{4})(?:[-/.](\d{1,2})[-/.](\d{1,2})|(\d{2})(\d{2}))(?!\d)")
_CJK_DATE: Final = re.compile(r"\s*(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]")
_DAY_IN_DIGITS: Final = re.compile(r"(\d{1,2})(\. ?|/|-)(\d{1,2})\2(\d{4})(?!\d)")
_AMBIGUOUS_DAY: Final = re.compile(r"(\d{1,2})[-/](\d{1,2})[-/](\d{4}|\d{2})")
_MONTH_NAMES: Final = (
    r"(?:jan(?:uary|uar|vier|v)?|jänner|jän|enero|ene|feb(?:ruary|ruar|rero)?|févr(?:ier)?|fév|mar(?:ch|s|zo)?|märz|mär|mrz"
    r"|apr(?:il)?|avr(?:il)?|abr(?:il)?|mayo?|mai|jun(?:e|io?)?|juin|jul[yi]?|juil(?:let)?|julio|aug(?:ust)?|août|ago(?:sto)?"
    r"|sept?(?:ember|embre|iembre)?|o[ck]t(?:ober|obre|ubre)?|nov(?:ember|embre|iembre)?|de[cz](?:ember)?|déc(?:embre)?"
    r"|dic(?:iembre)?|januari|gennaio|janeiro|februari|febbraio|fevereiro|maart|mrt|março|aprile|mei|maggio|maio|giugno|junho"
    r"|luglio|julho|augustus|settembre|setembro|ottobre|outubro|dicembre|dezembro)"
)
_WEEKDAYS: Final = (
    r"(?:(?:mon|tue|wednes|thurs|fri|satur|sun)day|mon|tues?|wed|thu(?:rs?)?|fri|sat|sun"
    r"|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|sonnabend|mo|di|mi|do|fr|sa|so"
    r"|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche|lun|mar|mer|jeu|ven|sam|dim"
    r"|lunes|martes|miércoles|jueves|viernes|sábado|domingo|mié|jue|sáb|dom)"
)
DATE: Final = (
    r"(?:\d{4}\s?[年년](?:\s?\d{1,2}\s?[月월](?:\s?\d{1,2}\s?[日일])?)?"
    r"|(?<![\w/.-])(?:"
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]\d{1,2}:\d{2}(?::\d{2})?Z?)?"
    r"|\d{4}-\d{2}|(?:19|20)\d{2}(?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))?"
    r"|\d{1,2}(?:\. ?|/|-)\d{1,2}(?:\. ?|/|-)(?:\d{4}|\d{2})"
    rf"|(?:{_WEEKDAYS}\.?, )?\d{{1,2}}(?:st|nd|rd|th|er|\.)?[-/. ](?:de )?{_MONTH_NAMES}\.?(?:,? (?:de )?|[-/])\d{{4}}"
    rf"|(?:{_WEEKDAYS}\.?, )?(?:{_MONTH_NAMES}\.? \d{{1,2}}(?:st|nd|rd|th)?,?|{_MONTH_NAMES}\.?(?:,| de)?) \d{{4}}"
    r")(?![\w/]|[-.]\w))"
)
"""A date in any form that is read, also of a whole month or year, as a regular expression without groups."""
PREPOSITION: Final = (
    r"(?<!\w)(?:on|since|as of|in|from|at|am|vom|seit|im|le|du|depuis|en|el|desde|del?)\s{1,3}(?:the\s)?"
)
_FOUND: Final = re.compile(rf"(?:{PREPOSITION})?(?P<date>{DATE})", re.IGNORECASE)
_MONTH: Final = re.compile(
    rf"(?P<y>\d{{4}})\s?[-年년]\s?(?P<m>\d{{1,2}})\s?[月월]?|(?P<name>{_MONTH_NAMES})\.?(?:,| de)? (?P<y2>\d{{4}})",
    re.IGNORECASE,
)
_YEAR: Final = re.compile(r"\d{4}[年년]?")


class FoundDate(NamedTuple):
    """A date in a text, with the preposition before it: where it is, and the first and last day that it may mean."""

    start: int
    end: int
    first: date
    last: date


def find_dates(text: str) -> Iterator[FoundDate]:
    """Yield the dates of a text, from left to right."""
    for found in _FOUND.finditer(text):
        days = _days_of(found["date"])
        if days is not None:
            yield FoundDate(found.start(), found.end(), *days)


def without_dates(text: str, mark: str = " ") -> str:
    """Return a text with each date, and the preposition before it, replaced by a mark."""
    return _FOUND.sub(mark, text)


def day_of(text: str) -> datetime | None:
    """Return the day that a date begins with, at midnight UTC: `2023-9-15`, `2024-03-01 10:00`, `1 March 2024`."""
    bare = strip_comments(text).strip()
    found = _DATE_START.match(bare) or _CJK_DATE.match(bare)
    try:
        if found is not None:
            year, month, day_ = (int(part) for part in found.groups() if part is not None)
            return datetime(year, month, day_, tzinfo=UTC)
        if (digits := _DAY_IN_DIGITS.match(bare)) is not None:
            return _day_in_digits(digits)
        day = re.split(r"\s*[(\[]|,?\s+(?:updated|amended|aktualisiert)", bare[:100], maxsplit=1)[0].rstrip(".")
        return (
            TimeReader().read(day).replace(hour=0, minute=0, second=0, microsecond=0)
            if re.search(r"[^\W\d_]{3}", day)
            else None
        )
    except ValueError:
        return None


def _day_in_digits(found: re.Match[str]) -> datetime | None:
    """Return the day of a date such as `1.5.2024`; None if it may be day-month or month-day.

    With dots, the day comes first in every language that writes dates this way (CLDR). With slashes or dashes, only a number
    above 12 shows which one the day is.
    """
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if found[2].strip() == "." or (first > MONTHS >= second):
        return datetime(year, second, first, tzinfo=UTC)
    return datetime(year, first, second, tzinfo=UTC) if second > MONTHS >= first else None


def _days_of(text: str) -> tuple[date, date] | None:
    """Return the first and last day that a date may mean: of a month or a year, or of either order of day and month."""
    if (day := day_of(text)) is not None:
        return day.date(), day.date()
    try:
        if (digits := _AMBIGUOUS_DAY.fullmatch(text)) is not None:
            one, other, year = (
                int(digits[1]),
                int(digits[2]),
                int(digits[3]) % 100 + (int(digits[3]) // 100 or 20) * 100,
            )
            days = [date(year, month, day_) for month, day_ in ((one, other), (other, one)) if month <= MONTHS]
            return (min(days), max(days)) if days else None
        if (found := _MONTH.fullmatch(text)) is not None:
            year, month = int(found["y"] or found["y2"]), int(found["m"] or 0) or month_number(found["name"]) or 0
            return date(year, month, 1), date(year, month, monthrange(year, month)[1])
        year = int(text[:4]) if _YEAR.fullmatch(text) else 0
        return (date(year, 1, 1), date(year, MONTHS, 31)) if year else None
    except ValueError:
        return None
