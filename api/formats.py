"""Response formats: JSON, CSV and JSON Lines, and content negotiation."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

from fastapi import Request, Response
from typing_extensions import is_typeddict

from api import answer_documentation
from api.csv_injection import neutralize_formulas
from api.large_responses import CHUNK_BYTES, build_text_response, json_parts
from projections.queries.field_groups import flat_fields
from projections.queries.hidden_reasons import HIDDEN_REASON
from projections.queries.paging import Answer, Row
from projections.queries.titles import IN_DIRECTORY
from projections.read_model.query_limits import UNBOUNDED, Bounds

Format = Literal["json", "csv", "jsonl"]
BY_MEDIA_TYPE: Final[dict[str, Format]] = {
    "application/json": "json",
    "text/csv": "csv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
}
_QUALITY: Final = re.compile(r"^[qQ][ \t]*=[ \t]*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$")

_LEADING_COLUMNS: Final = ("subject", "title", "field")

BYTE_ORDER_MARK: Final = "\ufeff"

AnyFormat = TypeVar("AnyFormat", bound=str)


def choose_format(request: Request, requested: Format | None) -> Format:
    """Return the format of the `format` parameter, else the one the `Accept` header prefers, else JSON."""
    return requested or negotiate(request, BY_MEDIA_TYPE) or "json"


def negotiate(request: Request, available: Mapping[str, AnyFormat]) -> AnyFormat | None:
    """Return the format that the `Accept` header prefers (RFC 9110, section 12.5.1), or None if it names none of them.

    Of equal weights a named type wins over a wildcard, then the header's order decides. A wildcard matches the first
    available format.
    """
    weights = _parse_accept(request.headers.get("accept", ""))
    refused = {media_range for media_range, weight in weights if weight == 0}
    best: tuple[tuple[float, bool], AnyFormat] | None = None
    for media_range, weight in weights:
        matching = (each for each in available if each not in refused and _matches(each, media_range))
        media_type = next(matching, None) if weight else None
        rank = (weight, "*" not in media_range)
        if media_type is not None and (best is None or rank > best[0]):
            best = (rank, available[media_type])
    return best[1] if best else None


def _parse_accept(header: str) -> list[tuple[str, float]]:
    """Return the media ranges of an `Accept` header with their weights, in its order."""
    found = []
    for part in header.split(","):
        media_range, *parameters = (each.strip() for each in part.split(";"))
        quality = next((match[1] for each in parameters if (match := _QUALITY.match(each))), "1")
        found.append((media_range.lower(), float(quality)))
    return found


def _matches(media_type: str, media_range: str) -> bool:
    return media_range in (media_type, "*/*", f"{media_type.partition('/')[0]}/*")


def build_response(
    answer: Answer[Row, Row],
    format_: Format,
    titles: Mapping[str, str],
    model: type[answer_documentation.ReadAnswer],
    bounds: Bounds = UNBOUNDED,
    *,
    marks_encoding: bool = False,
) -> Response:
    """Return an answer in a format. Position, times and cursor are in headers, and in JSON also in the body.

    With `marks_encoding`, CSV begins with a byte order mark, without which Excel reads it in the encoding of the user's
    region. An answer whose model has no rows is one object; as JSON Lines it is one line.
    """
    headers = {"Decisionlog-Position": str(answer.position), "Decisionlog-As-Of": answer.as_of}
    if answer.next:
        headers["Decisionlog-Next"] = answer.next
    if format_ == "csv":
        names = {subject: title for subject, title in titles.items() if subject.startswith(IN_DIRECTORY)}
        sheet = BYTE_ORDER_MARK * marks_encoding + as_csv(lines_of(answer, model), names, columns_of(model))
        return build_text_response(split_text(sheet), "text/csv; charset=utf-8; header=present", headers, bounds)
    whole = {**answer.to_dict(), "titles": titles}
    if "rows" not in model.__annotations__:
        del whole["rows"]
    if format_ == "json":
        return build_text_response(json_parts(whole), "application/json", headers, bounds)
    rows = whole.get("rows", [whole])
    text = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return build_text_response(text, "application/jsonl", headers, bounds)


def split_text(text: str) -> Iterator[str]:
    """Return a text in parts, one for each chunk of a response."""
    return (text[begin : begin + CHUNK_BYTES] for begin in range(0, len(text), CHUNK_BYTES))


def as_csv(rows: Iterable[Row], names: Mapping[str, str], columns: Iterable[str] = ()) -> str:
    """Return rows as CSV (RFC 4180) without formulas, with a column for each leaf, named by its path.

    `columns` come first, and are the only ones if there are no rows. People are written with their names; other subjects
    are written as ids, by which sheets are joined.
    """
    flat = [dict(_flatten(row)) for row in rows]
    found = dict.fromkeys(column for row in flat for column in row)
    header = list(dict.fromkeys([*(column for column in columns if column in found or not flat), *found]))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(neutralize_formulas(column) for column in header)
    writer.writerows([neutralize_formulas(_format_value(row.get(column), names)) for column in header] for row in flat)
    return out.getvalue()


def _flatten(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


# Layouts of CSV -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sheet:
    """A CSV layout for an answer with nested rows: its lines, and the columns that are always present."""

    columns: tuple[str, ...]
    lines: Callable[[Answer[Row, Row]], Iterable[Row]]


def lines_of(answer: Answer[Row, Row], model: type[answer_documentation.ReadAnswer]) -> Iterable[Row]:
    """Return the lines of an answer as CSV: those of its sheet, else its rows."""
    return SHEETS[model].lines(answer) if model in SHEETS else answer.rows


def columns_of(model: type[answer_documentation.ReadAnswer]) -> Iterable[str]:
    """Return the columns of an empty table: those of its sheet, else the required fields of a row."""
    if model in SHEETS:
        return SHEETS[model].columns
    (row,) = get_args(get_type_hints(model)["rows"])
    columns = list(_required_columns(row))
    return [*(each for each in _LEADING_COLUMNS if each in columns), *columns]


def _required_columns(row: Any, prefix: str = "") -> Iterator[str]:
    for name, kind in get_type_hints(row).items():
        if name not in row.__required_keys__:
            continue
        if is_typeddict(kind):
            yield from _required_columns(kind, f"{prefix}{name}.")
        elif get_origin(kind) is not dict:
            yield prefix + name


def _value_of(cell: Row) -> Any:
    """Return the value of a field, else its source value."""
    return cell["source_value"] if cell["value"] in (None, []) and cell["source_value"] else cell["value"]


def _field_columns(row: Row) -> dict[str, Any]:
    """Return a column for each field in alphabetical order, so that the order does not depend on the first card."""
    return {field: _value_of(cell) for field, cell in sorted(flat_fields(row)) if field != "title"}


def _reason_columns(blame: Row) -> dict[str, Any]:
    """Return who, and why: the decisions the event rests on, else its note."""
    hidden = HIDDEN_REASON if blame.get("because_hidden") else None
    return {"who": blame["principal"], "why": list(blame["because"]) or blame.get("note") or hidden}


def _card_lines(answer: Answer[Row, Row]) -> Iterator[Row]:
    """Yield a line for each card, with the column it is in."""
    for column in answer.rows:
        place = f"{column['title']} <{column['column']}>" if column["title"] else column["column"]
        for card in column["cards"]:
            milestone = {"milestone": card["milestone"]} if "milestone" in card else {}
            yield {
                "column": place,
                "subject": card["subject"],
                "title": card["title"],
                **milestone,
                **_field_columns(card),
            }


def _roadmap_lines(answer: Answer[Row, Row]) -> Iterator[Row]:
    return _card_lines(answer) if any("cards" in row for row in answer.rows) else _list_lines(answer)


def _decision_lines(answer: Answer[Row, Row]) -> Iterator[Row]:
    for row in answer.rows:
        number = [f"{number} in {product}" for product, number in row["number"].items()]
        yield {"subject": row["subject"], "title": row["title"], "number": number, **_field_columns(row)}


def _list_lines(answer: Answer[Row, Row]) -> Iterator[Row]:
    for row in answer.rows:
        yield {"subject": row["subject"], "title": row["title"], **_field_columns(row)}


def _change_lines(answer: Answer[Row, Row]) -> Iterator[Row]:
    for row in answer.rows:
        # A change of the subject itself explains the field only if the field disappeared with it.
        own = [change for change in row["changes"] if change["field"] == row["field"] and "missing_after" not in row]
        last = (own or row["changes"])[-1:]
        reason = {"at": last[0]["at"], **_reason_columns(last[0]["blame"])} if last else {}
        kept = {name: value for name, value in row.items() if name not in ("changes", "voided")}
        voided = [each["reason"] for each in row["voided"]]
        yield {**kept, "before": _value_of(row["before"]), "after": _value_of(row["after"]), **reason, "voided": voided}


def _slip_lines(answer: Answer[Row, Row]) -> Iterator[Row]:
    for row in answer.rows:
        kept = {name: value for name, value in row.items() if name != "moves"}
        yield {**kept, "first": _value_of(row["first"]), "now": _value_of(row["now"])}


def _report_lines(answer: Answer[Row, Row]) -> Iterator[Row]:
    """Yield a line for each field that changed, and one for each line of the report without changes."""
    for row in answer.rows:
        common = {name: row[name] for name in ("section", "subject", "title")}
        end = {
            "at": row["at"],
            "who": row["by"],
            "why": row["reason"]["text"] if row["reason"]["kind"] == "own" else row["reason"]["decisions"],
            "reason": row["reason"]["kind"],
            "position": row["blame"]["position"],
        }
        for change in row["changes"] or [{}]:
            sides = {side: _value_of(change[side]) if side in change else None for side in ("before", "after")}
            yield {**common, "field": change.get("field"), **sides, **end}


def _subject_lines(answer: Answer[Row, Row]) -> Iterator[Row]:
    for field, cell in flat_fields(answer.about):
        columns = {name: cell[name] for name in ("value", "source_value", "since")}
        yield {"field": field, **columns, **_reason_columns(cell["blame"])}


SHEETS: Final[Mapping[type[answer_documentation.ReadAnswer], Sheet]] = {
    answer_documentation.Roadmap: Sheet(("column", "subject", "title"), _roadmap_lines),
    answer_documentation.Decisions: Sheet(("subject", "title", "number"), _decision_lines),
    answer_documentation.Changes: Sheet(
        ("subject", "title", "field", "before", "after", "direction", "at", "who", "why", "voided"), _change_lines
    ),
    answer_documentation.Slips: Sheet(
        ("subject", "title", "field", "first", "now", "against_first", "count", "later", "earlier"), _slip_lines
    ),
    answer_documentation.Report: Sheet(
        ("section", "subject", "title", "field", "before", "after", "at", "who", "why", "reason", "position"),
        _report_lines,
    ),
    answer_documentation.Subjects: Sheet(("subject", "title"), _list_lines),
    answer_documentation.SubjectPage: Sheet(("field", "value", "source_value", "since", "who", "why"), _subject_lines),
}


# Values of CSV --------------------------------------------------------------------------------------------------------


def _format_value(value: Any, names: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        return "; ".join(_format_value(member, names) for member in value)
    if isinstance(value, str):
        return f"{names[value]} <{value}>" if value in names else value
    return json.dumps(value, ensure_ascii=False)
