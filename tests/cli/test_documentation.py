"""The documentation is done as it says, page by page."""

import re
from pathlib import Path

import pytest

from tests.support_documentation import DONE_ELSEWHERE, ROOT, Reader, Wrong, agrees, exchanges, pages

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_page_is_done(page, tmp_path):
    """Every command of a page succeeds, in the page's order, and answers as shown."""
    Reader(tmp_path).does(page)


@pytest.mark.parametrize(("page", "test"), DONE_ELSEWHERE.items())
def test_what_is_left_out_here_is_done_elsewhere(page, test):
    """A page that needs a situation of its own has a test of its own, which reads it."""
    assert page in (ROOT / "tests" / test).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_leads_somewhere(page):
    """Every path that a page links to is there, and so is the heading it names."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\(([^)\s#:]*)(?:#([^)]*))?\)", text)
    targets = [((page.parent / path) if path else page, heading) for path, heading in links]

    assert [path for path, _ in targets if not path.exists()] == []
    assert [heading for path, heading in targets if heading and heading not in anchors(path)] == []


def anchors(page: Path) -> set[str]:
    """The names by which the headings of a page are linked to."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.casefold()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```console\n$ echo one\ntwo\n```\n", "but the page shows:\ntwo"),
        ("```console\n$ false\n```\n", "ended with 1"),
        ("```console\n$ decisionlog export --nowhere x\n```\n", "No such option"),
        ('```console\n$ echo \'{"a": 1}\'\n{"a": 2}\n```\n', "but the page shows"),
        ('```console\n$ echo \'{"a": 1}\'\n```\n\n```json\n{"a": 2}\n```\n', "but the page shows"),
        ("```toml\na = 1\n```\n", "neither a command nor a file"),
        ("```\ndecisionlog status\n```\n", "a block without a language"),
        ("```python\nraise SystemExit('no')\n```\n", "ended with 1: no"),
    ],
)
def test_a_page_that_is_wrong_is_found(tmp_path, text, said):
    """A page that shows what does not happen, or a command that fails, is found."""
    (tmp_path / "page.md").write_text(text, encoding="utf-8")

    with pytest.raises(Wrong, match=re.escape(said)):
        Reader(tmp_path).does(tmp_path / "page.md")


def test_files_variables_and_what_differs_every_time(tmp_path):
    """Files are written, variables stay set, ids that are shown stand for those that are seen."""
    (tmp_path / "page.md").write_text(
        "```text words.txt\none\n```\n```console\n$ word='one'\n$ grep -c $word words.txt\n1\n$ printf '%s\\n' a b c\na\n...\n"
        "$ echo decision:aaaaaaaaaaaaaaaa at 2026-01-01T00:00:00.000000Z\n"
        "decision:bbbbbbbbbbbbbbbb at 2025-01-01T00:00:00.000000Z\n$ test bbbbbbbbbbbbbbbb = aaaaaaaaaaaaaaaa\n```\n",
        encoding="utf-8",
    )

    Reader(tmp_path).does(tmp_path / "page.md")


def test_commands_of_several_lines():
    """A command continues after a backslash and within a quotation."""
    assert exchanges("$ curl x \\\n  -d '{\n}'\n{}\n$ y\n") == [("curl x \\\n  -d '{\n}'", "{}"), ("y", "")]
    assert agrees("a\nb\nc", "a\n...")
    assert not agrees("a\nb\nc", "a\nb")
