"""A progress report as somebody reads it: in words, as Markdown, and as one HTML page that can be printed.

Nothing people wrote is taken for markup, and the page loads nothing from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from typing import Any, Final

from domain.values import kind_of
from projections.report import SECTIONS, TARGET, Line, Section

LINES: Final = 40
"""How many lines a report shows, all sections together, unless told otherwise: about two printed pages."""
MOST_LETTERS: Final = 100
"""Of a title or a reason. All of it stands behind the link."""

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
    "late": "Learnt late, and corrected",
}
_COUNTED: Final[Mapping[Section, tuple[str, str]]] = {
    "decisions": ("decision", "decisions"),
    "shipped": ("shipped", "shipped"),
    "dropped": ("dropped", "dropped"),
    "slipped": ("slip", "slips"),
    "moved": ("other move", "other moves"),
    "handed_over": ("change of ownership", "changes of ownership"),
    "course": ("change of course", "changes of course"),
    "late": ("entry about earlier", "entries about earlier"),
    "overdue": ("overdue", "overdue"),
    "next": ("to come", "to come"),
    "waiting": ("waiting for a decision", "waiting for a decision"),
    "unowned": ("without an owner", "without an owner"),
    "undecided": ("planned with no decision behind it", "planned with no decision behind them"),
}
_IN_THE_SPAN: Final[tuple[Section, ...]] = (
    "decisions", "shipped", "dropped", "slipped", "moved", "handed_over", "course", "late",
)  # fmt: skip
_AT_ITS_END: Final[tuple[Section, ...]] = ("overdue", "next", "waiting", "unowned", "undecided")


@dataclass(frozen=True, slots=True)
class Link:
    """Some words, and where they lead."""

    words: str
    to: str


@dataclass(frozen=True, slots=True)
class Said:
    """A line in words."""

    about: Link
    what: str
    who: str
    entry: Link
    why: Sequence[str | Link]


@dataclass(frozen=True, slots=True)
class Part:
    """A section in words, with how many of its lines are not shown."""

    id: Section
    heading: str
    lines: Sequence[Said]
    more: int


@dataclass(frozen=True, slots=True)
class Page:
    """A report in words."""

    title: str
    span: str
    summary: Sequence[str]
    parts: Sequence[Part]
    footing: str
    whole: Link


def page_of(told: Mapping[str, Any], names: Mapping[str, str], *, base: str = "", lines: int = LINES) -> Page:
    """A report, as `Answer.to_dict` gives it, in words.

    `names` are those of people, by id; `base` is the address of the server that the links lead to. At most about
    `lines` lines are shown: each section gives its first ones, and says how many more there are.
    """
    words = _Words(told["titles"], names, base, told["until"])
    shares = _shares(told["counts"], lines)
    parts = []
    for section in SECTIONS:
        found = [row for row in told["rows"] if row["section"] == section]
        if found:
            shown = [words.line(row) for row in found[: shares[section]]]
            parts.append(Part(section, HEADINGS[section], shown, len(found) - len(shown)))
    span = _span_in_words(told["since"], told["until"])
    return Page(
        title=_shortened(told["title"] or told["product"]),
        span=span,
        summary=_summary(told["counts"], span),
        parts=parts,
        footing=_footing(told),
        whole=Link("as JSON", base + _question(told)),
    )


def _question(told: Mapping[str, Any]) -> str:
    key = told["product"].partition(":")[2]
    return f"/v1/products/{key}/report?since={told['since']}&until={told['until']}&position={told['position']}"


def _shares(counts: Mapping[str, int], lines: int) -> dict[str, int]:
    """How many lines each section may show: all alike but where one needs fewer."""
    most = max((n for n in range(max(counts.values(), default=0) + 1) if _used(counts, n) <= lines), default=0)
    shares = {section: min(count, most) for section, count in counts.items()}
    left = lines - sum(shares.values())
    for section, count in counts.items():  # those named first get what is left over
        if left > 0 and count > most:
            shares[section] += 1
            left -= 1
    return shares


def _used(counts: Mapping[str, int], most: int) -> int:
    return sum(min(count, most) for count in counts.values())


def _span_in_words(since: str, until: str) -> str:
    if since.endswith("T00:00:00.000000Z") and until.endswith("T00:00:00.000000Z"):
        return f"from {since[:10]} to the end of {_day_before(until[:10])} (UTC)"
    return f"from {_minute(since)} to {_minute(until)} (UTC)"


def _day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")


def _summary(counts: Mapping[str, int], span: str) -> list[str]:
    happened = _listed(counts, _IN_THE_SPAN)
    stands = _listed(counts, _AT_ITS_END)
    return [
        f"What happened: {happened}." if happened else f"Nothing happened {span} that the log knows of.",
        f"At the end: {stands}."
        if stands
        else "At the end nothing is planned, overdue, waiting for a decision or without an owner.",
    ]


def _listed(counts: Mapping[str, int], sections: Sequence[Section]) -> str:
    return ", ".join(f"{counts[each]} {_COUNTED[each][counts[each] != 1]}" for each in sections if counts[each])


def _footing(told: Mapping[str, Any]) -> str:
    return (
        f"Speaks up to position {told['position']} of the log, recorded at {told['known_at']}. Asked again with this span "
        f"and position, it is the same: SHA-256 {told['sha256']}."
    )


class _Words:
    """Says lines in words, with what subjects and people are called."""

    def __init__(self, titles: Mapping[str, str], names: Mapping[str, str], base: str, until: str) -> None:
        self._titles, self._names, self._base, self._until = titles, names, base, until

    def line(self, row: Line) -> Said:
        """A line of the report."""
        blame = row["blame"]
        return Said(
            about=Link(_shortened(row["title"] or row["subject"]), self._base + row["link"]),
            what=self._what(row),
            who=f"{row['at'][:10]}, {self._who(row)}",
            entry=Link(f"#{blame['position']}", f"{self._base}/v1/log/entries/{blame['position']}"),
            why=self._why(row),
        )

    def _what(self, row: Line) -> str:
        if row["section"] == "unowned":
            gone = ", ".join(self._called(who) for who in row["departed"])
            return f"{gone} was accountable and has left" if gone else "nobody is accountable"
        if not row["changes"]:
            voids = f" #{row['voids']}" if "voids" in row else ""
            return _in_words(row["blame"]["type"]) + voids
        what = "; ".join(self._change(row, change) for change in _telling(row["changes"]))
        slips = row.get("slips")
        if slips and slips["later"] > 1:
            what += f" (put off {slips['later']} times; first promised {self._held(slips['first'])})"
        return what if row.get("holds", True) else f"{what} (no longer so at the end)"

    def _change(self, row: Line, change: Mapping[str, Any]) -> str:
        name, after = change["field"], self._held(change["after"])
        if name == "exists":
            return _EXISTS[change["before"]["value"], change["after"]["value"]]
        if name.startswith("delegation."):
            return f"delegated to {after}" if change["after"]["value"] else "delegation ended"
        before = self._held(change["before"]) if "before" in change and change["direction"] != "first" else None
        label = _label(name, kind_of(row["subject"]))
        change_of = after if before is None else f"{before} → {after}"
        return f"{label} {change_of}".strip()

    def _held(self, held: Mapping[str, Any] | None) -> str:
        """What a cell holds; the source's word where its meaning is not known."""
        if held is None:
            return "nothing"
        value = held["value"] if held["value"] not in (None, []) else held["word"]
        return self._value(value)

    def _value(self, value: Any) -> str:
        if value is None:
            return "none"
        if isinstance(value, list):
            return ", ".join(map(self._value, value)) or "none"
        if isinstance(value, dict):
            return self._value(value.get("to"))
        return _shortened(self._called(str(value)))

    def _called(self, subject: str) -> str:
        return self._titles.get(subject) or self._names.get(subject) or subject

    def _who(self, row: Line) -> str:
        blame = row["blame"]
        who = ", ".join(_shortened(self._called(each)) for each in row["by"])
        if blame["source"].get("channel") == "import":  # who imported it, and when, says nothing of the product
            return who
        if blame["actor"] not in (*row["by"], blame["principal"]):
            who += f", recorded by {_shortened(self._called(blame['actor']))}"
        told_late = blame["recorded_at"][:10] > blame["at"][:10]
        return f"{who}; recorded on {blame['recorded_at'][:10]}" if told_late else who

    def _why(self, row: Line) -> list[str | Link]:
        """The decisions it rests on, then what the act itself says, else its note."""
        blame = row["blame"]
        found: list[str | Link] = [
            Link(_shortened(self._called(each)), f"{self._base}/v1/subjects/{each}") for each in blame["because"]
        ]
        said = row["why"] or blame.get("note")
        return [*found, _shortened(said)] if said else found


