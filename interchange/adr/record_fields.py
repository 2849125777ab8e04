"""Turn the texts of a decision record into fields of a decision. The source value is kept where it differs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from domain.any_subject import ImportedChange
from interchange.adr.document import PREAMBLE, SECTIONS, FieldTexts
from interchange.adr.keyword_tables import LINK_HEADINGS
from interchange.adr.keywords import DEFAULT_WORDS, Words, fold, is_placeholder
from interchange.adr.markdown_blocks import strip_comments
from interchange.adr.record_links import (
    MAX_STATUS_CHARACTERS,
    Relation,
    clauses_of_supersession,
    find_links,
    find_relations,
    hides_successor,
    relations_in_header,
    relations_in_lines,
    without_links,
)
from interchange.person_matching import PersonMatcher, team_key
from interchange.times import MONTHS, TimeReader
from interchange.value_parsers import FieldRule, ParsedValue, ValueParser

EMPTY_VALUES: Final = ("TBD", "N/A", "none", "nobody", "-")
PEOPLE_FIELDS: Final = {
    "deciders": "deciders",
    "consulted": "role.consulted",
    "informed": "role.informed",
    "accountable": "role.accountable",
}
MAX_KEY_CHARACTERS: Final = 60
MAX_PEOPLE: Final = 1000
"""In one field. If a record names more, the field is refused, so they are not registered either."""
_CLAUSE_END: Final = re.compile(r"[\n.;:!?()\[\]{}—–/。、，；：]|,|\s-\s")
_DECORATION: Final = re.compile(r"^(?::[a-z0-9_+-]{1,40}:|[\W_])+", re.IGNORECASE)
_NO_TEXT: Final = re.compile(r"~~[^~]*~~|<[^<>]{1,200}>")
"""What was struck out, and tags of HTML."""
_LABEL: Final = re.compile(r"!?\[([^\[\]]{1,80})\]\([^()\s]{1,500}\)")
_CHECKBOX: Final = re.compile(r"(?m)^[ \t]*[*+-][ \t]+\[([ xX])\][ \t]*(.*)$")
_ARROW: Final = re.compile(r"\s*(?:-+>|=+>|→|➔|➜|⇒)\s*")
_BULLET: Final = re.compile(r"(?m)^[ \t]*(?:[*+-]|\d{1,3}[.)])[ \t]+")
_PEOPLE_SEPARATOR: Final = re.compile(r"[,;\n、，；]|<br ?/?>|\s[&+|/]\s|\s(?:and|und|et(?! al\b)|y)\s")
_HANDLES: Final = re.compile(r"@[^\s@]{1,100}(?:\s+@[^\s@]{1,100})+")
_PARTLY: Final = re.compile(r"\W*(?:partly|partially|teilweise|partiellement|parcialmente)\b", re.IGNORECASE)
_AND_OTHERS: Final = re.compile(r"\s(?:et al\.?|and others|u\. ?a\.)$", re.IGNORECASE)
_WIKI_NAME: Final = re.compile(r"\[\[(?:[^\[\]|\n]{1,200}\|)?([^\[\]|\n]{1,200})\]\]")
_COMMA: Final = re.compile(r"\s*[,;]\s*(?=\S)")
_NONE: Final = ImportedChange(field="status")
_MAIL: Final = re.compile(r"\s*<[^<>\s]+@[^<>\s]+>\s*")
_DATE_START: Final = re.compile(r"[*_`\[(\"'\s]*(\d{4})(?:[-/.](\d{1,2})[-/.](\d{1,2})|(\d{2})(\d{2}))(?!\d)")
_CJK_DATE: Final = re.compile(r"\s*(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日")
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
        people: PersonMatcher | None = None,
    ) -> None:
        self.people = people or PersonMatcher(teams=teams)
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
            yield from self._parse_status(_as_text(text))
        elif name == "date":
            yield "x.date", _parse_date_field(_as_text(text))
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
            change["source_value"] = _as_text(text)
        return ParsedValue(change, unknown=(*parsed.unknown, *placeholders))

    def _parse_status(self, text: str) -> Iterator[tuple[str, ParsedValue]]:
        status = parse_status(text, self._words)
        change = {"value": status} if status == text else {"value": status, "source_value": text}
        is_unknown = status is None and not self._parser.is_empty(text)
        yield "status", ParsedValue(change if status else {"source_value": text}, unknown=(text,) if is_unknown else ())

    def _parse_relations(self, texts: FieldTexts, found: RecordFields, origin: str) -> None:
        """Read the relations to other records: from the status, and from lines of the header of their own."""
        related: dict[str, dict[str, None]] = {}
        for relation in self._relations(texts):
            subject = self._find_record(relation.target, origin)
            if subject is not None:
                related.setdefault(relation.field, {})[subject] = None
            else:
                lost = f"{relation.field.replace('_', ' ')} {relation.target}"
                found.unknown["status"] = (*found.unknown.get("status", ()), lost)
        status = _as_text(texts.get("status", ""))
        is_over = found.changes.get("status", _NONE).value in ("superseded", "reversed")
        if is_over and not related and hides_successor(status):
            found.unknown.setdefault("status", (status,))
        found.supersedes = tuple(related.pop("supersedes", ()))
        for name, subjects in related.items():
            found.changes[name] = ImportedChange(field=name, subjects=tuple(subjects))

    def _relations(self, texts: FieldTexts) -> Iterator[Relation]:
        status = _as_text(texts.get("status", ""))[:MAX_STATUS_CHARACTERS]
        if "|" not in status or parse_status(status, self._words):
            yield from find_relations(status)
        yield from relations_in_lines(_as_text(texts.get(PREAMBLE, "")))
        yield from relations_in_lines(_as_text(texts.get("x.more-information", "")))
        sections = texts.get(SECTIONS, ())
        for section in (sections,) if isinstance(sections, str) else sections:
            heading, _, body = section.partition("\n")
            if fold(heading) in LINK_HEADINGS:
                yield from relations_in_lines(body)
        for name, text in texts.items():
            if name.startswith("x."):
                yield from relations_in_header(name.removeprefix("x."), _as_text(text))

    def superseded_by_this(self, texts: FieldTexts, name: str) -> tuple[str, ...]:
        """Return the records that the record with this name says it supersedes."""
        found = (self._find_record(one.target, name) for one in self._relations(texts) if one.field == "supersedes")
        return tuple(dict.fromkeys(subject for subject in found if subject is not None))


def parse_status(text: str, words: Words = DEFAULT_WORDS) -> str | None:
    """Return the status of a decision that a text means, or None if it is unknown or still a choice of a template.

    The first words count, unless a clause of its own says that the record is superseded: a record is often superseded by
    a line that is added below.
    """
    text = _chosen_text(_NO_TEXT.sub("", text[:MAX_STATUS_CHARACTERS]), words)
    bare = without_links(text)
    if _PARTLY.match(bare):
        return "accepted" if any(True for _ in find_relations(text[:MAX_STATUS_CHARACTERS])) else None
    if "|" in bare and len({word for part in bare.split("|") if (word := _status_in(part, words))}) > 1:
        return None
    first = _status_in(bare, words) or _status_in(_LABEL.sub(r"\1", text), words)
    if first is None:
        is_replaced = not text.isascii() and any(one.field == "superseded_by" for one in find_relations(text))
        return "superseded" if is_replaced or _is_superseded_later(bare) else None
    is_in_force = first not in ("rejected", "withdrawn", "deferred")
    return "superseded" if first != "superseded" and _is_superseded_later(bare, is_in_force=is_in_force) else first


def _lines_of(text: str) -> list[str]:
    """Return the lines of a text that are not blank."""
    return [line for line in text.splitlines() if line.strip()]


def _chosen_text(text: str, words: Words) -> str:
    """Return the current part of a status: the checked one of several boxes, the latest of several dated lines, or what
    follows the last arrow.
    """
    if (latest := _latest_row(text, words)) is not None:
        return latest
    boxes = _CHECKBOX.findall(text)
    checked = [label for mark, label in boxes if mark != " "]
    if boxes:
        return checked[0] if len(checked) == 1 else ""
    for parts in (_lines_of(text), _COMMA.split(text)):
        dated = [(found[1], _DATED.sub(" ", part, count=1)) for part in parts if (found := _DATED.search(part))]
        if len(dated) > 1 and len(dated) == len(parts) and all(_status_in(part, words) for _, part in dated):
            last = max(day for day, _ in dated)
            return next(part for day, part in reversed(dated) if day == last)
    if (found := _DATED.match(text.strip())) is not None and _status_in(text, words) is None:
        return text.strip()[found.end() :]
    steps = _ARROW.split(text.strip().partition("\n")[0])
    is_path = len(steps) > 1 and all(_status_in(step, words) for step in steps)
    return steps[-1] if is_path else text


def _latest_row(text: str, words: Words) -> str | None:
    """Return the status in the row of the latest date of a table with a column for the status, else in its last row."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in _lines_of(text) if "|" in line]
    if not text.lstrip().startswith("|") or len(rows) < 3 or len(rows) != len(_lines_of(text)):  # noqa: PLR2004
        return None
    columns = [words.field_of_key(cell) for cell in rows[0]]
    if "status" not in columns:
        return None
    at, day = columns.index("status"), columns.index("date") if "date" in columns else None
    body = [row for row in rows[1:] if not set("".join(row)) <= set("-: ") and len(row) > max(at, day or 0)]
    if day is not None and all(_DATED.search(row[day]) for row in body):
        body.sort(key=lambda row: _DATED.search(row[day])[1])  # type: ignore[index]
    return body[-1][at] if body else None


