"""Instants as people say them."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pages.times import PageTime
from cli.dates import Zone, parse_day, parse_time
from domain.values import from_micros, to_micros
from projections.queries.timepoint import NOW as NOW_POINT

NOW = datetime(2025, 5, 14, 16, 30, 15, tzinfo=UTC)
"""A Wednesday."""
ZONES = ("America/Los_Angeles", "America/New_York", "Pacific/Honolulu", "UTC", "Europe/Berlin", "Asia/Tokyo")
BERLIN = Zone(ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("now", "2025-05-14T16:30:15"),
        ("2025-03-01", "2025-03-01T00:00:00"),
        ("2025-03-01T09:30:00Z", "2025-03-01T09:30:00"),
        ("2025-03-01 09:30:00+02:00", "2025-03-01T07:30:00"),
        ("2025-03-01 09:30", "2025-03-01T09:30:00"),
        ("2025-03-01T09:30:10", "2025-03-01T09:30:10"),
        ("today", "2025-05-14T00:00:00"),
        ("Yesterday", "2025-05-13T00:00:00"),
        ("yesterday at 9:05", "2025-05-13T09:05:00"),
        ("tomorrow", "2025-05-15T00:00:00"),
        ("9:05", "2025-05-14T09:05:00"),
        ("30 seconds ago", "2025-05-14T16:29:45"),
        ("an hour ago", "2025-05-14T15:30:15"),
        ("2 weeks ago", "2025-04-30T16:30:15"),
        ("three days ago", "2025-05-11T16:30:15"),
        ("in 2 months", "2025-07-14T16:30:15"),
        ("3 months ago", "2025-02-14T16:30:15"),
        ("a quarter ago", "2025-02-14T16:30:15"),
        ("2 years ago", "2023-05-14T16:30:15"),
        ("this week", "2025-05-12T00:00:00"),
        ("last week", "2025-05-05T00:00:00"),
        ("next week", "2025-05-19T00:00:00"),
        ("this month", "2025-05-01T00:00:00"),
        ("last month", "2025-04-01T00:00:00"),
        ("this quarter", "2025-04-01T00:00:00"),
        ("last quarter", "2025-01-01T00:00:00"),
        ("end of last quarter", "2025-04-01T00:00:00"),
        ("last year", "2024-01-01T00:00:00"),
        ("next year", "2026-01-01T00:00:00"),
        ("end of the month", "2025-06-01T00:00:00"),
        ("end of this month", "2025-06-01T00:00:00"),
        ("start of 2024", "2024-01-01T00:00:00"),
        ("end of 2024", "2025-01-01T00:00:00"),
        ("wednesday", "2025-05-14T00:00:00"),
        ("monday", "2025-05-12T00:00:00"),
        ("last wednesday", "2025-05-07T00:00:00"),
        ("last friday", "2025-05-09T00:00:00"),
        ("next wednesday", "2025-05-21T00:00:00"),
        ("next friday", "2025-05-16T00:00:00"),
        ("this wednesday", "2025-05-14T00:00:00"),
        ("this friday", "2025-05-16T00:00:00"),
        ("this tuesday", "2025-05-20T00:00:00"),
        ("2024", "2024-01-01T00:00:00"),
        ("2024-11", "2024-11-01T00:00:00"),
        ("2025-W10", "2025-03-03T00:00:00"),
        ("Q1 2025", "2025-01-01T00:00:00"),
        ("2024-q4", "2024-10-01T00:00:00"),
        ("March 2024", "2024-03-01T00:00:00"),
        ("1 March 2024", "2024-03-01T00:00:00"),
        ("March 2nd, 2024", "2024-03-02T00:00:00"),
        ("on 3 sep", "2024-09-03T00:00:00"),
        ("may", "2025-05-01T00:00:00"),
        ("june", "2024-06-01T00:00:00"),
        ("2025-02-30", None),
        ("tea", None),
        ("", None),
        ("99999 years ago", None),
        ("10000-01-01", None),
        ("25:00", None),
        ("last march at 3", None),
        ("march 09:30", None),
    ],
)
def test_what_words_mean(words, meant):
    """Words mean the instant at which what they name begins, and what means none is refused with what would do."""
    if meant is None:
        with pytest.raises(ValueError, match=r"Can't read the time"):
            parse_time(words, NOW, Zone(UTC))
    else:
        assert parse_time(words, NOW, Zone(UTC)).isoformat() == f"{meant}+00:00"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("2025-03-01", "2025-02-28T23:00:00"),
        ("2025-07-01", "2025-06-30T22:00:00"),
        ("yesterday 14:00", "2025-05-13T12:00:00"),
        ("2 months ago", "2025-03-14T17:30:15"),
        ("2025-03-30 02:30", "2025-03-30T01:30:00"),
        ("2025-10-26 02:30", "2025-10-26T00:30:00"),
        ("2025-03-01T00:00:00Z", "2025-03-01T00:00:00"),
    ],
)
def test_where_the_reader_is(words, meant):
    """A day begins when it does for the reader, also where the clock was set on or back in between."""
    assert parse_time(words, NOW, BERLIN).isoformat() == f"{meant}+00:00"


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "America/New_York", "UTC", "Europe/Berlin", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("today", "2025-05-14"),
        ("tomorrow", "2025-05-15"),
        ("this friday", "2025-05-16"),
        ("next friday", "2025-05-16"),
        ("next wednesday", "2025-05-21"),
        ("next week", "2025-05-19"),
        ("next month", "2025-06-01"),
        ("in 2 weeks", "2025-05-28"),
        ("in a month", "2025-06-14"),
        ("tomorrow 23:30", "2025-05-15"),
        ("2025-03-01", "2025-03-01"),
    ],
)
def test_a_day_is_that_of_the_calendar_of_the_reader(words, day, zone):
    """Words for a day mean that day in every zone, also west of Greenwich, at any time of the day."""
    reader = Zone(ZoneInfo(zone))
    for hour in (0, 12, 23):
        now = reader.to_aware(datetime(2025, 5, 14, hour, 30))  # noqa: DTZ001  (what a clock shows)

        assert parse_day(words, now, reader) == date.fromisoformat(day)


@pytest.mark.parametrize("words", ["tea", "in 99999 years", "2025-02-30"])
def test_what_means_no_day_is_not_parsed(words):
    """Words that mean no day of the years 1 to 9999 are none."""
    assert parse_day(words, NOW, Zone(UTC)) is None


def test_the_end_of_february():
    """Some months before a day that the month does not have means its last day."""
    now = datetime(2024, 3, 31, 12, tzinfo=UTC)

    assert parse_time("a month ago", now, Zone(UTC)) == datetime(2024, 2, 29, 12, tzinfo=UTC)


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001  (what a clock shows)
    st.integers(-14, 14).map(lambda hours: Zone(timezone(timedelta(hours=hours)))),
)
def test_what_is_said_is_understood(clock, zone):
    """Every time shown to the reader can be typed in the same words."""
    instant = zone.to_aware(clock.replace(microsecond=0))

    shown = zone.format(instant).rpartition(" ")[0]

    assert parse_time(shown, NOW, zone) == instant


def test_it_is_told_with_its_zone():
    """A time is shown by the reader's clock, with the zone, and with seconds only if they are not zero."""
    assert BERLIN.format(datetime(2025, 3, 1, tzinfo=UTC)) == "2025-03-01 01:00 CET"
    assert BERLIN.format(datetime(2025, 7, 1, 0, 0, 1, tzinfo=UTC)) == "2025-07-01 02:00:01 CEST"


