"""The page of a subject shows its latest events, however many it has."""

from __future__ import annotations

import pytest

from api.pages import decisions, subjects
from tests.support_log import LocalService
from tests.support_pages import PageReader, text_of


def test_a_long_history_shows_the_latest_events(
    service: LocalService, pages: PageReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says how many events there are in all, and leads to the audit trail of the subject."""
    monkeypatch.setattr(subjects, "MAX_HISTORY", 3)
    monkeypatch.setattr(decisions, "MAX_HISTORY", 3)
    service.post("/products", {"title": "Shop", "key": "shop"})
    service.post("/features", {"title": "Cards", "key": "cards", "products": ["product:shop"]})
    for size in range(5):
        service.post("/subjects/feature:cards/attributes", {"name": "size", "value": str(size)})
    decided = {"title": "Go", "decision": "We go.", "why": "Why not?", "accountable": service.ada, "key": "go"}
    service.post("/decisions", decided)

    page = pages.get("/features/cards")
    history = text_of(page[page.index("<h2>History</h2>") :])
    assert history.startswith("History the latest 3 of 6 events")
    assert "size 3 4" in history
    assert "size 0" not in history
    assert "/audit?subject=feature:cards" in page
    assert "All events in the audit trail" not in pages.get("/decisions/go")


def test_a_decision_with_a_long_history_shows_all_its_steps(
    service: LocalService, pages: PageReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it was decided stands on its page, also if later events fill the history."""
    monkeypatch.setattr(decisions, "MAX_HISTORY", 3)
    decided = {"title": "Go", "decision": "We go.", "why": "Why not?", "accountable": service.ada, "key": "go"}
    service.post("/decisions", decided)
    for size in range(5):
        service.post("/subjects/decision:go/attributes", {"name": "size", "value": str(size)})

    page = pages.get("/decisions/go")
    assert "the latest 3 of" in text_of(page)
    steps = page[page.index('<ol class="steps">') : page.index("</ol>")]
    assert text_of(steps).startswith("Decided ")
