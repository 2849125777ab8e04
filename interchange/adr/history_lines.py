"""Read the history of records from a file `history.jsonl` in their folder, one change a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from domain.values import parse_timestamp
from interchange.adr.current_files import dated_by_text, read_record_files
from interchange.adr.keyword_tables import HEADER
from interchange.adr.record_versions import RecordHistory, RecordVersion
from interchange.files import NotRegularError, open_regular
from interchange.import_report import Remark
from interchange.jsonl import JsonLine, read_lines
from interchange.value_parsers import as_text, field_name_part

FILE_NAME: Final = "history.jsonl"
_COLUMNS: Final = frozenset({"seq", "at", "who", "record", "kind", "field", "from", "to", "commit", "authored_at"})
_PEOPLE: Final = frozenset({"deciders", "consulted", "informed"})


def has_history_lines(folder: Path, history: RecordHistory) -> bool:
    """Whether the folder has a regular file `history.jsonl`. Anything else of that name is skipped."""
    try:
        open_regular(folder / FILE_NAME).close()
    except FileNotFoundError:
        return False
    except NotRegularError as error:
        history.skipped.append(Remark(FILE_NAME, str(error.strerror)))
        return False
    return True


def read_history_lines(folder: Path, history: RecordHistory) -> None:
    """Add the lines of the file, and then the current file of each record as of its last line."""
    latest: dict[str, datetime | None] = {}
    for line in read_lines(folder / FILE_NAME, follow=False):
        try:
            version = _version(line)
        except ValueError as error:
            history.skipped.append(Remark(line.number, str(error)))
            continue
        if version.previous_name is not None:
            latest.pop(version.previous_name, None)
        latest[version.name] = version.at
        history.versions.append(version)
    for version in read_record_files(folder, history):
        has_lines = version.name in latest
        history.versions.append(replace(version, at=latest[version.name]) if has_lines else dated_by_text(version))


def _version(line: JsonLine) -> RecordVersion:
    """Return the version of a record that a line describes.

    Raises:
        ValueError: the line is invalid.
    """
    if line.data is None:
        raise ValueError(line.error)
    data = line.data
    record = data.get("record")
    if not isinstance(record, str) or not record:
        raise ValueError("the column 'record' names no record")
    kind, before = data.get("kind"), data.get("from")
    is_rename, is_removal = kind in ("renamed", "renumbered"), kind == "removed"
    values = {} if is_rename or is_removal else _values(data)
    return RecordVersion(
        record,
        line.fingerprint,
        fields=dict(_texts(values)),
        is_removal=is_removal,
        previous_name=before if is_rename and isinstance(before, str) and before != record else None,
        at=parse_timestamp(data.get("at")),
        written_at=parse_timestamp(data["authored_at"]) if data.get("authored_at") else None,
        who=as_text(data.get("who") or "") or None,
        reference=f"commit:{data['commit']}" if data.get("commit") else None,
        references=tuple((name, as_text(data[name])) for name in sorted(data.keys() - _COLUMNS) if data[name]),
    )


def _values(data: dict[str, Any]) -> dict[str, Any]:
    to = data.get("to")
    if isinstance(to, dict):
        return to
    # A line of kind `superseded` repeats the change of the status.
    return {} if data.get("kind") == "superseded" else {as_text(data.get("field") or "field"): to}


def _texts(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = "title" if key == "title" else HEADER.get(key, f"x.{field_name_part(key)}")
        text = "" if value is None else as_text(value)
        # The program that wrote the file read `{ann, bob}`, the braces of a template, as a mapping without values.
        yield name, re.sub(r":None(?=,|$)", "", text) if name in _PEOPLE else text
