"""A decision record as a text: what it tells, by the names of the cells it becomes, and how that is written as MADR 4.

A record is front matter, a title and sections. Sections with a meaning of their own are known by their headings, in the
words of MADR (2 to 4) and of Nygard. Whatever else there is stays in its place: `x.sections` then holds the record's
whole course, in which a known section is only its heading, and any other a heading with its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from markdown_it.token import Token

from interchange.adr import front_matter
from interchange.adr.markdown_blocks import block_parser
from interchange.tracker.mapping import cell_part

Told = dict[str, str | list[str]]
"""What a record tells. The names are cells, but for `deciders`, `consulted`, `informed`, `accountable`, `status` and
`date`, whose meaning is still to be read from their words."""

LARGEST: Final = 1024 * 1024
"""Bytes of a record; a longer file is none."""
MAX_LINES: Final = 25_000
"""Of a record; what has more is kept as one text, as finding headings in it takes seconds."""
MAX_KEYS: Final = 200
"""Of front matter that get cells of their own."""
SECTIONS: Final = "x.sections"
PREAMBLE: Final = "x.preamble"
LOOSE: Final = "x.front-matter"
SUBJECT: Final = "subject"


class Known(NamedTuple):
    """A section with a cell of its own: the heading it is written with, and others it goes by."""

    cell: str
    heading: str
    others: tuple[str, ...] = ()

    @property
    def level(self) -> int:
        """How deep its heading stands."""
        return self.heading.index(" ")


KNOWN: Final = (
    Known("context", "## Context and Problem Statement", ("context",)),
    Known("x.decision-drivers", "## Decision Drivers"),
    Known("x.considered-options", "## Considered Options"),
    Known("decision", "## Decision Outcome", ("decision",)),
    Known("expected", "### Consequences", ("consequences",)),
    Known("x.confirmation", "### Confirmation", ("validation",)),
    Known("x.pros-and-cons", "## Pros and Cons of the Options"),
    Known("x.more-information", "## More Information"),
)
_BY_CELL: Final = {known.cell: known for known in KNOWN}
_BY_HEADING: Final = {
    heading.casefold(): known for known in KNOWN for heading in (known.heading.lstrip("# "), *known.others)
}
_UNDER_DECISION: Final = frozenset({"decision", "expected", "x.confirmation"})
HEADER: Final = {
    "status": "status", "date": "date", "deciders": "deciders", "decision-makers": "deciders",
    "approver": "deciders", "approvers": "deciders", "consulted": "consulted", "informed": "informed",
    "accountable": "accountable",
}  # fmt: skip
"""What stands in front matter, or above the sections as `Date: 2025-03-01` or `* Status: accepted`."""
# ASCII: ignoring case, `i` would also match a dotless one, which then is none of the keys.
_HEADER_LINE: Final = re.compile(rf"(?:[*-] +)?({'|'.join(HEADER)}):[ \t]*(.*)", re.IGNORECASE | re.ASCII)


@dataclass(slots=True)
class Document:
    """What a record tells, what it has of no meaning to us (`unmapped`), and what was noticed in reading it."""

    told: Told = field(default_factory=dict)
    subject: str | None = None
    unmapped: list[str] = field(default_factory=list)
    noticed: list[str] = field(default_factory=list)


class _Section(NamedTuple):
    level: int
    heading: str
    body: str


def read(text: str) -> Document:
    """Reads a record. Nothing in it can make this fail."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    matter, rest = front_matter.split(text)
    document = Document(noticed=list(matter.noticed))
    if rest.count("\n") > MAX_LINES:
        document.noticed.append(f"it has more than {MAX_LINES} lines, and was not read by its sections")
    _read_front(document, matter)
    preamble, sections = _sections(rest)
    if not preamble.strip() and sections and sections[0].heading and not _known(sections[0], None):
        title, *sections = sections
        document.told["title"] = title.heading
        if title.level != 1:
            document.noticed.append("the title is not a heading of the first level")
        preamble = title.body
    elif sections and sections[0].level == 1:
        title, *sections = sections
        document.told["title"] = title.heading
        preamble = "\n\n".join(part for part in (preamble.strip("\n"), title.body) if part)
    else:
        document.noticed.append("there is no title")
    _read_preamble(document, preamble)
    _read_sections(document, sections)
    if "status" not in document.told:
        document.noticed.append("it says no status")
    return document


def _read_front(document: Document, matter: front_matter.Front) -> None:
    for key, value in matter.told.items():
        name = HEADER.get(key)
        if key == SUBJECT and isinstance(value, str) and value.startswith("decision:"):
            document.subject = value
        elif name is not None and name not in document.told:
            document.told[name] = ", ".join(value) if isinstance(value, list) else value
        elif len(document.unmapped) >= MAX_KEYS or not _is_spelt(key) or _is_taken(document, f"x.{cell_part(key)}"):
            matter.loose.append(f"{key}: {_one(value)}")  # there is no cell of its own for it
        else:
            document.told[f"x.{cell_part(key)}"] = value
            document.unmapped.append(key)
    if matter.loose:
        document.told[LOOSE] = matter.loose


def _is_spelt(key: str) -> bool:
    """Whether a key can be read in the name of a cell, and so be written as it was."""
    return key.isascii() and key.isprintable() and any(character.isalnum() for character in key)


def _is_taken(document: Document, cell: str) -> bool:
    return cell in document.told or cell in _BODY or cell == "x.date"


