"""A report as CommonMark, in which nothing that people wrote becomes markup or a link."""

from __future__ import annotations

import re
from typing import Final

from api.report_text import Link, Page, ReasonText, Summary, TextLine, is_hidden, join_reasons
from projections.queries.hidden_reasons import HIDDEN_REASON

_MARKUP: Final = re.compile(r"[\\`*_{}\[\]<>()!|~&$@^]")
_LINKING: Final = re.compile(r":(?=//)|(?<=www)\.|@(?=\w)|#(?=\w)|(?<=gh)-(?=\d)", re.IGNORECASE)
"""The characters by which readers turn addresses, emails, mentions and numbers into links."""


def as_markdown(page: Page) -> str:
    """Return the report as CommonMark: a heading and a list for each section."""
    out = [f"# {_md(page.title)}: {page.period}", "", *_md_summary(page.issued), " ".join(page.summary), ""]
    for part in page.parts:
        out += [f"## {part.heading}", "", *(_md_line(line) for line in part.lines)]
        if part.more:
            out.append(f"- {part.more} more{_md_more(page.whole)}")
        out.append("")
    return "\n".join([*out, "---", "", page.footing, ""])


def _md_summary(issued: Summary | None) -> list[str]:
    """Return who issued the report and their summary, as paragraphs."""
    if issued is None:
        return []
    return [
        *([f"> {_md(issued.text)}", ""] if issued.text else []),
        f"Issued by {_md(issued.by)} ({_md_link(issued.entry)}).",
        "",
        *_md_void(issued),
    ]


def _md_void(issued: Summary) -> list[str]:
    if issued.voided is None:
        return []
    by, entry, why = issued.voided
    return [f"Voided by {_md(by)} ({_md_link(entry)}): {_md(why)}", ""]


def _md_more(whole: Link) -> str:
    return f": {_md_link(whole)}" if whole.to else ""


def _md(text: str) -> str:
    """Return text without markup, in which nothing becomes a link (GFM autolinks, mentions, issue numbers).

    Some readers look for links after removing backslashes, but never in a code span.
    """
    out, place = [], 0
    for found in _LINKING.finditer(text):
        out += [_escape_markup(text[place : found.start()]), f"`{found[0]}`"]
        place = found.end()
    return "".join([*out, _escape_markup(text[place:])])


def _escape_markup(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", text)


def _md_link(link: Link) -> str:
    return f"[{_md(link.words)}]({link.to})" if link.to else _md(link.words)


def _md_line(line: TextLine) -> str:
    why = join_reasons([*map(_md_reason, line.reasons)])
    entries = ", ".join(
        f"[{entry.words}]({entry.to})" if entry.to else _md_entry(entry.words) for entry in line.entries
    )
    return f"- **{_md_link(line.about)}**: {_md(line.what.rstrip('.'))}. {_md(line.who)} ({entries}).{f' Why: {why}' if why else ''}"


def _md_entry(words: str) -> str:
    """Return `#7` as words that no reader takes for the number of an issue."""
    return f"entry {words.removeprefix('#')}"


_NO_REASON_MD: Final = "*no reason given*"


def _md_reason(reason: ReasonText) -> str:
    """Return a reason; one that is inherited is marked so and names its decision first."""
    entry = f"{_md_entry(reason.entry)}: " if reason.entry else ""
    if is_hidden(reason):
        return f"{entry}{HIDDEN_REASON}"
    decisions = ", ".join(map(_md_link, reason.decisions))
    text = _md(reason.text or "")
    match reason.kind:
        case "own":
            return f"{entry}{text} (see {decisions})" if decisions else f"{entry}{text}"
        case "inherited":
            return f"{entry}*inherited from* {decisions}{': ' if text else ''}{text}"
        case "none":
            return f"{entry}{_NO_REASON_MD}"
