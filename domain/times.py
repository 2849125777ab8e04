"""Times as the log stores and shows them: microseconds since 1970, and RFC 3339 in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final

MAX_INTEGER: Final = 2**53 - 1
"""The largest integer that every JSON parser reads exactly (RFC 8785), and so the last time that can be stored."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_IN_UTC: Final = _EPOCH.replace(tzinfo=None)
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROS_PER_MINUTE: Final = 60_000_000
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_START_OF_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")


DURATION_PATTERN: Final = "([1-9][0-9]{0,5})([hdwy])"
"""A number of hours, days, weeks or years of 365 days, such as `90d`."""
_DURATION: Final = re.compile(DURATION_PATTERN)
_HOURS: Final = {"h": 1, "d": 24, "w": 24 * 7, "y": 24 * 365}


def parse_duration(text: str) -> timedelta | None:
    """Return the duration that a text such as `90d` means, or None."""
    match = _DURATION.fullmatch(text)
    return None if match is None else timedelta(hours=int(match[1]) * _HOURS[match[2]])


def to_micros(time: datetime) -> int:
    """Return microseconds since 1970-01-01T00:00Z, negative before it; exact for all years."""
    return (time - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """Return the time that many microseconds after 1970-01-01T00:00Z."""
    return _EPOCH + timedelta(microseconds=value)


def format_timestamp(time: datetime) -> str:
    """Format a time as RFC 3339 in UTC, with six digits and `Z`: the only format in entries and answers."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def to_zone(time: datetime, zone: tzinfo | None) -> datetime:
    """Return a time in a zone, None for that of the system; in UTC if the zone has no year for it, below 1 or above 9999."""
    try:
        return time.astimezone(zone)
    except OverflowError:
        return time.astimezone(UTC)


def format_micros(value: int) -> str:
    """Format microseconds since 1970 in the same way as `format_timestamp`."""
    minute, rest = divmod(value, _MICROS_PER_MINUTE)
    second, micros = divmod(rest, 1_000_000)
    return f"{_format_minute(minute)}:{second:02}.{micros:06}Z"


@lru_cache(1024)
def _format_minute(minutes: int) -> str:
    """Format a time to the minute; cached, because the entries of one answer often share it."""
    return (_EPOCH_IN_UTC + timedelta(minutes=minutes)).isoformat(timespec="minutes")


def parse_timestamp(value: object) -> datetime:
    """Parse an RFC 3339 time with an offset, or a date, which means midnight UTC.

    Raises:
        ValueError: it is neither, has no offset, or is outside the years 1 to 9999.
    """
    if isinstance(value, datetime):
        parsed = value
    elif isinstance(value, str) and _DAY.fullmatch(value):
        parsed = datetime.combine(date.fromisoformat(value), time(0), tzinfo=UTC)
    elif isinstance(value, str) and _START_OF_TIME.match(value):
        parsed = _parse_iso(value)
    else:
        raise ValueError("must be a time such as 2025-03-01T09:30:00Z, or a date such as 2025-03-01 for midnight UTC")
    if parsed.tzinfo is None:
        raise ValueError("needs an offset from UTC, such as 2025-03-01T09:30:00Z or 2025-03-01T10:30:00+01:00")
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be between the years 1 and 9999 in UTC") from None


def parse_micros(value: object) -> int:
    """Return the microseconds since 1970 of a time that `parse_timestamp` parses, and raise as it does."""
    return to_micros(parse_timestamp(value))


def _parse_iso(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        hint = "; in a URL, write `+` as `%2B`" if re.search(r" [0-9]{2}:?[0-9]{2}$", value) else ""
        raise ValueError(
            f"{value!r} is not a valid time; write it like 2025-03-01T09:30:00Z or 2025-03-01T10:30:00+01:00{hint}"
        ) from None
