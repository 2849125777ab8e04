"""Words as search knows them: in lower case, without accents, cut at whatever is neither letter nor digit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

SHOWN: Final = 16
"""The words of a snippet."""

_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_WORD: Final = re.compile(r"[^\W_]+")
_WORD_WITH_ACCENTS: Final = re.compile("(?:[^\\W_]|[\u0300-\u036f])+")


def fold_text(text: str) -> str:
    """The text in lower case and without accents."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text.lower())))


def tokenize(text: str) -> list[str]:
    """The words of a text, in order."""
    return _WORD.findall(fold_text(text))


def snippet(text: str, sought: Sequence[str]) -> str:
    """Some words of a text, where most of those sought are; words that begin as one of them stand between « and »."""
    found = list(_WORD_WITH_ACCENTS.finditer(text))
    hits = [fold_text(word[0]).startswith(tuple(sought)) for word in found]
    start = _densest(hits)
    shown = list(zip(found, hits, strict=True))[start : start + SHOWN]
    if not shown:
        return text
    begin = 0 if start == 0 else shown[0][0].start()
    end = len(text) if start + SHOWN >= len(found) else shown[-1][0].end()
    parts, at = ["" if begin == 0 else "…"], begin
    for word, hit in shown:
        if hit:
            parts += [text[at : word.start()], "«", word[0], "»"]
            at = word.end()
    return "".join([*parts, text[at:end], "" if end == len(text) else "…"])


def _densest(hits: Sequence[bool]) -> int:
    """Where the first window of `SHOWN` words with the most hits begins, moved so that they stand in its middle."""
    last = max(0, len(hits) - SHOWN)
    start = max(range(last + 1), key=lambda n: (sum(hits[n : n + SHOWN]), -n))
    within = [n for n in range(start, min(len(hits), start + SHOWN)) if hits[n]] or [start]
    return min(last, max(0, (within[0] + within[-1] + 1) // 2 - SHOWN // 2))
