"""Home reads the features that it shows, not the whole roadmap."""

from __future__ import annotations

from typing import Any

import pytest

from api.pages import cards
from tests.support_log import LocalService
from tests.support_pages import PageReader, text_of


@pytest.fixture
def roadmap(service: LocalService) -> LocalService:
    """Features that are late by their own day or by their release's, some that are now, and many that are later."""
    service.post("/products", {"title": "Shop", "key": "shop"})
    for version, due_on in (("1", "2024-01-31"), ("2", "2090-01-31"), ("3", None)):
        release = {"products": ["product:shop"], "version": version, "key": f"r{version}"}
        service.post("/releases", {**release, **({"due_on": due_on} if due_on else {})})
    _add(service, "Overdue", "next", day="2024-02-01")
    _add(service, "Behind", "now", release="release:r1", milestone="beta")
    _add(service, "Current", "now", release="release:r2")
    _add(service, "Shipped", "now", day="2024-02-01")
    service.post("/features/shipped/ship")
    for n in range(30):
        target = ({"day": "2090-01-01"}, {"release": "release:r2"}, {"release": "release:r3"})[n % 3]
        _add(service, f"Later{n}", "later", **target)
    return service


def _add(service: LocalService, title: str, horizon: str, **target: str) -> None:
    key = title.lower()
    service.post("/features", {"title": title, "key": key, "products": ["product:shop"]})
    service.post(f"/features/{key}/prioritize", {"horizon": horizon})
    response = service.post(f"/features/{key}/target", target)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("view", "shown"),
    [("manager", {"Overdue", "Behind", "Current"}), ("superior", {"Overdue", "Behind"})],
)
def test_home_reads_only_the_features_that_it_shows(
    roadmap: LocalService, pages: PageReader, monkeypatch: pytest.MonkeyPatch, view: str, shown: set[str]
) -> None:
    """These are the open features that are late, for a manager also those of now."""
    found: set[str] = set()
    of_all = cards.list_cards

    def count(*of: Any) -> list[cards.Card]:
        listed = of_all(*of)
        found.update(card.title for card in listed)
        return listed

    monkeypatch.setattr(cards, "list_cards", count)
    page = text_of(pages.get("/", view=view))

    assert found - {"Shipped"} == shown
    assert all(title in page for title in shown)
