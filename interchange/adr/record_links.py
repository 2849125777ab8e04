"""Finding markdown links, and what a status says of other records, in time that grows with the text and no faster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

RELATIONS: Final = {
    "superseded by": "superseded_by", "superceded by": "superseded_by", "amended by": "amended_by", "amends": "amends",
}  # fmt: skip
_RELATION: Final = re.compile(rf"\b({'|'.join(RELATIONS)})(?:\s*+:\s++|\s++)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"(?:ADR[- ]?)?[0-9]{1,6}\b", re.IGNORECASE)
_LABEL_END: Final = re.compile(r"\]")
_TARGET_END: Final = re.compile(r"[)\s]")


class Link(NamedTuple):
    """A link such as `[One](0001-one.md)`: where it begins and ends in its text, and what it leads to."""

    start: int
    end: int
    target: str


class _Next:
    """Where a character is found next. Asked at ever later places, it looks at every place of the text once."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._pattern = pattern
        self._text = text
        self._at = -1

    def find(self, start: int) -> int:
        """Return the first place from `start` on; the length of the text where there is none."""
        if self._at < start:
            found = self._pattern.search(self._text, start)
            self._at = found.start() if found else len(self._text)
        return self._at


class _Links:
    """Reads links at ever later places of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._label_end = _Next(_LABEL_END, text)
        self._target_end = _Next(_TARGET_END, text)

    def at(self, start: int) -> Link | None:
        """Return the link whose opening bracket stands at `start`, or None."""
        begins = self._label_end.find(start + 1) + 2
        if not self._text.startswith("(", begins - 1):
            return None
        end = self._target_end.find(begins)
        return Link(start, end + 1, self._text[begins:end]) if self._text.startswith(")", end) else None

    def skip(self, start: int) -> int:
        """Return where to go on behind a bracket that begins no link: no other up to its end begins one either."""
        return self._label_end.find(start + 1) + 1


def find_links(text: str) -> Iterator[Link]:
    """Yield the links of a text, from left to right."""
    links, at = _Links(text), text.find("[")
    while at >= 0:
        link = links.at(at)
        if link is not None:
            yield link
        at = text.find("[", link.end if link else links.skip(at))


def without_links(text: str) -> str:
    """Return a text with a space in the place of each link."""
    parts, at = [], 0
    for link in find_links(text):
        parts.append(text[at : link.start])
        at = link.end
    return " ".join([*parts, text[at:]])


def find_relations(text: str) -> Iterator[tuple[str, str]]:
    """Yield each relation in a status by its field, with the link or number of the other record."""
    links, at = _Links(text), 0
    while relation := _RELATION.search(text, at):
        at = relation.end()
        link = links.at(at) if text.startswith("[", at) else None
        number = _NUMBER.match(text, at)
        end = link.end if link else number.end() if number else at
        if end > at:
            yield RELATIONS[" ".join(relation[1].casefold().split())], text[at:end]
        at = end


def target_of(link: str) -> str:
    """Return what a link or number names: the name of a file without its ending, or a number."""
    found = next(find_links(link), None)
    if found is None or (found.start, found.end) != (0, len(link)):
        return re.sub(r"(?i)^ADR[- ]?", "", link)
    return found.target.partition("#")[0].rpartition("/")[2].removesuffix(".md")
