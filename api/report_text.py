"""A progress report in words: sentences for its lines, and as many lines as two printed pages have room for.

`api.report_markdown` and `api.report_html` make documents of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, TypeVar

from api.pages.subject_addresses import subject_path
from domain.characters import escape_unsafe
from domain.ids import key_of
from domain.values import kind_of
from projections.answer_types.parts import FieldValue, ReasonKind, Value
from projections.answer_types.report import GoalOutcome, GoalValue, ReportChange, ReportLine, Section
from projections.queries.hidden_reasons import HIDDEN_REASON
from projections.queries.report import UNDONE_STATUSES
from projections.queries.report_lines import SECTIONS, TARGET

PRINTED_LINES: Final = 142.0
"""Printed lines on two A4 pages, with a margin for a page that ends early."""
COLUMN_WIDTHS: Final = (30, 24, 22, 42)
"""Characters on a printed line in each column, as measured in Chromium. It need not be exact."""
HEADING: Final = 3.5
"""Printed lines of a heading and of the space below its table."""
PADDING: Final = 0.35
MAX_LENGTH: Final = 100
"""Characters of a title or a reason; the link leads to the full text."""
MAX_GOALS: Final = 4
"""The number of goals that are always shown."""
MAX_WEIGHTY: Final = 8
"""Lines of a section with a weight that are always shown, if they fit."""

MAX_SECTION_LINES: Final = 60
"""Lines of a section that are formatted by default; more never fit on two pages."""
FEW: Final = 5
"""Changes, entries or reasons shown in one line."""

HEADINGS: Final[Mapping[Section, str]] = {
    "goals": "Goals",
    "releases": "Releases",
    "course": "Vision and strategy",
    "decisions": "Decisions",
    "shipped": "Shipped",
    "slipped": "Slipped",
    "overdue": "Overdue",
    "dropped": "Dropped",
    "moved": "Other changes of the roadmap",
    "handed_over": "Handovers",
    "next": "What comes next",
    "waiting": "Waiting for a decision",
    "unowned": "Without an owner",
    "undecided": "Planned with no decision behind it",
    "late": "Recorded late, and corrections",
}
_COUNTED: Final[Mapping[Section, tuple[str, str]]] = {
    "course": ("change of the vision or strategy", "changes of the vision and strategy"),
    "decisions": ("decision", "decisions"),
    "shipped": ("feature shipped", "features shipped"),
    "slipped": ("date slipped", "dates slipped"),
    "dropped": ("feature dropped", "features dropped"),
    "moved": ("other change of the roadmap", "other changes of the roadmap"),
    "handed_over": ("handover", "handovers"),
    "late": ("recorded late or corrected", "recorded late or corrected"),
    "overdue": ("overdue", "overdue"),
    "waiting": ("decision waiting", "decisions waiting"),
    "unowned": ("without an owner", "without an owner"),
    "undecided": ("planned with no decision behind it", "planned with no decision behind them"),
    "next": ("to come", "to come"),
}
_DURING_PERIOD: Final[tuple[Section, ...]] = ("course", "shipped", "slipped", "dropped", "moved", "handed_over", "late")
_AT_END: Final[tuple[Section, ...]] = ("overdue", "waiting", "unowned", "undecided", "next")
_WITHOUT_REASON: Final = frozenset({"unowned", "undecided"})
"""Sections about what is missing: an event may have a reason, but it is not the reason of this."""
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link and its text. Without an address it is only text."""

    words: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class ReasonText:
    """A reason in words: an event's own with the decisions that it cites, one inherited from them, or none.

    `entry` names the event, where a line is about several.
    """

    kind: ReasonKind
    text: str | None = None
    decisions: Sequence[Link] = ()
    entry: str = ""


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of the report in words. `reasons` is empty where no event is to be explained."""

    about: Link
    what: str
    who: str
    entries: Sequence[Link]
    reasons: Sequence[ReasonText]


@dataclass(frozen=True, slots=True)
class Part:
    """A section in words, with the number of lines that are left out."""

    id: Section
    heading: str
    lines: Sequence[TextLine]
    more: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What the person who issued a report wrote to its readers; `text` may be missing. `voided` says who voided it."""

    text: str | None
    by: str
    entry: Link
    voided: tuple[str, Link, str] | None = None
    """Who and when, the entry, and the reason."""


