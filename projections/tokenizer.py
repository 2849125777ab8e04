"""Splits texts into words for search: lower case, without accents, split at everything but letters and digits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

SNIPPET_WORDS: Final = 16

_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_WORD: Final = re.compile(r"[^\W_]+")
_WORD_WITH_ACCENTS: Final = re.compile("(?:[^\\W_]|[\u0300-\u036f])+")


def fold_text(text: str) -> str:
    """Return the text in lower case and without accents."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text.lower())))


def tokenize(text: str) -> list[str]:
    """Return the words of a text, in order."""
    return _WORD.findall(fold_text(text))


def snippet(text: str, words: Sequence[str]) -> str:
    """Return the part of a text with most of the words searched for; words that start with one of them are between «
    and ».
    """
    found = list(_WORD_WITH_ACCENTS.finditer(text))
    hits = [fold_text(word[0]).startswith(tuple(words)) for word in found]
    start = _densest(hits)
    shown = list(zip(found, hits, strict=True))[start : start + SNIPPET_WORDS]
    if not shown:
        return text
    begin = 0 if start == 0 else shown[0][0].start()
    end = len(text) if start + SNIPPET_WORDS >= len(found) else shown[-1][0].end()
    parts, position = ["" if begin == 0 else "…"], begin
    for word, hit in shown:
        if hit:
            parts += [text[position : word.start()], "«", word[0], "»"]
            position = word.end()
    return "".join([*parts, text[position:end], "" if end == len(text) else "…"])


def _densest(hits: Sequence[bool]) -> int:
    """Return the start of the first window of `SNIPPET_WORDS` words with the most hits, moved to center them."""
    last = max(0, len(hits) - SNIPPET_WORDS)
    start = max(range(last + 1), key=lambda n: (sum(hits[n : n + SNIPPET_WORDS]), -n))
    within = [n for n in range(start, min(len(hits), start + SNIPPET_WORDS)) if hits[n]] or [start]
    return min(last, max(0, (within[0] + within[-1] + 1) // 2 - SNIPPET_WORDS // 2))
