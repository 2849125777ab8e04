"""Pages of a log with hundreds of features: the imported history of the Kubernetes enhancements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.support import Site, press, require_browser, serve_corpus

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    require_browser()
    with serve_corpus(tmp_path_factory.mktemp("keps"), browser) as site:
        yield site
        assert site.problems == []


def test_a_board_of_hundreds_shows_some_and_says_how_many_more(corpus):
    """Each column has a link to the rest of its cards."""
    with corpus.tab() as page:
        page.goto("/roadmap?columns=status")
        column = (
            page.locator("section.column").filter(has=page.get_by_role("link", name=re.compile("Show .* more"))).first
        )
        shown = column.locator("article.card").count()
        link = column.get_by_role("link", name=re.compile("Show .* more"))
        hidden = int(re.search(r"\d+", link.inner_text())[0])
        key = column.get_attribute("aria-label")
        link.click()
        assert page.locator(f'section.column[aria-label="{key}"] article.card').count() == shown + hidden


def test_the_board_of_another_year_has_fewer_features_and_one_key_leads_back(corpus):
    """What was open then is a part of what there is now."""
    with corpus.tab() as page:
        page.goto("/roadmap?as_of=2019-06-15")
        then = int(re.search(r"(\d+) open", page.locator("main").inner_text())[1])
        assert page.get_by_role("status").filter(has_text="You are looking at").is_visible()
        press(page, "Escape")
        page.wait_for_url("**/roadmap")
        assert int(re.search(r"(\d+) open", page.locator("main").inner_text())[1]) > then > 0


def test_a_comparison_steps_through_its_changes(corpus):
    """The right arrow focuses the first change that is shown, and then the second."""
    with corpus.tab() as page:
        page.goto("/roadmap?as_of=2021-06-15&compare=2022-06-15")
        press(page, "ArrowRight")
        first = page.evaluate("document.activeElement.innerText")
        press(page, "ArrowRight")
        assert page.evaluate("document.activeElement.matches('[data-change]')")
        assert page.evaluate("document.activeElement.innerText") != first


def test_the_table_is_paged(corpus):
    """The next page continues where the first one ends."""
    with corpus.tab() as page:
        page.goto("/roadmap?layout=table")
        first = page.locator("tbody tr").first.inner_text()
        page.get_by_role("link", name="Next").click()
        page.wait_for_url("**skip=100**")
        assert page.locator("tbody tr").first.inner_text() != first
        assert "101 to" in page.get_by_label("Pages of the table").inner_text()
