"""The documentation as a site."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.support import chromium, require_browser
from tests.support_documentation import ROOT

ZENSICAL = Path(sys.executable).with_name("zensical")
CONFIGURATION = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of the documentation in a folder."""
    return subprocess.run(
        [ZENSICAL, "build", "--strict", "-f", folder / "zensical.toml"], capture_output=True, text=True, check=False
    )


def copy_documentation(folder: Path) -> Path:
    """Return a copy of the documentation."""
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "zensical.toml", folder)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = copy_documentation(tmp_path_factory.mktemp("docs"))
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def in_navigation(entries: list) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for found in entry.values():
                yield from in_navigation(found)


def test_every_page_is_in_the_navigation():
    """Every page but single architecture decisions, which their list links to; no page is there twice."""
    found = list(in_navigation(CONFIGURATION["nav"]))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}

    assert sorted(found) == sorted(page for page in pages if not page.startswith("decisions/"))
    assert [next(iter(entry)) for entry in CONFIGURATION["nav"]][1:5] == [
        "Product managers",
        "Auditors",
        "Developers",
        "Operators",
    ]


def test_a_link_that_leads_nowhere_is_refused(tmp_path):
    """A page with a link to a missing page or heading fails the build, by its name."""
    copy_documentation(tmp_path)
    with (tmp_path / "docs" / "glossary.md").open("a", encoding="utf-8") as page:
        page.write("\n[there](nowhere.md) [and there](tutorial.md#nowhere)\n")

    done = build(tmp_path)

    assert done.returncode != 0
    assert "2 issues found" in done.stdout + done.stderr
    assert "glossary.md" in done.stdout + done.stderr


def test_the_site_loads_nothing_from_elsewhere(site):
    """No page has a script, style, font or picture with an address of another host."""
    loaded = re.compile(
        r"<(?:script|img|iframe|source)[^>]*\ssrc=\"?(https?:)?//|<link[^>]*rel=\"?stylesheet[^>]*https?://"
    )
    pages = list(site.rglob("*.html"))

    assert len(pages) > 50
    assert [page.name for page in pages if loaded.search(page.read_text(encoding="utf-8"))] == []


@pytest.mark.slow
def test_the_site_can_be_searched_from_its_folder(site):
    """Without a server, a word is found; a page has its contents, links to headings, copy buttons and a next page."""
    require_browser()
    with chromium() as browser:
        page = browser.new_page()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto((site / "how-to" / "back-up-and-restore.html").as_uri())
        page.get_by_role("button", name="Search").first.click()
        page.keyboard.type("checkpoint")
        page.get_by_text(re.compile(r"^\d+ results$")).wait_for()
        assert page.get_by_text("Merkle tree and proofs").count() > 0
        page.keyboard.press("Escape")

        assert page.locator("nav[aria-label='On this page'] a").count() > 2
        assert page.locator("h2 a.headerlink").count() > 1
        assert page.locator("button[title='Copy to clipboard']").count() > 1
        assert page.locator(".md-footer__link--next").count() == 1
        assert [url for url in requests if not url.startswith("file:")] == []
