"""How pages write values: numbers, amounts, days, times, lists and sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any, Final

from api.pages.labels import status_mark
from domain.times import from_micros, parse_timestamp, to_micros, to_zone

_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")
"""A whole number with as many digits as a number in the log can have."""


def value_parts(value: Mapping[str, Any]) -> list[Any]:
    """Return the members of an object that is the value of a field, in order, without empty ones and positions."""
    match value:
        case {"answer": answer}:  # a finding or a checked constraint; every change already names the person
            return [status_mark(answer).word, *filter(None, [value.get("finding")])]
        case {"amount": int(), "currency": _}:
            return [format_money(value)]
        case {"title": title}:  # an option
            return [title]
    said = [each for name, each in value.items() if each not in (None, [], "") and not name.endswith("_position")]
    return [part for each in said for part in (each if isinstance(each, list) else [each])]


def plain_value(value: Any) -> list[Any]:
    """Return a value as a list of its items, for one way of showing both."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def format_forecast(value: Mapping[str, Any]) -> str:
    """Return an expected outcome: "Berths rented: from 0 to 60 by Nov 16, 2026, 50% likely"."""
    baseline = f"from {value['baseline']} to " if value.get("baseline") else ""
    likely = f", {value['probability']}% likely" if value.get("probability") is not None else ""
    return f"{value['measure']}: {baseline}{value['target']} by {format_day(str(value['due_on']))}{likely}"


def count_of(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: "1 decision", "2 decisions"."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def times_word(number: int) -> str:
    """Return how often: "once", "twice", "3 times"."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def quantity(value: object, unit: str = "") -> str:
    """Return a measured value with its unit: "6,204 sailors", "38%"."""
    text = str(value)
    number = f"{int(text):,}" if _WHOLE_NUMBER.fullmatch(text) else text
    return f"{number}{'' if unit == '%' else ' '}{unit}".strip()


def format_money(value: Any) -> str:
    """Return an amount with its currency: "6,000 EUR", from an amount of the log or of an answer."""
    if isinstance(value, Mapping):
        return f"{value['amount']:,} {value['currency']}"
    amount, blank, currency = str(value).partition(" ")
    return f"{int(amount):,}{blank}{currency}" if _WHOLE_NUMBER.fullmatch(amount) else str(value)


def sentence(text: str) -> str:
    """Return a message as a sentence, with a capital and a period; one that begins with code or an id is left so."""
    begun = text if ":" in text.partition(" ")[0] else text[:1].upper() + text[1:]
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."


def wrong_parts(errors: Iterable[str]) -> set[str]:
    """Return the fields and the items of fields that have an error: `options` and `options.1` for `options.1.title`."""
    parts = [name.split(".") for name in errors if name]
    return {".".join(each[:length]) for each in parts for length in (1, 2)}


@lru_cache(1_024)  # a page shows each time in words, exactly and for scripts
def parse_utc(text: str) -> datetime:
    """Return a time of an answer."""
    return parse_timestamp(text).astimezone(UTC)


def is_day(value: object) -> bool:
    """Return whether a value is a calendar day, such as 2026-07-01."""
    return isinstance(value, str) and len(value) == len("2026-07-01") and parse_day(value) is not None


def parse_day(value: object) -> date | None:
    """Return the calendar day that a value is, if it is one."""
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def format_day(value: str) -> str:
    """Return a calendar day in words: "Jul 1, 2026". What is no day is returned as it is."""
    day = parse_day(value)
    return value if day is None else f"{day:%b} {day.day}, {day.year}"


def format_month(value: str) -> str:
    """Return the month of a day in words: "Jul 2026"."""
    return f"{date.fromisoformat(value):%b %Y}"


@lru_cache(1_024)
def format_time(text: str, zone: tzinfo = UTC, style: str = "minute") -> str:
    """Return a time in words: to the day ("Jul 1, 2026") or to the minute ("Jul 1, 2026, 14:05")."""
    time = to_zone(parse_utc(text), zone)
    day = f"{time:%b} {time.day}, {time.year}"
    return day if style == "day" else f"{day}, {time:%H:%M}"


@lru_cache(1_024)
def exact_time(text: str) -> str:
    """Return a time exactly, in UTC."""
    return f"{parse_utc(text):%Y-%m-%d %H:%M:%S} UTC"


@lru_cache(1_024)
def html_time(text: str) -> str:
    """Return a time for a `datetime` attribute."""
    return f"{parse_utc(text):%Y-%m-%dT%H:%M:%SZ}"


def utc_time(micros: int) -> str:
    """Return a time for scripts, to the second."""
    return f"{from_micros(micros).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def typed_time(text: str, zone: tzinfo = UTC) -> int | None:
    """Return the time that was typed into an input, in microseconds; None if it is none. Without an offset it is in the zone."""
    try:
        time = datetime.fromisoformat(text)
        return to_micros((time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def input_time(micros: int | None, zone: tzinfo = UTC) -> str:
    """Return a time for a `datetime-local` input, in a zone; empty for None."""
    return "" if micros is None else f"{to_zone(from_micros(micros), zone):%Y-%m-%dT%H:%M}"
