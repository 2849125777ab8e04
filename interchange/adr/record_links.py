"""Find Markdown links, and the relations to other records in a status, in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

RELATIONS: Final = {
    "superseded by": "superseded_by",
    "superceded by": "superseded_by",
    "amended by": "amended_by",
    "amends": "amends",
}
_RELATION: Final = re.compile(rf"\b({'|'.join(RELATIONS)})(?:\s*+:\s++|\s++)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"(?:ADR[- ]?)?[0-9]{1,6}\b", re.IGNORECASE)
_LABEL_END: Final = re.compile(r"\]")
_TARGET_END: Final = re.compile(r"[)\s]")


class Link(NamedTuple):
    """A link such as `[One](0001-one.md)`: its start and end in the text, and its target."""

    start: int
    end: int
    target: str


class _Finder:
    """Finds the next match of a pattern from ever later positions, and scans the text only once."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._pattern = pattern
        self._text = text
        self._at = -1

    def find(self, start: int) -> int:
        """Return the position of the first match from `start` on, or the length of the text."""
        if self._at < start:
            found = self._pattern.search(self._text, start)
            self._at = found.start() if found else len(self._text)
        return self._at


class _LinkReader:
    """Reads links at ever later positions of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._label_end = _Finder(_LABEL_END, text)
        self._target_end = _Finder(_TARGET_END, text)

    def at(self, start: int) -> Link | None:
        """Return the link whose opening bracket is at `start`, or None."""
        target_start = self._label_end.find(start + 1) + 2
        if not self._text.startswith("(", target_start - 1):
            return None
        end = self._target_end.find(target_start)
        return Link(start, end + 1, self._text[target_start:end]) if self._text.startswith(")", end) else None

    def skip(self, start: int) -> int:
        """Return where to continue after a bracket that starts no link: no other bracket up to there starts one either."""
        return self._label_end.find(start + 1) + 1


def find_links(text: str) -> Iterator[Link]:
    """Yield the links of a text, from left to right."""
    links, at = _LinkReader(text), text.find("[")
    while at >= 0:
        link = links.at(at)
        if link is not None:
            yield link
        at = text.find("[", link.end if link else links.skip(at))


def without_links(text: str) -> str:
    """Return a text with each link replaced by a space."""
    parts, at = [], 0
    for link in find_links(text):
        parts.append(text[at : link.start])
        at = link.end
    return " ".join([*parts, text[at:]])


def find_relations(text: str) -> Iterator[tuple[str, str]]:
    """Yield each relation in a status by its field, with the link or number of the other record."""
    links, at = _LinkReader(text), 0
    while relation := _RELATION.search(text, at):
        at = relation.end()
        link = links.at(at) if text.startswith("[", at) else None
        number = _NUMBER.match(text, at)
        end = link.end if link else number.end() if number else at
        if end > at:
            yield RELATIONS[" ".join(relation[1].casefold().split())], text[at:end]
        at = end


def target_of(link: str) -> str:
    """Return what a link or number refers to: a file name without extension, or a number."""
    found = next(find_links(link), None)
    if found is None or (found.start, found.end) != (0, len(link)):
        return re.sub(r"(?i)^ADR[- ]?", "", link)
    return found.target.partition("#")[0].rpartition("/")[2].removesuffix(".md")
