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
    for column in answer["rows"]:
        cards = sorted(
            (_read_card(card, titles, schedule, today) for card in column["cards"]), key=lambda card: card.order
        )
        shown = [card for card in cards if shows_all or not card.is_closed]
        folded = [card for card in cards if card not in shown]
        heading = _heading(column, titles, schedule)
        yield [
            (isolate(heading), "bold"),
            (f"  {len(shown)} open{_count_closed(folded)}" if not shows_all else f"  {len(shown)}", "dim"),
        ]
        yield from _draw_cards([replace(card, due="") if card.due == heading else card for card in shown], width)
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
    return _Card(order[2] or key, key, status, to_single_line(owner), to_single_line(when), problems, order, is_closed)


def _draw_cards(cards: Sequence[_Card], width: int) -> Iterator[Line]:
    """Yield a line for each card: state, title, when, owner, what needs attention, and the key if it fits."""
    if not cards:
        return
    spans = [(mark_status(card.status), card.due, card.owner, ", ".join(card.problems), card.key) for card in cards]
    widths = [max(width_of(row[0][0] if index == 0 else str(row[index])) for row in spans) for index in range(5)]
    widths[1], widths[2] = min(widths[1], 26), min(widths[2], 20)
    shown = _choose_parts(widths, width)
    room = width - 4 - sum(widths[index] + 2 for index in shown)
    longest = max(width_of(card.title) for card in cards)
    title_width = min(room, longest)
    for card, row in zip(cards, spans, strict=True):
        line: list[Span] = [("  ", ""), (pad(row[0][0], widths[0]), row[0][1]), ("  ", "")]
        line.append((_fit(card.title, title_width), ""))
        for index in shown:
            if index == 0:
                continue
            text = row[index]
            style = "cyan" if index == 4 else ""  # noqa: PLR2004  (the key)
            span = mark_problem(str(text)) if index == 3 and text else (str(text), style)  # noqa: PLR2004  (what needs attention)
            line += [("  ", ""), (_fit(span[0], widths[index] + (2 if index == 3 else 0)), span[1])]  # noqa: PLR2004
        yield line


def _choose_parts(widths: Sequence[int], width: int) -> list[int]:
    """Return which parts are shown next to the title: the state first, then what needs attention, when, owner and key."""
    shown = [0]
    room = width - 4 - (widths[0] + 2) - _MIN_TITLE
    for index in (3, 1, 2, 4):
        need = widths[index] + (4 if index == 3 else 2)  # noqa: PLR2004  (with its shape)
        if widths[index] and need <= room and (index != 4 or widths[4] <= _KEY_WIDTH):  # noqa: PLR2004
            shown.append(index)
            room -= need
    return sorted(shown)


def _fit(text: str, width: int) -> str:
    fitted = shorten(text, width)
    return pad(fitted, width).replace(fitted, isolate(fitted), 1) if fitted else pad("", width)
