"""Parse times as people write them: `2025-03-01`, `2 weeks ago`, `last quarter`, `end of March 2025`.

A day, a month or a quarter means the time at which it begins in the reader's time zone. A period that begins with it
begins at midnight UTC where that is earlier, since what took effect on a whole day is recorded as that. Every answer
shows which times were understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, Literal

from domain.times import to_zone

EXAMPLES: Final = (
    "2025-03-01, 2025-03-01T09:30:00Z, '2025-03-01 09:30', yesterday, 'last friday', '2 weeks ago', 'last quarter', "
    "'q1 2025', 'march 2025', 'end of 2024' or now"
)
_NUMBERS: Final = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
}
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_EXACT_UNITS: Final = {"second": 1, "minute": 60, "hour": 3600}
_MONTHS_IN: Final = {"month": 1, "quarter": 3, "year": 12}
_THROUGH: Final = {"last": -1, "previous": -1, "this": 0, "next": 1}
_TIME: Final = re.compile(r"(?:(?P<day>.+?)[ t])?(?:at )?(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2}))?")

DayStart = Literal["local", "period", "utc"]
"""When a day begins: at midnight of the reader's clock; at midnight UTC if that is earlier, as the first day of a period does;
or at midnight UTC in every zone, as the days of a report do, which is the same for all its readers.
"""
Period = tuple[datetime, datetime]
"""Start and exclusive end, in the reader's time zone, without tzinfo."""


@dataclass(frozen=True, slots=True)
class Zone:
    """The reader's time zone; without `tz`, the system's."""

    tz: tzinfo | None = None

    def to_aware(self, local: datetime) -> datetime:
        """Return the time at which the reader's clock shows this: the first, if it does so twice."""
        return local.replace(tzinfo=self.tz) if self.tz else local.astimezone()

    def start_of_day(self, local: datetime, days: DayStart) -> datetime:
        """Return when a day begins.

        What took effect on a whole day is recorded as midnight UTC. So a period has all that took effect on its days, in
        every zone. It ends at midnight of the reader's clock: west of Greenwich, it also has what took effect on the
        whole day after it, since otherwise it would lack the evening of its last day.
        """
        midnight, utc = self.to_aware(local), local.replace(tzinfo=UTC)
        return {"local": midnight, "period": min(midnight, utc), "utc": utc}[days]

    def to_local(self, time: datetime) -> datetime:
        """Return a time in the reader's time zone; see `to_zone`."""
        return to_zone(time, self.tz)

    def day_of(self, time: datetime) -> str | None:
        """Return the day that a time stands for, if the reader's clock would show it as the evening before.

        What took effect on a day is recorded as midnight UTC, and a day is the same day in every zone.
        """
        utc = time.astimezone(UTC)
        is_day = (utc.hour, utc.minute, utc.second, utc.microsecond) == (0, 0, 0, 0)
        return utc.strftime("%Y-%m-%d") if is_day and self.to_local(time).date() < utc.date() else None

    def format(self, time: datetime) -> str:
        """Return a time as text, with the name of the time zone."""
        local = self.to_local(time)
        exact = "%Y-%m-%d %H:%M:%S" if local.second or local.microsecond else "%Y-%m-%d %H:%M"
        return local.strftime(f"{exact} %Z")


def parse_time(words: str, now: datetime, zone: Zone, days: DayStart = "local") -> datetime:
    """Return the time that words mean.

    Args:
        words: the words.
        now: the current time.
        zone: the reader's time zone.
        days: when a day begins.

    Raises:
        ValueError: they cannot be parsed; the message gives examples.
    """
    text = _normalize(words)
    try:
        local_now = zone.to_local(now).replace(tzinfo=None)
        found = _parse_exact(text, now) or _parse_local(text, local_now, zone, days)
        if found is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):  # there is no such day, or it is outside the years 1 to 9999, also in UTC
        pass
    raise ValueError(f"Can't read the time {words!r}. Try {EXAMPLES}.")


