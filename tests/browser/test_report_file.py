"""The progress report as the file that is sent: on two sheets of paper, and on a phone."""

from __future__ import annotations

import re

REPORT = "/v1/products/tideline/report?since=2026-08-27&until=2026-11-26&format=html"


def test_the_report_prints_on_two_sheets(demo):
    """A quarter of the demo, with every section, takes at most two pages of A4."""
    with demo.tab() as page:
        page.goto(REPORT)
        headings = page.locator("h2").count()
        printed = page.pdf(prefer_css_page_size=True)

    assert headings > 12
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == 2


def test_the_report_stacks_on_a_phone(demo):
    """On a narrow screen nothing is cut off or scrolls sideways, and the reason is below its event."""
    with demo.tab(width=360, height=740) as page:
        page.goto(REPORT)
        first = page.locator("tbody tr").first
        tops = [cell.bounding_box()["y"] for cell in first.locator("th, td").all()]

        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert tops == sorted(tops)
        assert len(set(tops)) == 4


def test_the_links_of_the_report_lead_to_pages(demo):
    """A reader who is signed in comes from a line to the page of its subject and of its entry."""
    with demo.tab() as page:
        page.goto(REPORT)
        for link in ("tbody th a", "tbody td.who a"):
            href = page.locator(link).first.get_attribute("href")
            response = page.request.get(href)
            assert response.status == 200
            assert "text/html" in response.headers["content-type"]
