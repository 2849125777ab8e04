"""Splits texts into words for search: in one case, without accents, split at everything but letters and digits.

Chinese, Japanese and Korean are written without spaces or with few, so their runs of characters are split into pairs that
overlap, as full-text indexes do for these languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

SNIPPET_WORDS: Final = 16

_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_CJK: Final = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Han, Hiragana, Katakana and Hangul, as part of a character class."""
_ASCII_WORD: Final = re.compile("[a-z0-9]+")
_WORD: Final = re.compile(f"(?P<run>[{_CJK}]+)|(?:(?![{_CJK}])[^\\W_])+")
_WORD_WITH_ACCENTS: Final = re.compile("(?:[^\\W_]|[\u0300-\u036f])+")


def fold_text(text: str) -> str:
    """Return the text in one case, without accents, and with the usual form of each character: `ß` as `ss`, `ｱ` as `ア`."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed)).casefold()


def tokenize(text: str) -> list[str]:
    """Return the words of a text, in order. A run of characters without spaces gives its pairs and its last character."""
    folded = fold_text(text)
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    return [word for match in _WORD.finditer(folded) for word in _split(match)]


def _split(match: re.Match[str]) -> Iterator[str]:
    if match["run"] is None:
        yield match[0]
    else:
        yield from (match[0][n : n + 2] for n in range(len(match[0])))


def snippet(text: str, words: Sequence[str]) -> str:
    """Return the part of a text with most of the words searched for; words that start with one of them are between «
    and ».
    """
    found = list(_WORD_WITH_ACCENTS.finditer(text))
    hits = [any(token.startswith(tuple(words)) for token in tokenize(word[0])) for word in found]
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
