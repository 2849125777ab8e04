"""The CSV that a page offers has all its rows, in parts if one answer of the API cannot hold them."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from html import unescape

import pytest

from api.admission import Admission, Limits
from tests.support_log import LocalService
from tests.support_pages import PageReader, text_of

PART = re.compile(r'href="(/v1/[^"]+)" download="rows-')
NEXT = re.compile(r'href="([^"]+)" rel="next"')
BUTTON = re.compile(r'href="([^"]+)">Export these as CSV')


@pytest.fixture
def recorded(service: LocalService) -> LocalService:
    """A log of some entries, and a journal of some rows."""
    service.post("/products", {"title": "Shop", "key": "shop"})
    for n in range(12):
        service.post("/features", {"title": f"Feature {n}", "products": ["product:shop"]})
        service.log.journal.record("export", what=str(n))
    service.log.journal.write()
    return service


def _rows(service: LocalService, address: str) -> list[dict[str, str]]:
    response = service.client.get(address)
    assert response.headers["content-type"].startswith("text/csv"), response.text
    return list(csv.DictReader(response.text.splitlines()))


def _parts(service: LocalService, address: str | None) -> list[list[dict[str, str]]]:
    found = []
    while address:
        page = service.client.get(address).text
        found.append(_rows(service, unescape(PART.search(page)[1])))
        following = NEXT.search(page)
        address = unescape(following[1]) if following else None
    return found


@pytest.mark.parametrize("path", ["/audit", "/activity?kind=export&source=access", "/access-journal?kind=export"])
def test_an_export_that_fits_is_one_file(recorded: LocalService, path: str) -> None:
    """The button leads to it, with the filters of the page."""
    button = unescape(BUTTON.search(recorded.client.get(path).text)[1])

    rows = _rows(recorded, button)

    assert len(rows) == (recorded.log.head().size if path == "/audit" else 12)


@pytest.mark.parametrize("path", ["/audit", "/activity?source=log"])
def test_large_rows_are_exported_in_parts(recorded: LocalService, path: str) -> None:
    """Together they have every row once, and each part says which it has."""
    small = Admission(Limits(page_bytes=4_000))
    recorded.app.state.services = replace(recorded.app.state.services, questions=small)
    size = recorded.log.head().size

    parts = _parts(recorded, f"{path}{'&' if '?' in path else '?'}export=true")

    assert len(parts) > 1
    assert [int(row["position"]) for part in parts for row in part] == list(range(size, 0, -1))


def test_many_rows_are_exported_in_parts(recorded: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the access journal, too, whose parts end after a number of rows."""
    monkeypatch.setattr("api.pages.csv_parts.PART_ROWS", 5)

    parts = _parts(recorded, "/access-journal?kind=export&export=true")

    assert [len(part) for part in parts][:2] == [5, 5]
    numbers = [int(row["number"]) for part in parts for row in part]
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) >= 12


def test_a_part_says_how_many_of_how_many(recorded: LocalService, pages: PageReader, monkeypatch) -> None:
    """So that it is not taken for the whole."""
    monkeypatch.setattr("api.pages.csv_parts.PART_ROWS", 5)

    text = text_of(pages.get("/audit", export="true"))

    assert f"this part has rows 1 to 5 of {recorded.log.head().size}" in text
    pages.get("/audit", 422, export="true", cursor="00")


def test_access_is_shown_between_the_events_of_a_page_that_ends_by_its_size(recorded: LocalService) -> None:
    """A cut among the events is the end of the page, which has a cursor: no access beyond it appears before it."""
    small = Admission(Limits(page_bytes=4_000))
    recorded.app.state.services = replace(recorded.app.state.services, questions=small)
    found, cursor = [], None
    while True:
        answer = recorded.get("/activity", limit=1_000, **({"cursor": cursor} if cursor else {}))
        found += answer["rows"]
        if not (cursor := answer.get("next")):
            break

    times = [row["at"] for row in found]
    assert times == sorted(times, reverse=True)
    assert [row["position"] for row in found if row["position"]] == list(range(recorded.log.head().size, 0, -1))
