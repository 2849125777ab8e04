"""Values are shown whatever imported history has in their place."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from api.pages.references import Candidate, find_one, list_candidates
from api.pages.times import PageTime
from api.pages.value_formats import format_money, format_time, input_time, quantity
from domain.times import parse_timestamp, to_micros
from projections.queries.timepoint import TimePoint
from tests.support_log import LocalService

NOT_NUMBERS = ["9" * 5_000, "--5", "-", "²", "1.5", ""]


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_what_is_no_number_is_shown_as_it_is(text: str) -> None:
    """A quantity and an amount that are no number of the log are shown unchanged."""
    assert quantity(text, "sailors") == f"{text} sailors".strip()
    assert format_money(f"{text} EUR") == f"{text} EUR"


def test_a_number_is_shown_with_separators() -> None:
    """Thousands are separated in quantities and amounts."""
    assert quantity(-6204, "sailors") == "-6,204 sailors"
    assert format_money("6000 EUR") == "6,000 EUR"


def test_the_number_of_a_decision_is_not_read_from_its_title(service: LocalService) -> None:
    """Decisions without a number are listed, too, whatever their titles begin with."""
    titles = ["²", "x-²", "x-" + "9" * 100, "7"]
    for number, title in enumerate(titles):
        body = {"key": f"d{number}", "title": title, "decision": "D", "why": "W", "accountable": "Ada Lovelace"}
        assert service.post("/decisions", body).status_code == 201
    service.rows("/decisions")

    with service.app.state.services.read() as read:
        found: list[Candidate] = list_candidates(read, "decision")

    assert [find_one(title, found, "decision") for title in titles] == [f"decision:d{n}" for n in range(len(titles))]


@pytest.mark.parametrize(
    ("zone", "time"), [("Asia/Tokyo", "9999-12-31T23:00:00Z"), ("America/New_York", "0001-01-01T01:00:00Z")]
)
def test_a_time_that_a_zone_has_no_year_for_is_shown_in_utc(zone: str, time: str) -> None:
    """It was given as such, so a page can show it."""
    shown = PageTime(TimePoint(to_micros(parse_timestamp(time))), None, 0, ZoneInfo(zone))

    assert format_time(time, ZoneInfo(zone)).endswith(time[11:16])
    assert input_time(shown.point.as_of, ZoneInfo(zone)).endswith(time[11:16])
    assert shown.today.isoformat() == time[:10]
