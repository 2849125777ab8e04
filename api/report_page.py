"""A progress report as a document: in words, as Markdown, and as one HTML page to print.

Text from users is never interpreted as markup, and the page loads nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from typing import Any, Final, TypeVar

from domain.characters import escape_unsafe
from domain.values import kind_of
from projections.answers import ReportLine as Line
from projections.answers import Section
from projections.report import SECTIONS, TARGET

PRINTED_LINES: Final = 142.0
"""Printed lines on two A4 pages, with a margin for a page that ends early."""
COLUMN_WIDTHS: Final = (30, 24, 22, 42)
"""Characters on a printed line in each column, as measured in Chromium. It need not be exact."""
HEADING: Final = 3.5
"""Printed lines of a heading and of the space below its table."""
PADDING: Final = 0.35
MAX_LENGTH: Final = 100
"""Characters of a title or a reason; the link leads to the full text."""

MAX_SECTION_LINES: Final = 60
"""Lines of a section that are formatted by default; more never fit on two pages."""
FEW: Final = 5
"""Changes, entries or reasons shown in one line."""

HEADINGS: Final[Mapping[Section, str]] = {
    "decisions": "Decisions",
    "shipped": "Shipped",
    "dropped": "Dropped",
    "slipped": "Slipped",
    "overdue": "Overdue",
    "moved": "Moved on the roadmap",
    "handed_over": "Ownership handed over",
    "course": "Vision, strategy and goals",
    "next": "What comes next",
    "waiting": "Waiting for a decision",
    "unowned": "Without an owner",
    "undecided": "Planned with no decision behind it",
    "late": "Recorded late, and corrections",
}
_COUNTED: Final[Mapping[Section, tuple[str, str]]] = {
    "decisions": ("decision", "decisions"),
    "shipped": ("shipped", "shipped"),
    "dropped": ("dropped", "dropped"),
    "slipped": ("slip", "slips"),
    "moved": ("other move", "other moves"),
    "handed_over": ("change of ownership", "changes of ownership"),
    "course": ("change of course", "changes of course"),
    "late": ("recorded late or corrected", "recorded late or corrected"),
    "overdue": ("overdue", "overdue"),
    "next": ("to come", "to come"),
    "waiting": ("waiting for a decision", "waiting for a decision"),
    "unowned": ("without an owner", "without an owner"),
    "undecided": ("planned with no decision behind it", "planned with no decision behind them"),
}
_DURING_PERIOD: Final[tuple[Section, ...]] = (
    "decisions",
    "shipped",
    "dropped",
    "slipped",
    "moved",
    "handed_over",
    "course",
    "late",
)
_AT_END: Final[tuple[Section, ...]] = ("overdue", "next", "waiting", "unowned", "undecided")


@dataclass(frozen=True, slots=True)
class Link:
    """A link and its text."""

    words: str
    to: str


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of the report in words."""

    about: Link
    what: str
    who: str
    entries: Sequence[Link]
    why: Sequence[str | Link]


@dataclass(frozen=True, slots=True)
class Part:
    """A section in words, with the number of lines that are left out."""

    id: Section
    heading: str
    lines: Sequence[TextLine]
    more: int


@dataclass(frozen=True, slots=True)
class Page:
    """A report in words."""

    title: str
    period: str
    summary: Sequence[str]
    parts: Sequence[Part]
    footing: str
    whole: Link


def build_page(report: Mapping[str, Any], *, base: str = "", lines: int | None = None) -> Page:
    """Return a report, as the server answers it, in words.

    `base` is the address of the server for links. At most `lines` lines are shown, or as many as fit on two printed
    pages: each section shows its first ones and the number of the others.
    """
    writer = _LineWriter(report["titles"], base)
    parts = []
    groups = {section: found for section in SECTIONS if (found := _groups(section, report["rows"]))}
    written = {
        section: [writer.write(rows) for rows in found[: lines or MAX_SECTION_LINES]]
        for section, found in groups.items()
    }
    shares = _shares(written, lines)
    for section, found in groups.items():
        share = shares[section]
        more = report["counts"][section] - sum(map(len, found[:share]))
        parts.append(Part(section, HEADINGS[section], written[section][:share], more))
    period = _format_period(report["since"], report["until"])
    return Page(
        title=_shorten(report["title"] or report["product"]),
        period=period,
        summary=_summary(report["counts"], period),
        parts=parts,
        footing=_footing(report),
        whole=Link("as JSON", base + _report_path(report)),
    )


def _groups(section: Section, rows: Sequence[Line]) -> list[list[Line]]:
    """Return the lines of a section. Moves on the roadmap are grouped by feature, in the order of the first move."""
    found: dict[Any, list[Line]] = {}
    for n, row in enumerate(row for row in rows if row["section"] == section):
        found.setdefault(row["subject"] if section == "moved" else n, []).append(row)
    return list(found.values())