@pytest.mark.parametrize("zone", ZONES)
def test_what_took_effect_on_a_day_is_in_its_period(zone):
    """A day is the same day in every zone: midnight UTC of the first of March is in March, and shown as that day."""
    reader = Zone(ZoneInfo(zone))
    begin = parse_time("2024-03", NOW, reader, "period")
    end = parse_time("end of march 2024", NOW, reader)
    first = datetime(2024, 3, 1, tzinfo=UTC)

    assert begin <= first < end
    shown = reader.day_of(first) or reader.to_local(first).strftime("%Y-%m-%d")
    assert shown == "2024-03-01"


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [0, 9, 21, 23])
def test_what_happened_at_a_time_is_in_the_period_of_the_day_of_the_reader(zone, hour):
    """In no zone does the evening of its last day belong to the next one."""
    reader = Zone(ZoneInfo(zone))
    begin = parse_time("2026-11-20", NOW, reader, "period")
    end = parse_time("2026-11-21", NOW, reader)

    assert begin <= reader.to_aware(datetime(2026, 11, 20, hour, 30)) < end  # noqa: DTZ001  (what a clock shows)


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_begins_at_midnight_of_the_reader(zone):
    """So `yesterday` is the time that pages offer by that name, also west of Greenwich in the evening."""
    reader = Zone(ZoneInfo(zone))
    now = reader.to_aware(datetime(2026, 11, 27, 19, 20))  # noqa: DTZ001  (what a clock shows)

    found = parse_time("yesterday", now, reader)

    assert reader.to_local(found).replace(tzinfo=None) == datetime(2026, 11, 26)  # noqa: DTZ001
    offered = PageTime(NOW_POINT, None, to_micros(now), ZoneInfo(zone)).presets()
    assert {each.label: from_micros(each.micros) for each in offered}["Yesterday"] == found


@pytest.mark.parametrize("words", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_utc_has_no_year_for_is_refused(words):
    """The message is that of any other time that cannot be read."""
    with pytest.raises(ValueError, match="Can't read the time"):
        parse_time(words, NOW, Zone(UTC))


@pytest.mark.parametrize(
    ("zone", "time"),
    [
        ("Asia/Tokyo", datetime(9999, 12, 31, 23, tzinfo=UTC)),
        ("America/New_York", datetime(1, 1, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_that_a_zone_has_no_year_for_is_shown_in_utc(zone, time):
    """It was given as such, so it can be shown."""
    assert Zone(ZoneInfo(zone)).format(time).endswith(" UTC")
