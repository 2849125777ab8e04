"""The table of every answer: which columns, and what stands in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cli.showing import Cell, Sheet
from domain.values import parse_timestamp

Row = Mapping[str, Any]
Answer = Mapping[str, Any]
TARGET: Final = "target."
WHO: Final = ("who", "why", "put by", "source", "position")
"""Columns that say whose an act was, and why."""
LESSER: Final = frozenset({"put by", "source", "position", "direction", "version", "type"})


class Names:
    """How people are called in an answer; two who are called the same are told apart by their ids."""

    def __init__(self, names: Mapping[str, str]) -> None:
        often = Counter(names.values())
        self._names = {who: name if often[name] == 1 else f"{name} <{who}>" for who, name in names.items()}

    def said(self, value: Any) -> str:
        """A value of a cell, or somebody, in words."""
        match value:
            case None:
                return ""
            case bool():
                return "yes" if value else "no"
            case list():
                return ", ".join(map(self.said, value))
            case {"title": title, **rest}:
                more = self.said(rest)
                return f"{title} ({more})" if more else str(title)
            case dict():
                return "; ".join(f"{name}: {self.said(part)}" for name, part in value.items() if part not in (None, []))
            case _:
                return self._names.get(str(value), str(value))

    def held(self, held: Row | None) -> str:
        """What a cell holds: our meaning, and the source's word where that is another."""
        if held is None:
            return ""
        value, word = held["value"], held["source_value"]
        said = self.said(value)
        if not word or (isinstance(value, list) and value) or word.casefold() == said.casefold():
            return said
        return f"{said} ({word})" if said else str(word)

    def whose(self, blame: Row | None) -> list[Cell]:
        """The cells under `WHO`."""
        if blame is None:
            return [None] * len(WHO)
        actor = blame["actor"] if blame["actor"] != blame["principal"] else None
        return [
            self.said(blame["principal"]), self.why(blame), self.said(actor), source(blame["source"]), blame["position"],
        ]  # fmt: skip

    def why(self, blame: Row) -> str:
        """The decisions an act rests on, else the note."""
        return ", ".join(blame["because"]) or str(blame.get("note") or "")


def source(origin: Row) -> str:
    """Which way an act came in: for imports the system and its own name for the change."""
    said = [origin.get("system"), origin.get("reference")]
    return " ".join(part for part in said if part) or str(origin["channel"])


def when(at: str | None) -> datetime | None:
    """An instant of an answer."""
    return None if at is None else parse_timestamp(at)


# Decisions and subjects ----------------------------------------------------------------------------------------------


def register(answer: Answer, names: Names) -> Sheet:
    """The register of decisions."""
    fields = ("title", "status", "kind", "deciders", "role.accountable", "products", "tags")
    rows = [
        [
            ", ".join(f"{product.partition(':')[2]}/{number}" for product, number in row["number"].items()),
            row["subject"],
            *(names.held(row["fields"].get(field)) for field in fields),
            when(row["fields"]["status"]["since"] if "status" in row["fields"] else None),
        ]
        for row in answer["rows"]
    ]
    columns = ("number", "decision", "title", "status", "kind", "deciders", "accountable", "products", "tags", "since")
    return Sheet(columns, rows, frozenset({"kind", "products", "tags", "number", "accountable"}))


def page(answer: Answer, names: Names) -> Sheet:
    """All there is to say of one subject."""
    rows: list[list[Cell]] = [
        [field, names.held(cell), when(cell["since"]), *names.whose(cell["blame"])]
        for field, cell in answer["fields"].items()
        if field != "exists"
    ]
    for relation in ("replaces", "replaced_by", "rests_on", "supports"):
        rows += [
            [relation.replace("_", " "), f"{each['subject']} {each['title'] or ''}", None, *[None] * len(WHO)]
            for each in answer[relation]
        ]
    return Sheet(("field", "value", "since", *WHO), rows, LESSER)


def heading(answer: Answer) -> str:
    """One subject in a line."""
    number = "".join(f", {product} number {number}" for product, number in answer["number"].items())
    gone = "" if answer["current"] else ", not on the record"
    return f"{answer['subject']}: {answer['title'] or 'without a title'} (version {answer['version']}{number}{gone})"


