"""Answers as they go out: JSON, CSV and JSON Lines, with the names of the people in them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args, get_origin

from fastapi import Request, Response
from pydantic import BaseModel

from api import answers
from api.delivery import CHUNK_BYTES, json_parts, respond_with
from api.spreadsheet import neutralize_formulas
from eventlog.directory import Names, names_in
from projections.bounds import UNBOUNDED, Bounds
from projections.query import Answer, Row

Format = Literal["json", "csv", "jsonl"]
BY_MEDIA_TYPE: Final[dict[str, Format]] = {
    "text/csv": "csv", "application/jsonl": "jsonl", "application/x-ndjson": "jsonl", "application/json": "json",
}  # fmt: skip


def chosen_format(request: Request, asked: Format | None) -> Format:
    """The format asked for by the parameter, else by the first known type in `Accept`, else JSON."""
    if asked:
        return asked
    accepted = (part.partition(";")[0].strip() for part in request.headers.get("accept", "").split(","))
    return next((BY_MEDIA_TYPE[media] for media in accepted if media in BY_MEDIA_TYPE), "json")


def responded(
    answer: Answer, format_: Format, directory: Names, model: type[answers.Spoken], bounds: Bounds = UNBOUNDED
) -> Response:
    """An answer in a format. Position, instants and the cursor stand in the body of JSON and in headers everywhere.

    What is no table, by its model, has no rows: as JSON Lines it is one line.
    """
    headers = {"Decisionlog-Position": str(answer.position), "Decisionlog-As-Of": answer.as_of}
    if answer.next:
        headers["Decisionlog-Next"] = answer.next
    if format_ == "csv":
        sheet = as_csv(lines_of(answer, model), names_in([answer.rows, answer.about], directory), columns_of(model))
        return respond_with(pieces(sheet), "text/csv; charset=utf-8; header=present", headers, bounds)
    whole = answer.to_dict()
    whole = {**whole, "names": names_in(whole, directory)}
    if "rows" not in model.model_fields:
        del whole["rows"]
    if format_ == "json":
        return respond_with(json_parts(whole), "application/json", headers, bounds)
    rows = whole.get("rows", [whole])
    text = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return respond_with(text, "application/jsonl", headers, bounds)


def pieces(text: str) -> Iterator[str]:
    """A text in parts, each of which makes a chunk."""
    return (text[begin : begin + CHUNK_BYTES] for begin in range(0, len(text), CHUNK_BYTES))


def as_csv(rows: Iterable[Row], names: Mapping[str, str], columns: Iterable[str] = ()) -> str:
    """Rows as CSV (RFC 4180) that no spreadsheet executes; a column for each leaf, named by its path.

    `columns` says which come first, and which there are if there are no rows.
    """
    flat = [dict(_flat(row)) for row in rows]
    found = dict.fromkeys(column for row in flat for column in row)
    header = list(dict.fromkeys([*(column for column in columns if column in found or not flat), *found]))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(neutralize_formulas(column) for column in header)
    writer.writerows([neutralize_formulas(_shown(row.get(column), names)) for column in header] for row in flat)
    return out.getvalue()


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


# What answers look like in a spreadsheet ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Sheet:
    """The lines of an answer whose rows have more depth than a spreadsheet, and the columns that are always there."""

    columns: tuple[str, ...]
    lines: Callable[[Answer], Iterable[Row]]


def lines_of(answer: Answer, model: type[answers.Spoken]) -> Iterable[Row]:
    """The lines of an answer as CSV: its rows, unless there is a sheet for it."""
    return SHEETS[model].lines(answer) if model in SHEETS else answer.rows


def columns_of(model: type[answers.Spoken]) -> Iterable[str]:
    """The columns that a table has even when it is empty: those of its sheet, else what every row has."""
    if model in SHEETS:
        return SHEETS[model].columns
    (row,) = get_args(model.model_fields["rows"].annotation)
    return list(_always(row))


def _always(row: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in row.model_fields.items():
        path = prefix + (field.alias or name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _always(field.annotation, f"{path}.")
        elif field.is_required() and get_origin(field.annotation) is not dict:
            yield path


def _held(cell: Row) -> Any:
    """What a cell holds: the value, else the source's word."""
    return cell["source_value"] if cell["value"] in (None, []) and cell["source_value"] else cell["value"]


