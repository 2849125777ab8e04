"""Instants as people say them: `2025-03-01`, `2 weeks ago`, `last quarter`, `end of March 2025`.

What names a day, a month or a quarter means the instant at which it begins, for the reader: on their clock, with their
summer time. Whoever asks is told which instant was understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

UNDERSTOOD: Final = (
    "a day (2025-03-01), an instant (2025-03-01T09:30:00Z, or 2025-03-01 09:30 by your clock), or words: yesterday, "
    "last friday, 2 weeks ago, this month, last quarter, q1 2025, march 2025, end of 2024, now"
)
_NUMBERS: Final = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_EXACT: Final = {"second": 1, "minute": 60, "hour": 3600}
_MONTHS_IN: Final = {"month": 1, "quarter": 3, "year": 12}
_THROUGH: Final = {"last": -1, "previous": -1, "this": 0, "next": 1}
_TIME: Final = re.compile(r"(?:(?P<day>.+?)[ t])?(?:at )?(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2}))?")

Period = tuple[datetime, datetime]
"""From when until when, the end not included; by the reader's clock."""


@dataclass(frozen=True, slots=True)
class Zone:
    """Where the reader is; that of the system, where none is said."""

    tz: tzinfo | None = None

    def aware(self, clock: datetime) -> datetime:
        """The instant at which the reader's clock shows this; of two the first, and of none that which it would be."""
        return clock.replace(tzinfo=self.tz) if self.tz else clock.astimezone()

    def local(self, instant: datetime) -> datetime:
        """An instant by the reader's clock."""
        return instant.astimezone(self.tz)

    def said(self, instant: datetime) -> str:
        """An instant for the reader to read, with the name of the zone."""
        local = self.local(instant)
        exact = "%Y-%m-%d %H:%M:%S" if local.second or local.microsecond else "%Y-%m-%d %H:%M"
        return local.strftime(f"{exact} %Z")


def instant_in(words: str, now: datetime, zone: Zone) -> datetime:
    """The instant that words mean.

    Args:
        words: what was said.
        now: the present instant.
        zone: where the reader is.

    Raises:
        ValueError: they mean none that is known; the message says what would be understood.
    """
    said = " ".join(words.lower().replace(",", " ").split())
    said = re.sub(r"^(?:as of|on) ", "", said)
    try:
        found = _exact(said, now) or _on_the_clock(said, zone.local(now).replace(tzinfo=None), zone)
    except (ValueError, OverflowError):  # there is no such day, or it lies outside the years 1 to 9999
        found = None
    if found is None:
        msg = f"{words!r} is no instant; say {UNDERSTOOD}"
        raise ValueError(msg)
    return found.astimezone(UTC)


def _exact(said: str, now: datetime) -> datetime | None:
    """What does not depend on where one is."""
    if said == "now":
        return now
    if re.match(r"\d{4}-\d\d-\d\d[t ].*(?:z|[+-]\d\d:?\d\d)$", said):
        return datetime.fromisoformat(said.upper())
    way = _way(said)
    if way and way[1] in _EXACT:
        return now + way[0] * timedelta(seconds=_EXACT[way[1]])
    return None


def _way(said: str) -> tuple[int, str] | None:
    """How many of what before (negative) or after now: `2 weeks ago`, `in an hour`."""
    number = rf"(?P<n>\d{{1,5}}|{'|'.join(_NUMBERS)})"
    unit = r"(?P<unit>second|minute|hour|day|week|month|quarter|year)s?"
    for pattern, sign in ((rf"{number} {unit} ago", -1), (rf"in {number} {unit}", 1)):
        found = re.fullmatch(pattern, said)
        if found:
            n = found["n"]
            return sign * (int(n) if n.isdecimal() else _NUMBERS[n]), found["unit"]
    return None


def _on_the_clock(said: str, now: datetime, zone: Zone) -> datetime | None:
    """What the reader's clock and calendar say."""
    way = _way(said)
    if way:
        number, unit = way
        return zone.aware(_months_on(now, number * _MONTHS_IN[unit]) if unit in _MONTHS_IN else _days_on(now, *way))
    timed = _TIME.fullmatch(said)
    if timed:
        day = _day(timed["day"] or "today", now)
        hour, minute, second = (int(part or 0) for part in timed.group("h", "m", "s"))
        return zone.aware(day.replace(hour=hour, minute=minute, second=second)) if day else None
    edge, begins_or_ends = _edge(said)
    period = _period(edge, now)
    return zone.aware(period[begins_or_ends]) if period else None


def _edge(said: str) -> tuple[str, int]:
    """Which end of a period is meant: the end of one is the beginning of the next."""
    for words, end in (("start of ", 0), ("beginning of ", 0), ("end of ", 1)):
        if said.startswith(words):
            return re.sub("^the ", "this ", said.removeprefix(words)), end
    return said, 0


