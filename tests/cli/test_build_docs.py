"""The documentation as a site."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support_documentation import ROOT

from tools.build_docs import BrokenLink, pages, site, write


class Links(HTMLParser):
    """What a page links to, and what can be linked to in it."""

    def __init__(self, text):
        super().__init__()
        self.to, self.ids, self.open = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        if tag == "a":
            self.to.append(named["href"])
        if "id" in named:
            self.ids.add(named["id"])


@pytest.fixture(scope="module")
def made():
    return dict(site(ROOT))


def test_every_page_is_in_it(made):
    """Every page of the documentation is in the site, and each can be reached from every other in two steps."""
    sources = {page.source for page in pages(ROOT)}
    reached = {href.partition("#")[0] for href in Links(made["index.html"]).to}

    assert sources == {*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")}
    assert {
        "tutorial.html",
        "how-to/import-a-tracker.html",
        "explanations/two-clocks.html",
        "reference/index.html",
    } <= reached
    assert "../index.html" in Links(made["decisions/index.html"]).to


def test_every_link_leads_somewhere(made):
    """Every link within the site leads to a page of it, and to a heading that is there."""
    links = {target: Links(text) for target, text in made.items()}
    lost = []
    for target, found in links.items():
        for href in found.to:
            path, _, heading = href.partition("#")
            if re.match(r"[a-z]+:", path):
                continue
            there = (Path("/") / Path(target).parent / path).resolve().relative_to("/").as_posix() if path else target
            if there not in links or (heading and heading not in links[there].ids):
                lost.append((target, href))

    assert sum(len(found.to) for found in links.values()) > 200
    assert lost == []


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    """A page with a link to what is not there is refused, by its name."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Read me\n\n[there](docs/nowhere.md)\n", encoding="utf-8")

    with pytest.raises(BrokenLink, match=r"README\.md: no page for the link docs/nowhere\.md"):
        write(tmp_path, tmp_path / "site")

    assert not (tmp_path / "site").exists()


def test_what_is_shown(tmp_path):
    """HTML in a page is shown and not done; a file shows its name; front matter stands above; tables are tables."""
    (tmp_path / "docs" / "how-to").mkdir(parents=True)
    (tmp_path / "README.md").write_text(
        "---\nstatus: accepted\n---\n# A & B\n\n<script>x</script>\n\n| a |\n|---|\n| b |\n\n```toml a.toml\nx = '<b>'\n```\n"
        "\n[how](docs/how-to)\n",
        encoding="utf-8",
    )

    (tmp_path / "docs" / "how-to" / "do.md").write_text("# Do\n", encoding="utf-8")

    assert write(tmp_path, tmp_path / "site") == 3
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")

    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "<title>A &amp; B</title>" in text
    assert "<figcaption>a.toml</figcaption>" in text
    assert "x = &#x27;&lt;b&gt;&#x27;" in text
    assert "status: accepted" in text
    assert "<td>b</td>" in text
    assert '<h1 id="a--b">' in text
    assert 'href="how-to/index.html"' in text


def test_the_pictures_of_the_readme_are_in_the_site(tmp_path):
    """Each picture that the first page shows is copied with the pages."""
    write(ROOT, tmp_path)

    shown = re.findall(r'<img src="([^"]+)"', (tmp_path / "index.html").read_text(encoding="utf-8"))
    assert shown
    assert all((tmp_path / picture).is_file() for picture in shown)
