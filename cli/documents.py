"""One subject as a document: what it is, who answers for it, why, what belongs to it, and what happened to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.pages.labels import field_label
from api.pages.verbs import verb_of
from cli.answer_titles import Titles
from cli.dates import Zone
from cli.display import Line, Span, format_day, format_when, isolate, paragraphs, to_single_line, wrap
from cli.forecasts import describe_expectation, describe_outcome
from cli.sentences import IT, Happening, describe_delegation, describe_report, tell
from cli.status_marks import SHAPES, mark_problem, mark_status, mark_verdict
from cli.values import format_number
from domain.ids import kind_of
from domain.statuses import ENDED_DECISION
from domain.times import parse_timestamp
from projections.queries.field_groups import flat_fields

Row = Mapping[str, Any]

_TEXTS: Final = ("decision", "why", "context", "definition", "description", "vision", "strategy", "measure", "finding")
_LISTS: Final = ("evidence", "assumptions", "constraints")
_HEADER: Final = frozenset(
    {
        *("exists", "title", "status", "number", "deciders", "products", "kind", "options", "chosen_option", "option"),
        *("authority", "superseded_by", "identifiers", "ended_by", *_TEXTS, *_LISTS),
        *("deferred_until", "awaits", "revisit_on", "review_on"),
    }
)
_REVIEWS: Final = (
    ("Result", "review.outcome", "review.finding", "review.by"),
    ("Reasoning", "review.reasoning", "review.reasoning_finding", "review.reasoning_by"),
)
_TOLD: Final = ("authority.", "review.", "acknowledged.", "confirmed.", "ratified.", "approval.", "abstention.")
"""The beginnings of fields that have a section of their own, or that only the history can tell: an approval does not count
after a revision.
"""
_RELATIONS: Final = {
    "replaces": "Replaces",
    "replaced_by": "Replaced by",
    "rests_on": "Rests on",
    "supports": "What rests on it",
}
_UNOWNED_KINDS: Final = frozenset({"decision", "feature", "product", "goal"})
_MAX_EVENTS: Final = 20
_ERASED: Final = "[erased]"
"""What an erased text reads. Of several options with this title, it is unknown which was chosen."""


@dataclass(frozen=True)
class Document:
    """What is known about a subject, and how the reader sees it."""

    page: Row
    titles: Titles
    history: Sequence[Row]
    verdicts: Sequence[Row]
    sections: Mapping[str, Sequence[Line]]
    """Further sections, such as what a person is accountable for."""
    zone: Zone
    now: datetime
    width: int

    def lines(self) -> Iterator[Line]:
        """Yield the lines of the document."""
        yield from self._header()
        yield from self._texts()
        yield from self._options()
        yield from self._authority()
        yield from self._voices("advice", "Advice")
        yield from self._voices("dissents", "Dissent")
        yield from self._waiting()
        yield from self._forecasts()
        yield from self._reviews()
        yield from self._details()
        yield from self._relations()
        for heading, lines in self.sections.items():
            if lines:
                yield from (([], [(heading, "bold")]))
                yield from lines
        yield from self._events()

    def _cell(self, name: str) -> Row | None:
        found: Row | None = self.page["fields"].get(name)
        return found if found and (found["value"] is not None or found["source_value"]) else None

    def _text(self, name: str) -> str:
        cell = self._cell(name)
        return self.titles.format_field(cell) if cell else ""

    def _when(self, time: str) -> str:
        return format_when(parse_timestamp(time), self.now, self.zone)

    def _header(self) -> Iterator[Line]:
        number = format_number(self.page["number"])
        title = self.page["title"] or self._text("version") or self.titles.format(self.page["subject"])
        spans: list[Span] = [(f"{number}  ", "cyan")] if number else []
        yield from wrap([*spans, (isolate(to_single_line(title)), "bold")], self.width)
        if status := self._status():
            yield from wrap(status, self.width, 2)
        yield from wrap(self._people(), self.width, 2)

    def _status(self) -> list[Span]:
        cell = self._cell("status")
        if not self.page["current"]:
            return [mark_problem("removed")]
        if cell is None:
            return []
        spans: list[Span] = [mark_status(cell["value"])]
        if cell["source_value"] and cell["source_value"].casefold() != str(cell["value"]).casefold():
            spans.append((f" ({to_single_line(cell['source_value'])})", ""))
        blame = cell.get("blame")
        by = f" ({to_single_line(self.titles.format(blame['principal']))})" if blame else ""
        others = ", ".join(to_single_line(each["title"] or each["subject"]) for each in self.page["replaced_by"])
        spans.append((f", {self._when(cell['since'])}{by}", ""))
        return [*spans, (f"; replaced by {others}", "")] if others else spans

    def _people(self) -> list[Span]:
        kind = kind_of(self.page["subject"])
        parts: list[list[Span]] = []
        if deciders := self._text("deciders"):
            parts.append([(f"decided by {to_single_line(deciders)}", "")])
        for role, cell in self.page.get("roles", {}).items():
            label = "owner" if role == "accountable" else role.replace("_", " ")
            parts.append([(f"{label} {isolate(to_single_line(self.titles.format_field(cell)))}", "")])
        if kind in _UNOWNED_KINDS and "accountable" not in self.page.get("roles", {}):
            parts.append([mark_problem("no owner")])
        what = f"{self._text('kind')} {kind}".strip()
        products = self._text("products")
        parts.append([(to_single_line(f"{what} of {products}" if products else what), "")])
        parts.append([(self.page["subject"], "cyan")])
        return [span for index, part in enumerate(parts) for span in ([(" · ", "")] if index else []) + part]

    def _texts(self) -> Iterator[Line]:
        for name in _TEXTS:
            if text := self._text(name):
                yield from ([], [(field_label(name).capitalize(), "bold")])
                yield from paragraphs(text, self.width)
        for name in _LISTS:
            cell = self._cell(name)
            if cell and cell["value"]:
                yield from ([], [(field_label(name).capitalize(), "bold")])
                for each in cell["value"] if isinstance(cell["value"], list) else [cell["value"]]:
                    yield from wrap(
                        [("  • ", ""), (isolate(to_single_line(self.titles.format(each))), "")], self.width, 4
                    )

    def _options(self) -> Iterator[Line]:
        cell = self._cell("options")
        if not cell or not cell["value"]:
            return
        chosen = self._text("option") or self._text("chosen_option")
        yield from ([], [("Options", "bold")])
        for option in cell["value"]:
            title = option["title"] if isinstance(option, Mapping) else str(option)
            is_chosen = title == chosen != _ERASED
            shape = f"  {SHAPES['good' if is_chosen else 'ring']} "
            word = " (chosen)" if is_chosen else ""
            yield from wrap([(shape, ""), (isolate(to_single_line(title)), "bold"), (word, "")], self.width, 4)
            details = option.items() if isinstance(option, Mapping) else ()
            for name, value in sorted(details, key=lambda each: each[0] != "pros"):
                if name != "title" and value not in (None, [], ""):
                    text = to_single_line(self.titles.format(value))
                    yield from wrap([(f"      {name}: ", ""), (isolate(text), "")], self.width, 8)

    def _authority(self) -> Iterator[Line]:
        if not self.verdicts:
            return
        yield from ([], [("Authority", "bold")])
        for row in self.verdicts:
            text = " ".join(self.titles.format_sentence(each) for each in row["explanation"])
            who = to_single_line(self.titles.format(row["decider"]))
            did = verb_of(row["type"])
            yield from wrap(
                [("  ", ""), mark_verdict(row["verdict"]), (f" · {isolate(who)} {did} it: {to_single_line(text)}", "")],
                self.width,
                4,
            )

    def _voices(self, group: str, heading: str) -> Iterator[Line]:
        voices = self.page.get(group, {})
        if not voices:
            return
        yield from ([], [(heading, "bold")])
        for key, cell in voices.items():
            who = self.titles.format(f"person:{key}")
            text = to_single_line(self.titles.format(cell["value"]))
            when = self._when(cell["since"])
            yield from wrap(
                [(f"  {isolate(to_single_line(who))}", "bold"), (f": {isolate(text)} ({when})", "")], self.width, 4
            )

    def _waiting(self) -> Iterator[Line]:
        """Yield what a deferred decision waits for."""
        until, awaits = self._text("deferred_until"), self._text("awaits")
        if not (until or awaits):
            return
        yield from ([], [("Waits for", "bold")])
        for text in (until, awaits):
            if text:
                yield from paragraphs(text, self.width)
        if day := self._text("revisit_on"):
            yield [(f"  To be decided again by {format_day(day)} at the latest.", "")]

    def _forecasts(self) -> Iterator[Line]:
        expectations, outcomes = self.page.get("expectations", {}), self.page.get("outcomes", {})
        if not expectations:
            return
        yield from ([], [("Expected outcomes", "bold")])
        for key, cell in expectations.items():
            text = f"  {key}. {describe_expectation(cell['value'])}"
            yield from wrap([(text, ""), self._cite(cell)], self.width, 5)
            if (outcome := outcomes.get(key)) and outcome["value"]:
                spans = describe_outcome(outcome["value"], self.titles)
                yield from wrap([("     ", ""), *spans, self._cite(outcome)], self.width, 7)

    def _cite(self, cell: Row) -> Span:
        """Return who said it, and when."""
        by = to_single_line(self.titles.format(cell["value"]["by"]))
        return f" ({isolate(by)}, {self._when(cell['since'])})", "dim"

    def _reviews(self) -> Iterator[Line]:
        """Yield what the reviews of the result and of the reasoning found, and when the next one is due."""
        status = self._cell("status")
        day = "" if status and status["value"] in ENDED_DECISION else self._text("review_on")
        found = [
            (what, verdict, self._cell(finding), self._text(by))
            for what, name, finding, by in _REVIEWS
            if (verdict := self._text(name))
        ]
        learned = self._text("review.learned")
        if not (found or day or learned):
            return
        yield from ([], [("Review", "bold")])
        for what, verdict, finding, by in found:
            text = f": {to_single_line(str(finding['value']))}" if finding else ""
            when = f", {self._when(finding['since'])}" if finding else ""
            spans: list[Span] = [(f"  {what} {verdict.replace('-', ' ')}", ""), (isolate(text), "")]
            yield from wrap([*spans, (f" ({isolate(to_single_line(by))}{when})", "dim")], self.width, 4)
        if learned:
            yield from wrap([("  Learned: ", ""), (isolate(to_single_line(learned)), "")], self.width, 4)
        if day:
            is_past = day < self.zone.to_local(self.now).date().isoformat()
            yield [(f"  {'A review was due on' if is_past else 'Next review on'} {format_day(day)}.", "")]

    def _details(self) -> Iterator[Line]:
        groups = ("roles", "advice", "dissents", "expectations", "outcomes")
        shown = {
            name: cell
            for name, cell in flat_fields({**self.page, **{group: {} for group in groups}})
            if name not in _HEADER
            and not (name == "version" and cell["value"] == self.page["title"])
            and not name.startswith(_TOLD)
            and (cell["value"] is not None or cell["source_value"])
        }
        if not shown:
            return
        yield []
        for name, cell in shown.items():
            label, value = self._format_detail(name, cell)
            blame = cell.get("blame")
            since = f" ({self.titles.format(blame['principal'])}, {self._when(cell['since'])})" if blame else ""
            yield from wrap(
                [
                    (f"{label[:1].upper()}{label[1:]}: ", "bold"),
                    (isolate(value), ""),
                    (to_single_line(since) and f" {since.strip()}", "dim"),
                ],
                self.width,
                2,
            )

    def _format_detail(self, name: str, cell: Row) -> tuple[str, str]:
        """Return what a field is called, without the key of what it names, and its value in words."""
        group, _, key = name.partition(".")
        value = format_day(to_single_line(self.titles.format_field(cell)))
        match group:
            case "delegation" if cell["value"]:
                return group, f"{describe_delegation(cell['value'], self.titles)}, with the key {key}"
            case "access":
                about = "all products" if cell["value"] == "all" else value
                return "role", f"{key.partition('.')[0]} for {about}"
            case "link" if self.titles.title_of(key.replace(".", ":", 1)):
                return f"link to {to_single_line(self.titles.title_of(key.replace('.', ':', 1)))}", value
            case "report":
                return name, f"{describe_report(cell['value'])}, at position {cell['value']['position']}"
        return field_label(name), value

    def _relations(self) -> Iterator[Line]:
        for relation, heading in _RELATIONS.items():
            found = self.page[relation]
            if found:
                yield from ([], [(heading, "bold")])
                for each in found:
                    title = to_single_line(each["title"] or "")
                    yield from wrap([("  ", ""), (isolate(title), ""), (f"  {each['subject']}", "cyan")], self.width, 4)

    def _events(self) -> Iterator[Line]:
        if not self.history:
            return
        yield from ([], [("History", "bold")])
        for row in self.history[-_MAX_EVENTS:]:
            happening = Happening(row, row["subject"], "it", list(row["changes"]))
            voided = [(" (voided)", "red")] if row.get("voided_by") else []
            is_person = kind_of(row["subject"]) in ("person", "team")
            spans = tell(happening, self.titles if is_person else _It(self.titles, row["subject"]))
            yield from wrap([("  ", ""), (f"{self._when(row['at'])}: ", "dim"), *spans, *voided], self.width, 6)
        if len(self.history) > _MAX_EVENTS:
            earlier = len(self.history) - _MAX_EVENTS
            yield [(f"  … and {earlier} earlier: decisionlog blame {self.page['subject']}", "dim")]


class _It(Titles):
    """The titles of a document, in which its own subject is "it"."""

    def __init__(self, titles: Titles, subject: str) -> None:
        super().__init__({})
        self._inner, self._subject = titles, subject

    def format(self, value: Any) -> str:
        """Return a value as text."""
        return IT if value == self._subject else self._inner.format(value)
