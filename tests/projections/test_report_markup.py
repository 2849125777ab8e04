"""What people wrote is plain text in a report: no reader of Markdown or HTML finds a link, tag or mention in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from api.report_html import as_html
from api.report_markdown import as_markdown
from api.report_text import Link, Page, Part, ReasonText, Summary, TextLine, build_page

BASE = "https://log.example"
NAUGHTY = (
    "www.evil.example",
    "WWW.evil.example/x",
    "see (www.evil.example)",
    "http://evil.example",
    "https://evil.example/a?b=c",
    "HTTPS://EVIL.EXAMPLE",
    "ftp://evil.example",
    "mailto:ann@evil.example",
    "xmpp:ann@evil.example/x",
    "ann@evil.example",
    "a.b-c_d+e@evil.example",
    "@user",
    "thanks @org/team",
    "#123",
    "org/repo#1",
    "GH-1",
    "gh-22",
    "<https://evil.example>",
    "<ann@evil.example>",
    "[x](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "[x]: https://evil.example",
    "`www.evil.example`",
    "``@user",
    "`` ` ``www.evil.example",
    "\\www.evil.example",
    "\\`@user",
    "`@`@user`",
    "<script>x</script>",
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "' onmouseover='x",
    "javascript:alert(1)",
    "&lt;script&gt;",
    "&#x40;user",
    "&commat;user",
    "&#119;ww.evil.example",
    "http&colon;//evil.example",
    "**b** _i_ ~~s~~",
    "</bdi></td></table><a href=https://evil.example>",
    "<!-- x",
    "]]>",
    "<![CDATA[x]]>",
    "| a | b |",
    "$x$",
    "^[note]",
    "[^1]",
    "[ ] task",
    "\u202ewww.evil.example",
    "www\u200b.evil.example",
    "ann\u2060@evil.example",
    "w\u00adww.evil.example",
    "a\rwww.evil.example",
    "x\x1b]8;;https://evil.example\x07y",
    "＠user",
    "h\u200bttps://evil.example",
    "<svg/onload=x>",
)
LINKED_BY_ITSELF = re.compile(
    r"""(?ix) (?:https?|ftp)://\w | \bwww\.\w | [\w.+-]+@[\w-]+\.\w | (?:mailto|xmpp):\S+@\w | (?<!\w)@[a-z0-9]
    | (?<!&)\#[0-9] | \bgh-[0-9]"""
)
"""What GitHub, cmark-gfm and remark-gfm make a link of in plain text; by reading, as none of them runs here."""


def page(text: str) -> Page:
    """Return a report with a text in every place for people's words."""
    text = " ".join(text.split())
    link = Link(text, f"{BASE}/v1/subjects/feature:f")
    entry = Link("#7", f"{BASE}/v1/log/entries/7")
    reasons = [ReasonText("own", text, [link], "#7"), ReasonText("inherited", text, [link])]
    line = TextLine(link, text, text, [entry], reasons)
    whole = Link("see all of them", f"{BASE}/v1/products/p/report")
    parts = [Part("dropped", "Dropped", [line], 1)]
    return Page(text, "2025", ["Nothing."], parts, "End.", whole, Summary(text, text, entry))


def report_page(text: str) -> Page:
    """The same as it comes out of a report: cut to a line, without what hides."""
    row = {
        "section": "unowned",
        "subject": "feature:f",
        "title": text,
        "at": "2025-01-01T00:00:00.000000Z",
        "by": [text],
        "link": "/v1/subjects/feature:f",
        "left": [],
        "changes": [],
        "reason": {"kind": "own", "text": text, "decisions": ["decision:d"]},
        "weight": 0,
        "blame": {
            "position": 7,
            "type": "FeatureDropped.v1",
            "principal": text,
            "actor": text,
            "because": [],
            "source": {},
            "at": "2025-01-01T00:00:00.000000Z",
            "recorded_at": "2025-01-01T00:00:00.000000Z",
        },
    }
    return build_page(
        {
            "titles": {"decision:d": text},
            "rows": [row],
            "counts": dict.fromkeys(_SECTIONS, 1),
            "since": "2025-01-01T00:00:00.000000Z",
            "until": "2026-01-01T00:00:00.000000Z",
            "title": text,
            "product": "product:p",
            "position": 7,
            "known_at": "2026-01-01T00:00:00.000000Z",
            "sha256": "y",
            "query": {},
        },
        base=BASE,
    )


