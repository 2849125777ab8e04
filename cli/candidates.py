"""What may be meant by a name: subjects and people with every name by which they are found."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from domain.ids import key_of

MAX_CANDIDATES: Final = 7
MAX_SIMILAR: Final = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subject that may be meant, and every name by which it is found."""

    subject: str
    title: str
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        """What it is called, for a person who chooses."""
        return f"{self.title} ({self.subject})" if self.title else self.subject


def fold(text: str) -> str:
    """Return the form that spellings share which differ only in case, spaces or accent composition."""
    return unicodedata.normalize("NFC", " ".join(text.split())).casefold()


def build_candidate(subject: str, title: str, more: Iterable[str]) -> Candidate:
    """Return a subject with the names by which it is found."""
    names = (title, subject, key_of(subject), *more)
    return Candidate(subject, title, tuple(dict.fromkeys(fold(each) for each in names if each)))


def find_similar(wanted: str, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates with a name, or a word of a name, that is spelled nearly like what is wanted."""
    from difflib import get_close_matches  # noqa: PLC0415  (only for what is not found)

    by_name: dict[str, dict[str, Candidate]] = {}
    for candidate in candidates:
        for name in candidate.names:
            for part in (name, *name.split()):
                by_name.setdefault(part, {})[candidate.subject] = candidate
    close = get_close_matches(wanted, by_name, MAX_CANDIDATES, 0.7)
    found = {subject: each for name in close for subject, each in by_name[name].items()}
    return list(found.values())[:MAX_CANDIDATES]
