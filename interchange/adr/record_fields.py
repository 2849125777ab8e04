"""Turn the texts of a decision record into fields of a decision. The source value is kept where it differs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from domain.any_subject import ImportedChange
from interchange.adr.document import PEOPLE_FIELDS, PREAMBLE, SECTIONS, FieldTexts, as_text
from interchange.adr.keyword_tables import LINK_HEADINGS
from interchange.adr.keywords import DEFAULT_WORDS, Words, fold, is_placeholder
from interchange.adr.markdown_blocks import BULLET, strip_comments
from interchange.adr.record_dates import day_of
from interchange.adr.record_links import (
    MAX_STATUS_CHARACTERS,
    Relation,
    find_links,
    find_relations,
    hides_successor,
    is_relation,
    relations_in_header,
    relations_in_lines,
)
from interchange.adr.record_status import parse_status
from interchange.person_matching import PersonMatcher, team_key
from interchange.value_parsers import FieldRule, ParsedValue, ValueParser

EMPTY_VALUES: Final = ("TBD", "N/A", "none", "nobody", "-")
MAX_PEOPLE: Final = 1000
"""In one field. If a record names more, the field is refused, so they are not registered either."""
_BOX: Final = re.compile(r"^\[[ xX]\]\s+")
_PEOPLE_SEPARATOR: Final = re.compile(r"[,;\n、，；]|<br ?/?>|\s[&+|/]\s|\s(?:and|und|et(?! al\b)|y|e|en|i|и)\s")
_HANDLES: Final = re.compile(r"@[^\s@]{1,100}(?:\s+@[^\s@]{1,100})+")
_AND_OTHERS: Final = re.compile(r"\s(?:et al\.?|and others|u\. ?a\.)$", re.IGNORECASE)
_WIKI_NAME: Final = re.compile(r"\[\[(?:[^\[\]|\n]{1,200}\|)?([^\[\]|\n]{1,200})\]\]")
_NONE: Final = ImportedChange(field="status")
_MAIL: Final = re.compile(r"\s*<[^<>\s]+@[^<>\s]+>\s*")
_TEAM: Final = re.compile(r"(?:the )?.*\b(?:team|teams|community|group|committee|board|guild|squad)", re.IGNORECASE)


@dataclass(slots=True)
class RecordFields:
    """The fields of a decision that a record's texts become; `unknown` are values not understood, by name."""

    texts: FieldTexts = field(default_factory=dict)
    changes: dict[str, ImportedChange] = field(default_factory=dict)
    unknown: dict[str, tuple[str, ...]] = field(default_factory=dict)
    supersedes: tuple[str, ...] = ()
    """The records that this one says it supersedes."""


class RecordFieldReader:
    """Reads the fields of records.

    `find_record` returns the subject of a record by a link or number, and by the name of the record that has it.
    """

    def __init__(
        self,
        teams: dict[str, tuple[str, ...]],
        find_record: Callable[[str, str], str | None],
        words: Words = DEFAULT_WORDS,
    ) -> None:
        self.people = PersonMatcher(teams=teams)
        self._words = words
        self._parser = ValueParser(self.people, lambda _: None, empty_values=EMPTY_VALUES)
        self._find_record = find_record

    def read(self, texts: FieldTexts, origin: str = "") -> RecordFields:
        """Return the fields that the texts of a record become. Its links are relative to its name, `origin`."""
        found = RecordFields(texts)
        for name, text in texts.items():
            for field_name, parsed in self._parse(name, text):
                if field_name:
                    found.changes[field_name] = ImportedChange(field=field_name, **parsed.change)
                if parsed.unknown:
                    found.unknown[name] = (*found.unknown.get(name, ()), *parsed.unknown)
        self._parse_relations(texts, found, origin)
        return found

    def people_in(self, texts: FieldTexts) -> Iterator[tuple[str, str | None]]:
        """Yield each person or team that a record names, with the team's key if it is a team."""
        for name in PEOPLE_FIELDS.keys() & texts.keys():
            found = self._parser.people_in(_people_rule(PEOPLE_FIELDS[name]), split_people(texts[name]))
            named = list(islice(found, MAX_PEOPLE + 1))
            yield from named if len(named) <= MAX_PEOPLE else ()

    def _parse(self, name: str, text: str | list[str]) -> Iterator[tuple[str, ParsedValue]]:
        if name == "status":
            yield from self._parse_status(as_text(text))
        elif name == "date":
            yield "x.date", _parse_date_field(as_text(text))
        elif name in PEOPLE_FIELDS:
            yield PEOPLE_FIELDS[name], self._parse_people(name, text)
        else:
            yield name, ParsedValue({"texts": text} if isinstance(text, list) else {"text": text})

    def _parse_people(self, name: str, text: str | list[str]) -> ParsedValue:
        """Parse a list of people. The source value is kept unless the names alone say the same."""
        members = [one for one in split_people(text) if not self.people.is_erased(one)]
        parsed = self._parser.parse(_people_rule(PEOPLE_FIELDS[name]), members)
        placeholders = tuple(one for one in _raw_people(text) if is_placeholder(one) and not self._parser.is_empty(one))
        change = {key: part for key, part in parsed.change.items() if key != "source_value"}
        is_same = (", ".join(members) == text) if isinstance(text, str) else members == text
        if not is_same or len(change.get("holders", ())) != len(members):
            change["source_value"] = as_text(text)
        return ParsedValue(change, unknown=(*parsed.unknown, *placeholders))

    def _parse_status(self, text: str) -> Iterator[tuple[str, ParsedValue]]:
        status = parse_status(text, self._words)
        change = {"value": status} if status == text else {"value": status, "source_value": text}
        is_unknown = status is None and not self._parser.is_empty(text)
        yield "status", ParsedValue(change if status else {"source_value": text}, unknown=(text,) if is_unknown else ())

    def _parse_relations(self, texts: FieldTexts, found: RecordFields, origin: str) -> None:
        """Read the relations to other records: from the status, from lines of the header, and from sections of their own."""
        related: dict[str, dict[str, None]] = {}
        for name, relation in self._relations(texts):
            subject = self._find_record(relation.target, origin)
            if subject is not None:
                related.setdefault(relation.field, {})[subject] = None
            else:
                lost = f"{relation.field.replace('_', ' ')} {relation.target}"
                found.unknown[name] = (*found.unknown.get(name, ()), lost)
        status = as_text(texts.get("status", ""))
        is_over = found.changes.get("status", _NONE).value in ("superseded", "reversed")
        if is_over and not related and hides_successor(status):
            found.unknown.setdefault("status", (status,))
        unread = tuple(
            one for one in _sections_of(texts) if is_relation(one.partition("\n")[0]) and not _relations_in_section(one)
        )
        if unread := tuple(" ".join(one.split()) for one in unread if hides_successor(one)):
            found.unknown[SECTIONS] = (*found.unknown.get(SECTIONS, ()), *unread)
        found.supersedes = tuple(related.pop("supersedes", ()))
        for name, subjects in related.items():
            found.changes[name] = ImportedChange(field=name, subjects=tuple(subjects))

    def _relations(self, texts: FieldTexts) -> Iterator[tuple[str, Relation]]:
        """Yield each relation with the name of the text that gives it."""
        status = as_text(texts.get("status", ""))[:MAX_STATUS_CHARACTERS]
        if "|" not in status or parse_status(status, self._words):
            yield from (("status", one) for one in find_relations(status))
        for name in (PREAMBLE, "x.more-information"):
            yield from ((name, one) for one in relations_in_lines(as_text(texts.get(name, ""))))
        for section in _sections_of(texts):
            yield from ((SECTIONS, one) for one in _relations_in_section(section))
        for name, text in texts.items():
            if name.startswith("x."):
                if fold(name.removeprefix("x.")) in LINK_HEADINGS:
                    yield from ((name, one) for one in relations_in_lines(as_text(text)))
                yield from ((name, one) for one in relations_in_header(name.removeprefix("x."), as_text(text)))

    def superseded_by_this(self, texts: FieldTexts, name: str) -> tuple[str, ...]:
        """Return the records that the record with this name says it supersedes."""
        found = (self._find_record(one.target, name) for _, one in self._relations(texts) if one.field == "supersedes")
        return tuple(dict.fromkeys(subject for subject in found if subject is not None))


