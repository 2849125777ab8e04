"""The table of each answer: its columns and rows."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cli.answer_titles import WHO, Row, Titles, source
from cli.table import Cell, Table
from cli.values import format_number
from cli.verb_list import read_verbs
from domain.ids import key_of
from domain.times import parse_timestamp
from projections.queries.field_groups import flat_fields
from projections.queries.hidden_reasons import describe_hidden_cause

Answer = Mapping[str, Any]
TARGET: Final = "target."
_FIELD_COLUMNS: Final = ("subject", "title", "field", "value", "since", "until", *WHO)
OPTIONAL: Final = frozenset({"put by", "source", "position", "direction", "version", "type"})


def _title(row: Row, titles: Titles) -> str:
    """Return what the subject of a row is called; people have their name."""
    return row["title"] or titles.title_of(row["subject"])


def parse_time(at: str | None) -> datetime | None:
    return None if at is None else parse_timestamp(at)


# Decisions and subjects ----------------------------------------------------------------------------------------------


def decisions(answer: Answer, titles: Titles) -> Table:
    """Return the table of `decisions`."""
    fields = ("status", "kind", "deciders", "role.accountable", "products", "tags")
    rows = [
        [
            format_number(row["number"]),
            row["subject"],
            _title(row, titles),
            *(titles.format_field(dict(flat_fields(row)).get(field)) for field in fields),
            parse_time(row["fields"]["status"]["since"] if "status" in row["fields"] else None),
        ]
        for row in answer["rows"]
    ]
    columns = ("number", "decision", "title", "status", "kind", "deciders", "accountable", "products", "tags", "since")
    has_own_numbers = all(_NUMBERED.fullmatch(key_of(row["subject"])) for row in answer["rows"])
    optional = frozenset({"kind", "products", "tags", "accountable", *(("number",) if has_own_numbers else ())})
    return Table(columns, rows, optional)


_NUMBERED: Final = re.compile(r"[a-z]+-\d+")
"""A key by which people know a decision from elsewhere, such as `pep-8`: rather shown than its number here."""


def subject(answer: Answer, titles: Titles) -> Table:
    """Return the table of one subject."""
    rows: list[list[Cell]] = [
        [field, titles.format_field(cell), parse_time(cell["since"]), *titles.blame_cells(cell["blame"])]
        for field, cell in flat_fields(answer)
        if field != "exists"
    ]
    for relation in ("replaces", "replaced_by", "rests_on", "supports"):
        rows += [
            [relation.replace("_", " "), f"{each['subject']} {each['title'] or ''}", None, *[None] * len(WHO)]
            for each in answer[relation]
        ]
    return Table(("field", "value", "since", *WHO), rows, OPTIONAL)


def fields(answer: Answer, titles: Titles) -> Table:
    """Return the table of fields and their values."""
    has_blame = any("blame" in row for row in answer["rows"])
    shown = _state_columns(answer)
    rows = [
        [
            row["subject"],
            _title(row, titles),
            titles.format_field_name(row["field"]),
            titles.format_field(row),
            parse_time(row["since"]),
            parse_time(row["until"]),
            *_state_cells(row, shown, titles),
            *(titles.blame_cells(row.get("blame")) if has_blame else [row["position"]]),
        ]
        for row in answer["rows"]
    ]
    columns = (
        "subject",
        "title",
        "field",
        "value",
        "since",
        "until",
        *_headings(shown, _FIELD_COLUMNS),
        *(WHO if has_blame else ("position",)),
    )
    return Table(
        columns,
        rows,
        OPTIONAL | {"until"},
        frozenset({"subject", "title", "field"}),
        below=frozenset({"value", "subject"}),
    )


def _state_columns(answer: Answer) -> list[str]:
    """Return the names of the other fields that the rows have, in the order in which they were asked for."""
    return list(dict.fromkeys(name for row in answer["rows"] for name in row.get("state", ())))


def _state_cells(row: Row, shown: Sequence[str], titles: Titles) -> list[Cell]:
    return [titles.format_field(row["state"].get(name)) for name in shown]


def search_results(answer: Answer, titles: Titles) -> Table:
    """Return the table of search results."""
    rows = [
        [
            _title(row, titles),
            "unplaced line" if row["field"].startswith("line.") else titles.format_field_name(row["field"]),
            row["snippet"],
            "" if row["current"] else "removed",
            row["subject"],
            row["position"],
        ]
        for row in answer["rows"]
    ]
    return Table(("title", "field", "match", "state", "subject", "position"), rows, frozenset({"position"}))


def people(answer: Answer, titles: Titles) -> Table:
    """Return the table of people."""
    rows = [
        [
            row["name"],
            ", ".join(each for each in row["spellings"] if each != row["name"]),
            titles.format(row.get("merged_into")),
            row["id"],
        ]
        for row in answer["rows"]
    ]
    return Table(("name", "identifiers", "merged into", "id"), rows)


def access_journal(answer: Answer, titles: Titles) -> Table:
    """Return the table of the access journal."""
    rows = [
        [parse_time(row["at"]), row["kind"], titles.format(row["who"]), *_request(row, titles), row["times"]]
        for row in answer["rows"]
    ]
    return Table(
        ("when", "kind", "who", "what", "reason", "times"), rows, frozenset({"times"}), below=frozenset({"reason"})
    )


def _request(row: Row, titles: Titles) -> tuple[str, str]:
    """Return a request, with the titles of what its path names, and the reason with titles instead of ids."""
    what, reason = row["what"] or "", row["reason"] or ""
    named = [titles.title_of(subject) for subject in row["mentions"] if subject in what]
    suffix = f" ({', '.join(filter(None, named))})" if any(named) else ""
    return f"{what}{suffix}", titles.format_sentence(reason) if row["mentions"] else reason


def activity(answer: Answer, titles: Titles) -> Table:
    """Return the table of the audit trail with access."""
    rows = [
        [
            parse_time(row["at"]),
            row["kind"].partition(".")[0],
            titles.format(row["subject"]) or what,
            titles.format(row["who"]),
            titles.format(row["on_behalf_of"]),
            *(titles.format(row["because"]) or reason, row["times"], row["position"]),
        ]
        for row in answer["rows"]
        for what, reason in [_request(row, titles)]
    ]
    columns = ("when", "kind", "what", "who", "on behalf of", "reason", "times", "position")
    return Table(columns, rows, frozenset({"on behalf of", "times", "position"}), below=frozenset({"reason"}))


def imports(answer: Answer, titles: Titles) -> Table:
    """Return the table of imports."""
    rows = [
        [
            *(key_of(row["subject"]), row["title"]),
            *(titles.format_field(row["fields"].get(name)) for name in ("system", "lines", "unplaced", "products")),
        ]
        for row in answer["rows"]
    ]
    return Table(("import", "file", "system", "lines", "not placed", "products"), rows)


def unplaced_lines(answer: Answer) -> Table:
    """Return the table of the lines that an import could not place, and of what its report said."""
    fields = answer["fields"]
    found = [
        json.loads(field["value"]) for name, field in fields.items() if name.startswith("line.") and field["value"]
    ]
    rows: list[list[Cell]] = [
        [str(one.get("line") or ""), one.get("reason"), json.dumps(one.get("data"), ensure_ascii=False)]
        for one in found
    ]
    remarks = (fields.get("remarks") or {}).get("value") or []
    return Table(("line", "reason", "content"), [*rows, *([["", remark, ""] for remark in remarks])])


_SUBJECT_HEADINGS: Final = {"role.accountable": "owner", "due_on": "date"}


def subjects(answer: Answer, titles: Titles) -> Table:
    """Return the table of subjects of one kind."""
    fields = list(dict.fromkeys(name for row in answer["rows"] for name, _ in flat_fields(row)))
    hidden = ("title", "exists", "products", "decisions", "rank", "version")
    shown = [name for name in fields if name not in hidden]
    rows: list[list[Cell]] = [
        [
            row["title"] or titles.format(row["subject"]),
            *(titles.format_field(dict(flat_fields(row)).get(name)) for name in shown),
            row["subject"],
        ]
        for row in answer["rows"]
    ]
    return Table(
        ["title", *(_SUBJECT_HEADINGS.get(name) or name.removeprefix("role.") for name in shown), "subject"], rows
    )


def subject_list(answer: Answer, titles: Titles) -> Table:
    """Return the table of subjects with their status and owner, from one field of each."""
    rows: list[list[Cell]] = [
        [_title(row, titles), *_state_cells(row, ("status", "role.accountable"), titles), row["subject"]]
        for row in answer["rows"]
    ]
    return Table(("title", "status", "owner", "subject"), rows, below=frozenset({"subject"}))


def targeting(answer: Answer, titles: Titles) -> Table:
    """Return the table of what is planned for a release."""
    rows: list[list[Cell]] = [
        [
            row["title"] or titles.format(row["subject"]),
            row["field"].removeprefix(TARGET),
            *_state_cells(row, ("status", "role.accountable"), titles),
            row["subject"],
        ]
        for row in answer["rows"]
    ]
    return Table(("title", "milestone", "status", "owner", "subject"), rows, shared=frozenset({"milestone"}))


# Roadmap and changes -------------------------------------------------------------------------------------------------


def roadmap(answer: Answer, titles: Titles, shown: Sequence[str]) -> Table:
    """Return the table of the roadmap with the fields in `shown`, or the usual ones if there are none."""
    cards = list(_cards(answer))
    fields = [field for field in _fields(card for _, card in cards) if field not in ("title", "exists")]
    if not shown:
        fields = [field for field in fields if not field.startswith(TARGET)]
    ordered = sorted(fields, key=lambda field: (_FIRST.index(field) if field in _FIRST else len(_FIRST), field))
    has_targets = any("targets" in card for _, card in cards) and not shown
    has_milestones = any("milestone" in card for _, card in cards)
    has_blame = any("blame" in cell for _, card in cards for _, cell in flat_fields(card))
    has_columns = any("cards" in row for row in answer["rows"])
    rows: list[list[Cell]] = [
        [
            *([column] if has_columns else []),
            card["subject"],
            card["title"],
            *([card.get("milestone")] if has_milestones else []),
            *(titles.format_field(dict(flat_fields(card)).get(field)) for field in ordered),
            *([_targets(card, titles)] if has_targets else []),
            *(_last_change(card, titles) if has_blame else []),
        ]
        for column, card in cards
    ]
    columns = [
        *(["column"] if has_columns else []),
        "subject",
        "title",
        *(["milestone"] if has_milestones else []),
        *(field.removeprefix("role.") for field in ordered),
        *(["targets"] if has_targets else []),
        *(("changed", *WHO) if has_blame else ()),
    ]
    extra = frozenset() if shown else frozenset(columns) - _ALWAYS
    return Table(columns, rows, extra | OPTIONAL, frozenset(), has_columns)


_FIRST: Final = ("status", "role.accountable", "horizon", "rank")
_ALWAYS: Final = frozenset(
    {"column", "subject", "title", "milestone", "status", "accountable", "targets", "who", "why"}
)


def _cards(answer: Answer) -> Iterator[tuple[str, Row]]:
    for row in answer["rows"]:
        if "cards" not in row:
            yield "", row
            continue
        column = f"{row['column']} {row['title']}" if row["title"] else str(row["column"])
        for card in row["cards"]:
            yield column, card


def _fields(cards: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(field for card in cards for field, _ in flat_fields(card)))


def _targets(card: Row, titles: Titles) -> str:
    return ", ".join(
        f"{milestone} {cell['source_value'] or titles.format(cell['value'])}"
        for milestone, cell in card.get("targets", {}).items()
    )


def _last_change(card: Row, titles: Titles) -> list[Cell]:
    """Return when, by whom and why the card was last changed."""
    blames = [cell["blame"] for _, cell in flat_fields(card) if cell.get("blame")]
    last = max(blames, key=lambda blame: blame["position"], default=None)
    return [parse_time(last["at"]) if last else None, *titles.blame_cells(last)]


def field_changes(answer: Answer, titles: Titles) -> Table:
    """Return the table of changes to fields."""
    shown = _state_columns(answer)
    held = ("days", "held until", "then") if any("held" in row for row in answer["rows"]) else ()
    rows = [
        [
            parse_time(row["at"]),
            row["subject"],
            _title(row, titles),
            titles.format_field_name(row["field"]),
            *titles.format_change(row),
            row["direction"],
            *_list_changes(row, titles),
            *(_held_cells(row["held"], titles) if held else ()),
            *_state_cells(row, shown, titles),
            *titles.blame_cells(row["blame"]),
        ]
        for row in answer["rows"]
    ]
    values = ("when", "subject", "title", "field", "before", "after", "direction", "gained", "lost")
    columns = (*values, *held, *_headings(shown, {*values, *WHO}), *WHO)
    return Table(
        columns,
        rows,
        OPTIONAL,
        frozenset({"subject", "title", "field"}),
        below=frozenset({"why", "subject", "gained", "lost"}),
        events=frozenset({"when", *WHO}),
    )


def _held_cells(held: Row, titles: Titles) -> list[Cell]:
    """Return how long a value held in whole days, until when, and what followed."""
    return [int(held["days"]), parse_time(held["until"]), titles.format_field(held["next"])]


def _headings(names: Iterable[str], taken: Collection[str]) -> list[str]:
    """Return the headings of fields; those that are taken are in parentheses."""
    return [f"({name})" if name in taken else name for name in names]


def _list_changes(row: Row, titles: Titles) -> list[Cell]:
    """Return who or what a list gained and lost, where its values before and after do not show that at a glance."""
    sizes = [len(value) for side in ("before", "after") if row[side] and isinstance(value := row[side]["value"], list)]
    if min(sizes, default=0) < 1 or max(sizes) == 1 or len(sizes) == 1:
        return ["", ""]
    return [titles.format(row.get("gained")), titles.format(row.get("lost"))]


def changes(answer: Answer, titles: Titles) -> Table:
    """Return the table of differences between two times."""
    rows = []
    for row in answer["rows"]:
        own = [change for change in row["changes"] if change["field"] == row["field"] and "missing_after" not in row]
        last = (own or row["changes"])[-1:]
        before, after = titles.format_change(row)
        voided = ", ".join(f"{each['position']}: {each['reason']}" for each in row["voided"])
        rows.append(
            [
                row["subject"],
                _title(row, titles),
                titles.format_field_name(row["field"]),
                before or row.get("missing_before") or "",
                after or row.get("missing_after") or "",
                row["direction"],
                parse_time(last[0]["at"]) if last else None,
                *titles.blame_cells(last[0]["blame"] if last else None),
                voided,
            ]
        )
    columns = ("subject", "title", "field", "before", "after", "direction", "when", *WHO, "voided")
    return Table(
        columns,
        rows,
        OPTIONAL | {"title", "voided"},
        frozenset({"subject", "field"}),
        below=frozenset({"why", "subject", "when", "who"}),
    )


def slips(answer: Answer, titles: Titles) -> Table:
    """Return the table of targets that moved."""
    rows = [
        [
            row["subject"],
            _title(row, titles),
            row["field"],
            titles.format_field(row["first"]),
            titles.format_field(row["now"]),
            row["count"],
            row["later"],
            row["earlier"],
            row["against_first"],
        ]
        for row in answer["rows"]
    ]
    columns = ("subject", "title", "field", "first", "now", "moves", "later", "earlier", "against first")
    return Table(columns, rows, frozenset({"title", "against first"}), below=frozenset({"subject"}))


def counts(answer: Answer, titles: Titles) -> Table:
    """Return the table of counts by group."""
    groups = [name for name in (answer["rows"][0] if answer["rows"] else ()) if name != "count"]
    called = ["title"] if "subject" in groups else []
    rows = [
        [
            *(titles.title_of(row["subject"]) for _ in called),
            *(row.get(name) if name == "subject" else titles.format(row.get(name)) for name in groups),
            row["count"],
        ]
        for row in answer["rows"]
    ]
    return Table([*called, *groups, "count"], rows)


# Who -----------------------------------------------------------------------------------------------------------------


def roles(answer: Answer, titles: Titles) -> Table:
    """Return the table of roles."""
    rows = [
        [
            row["subject"],
            _title(row, titles),
            row.get("status"),
            row["role"] or titles.format_field_name(row["field"]),
            titles.format_field(row),
            parse_time(row["since"]),
            parse_time(row["until"]),
            *titles.blame_cells(row.get("blame")),
        ]
        for row in answer["rows"]
    ]
    columns = ("subject", "title", "status", "role", "holders", "since", "until", *WHO)
    optional = OPTIONAL | {"until", "who", "why"}
    return Table(columns, rows, optional, frozenset({"title", "status", "subject", "role", "holders"}))


def grants(answer: Answer, titles: Titles) -> Table:
    """Return the table of roles that were granted."""
    rows = [
        [
            titles.format(row["holder"]),
            row["role"],
            titles.format(row["product"]) or "all products",
            parse_time(row["since"]),
            *titles.blame_cells(row["blame"]),
        ]
        for row in answer["rows"]
    ]
    return Table(("holder", "role", "product", "since", *WHO), rows, OPTIONAL, frozenset({"role"}))


def outcomes(answer: Answer, titles: Titles) -> Table:
    """Return the table of what was expected, and what came of it."""
    rows: list[list[Cell]] = [
        [
            row["subject"],
            _title(row, titles),
            row["expectation"],
            row["measure"],
            row["baseline"],
            row["target"],
            row["due_on"],
            None if row["probability"] is None else f"{row['probability']} %",
            titles.format(row["by"]),
            row["result"] or row["state"],
            row["actual"],
            titles.format(row["judged_by"]),
        ]
        for row in answer["rows"]
    ]
    columns = ("subject", "title", "no.", "measure", "from", "target", "by when", "likely", "by", "result", "actual")
    optional = frozenset({"no.", "from", "likely", "by", "judged by"})
    return Table((*columns, "judged by"), rows, optional, below=frozenset({"actual"}))


def slip_causes(answer: Answer, titles: Titles) -> Table:
    """Return the table of what slipped, and why."""
    rows: list[list[Cell]] = [
        [
            row["subject"],
            row["title"] or titles.format(row["subject"]),
            row["field"],
            titles.format(row["first"]),
            titles.format(row["before"]),
            titles.format(row["after"]),
            row["days"],
            row["days_from_first"],
            row["cause"],
            titles.format(row["because"]) or row["reason"] or describe_hidden_cause(row["cause"]),
            titles.format(row["owners"]),
            row["quarter"],
        ]
        for row in answer["rows"]
    ]
    columns = ("subject", "title", "field", "first", "from", "to", "days", "from first", "cause", "why", "owner")
    optional = frozenset({"field", "first", "days", "from first", "cause", "owner", "quarter"})
    return Table((*columns, "quarter"), rows, optional, below=frozenset({"why"}))


def slip_counts(answer: Answer, titles: Titles) -> Table:
    """Return the table of how many moves to later there were."""
    names = ("count", "decision", "assumption", "dependency", "reason", "none")
    rows: list[list[Cell]] = [
        [titles.format(row["group"]) or "none", *(row[name] for name in names)] for row in answer["rows"]
    ]
    return Table(("group", *names), rows)


def succession(answer: Answer, titles: Titles) -> Table:
    """Return the table of what a person holds, owes and waits for."""
    rows: list[list[Cell]] = [
        [
            _format_code(row["relation"]),
            _format_code(row["code"]),
            row["subject"],
            _title(row, titles),
            _format_part(row, titles),
            parse_time(row["since"]),
            parse_time(row.get("detail", {}).get("until")),
        ]
        for row in answer["rows"]
    ]
    columns = ("relation", "what", "subject", "title", "about", "since", "until")
    return Table(columns, rows, frozenset({"until"}), below=frozenset({"about", "subject"}))


def _format_part(row: Row, titles: Titles) -> str:
    """Return which part of a subject is meant: a person, a role, what a delegation covers, what it rests on in which
    field, or an expectation by its number.
    """
    part, detail = row["part"] or "", row.get("detail", {})
    if row["code"] in _DELEGATIONS:
        from cli.sentences import describe_limits  # noqa: PLC0415  (few answers have a delegation)

        given = f"from {titles.format(detail['by'])} " if detail.get("by") else ""
        limits = describe_limits(detail, titles)
        return f"{given}to {titles.format(detail['to'])}" + (f" ({limits})" if limits else "")
    if cause := detail.get("cause"):
        field = detail.get("field")
        return titles.format(cause) + (f" (for {titles.format_field_name(field)})" if field else "")
    return f"expectation {part}" if part and row["code"] in _ABOUT_EXPECTATIONS else titles.format(part)


_DELEGATIONS: Final = ("delegation", "ending_delegation")
_ABOUT_EXPECTATIONS: Final = ("outcome_overdue", "open_outcome", "overdue_outcome")


def calibration(answer: Answer, _: Titles) -> Table:
    """Return the table of how good forecasts were."""
    counts = [(_format_code(standing), count) for standing, count in answer["counts"].items() if count]
    scores = [(name, answer[name]) for name in ("score", "low", "high", "climate") if answer[name] is not None]
    points = [
        (
            f"said {row['probability']} % ({row['count']})",
            f"{row['observed']:.0f} %, by chance {row['low']:.0f} to {row['high']:.0f}",
        )
        for row in answer["rows"]
    ]
    rows: list[list[Cell]] = [[name, value] for name, value in (*scores, *counts, *points)]
    return Table(("what", "value"), rows)


def debt(answer: Answer, titles: Titles) -> Table:
    """Return the table of what is left undone."""
    rows: list[list[Cell]] = [
        [
            _format_code(row["code"]),
            row["subject"],
            _title(row, titles),
            _format_part(row, titles),
            row["days"],
            titles.format(row["owners"]),
            titles.format(row["detail"]),
            _command_line(row),
        ]
        for row in answer["rows"]
    ]
    columns = ("left undone", "subject", "title", "about", "days", "who", "detail", "clear it with")
    return Table(columns, rows, frozenset({"about", "detail"}), below=frozenset({"clear it with"}))


def _command_line(row: Row) -> str:
    """Return what to type to clear an item, such as `decisionlog decision review decision:tea`."""
    path = next((path for path, verb in read_verbs()[1].items() if verb["command"] == row["action"]), row["action"])
    number = f" --expectation {row['part']}" if row["code"] == "outcome_overdue" else ""
    return f"decisionlog {path} {row['subject']}{number}"


def debt_by_month(answer: Answer, titles: Titles) -> Table:
    """Return the table of decision debt month by month."""
    rows: list[list[Cell]] = [
        [row["month"], titles.format(row["product"]), _format_code(row["code"]), row["count"]] for row in answer["rows"]
    ]
    return Table(("month", "product", "left undone", "count"), rows)


def meetings(answer: Answer, titles: Titles) -> Table:
    """Return the table of meetings."""
    rows: list[list[Cell]] = [
        [row["title"], *(_field_of(row, name, titles) for name in ("held_on", "status", "agenda")), row["subject"]]
        for row in answer["rows"]
    ]
    return Table(("title", "day", "status", "agenda", "meeting"), rows, below=frozenset({"agenda"}))


def tasks(answer: Answer, titles: Titles) -> Table:
    """Return the table of tasks: what, who, and by when."""
    rows: list[list[Cell]] = [
        [
            _title(row, titles),
            titles.format(row["roles"]["accountable"]["value"]) if "accountable" in row.get("roles", {}) else None,
            _field_of(row, "due_on", titles),
            _status_of_task(row, answer, titles),
            row["subject"],
        ]
        for row in answer["rows"]
    ]
    return Table(("title", "who", "by when", "status", "task"), rows)


def _status_of_task(row: Row, answer: Answer, titles: Titles) -> str | None:
    """Return the status of a task, and whether it is overdue."""
    status, due = _field_of(row, "status", titles), _field_of(row, "due_on", titles)
    return "open, overdue" if status == "open" and due and due < answer["as_of"][:10] else status


def minutes(answer: Answer, titles: Titles) -> Table:
    """Return the table of the minutes of a meeting."""
    rows: list[list[Cell]] = [
        [
            row["kind"],
            row["subject"],
            titles.format(row["people"]),
            row["said"] or row["title"],
            row["why"],
            row["due_on"],
            titles.format(row["unconfirmed"]),
        ]
        for row in answer["rows"]
    ]
    columns = ("what", "subject", "who", "said", "why", "by when", "not confirmed by")
    return Table(columns, rows)


def _field_of(row: Mapping[str, Any], name: str, titles: Titles) -> str | None:
    """Return a field of a subject in words; None if it is empty."""
    return titles.format(row["fields"][name]["value"]) if name in row["fields"] else None


def flags(answer: Answer, titles: Titles) -> Table:
    """Return the table of what rests on something that no longer holds."""
    rows: list[list[Cell]] = [
        [
            row["subject"],
            _title(row, titles),
            row["field"],
            _format_code(row["reason"]),
            titles.format(row["cause"]),
            titles.format(row["through"]),
            parse_time(row["since"]),
            titles.format(row["accountable"]),
        ]
        for row in answer["rows"]
    ]
    columns = ("subject", "title", "field", "reason", "rests on", "through", "since", "accountable")
    return Table(columns, rows, frozenset({"field", "through", "accountable"}))


def arrivals(answer: Answer, titles: Titles) -> Table:
    """Return the table of deferred decisions that are back."""
    rows: list[list[Cell]] = [
        [
            row["subject"],
            _title(row, titles),
            _format_code(row["reason"]),
            titles.format(row["awaited"]),
            parse_time(row["since"]),
            titles.format(row["accountable"]),
        ]
        for row in answer["rows"]
    ]
    columns = ("subject", "title", "reason", "waited for", "since", "accountable")
    return Table(columns, rows, frozenset({"accountable"}))


def weighed_options(answer: Answer, titles: Titles) -> Table:
    """Return the table of a decision's options, with what speaks for and against each."""
    rows: list[list[Cell]] = [
        [
            _title(row, titles),
            "chosen" if row["chosen"] else "",
            _format_amount(row["cost_amount"], "currency", row["cost_fit"]),
            _format_amount(row["duration"], "unit", row["time_fit"]),
            "; ".join(_format_check(each, titles) for each in row["constraints"]),
            "; ".join(
                _format_finding(each, titles, when)
                for when, found in (("", row["findings"]), ("afterward ", row["afterward"]))
                for each in found
            ),
        ]
        for row in answer["rows"]
    ]
    columns = ("option", "chosen", "cost", "time", "constraints", "finding")
    return Table(columns, rows, below=frozenset({"constraints", "finding"}))


