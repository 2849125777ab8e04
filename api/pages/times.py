"""The time that a page shows: one parser of `as_of`, `known_at` and `compare` for all pages.

Addresses contain absolute times only, so that a shared address shows the same to everybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from api.problems import unprocessable
from domain.times import to_zone
from domain.values import from_micros, parse_timestamp, to_micros
from projections.queries.timepoint import NOW, TimePoint

NAMES: Final = ("as_of", "known_at", "compare", "compare_known_at")
"""The parameters that belong to the time of a page; every link keeps them."""
NOW_WORD: Final = "now"
_EARLIEST: Final = to_micros(datetime(2, 1, 1, tzinfo=UTC))
"""Pages also show what changed in the weeks and months before the time that is asked for."""
_LOCAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?")


def format_address_time(micros: int) -> str:
    """Return a time for an address: RFC 3339 in UTC, without digits that are zero."""
    time = from_micros(micros).astimezone(UTC).replace(tzinfo=None)
    if time.microsecond == time.second == time.minute == time.hour == 0:
        return time.date().isoformat()
    return time.isoformat(timespec="microseconds" if time.microsecond else "seconds") + "Z"


@dataclass(frozen=True, slots=True)
class Preset:
    """A time that a reader may want, with what it is called."""

    label: str
    micros: int

    @property
    def address_time(self) -> str:
        return format_address_time(self.micros)


@dataclass(frozen=True, slots=True)
class PageTime:
    """The time that a page shows, and the time it is compared with, if any."""

    point: TimePoint
    compared: TimePoint | None
    now: int
    """The server's time in microseconds since 1970."""
    zone: tzinfo

    @property
    def is_now(self) -> bool:
        """Whether the page shows what is in effect now, by everything that is known now."""
        return self.point == NOW

    @property
    def valid_time(self) -> int:
        """The valid time that the page shows, in microseconds since 1970."""
        return self.now if self.point.as_of is None else self.point.as_of

    @property
    def today(self) -> date:
        """The day that the page shows, where the reader is."""
        return to_zone(from_micros(self.valid_time), self.zone).date()

    def start_of_day(self, micros: int) -> datetime:
        """Return when the day of a time begins, where the reader is."""
        return to_zone(from_micros(micros), self.zone).replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def is_compared_with_later(self) -> bool:
        """Whether the page is compared with a later time, so that its own values are the old ones."""
        if self.compared is None:
            return False
        other = self.now if self.compared.as_of is None else self.compared.as_of
        if other != self.valid_time:
            return other > self.valid_time
        return (self.compared.known_at or self.now) > (self.point.known_at or self.now)

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of an address that shows the same time."""
        found = {"as_of": self.point.as_of, "known_at": self.point.known_at}
        parameters = {name: format_address_time(value) for name, value in found.items() if value is not None}
        if self.compared is not None:
            as_of, known_at = self.compared.as_of, self.compared.known_at
            parameters["compare"] = NOW_WORD if as_of is None else format_address_time(as_of)
            if known_at is not None:
                parameters["compare_known_at"] = format_address_time(known_at)
        return parameters

    def presets(self, last_looked: int | None = None, last_report: int | None = None) -> list[Preset]:
        """Return the times that are offered on every page; those that are known of the last visit and report first."""
        own = {"Since I last looked": last_looked, "The last report": last_report}
        today = self.start_of_day(self.now)
        quarter = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
        days = {
            "Yesterday": today - timedelta(days=1),
            "A week ago": today - timedelta(days=7),
            "A month ago": today - timedelta(days=30),
            "Start of the quarter": quarter,
            "Start of the year": today.replace(month=1, day=1),
        }
        found = [Preset(label, micros) for label, micros in own.items() if micros is not None]
        return [*found, *(Preset(label, to_micros(time.astimezone(UTC))) for label, time in days.items())]


def parse_page_time(query: Mapping[str, str], now: int, zone: tzinfo = UTC) -> PageTime:
    """Return the time of a page from the parameters of its address. Empty parameters are like missing ones.

    Raises:
        HttpProblem: 422 naming the parameter that is not a time.
    """
    given = {name: query[name].strip() for name in NAMES if query.get(name, "").strip()}
    times = {name: parse_time(given.get(name), name, zone) for name in NAMES}
    compared = TimePoint(times["compare"], times["compare_known_at"]) if "compare" in given else None
    return PageTime(TimePoint(times["as_of"], times["known_at"]), compared, now, zone)


def parse_time(text: str | None, name: str, zone: tzinfo) -> int | None:
    """Return microseconds since 1970; None means now. A time without an offset is in the zone.

    Raises:
        HttpProblem: 422 naming the parameter if it is not a time.
    """
    if text is None or text == NOW_WORD:
        return None
    try:
        is_local = _LOCAL.fullmatch(text)
        found = datetime.fromisoformat(text).replace(tzinfo=zone) if is_local else parse_timestamp(text)
        micros = to_micros(found.astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise unprocessable(f"`{name}` {error}", field=name) from None
    if micros < _EARLIEST:
        raise unprocessable(f"`{name}` must be in the year 2 or later", field=name)
    return micros