def _days_on(now: datetime, number: int, unit: str) -> datetime:
    return now + timedelta(days=number * (7 if unit == "week" else 1))


def _months_on(now: datetime, number: int) -> datetime:
    """The same day so many months on, or the last there is in that month."""
    year, month = divmod(now.year * 12 + now.month - 1 + number, 12)
    last = (_months(year, month + 1, 1)[1] - timedelta(days=1)).day
    return now.replace(year=year, month=month + 1, day=min(now.day, last))


def _months(year: int, month: int, number: int) -> Period:
    """So many months from a month on."""
    end_year, end_month = divmod(year * 12 + month - 1 + number, 12)
    return datetime(year, month, 1), datetime(end_year, end_month + 1, 1)  # noqa: DTZ001  (the reader's clock)


def _day(said: str, now: datetime) -> datetime | None:
    """The beginning of what is a day."""
    found = _period(said, now)
    return found[0] if found and found[1] - found[0] == timedelta(days=1) else None


def _period(said: str, now: datetime) -> Period | None:
    readers: tuple[Callable[[str, datetime], Period | None], ...] = (_named, _relative, _weekday, _iso, _in_words)
    return next((found for reader in readers if (found := reader(said, now))), None)


def _one_day(day: datetime) -> Period:
    begin = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return begin, begin + timedelta(days=1)


def _named(said: str, now: datetime) -> Period | None:
    days = {"today": 0, "yesterday": -1, "tomorrow": 1}
    return _one_day(now + timedelta(days=days[said])) if said in days else None


def _relative(said: str, now: datetime) -> Period | None:
    """`last quarter`, `this week`, `next year`."""
    way, _, unit = said.partition(" ")
    if way not in _THROUGH:
        return None
    if unit == "week":
        monday, _ = _one_day(now - timedelta(days=now.weekday()) + timedelta(weeks=_THROUGH[way]))
        return monday, monday + timedelta(weeks=1)
    if unit not in _MONTHS_IN:
        return None
    size = _MONTHS_IN[unit]
    begin, _ = _months(now.year, (now.month - 1) // size * size + 1, size)
    shifted = _months_on(begin, _THROUGH[way] * size)
    return _months(shifted.year, shifted.month, size)


def _weekday(said: str, now: datetime) -> Period | None:
    """`friday` is the latest there was, today included; `last friday` is before today and `next friday` after."""
    way, _, name = f" {said}".rpartition(" ")
    if name not in _DAYS or way.strip() not in ("", "last", "next"):
        return None
    back = (now.weekday() - _DAYS.index(name)) % 7
    days = {"": -back, "last": -(back or 7), "next": 7 - back}[way.strip()]
    return _one_day(now + timedelta(days=days))


def _iso(said: str, now: datetime) -> Period | None:  # noqa: ARG001  (all readers are alike)
    """`2025`, `2025-03`, `2025-03-01`, `2025-q1`, `q1 2025`, `2025-w10`."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", said):
        return _one_day(datetime.fromisoformat(said))
    if re.fullmatch(r"\d{4}-w\d\d", said):
        monday = datetime.fromisoformat(f"{said.upper()}-1")
        return monday, monday + timedelta(weeks=1)
    quarter = re.fullmatch(r"(?P<y>\d{4})[- ]?q(?P<q>[1-4])|q(?P<q2>[1-4])[- ]?(?P<y2>\d{4})", said)
    if quarter:
        return _months(int(quarter["y"] or quarter["y2"]), int(quarter["q"] or quarter["q2"]) * 3 - 2, 3)
    month = re.fullmatch(r"(\d{4})-(\d\d)", said)
    if month:
        return _months(int(month[1]), int(month[2]), 1)
    return _months(int(said), 1, 12) if re.fullmatch(r"\d{4}", said) else None


def _in_words(said: str, now: datetime) -> Period | None:
    """`march 2025`, `1 march 2025`, `march 1`; without a year the latest that has begun."""
    names = "|".join(f"{name}|{name[:3]}" for name in _MONTHS)
    found = re.fullmatch(
        rf"(?:(?P<d>\d{{1,2}})(?:st|nd|rd|th)? )?(?P<m>{names})(?: (?P<d2>\d{{1,2}})(?:st|nd|rd|th)?)?(?: (?P<y>\d{{4}}))?",
        said,
    )
    if not found or (found["d"] and found["d2"]):
        return None
    month = next(n for n, name in enumerate(_MONTHS, start=1) if name.startswith(found["m"][:3]))
    day = int(found["d"] or found["d2"] or 0)
    years = [int(found["y"])] if found["y"] else [now.year, now.year - 1]
    periods = (
        _one_day(datetime(year, month, day)) if day else _months(year, month, 1)  # noqa: DTZ001  (the reader's clock)
        for year in years
    )
    return next((period for period in periods if period[0] <= now or found["y"]), None)
