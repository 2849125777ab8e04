"""Parse a decision record into texts by field, and render such texts as MADR 4.

A record has front matter, a title and sections. The headings of MADR (2 to 4) and Nygard map to fields of their own. If
a record has other sections too, `x.sections` lists all sections in order: a known section by its heading only, any other
by heading and text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from markdown_it.token import Token

from interchange.adr.front_matter import FrontMatter, render_front_matter, split_front_matter
from interchange.adr.markdown_blocks import block_parser
from interchange.value_parsers import field_name_part

FieldTexts = dict[str, str | list[str]]
"""The texts of a record by field. Those of `deciders`, `consulted`, `informed`, `accountable`, `status` and `date` still
have to be parsed into field values."""

MAX_RECORD_BYTES: Final = 1024 * 1024
MAX_LINES: Final = 25_000
"""A longer record is kept as one text, because parsing its headings would take seconds."""
MAX_KEYS: Final = 200
"""How many keys of the front matter become fields; the rest is kept as text."""
SECTIONS: Final = "x.sections"
PREAMBLE: Final = "x.preamble"
OTHER_LINES: Final = "x.front-matter"
SUBJECT: Final = "subject"


class KnownSection(NamedTuple):
    """A section with a field of its own, the heading that MADR 4 gives it, and other headings."""

    field: str
    heading: str
    others: tuple[str, ...] = ()

    @property
    def level(self) -> int:
        """The level of its heading."""
        return self.heading.index(" ")


KNOWN_SECTIONS: Final = (
    KnownSection("context", "## Context and Problem Statement", ("context",)),
    KnownSection("x.decision-drivers", "## Decision Drivers"),
    KnownSection("x.considered-options", "## Considered Options"),
    KnownSection("decision", "## Decision Outcome", ("decision",)),
    KnownSection("expected", "### Consequences", ("consequences",)),
    KnownSection("x.confirmation", "### Confirmation", ("validation",)),
    KnownSection("x.pros-and-cons", "## Pros and Cons of the Options"),
    KnownSection("x.more-information", "## More Information"),
)
_BY_FIELD: Final = {known.field: known for known in KNOWN_SECTIONS}
_BY_HEADING: Final = {
    heading.casefold(): known for known in KNOWN_SECTIONS for heading in (known.heading.lstrip("# "), *known.others)
}
_UNDER_DECISION: Final = frozenset({"decision", "expected", "x.confirmation"})
HEADER: Final = {
    "status": "status",
    "date": "date",
    "deciders": "deciders",
    "decision-makers": "deciders",
    "approver": "deciders",
    "approvers": "deciders",
    "consulted": "consulted",
    "informed": "informed",
    "accountable": "accountable",
}
"""Fields by their keys in front matter, or in lines above the sections such as `* Status: accepted`."""
# ASCII, because otherwise `i` would also match a dotless i, which is not in HEADER.
_HEADER_LINE: Final = re.compile(rf"(?:[*-] +)?({'|'.join(HEADER)}):[ \t]*(.*)", re.IGNORECASE | re.ASCII)


@dataclass(slots=True)
class RecordDocument:
    """A parsed record: its texts by field, its `subject` if it names one, and front matter keys without a known field."""

    fields: FieldTexts = field(default_factory=dict)
    subject: str | None = None
    unmapped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class _Section(NamedTuple):
    level: int
    heading: str
    body: str


def parse_record(text: str) -> RecordDocument:
    """Parse a record. Any text can be parsed."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    matter, rest = split_front_matter(text)
    document = RecordDocument(warnings=list(matter.warnings))
    if rest.count("\n") > MAX_LINES:
        document.warnings.append(f"it has more than {MAX_LINES} lines; its sections were not parsed")
    _read_front_matter(document, matter)
    preamble, sections = _split_sections(rest)
    if not preamble.strip() and sections and sections[0].heading and not _find_known(sections[0], None):
        title, *sections = sections
        document.fields["title"] = title.heading
        if title.level != 1:
            document.warnings.append("the title is not a heading of the first level")
        preamble = title.body
    elif sections and sections[0].level == 1:
        title, *sections = sections
        document.fields["title"] = title.heading
        preamble = "\n\n".join(part for part in (preamble.strip("\n"), title.body) if part)
    else:
        document.warnings.append("it has no title")
    _read_preamble(document, preamble)
    _read_sections(document, sections)
    if "status" not in document.fields:
        document.warnings.append("it has no status")
    return document


def _read_front_matter(document: RecordDocument, matter: FrontMatter) -> None:
    for key, value in matter.values.items():
        name = HEADER.get(key)
        if key == SUBJECT and isinstance(value, str) and value.startswith("decision:"):
            document.subject = value
        elif name is not None and name not in document.fields:
            document.fields[name] = ", ".join(value) if isinstance(value, list) else value
        elif (
            len(document.unmapped) >= MAX_KEYS
            or not _can_be_field(key)
            or _is_taken(document, f"x.{field_name_part(key)}")
        ):
            matter.other_lines.append(f"{key}: {_as_text(value)}")
        else:
            document.fields[f"x.{field_name_part(key)}"] = value
            document.unmapped.append(key)
    if matter.other_lines:
        document.fields[OTHER_LINES] = matter.other_lines


def _can_be_field(key: str) -> bool:
    """Whether a key can be recovered from the name of its field."""
    return key.isascii() and key.isprintable() and any(character.isalnum() for character in key)