def _contents(row: Row) -> dict[str, Any]:
    """A column for each cell, in the order of the alphabet, so that it is the same whichever card comes first."""
    return {field: _held(cell) for field, cell in sorted(row["fields"].items()) if field != "title"}


def _blamed(blame: Row) -> dict[str, Any]:
    """Who, and why: the decisions it rests on, else the note."""
    return {"who": blame["principal"], "why": list(blame["because"]) or blame.get("note")}


def _cards(answer: Answer) -> Iterator[Row]:
    """A line for each card, with the column it stands in."""
    for column in answer.rows:
        place = {"column": f"{column['title']} <{column['column']}>" if column["title"] else column["column"]}
        for card in column["cards"]:
            milestone = {"milestone": card["milestone"]} if "milestone" in card else {}
            yield {**place, "subject": card["subject"], "title": card["title"], **milestone, **_contents(card)}


def _roadmap(answer: Answer) -> Iterator[Row]:
    if any("cards" in row for row in answer.rows):
        return _cards(answer)
    return ({"subject": row["subject"], "title": row["title"], **_contents(row)} for row in answer.rows)


def _register(answer: Answer) -> Iterator[Row]:
    for row in answer.rows:
        title = _held(row["fields"]["title"]) if "title" in row["fields"] else None
        number = [f"{number} in {product}" for product, number in row["number"].items()]
        yield {"subject": row["subject"], "title": title, "number": number, **_contents(row)}


def _changes(answer: Answer) -> Iterator[Row]:
    for row in answer.rows:
        # What became of the subject explains the cell only if the cell is gone with it.
        own = [step for step in row["changes"] if step["field"] == row["field"] and "after_is" not in row]
        last = (own or row["changes"])[-1:]
        reason = {"at": last[0]["at"], **_blamed(last[0]["blame"])} if last else {}
        kept = {name: said for name, said in row.items() if name not in ("changes", "voided")}
        voided = [each["reason"] for each in row["voided"]]
        yield {**kept, "before": _held(row["before"]), "after": _held(row["after"]), **reason, "voided": voided}


def _slips(answer: Answer) -> Iterator[Row]:
    for row in answer.rows:
        kept = {name: said for name, said in row.items() if name != "moves"}
        yield {**kept, "first": _held(row["first"]), "now": _held(row["now"])}


def _report(answer: Answer) -> Iterator[Row]:
    """A line for each cell that changed, and one for each line of the report without any."""
    for row in answer.rows:
        told = {name: row[name] for name in ("section", "subject", "title")}
        blame = row["blame"]
        # Why in its own words, else the decisions or the note.
        end = {
            "at": row["at"],
            "who": row["by"],
            "why": row["why"] or _blamed(blame)["why"],
            "position": blame["position"],
        }
        for change in row["changes"] or [{}]:
            sides = {side: _held(change[side]) if side in change else None for side in ("before", "after")}
            yield {**told, "field": change.get("field"), **sides, **end}


def _subject_page(answer: Answer) -> Iterator[Row]:
    for field, cell in answer.about["fields"].items():
        shown = {name: cell[name] for name in ("value", "source_value", "since")}
        yield {"field": field, **shown, **_blamed(cell["blame"])}


SHEETS: Final[Mapping[type[answers.Spoken], Sheet]] = {
    answers.Roadmap: Sheet(("column", "subject", "title"), _roadmap),
    answers.Register: Sheet(("subject", "title", "number"), _register),
    answers.Changes: Sheet(
        ("subject", "title", "field", "before", "after", "direction", "at", "who", "why", "voided"), _changes
    ),
    answers.Slips: Sheet(
        ("subject", "title", "field", "first", "now", "against_first", "count", "later", "earlier"), _slips
    ),
    answers.Report: Sheet(
        ("section", "subject", "title", "field", "before", "after", "at", "who", "why", "position"), _report
    ),
    answers.SubjectPage: Sheet(("field", "value", "source_value", "since", "who", "why"), _subject_page),
}


# What stands in a field ----------------------------------------------------------------------------------------------


def _shown(value: Any, names: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        return "; ".join(_shown(member, names) for member in value)
    if isinstance(value, str):
        return f"{names[value]} <{value}>" if value in names else value
    return json.dumps(value, ensure_ascii=False)