@dataclass(frozen=True, slots=True)
class Page:
    """A report in words."""

    title: str
    period: str
    summary: Sequence[str]
    parts: Sequence[Part]
    footing: str
    whole: Link
    issued: Summary | None = None


def build_page(report: Mapping[str, Any], *, base: str = "", lines: int | None = None) -> Page:
    """Return a report, as the server answers it, in words.

    `base` is the address at which its readers reach the pages; without it there are no links. At most `lines` lines are
    shown, or as many as fit on two printed pages: each section shows its first ones and the number of the others.
    Lines with a weight, such as reversals and changes of strategy, are shown before those of other sections.
    """
    writer = _LineWriter(report["titles"], base, report["until"][:4])
    parts = []
    groups = {section: found for section in SECTIONS if (found := _groups(section, report["rows"]))}
    written = {
        section: [writer.write(rows) for rows in found[: lines or MAX_SECTION_LINES]]
        for section, found in groups.items()
    }
    weighty = {section: _count_weighty(found) for section, found in groups.items()}
    shares = _shares(written, weighty, lines)
    for section, found in groups.items():
        share = shares[section]
        more = report["counts"][section] - sum(map(len, found[:share]))
        parts.append(Part(section, HEADINGS[section], written[section][:share], more))
    period = format_period(report["since"], report["until"])
    return Page(
        title=_shorten(report["title"] or report["product"]),
        period=period,
        summary=_summary(report["rows"], report["counts"]),
        parts=parts,
        footing=_footing(report, writer),
        whole=Link("see all of them", base and base + _report_path(report)),
        issued=writer.write_summary(report["issued"]) if report.get("issued") else None,
    )


def _groups(section: Section, rows: Sequence[ReportLine]) -> list[list[ReportLine]]:
    """Return the lines of a section. Slips and other changes of the roadmap are grouped by feature; subjects that one person handed over
    to another on a day, for the same reason, are one handover.
    """
    found: dict[Any, list[ReportLine]] = {}
    for n, row in enumerate(row for row in rows if row["section"] == section):
        found.setdefault(_group_key(section, row) or n, []).append(row)
    groups = list(found.values())
    return [sorted(rows, key=_by_time) for rows in groups] if section in ("moved", "slipped") else groups


def _by_time(row: ReportLine) -> tuple[str, int]:
    return row["at"], row["blame"]["position"]


def _group_key(section: Section, row: ReportLine) -> Any:
    if section in ("moved", "slipped"):
        return row["subject"]
    if section == "handed_over" and all(change["field"] == "role.accountable" for change in row["changes"]):
        sides = [str(change[side]["value"]) for change in row["changes"] for side in ("before", "after")]
        return (row["at"][:10], row["blame"]["actor"], *sides, str(row["reason"]))
    return None


def _count_weighty(groups: Sequence[Sequence[ReportLine]]) -> int:
    """Return how many lines must not be cut: goals, and lines with a weight."""
    return min(MAX_WEIGHTY, sum(any(row["weight"] or row["section"] == "goals" for row in rows) for rows in groups))


def _report_path(report: Mapping[str, Any]) -> str:
    key = key_of(report["product"])
    return f"/reports/{key}?since={report['since']}&until={report['until']}&lines=10000"


