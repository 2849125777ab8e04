"""What Home says of the reviews of decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.values import from_micros
from tests.support_log import LocalService
from tests.support_pages import PageReader, text_of


@pytest.mark.parametrize(
    ("days_ago", "shown"), [(0, "review due today"), (1, "review 1 day late"), (3, "review 3 days late"), (-1, None)]
)
@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Auckland"])
def test_a_review_is_late_from_the_day_after(
    service: LocalService, pages: PageReader, days_ago: int, shown: str | None, zone: str
) -> None:
    """On its day a review is due, and it is late from the next day on, in the time zone of the page."""
    service.app.state.services = replace(service.app.state.services, zone=ZoneInfo(zone))
    today = from_micros(service.clock()).astimezone(ZoneInfo(zone)).date()
    decision = {"title": "Sell tea", "decision": "Tea.", "why": "It is warm.", "accountable": service.ada}
    review_on = (today - timedelta(days=days_ago)).isoformat()
    assert service.post("/decisions", {**decision, "key": "tea", "review_on": review_on}).status_code == 201

    home = text_of(pages.get("/"))

    if shown is None:
        assert "review " not in home
    else:
        assert shown in home
