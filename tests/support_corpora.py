"""A naive reading of the two files of other people's histories: each record as of a time is a fold of its lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"
FILES = {"keps": "keps_before_2023-01-01.jsonl", "peps": "peps_before_2021-01-01.jsonl"}

Change = dict[str, Any]


class Corpus:
    """The lines of one file. `records` are those that keep one name and one document, so that a fold is clear."""

    def __init__(self, name: str) -> None:
        lines = [json.loads(line) for line in (CORPORA / FILES[name]).read_text(encoding="utf-8").splitlines()]
        self.lines = sorted(lines, key=lambda line: (line["at"], line["seq"]))
        births: dict[str, int] = {}
        unclear = set()
        for line in self.lines:
            births[line["record"]] = births.get(line["record"], 0) + (line["kind"] == "proposed")
            if line["kind"] in ("renumbered", "removed", "reinstated") and line["field"] == "record":
                unclear |= {line["record"], str(line["from"]), str(line["to"])}
        self.records = {record for record, count in births.items() if count == 1} - unclear

    def changes(self, field: str | None = None) -> Iterator[Change]:
        """Every change of a field of a clear record, with the state of the record just after all lines of that time."""
        states: dict[str, dict[str, Any]] = {}
        pending: list[Change] = []
        for line in self.lines:
            if line["record"] not in self.records:
                continue
            yield from self._flush(pending, states, line["at"])
            state = states.setdefault(line["record"], {})
            parts = line["to"] if line["kind"] == "proposed" else {line["field"]: line["to"]}
            for name, value in parts.items():
                if field in (None, name) and state.get(name) != value:
                    pending.append({**line, "field": name, "from": state.get(name), "to": value})
                state[name] = value
        yield from self._flush(pending, states, "9999")

    @staticmethod
    def _flush(pending: list[Change], states: dict[str, dict[str, Any]], at: str) -> Iterator[Change]:
        if pending and pending[0]["at"] < at:
            yield from ({**change, "state": dict(states[change["record"]])} for change in pending)
            pending.clear()

    def state(self, as_of: str = "9999") -> dict[str, dict[str, Any]]:
        """Every clear record as of a time."""
        found: dict[str, dict[str, Any]] = {}
        for line in self.lines:
            if line["at"] <= as_of and line["record"] in self.records:
                parts = line["to"] if line["kind"] == "proposed" else {line["field"]: line["to"]}
                found.setdefault(line["record"], {}).update(parts)
        return found


def next_change(changes: list[Change], change: Change) -> Change | None:
    """The next change of the same field of the same record."""
    key = (change["record"], change["field"])
    later = changes[changes.index(change) + 1 :]
    return next((each for each in later if (each["record"], each["field"]) == key), None)


def duration(begin: str, end: str) -> timedelta:
    return datetime.fromisoformat(end) - datetime.fromisoformat(begin)