def cells(answer: Answer, names: Names) -> Sheet:
    """What cells hold."""
    blamed = any("blame" in row for row in answer["rows"])
    rows = [
        [
            row["subject"], row["title"], row["field"], names.held(row), when(row["since"]), when(row["until"]),
            *(names.whose(row.get("blame")) if blamed else [row["position"]]),
        ]
        for row in answer["rows"]
    ]  # fmt: skip
    columns = ("subject", "title", "field", "value", "since", "until", *(WHO if blamed else ("position",)))
    return Sheet(columns, rows, LESSER | {"until"}, frozenset({"subject", "title", "field"}))


def hits(answer: Answer, names: Names) -> Sheet:  # noqa: ARG001  (all sheets are made alike)
    """Where words stand."""
    rows = [
        [row["subject"], row["title"], row["field"], row["snippet"], "yes" if row["current"] else "no", row["position"]]
        for row in answer["rows"]
    ]
    return Sheet(("subject", "title", "field", "where", "still", "position"), rows, frozenset({"title", "position"}))


def people(answer: Answer, names: Names) -> Sheet:  # noqa: ARG001  (all sheets are made alike)
    """The directory."""
    rows = [[row["name"], row["id"], ", ".join(row["spellings"])] for row in answer["rows"]]
    return Sheet(("name", "id", "identifiers"), rows)


# Roadmap and what became of it ---------------------------------------------------------------------------------------


def roadmap(answer: Answer, names: Names) -> Sheet:
    """The roadmap, whose cards stand under their column."""
    return board(answer, names, ())


def board(answer: Answer, names: Names, shown: Sequence[str]) -> Sheet:
    """The roadmap with the cells that were asked for; what it needs, if none were."""
    cards = list(_cards(answer))
    fields = [field for field in _fields(card for _, card in cards) if field not in ("title", "exists")]
    if not shown:
        fields = [field for field in fields if not field.startswith(TARGET)]
    ordered = sorted(fields, key=lambda field: (_FIRST.index(field) if field in _FIRST else len(_FIRST), field))
    aimed = any(field.startswith(TARGET) for _, card in cards for field in card["fields"]) and not shown
    milestones = any("milestone" in card for _, card in cards)
    blamed = any("blame" in cell for _, card in cards for cell in card["fields"].values())
    in_columns = any("cards" in row for row in answer["rows"])
    rows: list[list[Cell]] = [
        [
            *([column] if in_columns else []), card["subject"], card["title"],
            *([card.get("milestone")] if milestones else []),
            *(names.held(card["fields"].get(field)) for field in ordered),
            *([_targets(card, names)] if aimed else []),
            *(_latest(card, names) if blamed else []),
        ]
        for column, card in cards
    ]  # fmt: skip
    columns = [
        *(["column"] if in_columns else []), "subject", "title", *(["milestone"] if milestones else []),
        *(field.removeprefix("role.") for field in ordered), *(["targets"] if aimed else []),
        *(("changed", *WHO) if blamed else ()),
    ]  # fmt: skip
    least = frozenset() if shown else frozenset(columns) - _ALWAYS
    return Sheet(columns, rows, least | LESSER, frozenset(), in_columns)


_FIRST: Final = ("status", "role.accountable", "horizon", "rank")
_ALWAYS: Final = frozenset(
    {"column", "subject", "title", "milestone", "status", "accountable", "targets", "who", "why"}
)


def _cards(answer: Answer) -> Iterator[tuple[str, Row]]:
    for row in answer["rows"]:
        if "cards" not in row:
            yield "", row
            continue
        named = f"{row['column']} {row['title']}" if row["title"] else str(row["column"])
        for card in row["cards"]:
            yield named, card


def _fields(cards: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(field for card in cards for field in card["fields"]))


def _targets(card: Row, names: Names) -> str:
    targets = {field: cell for field, cell in card["fields"].items() if field.startswith(TARGET)}
    return ", ".join(f"{field.removeprefix(TARGET)} {cell['source_value'] or names.said(cell['value'])}" for field, cell in targets.items())  # fmt: skip


def _latest(card: Row, names: Names) -> list[Cell]:
    """When, by whom and why the card was last changed."""
    blames = [cell["blame"] for cell in card["fields"].values() if cell.get("blame")]
    last = max(blames, key=lambda blame: blame["position"], default=None)
    return [when(last["at"]) if last else None, *names.whose(last)]


