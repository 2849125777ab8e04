"""Answers as they go out: JSON, CSV and JSON Lines, with the names of the people in them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from eventlog.directory import Directory
from projections.reading import Answer

Format = Literal["json", "csv", "jsonl"]
_BY_MEDIA_TYPE: Final[dict[str, Format]] = {
    "text/csv": "csv", "application/jsonl": "jsonl", "application/x-ndjson": "jsonl", "application/json": "json",
}  # fmt: skip
_FORMULA: Final = re.compile(r"(^|[;\t\r\n])([=+\-@\t\r])")


def chosen_format(request: Request, asked: Format | None) -> Format:
    """The format asked for by the parameter, else by the first known type in `Accept`, else JSON."""
    if asked:
        return asked
    accepted = (part.partition(";")[0].strip() for part in request.headers.get("accept", "").split(","))
    return next((_BY_MEDIA_TYPE[media] for media in accepted if media in _BY_MEDIA_TYPE), "json")


def responded(answer: Answer, format_: Format, directory: Directory) -> Response:
    """An answer in a format. Position, instants and the cursor stand in the body of JSON and in headers everywhere."""
    headers = {"Decisionlog-Position": str(answer.position), "Decisionlog-As-Of": answer.as_of}
    if answer.next:
        headers["Decisionlog-Next"] = answer.next
    if format_ == "json":
        whole = answer.to_dict()
        return JSONResponse({**whole, "names": names_in(whole, directory)}, headers=headers)
    names = names_in(answer.rows, directory)
    if format_ == "jsonl":
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in answer.rows)
        return Response(lines, media_type="application/jsonl", headers=headers)
    return Response(as_csv(answer.rows, names), media_type="text/csv; charset=utf-8; header=present", headers=headers)


def names_in(value: Any, directory: Directory) -> dict[str, str]:
    """The names to show for the people and services named anywhere in an answer."""
    found = {}
    for who in sorted(set(_people_in(value))):
        name = directory.name(who)
        if name is not None:
            found[who] = name
    return found


def _people_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(("person:", "service:")):
            yield value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _people_in(key)
            yield from _people_in(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _people_in(member)


def as_csv(rows: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> str:
    """Rows as CSV (RFC 4180) that no spreadsheet executes; a column for each leaf, named by its path."""
    flat = [dict(_flat(row)) for row in rows]
    columns = list(dict.fromkeys(column for row in flat for column in row))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_harmless(_shown(row.get(column), names)) for column in columns] for row in flat)
    return out.getvalue()


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _shown(value: Any, names: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        return "; ".join(_shown(member, names) for member in value)
    if isinstance(value, str):
        return f"{names[value]} <{value}>" if value in names else value
    return json.dumps(value, ensure_ascii=False)


def _harmless(text: str) -> str:
    """An apostrophe makes a spreadsheet take a formula for the text it is (OWASP, CSV injection).

    Also behind `;` and a tab, which some take for the end of a field.
    """
    return _FORMULA.sub(r"\1'\2", text)