def _sections_of(texts: FieldTexts) -> list[str]:
    sections = texts.get(SECTIONS, [])
    return [sections] if isinstance(sections, str) else sections


def _relations_in_section(section: str) -> list[Relation]:
    """Return the relations in a section such as Links, or in one whose heading is a relation."""
    heading, _, body = section.partition("\n")
    if is_relation(heading):
        return list(relations_in_lines(section)) or list(find_relations(body[:MAX_STATUS_CHARACTERS]))
    return list(relations_in_lines(body if fold(heading) in LINK_HEADINGS else heading))


def split_people(text: str | list[str]) -> list[str]:
    """Return the names in a text, or in a list whose members are names; without comments, placeholders and links."""
    return [name for one in _raw_people(text) if (name := _plain_name(one)) and not is_placeholder(one)]


def _raw_people(text: str | list[str]) -> list[str]:
    if isinstance(text, list):
        return [one.strip() for one in map(strip_comments, (_WIKI_NAME.sub(r"\1", one) for one in text)) if one.strip()]
    bare = _WIKI_NAME.sub(r"\1", strip_comments(text).strip())
    if is_placeholder(bare) and not bare.startswith("["):
        return [bare]
    if bare.startswith("[") and bare.endswith("]") and ("," in bare or "@" in bare) and "](" not in bare:
        bare = bare[1:-1]
    bare = BULLET.sub("", bare)
    links = list(find_links(bare))
    parts, at = [], 0
    for link in links:
        label = bare[link.start + 1 : link.end].partition("](")[0]
        parts += [bare[at : link.start], label.replace(",", " ") if "," in label else label]
        at = link.end
    plain = "".join([*parts, bare[at:]])
    parts = [part.strip() for part in _PEOPLE_SEPARATOR.split(plain) if part.strip()]
    return [handle for part in parts for handle in (part.split() if _HANDLES.fullmatch(part) else [part])]


def _plain_name(text: str) -> str:
    """Return a name without markup, quotes and the address behind it; the address, if it is alone."""
    bare = _AND_OTHERS.sub("", _MAIL.sub(" ", text).strip()) or text.strip().strip("<>")
    return _BOX.sub("", bare).strip("*_`\"'").strip()


def _parse_date_field(text: str) -> ParsedValue:
    day = day_of(text)
    if day is None:
        return ParsedValue({"source_value": text}, unknown=(text,) if text.strip() and not is_placeholder(text) else ())
    iso = day.date().isoformat()
    return ParsedValue({"value": iso} if iso == text else {"value": iso, "source_value": text})


def team_key_of(spelling: str) -> str | None:
    """Return the key of a team such as `The platform team`, or None if the spelling may be a person's name."""
    if not _TEAM.fullmatch(spelling.strip()):
        return None
    return team_key("-".join(spelling.split()))


def _people_rule(field_name: str) -> FieldRule:
    return FieldRule(field=field_name, **{"as": "people"})
