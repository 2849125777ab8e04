"""Turn the texts of a decision record into fields of a decision. The source value is kept where it differs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from domain.any_subject import ImportedChange
from interchange.adr.document import FieldTexts
from interchange.adr.record_links import find_relations, without_links
from interchange.person_matching import PersonMatcher, team_key
from interchange.value_parsers import FieldRule, ParsedValue, ValueParser

STATUSES: Final = {
    "proposed": "proposed",
    "draft": "proposed",
    "pending": "proposed",
    "open": "proposed",
    "accepted": "accepted",
    "approved": "accepted",
    "decided": "accepted",
    "rejected": "rejected",
    "declined": "rejected",
    "deprecated": "reversed",
    "reversed": "reversed",
    "retired": "reversed",
    "superseded": "superseded",
    "superceded": "superseded",
    "deferred": "deferred",
    "postponed": "deferred",
    "withdrawn": "withdrawn",
}
"""The status of a decision by the first word of a record's status."""
EMPTY_VALUES: Final = ("TBD", "N/A", "none", "nobody", "-")
PEOPLE_FIELDS: Final = {
    "deciders": "deciders",
    "consulted": "role.consulted",
    "informed": "role.informed",
    "accountable": "role.accountable",
}
MAX_PEOPLE: Final = 1000
"""In one field. If a record names more, the field is refused, so they are not registered either."""
_WORD: Final = re.compile(r"[A-Za-z]+")
_TEAM: Final = re.compile(r"(?:the )?.*\b(?:team|teams|community|group|committee|board|guild|squad)", re.IGNORECASE)


@dataclass(slots=True)
class RecordFields:
    """The fields of a decision that a record's texts become; `unknown` are values not understood, by name."""

    texts: FieldTexts = field(default_factory=dict)
    changes: dict[str, ImportedChange] = field(default_factory=dict)
    unknown: dict[str, tuple[str, ...]] = field(default_factory=dict)


class RecordFieldReader:
    """Reads the fields of records. `find_record` returns the subject of a record by a link or number."""

    def __init__(self, teams: dict[str, tuple[str, ...]], find_record: Callable[[str], str | None]) -> None:
        self.people = PersonMatcher(teams=teams)
        self._parser = ValueParser(self.people, find_record, empty_values=EMPTY_VALUES)
        self._find_record = find_record

    def read(self, texts: FieldTexts) -> RecordFields:
        """Return the fields that a record's texts become."""
        found = RecordFields(texts)
        for name, text in texts.items():
            for field_name, parsed in self._parse(name, text):
                found.changes[field_name] = ImportedChange(field=field_name, **parsed.change)
                if parsed.unknown:
                    found.unknown[name] = parsed.unknown
        return found

    def people_in(self, texts: FieldTexts) -> Iterator[tuple[str, str | None]]:
        """Yield each person or team that a record names, with the team's key if it is a team."""
        for name in PEOPLE_FIELDS.keys() & texts.keys():
            found = self._parser.people_in(_people_rule(PEOPLE_FIELDS[name]), _as_text(texts[name]))
            named = list(islice(found, MAX_PEOPLE + 1))
            yield from named if len(named) <= MAX_PEOPLE else ()

    def _parse(self, name: str, text: str | list[str]) -> Iterator[tuple[str, ParsedValue]]:
        if name == "status":
            yield from self._parse_status(_as_text(text))
        elif name == "date":
            yield "x.date", self._parser.parse(FieldRule(field="x.date", **{"as": "date"}), _as_text(text))
        elif name in PEOPLE_FIELDS:
            yield PEOPLE_FIELDS[name], self._parser.parse(_people_rule(PEOPLE_FIELDS[name]), _as_text(text))
        else:
            yield name, ParsedValue({"texts": text} if isinstance(text, list) else {"text": text})

    def _parse_status(self, text: str) -> Iterator[tuple[str, ParsedValue]]:
        status = parse_status(text)
        change = {"value": status} if status == text else {"value": status, "source_value": text}
        is_unknown = status is None and not self._parser.is_empty(text)
        yield "status", ParsedValue(change if status else {"source_value": text}, unknown=(text,) if is_unknown else ())
        related: dict[str, list[str]] = {}
        for relation, other in find_relations(text):
            subject = self._find_record(other)
            if subject is not None:
                related.setdefault(relation, []).append(subject)
        for field_name, subjects in related.items():
            yield field_name, ParsedValue({"subjects": tuple(dict.fromkeys(subjects))})


def parse_status(text: str) -> str | None:
    """Return the status of a decision that a text means, or None if it is unknown or ambiguous.

    The first word counts, unless "superseded by" follows: a record is often superseded by a line added below.
    """
    bare = without_links(text).casefold()
    words = _WORD.findall(bare)
    if not words or words[0] not in STATUSES:
        return None
    found = list(dict.fromkeys(STATUSES[one] for one in words if one in STATUSES))
    if len(found) > 1 and re.search(r"\bsuper[sc]eded\s+by\b", bare) and "|" not in bare:
        return "superseded"
    return found[0] if len(found) == 1 else None


def team_key_of(spelling: str) -> str | None:
    """Return the key of a team such as `The platform team`, or None if the spelling may be a person's name."""
    if not _TEAM.fullmatch(spelling.strip()):
        return None
    return team_key("-".join(spelling.split()))


def _people_rule(field_name: str) -> FieldRule:
    return FieldRule(field=field_name, separator=",", **{"as": "people"})


def _as_text(text: str | list[str]) -> str:
    return text if isinstance(text, str) else ", ".join(text)