def _format_check(check: Row, titles: Titles) -> str:
    """Return a constraint, whether the option meets it, what shows it, and who judged it."""
    answer = str(check["answer"] or "not judged").replace("-", " ")
    finding = f", {check['finding']}" if check["finding"] else ""
    by = f" ({titles.format(check['by'])})" if check["by"] else ""
    return f"{check['constraint']}: {answer}{finding}{by}"


def _format_amount(amount: Row | None, unit: str, fit: str | None) -> str:
    """Return an amount with its unit, and whether it keeps the limit."""
    if amount is None:
        return ""
    limit = f" ({fit} the limit)" if fit in ("within", "exceeds") else ""
    return f"{amount['amount']:,} {amount[unit]}{limit}"


def _format_finding(found: Row, titles: Titles, when: str) -> str:
    finding = f", {found['finding']}" if found["finding"] else ""
    evidence = f" ({titles.format(found['evidence'])})" if found["evidence"] else ""
    return f"{when}{found['risk']}: {found['answer']}{finding}{evidence}"


def contributions(answer: Answer, titles: Titles) -> Table:
    """Return the table of ways from a goal to a release."""
    columns = ("goal", "decision", "feature", "release")
    rows: list[list[Cell]] = [[titles.format(row[name]) for name in columns] for row in answer["rows"]]
    return Table(columns, rows, grouped=True)


