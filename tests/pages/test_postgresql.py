"""The pages on PostgreSQL are those on SQLite: every page of the demo, which was moved from one to the other."""

from __future__ import annotations

import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from tests.browser.support import PAGES, Site, add_examples, create_demo
from tests.support_pages import text_of
from tests.support_postgresql import fresh_schema
from tests.support_serving import run, serving

pytestmark = pytest.mark.slow

ABOUT_THE_SERVER = {"admin", "access-journal"}
"""Pages whose content is that of one server: who read it when, and where its workers run."""
RANKED = {"search"}
"""The page of the best hits, which each database ranks in its own way; what is found is tested with the search itself."""
CHANGING = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d{1,2}:\d{2}\b")
"""The time of day, such as that at which a proof was computed, and times counted from the time of the request."""


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    """The same log, served from SQLite and from PostgreSQL."""
    folder: Path = tmp_path_factory.mktemp("databases")
    data, token = create_demo(folder)
    with serving(data) as server:
        add_examples(server.address, token)
    with fresh_schema() as url:
        moved = run(
            shutil.copytree(data, folder / "moved"), "migrate", "--to", url
        )  # which makes what it moves read-only
        assert moved.returncode == 0, moved.stderr
        with serving(data) as sqlite, serving(folder / "postgresql", DECISIONLOG_STORE=url) as postgresql:
            yield Site(sqlite.address, token, None), Site(postgresql.address, token, None)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_the_same_on_both_databases(sites: tuple[Site, Site], name: str) -> None:
    """The page has the same status and text, and the same links."""
    (status, text, links), (other_status, other_text, other_links) = (_read(site, name) for site in sites)

    assert other_status == status
    if name not in ABOUT_THE_SERVER | RANKED:
        assert other_text == text
        assert other_links == links


def _read(site: Site, name: str) -> tuple[int, str, list[str]]:
    """The status of a page, what a reader sees of it, and the addresses of its links."""
    headers = {"Authorization": f"Bearer {site.token}", "Accept": "text/html"}
    try:
        with urllib.request.urlopen(urllib.request.Request(site.address + site.pages[name], headers=headers)) as answer:
            status, html = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, html = error.code, error.read().decode()
    assert status in (200, 404, 422), html
    assert (status == 200) == (not name.startswith("error")), html
    return (
        status,
        CHANGING.sub("", text_of(html)),
        [CHANGING.sub("", unescape(each)) for each in re.findall(r'href="([^"]*)"', html)],
    )