def _shares(
    written: Mapping[Section, Sequence[TextLine]], weighty: Mapping[Section, int], lines: int | None
) -> dict[Section, int]:
    """Return how many lines each section shows: the same number for all that have enough lines, and at least one, or
    those that have a weight.

    The space that is left goes to the first sections.
    """

    def share(most: int, heavy: int) -> dict[Section, int]:
        least = {**dict.fromkeys(written, heavy), "goals": MAX_GOALS}
        return {section: max(most, min(least[section], weighty[section])) for section in written}

    heavy = next((heavy for heavy in range(MAX_WEIGHTY, 1, -1) if _fits(written, share(1, heavy), lines)), 1)
    longest = max(map(len, written.values()), default=1)
    shares = next((share(n, heavy) for n in range(longest, 1, -1) if _fits(written, share(n, heavy), lines)), None)
    shares = shares or share(1, heavy)
    for section in written:
        more = {**shares, section: shares[section] + 1}
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
    why = "; ".join(map(_plain_reason, line.reasons))
    who = " ".join((line.who, *(entry.words for entry in line.entries)))
    cells = zip((line.about.words, line.what, who, why), COLUMN_WIDTHS, strict=True)
    return PADDING + max(-(-len(words) // letters) for words, letters in cells)


def join_reasons(reasons: Sequence[str]) -> str:
    """Return several reasons as one text; only the last one keeps its period."""
    return "; ".join([*(each.removesuffix(".") for each in reasons[:-1]), *reasons[-1:]])


def is_hidden(reason: ReasonText) -> bool:
    """Whether a reason is inherited only from decisions that the reader may not read."""
    return reason.kind == "inherited" and not reason.decisions and not reason.text


def _plain_reason(reason: ReasonText) -> str:
    if is_hidden(reason):
        return f"{reason.entry} {HIDDEN_REASON}"
    return " ".join([reason.entry, *(link.words for link in reason.decisions), reason.text or "", "(inherited)"])


# Dates ---------------------------------------------------------------------------------------------------------------


def format_period(since: str, until: str) -> str:
    """Return a period as people write it: "July 1 – November 26, 2026". The end of a whole day is that day."""
    last = (date.fromisoformat(until[:10]) - timedelta(days=1)).isoformat() if "T00:00:00.000000Z" in until else until
    first_words = _format_date(since, year=since[:4] != last[:4])
    return f"{first_words} – {_format_date(last)}" if since[:10] != last[:10] else _format_date(last)


def _format_date(day: str, *, year: bool = True, short: bool = False) -> str:
    """Return a date as people write it: "November 26, 2026"; `short` abbreviates the month. Any other text is shortened."""
    try:
        found = date.fromisoformat(day[:10])
    except ValueError:  # an imported one may be anything, such as "soon"
        return _shorten(day)
    month = _MONTHS[found.month - 1]
    words = f"{month[:3] if short else month} {found.day}"
    return f"{words}, {day[:4]}" if year else words


# Sentences -----------------------------------------------------------------------------------------------------------


def _summary(rows: Sequence[ReportLine], counts: Mapping[str, int]) -> list[str]:
    during = [*_count_decisions(rows, counts), *_list_counts(counts, _DURING_PERIOD), *_count_goals(rows)]
    at_end = _list_counts(counts, _AT_END)
    return [
        f"In this period: {', '.join(during)}." if during else "Nothing was decided, shipped or moved in this period.",
        f"At its end: {', '.join(at_end)}."
        if at_end
        else "At its end nothing is planned, overdue, waiting for a decision or without an owner.",
    ]


def _count_decisions(rows: Sequence[ReportLine], counts: Mapping[str, int]) -> list[str]:
    if not counts["decisions"]:
        return []
    after = [change["after"]["value"] for row in rows if row["section"] == "decisions" for change in row["changes"]]
    undone = [f"{after.count(status)} {status}" for status in sorted(UNDONE_STATUSES) if status in after]
    words = f"{counts['decisions']} {_COUNTED['decisions'][counts['decisions'] != 1]}"
    return [f"{words} ({', '.join(undone)})" if undone else words]


def _count_goals(rows: Sequence[ReportLine]) -> list[str]:
    """Return how many of the goals that were closed in the period were met."""
    statuses = [
        change["after"]["value"]
        for row in rows
        if row["section"] == "goals"
        for change in row["changes"]
        if change["field"] == "status"
    ]
    closed = [status for status in statuses if status != "open"]
    return [f"{closed.count('met')} of {len(closed)} goals met"] if closed else []


def _list_counts(counts: Mapping[str, int], sections: Sequence[Section]) -> list[str]:
    return [f"{counts[each]:,} {_COUNTED[each][counts[each] != 1]}" for each in sections if counts[each]]


def _footing(report: Mapping[str, Any], writer: _LineWriter) -> str:
    known = report["known_at"]
    zone = "" if report["since"][11:19] == "00:00:00" else f" The period begins at {report['since'][11:16]}."
    return (
        f"Based on the log up to entry {report['position']}, recorded on {writer.format_day(known)} at {known[11:16]}. "
        f"Dates and times are UTC.{zone} The same period and entry always give this report: SHA-256 {report['sha256']}."
    )


class _LineWriter:
    """Formats lines in words, with the titles of subjects instead of their ids."""

    def __init__(self, titles: Mapping[str, str], base: str, year: str) -> None:
        self._titles, self._base, self._year = titles, base, year

    def write(self, rows: Sequence[ReportLine]) -> TextLine:
        """Return one or several lines about one subject, or one handover of several, as one line in words."""
        if rows[0]["section"] == "handed_over" and len(rows) > 1:
            return self._write_handover(rows)
        first, last = rows[0], rows[-1]
        days = dict.fromkeys(self.format_day(row["at"]) for row in (first, last))
        who = dict.fromkeys(self._who(row) for row in rows)
        return TextLine(
            about=self._subject(first["subject"], first["title"]),
            what="; ".join(_first_few([self._what(row) for row in rows])) + self._promise(last),
            who=f"{' to '.join(days)}, {'; '.join(who)}",
            entries=[self._entry(row["blame"]["position"]) for row in (rows if len(rows) <= FEW else (first, last))],
            reasons=[] if first["section"] in _WITHOUT_REASON else self._reasons(rows),
        )

    def write_summary(self, issued: Mapping[str, Any]) -> Summary:
        """Return who issued the report and what they wrote."""
        text = issued["summary"]
        void = issued.get("voided")
        voided = void and (self._by(void), self._entry(void["position"]), _flatten(void["why"]))
        return Summary(_flatten(text) if text else None, self._by(issued), self._entry(issued["position"]), voided)

    def _by(self, issued: Mapping[str, Any]) -> str:
        return f"{self._name(issued['by'])}, {self.format_day(issued['at'], year=True)}"

    def format_day(self, time: str, *, year: bool = False) -> str:
        """Return the day of a time, with its year if that is not the last one of the period."""
        return _format_date(time, year=year or time[:4] != self._year, short=True)

    def _write_handover(self, rows: Sequence[ReportLine]) -> TextLine:
        """Return a handover of several subjects: what was handed over stands where a single one has its title."""
        names = _first_few([_shorten(row["title"] or row["subject"]) for row in rows])
        return TextLine(
            about=Link(f"{len(rows)} items"),
            what=f"{self._what(rows[0])}: {', '.join(names)}",
            who=f"{self.format_day(rows[0]['at'])}, {self._who(rows[0])}",
            entries=[
                self._entry(row["blame"]["position"]) for row in (rows if len(rows) <= FEW else (rows[0], rows[-1]))
            ],
            reasons=[self._reason(rows[0])],
        )

    def _subject(self, subject: str, title: str | None) -> Link:
        return Link(_shorten(title or subject), self._base and self._base + subject_path(subject))

    def _entry(self, position: int) -> Link:
        return Link(f"#{position}", self._base and f"{self._base}/audit/{position}")

    # Reasons

    def _reasons(self, rows: Sequence[ReportLine]) -> list[ReasonText]:
        """Return the reason of each event, each with its entry if there are several events with different reasons."""
        found = [(self._reason(row), row) for row in rows]
        if len({repr(reason) for reason, _ in found}) == 1:
            return [found[0][0]]
        given = [
            replace(reason, entry=f"#{row['blame']['position']}") for reason, row in found if reason.kind != "none"
        ]
        return given[-FEW:]

    def _reason(self, row: ReportLine) -> ReasonText:
        reason = row["reason"]
        text = _shorten(reason["text"]) if reason["text"] else None
        return ReasonText(reason["kind"], text, [self._decision(each) for each in reason["decisions"][:FEW]])

    def _decision(self, subject: str) -> Link:
        return self._subject(subject, self._title(subject))

    # What happened

    def _what(self, row: ReportLine) -> str:
        match row["section"]:
            case "unowned":
                gone = ", ".join(self._name(who) for who in row["left"])
                return f"{gone} was the owner and has left" if gone else "no one is the owner"
            case "goals":
                return self._goal(row)
            case "releases":
                return self._release(row)
        if not row["changes"]:
            return f"voided entry #{row['voids']}" if "voids" in row else _event_in_words(row["blame"]["type"])
        what = "; ".join(self._change(row, change) for change in _notable_changes(row["changes"]))
        if row["section"] == "overdue":
            what = self._overdue(what, self.format_day(row["due"]))
        # A committed feature that was started later needs no remark.
        return (
            what
            if row.get("current", True) or row["section"] in ("moved", "slipped")
            else f"{what} (changed again later)"
        )

    def _promise(self, row: ReportLine) -> str:
        """Return how a slipped date came about: its date now, and the first promise if this was not the first slip."""
        if row["section"] != "slipped":
            return ""
        slips, target = row["slips"], self._field(row["changes"][-1]["after"])
        due = self.format_day(row["due"]) if row.get("due") and row["current"] else target
        now = f" (now due {due})" if due not in target else ""
        if slips["later"] <= 1:
            return now
        return f"{now}; first promised {self._field(slips['first'])}, slipped {slips['later']} times"

    def _overdue(self, what: str, due: str) -> str:
        """Return what is overdue: a release with its date, or the date alone."""
        target = what.removeprefix("due").strip()
        return f"was due {due}" if target == due else f"{target}, was due {due}"

    def _goal(self, row: ReportLine) -> str:
        fields = {change["field"]: change["after"]["value"] for change in row["changes"]}
        due = f"due {self.format_day(str(fields['due_on']))}" if fields.get("due_on") else "no date"
        due += self._first_promise(row, due)
        status = str(fields.get("status") or "open")
        measure = f". Measure: {_shorten(row['measure'])}" if row.get("measure") else ""
        outcomes = "".join(map(self._outcome, row.get("outcomes", [])))
        return f"{status}, {due}{_describe_progress(row.get('progress', {}))}{measure.rstrip('.')}{outcomes}"

    def _outcome(self, outcome: GoalOutcome) -> str:
        """Return what was expected and what came of it: ". No-shows: expected under 5% (Mara); found 4% (Kwame), met"."""
        measure, expected = _shorten(outcome["measure"]), _shorten(outcome["expected"])
        forecast = f". {measure}: expected {expected} ({self._name(outcome['by'])})"
        if not outcome["result"]:
            return f"{forecast}, due {self.format_day(outcome['due_on'])}"
        judge = f" ({self._name(outcome['judged_by'])})" if outcome["judged_by"] else ""
        found = f"found {_shorten(outcome['actual'])}{judge}, " if outcome["actual"] else f"judged{judge} "
        evidence = "".join(f", evidence: {self._name(each)}" for each in outcome["evidence"])
        return f"{forecast}; {found}{outcome['result'].replace('-', ' ')}{evidence}"

    def _release(self, row: ReportLine) -> str:
        features, due = row["features"], f"due {self.format_day(row['due'])}"
        promise = self._first_promise(row, due)
        return f"{due}{promise}; {features['shipped']} of {features['planned']} features shipped"

    def _first_promise(self, row: ReportLine, due: str) -> str:
        """Return the first promise of a date that moved."""
        first = row["slips"]["first"] if "slips" in row else None
        return f"; first promised {self._field(first)}" if first and f"due {self._field(first)}" != due else ""

    def _change(self, row: ReportLine, change: ReportChange) -> str:
        name, after = change["field"], self._field(change["after"])
        if name == "exists":
            return _EXISTS[change["before"]["value"], change["after"]["value"]]
        if name.startswith("delegation."):
            return f"delegated to {after}" if change["after"]["value"] else "delegation ended"
        shows_before = "before" in change and change["direction"] != "first" and kind_of(row["subject"]) != "decision"
        before = self._field(change["before"]) if shows_before else None
        label = _label(name, row["section"])
        change_of = after if before is None else f"{before} → {after}"
        return f"{label} {change_of}".strip()

    def _field(self, field: FieldValue | None) -> str:
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
        if isinstance(value, str) and _DAY.fullmatch(value):
            return self.format_day(value)
        return self._name(str(value))

    def _title(self, subject: str) -> str:
        return self._titles.get(subject) or subject

    def _name(self, subject: str) -> str:
        return _shorten(self._title(subject))

    def _who(self, row: ReportLine) -> str:
        blame = row["blame"]
        who = ", ".join(map(self._name, row["by"]))
        if blame["source"].get("channel") == "import":  # who imported it, and when, is not about the product
            return who
        if blame["actor"] not in (*row["by"], blame["principal"]):
            who += f", recorded by {self._name(blame['actor'])}"
        is_backdated = blame["recorded_at"][:10] > row["at"][:10]
        return f"{who}; recorded {self.format_day(blame['recorded_at'])}" if is_backdated else who


T = TypeVar("T")
_DAY: Final = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")


def _first_few(items: Sequence[T]) -> list[T | str]:
    """Return the first items, and the number of the others."""
    return [*items] if len(items) <= FEW else [*items[: FEW - 1], f"and {len(items) - FEW + 1} more"]


_EXISTS: Final[Mapping[tuple[Value, Value], str]] = {
    (None, True): "new",
    (False, True): "restored",
    (True, False): "removed",
    (None, False): "removed",
}


def _notable_changes(changes: Sequence[ReportChange]) -> list[ReportChange]:
    """Return the changes to show. The status `proposed` of a new subject is obvious."""
    new = any(change["field"] == "exists" for change in changes)
    shown = [c for c in changes if not (new and c["field"] == "status" and c["after"]["value"] == "proposed")]
    return [change for change in shown if not (change["field"] == "rank" and change["after"]["value"] is None)] or shown


def _label(name: str, section: Section) -> str:
    """Return the label of a field; a section whose heading says it needs none."""
    if name == "status":
        return ""
    if name.startswith(TARGET):
        milestone = name[len(TARGET) :]
        return (
            ""
            if milestone == "ship" and section in ("slipped", "overdue")
            else f"{_MILESTONES.get(milestone, milestone)}:"
        )
    names = {
        "role.accountable": "" if section == "handed_over" else "owner:",
        "due_on": "" if section == "slipped" else "due",
        "review_on": "to be reviewed on",
    }
    return names.get(name, f"{name}:")


_MILESTONES: Final = {"ship": "target"}


def _event_in_words(type_: str) -> str:
    """Return `FeatureShipped.v1` as "feature shipped"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type_.partition(".")[0]).lower()


def _describe_progress(progress: Mapping[GoalValue, str]) -> str:
    """Return where a goal began, what it is to reach, and where it is: "; from 12 to 20 %, last measured 15 %"."""
    unit = f" {progress['unit']}" if "unit" in progress else ""
    begun = f"from {progress['baseline']} " if "baseline" in progress else ""
    parts = [f"{begun}to {progress['target']}{unit}"] if "target" in progress else []
    parts += [f"last measured {progress['current']}{unit}"] if "current" in progress else []
    return f"; {', '.join(parts)}" if parts else ""


def _shorten(text: str) -> str:
    """Return a text as one line without control characters, shortened between words if it is long."""
    line = _flatten(text)
    if len(line) <= MAX_LENGTH:
        return line
    return (
        line[: MAX_LENGTH - 1].rpartition(" ")[0].rstrip(" ,;:") + "…"
        if " " in line[:MAX_LENGTH]
        else line[: MAX_LENGTH - 1] + "…"
    )


def _flatten(text: str) -> str:
    """Return a text as one line without control characters."""
    return " ".join(escape_unsafe(text, _space_or_nothing).split())


def _space_or_nothing(unsafe: str) -> str:
    """Return a space for a control character or a line break, and nothing for an invisible character."""
    return " " if unicodedata.category(unsafe) in ("Cc", "Zl", "Zp") else ""