def contribution_gaps(answer: Answer, _: Titles) -> Table:
    """Return the table of goals without work, and of work without a goal."""
    rows: list[list[Cell]] = [
        [row["subject"], row["title"], row["status"], _format_code(row["reason"])] for row in answer["rows"]
    ]
    return Table(("subject", "title", "status", "missing"), rows)


def unowned(answer: Answer, titles: Titles) -> Table:
    """Return the table of subjects without an accountable person or team."""
    rows = [
        [row["subject"], _title(row, titles), titles.format(row["left"]), row["source_value"]] for row in answer["rows"]
    ]
    return Table(("subject", "title", "left", "named only"), rows)


def authority(answer: Answer, titles: Titles) -> Table:
    """Return the table of the authority behind a decision: a row for each verdict, then how it would be judged now."""
    rows: list[list[Cell]] = []
    for row in answer["rows"]:
        decider, event = titles.format(row["decider"]), row["type"].partition(".")[0]
        then = [_format_sentences(row["explanation"], titles), row["position"]]
        rows.append([event, parse_time(row["at"]), decider, "then", _format_code(row["verdict"]), *then])
        if row["explanation_now"] != row["explanation"]:
            now = [_format_sentences(row["explanation_now"], titles), None]
            rows.append([event, parse_time(row["at"]), decider, "now", _format_code(row["verdict_now"]), *now])
    columns = ("event", "effective", "decider", "judged", "verdict", "explanation", "position")
    return Table(columns, rows, below=frozenset({"explanation"}))


