"""What the tables of several commands have in common; each command builds its own table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cli.answer_titles import WHO, Row, Titles
from cli.table import Cell, Table
from domain.times import parse_timestamp

Answer = Mapping[str, Any]
TARGET: Final = "target."
OPTIONAL: Final = frozenset({"put by", "source", "position", "direction", "version", "type"})
_DELEGATIONS: Final = ("delegation", "ending_delegation")
_ABOUT_EXPECTATIONS: Final = ("outcome_overdue", "open_outcome", "overdue_outcome")


def title_of(row: Row, titles: Titles) -> str:
    """Return what the subject of a row is called; people have their name."""
    return row["title"] or titles.title_of(row["subject"])


def parse_time(at: str | None) -> datetime | None:
    """Return a time of an answer; None for none."""
    return None if at is None else parse_timestamp(at)


def format_code(code: str) -> str:
    """Return a code in words: "not judged" for `not_judged`."""
    return code.replace("_", " ")


def headings(names: Iterable[str], taken: Collection[str]) -> list[str]:
    """Return the headings of fields; those that are taken are in parentheses."""
    return [f"({name})" if name in taken else name for name in names]


def state_columns(answer: Answer) -> list[str]:
    """Return the names of the other fields that the rows have, in the order in which they were asked for."""
    return list(dict.fromkeys(name for row in answer["rows"] for name in row.get("state", ())))


def state_cells(row: Row, shown: Sequence[str], titles: Titles) -> list[Cell]:
    """Return the values of the other fields of a row, in words."""
    return [titles.format_field(row["state"].get(name)) for name in shown]


def field_of(row: Mapping[str, Any], name: str, titles: Titles) -> str | None:
    """Return a field of a subject in words; None if it is empty."""
    return titles.format(row["fields"][name]["value"]) if name in row["fields"] else None


def request_cells(row: Row, titles: Titles) -> tuple[str, str]:
    """Return a request, with the titles of what its path names, and the reason with titles instead of ids."""
    what, reason = row["what"] or "", row["reason"] or ""
    named = [titles.title_of(subject) for subject in row["mentions"] if subject in what]
    suffix = f" ({', '.join(filter(None, named))})" if any(named) else ""
    return f"{what}{suffix}", titles.format_sentence(reason) if row["mentions"] else reason


def format_part(row: Row, titles: Titles) -> str:
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


def counts_table(answer: Answer, titles: Titles) -> Table:
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


def roles_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of roles."""
    rows = [
        [
            row["subject"],
            title_of(row, titles),
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