def _report_path(report: Mapping[str, Any]) -> str:
    key = report["product"].partition(":")[2]
    return f"/v1/products/{key}/report?since={report['since']}&until={report['until']}&position={report['position']}"


def _shares(written: Mapping[Section, Sequence[TextLine]], lines: int | None) -> dict[Section, int]:
    """Return how many lines each section shows: the same number for all that have enough lines, and at least one.

    The space that is left goes to the first sections.
    """
    longest = max(map(len, written.values()), default=1)
    most = next((most for most in range(longest, 1, -1) if _fits(written, dict.fromkeys(written, most), lines)), 1)
    shares = dict.fromkeys(written, most)
    for section in written:
        more = {**shares, section: most + 1}
        if _fits(written, more, lines):
            shares = more
    return shares


def _fits(written: Mapping[Section, Sequence[TextLine]], shares: Mapping[Section, int], lines: int | None) -> bool:
    """Return whether these numbers of lines are at most `lines`, or fit on two printed pages."""
    shown = [found[: shares[section]] for section, found in written.items()]
    if lines is not None:
        return sum(map(len, shown)) <= lines
    return sum(HEADING + sum(map(_printed_lines, found)) for found in shown) <= PRINTED_LINES


def _printed_lines(line: TextLine) -> float:
    why = "; ".join(each.words if isinstance(each, Link) else each for each in line.why)
    who = " ".join((line.who, *(entry.words for entry in line.entries)))
    cells = zip((line.about.words, line.what, who, why), COLUMN_WIDTHS, strict=True)
    return PADDING + max(-(-len(words) // letters) for words, letters in cells)


def _format_period(since: str, until: str) -> str:
    if since.endswith("T00:00:00.000000Z") and until.endswith("T00:00:00.000000Z"):
        return f"from {since[:10]} to the end of {_day_before(until[:10])} (UTC)"
    return f"from {_format_minute(since)} to {_format_minute(until)} (UTC)"


def _day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def _format_minute(time: str) -> str:
    return time[:16].replace("T", " ")


def _summary(counts: Mapping[str, int], period: str) -> list[str]:
    happened = _list_counts(counts, _DURING_PERIOD)
    state = _list_counts(counts, _AT_END)
    return [
        f"What happened: {happened}." if happened else f"Nothing was recorded {period}.",
        f"At the end: {state}."
        if state
        else "At the end nothing is planned, overdue, waiting for a decision or without an owner.",
    ]


def _list_counts(counts: Mapping[str, int], sections: Sequence[Section]) -> str:
    return ", ".join(f"{counts[each]} {_COUNTED[each][counts[each] != 1]}" for each in sections if counts[each])


def _footing(report: Mapping[str, Any]) -> str:
    return (
        f"Covers the log up to position {report['position']}, recorded at {report['known_at']}. With this period and "
        f"position, the report is always the same: SHA-256 {report['sha256']}."
    )


class _LineWriter:
    """Formats lines in words, with the titles of subjects instead of their ids."""

    def __init__(self, titles: Mapping[str, str], base: str) -> None:
        self._titles, self._base = titles, base

    def write(self, rows: Sequence[Line]) -> TextLine:
        """Return one or several lines about one subject as one line in words."""
        first, last = rows[0], rows[-1]
        days = dict.fromkeys((first["at"][:10], last["at"][:10]))
        who = dict.fromkeys(self._who(row) for row in rows)
        return TextLine(
            about=Link(_shorten(first["title"] or first["subject"]), self._base + first["link"]),
            what="; ".join(_first_few([self._what(row) for row in rows])),
            who=f"{' to '.join(days)}, {'; '.join(who)}",
            entries=[self._entry(row["blame"]["position"]) for row in (rows if len(rows) <= FEW else (first, last))],
            why=_first_few(list(dict.fromkeys(why for row in rows for why in self._why(row)))) or self._rests_on(last),
        )

    def _entry(self, position: int) -> Link:
        return Link(f"#{position}", f"{self._base}/v1/log/entries/{position}")

    def _rests_on(self, row: Line) -> list[str | Link]:
        """Return the decisions behind the subject, for an event without a reason of its own."""
        return _first_few([self._decision(each) for each in row["rests_on"]])

    def _decision(self, subject: str) -> Link:
        return Link(_shorten(self._title(subject)), f"{self._base}/v1/subjects/{subject}")

    def _what(self, row: Line) -> str:
        if row["section"] == "unowned":
            gone = ", ".join(self._title(who) for who in row["left"])
            return f"{gone} was accountable and has left" if gone else "no one is accountable"
        if not row["changes"]:
            voids = f" #{row['voids']}" if "voids" in row else ""
            return _event_in_words(row["blame"]["type"]) + voids
        what = "; ".join(self._change(row, change) for change in _notable_changes(row["changes"]))
        slips = row.get("slips")
        if slips and slips["later"] > 1:
            what += f" (put off {slips['later']} times; first promised {self._field(slips['first'])})"
        if row["section"] == "overdue":
            what += f", which was due on {row['due']}" if row["due"] not in what else ", which is over"
        # A committed feature that was started later needs no remark.
        return what if row.get("current", True) or row["section"] == "moved" else f"{what} (no longer so at the end)"

    def _change(self, row: Line, change: Mapping[str, Any]) -> str:
        name, after = change["field"], self._field(change["after"])
        if name == "exists":
            return _EXISTS[change["before"]["value"], change["after"]["value"]]
        if name.startswith("delegation."):
            return f"delegated to {after}" if change["after"]["value"] else "delegation ended"
        shows_before = "before" in change and change["direction"] != "first" and kind_of(row["subject"]) != "decision"
        before = self._field(change["before"]) if shows_before else None
        label = _label(name)
        change_of = after if before is None else f"{before} → {after}"
        return f"{label} {change_of}".strip()

    def _field(self, field: Mapping[str, Any] | None) -> str:
        """Return the value of a field, or its source value if the value is unknown."""
        if field is None:
            return "nothing"
        value = field["value"] if field["value"] not in (None, []) else field["source_value"]
        return self._value(value)

    def _value(self, value: Any) -> str:
        if value is None:
            return "none"
        if isinstance(value, list):
            return ", ".join(map(self._value, value)) or "none"
        if isinstance(value, dict):
            return self._value(value.get("to"))
        return _shorten(self._title(str(value)))

    def _title(self, subject: str) -> str:
        return self._titles.get(subject) or subject

    def _who(self, row: Line) -> str:
        blame = row["blame"]
        who = ", ".join(_shorten(self._title(each)) for each in row["by"])
        if blame["source"].get("channel") == "import":  # who imported it, and when, is not about the product
            return who
        if blame["actor"] not in (*row["by"], blame["principal"]):
            who += f", recorded by {_shorten(self._title(blame['actor']))}"
        is_backdated = blame["recorded_at"][:10] > blame["at"][:10]
        return f"{who}; recorded on {blame['recorded_at'][:10]}" if is_backdated else who

    def _why(self, row: Line) -> list[str | Link]:
        """Return the decisions that an event rests on, then its own reason, else its note."""
        blame = row["blame"]
        found: list[str | Link] = [self._decision(each) for each in blame["because"]]
        reason = row["why"] or blame.get("note")
        return [*found, _shorten(reason)] if reason else found


T = TypeVar("T")


def _first_few(items: Sequence[T]) -> list[T | str]:
    """Return the first items, and the number of the others."""
    return [*items] if len(items) <= FEW else [*items[: FEW - 1], f"and {len(items) - FEW + 1} more"]


_EXISTS: Final = {
    (None, True): "new",
    (False, True): "restored",
    (True, False): "removed",
    (None, False): "removed",
}


def _notable_changes(changes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the changes to show. The status `proposed` of a new subject is obvious."""
    new = any(change["field"] == "exists" for change in changes)
    shown = [c for c in changes if not (new and c["field"] == "status" and c["after"]["value"] == "proposed")]
    return [change for change in shown if not (change["field"] == "rank" and change["after"]["value"] is None)] or shown


def _label(name: str) -> str:
    if name == "status":
        return ""
    if name.startswith(TARGET):
        return f"{name[len(TARGET) :]}:"
    names = {
        "role.accountable": "accountable:",
        "due_on": "due",
        "review_on": "to be looked at again on",
    }
    return names.get(name, f"{name}:")


def _event_in_words(type_: str) -> str:
    """Return `FeatureShipped.v1` as "feature shipped"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type_.partition(".")[0]).lower()


def _shorten(text: str) -> str:
    """Return a text as one line without control characters, shortened between words if it is long."""
    line = " ".join(escape_unsafe(text, _space_or_nothing).split())
    if len(line) <= MAX_LENGTH:
        return line
    return (
        line[: MAX_LENGTH - 1].rpartition(" ")[0].rstrip(" ,;:") + "…"
        if " " in line[:MAX_LENGTH]
        else line[: MAX_LENGTH - 1] + "…"
    )


def _space_or_nothing(unsafe: str) -> str:
    """Return a space for a control character or a line break, and nothing for an invisible character."""
    return " " if unicodedata.category(unsafe) in ("Cc", "Zl", "Zp") else ""


# Markdown ------------------------------------------------------------------------------------------------------------

_MARKUP: Final = re.compile(r"[\\`*_{}\[\]<>()!|~&$@^]")
_LINKING: Final = re.compile(r":(?=//)|(?<=www)\.|@(?=\w)|#(?=\w)|(?<=gh)-(?=\d)", re.IGNORECASE)
"""The characters by which readers turn addresses, e-mails, mentions and numbers into links."""


def as_markdown(page: Page) -> str:
    """Return the report as CommonMark: a heading and a list for each section."""
    out = [f"# {_md(page.title)}: progress {page.period}", "", " ".join(page.summary), ""]
    for part in page.parts:
        out += [f"## {part.heading}", "", *(_md_line(line) for line in part.lines)]
        if part.more:
            out.append(f"- {part.more} more, [{page.whole.words}]({page.whole.to})")
        out.append("")
    return "\n".join([*out, "---", "", page.footing, ""])


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
    return f"[{_md(link.words)}]({link.to})"


def _md_line(line: TextLine) -> str:
    why = "; ".join(_md_link(each) if isinstance(each, Link) else _md(each) for each in line.why) or "*no reason given*"
    entries = " ".join(f"[{entry.words}]({entry.to})" for entry in line.entries)  # no text from users
    return f"- **{_md_link(line.about)}**: {_md(line.what)}. {_md(line.who)} ({entries}). Why: {why}"


# HTML ----------------------------------------------------------------------------------------------------------------

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fff;--line:#bbb;--soft:#555;--link:#0b57d0}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--paper:#161616;--line:#555;--soft:#aaa;--link:#8ab4ff}}
body{font:14px/1.35 system-ui,sans-serif;max-width:64rem;margin:1rem auto;padding:0 1rem;color:var(--ink);
background:var(--paper);overflow-wrap:anywhere}
h1{font-size:1.4em;margin:0 0 .3em}h2{font-size:1.05em;margin:1em 0 .2em;break-after:avoid}p{margin:.3em 0}
a{color:var(--link)}table{border-collapse:collapse;width:100%;table-layout:fixed}tr{break-inside:avoid}
th,td{text-align:start;vertical-align:top;padding:.15em .6em .15em 0;border-top:1px solid var(--line);font-weight:400}
thead th{border:0;color:var(--soft);font-size:.85em}tbody th{font-weight:600}
.what{width:27%}.change{width:23%}.who{width:19%}footer,.more,.none{color:var(--soft)}footer{margin-top:1em;font-size:.85em}
section~section thead{position:absolute;clip-path:inset(50%)}tbody tr:first-child{break-before:avoid}
@media screen{section{overflow-x:auto;position:relative}table{min-width:38rem}}
@media print{:root{color-scheme:light;--ink:#000;--paper:#fff;--line:#bbb;--soft:#444;--link:#000}
@page{size:A4;margin:12mm}body{font-size:8pt;line-height:1.25;max-width:none;margin:0;padding:0}h2{margin-top:.7em}
a{text-decoration:none}}
"""


def as_html(page: Page) -> str:
    """Return the report as one HTML page that loads and runs nothing, and prints on one or two pages."""
    parts = "\n".join(_html_part(part, page.whole) for part in page.parts)
    summary = "\n".join(f"<p>{escape(each)}</p>" for each in page.summary)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(page.title)}: progress {escape(page.period)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{_bdi(page.title)}: progress {escape(page.period)}</h1>\n{summary}\n{parts}\n</main>\n"
        f"<footer><p>{escape(page.footing)}</p></footer>\n</body>\n</html>\n"
    )


def _bdi(text: str) -> str:
    """Return text that cannot change the writing direction of what surrounds it."""
    return f"<bdi>{escape(text)}</bdi>"


def _a(link: Link) -> str:
    return f'<a href="{escape(link.to)}">{_bdi(link.words)}</a>'


def _html_part(part: Part, whole: Link) -> str:
    rows = "\n".join(map(_html_line, part.lines))
    more = f'<p class="more">{part.more} more, {_a(whole)}.</p>' if part.more else ""
    head = "".join(f'<th scope="col">{label}</th>' for label in ("What", "How", "When and who", "Why"))
    widths = "".join(f'<col class="{name}">' for name in ("what", "change", "who", "why"))
    return (
        f'<section aria-labelledby="{part.id}">\n<h2 id="{part.id}">{part.heading}</h2>\n'
        f'<table aria-labelledby="{part.id}">\n<colgroup>{widths}</colgroup>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n{more}</section>'
    )


def _html_line(line: TextLine) -> str:
    entries = " ".join(map(_a, line.entries))
    why = "; ".join(_a(each) if isinstance(each, Link) else _bdi(each) for each in line.why)
    return (
        f'<tr><th scope="row">{_a(line.about)}</th><td>{_bdi(line.what)}</td>'
        f"<td>{_bdi(line.who)} {entries}</td><td>{why or '<span class=none>no reason given</span>'}</td></tr>"
    )