def parse_day(words: str, now: datetime, zone: Zone) -> date | None:
    """Return the day of the reader's calendar that words mean, or None; of a period, its first day."""
    text = _normalize(words)
    try:
        if exact := _parse_exact(text, now):
            return zone.to_local(exact).date()
        found = _parse_clock(text, zone.to_local(now).replace(tzinfo=None))
    except (ValueError, OverflowError):
        return None
    return None if found is None else found[0].date()


def _normalize(words: str) -> str:
    return re.sub(r"^(?:as of|on) ", "", " ".join(words.lower().replace(",", " ").split()))


def _parse_exact(text: str, now: datetime) -> datetime | None:
    """Parse what does not depend on the time zone."""
    if text == "now":
        return now
    if re.match(r"\d{4}-\d\d-\d\d[t ].*(?:z|[+-]\d\d:?\d\d)$", text):
        return datetime.fromisoformat(text.upper())
    offset = _parse_offset(text)
    if offset and offset[1] in _EXACT_UNITS:
        return now + offset[0] * timedelta(seconds=_EXACT_UNITS[offset[1]])
    return None


def _parse_offset(text: str) -> tuple[int, str] | None:
    """Parse an offset from now, negative if before: `2 weeks ago`, `in an hour`."""
    number = rf"(?P<n>\d{{1,5}}|{'|'.join(_NUMBERS)})"
    unit = r"(?P<unit>second|minute|hour|day|week|month|quarter|year)s?"
    for pattern, sign in ((rf"{number} {unit} ago", -1), (rf"in {number} {unit}", 1)):
        found = re.fullmatch(pattern, text)
        if found:
            n = found["n"]
            return sign * (int(n) if n.isdecimal() else _NUMBERS[n]), found["unit"]
    return None


def _parse_local(text: str, now: datetime, zone: Zone, days: DayStart) -> datetime | None:
    """Parse what depends on the reader's time zone."""
    found = _parse_clock(text, now)
    if found is None:
        return None
    local, begins_day = found
    return zone.start_of_day(local, days) if begins_day else zone.to_aware(local)


def _parse_clock(text: str, now: datetime) -> tuple[datetime, bool] | None:
    """Return what the reader's clock shows at the time that is meant, and whether a day begins then."""
    offset = _parse_offset(text)
    if offset:
        number, unit = offset
        is_months = unit in _MONTHS_IN
        return (_add_month_period(now, number * _MONTHS_IN[unit]) if is_months else _add_days(now, number, unit)), False
    timed = _TIME.fullmatch(text)
    if timed:
        day = _parse_day(timed["day"] or "today", now)
        hour, minute, second = (int(part or 0) for part in timed.group("h", "m", "s"))
        return (day.replace(hour=hour, minute=minute, second=second), False) if day else None
    edge, begins_or_ends = _split_edge(text)
    period = _parse_period(edge, now)
    return (period[begins_or_ends], True) if period else None


def _split_edge(text: str) -> tuple[str, int]:
    """Split `end of PERIOD` into the period and the index of its start (0) or end (1)."""
    for words, end in (("start of ", 0), ("beginning of ", 0), ("end of ", 1)):
        if text.startswith(words):
            return re.sub("^the ", "this ", text.removeprefix(words)), end
    return text, 0


def _add_days(now: datetime, number: int, unit: str) -> datetime:
    return now + timedelta(days=number * (7 if unit == "week" else 1))


def _add_month_period(now: datetime, number: int) -> datetime:
    """Return the same day a number of months later, or the last day of that month."""
    year, month = divmod(now.year * 12 + now.month - 1 + number, 12)
    last = (_month_period(year, month + 1, 1)[1] - timedelta(days=1)).day
    return now.replace(year=year, month=month + 1, day=min(now.day, last))


def _month_period(year: int, month: int, number: int) -> Period:
    """Return the period of a number of months that starts with a month."""
    end_year, end_month = divmod(year * 12 + month - 1 + number, 12)
    return datetime(year, month, 1), datetime(end_year, end_month + 1, 1)  # noqa: DTZ001  (the reader's clock)


def _parse_day(text: str, now: datetime) -> datetime | None:
    """Return the start of a period that is one day, or None."""
    found = _parse_period(text, now)
    return found[0] if found and found[1] - found[0] == timedelta(days=1) else None


