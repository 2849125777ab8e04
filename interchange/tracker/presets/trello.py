"""Trello: the JSON of a board with its actions and cards, a list of actions, and the CSV of cards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from interchange.tracker.columns import name_in
from interchange.tracker.presets.csv_records import Headers, expand_csv
from interchange.tracker.presets.lines import (
    Line,
    Row,
    build_creation,
    build_line,
    by_time,
    day_of,
    left_out,
    member_line,
    state_lines,
)

_CSV: Final[Headers] = {
    "record": ("Card ID",),
    "title": ("Card Name",),
    "status": ("List Name",),
    "assignee": ("Members",),
    "labels": ("Labels",),
    "due": ("Due Date",),
    "updated": ("Last Activity Date",),
    "description": ("Card Description",),
}
_BEGINNINGS: Final = ("createCard", "copyCard", "convertToCardFromCheckItem", "emailCard", "moveCardToBoard")
_ADDITIONS: Final = {
    "addMemberToCard": ("assignee", "added"),
    "removeMemberFromCard": ("assignee", "removed"),
    "addLabelToCard": ("labels", "added"),
    "removeLabelFromCard": ("labels", "removed"),
}
_OBJECT_ID: Final = re.compile(r"[0-9a-f]{24}")
_SILENT: Final = frozenset({"pos", "idList", "name", "desc", "due", "closed"})


def expand_trello(row: Row) -> Iterator[Line]:
    """Yield the lines for a board, an action or a row of the CSV.

    A board has at most 1,000 actions. A card whose beginning is not among them begins when its id was made, and what no
    action says of it is known from its last activity on.
    """
    if isinstance(row.get("cards"), list):
        yield from _expand_board(row)
    elif "data" in row or "memberCreator" in row:
        yield from _expand_action(row)
    else:
        yield from expand_csv(row, _CSV, several=("assignee",))


def _expand_board(board: Row) -> Iterator[Line]:
    actions = by_time(board.get("actions") or (), "date")
    begun = {_card_of(action).get("id") for action in actions if action.get("type") in _BEGINNINGS}
    lists = {one.get("id"): one.get("name") for one in board.get("lists") or ()}
    people = {one.get("id"): name_in(one) for one in board.get("members") or ()}
    lines = [line for action in actions for line in _expand_action(action)]
    for card in board["cards"]:
        if card.get("id") not in begun:
            yield from _begin_card(card, [line for line in lines if line.get("identity") == card.get("id")])
    yield from lines
    for card in board["cards"]:
        yield from _card_state(card, lists, people)


def _record_of(card: Row) -> Row:
    name = f"#{card['idShort']}" if card.get("idShort") else str(card.get("shortLink") or card["id"])
    return {"record": name, "identity": str(card["id"])}


def _begin_card(card: Row, lines: list[Line]) -> Iterator[Line]:
    when = _time_in_id(str(card.get("id")))
    if when is None:
        return
    first = {line["field"]: line["from"] for line in reversed(lines) if line.get("field") and "from" in line}
    known = {"title": first.get("title", card.get("name")), "status": first.get("status")}
    if not lines:
        known["status"] = None
    yield build_creation(_record_of(card), when, None, known)


def _time_in_id(card: str) -> str | None:
    """Return when a card was made: the first eight digits of its id are that time (the format of a BSON ObjectId)."""
    if not _OBJECT_ID.fullmatch(card):
        return None
    return datetime.fromtimestamp(int(card[:8], 16), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _card_state(card: Row, lists: Row, people: Row) -> Iterator[Line]:
    record, when = _record_of(card), card.get("dateLastActivity")
    values = {
        "title": card.get("name"),
        "description": card.get("desc"),
        "status": lists.get(card.get("idList", "")),
        "assignee": [people[one] for one in card.get("idMembers") or () if people.get(one)],
        "labels": [
            str(one.get("name") or one.get("color")) for one in card.get("labels") or () if isinstance(one, dict)
        ],
        "due": day_of(card.get("due")),
    }
    yield from state_lines(record, when, values)
    if card.get("closed") and when:
        yield build_line(record, when=when, kind="deleted")


def _card_of(action: Row) -> Row:
    return (action.get("data") or {}).get("card") or {}


def _expand_action(row: Row) -> Iterator[Line]:
    data, card, kind = row.get("data") or {}, _card_of(row), str(row.get("type"))
    if not card.get("id"):
        yield left_out(f"action `{kind}`")
        return
    shared = {
        **_record_of(card),
        "id": row.get("id"),
        "when": row.get("date"),
        "who": name_in(row.get("memberCreator")),
    }
    if kind in _BEGINNINGS:
        values = {"title": card.get("name"), "status": (data.get("list") or {}).get("name")}
        yield build_creation(shared, row.get("date"), shared["who"], values)
    elif kind in ("deleteCard", "moveCardFromBoard"):
        yield build_line(shared, kind="deleted")
    elif kind in _ADDITIONS:
        field, side = _ADDITIONS[kind]
        yield member_line(shared, field, side, _added_name(row, data, field))
    elif kind == "updateCustomFieldItem":
        value = (data.get("customFieldItem") or {}).get("value")
        said = next(iter(value.values()), None) if isinstance(value, dict) else value
        yield build_line(shared, field=(data.get("customField") or {}).get("name"), to=said)
    elif kind == "updateCard":
        yield from _expand_update(shared, data, card)
    else:
        yield left_out(f"action `{kind}`")


def _added_name(row: Row, data: Row, field: str) -> Any:
    if field == "labels":
        label = data.get("label") or {}
        return label.get("name") or label.get("color") or data.get("text")
    return name_in(row.get("member") or data.get("member"))


def _expand_update(shared: Row, data: Row, card: Row) -> Iterator[Line]:
    old = data.get("old") or {}
    if "listAfter" in data:
        before = (data.get("listBefore") or {}).get("name")
        yield build_line(shared, field="status", to=data["listAfter"].get("name"), **{"from": before})
    for key, field in (("name", "title"), ("desc", "description")):
        if key in old:
            yield build_line(shared, field=field, to=card.get(key), **{"from": old[key]})
    if "due" in old:
        yield build_line(shared, field="due", to=day_of(card.get("due")), **{"from": day_of(old["due"])})
    if "closed" in old:
        yield build_line(shared, kind="deleted" if card.get("closed") else "restored")
    for name in old:
        if name not in _SILENT:
            yield left_out(f"change of `{name}` of a card")
