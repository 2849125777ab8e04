"""What a status, a key or a heading of a decision record means: by our tables, and by one of a user (`--words FILE`)."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from interchange.adr.keyword_tables import HEADER, HEADINGS, STATUSES
from interchange.files import read_regular

MAX_WORDS_BYTES: Final = 256 * 1024
_MARKUP: Final = re.compile(r"[*_`~#>]+")
NOT_TEXT: Final = re.compile(r"<[^<>]{1,200}>|\{#[^{}]{0,100}\}|:[a-z0-9_+-]{1,40}:", re.IGNORECASE)
"""Tags of HTML, anchors and names of emojis."""
_NUMBERING: Final = re.compile(r"^(?:\d{1,3}(?:\.\d{1,3})*[.)]?|[ivxIVX]{1,4}[.)]|[a-zA-Z][.)])\s+")
_PLACEHOLDER: Final = re.compile(
    r"\{[^{}]*\}|<[^<>@/]*>|\[[^\[\]]*\](?!\()|\.\.\.|…|x{2,}|tbd|todo|n/a|(?:and |et )?(?:al\.?|others)|list everyone\b.*",
    re.IGNORECASE | re.DOTALL,
)


class WordsError(Exception):
    """A table of words is invalid; the message names the key and what is wrong with it."""


@dataclass(frozen=True)
class Words:
    """The words that are understood: statuses, keys of the header, headings of sections."""

    statuses: Mapping[str, str]
    header: Mapping[str, str]
    headings: Mapping[str, str]

    @cached_property
    def longest_status(self) -> int:
        """How many words the longest status has."""
        return max(len(status.split()) for status in self.statuses)

    def match_status(self, tokens: Sequence[str]) -> tuple[str, int] | None:
        """Return the status that most of the first words mean, and how many words these are; None if they mean none."""
        for length in range(min(len(tokens), self.longest_status), 0, -1):
            if found := self.statuses.get(" ".join(tokens[:length])):
                return found, length
        return None

    def field_of_key(self, key: str) -> str | None:
        """Return the field of a key in a header."""
        return self.header.get(fold(key)) or self.header.get(fold(key.replace("_", " ").replace("-", " ")))

    def field_of_heading(self, heading: str) -> str | None:
        """Return the field of a section, by its heading without numbering and decoration."""
        return self.headings.get(fold(heading))


DEFAULT_WORDS: Final = Words({key.strip(): value for key, value in STATUSES.items()}, HEADER, HEADINGS)
_STATUS_VALUES: Final = frozenset(STATUSES.values())


def load_words(path: Path) -> Words:
    """Read a table of words in TOML: `[status]`, `[header]` and `[headings]`, each of words and what they mean.

    Raises:
        WordsError: the file is not TOML, or a word means something that does not exist.
        OSError: the file cannot be read.
    """
    try:
        data = tomllib.loads(read_regular(path, MAX_WORDS_BYTES, follow=True).decode())
    except (ValueError, RecursionError) as error:
        raise WordsError(f"{path}: this is not TOML: {error}") from None
    allowed = {"status": _STATUS_VALUES, "header": set(HEADER.values()), "headings": set(HEADINGS.values())}
    for table, words in data.items():
        if table not in allowed or not isinstance(words, dict):
            raise WordsError(f"{path}: {table}: use the tables `status`, `header` and `headings`")
        for word, meaning in words.items():
            _require_known(path, table, word, meaning, allowed[table])
    own = {table: {fold(word): meaning for word, meaning in data.get(table, {}).items()} for table in allowed}
    return Words(
        {**DEFAULT_WORDS.statuses, **own["status"]}, {**HEADER, **own["header"]}, {**HEADINGS, **own["headings"]}
    )


def _require_known(path: Path, table: str, word: str, meaning: Any, allowed: Any) -> None:
    if meaning not in allowed:
        raise WordsError(f"{path}: {table}.{word}: {meaning!r} is not one of {', '.join(sorted(allowed))}")


def fold(text: str) -> str:
    """Return a heading or a key without numbering, decoration and case."""
    bare = unicodedata.normalize("NFC", _MARKUP.sub("", NOT_TEXT.sub("", text))).strip()
    bare = bare.strip(
        "".join(sorted({c for c in bare if unicodedata.category(c) in ("So", "Sk", "Cn", "Mn") or c in "\ufe0f\u200d"}))
        + " \t"
    )
    bare = _NUMBERING.sub("", bare).strip().rstrip(":：?").strip()
    return " ".join(bare.casefold().replace("&", " and ").split())


def is_placeholder(text: str) -> bool:
    """Whether a text is a placeholder of a template that is not filled in."""
    return _PLACEHOLDER.fullmatch(text.strip()) is not None