def _parse_period(text: str, now: datetime) -> Period | None:
    parsers: tuple[Callable[[str, datetime], Period | None], ...] = (
        _parse_named,
        _parse_relative,
        _parse_weekday,
        _parse_iso,
        _parse_month_name,
    )
    return next((found for parser in parsers if (found := parser(text, now))), None)


def _day_period(day: datetime) -> Period:
    begin = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return begin, begin + timedelta(days=1)


def _parse_named(text: str, now: datetime) -> Period | None:
    days = {"today": 0, "yesterday": -1, "tomorrow": 1}
    return _day_period(now + timedelta(days=days[text])) if text in days else None


def _parse_relative(text: str, now: datetime) -> Period | None:
    """Parse `last quarter`, `this week`, `next year`."""
    way, _, unit = text.partition(" ")
    if way not in _THROUGH:
        return None
    if unit == "week":
        monday, _ = _day_period(now - timedelta(days=now.weekday()) + timedelta(weeks=_THROUGH[way]))
        return monday, monday + timedelta(weeks=1)
    if unit not in _MONTHS_IN:
        return None
    size = _MONTHS_IN[unit]
    begin, _ = _month_period(now.year, (now.month - 1) // size * size + 1, size)
    shifted = _add_month_period(begin, _THROUGH[way] * size)
    return _month_period(shifted.year, shifted.month, size)


def _parse_weekday(text: str, now: datetime) -> Period | None:
    """Parse weekdays: `friday` is today or before, `last friday` before today, `this friday` today or after, and `next
    friday` after today.
    """
    way, _, name = f" {text}".rpartition(" ")
    if name not in _DAYS or way.strip() not in ("", "last", "this", "next"):
        return None
    back = (now.weekday() - _DAYS.index(name)) % 7
    days = {"": -back, "last": -(back or 7), "this": -back % 7, "next": 7 - back}[way.strip()]
    return _day_period(now + timedelta(days=days))


def _parse_iso(text: str, now: datetime) -> Period | None:  # noqa: ARG001  (the signature of all parsers)
    """Parse `2025`, `2025-03`, `2025-03-01`, `2025-q1`, `q1 2025`, `2025-w10`."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return _day_period(datetime.fromisoformat(text))
    if re.fullmatch(r"\d{4}-w\d\d", text):
        monday = datetime.fromisoformat(f"{text.upper()}-1")
        return monday, monday + timedelta(weeks=1)
    quarter = re.fullmatch(r"(?P<y>\d{4})[- ]?q(?P<q>[1-4])|q(?P<q2>[1-4])[- ]?(?P<y2>\d{4})", text)
    if quarter:
        return _month_period(int(quarter["y"] or quarter["y2"]), int(quarter["q"] or quarter["q2"]) * 3 - 2, 3)
    month = re.fullmatch(r"(\d{4})-(\d\d)", text)
    if month:
        return _month_period(int(month[1]), int(month[2]), 1)
    return _month_period(int(text), 1, 12) if re.fullmatch(r"\d{4}", text) else None


def _parse_month_name(text: str, now: datetime) -> Period | None:
    """Parse `march 2025`, `1 march 2025`, `march 1`; without a year, the latest that has begun."""
    names = "|".join(f"{name}|{name[:3]}" for name in _MONTHS)
    found = re.fullmatch(
        rf"(?:(?P<d>\d{{1,2}})(?:st|nd|rd|th)? )?(?P<m>{names})(?: (?P<d2>\d{{1,2}})(?:st|nd|rd|th)?)?(?: (?P<y>\d{{4}}))?",
        text,
    )
    if not found or (found["d"] and found["d2"]):
        return None
    month = next(n for n, name in enumerate(_MONTHS, start=1) if name.startswith(found["m"][:3]))
    day = int(found["d"] or found["d2"] or 0)
    years = [int(found["y"])] if found["y"] else [now.year, now.year - 1]
    periods = (
        _day_period(datetime(year, month, day)) if day else _month_period(year, month, 1)  # noqa: DTZ001  (the reader's clock)
        for year in years
    )
    return next((period for period in periods if period[0] <= now or found["y"]), None)
