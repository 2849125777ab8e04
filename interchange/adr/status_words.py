"""From what a record tells to the cells of a decision. The record's own word stands beside every meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from domain.any_subject import ImportedChange
from interchange.adr.document import Told
from interchange.adr.record_links import find_relations, without_links
from interchange.tracker.authors import People, team_key
from interchange.tracker.mapping import Columns, Mapping, Product, Rule, Subject
from interchange.tracker.mapping import People as PeopleTable
from interchange.tracker.value_parsers import Meaning, Meanings

STATUSES: Final = {
    "proposed": "proposed", "draft": "proposed", "pending": "proposed", "open": "proposed",
    "accepted": "accepted", "approved": "accepted", "decided": "accepted",
    "rejected": "rejected", "declined": "rejected",
    "deprecated": "reversed", "reversed": "reversed", "retired": "reversed",
    "superseded": "superseded", "superceded": "superseded",
    "deferred": "deferred", "postponed": "deferred", "withdrawn": "withdrawn",
}  # fmt: skip
"""The first word of a status, and what it means."""
NOTHING: Final = ("TBD", "N/A", "none", "nobody", "-")
PEOPLE: Final = {
    "deciders": "deciders", "consulted": "role.consulted", "informed": "role.informed", "accountable": "role.accountable",
}  # fmt: skip
MAX_NAMED: Final = 1000
"""In one field of a record. More than a field can hold are not registered either."""
_WORD: Final = re.compile(r"[A-Za-z]+")
_TEAM: Final = re.compile(r"(?:the )?.*\b(?:team|teams|community|group|committee|board|guild|squad)", re.IGNORECASE)


@dataclass(slots=True)
class Cells:
    """The cells that a record tells, and the words in them that could not be understood, by the name in the record."""

    told: Told = field(default_factory=dict)
    steps: dict[str, ImportedChange] = field(default_factory=dict)
    strange: dict[str, tuple[str, ...]] = field(default_factory=dict)


class RecordMeanings:
    """Reads what records of one system tell. `record` finds the subject of a record by a link or number."""

    def __init__(self, system: str, teams: dict[str, tuple[str, ...]], record: Callable[[str], str | None]) -> None:
        self._mapping = _mapping(system, teams)
        self.people = People(self._mapping)
        self._meanings = Meanings(self._mapping, self.people, record)
        self._record = record

    def cells(self, told: Told) -> Cells:
        """The cells that a record, or what history says of one, comes to."""
        found = Cells(told)
        for name, value in told.items():
            for cell, meaning in self._read(name, value):
                found.steps[cell] = ImportedChange(field=cell, **meaning.step)
                if meaning.strange:
                    found.strange[name] = meaning.strange
        return found

    def spellings(self, told: Told) -> Iterator[tuple[str, str | None]]:
        """Everybody a record names, each with the key of the team where it is one."""
        for name in PEOPLE.keys() & told.keys():
            named = list(islice(self._meanings.somebodies(_people(PEOPLE[name]), _text(told[name])), MAX_NAMED + 1))
            yield from named if len(named) <= MAX_NAMED else ()

    def _read(self, name: str, value: str | list[str]) -> Iterator[tuple[str, Meaning]]:
        if name == "status":
            yield from self._status(_text(value))
        elif name == "date":
            yield "x.date", self._meanings.read(Rule(cell="x.date", **{"as": "day"}), _text(value))
        elif name in PEOPLE:
            yield PEOPLE[name], self._meanings.read(_people(PEOPLE[name]), _text(value))
        else:
            yield name, Meaning({"texts": value} if isinstance(value, list) else {"text": value})

    def _status(self, word: str) -> Iterator[tuple[str, Meaning]]:
        meaning = status_of(word)
        plain = {"value": meaning} if meaning == word else {"value": meaning, "source_value": word}
        unheard = meaning is None and not self._meanings.is_nothing(word)
        yield "status", Meaning(plain if meaning else {"source_value": word}, strange=(word,) if unheard else ())
        related: dict[str, list[str]] = {}
        for relation, other in find_relations(word):
            subject = self._record(other)
            if subject is not None:
                related.setdefault(relation, []).append(subject)
        for cell, subjects in related.items():
            yield cell, Meaning({"subjects": tuple(dict.fromkeys(subjects))})


def status_of(word: str) -> str | None:
    """What the words of a status mean, or None where that is not sure.

    The first word counts, and "superseded by" after it: records are superseded by a line added below.
    """
    bare = without_links(word).casefold()
    words = _WORD.findall(bare)
    if not words or words[0] not in STATUSES:
        return None
    meant = list(dict.fromkeys(STATUSES[one] for one in words if one in STATUSES))
    if len(meant) > 1 and re.search(r"\bsuper[sc]eded\s+by\b", bare) and "|" not in bare:
        return "superseded"
    return meant[0] if len(meant) == 1 else None


def team_of(spelling: str) -> str | None:
    """The key of the team that a spelling plainly means, such as `The platform team`; a person's name is none."""
    if not _TEAM.fullmatch(spelling.strip()):
        return None
    return team_key("-".join(spelling.split()))


def _mapping(system: str, teams: dict[str, tuple[str, ...]]) -> Mapping:
    """What the reading of people, days and words is told by; the rest of a mapping is for trackers."""
    return Mapping(
        system=system, product=Product(key="none", title="none"), nothing=NOTHING, people=PeopleTable(teams=teams),
        columns=Columns(when="", record="", field="", to=""), subject=(Subject(kind="decision", fields={}),),
    )  # fmt: skip


def _people(cell: str) -> Rule:
    return Rule(cell=cell, separator=",", **{"as": "people"})


def _text(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)
