"""Parse a decision record into texts by field; `interchange.adr.madr_rendering` is the inverse.

A record has front matter, a title and sections. The headings of MADR (2 to 4) and Nygard map to fields of their own. If
a record has other sections too, `x.sections` lists all sections in order: a known section by its heading only, any other
by heading and text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import Final, NamedTuple

from interchange.adr.front_matter import FrontMatter, split_front_matter
from interchange.adr.keyword_tables import AMBIGUOUS_DATES, RELATIONS, SUMMARY_HEADINGS, WEAK_HEADINGS
from interchange.adr.keywords import DEFAULT_WORDS, NOT_TEXT, Words, fold, is_placeholder
from interchange.adr.markdown_blocks import (
    MAX_LINES,
    list_bold_lines,
    list_headings,
    parse_blocks,
    strip_comments,
    trim_blank_lines,
)
from interchange.adr.record_dates import day_of
from interchange.value_parsers import field_name_part

FieldTexts = dict[str, str | list[str]]
"""The texts of a record by field. Those of `deciders`, `consulted`, `informed`, `accountable`, `status` and `date` still
have to be parsed into field values."""

MAX_RECORD_BYTES: Final = 1024 * 1024
MAX_KEYS: Final = 200
"""How many keys of the front matter become fields; the rest is kept as text."""
MAX_HEADER_CHARACTERS: Final = 64 * 1024
"""The longest line that is read as part of a header."""
MAX_MEMBERS: Final = 1000
SECTIONS: Final = "x.sections"
PREAMBLE: Final = "x.preamble"
OTHER_LINES: Final = "x.front-matter"
SUBJECT: Final = "subject"


class KnownSection(NamedTuple):
    """A section with a field of its own, and the heading that MADR 4 gives it."""

    field: str
    heading: str

    @property
    def level(self) -> int:
        """The level of its heading."""
        return self.heading.index(" ")


KNOWN_SECTIONS: Final = (
    KnownSection("context", "## Context and Problem Statement"),
    KnownSection("x.decision-drivers", "## Decision Drivers"),
    KnownSection("x.considered-options", "## Considered Options"),
    KnownSection("decision", "## Decision Outcome"),
    KnownSection("expected", "### Consequences"),
    KnownSection("x.confirmation", "### Confirmation"),
    KnownSection("x.pros-and-cons", "## Pros and Cons of the Options"),
    KnownSection("x.more-information", "## More Information"),
)
_BY_FIELD: Final = {known.field: known for known in KNOWN_SECTIONS}
BODY_FIELDS: Final = frozenset({*_BY_FIELD, SECTIONS, PREAMBLE, OTHER_LINES})
"""Fields that a record has in its body, not in its front matter."""
_UNDER_DECISION: Final = frozenset({"decision", "expected", "x.confirmation"})
PEOPLE_FIELDS: Final = {
    "deciders": "deciders",
    "consulted": "role.consulted",
    "informed": "role.informed",
    "accountable": "role.accountable",
}
"""The texts that name people, each with the field of a decision that they become."""
_HEADER_LINE: Final = re.compile(
    r"(?:[*+-][ \t]+)?[*_]{0,3}([^\s*_:：|#>`][^*_:：|\n]{0,59}?)[ \t]*[*_]{0,3}[ \t]*[:：][*_]{0,3}[ \t]*(.*)"
)
_NEXT_KEY: Final = re.compile(
    r"(?<=\S)([ \t]{0,9}[;|·•,][ \t]{0,9}|\.[ \t]{1,9}|[ \t]{2,9}|[ \t](?=\*\*))[*_]{0,3}([^\W\d][\w \-]{0,29})[*_]{0,3}[ \t]{0,3}[:：]"
)
"""Where another key begins in a line of a header."""
_SEPARATOR: Final = re.compile(r"^[ \t;|·•,.]+")
_LEAD: Final = re.compile(r"^ {0,3}(?:> ?)?(?=[^ ])|</?(?:b|strong|em|i|u|span|p)\b[^<>]{0,200}>", re.IGNORECASE)
"""What a line of a header may have around its key: a small indent, the mark of a quotation, and tags of HTML."""
_MEMBER: Final = re.compile(r"([ \t]*)(?:[*+-]|\d{1,3}[.)])[ \t]+(.*)")
_BOLD_KEY: Final = re.compile(r"(?:\*\*|__)([^*_:：|\n]{1,60})(?:\*\*|__)")
_NAMED_TITLE: Final = re.compile(
    r"(?im)^(?:[*+-][ \t]+)?[*_]{0,2}(?:feature name|title|proposal|name)[*_]{0,2}:[*_]{0,2}[ \t]*(?!\(|n/?a\b)(\S.{0,200})$"
)
"""A line that names the record whose first heading is that of its summary, such as `- Feature Name: foreach`."""
_COLUMN_NAMES: Final = frozenset(
    (
        *("field", "value", "detail", "details", "property", "attribute", "key", "item", "description", "metadata"),
        *("feld", "wert", "eigenschaft", "champ", "valeur", "campo", "valor", "valore", "veld", "waarde"),
        *("поле", "значение", "項目", "値", "字段", "值", "항목", "값"),
    )
)
"""What the columns of a table of keys and values are called."""
MAX_CONTINUATION_LINES: Final = 20
MAX_VALUE_CHARACTERS: Final = 80
"""The longest paragraph that is read as the value of the key above it."""
MAX_WORDS_OF_NAME: Final = 5
MAX_WORDS_OF_MEMBER: Final = 10
"""Words of a name below a key, and of a member of a list there, which may say more of a person."""
_PLACEHOLDER_NUMBER: Final = re.compile(r"[\[{<(]?(?:ADR[- ]?)?(?:NNNN?|XXXX?)\b.*", re.IGNORECASE)
_PLACEHOLDER_PART: Final = re.compile(r"[\[{<(]{1,3}([^\[\]{}<>()]{1,300})[\]}>)]{1,3}(?!\()")
_CODE_SPAN: Final = re.compile(r"`[^`]{0,300}`")
_PLACEHOLDER_WORD: Final = re.compile(
    r"\b(?:title|short|name|number|nummer|nnnn?|xxxx?|insert|placeholder|titel|titre|título|titulo|problem|solution|decision name)\b"
    r"|タイトル|标题|標題",
    re.IGNORECASE,
)


@dataclass(slots=True)
class RecordDocument:
    """A parsed record: its texts by field, its `subject` if it names one, and front matter keys without a known field."""

    fields: FieldTexts = field(default_factory=dict)
    subject: str | None = None
    unmapped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    is_template: bool = False
    """Whether its title is a placeholder, as in a template that is not filled in."""


class _Section(NamedTuple):
    level: int
    heading: str
    body: str


def parse_record(text: str, words: Words = DEFAULT_WORDS) -> RecordDocument:
    """Parse a record. Any text can be parsed."""
    return _Parser(words).parse(text)


class _Parser:
    """Parses one record by a table of words."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.document = RecordDocument()

    def parse(self, text: str) -> RecordDocument:
        text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
        matter, rest = split_front_matter(text)
        document = self.document
        document.warnings = list(matter.warnings)
        if rest.count("\n") > MAX_LINES:
            document.warnings.append(f"it has more than {MAX_LINES} lines; its sections were not parsed")
        self._read_front_matter(matter)
        preamble, sections = self._split_sections(rest)
        preamble, sections = self._read_title(preamble, sections)
        self._read_preamble(preamble)
        self._read_sections(sections)
        if "status" not in document.fields:
            document.warnings.append("it has no status")
        title = document.fields.get("title")
        document.is_template = isinstance(title, str) and _is_placeholder_title(title[:500])
        return document

    def _read_title(self, preamble: str, sections: list[_Section]) -> tuple[str, list[_Section]]:
        """Read the title from the front matter, else from the first heading; return the rest of the text."""
        document = self.document
        if "title" in document.fields:
            if sections and sections[0].level == 1 and sections[0].heading == document.fields["title"]:
                title, *sections = sections
                preamble = "\n\n".join(part for part in (preamble.strip("\n"), title.body) if part)
            return preamble, sections
        at = next((n for n, section in enumerate(sections) if section.level == 1), None)
        if at is not None and fold(sections[at].heading) in SUMMARY_HEADINGS:
            named = _NAMED_TITLE.search(preamble)
            if named is not None and not is_placeholder(named[1]):
                document.fields["title"] = " ".join(named[1].split())
            else:
                document.warnings.append("it has no title")
            return preamble, sections
        is_first = not strip_comments(preamble).strip() and sections and sections[0].heading
        if is_first and not self._find_known(sections[0], None) and not self._is_status(sections[0]):
            title, *sections = sections
            document.fields["title"] = title.heading
            if title.level != 1:
                document.warnings.append("the title is not a level-one heading")
            return "\n\n".join(part for part in (preamble.strip("\n"), title.body) if part), sections
        if at is not None:
            title = sections.pop(at)
            document.fields["title"] = title.heading
            return "\n\n".join(part for part in (preamble.strip("\n"), title.body) if part), sections
        document.warnings.append("it has no title")
        return preamble, sections

    def _is_status(self, section: _Section) -> bool:
        return self._words.field_of_key(section.heading.partition(":")[0]) == "status"

    def _read_front_matter(self, matter: FrontMatter) -> None:
        document = self.document
        for key, value in matter.values.items():
            name = self._field_of(key, as_text(value))
            if key == SUBJECT and isinstance(value, str) and value.startswith("decision:"):
                document.subject = value
            elif key == "title" and isinstance(value, str) and value.strip():
                document.fields["title"] = " ".join(value.split())
            elif name in PEOPLE_FIELDS and name not in document.fields and key in matter.members:
                self._set_header(name, [one.name for one in matter.members[key]])
                matter.other_lines += [f"# {one.name}: {one.rest}" for one in matter.members[key] if one.rest]
            elif name is not None and name not in document.fields:
                self._set_header(name, value)
            elif (
                len(document.unmapped) >= MAX_KEYS
                or not _can_be_field(key)
                or _is_taken(document, f"x.{field_name_part(key)}")
            ):
                matter.other_lines.append(f"{key}: {as_text(value)}")
            else:
                document.fields[f"x.{field_name_part(key)}"] = value
                document.unmapped.append(key)
        if matter.other_lines:
            document.fields[OTHER_LINES] = matter.other_lines

    def _set_header(self, name: str, value: str | list[str]) -> None:
        """Set a field of the header. A list of people stays a list, so that a comma in a name does not split it."""
        if isinstance(value, list) and name in PEOPLE_FIELDS and any("," in one or ";" in one for one in value):
            self.document.fields[name] = value
        else:
            self.document.fields[name] = strip_comments(", ".join(value) if isinstance(value, list) else value)

    def _read_preamble(self, text: str) -> None:
        """Read the header lines above the sections; the rest becomes the preamble."""
        if rest := self._read_header_lines(text):
            self.document.fields[PREAMBLE] = rest

    def _read_header_lines(self, text: str) -> str:
        """Read the header lines of a text; return the rest of it."""
        kept: list[str] = []
        lines = text.split("\n")
        at = 0
        while at < len(lines):
            line, at = lines[at], at + 1
            if (bold := _BOLD_KEY.fullmatch(line.strip())) and self._words.field_of_key(bold[1]):
                line = f"{bold[1]}:"
            if ":" not in line and "：" not in line and "|" not in line:
                kept.append(line)
                continue
            if line.lstrip().startswith("|"):
                used = self._read_table(lines, at - 1)
                if used:
                    at += used - 1
                    continue
            parts = self._split_line(line)
            pairs = [self._read_pair(part) for part in parts]
            if not all(pairs):
                kept.append(line)
                continue
            for name, value in filter(None, pairs):
                is_open = (
                    not value or value.rstrip(":： ").casefold() in RELATIONS
                )  # "superseded by:", and a list below
                below, used = self._value_below(name, lines, at) if is_open and len(pairs) == 1 else ("", 0)
                if not is_open and len(pairs) == 1:
                    below, used = self._continuation_of(name, line, lines, at)
                at += used
                self.document.fields[name] = f"{value} {strip_comments(below)}".strip()
        return trim_blank_lines("\n".join(kept))

    def _split_line(self, line: str) -> list[str]:
        """Return the parts of a line that has several keys, such as `Status: accepted | Date: 2024-03-01`."""
        if len(line) >= MAX_HEADER_CHARACTERS:
            return [line]
        found = _NEXT_KEY.finditer(line, line.find(":") + 1)
        starts = [0, *(key.start() for key in found if self._words.field_of_key(key[2]) is not None)]
        parts = [line[start:end] for start, end in pairwise([*starts, len(line)])]
        return [parts[0], *(_SEPARATOR.sub("", part) for part in parts[1:])]

    def _read_pair(self, line: str) -> tuple[str, str] | None:
        """Return the field and the value of a header line; None if it is another line, or the field has a value."""
        match = _HEADER_LINE.fullmatch(_LEAD.sub("", line.rstrip())) if len(line) < MAX_HEADER_CHARACTERS else None
        name = self._field_of(match[1], match[2]) if match else None
        if match is None or name is None or name in self.document.fields:
            return None
        return name, strip_comments(match[2].strip()).rstrip("\\").strip()

    def _field_of(self, key: str, value: str) -> str | None:
        """Return the field of a key with this value."""
        name = self._words.field_of_key(key)
        return None if name == "date" and fold(key) in AMBIGUOUS_DATES and day_of(value) is None else name

    def _value_below(self, name: str, lines: list[str], at: int) -> tuple[str, int]:
        """Return the value below a key that has none on its line, and how many lines it takes: a list, or text.

        A list may follow a blank line, and so may a short status or date; other text has to follow at once.
        """
        key = _MEMBER.match(lines[at - 1])
        members: list[str] = []
        used = indent = 0
        for n, line in enumerate(lines[at : at + MAX_MEMBERS], 1):
            member = _MEMBER.fullmatch(line.rstrip()) if len(line) < MAX_HEADER_CHARACTERS else None
            if member is None and not line.strip():
                continue
            if member is None or (key and len(member[1]) <= len(key[1])) or self._is_header(line):
                break
            text_of = strip_comments(member[2].strip())
            if members and len(member[1]) > indent:
                members[-1] += f" ({text_of})"
            else:
                members.append(text_of)
                indent = len(member[1])
            used = n
        if key or (members and self._is_value(name, members, MAX_WORDS_OF_MEMBER)):
            return ", ".join(members), used
        skipped = next((n for n, line in enumerate(lines[at:]) if line.strip()), 0)
        text = list(
            takewhile(lambda line: line.strip() and not _HEADER_LINE.match(_LEAD.sub("", line)), lines[at + skipped :])
        )
        may_follow = skipped == 0 or (name in ("status", "date") and len(text) == 1)
        if text and may_follow and self._is_value(name, text, MAX_WORDS_OF_NAME):
            return "\n".join(text).strip(), skipped + len(text)
        return "", 0

    def _continuation_of(self, name: str, line: str, lines: list[str], at: int) -> tuple[str, int]:
        """Return the lines that continue the value of a key: those that close a parenthesis or follow a comma, and in a
        list also those of a status that are indented as its text.
        """
        member = _MEMBER.match(line)
        more: list[str] = []
        for following in lines[at : at + MAX_CONTINUATION_LINES]:
            bare = following.strip()
            if not bare or bare[0] in "|>#`-*+" or self._is_header(following):
                break
            value = " ".join([line, *more])
            is_open = value.rstrip().endswith(",") or value.count("(") > value.count(")")
            is_indented = member is not None and len(following) - len(following.lstrip()) > len(member[1])
            if not (is_open if member is None else is_indented and (is_open or name == "status")):
                break
            more.append(bare)
        if member is None and more and (joined := " ".join([line, *more])).count("(") > joined.count(")"):
            return "", 0
        return " ".join(more), len(more)

    def _is_value(self, name: str, lines: list[str], longest_name: int) -> bool:
        """Whether lines below a key are its value, and not the text of the record."""
        first = lines[0].strip()
        if first.startswith(("|", ">", "#", "<", "`")):
            return False
        if name == "date":
            return day_of(first) is not None
        if name == "status":
            tokens = re.findall(r"[\w'-]+", first.casefold())
            is_known = self._words.match_status(tokens) is not None
            return is_known or (len(first) <= MAX_VALUE_CHARACTERS and len(tokens) <= longest_name)
        if name in PEOPLE_FIELDS:
            names = [each.strip() for line in lines for each in re.split(r"[,;&]|\band\b", line) if each.strip()]
            return all(len(each.split()) <= longest_name and not each.endswith((".", "!", "?")) for each in names)
        return True

    def _is_header(self, line: str) -> bool:
        """Whether a line begins with a known key."""
        match = _HEADER_LINE.match(_LEAD.sub("", line)) if len(line) < MAX_HEADER_CHARACTERS else None
        bold = _BOLD_KEY.fullmatch(line.strip())
        key = match[1] if match else bold[1] if bold else ""
        return self._words.field_of_key(key) is not None

    def _read_table(self, lines: list[str], start: int) -> int:
        """Read a table of the header, by rows or by columns. Return how many lines it has; 0 if it is another table."""
        rows, skipped = [], 0
        for line in lines[start:]:
            if not line.lstrip().startswith("|") or len(line) > MAX_HEADER_CHARACTERS:
                break
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
        if len(rows) > 1 and set("".join(rows[1])) <= set("-: ") and _COLUMN_NAMES.issuperset(map(fold, rows[0])):
            rows, skipped = rows[1:], 1
        body = [row for row in rows if not all(set(cell) <= set("-: ") for cell in row)]
        named = [(row[0], row[1]) for row in body if len(row) == 2]  # noqa: PLR2004
        has_header = len(body) == 2 and all(self._words.field_of_key(cell) for cell in body[0])  # noqa: PLR2004
        if has_header or not any(self._words.field_of_key(key) for key, _ in named) or len(named) != len(body):
            named = list(zip(body[0], body[1], strict=False)) if len(body) == 2 else []  # noqa: PLR2004
        found = {name: value for key, value in named if (name := self._field_of(key, value)) is not None}
        if not found:
            return 0
        created = next((value for key, value in named if key.casefold() == "created" and "date" not in found), None)
        if created:  # Backstage
            found["date"] = created
            named = [(key, value) for key, value in named if key.casefold() != "created"]
        unknown = [(key, value) for key, value in named if self._field_of(key, value) is None and (key or value)]
        for name, value in found.items():
            self.document.fields.setdefault(name, strip_comments(value))
        for key, value in unknown:
            name = f"x.{field_name_part(key)}"
            if key and value and not _is_taken(self.document, name):
                self.document.fields[name] = value
                self.document.unmapped.append(key)
        return len(rows) + skipped

    def _read_sections(self, sections: list[_Section]) -> None:
        outline, within = [], None
        document = self.document
        usual = {
            self._words.field_of_heading(one.heading) for one in sections if fold(one.heading) not in WEAK_HEADINGS
        }
        for n, section in enumerate(sections):
            known = self._find_known(section, within)
            if known is not None and known.field in usual and fold(section.heading) in WEAK_HEADINGS:
                known = None
            if self._read_header_section(section):
                continue
            if n == 0 and known is None and (rest := self._read_metadata(section)) is not None:
                if not rest:
                    continue
                section = section._replace(body=rest)  # noqa: PLW2901  (what is not metadata)
            if known is not None and known.field not in document.fields:
                document.fields.update({known.field: section.body} if section.body else {})
                outline.append(known.heading)
                within = known.field
            else:
                heading = f"{'#' * section.level} {section.heading}".rstrip()
                outline.append(f"{heading}\n\n{section.body}" if section.body else heading)
                within = within if section.level > 2 else None  # noqa: PLR2004  (a heading of the second level ends the decision)
        if outline != [known.heading for known in KNOWN_SECTIONS if known.field in document.fields]:
            document.fields[SECTIONS] = outline

    def _read_header_section(self, section: _Section) -> bool:
        """Read a section such as `## Status`, `## Status: Accepted`, or `## Deciders` with a list."""
        key, colon, value = NOT_TEXT.sub("", section.heading).partition(":")
        name = self._words.field_of_key(key)
        if name is None or name in self.document.fields:
            return False
        if name != "status":
            if section.level > 2 or len(section.body) > MAX_HEADER_CHARACTERS or self._words.field_of_heading(key):  # noqa: PLR2004
                return False
            members = [match[2] for line in section.body.split("\n") if (match := _MEMBER.fullmatch(line.rstrip()))]
            lines = [line for line in section.body.split("\n") if line.strip()]
            if not (colon and value.strip()) and len(members) != len(lines) and len(lines) != 1:
                self.document.warnings.append(f"the section {section.heading!r} is kept as text: it is not a list")
                return False
            text = value.strip() if colon and value.strip() else ", ".join(members or lines)
            self.document.fields[name] = strip_comments(text)
            return True
        body = strip_comments(section.body)
        for line in body.split("\n"):
            pair = self._read_pair(line)
            if pair is not None and pair[0] != "status" and pair[1]:
                self.document.fields[pair[0]] = pair[1]
        text = "\n\n".join(part for part in (value.strip() if colon else "", body) if part)
        self.document.fields["status"] = text
        return True

    def _read_metadata(self, section: _Section) -> str | None:
        """Read a section that begins with header lines, such as `## Metadata`; return the rest, None if it is another."""
        if "status" in self.document.fields:
            return None
        parser = _Parser(self._words)
        rest = parser._read_header_lines(section.body)
        found = parser.document
        if "status" not in found.fields or rest.startswith(section.body.partition("\n")[0]):
            return None
        for name, value in found.fields.items():
            self.document.fields.setdefault(name, value)
        self.document.unmapped += found.unmapped
        return "" if set(rest) <= set("-*_ \n") else rest

    def _find_known(self, section: _Section, within: str | None) -> KnownSection | None:
        """Return the known section with this heading. One of the third level is known only within the decision."""
        known = _BY_FIELD.get(self._words.field_of_heading(section.heading) or "")
        if known is None or section.level > known.level:
            return None
        return known if section.level <= 2 or within in _UNDER_DECISION else None  # noqa: PLR2004

    def _split_sections(self, text: str) -> tuple[str, list[_Section]]:
        """Return the text above the first heading, and the sections: those of the first two levels, and those of the third
        that are parts of the decision or say the status. A heading in a code block, a list or a quotation does not count.
        """
        lines = text.split("\n")
        starts: list[tuple[int, str, int, int]] = []
        for level, heading, first, after in self._find_headings(text):
            if level <= 2 or (level == 3 and self._starts_part(starts, heading)) or self._says_status(starts, heading):  # noqa: PLR2004
                starts.append((level, heading, first, after))
        if not starts:
            return text, []
        ends = [first for _, _, first, _ in starts[1:]] + [len(lines)]
        sections = [
            _Section(level, heading, trim_blank_lines("\n".join(lines[after:end])))
            for (level, heading, _, after), end in zip(starts, ends, strict=True)
        ]
        return "\n".join(lines[: starts[0][2]]), sections

    def _find_headings(self, text: str) -> list[tuple[int, str, int, int]]:
        """Return the headings of a text.

        If the title is the only heading, paragraphs such as `**Status**` are the headings of the sections. If the title
        is not of the first level and all others are below it, they are read as if it were. Sections that are too deep below
        the title are read as if they were of the second level.
        """
        blocks = parse_blocks(text)
        found = list(list_headings(blocks))
        if len(found) <= 1:
            found += [
                (2, heading, first, after)
                for heading, first, after in list_bold_lines(blocks)
                if self._words.field_of_key(heading) == "status" or self._words.field_of_heading(heading)
            ]
            found.sort(key=lambda one: one[2])
        if skipped := self._count_skipped_levels(found):
            return [(max(2, level - skipped) if level > 2 else level, *rest) for level, *rest in found]  # type: ignore[misc]  # noqa: PLR2004
        levels = [level for level, *_ in found]
        lift = levels[0] - 1 if len(levels) > 1 and levels[0] < min(levels[1:]) else 0
        if lift and not self._is_known(found[0][1]):
            self.document.warnings.append("the title is not a level-one heading")
            return [(level - lift, *rest) for level, *rest in found]  # type: ignore[misc]
        return found

    def _count_skipped_levels(self, found: list[tuple[int, str, int, int]]) -> int:
        """Return by how many levels the sections are too deep, because the second level is left out or has none of them."""
        below = found[1:] if found and found[0][0] == 1 else []
        highest = min((level for level, *_ in below), default=1)
        if highest > 2:  # noqa: PLR2004
            return (
                highest - 2 if any(self._is_known(heading) for level, heading, *_ in below if level == highest) else 0
            )
        fields = {self._words.field_of_heading(heading): level for level, heading, *_ in reversed(below)}
        known = {level for field_, level in fields.items() if field_ is not None}
        return min(known) - 2 if known and {"context", "decision"} <= fields.keys() and min(known) > 2 else 0  # noqa: PLR2004

    def _is_known(self, heading: str) -> bool:
        """Whether a heading is that of a known section, or a key of the header."""
        key = heading.partition(":")[0]
        return self._words.field_of_heading(heading) is not None or self._words.field_of_key(key) is not None

    def _says_status(self, starts: list[tuple[int, str, int, int]], heading: str) -> bool:
        """Whether a heading of any level, directly below the title, says the status."""
        is_below_title = len(starts) == 0 or (len(starts) == 1 and starts[0][0] == 1)
        return is_below_title and self._words.field_of_key(heading.partition(":")[0]) == "status"

    def _starts_part(self, starts: list[tuple[int, str, int, int]], heading: str) -> bool:
        """Whether a heading of the third level starts a part of the decision, or ends one, or says the status."""
        if not starts:
            return self._words.field_of_key(heading.partition(":")[0]) == "status"
        level, above, *_ = starts[-1]
        if level == 3:  # noqa: PLR2004
            return True
        if self._words.field_of_key(heading.partition(":")[0]) == "status" and "status" not in self.document.fields:
            return level == 1
        last = _BY_FIELD.get(self._words.field_of_heading(above) or "")
        part = _BY_FIELD.get(self._words.field_of_heading(heading) or "")
        return last is not None and last.field == "decision" and part is not None and part.level == 3  # noqa: PLR2004


def _is_placeholder_title(title: str) -> bool:
    """Whether a title is one of a template: braces alone, or a word such as "title" in any brackets.

    Brackets alone mean nothing: `[Use A]` and `Use REST (for now)` are titles.
    """
    bare = _CODE_SPAN.sub("", title).strip()
    if _PLACEHOLDER_NUMBER.fullmatch(bare) or (bare.startswith("{") and bare.endswith("}")):
        return True
    return any(_PLACEHOLDER_WORD.search(part) for part in _PLACEHOLDER_PART.findall(bare))


def _can_be_field(key: str) -> bool:
    """Whether a key can be recovered from the name of its field."""
    return key.isascii() and key.isprintable() and any(character.isalnum() for character in key)


def _is_taken(document: RecordDocument, name: str) -> bool:
    return name in document.fields or name in BODY_FIELDS or name == "x.date"


def as_text(value: str | list[str]) -> str:
    """Return a value of the front matter as one text."""
    return value if isinstance(value, str) else ", ".join(value)
