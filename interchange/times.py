"""Read the times of a tracker: RFC 3339, days, epochs, times with the name of a month, and formats of the mapping.

Whether `05/01/2024` is in January or in May is never guessed: the mapping gives the format, or other dates of the same
column show it, such as `13/01/2024`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.values import from_micros, parse_timestamp

_TOKENS: Final = {
    "YYYY": "%Y",
    "yyyy": "%Y",
    "YY": "%y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%m",
    "DD": "%d",
    "dd": "%d",
    "D": "%d",
    "d": "%d",
    "HH": "%H",
    "H": "%H",
    "hh": "%I",
    "h": "%I",
    "mm": "%M",
    "m": "%M",
    "ss": "%S",
    "s": "%S",
    "SSS": "%f",
    "a": "%p",
    "A": "%p",
    "Z": "%z",
    "XXX": "%z",
}
_TOKEN: Final = re.compile("|".join(sorted(_TOKENS, key=len, reverse=True)) + "|'[^']*'|.")
_MONTHS: Final = {
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "apr": 4,
    "may": 5,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "oct": 10,
    "nov": 11,
    "dec": 12,
    "mär": 3,
    "mrz": 3,
    "mai": 5,
    "okt": 10,
    "dez": 12,
    "jän": 1,
    "janv": 1,
    "févr": 2,
    "fév": 2,
    "mars": 3,
    "avr": 4,
    "juin": 6,
    "juil": 7,
    "août": 8,
    "déc": 12,
    "ene": 1,
    "abr": 4,
    "ago": 8,
    "sept": 9,
    "dic": 12,
    "gen": 1,
    "fev": 2,
    "mrt": 3,
    "maa": 3,
    "mag": 5,
    "mei": 5,
    "giu": 6,
    "lug": 7,
    "set": 9,
    "out": 10,
    "ott": 10,
}
Order = Literal["day", "month"]
"""Whether the day or the month comes first in a date."""
_ORDER_IN_FORMAT: Final = re.compile(r"%([dm])([/.-])%[dm]\2%[yY]")
MONTHS: Final = 12
LONGEST_ABBREVIATION: Final = 5
_ENGLISH: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LOCAL_TIME: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}[Tt ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?")
_NAMED_ZONE: Final = re.compile(r"(.*\d)\s*(?:UTC|GMT|Z)", re.IGNORECASE)
_WITH_OFFSET: Final = re.compile(r"(.*?)\s*(?:UTC|GMT)?\s*([+-]\d{2}):?(\d{2})(?:\s*\([^)]*\))?")
_AMBIGUOUS: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})\b.*")
_NUMERIC: Final = re.compile(
    r"(\d{1,2})([/.-])(\d{1,2})\2(?P<y>\d{4}|\d{2})"
    r"(?:,?[ T]+(?:at )?(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2}))?(?:[.,]\d{1,9})?(?: ?(?P<ap>[AaPp])\.?[Mm]\.?)?)?"
)
_MONTH_NAME: Final = re.compile(r"[^\W\d_]{3,9}\.?")
_DATE_WITH_NAME: Final = re.compile(
    r"(?:[^\W\d_]{2,9}\.?,? )?(?:(?P<d>\d{1,2})(?:st|nd|rd|th|\.)?[-/. ]+(?P<m>[^\W\d_]{3,9})\.?|(?P<m2>[^\W\d_]{3,9})\.? (?P<d2>\d{1,2})(?:st|nd|rd|th)?)"
    r"(?P<hms1> \d{1,2}:\d{2}(?::\d{2})?)?,?[-/. ]+(?P<y>\d{4}|\d{2})(?:,?[ T]+(?:at )?(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2}))?(?: ?(?P<ap>[AaPp])\.?[Mm]\.?)?)?"
)
_YEAR_FIRST: Final = re.compile(
    r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"
    r"(?:,?[ T]+(?:at )?(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2}))?(?: ?(?P<ap>[AaPp])\.?[Mm]\.?)?)?"
)
_EPOCH_IN_TEXT: Final = re.compile(r"/Date\((\d{13})(?:[+-]\d{4})?\)/|(\d{10})\.\d{1,9}")
"""A time of .NET in JSON, or an epoch in seconds with decimals."""
_DAY: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_EPOCH_DIGITS: Final = {10: 1_000_000, 13: 1_000, 16: 1}
"""Microseconds per unit by the number of digits: seconds, milliseconds and microseconds of the years 2001 to 2286."""


class _Reading(NamedTuple):
    """A time in UTC, the same as its text writes it, and whether the text and the mapping give no zone."""

    time: datetime
    written: datetime
    is_assumed_utc: bool = False


class TimeReader:
    """Reads times by the formats and the default zone of a mapping.

    `assumed_utc` counts the times that name no zone and were read as UTC because the mapping gives none.
    """

    def __init__(self, formats: Sequence[str] = (), zone: str | None = None) -> None:
        self._formats = tuple(map(to_strptime, formats))
        self._zone: tzinfo = parse_zone(zone) if zone else UTC
        self._has_zone = zone is not None
        self.assumed_utc = 0
        self.orders = _orders_of_formats(self._formats)
        """Whether numeric dates begin with the day or the month, by separator, once that is known."""
        self._days: dict[tuple[str, Order], str] = {}
        """By separator: a date whose first or second number is above 12, and so must be the day."""
        self._is_unsettled: set[str] = set()
        self._read = lru_cache(4096)(self._parse_text)

    def read(self, value: Any) -> datetime:
        """Return the time that a value means, in UTC. A day means midnight UTC, in every zone.

        Raises:
            ValueError: it is no time, or its format is ambiguous; the message says what to do.
        """
        if isinstance(value, str):
            found = self._read(value)
            self.assumed_utc += found.is_assumed_utc
            return found.time
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _from_epoch(str(int(value))) or _fail(value)
        return _fail(value)

    def settle_orders(self) -> list[str]:
        """Settle the order of day and month by the dates read so far; return a date that shows it for each that is new.

        Where some dates begin with the day and others with the month, or none shows it, nothing is settled.
        """
        examples = []
        for mark in sorted(self._is_unsettled - self.orders.keys()):
            day_first, month_first = self._days.get((mark, "day")), self._days.get((mark, "month"))
            if (day_first is None) != (month_first is None):
                self.orders[mark] = "day" if day_first else "month"
                examples.append(day_first or month_first or "")
        if examples:
            self._read.cache_clear()
        return examples

    def read_day(self, text: str) -> date:
        """Return the day that a text means; of a time, the day that it falls on in the zone of the mapping.

        Trackers write a day as midnight, of UTC or of their own zone. So midnight means the day that is written, and so
        does every time if the mapping gives no zone.

        Raises:
            ValueError: it is no day and no time, or its format is ambiguous.
        """
        found = self._read(text)
        if not self._has_zone or found.written.time() == time():
            return found.written.date()
        try:
            return found.time.astimezone(self._zone).date()
        except OverflowError:
            return found.written.date()

    def _parse_text(self, text: str) -> _Reading:
        text = " ".join(text.split())
        if self._formats:
            found = self._by_format(text)
            if found is not None:
                return found
        try:
            return _with_written(parse_timestamp(text), text)
        except ValueError as error:
            if (found := self._by_shape(text)) is not None:
                return found
            if _AMBIGUOUS.fullmatch(text):
                self._note_order(text)
                raise ValueError(
                    f"{text!r} may be day-month or month-day; give its format, such as {list_formats(text)}, as "
                    "`--date-format`, or as `time.formats` in a mapping"
                ) from None
            raise error from None

    def _note_order(self, text: str) -> None:
        """Note what a numeric date shows about the order of day and month."""
        found = _NUMERIC.fullmatch(re.sub(r"(?<=:\d\d) ?(?:UTC|GMT|Z|[+-]\d{2}:?\d{2})$", "", text))
        if found is None:
            return
        first, mark, second = int(found[1]), found[2], int(found[3])
        self._is_unsettled.add(mark)
        if first > MONTHS >= second:
            self._days.setdefault((mark, "day"), text)
        elif second > MONTHS >= first:
            self._days.setdefault((mark, "month"), text)

    def _by_order(self, text: str) -> tuple[datetime, bool] | None:
        """Parse a numeric date in the order that other dates have shown."""
        found = _NUMERIC.fullmatch(text)
        order = self.orders.get(found[2]) if found else None
        if found is None or order is None:
            return None
        day, month = (found[1], found[3]) if order == "day" else (found[3], found[1])
        try:
            return _build(found, int(month), int(day))
        except ValueError:
            return None

    def _by_format(self, text: str) -> _Reading | None:
        plain = _with_english_months(text)
        for format_ in self._formats:
            try:
                parsed = datetime.strptime(plain, format_)  # noqa: DTZ007  (the zone follows)
            except ValueError:
                continue
            return self._place(parsed, is_day=not re.search(r"%[HIMSfp]", format_))
        return None

    def _by_shape(self, text: str) -> _Reading | None:
        """Parse what can mean only one time: an epoch, a local ISO time, or a date with the name of its month."""
        if text.isascii() and text.isdigit() and len(text) in _EPOCH_DIGITS:
            epoch = _from_epoch(text)
            return _Reading(epoch, epoch) if epoch else None
        if (wrapped := _EPOCH_IN_TEXT.fullmatch(text)) is not None:
            epoch = _from_epoch(wrapped[1] or wrapped[2])
            return _Reading(epoch, epoch) if epoch else None
        offset = None
        text = _to_usual_order(text)
        plain = re.sub(r"\s*\((?:[A-Za-z ]|[+:\d-])+\)$", "", text)
        if not _DAY.fullmatch(plain):
            if (named := _NAMED_ZONE.fullmatch(plain)) is not None:
                plain, offset = named[1], timedelta(0)
            elif (found := _WITH_OFFSET.fullmatch(plain)) is not None and ":" in found[1]:
                sign = -1 if found[2].startswith("-") else 1
                offset = sign * timedelta(hours=int(found[2][1:]), minutes=int(found[3]))
                plain = found[1]
        parsed = _parse_plain(plain.strip()) or self._by_order(plain.strip())
        if parsed is None:
            return None
        moment, is_day = parsed
        try:
            if offset is not None and not is_day:
                return _Reading((moment - offset).replace(tzinfo=UTC), moment)
            return self._place(moment, is_day=is_day)
        except OverflowError:
            return None

    def _place(self, moment: datetime, *, is_day: bool) -> _Reading:
        if moment.tzinfo is not None:
            return _Reading(moment.astimezone(UTC), moment)
        if is_day:
            return _Reading(moment.replace(tzinfo=UTC), moment)
        return _Reading(moment.replace(tzinfo=self._zone).astimezone(UTC), moment, not self._has_zone)


def _with_written(moment: datetime, text: str) -> _Reading:
    """Return a time in ISO format with the time as it is written, before its offset was applied."""
    return _Reading(moment, datetime.fromisoformat(text.upper()))


def _orders_of_formats(formats: Sequence[str]) -> dict[str, Order]:
    """Return the order of day and month that formats of `strptime` have, by their separator."""
    found = {(match[2], match[1]) for one in formats if (match := _ORDER_IN_FORMAT.match(one))}
    orders: dict[str, Order] = {mark: "day" if first == "d" else "month" for mark, first in found}
    return {mark: order for mark, order in orders.items() if sum(other == mark for other, _ in found) == 1}


def list_formats(text: str) -> str:
    """Return the formats that a date in digits may have, the day first and the month first."""
    found = _AMBIGUOUS.fullmatch(text)
    if found is None:
        return "`DD/MM/YYYY`"
    mark, rest = text[found.end(1)], text[found.end(3) :]
    clock = re.sub(r"\d+", lambda number: ("HH", "mm", "ss")[min(rest[: number.start()].count(":"), 2)], rest)
    if re.search(r"[AaPp]\.?[Mm]\.?", clock):
        clock = re.sub(r"[AaPp]\.?[Mm]\.?", "a", clock.replace("HH", "hh"))
    year = "YYYY" if len(found[3]) == len("YYYY") else "YY"
    orders = (("DD", "MM", int(found[2])), ("MM", "DD", int(found[1])))
    formats = [f"`{first}{mark}{second}{mark}{year}{clock}`" for first, second, month in orders if month <= MONTHS]
    return " or ".join(formats)


def to_strptime(format_: str) -> str:
    """Return a format such as `DD.MM.YYYY HH:mm` or `dd/MMM/yy h:mm a` in the codes of `strptime`."""
    if "%" in format_:
        return format_
    return "".join(
        _TOKENS.get(token) or token.strip("'") or token for token in (match[0] for match in _TOKEN.finditer(format_))
    )


def parse_zone(name: str) -> tzinfo:
    """Return a time zone by its IANA name, such as `Europe/Berlin`.

    Raises:
        ValueError: there is no such zone.
    """
    if name.upper() in ("UTC", "Z", "GMT"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone; use a name such as `Europe/Berlin` or `UTC`") from None


def _to_usual_order(text: str) -> str:
    """Return a date of China and Japan, in Spanish or Portuguese, without separators or of Unix in a usual form."""
    text = re.sub(r"(\d{4}) ?年 ?(\d{1,2}) ?月 ?(\d{1,2}) ?日", r"\1-\2-\3", text)
    text = re.sub(r"(\d{1,2}) ?[時时] ?(\d{1,2}) ?分(?: ?(\d{1,2}) ?秒)?", _clock, text)
    text = re.sub(r"(?<=\w) de (?=\w)", " ", text)
    text = re.sub(r"(\d{4})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2}))?(?=$|[Z+ -])", _with_separators, text, count=1)
    return re.sub(r"(\d{1,2}:\d{2}:\d{2}) (UTC|GMT) (\d{4})$", r"\1 \3 \2", text)


def _clock(found: re.Match[str]) -> str:
    return f"{found[1]}:{int(found[2]):02}" + (f":{int(found[3]):02}" if found[3] else "")


def _with_separators(found: re.Match[str]) -> str:
    """Return a date without separators (ISO 8601, basic format) with them."""
    day = "-".join(found.groups()[:3])
    return day if found[4] is None else f"{day} {':'.join(found.groups()[3:])}"


def _from_epoch(digits: str) -> datetime | None:
    unit = _EPOCH_DIGITS.get(len(digits))
    return from_micros(int(digits) * unit) if unit else None


def _fail(value: Any) -> datetime:
    return parse_timestamp(value)


def _parse_plain(text: str) -> tuple[datetime, bool] | None:
    """Return a local time, and whether it is a whole day."""
    try:
        if (day := _DAY.fullmatch(text)) is not None:
            return datetime(int(day[1]), int(day[2]), int(day[3])), True  # noqa: DTZ001
        if _LOCAL_TIME.fullmatch(text):
            bare, _, clock = text.replace("T", " ").replace("t", " ").replace(",", ".").partition(" ")
            year, month, day_ = bare.split("-")
            hour, _, rest = clock.partition(":")
            iso = f"{year}-{int(month):02}-{int(day_):02}T{int(hour):02}:{rest}"
            return datetime.fromisoformat(iso), False
        if (named := _YEAR_FIRST.fullmatch(text)) is not None:
            return _build(named, int(named["m"]))
        if (named := _DATE_WITH_NAME.fullmatch(text)) is not None:
            month_ = month_number(named["m"] or named["m2"])
            return _build(named, month_) if month_ else None
    except ValueError:
        return None
    return None


def _build(found: re.Match[str], month: int, day: int | None = None) -> tuple[datetime, bool]:
    parts = found.groupdict()
    year = int(found["y"]) + (2000 if len(found["y"]) == 2 else 0)  # noqa: PLR2004
    hour, minute, second = int(found["h"] or 0), int(found["mi"] or 0), int(found["s"] or 0)
    has_time = found["h"] is not None
    if parts.get("hms1"):
        hour, minute, second = ([int(part) for part in parts["hms1"].strip().split(":")] + [0])[:3]
        has_time = True
    if parts.get("ap"):
        if not 1 <= hour <= 12:  # noqa: PLR2004
            raise ValueError
        hour = hour % 12 + (12 if parts["ap"] in "pP" else 0)
    day = day or int(parts.get("d") or parts.get("d2") or 0)
    return datetime(year, month, day, hour, minute, second), not has_time  # noqa: DTZ001


def month_number(name: str) -> int | None:
    """Return the number of a month by its name in a Germanic or Romance language, or by its abbreviation."""
    folded = name.casefold().rstrip(".")
    for length in (len(folded), 4, 3):
        if folded[:length] in _MONTHS:
            return _MONTHS[folded[:length]]
    return None


def _with_english_months(text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        number = month_number(match[0])
        if number is None or match[0].casefold() in ("am", "pm"):
            return match[0]
        return (
            _ENGLISH[number - 1]
            if len(match[0].rstrip(".")) <= LONGEST_ABBREVIATION and match[0].casefold() not in _FULL
            else _FULL_OF[number]
        )

    return _MONTH_NAME.sub(replace, text)


_FULL_OF: Final = dict(
    enumerate(
        (
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ),
        1,
    )
)
_FULL: Final = frozenset(
    {"march", "april", "june", "july", "august", "mars", "juin", "août", "abril", "mayo", "enero", "junio", "julio"}
)
