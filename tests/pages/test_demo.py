"""The demo is loaded into an empty log with a button, once, by an administrator."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.values import to_micros
from tests.support_log import ALL_SCOPES, LocalService, quiet_token
from tests.support_pages import PageReader, text_of

NOW = to_micros(datetime(2026, 11, 26, 12, tzinfo=UTC))


@pytest.fixture
def service(tmp_path):
    times = iter(range(NOW, NOW + 10**12, 1_000))
    with LocalService(tmp_path, clock=lambda: next(times)) as opened:
        yield opened


def _send(service: LocalService, **values: str):
    return service.client.post("/demo", data=values, follow_redirects=False)


def test_the_demo_is_loaded_into_an_empty_log_after_a_confirmation(service):
    """Its year ends today: the roadmap of a past day is that of the story, and every entry says that it is the demo's."""
    pages = PageReader(service)
    assert 'href="/demo"' in pages.get("/")
    assert _send(service, confirmed="").status_code == 422
    before = service.log.head().size

    answer = _send(service, confirmed="yes")

    assert answer.status_code == 303, text_of(answer.text)
    assert len(service.rows("/decisions", limit=1000)) >= 60
    open_now, open_then = (
        {row["subject"] for row in service.rows("/roadmap", layout="table", **when)}
        for when in ({}, {"as_of": "2026-03-01"})
    )
    assert open_then
    assert open_then < open_now
    channels = {row["source"]["channel"] for row in service.rows("/audit", limit=2000) if row["position"] > before}
    assert channels == {"demo"}
    assert "Hello" in text_of(pages.get("/"))
    assert _send(service, confirmed="yes").status_code == 409


def test_a_log_with_content_does_not_take_the_demo(service):
    """Its first product is enough."""
    service.post("/products", {"key": "tide", "title": "Tideline"})
    before = service.log.head().size

    assert "has content already" in text_of(PageReader(service).get("/demo"))
    assert _send(service, confirmed="yes").status_code == 409
    assert service.log.head().size == before


def test_only_an_administrator_loads_the_demo(service):
    """A manager neither sees the button nor may send the form."""
    bob = service.person("Bob Bee")
    service.log.default_role = "manager"
    service.client = service.client_of(quiet_token(service.log, bob, ALL_SCOPES))

    assert 'href="/demo"' not in PageReader(service).get("/")
    assert _send(service, confirmed="yes").status_code == 403