def _is_taken(document: RecordDocument, name: str) -> bool:
    return name in document.fields or name in _BODY_FIELDS or name == "x.date"


def _read_preamble(document: RecordDocument, text: str) -> None:
    """Read the header lines above the sections; the rest becomes the preamble."""
    kept = []
    for line in text.split("\n"):
        match = _HEADER_LINE.fullmatch(line.rstrip())
        name = HEADER[match[1].casefold()] if match else ""
        if match and name not in document.fields:
            document.fields[name] = match[2].strip()
        else:
            kept.append(line)
    rest = trim_blank_lines("\n".join(kept))
    if rest:
        document.fields[PREAMBLE] = rest


def _read_sections(document: RecordDocument, sections: list[_Section]) -> None:
    outline, within = [], None
    for section in sections:
        known = _find_known(section, within)
        if section.heading.casefold() == "status" and "status" not in document.fields:
            document.fields["status"] = section.body
            continue
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


def _find_known(section: _Section, within: str | None) -> KnownSection | None:
    """Return the known section with this heading. One of the third level is known only within the decision."""
    known = _BY_HEADING.get(section.heading.casefold())
    if known is None or section.level > known.level:
        return None
    return known if section.level <= 2 or within in _UNDER_DECISION else None  # noqa: PLR2004


# Markdown ----------------------------------------------------------------------------------------------------------

_BLOCKS: Final = block_parser()


def _split_sections(text: str) -> tuple[str, list[_Section]]:
    """Return the text above the first heading, and the sections: those of the first two levels, and those of the third
    that are parts of the decision. A heading in a code block, a list or a quotation does not count.
    """
    lines = text.split("\n")
    starts: list[tuple[int, str, int, int]] = []
    for level, heading, first, after in _headings(text):
        if level <= 2 or (level == 3 and _starts_part(starts, heading)):  # noqa: PLR2004
            starts.append((level, heading, first, after))
    if not starts:
        return text, []
    ends = [first for _, _, first, _ in starts[1:]] + [len(lines)]
    sections = [
        _Section(level, heading, trim_blank_lines("\n".join(lines[after:end])))
        for (level, heading, _, after), end in zip(starts, ends, strict=True)
    ]
    return "\n".join(lines[: starts[0][2]]), sections


def _starts_part(starts: list[tuple[int, str, int, int]], heading: str) -> bool:
    """Whether a heading of the third level starts a part of the decision, or ends one."""
    if not starts:
        return False
    level, above, *_ = starts[-1]
    if level == 3:  # noqa: PLR2004
        return True
    last = _BY_HEADING.get(above.casefold())
    part = _BY_HEADING.get(heading.casefold())
    return last is not None and last.field == "decision" and part is not None and part.level == 3  # noqa: PLR2004


def _headings(text: str) -> Iterator[tuple[int, str, int, int]]:
    """Yield each top-level heading: its level, its text, its first line, and the line after it."""
    tokens: list[Token] = _BLOCKS.parse(text) if text.count("\n") <= MAX_LINES else []
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            yield int(token.tag[1:]), " ".join(inline.content.split()), token.map[0], token.map[1]


def trim_blank_lines(text: str) -> str:
    """Return a text without blank lines at its start and end."""
    return re.sub(r"\A(?:[ \t]*\n)+", "", text).rstrip()


# Writing -----------------------------------------------------------------------------------------------------------


def render_madr(fields: FieldTexts, subject: str) -> str:
    """Return a record as MADR 4, the inverse of `parse_record`."""
    matter = {key: fields[name] for key, name in _FRONT_MATTER.items() if name in fields}
    matter |= {
        name.removeprefix("x."): value
        for name, value in fields.items()
        if name.startswith("x.") and name not in _BODY_FIELDS
    }
    parts = [render_front_matter({**matter, SUBJECT: subject}, _as_list(fields.get(OTHER_LINES, [])))]
    if "title" in fields:
        parts.append(f"# {fields['title']}")
    if PREAMBLE in fields:
        parts.append(_as_text(fields[PREAMBLE]))
    parts += _render_sections(fields)
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


_FRONT_MATTER: Final = {
    "status": "status",
    "date": "date",
    "decision-makers": "deciders",
    "consulted": "consulted",
    "informed": "informed",
    "accountable": "accountable",
}
_BODY_FIELDS: Final = {*_BY_FIELD, SECTIONS, PREAMBLE, OTHER_LINES}


def _render_sections(fields: FieldTexts) -> Iterator[str]:
    in_order = [known.heading for known in KNOWN_SECTIONS if known.field in fields]
    remaining = {known.heading: known for known in KNOWN_SECTIONS}
    in_decision = False
    for part in _as_list(fields.get(SECTIONS, in_order)):
        known = remaining.pop(part, None)
        text = part if known is None else _render_section(known, _as_text(fields.get(known.field, "")), in_decision)
        in_decision = text.startswith("### ") or (known is not None and known.field == "decision")
        yield text


def _render_section(known: KnownSection, body: str, in_decision: bool) -> str:
    """Return a section with its heading.

    A part of the decision gets a heading of the second level if it does not follow the decision, or if it contains
    headings of the third level, which would end it.
    """
    is_separate = known.level == 3 and (not in_decision or any(level == 3 for level, *_ in _headings(body)))  # noqa: PLR2004
    heading = known.heading.removeprefix("#") if is_separate else known.heading
    return f"{heading}\n\n{body}" if body else heading


def _as_text(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
