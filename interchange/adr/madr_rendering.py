"""Render texts by field as a decision record in the format of MADR 4."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from interchange.adr.document import (
    BODY_FIELDS,
    KNOWN_SECTIONS,
    OTHER_LINES,
    PREAMBLE,
    SECTIONS,
    SUBJECT,
    FieldTexts,
    KnownSection,
    as_text,
)
from interchange.adr.front_matter import render_front_matter
from interchange.adr.markdown_blocks import list_headings, parse_blocks


def render_madr(fields: FieldTexts, subject: str) -> str:
    """Return a record as MADR 4, the inverse of `parse_record`."""
    matter = {key: fields[name] for key, name in _FRONT_MATTER.items() if name in fields}
    matter |= {
        name.removeprefix("x."): value
        for name, value in fields.items()
        if name.startswith("x.") and name not in BODY_FIELDS
    }
    parts = [render_front_matter({**matter, SUBJECT: subject}, _as_list(fields.get(OTHER_LINES, [])))]
    if "title" in fields:
        parts.append(f"# {fields['title']}")
    if PREAMBLE in fields:
        parts.append(as_text(fields[PREAMBLE]))
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


def _render_sections(fields: FieldTexts) -> Iterator[str]:
    in_order = [known.heading for known in KNOWN_SECTIONS if known.field in fields]
    remaining = {known.heading: known for known in KNOWN_SECTIONS}
    in_decision = False
    for part in _as_list(fields.get(SECTIONS, in_order)):
        known = remaining.pop(part, None)
        text = part if known is None else _render_section(known, as_text(fields.get(known.field, "")), in_decision)
        in_decision = text.startswith("### ") or (known is not None and known.field == "decision")
        yield text


def _render_section(known: KnownSection, body: str, in_decision: bool) -> str:
    """Return a section with its heading.

    A part of the decision gets a heading of the second level if it does not follow the decision, or if it contains
    headings of the third level, which would end it.
    """
    is_separate = known.level == 3 and (not in_decision or _has_third_level(body))  # noqa: PLR2004
    heading = known.heading.removeprefix("#") if is_separate else known.heading
    return f"{heading}\n\n{body}" if body else heading


def _has_third_level(body: str) -> bool:
    return any(level == 3 for level, *_ in list_headings(parse_blocks(body)))  # noqa: PLR2004


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