def _format_sentences(sentences: Iterable[str], titles: Titles) -> str:
    return " ".join(map(titles.format_sentence, sentences))


def _format_code(code: str) -> str:
    return code.replace("_", " ")


def deciders(answer: Answer, titles: Titles) -> Table:
    """Return the table of who may decide about a product."""
    rows: list[list[Cell]] = [
        [
            titles.format(row["holder"]),
            titles.format(row["members"]),
            _format_code(row["verdict"]),
            titles.format_sentence(row["explanation"]),
            row["approvals"],
            row["mode"],
            row["rights_of"],
            row["rights"],
        ]
        for row in answer["rows"]
    ]
    columns = ("who", "members", "verdict", "because", "approvals", "mode", "rights of", "position")
    return Table(columns, rows, frozenset({"members", "mode", "rights of"}), below=frozenset({"because"}))


def _parse_effective(event: Row) -> datetime | None:
    """Return when the period of an event begins, or else when it took effect; None if that is when it was recorded."""
    at = event["data"].get("from") or event["at"]
    return parse_time(at) if at != event["recorded_at"] else None


def events(answer: Answer, titles: Titles) -> Table:
    """Return the table of the audit trail."""
    rows = [
        [
            parse_time(row["recorded_at"]),
            _parse_effective(row),
            row["type"].partition(".")[0],
            row["title"] or titles.format(row["subject"]),
            titles.format(row["principal"]),
            titles.format(row["actor"]) if row["actor"] != row["principal"] else "",
            titles.event_reason(row),
            source(row["source"]),
            row["data"]["position"] if row["type"].startswith("EntryVoided.") else None,
            row.get("corrects"),
            row.get("voided_by"),
            row["subject"],
            row["position"],
        ]
        for row in answer["rows"]
    ]
    columns = (
        "recorded",
        "effective",
        "event",
        "title",
        "who",
        "put by",
        "why",
        "source",
        "voids",
        "corrects",
        "voided by",
        "subject",
        "position",
    )
    optional = frozenset({"effective", "put by", "source", "voids", "corrects", "voided by", "subject", "position"})
    return Table(columns, rows, optional, below=frozenset({"why"}))
