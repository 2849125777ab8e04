"""A first look through a file: how long it is, when it begins, and who is in it. Nothing is planned yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.values import parse_timestamp
from interchange.tracker.authors import People
from interchange.tracker.jsonl import FileLine
from interchange.tracker.mapping import Mapping, Rule
from interchange.tracker.value_parsers import Meanings, as_text


@dataclass(slots=True)
class Survey:
    """What the first look found. `spellings` are those of persons, in the order they were met; `teams` have a key and a name."""

    lines: int = 0
    since: datetime | None = None
    spellings: dict[str, None] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)


def survey(lines: Iterable[FileLine], mapping: Mapping) -> Survey:
    """Looks through the lines of a file."""
    found = Survey()
    meanings = Meanings(mapping, People(mapping), lambda _: None)
    rules: dict[str, list[Rule]] = {}
    for line in lines:
        found.lines += 1
        if line.told is None:
            continue
        _since(found, line.told.get(mapping.columns.when))
        who = line.told.get(mapping.columns.who) if mapping.columns.who else None
        if who and not meanings.is_nothing(as_text(who)):
            found.spellings.setdefault(as_text(who))
        for name, value in _values(line.told, mapping):
            for rule in rules.get(name) or rules.setdefault(name, _rules(mapping, name)):
                for spelling, team in meanings.somebodies(rule, value) if value is not None else ():
                    if team is not None:
                        found.teams.setdefault(team, spelling.removeprefix("@"))
                    else:
                        found.spellings.setdefault(spelling)
    return found


def _since(found: Survey, told: Any) -> None:
    try:
        at = parse_timestamp(told)
    except ValueError:
        return
    found.since = at if found.since is None else min(at, found.since)


def _values(told: dict[str, Any], mapping: Mapping) -> Iterator[tuple[str, Any]]:
    to = told.get(mapping.columns.to)
    if isinstance(to, dict):
        yield from to.items()
    else:
        yield as_text(told.get(mapping.columns.field) or ""), to


def _rules(mapping: Mapping, name: str) -> list[Rule]:
    rules = (subject.rule(name) for subject in mapping.subject)
    return [rule for rule in rules if rule is not None and rule.as_ in ("people", "teams")]
