"""The demo is loaded into an empty log with a button, once, by an administrator."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support_log import ALL_SCOPES, House, quiet_token
from support_pages import PageReader, text_of

from domain.values import to_micros

NOW = to_micros(datetime(2026, 11, 26, 12, tzinfo=UTC))


@pytest.fixture
def house(tmp_path):
    times = iter(range(NOW, NOW + 10**12, 1_000))
    with House(tmp_path, clock=lambda: next(times)) as opened:
        yield opened


def _send(house: House, **values: str):
    return house.client.post("/demo", data=values, follow_redirects=False)


def test_the_demo_is_loaded_into_an_empty_log_after_a_confirmation(house):
    """Its year ends today: the roadmap of a past day is that of the story, and every entry says that it is the demo's."""
    pages = PageReader(house)
    assert 'href="/demo"' in pages.get("/")
    assert _send(house, confirmed="").status_code == 422
    before = house.log.head().size

    answer = _send(house, confirmed="yes")

    assert answer.status_code == 303, text_of(answer.text)
    assert len(house.rows("/decisions", limit=1000)) >= 60
    open_now, open_then = (
        {row["subject"] for row in house.rows("/roadmap", layout="table", **when)}
        for when in ({}, {"as_of": "2026-03-01"})
    )
    assert open_then
    assert open_then < open_now
    channels = {row["source"]["channel"] for row in house.rows("/audit", limit=2000) if row["position"] > before}
    assert channels == {"demo"}
    assert "Good" in text_of(pages.get("/"))
    assert _send(house, confirmed="yes").status_code == 409


def test_a_log_with_content_does_not_take_the_demo(house):
    """Its first product is enough."""
    house.post("/products", {"key": "tide", "title": "Tideline"})
    before = house.log.head().size

    assert "has content already" in text_of(PageReader(house).get("/demo"))
    assert _send(house, confirmed="yes").status_code == 409
    assert house.log.head().size == before


def test_only_an_administrator_loads_the_demo(house):
    """A manager neither sees the button nor may send the form."""
    bob = house.person("Bob Bee")
    house.log.default_role = "manager"
    house.client = house.client_of(quiet_token(house.log, bob, ALL_SCOPES))

    assert 'href="/demo"' not in PageReader(house).get("/")
    assert _send(house, confirmed="yes").status_code == 403
