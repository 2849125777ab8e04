"""A report as one HTML page that loads and runs nothing."""

from __future__ import annotations

from html import escape
from typing import Final

from api.report_text import Link, Page, Part, ReasonText, Summary, TextLine, is_hidden
from projections.queries.hidden_reasons import HIDDEN_REASON

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fff;--line:#bbb;--soft:#555;--link:#0b57d0;--late:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--paper:#161616;--line:#555;--soft:#aaa;--link:#8ab4ff;--late:#ff8a80}}
body{font:14px/1.35 system-ui,sans-serif;max-width:64rem;margin:1rem auto;padding:0 1rem;color:var(--ink);
background:var(--paper);overflow-wrap:anywhere}
h1{font-size:1.4em;margin:0 0 .3em}h2{font-size:1.05em;margin:1em 0 .2em;break-after:avoid}p{margin:.3em 0}
a{color:var(--link)}table{border-collapse:collapse;width:100%;table-layout:fixed}tr{break-inside:avoid}
th,td{text-align:start;vertical-align:top;padding:.15em .6em .15em 0;border-top:1px solid var(--line);font-weight:400}
thead th{border:0;color:var(--soft);font-size:.85em}tbody th{font-weight:600}
.what{width:25%}.change{width:25%}.who{width:18%}footer,.more,.none,.tag{color:var(--soft)}
.tag{font-style:italic}#overdue{color:var(--late)}footer{margin-top:1em;font-size:.85em}
blockquote{margin:.6em 0;padding:.4em .8em;border-inline-start:3px solid var(--link);font-size:1.1em}
section{position:relative}section~section thead{position:absolute;clip-path:inset(50%)}tbody tr:first-child{break-before:avoid}
@media screen and (max-width:600px){table,tbody,tr,tbody th,tbody td{display:block;width:auto}
thead{position:absolute;clip-path:inset(50%)}tr{border-top:1px solid var(--line);padding:.4em 0}tbody th,tbody td{border:0;padding:.1em 0}
tbody td.who{width:auto;color:var(--soft);font-size:.9em}}
@media print{:root{color-scheme:light;--ink:#000;--paper:#fff;--line:#bbb;--soft:#444;--link:#000;--late:#000}
@page{size:A4;margin:12mm}body{font-size:8pt;line-height:1.25;max-width:none;margin:0;padding:0}h2{margin-top:.7em}
a{text-decoration:none}}
"""


def as_html(page: Page) -> str:
    """Return the report as one HTML page that loads and runs nothing, and prints on one or two pages."""
    parts = "\n".join(_html_part(part, page.whole) for part in page.parts)
    summary = "\n".join([*_html_summary(page.issued), *(f"<p>{escape(each)}</p>" for each in page.summary)])
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(page.title)}: {escape(page.period)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{_bdi(page.title)}: {escape(page.period)}</h1>\n{summary}\n{parts}\n</main>\n"
        f"<footer><p>{escape(page.footing)}</p></footer>\n</body>\n</html>\n"
    )


def _bdi(text: str) -> str:
    """Return text that cannot change the writing direction of what surrounds it."""
    return f"<bdi>{escape(text)}</bdi>"


def _a(link: Link) -> str:
    return f'<a href="{escape(link.to)}">{_bdi(link.words)}</a>' if link.to else _bdi(link.words)


def _html_summary(issued: Summary | None) -> list[str]:
    """Return who issued the report and their summary, as elements."""
    if issued is None:
        return []
    quote = [f"<blockquote>{_bdi(issued.text)}</blockquote>"] if issued.text else []
    return [*quote, f"<p>Issued by {_bdi(issued.by)} {_a(issued.entry)}</p>", *_html_void(issued)]


def _html_void(issued: Summary) -> list[str]:
    if issued.voided is None:
        return []
    by, entry, why = issued.voided
    return [f"<p><strong>Voided by {_bdi(by)} {_a(entry)}: {_bdi(why)}</strong></p>"]


def _html_part(part: Part, whole: Link) -> str:
    rows = "\n".join(map(_html_line, part.lines))
    link = f": {_a(whole)}" if whole.to else ""
    more = f'<p class="more">{part.more} more{link}.</p>' if part.more else ""
    head = "".join(f'<th scope="col">{label}</th>' for label in ("What", "How", "When and who", "Why"))
    widths = "".join(f'<col class="{name}">' for name in ("what", "change", "who", "why"))
    return (
        f'<section aria-labelledby="{part.id}">\n<h2 id="{part.id}">{part.heading}</h2>\n'
        f'<table aria-labelledby="{part.id}">\n<colgroup>{widths}</colgroup>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n{more}</section>'
    )


def _html_line(line: TextLine) -> str:
    entries = ", ".join(map(_a, line.entries))
    why = "; ".join(map(_html_reason, line.reasons))
    return (
        f'<tr><th scope="row">{_a(line.about)}</th><td>{_bdi(line.what)}</td>'
        f'<td class="who">{_bdi(line.who)} {entries}</td><td>{why}</td></tr>'
    )


_NO_REASON_HTML: Final = '<span class="none">no reason given</span>'


def _html_reason(reason: ReasonText) -> str:
    """Return a reason; one that is inherited is marked so and names its decision first."""
    entry = f"{escape(reason.entry)}: " if reason.entry else ""
    if is_hidden(reason):
        return f"{entry}{HIDDEN_REASON}"
    decisions = ", ".join(map(_a, reason.decisions))
    text = _bdi(reason.text) if reason.text else ""
    match reason.kind:
        case "own":
            return f"{entry}{text} (see {decisions})" if decisions else f"{entry}{text}"
        case "inherited":
            return f'{entry}<span class="tag">inherited from</span> {decisions}{": " if text else ""}{text}'
        case "none":
            return f"{entry}{_NO_REASON_HTML}"