def _status_in(text: str, words: Words) -> str | None:
    """Return the status that a text begins with."""
    clause = _DECORATION.sub("", _BULLET.sub("", text.strip()))
    key, colon, _ = clause[:MAX_KEY_CHARACTERS].partition(":")
    if colon and words.field_of_key(key) == "status":
        clause = _DECORATION.sub("", clause[len(key) + 1 :])
    clause = _CLAUSE_END.split(clause, maxsplit=1)[0]
    tokens = re.findall(r"[\w'-]+", clause.casefold().replace("_", " ").replace("-", " "))[: words.longest_status]
    for length in range(len(tokens), 0, -1):
        found = words.statuses.get(" ".join(tokens[:length]))
        if found is not None:
            return found
    head = tokens[0] if tokens else ""
    if head and not head.isascii():  # Japanese and Chinese have no spaces between words
        return next((words.statuses[head[:n]] for n in range(len(head), 0, -1) if head[:n] in words.statuses), None)
    return None


def _is_superseded_later(text: str, *, is_in_force: bool = True) -> bool:
    """Whether a later clause says that the whole record is superseded."""
    clauses = clauses_of_supersession(text, is_in_force=is_in_force)
    return any(relation.is_whole and relation.field == "superseded_by" for relation in clauses)


def split_people(text: str | list[str]) -> list[str]:
    """Return the names in a text, or in a list whose members are names; without comments, placeholders and links."""
    return [name for one in _raw_people(text) if (name := _plain_name(one)) and not is_placeholder(one)]