def _read_preamble(document: Document, text: str) -> None:
    """Takes what is said of the record in lines of their own; the rest of what stands above the sections is kept."""
    kept = []
    for line in text.split("\n"):
        match = _HEADER_LINE.fullmatch(line.rstrip())
        name = HEADER[match[1].casefold()] if match else ""
        if match and name not in document.told:
            document.told[name] = match[2].strip()
        else:
            kept.append(line)
    rest = trimmed("\n".join(kept))
    if rest:
        document.told[PREAMBLE] = rest


def _read_sections(document: Document, sections: list[_Section]) -> None:
    course, within = [], None
    for section in sections:
        known = _known(section, within)
        if section.heading.casefold() == "status" and "status" not in document.told:
            document.told["status"] = section.body
            continue
        if known is not None and known.cell not in document.told:
            document.told.update({known.cell: section.body} if section.body else {})
            course.append(known.heading)
            within = known.cell
        else:
            heading = f"{'#' * section.level} {section.heading}".rstrip()
            course.append(f"{heading}\n\n{section.body}" if section.body else heading)
            within = within if section.level > 2 else None  # noqa: PLR2004  (a heading of the second level ends it)
    if course != [known.heading for known in KNOWN if known.cell in document.told]:
        document.told[SECTIONS] = course


def _known(section: _Section, within: str | None) -> Known | None:
    """The meaning of a section; one of the third level has one only as a part of the decision."""
    known = _BY_HEADING.get(section.heading.casefold())
    if known is None or section.level > known.level:
        return None
    return known if section.level <= 2 or within in _UNDER_DECISION else None  # noqa: PLR2004


# Markdown ----------------------------------------------------------------------------------------------------------

_BLOCKS: Final = block_parser()


def _sections(text: str) -> tuple[str, list[_Section]]:
    """What stands above the first heading, and the sections: all of the first two levels, and those of the third that
    are parts of the decision. A heading in a block of code, a list or a quotation is none.
    """
    lines = text.split("\n")
    found = [(level, heading, first, after) for level, heading, first, after in _headings(text)]
    begun: list[tuple[int, str, int, int]] = []
    for level, heading, first, after in found:
        if level <= 2 or (level == 3 and _begins_a_part(begun, heading)):  # noqa: PLR2004
            begun.append((level, heading, first, after))
    if not begun:
        return text, []
    ends = [first for _, _, first, _ in begun[1:]] + [len(lines)]
    sections = [
        _Section(level, heading, trimmed("\n".join(lines[after:end])))
        for (level, heading, _, after), end in zip(begun, ends, strict=True)
    ]
    return "\n".join(lines[: begun[0][2]]), sections


def _begins_a_part(begun: list[tuple[int, str, int, int]], heading: str) -> bool:
    """Whether a heading of the third level begins a part of the decision, or ends one."""
    if not begun:
        return False
    level, above, *_ = begun[-1]
    if level == 3:  # noqa: PLR2004
        return True
    last = _BY_HEADING.get(above.casefold())
    part = _BY_HEADING.get(heading.casefold())
    return last is not None and last.cell == "decision" and part is not None and part.level == 3  # noqa: PLR2004


def _headings(text: str) -> Iterator[tuple[int, str, int, int]]:
    """Each heading of the text itself: its level, its words, its first line, and the line after it."""
    tokens: list[Token] = _BLOCKS.parse(text) if text.count("\n") <= MAX_LINES else []
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            yield int(token.tag[1:]), " ".join(inline.content.split()), token.map[0], token.map[1]


def trimmed(text: str) -> str:
    """A text without blank lines around it, and as it stands otherwise."""
    return re.sub(r"\A(?:[ \t]*\n)+", "", text).rstrip()


# Writing -----------------------------------------------------------------------------------------------------------


def written(told: Told, subject: str) -> str:
    """A record as MADR 4: the same that `read` has read, or would read."""
    matter = {key: told[name] for key, name in _FRONT.items() if name in told}
    matter |= {
        name.removeprefix("x."): value for name, value in told.items() if name.startswith("x.") and name not in _BODY
    }
    parts = [front_matter.written({**matter, SUBJECT: subject}, _many(told.get(LOOSE, [])))]
    if "title" in told:
        parts.append(f"# {told['title']}")
    if PREAMBLE in told:
        parts.append(_one(told[PREAMBLE]))
    parts += _course(told)
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


_FRONT: Final = {
    "status": "status", "date": "date", "decision-makers": "deciders", "consulted": "consulted",
    "informed": "informed", "accountable": "accountable",
}  # fmt: skip
_BODY: Final = {*_BY_CELL, SECTIONS, PREAMBLE, LOOSE}


def _course(told: Told) -> Iterator[str]:
    canonical = [known.heading for known in KNOWN if known.cell in told]
    open_ = {known.heading: known for known in KNOWN}
    deciding = False
    for part in _many(told.get(SECTIONS, canonical)):
        known = open_.pop(part, None)
        shown = part if known is None else _section(known, _one(told.get(known.cell, "")), deciding=deciding)
        deciding = shown.startswith("### ") or (known is not None and known.cell == "decision")
        yield shown


def _section(known: Known, body: str, *, deciding: bool) -> str:
    """A section with its heading. A part of the decision stands by itself where it does not follow the decision, and
    where it has headings of its own level, which would end it.
    """
    apart = known.level == 3 and (not deciding or any(level == 3 for level, *_ in _headings(body)))  # noqa: PLR2004
    heading = known.heading.removeprefix("#") if apart else known.heading
    return f"{heading}\n\n{body}" if body else heading


def _one(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _many(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