_SECTIONS = (
    "goals",
    "releases",
    "decisions",
    "shipped",
    "dropped",
    "slipped",
    "moved",
    "handed_over",
    "course",
    "late",
    "overdue",
    "next",
    "waiting",
    "unowned",
    "undecided",
)


def texts(tokens: list[Token]) -> list[str]:
    """Return the runs of text outside links and code, as found by a reader that looks for links after parsing."""
    runs, depth = [""], 0
    for token in tokens:
        depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type in ("text", "text_special") and not depth:
            runs[-1] += token.content
        else:
            runs.append("")
    return runs


def inline(markdown: str) -> list[Token]:
    """Return everything within the blocks of a document, one block after another."""
    blocks = MarkdownIt("commonmark").enable(["strikethrough", "table"]).parse(markdown)
    return [each for block in blocks for each in [*(block.children or []), Token("softbreak", "", 0)]]


def must_be_text(text: str, markdown: str, html: str) -> None:
    """Fail if either format has more than text and the report's own links."""
    tokens = inline(markdown)
    assert {token.type for token in tokens} <= {
        "text",
        "text_special",
        "code_inline",
        "link_open",
        "link_close",
        "strong_open",
        "strong_close",
        "blockquote_open",
        "blockquote_close",
        "em_open",
        "em_close",
        "softbreak",
    }, text
    targets = [str(token.attrs["href"]) for token in tokens if token.type == "link_open"]
    assert all(target.startswith(f"{BASE}/") for target in targets), text
    assert not [run for run in texts(tokens) if LINKED_BY_ITSELF.search(run)], text
    parser = Tags()
    parser.feed(html)
    parser.close()
    assert parser.tags <= TAGS, text
    assert parser.attributes <= ATTRIBUTES, text
    assert all(link.startswith(f"{BASE}/") for link in parser.links), text


TAGS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "h1",
        "h2",
        "p",
        "section",
        "table",
        "colgroup",
        "col",
        "thead",
        "tr",
        "th",
        "tbody",
        "td",
        "a",
        "bdi",
        "span",
        "footer",
        "blockquote",
    ]
)
ATTRIBUTES = frozenset(
    ["lang", "charset", "http-equiv", "content", "name", "aria-labelledby", "id", "class", "scope", "href"]
)


class Tags(HTMLParser):
    """The elements and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        self.tags.add("comment")


@pytest.mark.parametrize("text", NAUGHTY)
@pytest.mark.parametrize("made", [page, report_page])
def test_naughty_text_is_text(made, text):
    """Neither format has an element, attribute or link that is not the report's own."""
    report = made(text)
    must_be_text(text, as_markdown(report), as_html(report))


@given(
    st.lists(
        st.one_of(st.sampled_from([*NAUGHTY, *"`\\*_[]()<>!|~&$@^#:/.-w \n"]), st.text(max_size=3)), max_size=6
    ).map("".join)
)
def test_any_text_is_text(text):
    """The same holds for random combinations."""
    report = report_page(text or "x")
    must_be_text(text, as_markdown(report), as_html(report))


@pytest.mark.parametrize("text", ["www.evil.example", "ann@evil.example", "#12", "https://x.example", "a @b `c` GH-1"])
def test_nothing_is_lost(text):
    """Markdown and HTML show the text literally."""
    report = page(text)
    tokens = inline(as_markdown(report))
    parser = Tags()
    parser.feed(as_html(report))

    shown = "".join(token.content for token in tokens if token.type in ("text", "text_special", "code_inline"))
    assert shown.count(text) >= 4
    assert parser.words.count(text) >= 4


def test_the_check_finds_links():
    """The check finds links that once passed: `www.` and email addresses after a backslash."""
    for missed in ("www.evil.example", "www\\.evil.example", "ann\\@evil.example", "http\\://evil.example", "\\#12"):
        assert [run for run in texts(inline(missed)) if LINKED_BY_ITSELF.search(run)], missed