def _raw_people(text: str | list[str]) -> list[str]:
    if isinstance(text, list):
        return [one.strip() for one in map(strip_comments, (_WIKI_NAME.sub(r"\1", one) for one in text)) if one.strip()]
    bare = _WIKI_NAME.sub(r"\1", strip_comments(text).strip())
    if bare.startswith("[") and bare.endswith("]") and ("," in bare or "@" in bare) and "](" not in bare:
        bare = bare[1:-1]
    bare = _BULLET.sub("", bare)
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
    return bare.strip("*_`\"'").strip()


_DATED: Final = re.compile(r"[\[(*_]{0,3}\b(\d{4}-\d{2}-\d{2})\b[\])*_]{0,3}\s*[:：,—–-]?\s*")
_DAY_IN_DIGITS: Final = re.compile(r"(\d{1,2})(\. ?|/|-)(\d{1,2})\2(\d{4})(?!\d)")


def day_of(text: str) -> datetime | None:
    """Return the day that a date begins with, at midnight UTC: `2023-9-15`, `2024-03-01 10:00`, `1 March 2024`."""
    bare = strip_comments(text).strip()
    found = _DATE_START.match(bare) or _CJK_DATE.match(bare)
    try:
        if found is not None:
            year, month, day_ = (int(part) for part in found.groups() if part is not None)
            return datetime(year, month, day_, tzinfo=UTC)
        if (digits := _DAY_IN_DIGITS.match(bare)) is not None:
            return _day_in_digits(digits)
        day = re.split(r"\s*[(\[]|,?\s+(?:updated|amended|aktualisiert)", bare[:100], maxsplit=1)[0]
        return (
            TimeReader().read(day).replace(hour=0, minute=0, second=0, microsecond=0)
            if re.search(r"[^\W\d_]{3}", day)
            else None
        )
    except ValueError:
        return None


def _day_in_digits(found: re.Match[str]) -> datetime | None:
    """Return the day of a date such as `1.5.2024`; None if it may be day-month or month-day.

    With dots, the day comes first in every language that writes dates this way (CLDR). With slashes or dashes, only a number
    above 12 shows which one the day is.
    """
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if found[2].strip() == "." or (first > MONTHS >= second):
        return datetime(year, second, first, tzinfo=UTC)
    return datetime(year, first, second, tzinfo=UTC) if second > MONTHS >= first else None


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


def _as_text(text: str | list[str]) -> str:
    return text if isinstance(text, str) else ", ".join(text)
