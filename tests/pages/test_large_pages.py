"""A page of a large log shows all that it says it shows."""

from __future__ import annotations

from dataclasses import replace

from api.admission import Admission, Limits
from tests.support_log import LocalService
from tests.support_pages import PageReader, text_of


def test_one_part_of_a_page_does_not_cut_another(service: LocalService, pages: PageReader) -> None:
    """Home counts what waits, however much another part of it has read."""
    small = Admission(Limits(page_bytes=1_000))
    service.app.state.services = replace(service.app.state.services, questions=small)
    service.post("/products", {"title": "Shop", "key": "shop"})
    for n in range(5):
        service.post("/features", {"title": f"Feature {n}", "products": ["product:shop"]})

    assert "Needs you 6" in text_of(pages.get("/"))