def steps(answer: Answer, names: Names) -> Sheet:
    """How cells came to hold what they hold."""
    rows = [
        [
            when(row["at"]), row["subject"], row["title"], row["field"], names.held(row["before"]),
            names.held(row["after"]), row["direction"], *_turnover(row, names), *names.whose(row["blame"]),
        ]
        for row in answer["rows"]
    ]  # fmt: skip
    columns = ("when", "subject", "title", "field", "before", "after", "direction", "gained", "lost", *WHO)
    return Sheet(columns, rows, LESSER | {"title", "gained", "lost"}, frozenset({"subject", "title", "field"}))


def _turnover(row: Row, names: Names) -> list[Cell]:
    return [names.said(row.get("gained")), names.said(row.get("lost"))]


def changes(answer: Answer, names: Names) -> Sheet:
    """What differs between two instants."""
    rows = []
    for row in answer["rows"]:
        own = [step for step in row["changes"] if step["field"] == row["field"] and "after_is" not in row]
        last = (own or row["changes"])[-1:]
        after = names.held(row["after"]) or row.get("after_is") or ""
        voided = ", ".join(f"{each['position']}: {each['reason']}" for each in row["voided"])
        rows.append(
            [
                row["subject"], row["title"], row["field"], names.held(row["before"]) or row.get("before_is") or "",
                after, row["direction"], when(last[0]["at"]) if last else None,
                *names.whose(last[0]["blame"] if last else None), voided,
            ]
        )  # fmt: skip
    columns = ("subject", "title", "field", "before", "after", "direction", "when", *WHO, "voided")
    return Sheet(columns, rows, LESSER | {"title", "voided", "when"}, frozenset({"subject", "field"}))


def slips(answer: Answer, names: Names) -> Sheet:
    """How promises moved."""
    rows = [
        [
            row["subject"], row["title"], row["field"], names.held(row["first"]), names.held(row["now"]), row["count"],
            row["later"], row["earlier"], row["against_first"],
        ]
        for row in answer["rows"]
    ]  # fmt: skip
    columns = ("subject", "title", "field", "first", "now", "moves", "later", "earlier", "against first")
    return Sheet(columns, rows, frozenset({"title", "against first"}))


def counts(answer: Answer, names: Names) -> Sheet:
    """How many there are, by what they have in common."""
    groups = [name for name in (answer["rows"][0] if answer["rows"] else ()) if name != "count"]
    rows = [[*(names.said(row.get(name)) for name in groups), row["count"]] for row in answer["rows"]]
    return Sheet([*groups, "count"], rows)


# Who -----------------------------------------------------------------------------------------------------------------


def roles(answer: Answer, names: Names) -> Sheet:
    """Who holds what."""
    rows = [
        [
            row["subject"], row["title"], row.get("status"), row["role"] or row["field"], names.held(row),
            when(row["since"]), when(row["until"]), *names.whose(row.get("blame")),
        ]
        for row in answer["rows"]
    ]  # fmt: skip
    columns = ("subject", "title", "status", "role", "holders", "since", "until", *WHO)
    return Sheet(columns, rows, LESSER | {"until", "who", "why"}, frozenset({"subject", "title", "status", "role"}))


def unowned(answer: Answer, names: Names) -> Sheet:
    """What nobody is accountable for."""
    rows = [[row["subject"], row["title"], names.said(row["departed"]), row["source_value"]] for row in answer["rows"]]
    return Sheet(("subject", "title", "departed", "named only"), rows)


def acts(answer: Answer, names: Names) -> Sheet:
    """The audit trail."""
    rows = [
        [
            row["position"], when(row["recorded_at"]), when(row["at"]), row["type"].partition(".")[0], row["subject"],
            row["title"], names.said(row["principal"]),
            names.said(row["actor"]) if row["actor"] != row["principal"] else "", names.why(row), source(row["source"]),
            row.get("corrects"), row.get("void"),
        ]
        for row in answer["rows"]
    ]  # fmt: skip
    columns = (
        "position", "recorded", "effective", "act", "subject", "title", "who", "put by", "why", "source", "corrects",
        "voided by",
    )  # fmt: skip
    lesser = frozenset({"effective", "title", "put by", "source", "corrects", "voided by"})
    return Sheet(columns, rows, lesser)