_EXISTS: Final = {
    (None, True): "new",
    (False, True): "put back on the record",
    (True, False): "struck from the record",
    (None, False): "struck from the record",
}


def _telling(changes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The changes worth telling: of something new, that it is proposed goes without saying."""
    new = any(change["field"] == "exists" for change in changes)
    told = [c for c in changes if not (new and c["field"] == "status" and c["after"]["value"] == "proposed")]
    return [change for change in told if not (change["field"] == "rank" and change["after"]["value"] is None)] or told


def _label(name: str, kind: str) -> str:
    if name == "status":
        return ""
    if name.startswith(TARGET):
        return f"{name[len(TARGET) :]}:"
    names = {
        "role.accountable": "accountable:",
        "on": "planned for",
        "review_on": "to be looked at again on",
        "by": "to be reached by",
    }
    return names.get(name, "" if kind == "decision" and name == "status" else f"{name}:")


def _in_words(type_: str) -> str:
    """`FeatureShipped.v1` as "feature shipped"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type_.partition(".")[0]).lower()


def _shortened(text: str) -> str:
    """One line of a text, cut between words where it is long, without what moves the cursor or hides."""
    line = " ".join("".join(" " if unprintable(letter) else letter for letter in text).split())
    if len(line) <= MOST_LETTERS:
        return line
    return (
        line[: MOST_LETTERS - 1].rpartition(" ")[0].rstrip(" ,;:") + "…"
        if " " in line[:MOST_LETTERS]
        else line[: MOST_LETTERS - 1] + "…"
    )


