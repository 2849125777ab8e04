"""The roadmap on a terminal: what is open, in the order in which it is due, with what is late, slipped or without an owner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from cli.answer_titles import Titles
from cli.context import Context
from cli.display import Line, Span, format_day, isolate, pad, shorten, to_single_line, width_of
from cli.status_marks import mark_problem, mark_status
from decisionlog_client import Client, questions
from domain.ids import key_of
from domain.times import parse_timestamp
from projections.queries.field_groups import flat_fields

Row = Mapping[str, Any]

_CLOSED: Final = frozenset({"shipped", "dropped"})
_SHIP: Final = "target.ship"
_LAST: Final = "9999"
_KEY_WIDTH: Final = 26
_MIN_TITLE: Final = 22
_MIN_OWNER: Final = 10
_PARTS: Final = ("state", "when", "owner", "attention", "key")
_IN_ORDER_OF_WEIGHT: Final = ("attention", "when", "owner", "key")
_MAX_WIDTHS: Final = {"when": 26, "owner": 20}


@dataclass(frozen=True)
class Schedule:
    """The dates of releases, and how often each target slipped."""

    due: Mapping[str, str]
    slips: Mapping[str, int]


def read_schedule(log: Client, chosen: Mapping[str, Any]) -> Schedule:
    """Return the schedule at the time of a question."""
    when = {name: chosen[name] for name in ("as_of", "known_at") if name in chosen}
    releases = [row for answer in log.pages(questions.releases(limit=1000, **when)) for row in answer["rows"]]
    due = {row["subject"]: row["fields"]["due_on"]["value"] for row in releases if "due_on" in row["fields"]}
    slips: dict[str, int] = {}
    for answer in log.pages(questions.slips(limit=1000, **when)):
        for row in answer["rows"]:
            slips[row["subject"]] = max(slips.get(row["subject"], 0), row["later"])
    return Schedule({key: str(value) for key, value in due.items() if value}, slips)


def draw_plan(
    answer: Row, titles: Titles, schedule: Schedule, context: Context, width: int, *, shows_all: bool
) -> Iterator[Line]:
    """Yield the lines of the roadmap, one a card."""
    today = context.zone.to_local(min(context.now(), parse_timestamp(answer["as_of"]))).date().isoformat()
    read = []
    for column in answer["rows"]:
        cards = sorted(
            (_read_card(card, titles, schedule, today) for card in column["cards"]), key=lambda card: card.order
        )
        shown = [card for card in cards if shows_all or not card.is_closed]
        folded = [card for card in cards if card not in shown]
        heading = _heading(column, titles, schedule)
        counted = f"  {len(shown)} open{_count_closed(folded)}" if not shows_all else f"  {len(shown)}"
        read.append((heading, counted, [replace(card, due="") if card.due == heading else card for card in shown]))
    grid = _fit_cards([card for _, _, cards in read for card in cards], width)
    for heading, counted, cards in read:
        yield [(isolate(heading), "bold"), (counted, "dim")]
        yield from (grid.draw(card) for card in cards)
        yield []


def _heading(column: Row, titles: Titles, schedule: Schedule) -> str:
    """Return what a column is called: a day in words, a release with its date."""
    called = format_day(to_single_line(str(column["title"] or titles.format(column["column"]))))
    day = schedule.due.get(str(column["column"]))
    return f"{called}, {format_day(day)}" if day else called


def _count_closed(cards: Sequence[_Card]) -> str:
    counted = [(status, sum(card.status == status for card in cards)) for status in ("shipped", "dropped")]
    return "".join(f", {number} {status}" for status, number in counted if number)


@dataclass(frozen=True, slots=True)
class _Card:
    title: str
    key: str
    status: str
    owner: str
    due: str
    named: str
    problems: tuple[str, ...]
    order: tuple[str, int, str]
    is_closed: bool


def _read_card(card: Row, titles: Titles, schedule: Schedule, today: str) -> _Card:
    fields: dict[str, Any] = dict(flat_fields(card))
    status = str((fields.get("status") or {}).get("value") or "")
    targets = {
        name: cell
        for name, cell in fields.items()
        if name.startswith("target.") and (cell["value"] or cell["source_value"])
    }
    target = targets.get(_SHIP) or next(iter(targets.values()), None)
    day = str(schedule.due.get(str(target["value"]), target["value"]) or "") if target else ""
    is_day = day[:4].isdigit() and len(day) == len("2026-07-01")
    named = titles.format_field(target).partition(" (")[0] if target else ""
    when = f"{named}, {format_day(day)}" if is_day and named != day else format_day(named)
    owner = titles.format_field(fields.get("role.accountable"))
    is_closed = status in _CLOSED
    slipped = schedule.slips.get(card["subject"], 0)
    problems = (
        *(["late"] if is_day and day < today and not is_closed else []),
        *([f"slipped {slipped}×" if slipped > 1 else "slipped"] if slipped and not is_closed else []),
        *(["no owner"] if not owner and not is_closed else []),
    )
    rank = (fields.get("rank") or {}).get("value")
    order = (day if is_day else _LAST, rank if isinstance(rank, int) else 10**6, to_single_line(card["title"] or ""))
    key = key_of(str(card["subject"]))
    return _Card(
        order[2] or key,
        key,
        status,
        to_single_line(owner),
        to_single_line(when),
        format_day(to_single_line(named)),
        problems,
        order,
        is_closed,
    )


@dataclass(frozen=True, slots=True)
class _Grid:
    """The parts of a card that are shown next to its title, each with its width, the same for all cards."""

    title_width: int
    parts: Mapping[str, int]
    is_short: bool = False

    def draw(self, card: _Card) -> Line:
        """Return the line of a card: state, title, when, owner, what needs attention, and the key."""
        spans = _spans_of(card, is_short=self.is_short)
        state, style = spans["state"]
        line: list[Span] = [("  ", ""), (pad(state, self.parts["state"]), style)]
        line += [("  ", ""), (_fit(card.title, self.title_width), "")]
        for name, width in self.parts.items():
            if name != "state":
                line += [("  ", ""), (_fit(spans[name][0], width), spans[name][1])]
        return line


def _spans_of(card: _Card, *, is_short: bool) -> dict[str, Span]:
    return {
        "state": mark_status(card.status),
        "when": (card.named if is_short and card.due else card.due, ""),
        "owner": (card.owner, ""),
        "attention": mark_problem(", ".join(card.problems)) if card.problems else ("", ""),
        "key": (card.key, "cyan"),
    }


def _fit_cards(cards: Sequence[_Card], width: int) -> _Grid:
    """Return the grid in which all cards fit; the date of a release gives way to the owner."""
    whole = _choose_parts(cards, width, is_short=False)
    if any(card.owner for card in cards) and "owner" not in whole.parts:
        short = _choose_parts(cards, width, is_short=True)
        return short if "owner" in short.parts else whole
    return whole


def _choose_parts(cards: Sequence[_Card], width: int, *, is_short: bool) -> _Grid:
    """Choose what is shown: the state first, then what needs attention, when, the owner and the key."""
    spans = [_spans_of(card, is_short=is_short) for card in cards]
    widths = {name: max((width_of(row[name][0]) for row in spans), default=0) for name in _PARTS}
    widths |= {name: min(widths[name], most) for name, most in _MAX_WIDTHS.items()}
    room = width - 4 - widths["state"] - _MIN_TITLE
    shown = {"state"}
    for name in _IN_ORDER_OF_WEIGHT:
        if name == "owner" and is_short:
            widths[name] = min(widths[name], max(room - 2, _MIN_OWNER))
        need = widths[name] + 2
        if widths[name] and need <= room and (name != "key" or widths[name] <= _KEY_WIDTH):
            shown.add(name)
            room -= need
    longest = max((width_of(card.title) for card in cards), default=0)
    return _Grid(min(room + _MIN_TITLE, longest), {name: widths[name] for name in _PARTS if name in shown}, is_short)


def _fit(text: str, width: int) -> str:
    fitted = shorten(text, width)
    return pad(fitted, width).replace(fitted, isolate(fitted), 1) if fitted else pad("", width)
