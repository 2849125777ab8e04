"""The first pass over a tracker history: how long it is, when it starts, and which people and teams it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.values import parse_timestamp
from interchange.jsonl import JsonLine
from interchange.tracker.mapping import Mapping, build_person_matcher, build_value_parser
from interchange.value_parsers import FieldRule, as_text


@dataclass(slots=True)
class FileScan:
    """What a file contains. `spellings` are names of people in order of appearance; `teams` are names by key."""

    lines: int = 0
    since: datetime | None = None
    spellings: dict[str, None] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)


def scan(lines: Iterable[JsonLine], mapping: Mapping) -> FileScan:
    """Scan the lines of a file."""
    found = FileScan()
    parser = build_value_parser(mapping, build_person_matcher(mapping), lambda _: None)
    rules: dict[str, list[FieldRule]] = {}
    for line in lines:
        found.lines += 1
        if line.data is None:
            continue
        _update_since(found, line.data.get(mapping.columns.when))
        who = line.data.get(mapping.columns.who) if mapping.columns.who else None
        if who and not parser.is_empty(as_text(who)):
            found.spellings.setdefault(as_text(who))
        for name, value in _new_values(line.data, mapping):
            for rule in rules.get(name) or rules.setdefault(name, _people_rules(mapping, name)):
                for spelling, team in parser.people_in(rule, value) if value is not None else ():
                    if team is not None:
                        found.teams.setdefault(team, spelling.removeprefix("@"))
                    else:
                        found.spellings.setdefault(spelling)
    return found


def _update_since(found: FileScan, value: Any) -> None:
    try:
        at = parse_timestamp(value)
    except ValueError:
        return
    found.since = at if found.since is None else min(at, found.since)


def _new_values(data: dict[str, Any], mapping: Mapping) -> Iterator[tuple[str, Any]]:
    to = data.get(mapping.columns.to)
    if isinstance(to, dict):
        yield from to.items()
    else:
        yield as_text(data.get(mapping.columns.field) or ""), to


def _people_rules(mapping: Mapping, name: str) -> list[FieldRule]:
    rules = (subject.find_rule(name) for subject in mapping.subject)
    return [rule for rule in rules if rule is not None and rule.as_ in ("people", "teams")]