def unprintable(letter: str) -> bool:
    """Whether a character is a control: of the terminal, or of the direction of all that follows."""
    return (
        letter < " " or "\x7f" <= letter <= "\x9f" or letter in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


# Markdown ------------------------------------------------------------------------------------------------------------

_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>()!|~&$@^]|:(?=//))")


def as_markdown(page: Page) -> str:
    """The report as CommonMark: a heading and a list for each section."""
    out = [f"# {_md(page.title)}: progress {page.span}", "", " ".join(page.summary), ""]
    for part in page.parts:
        out += [f"## {part.heading}", "", *(_md_line(line) for line in part.lines)]
        if part.more:
            out.append(f"- {part.more} more, [{page.whole.words}]({page.whole.to})")
        out.append("")
    return "\n".join([*out, "---", "", page.footing, ""])


def _md(text: str) -> str:
    """Text of which no letter is markup."""
    return _MARKUP.sub(r"\\\1", text)


def _md_link(link: Link) -> str:
    return f"[{_md(link.words)}]({link.to})"


def _md_line(line: Said) -> str:
    why = "; ".join(_md_link(each) if isinstance(each, Link) else _md(each) for each in line.why) or "*no reason given*"
    return f"- **{_md_link(line.about)}**: {_md(line.what)}. {_md(line.who)} ({_md_link(line.entry)}). Why: {why}"


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
section~section thead{position:absolute;clip-path:inset(50%)}
@media print{:root{color-scheme:light;--ink:#000;--paper:#fff;--line:#bbb;--soft:#444;--link:#000}
@page{size:A4;margin:12mm}body{font-size:8pt;line-height:1.25;max-width:none;margin:0;padding:0}h2{margin-top:.7em}
a{text-decoration:none}}
"""


def as_html(page: Page) -> str:
    """The report as one page that loads nothing, runs nothing, and prints on one or two sheets."""
    parts = "\n".join(_html_part(part, page.whole) for part in page.parts)
    summary = "\n".join(f"<p>{escape(each)}</p>" for each in page.summary)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(page.title)}: progress {escape(page.span)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{_bdi(page.title)}: progress {escape(page.span)}</h1>\n{summary}\n{parts}\n</main>\n"
        f"<footer><p>{escape(page.footing)}</p></footer>\n</body>\n</html>\n"
    )


def _bdi(text: str) -> str:
    """Text somebody wrote, kept from changing the direction of what stands beside it."""
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


def _html_line(line: Said) -> str:
    why = "; ".join(_a(each) if isinstance(each, Link) else _bdi(each) for each in line.why)
    return (
        f'<tr><th scope="row">{_a(line.about)}</th><td>{_bdi(line.what)}</td>'
        f"<td>{_bdi(line.who)} {_a(line.entry)}</td><td>{why or '<span class=none>no reason given</span>'}</td></tr>"
    )
