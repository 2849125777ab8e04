"""Turn the texts of a decision record into fields of a decision. The source value is kept where it differs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Final, NamedTuple

from domain.any_subject import ImportedChange
from interchange.adr.document import PREAMBLE, SECTIONS, FieldTexts
from interchange.adr.keyword_tables import LINK_HEADINGS, STATUS_ENDINGS
from interchange.adr.keywords import DEFAULT_WORDS, Words, fold, is_placeholder
from interchange.adr.markdown_blocks import strip_comments
from interchange.adr.record_dates import FoundDate, day_of, find_dates, without_dates
from interchange.adr.record_links import (
    MAX_STATUS_CHARACTERS,
    Relation,
    clauses_of_supersession,
    find_cjk_relations,
    find_links,
    find_relations,
    hides_successor,
    is_relation,
    plain_status,
    relations_in_header,
    relations_in_lines,
    without_links,
)
from interchange.person_matching import PersonMatcher, team_key
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
_CONJUNCTION: Final = re.compile(r"^\W*(?:(?:and|then|und|dann|et|puis|y|luego)\s+)?", re.IGNORECASE)
_SUBJECT: Final = re.compile(
    r"^(?:this|the)\s(?:adr|decision|record)\s(?:is|was|has been|has now been|is now)\s", re.IGNORECASE
)
_NOW: Final = re.compile(r"\b(?:now|jetzt|désormais|ahora)\s([^\n]{1,80})", re.IGNORECASE)
_DETAILS: Final = frozenset(
    (
        *("by", "on", "at", "in", "since", "as", "from", "with", "after"),
        *("von", "durch", "am", "vom", "im", "seit", "mit", "par", "le", "avec", "por", "el", "con", "en"),
    )
)
"""The words that may follow a status in a line with a date."""
_STAGES: Final = {
    status: stage
    for stage, statuses in enumerate(
        (("proposed",), ("deferred",), ("accepted", "rejected"), ("withdrawn", "reversed"), ("superseded",))
    )
    for status in statuses
}
"""How late in its life a decision has a status."""
_LABEL: Final = re.compile(r"!?\[([^\[\]]{1,80})\]\([^()\s]{1,500}\)")
_CHECKBOX: Final = re.compile(r"(?m)^[ \t]*[*+-][ \t]+\[([ xX])\][ \t]*(.*)$")
_BOX: Final = re.compile(r"^\[[ xX]\]\s+")
_ARROW: Final = re.compile(r"\s*(?:-+>|=+>|→|➔|➜|⇒)\s*")
_BULLET: Final = re.compile(r"(?m)^[ \t]*(?:[*+-]|\d{1,3}[.)])[ \t]+")
_PEOPLE_SEPARATOR: Final = re.compile(r"[,;\n、，；]|<br ?/?>|\s[&+|/]\s|\s(?:and|und|et(?! al\b)|y)\s")
_HANDLES: Final = re.compile(r"@[^\s@]{1,100}(?:\s+@[^\s@]{1,100})+")
_PARTLY: Final = re.compile(
    r"\W*(?:(?:in part|partly|partially|teilweise|partiellement|en partie|parcialmente|en parte)\b|部分|一部)",
    re.IGNORECASE,
)
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
        """Read the relations to other records: from the status, from lines of the header, and from sections of their own."""
        related: dict[str, dict[str, None]] = {}
        for name, relation in self._relations(texts):
            subject = self._find_record(relation.target, origin)
            if subject is not None:
                related.setdefault(relation.field, {})[subject] = None
            else:
                lost = f"{relation.field.replace('_', ' ')} {relation.target}"
                found.unknown[name] = (*found.unknown.get(name, ()), lost)
        status = _as_text(texts.get("status", ""))
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
        status = _as_text(texts.get("status", ""))[:MAX_STATUS_CHARACTERS]
        if "|" not in status or parse_status(status, self._words):
            yield from (("status", one) for one in find_relations(status))
        for name in (PREAMBLE, "x.more-information"):
            yield from ((name, one) for one in relations_in_lines(_as_text(texts.get(name, ""))))
        for section in _sections_of(texts):
            yield from ((SECTIONS, one) for one in _relations_in_section(section))
        for name, text in texts.items():
            if name.startswith("x."):
                if fold(name.removeprefix("x.")) in LINK_HEADINGS:
                    yield from ((name, one) for one in relations_in_lines(_as_text(text)))
                yield from ((name, one) for one in relations_in_header(name.removeprefix("x."), _as_text(text)))

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


def parse_status(text: str, words: Words = DEFAULT_WORDS) -> str | None:
    """Return the status of a decision that a text means, or None if it is unknown or still a choice of a template.

    The first words count, unless a later line gives another status with a later date, or a clause of its own says that the
    record is superseded: a record is often superseded by a line that is added below.
    """
    text = _chosen_text(_NO_TEXT.sub("", plain_status(text[:MAX_STATUS_CHARACTERS])), words)
    bare = without_links(text)
    if _PARTLY.match(bare):
        return "accepted" if any(True for _ in find_relations(text[:MAX_STATUS_CHARACTERS])) else None
    choice = bare.strip().partition("\n")[0].split("|")
    if len({word for part in choice if (word := _status_in(part, words))}) > 1:
        return None
    lines = list(_status_lines(text, words))
    if len({line.status for line in lines}) > 1:
        first = _latest_status(lines)
    else:
        first = _status_in(bare, words) or _status_in(_LABEL.sub(r"\1", text), words)
    later = _status_in(now[1], words) if (now := _NOW.search(bare.strip().partition("\n")[0])) else None
    if later and (first is None or _STAGES[later] > _STAGES[first]):
        first = later
    is_replaced = any(one.is_whole for one in find_cjk_relations(text))
    if first is None:
        return "superseded" if is_replaced or _is_superseded_later(bare) else None
    is_in_force = first not in ("rejected", "withdrawn", "deferred")
    if (is_replaced and is_in_force) or _is_superseded_later(bare, is_in_force=is_in_force):
        return "superseded"
    return first


def _lines_of(text: str) -> list[str]:
    """Return the lines of a text that are not blank."""
    return [line for line in text.splitlines() if line.strip()]


def _chosen_text(text: str, words: Words) -> str:
    """Return the current part of a status: that in the latest row of a table, the checked one of several boxes, or what
    follows the last arrow.
    """
    if (latest := _latest_row(text, words)) is not None:
        return latest
    boxes = _CHECKBOX.findall(text)
    checked = [label for mark, label in boxes if mark != " "]
    if boxes:
        return checked[0] if len(checked) == 1 else ""
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
    dates = [next(find_dates(row[day]), None) for row in body] if day is not None else []
    if body and dates and all(dates):
        newest = max(date.first for date in dates if date)
        body = [row for row, date in zip(body, dates, strict=True) if date and date.last >= newest]
    return body[-1][at] if body else None


class _StatusLine(NamedTuple):
    status: str
    date: FoundDate | None


def _status_lines(text: str, words: Words) -> Iterator[_StatusLine]:
    """Yield the statuses that the lines of a text give, each with its date. A line with several dates has several parts.

    The first line gives the status that it begins with. Another one has to consist of a status, or of a status and a date
    and what may be said of it, so that a remark such as "Open questions remain" is no status.
    """
    parts = (part for line in _lines_of(text) for part in _dated_parts(line))
    for n, (part, date, is_after_date) in enumerate(parts):
        found = _match_status(part, words)
        if found and (n == 0 or found.is_whole or is_after_date or (date and found.is_followed_by_detail)):
            yield _StatusLine(found.status, date)


def _dated_parts(line: str) -> Iterator[tuple[str, FoundDate | None, bool]]:
    """Yield the parts of a line, each with its date, and whether it begins with the date.

    Those of `Proposed 2024-01-01, accepted 2024-02-01` are its two halves.
    """
    line = _DECORATION.sub("", _BULLET.sub("", line.strip()))
    dates = list(find_dates(line))
    if not dates:
        yield line, None, False
        return
    is_first = dates[0].start == 0
    inner = [date.start for date in dates[1:]] if is_first else [date.end for date in dates[:-1]]
    for (start, end), date in zip(pairwise([0, *inner, len(line)]), dates, strict=True):
        yield _CONJUNCTION.sub("", line[start:end]), date, is_first


def _latest_status(lines: list[_StatusLine]) -> str | None:
    """Return the status of the latest date; None if that is ambiguous.

    Of several that may be the latest, the one that is later in the life of a decision counts, such as accepted after
    proposed. A line without a date may always be the latest. Without any date, all is ambiguous.
    """
    newest = max((line.date.first for line in lines if line.date), default=None)
    if newest is None:
        return None
    current = {line.status for line in lines if line.date is None or line.date.last >= newest}
    last = max(_STAGES[status] for status in current)
    found = [status for status in current if _STAGES[status] == last]
    return found[0] if len(found) == 1 else None


class _FoundStatus(NamedTuple):
    """A status that a text begins with: whether the text is nothing else, and whether details such as "by Ann" follow."""

    status: str
    is_whole: bool
    is_followed_by_detail: bool


def _status_in(text: str, words: Words) -> str | None:
    """Return the status that a text begins with."""
    found = _match_status(text, words)
    return found.status if found else None


def _match_status(text: str, words: Words) -> _FoundStatus | None:
    clause = _DECORATION.sub("", _BULLET.sub("", without_dates(text, ",").strip()))
    key, colon, _ = clause[:MAX_KEY_CHARACTERS].partition(":")
    if colon and words.field_of_key(key) == "status":
        clause = _DECORATION.sub("", clause[len(key) + 1 :])
    clause = _SUBJECT.sub("", clause)
    end = _CLAUSE_END.search(clause)
    if end and end[0] == "?":
        return None
    clause, rest = (clause[: end.start()], clause[end.end() :]) if end else (clause, "")
    tokens = re.findall(r"[\w'-]+", clause.casefold().replace("_", " ").replace("-", " "))[: words.longest_status + 1]
    for length in range(min(len(tokens), words.longest_status), 0, -1):
        found = words.statuses.get(" ".join(tokens[:length])) or (
            _inflected_status(tokens[0], words) if length == 1 else None
        )
        if found is not None and tokens[length - 1] in _OPEN_TO and tokens[length : length + 1] == ["to"]:
            return None
        if found is not None:
            is_alone = len(tokens) == length
            is_whole = is_alone and not re.search(r"\w", rest)
            return _FoundStatus(found, is_whole, is_alone or tokens[length] in _DETAILS)
    return None


_OPEN_TO: Final = ("agreed", "decided", "open")
"""Words that mean no status with an infinitive: agreed to wait."""


def _inflected_status(word: str, words: Words) -> str | None:
    """Return the status of a Japanese or Chinese word with a usual ending; these languages have no spaces."""
    going_on = words.statuses.get(word.removesuffix("中"))
    if going_on in ("proposed", "deferred"):  # of any other status, it says that it is not reached yet
        return going_on
    ends = (end for end in STATUS_ENDINGS if word.endswith(end))
    return next((found for end in ends if (found := words.statuses.get(word.removesuffix(end)))), None)


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
    if is_placeholder(bare) and not bare.startswith("["):
        return [bare]
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


def _as_text(text: str | list[str]) -> str:
    return text if isinstance(text, str) else ", ".join(text)
