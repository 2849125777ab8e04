"""Characters that act on whatever shows them, or hide: which they are, and how text is shown without them.

Stored text may hold any of them: a log keeps what it was given. So every place that shows text asks here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

CONTROLS: Final = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
"""C0 controls but tab and line feed, DEL, and C1 controls, as members of a character class."""
HIDDEN: Final = (
    # Soft hyphen, Arabic letter mark, fillers of Hangul and Khmer, Mongolian vowel separator, zero-width characters.
    r"\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f"
    # Line and paragraph separators, embeddings and overrides of direction, invisible operators, isolates.
    r"\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    # Musical format controls, and tags: a second alphabet that no font shows.
    r"\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
"""Characters that take no room or turn the direction of what follows, as members of a character class."""
SURROGATES: Final = r"\ud800-\udfff"
_JOINERS: Final = "\u200c\u200d"
_JOINED: Final = frozenset({"So", "Sk", "Lo", "Mn", "Mc"})
"""Categories of what a joiner follows where it is part of a letter or an emoji: it is kept there, and nowhere else."""
_UNSAFE: Final = re.compile(rf"\r\n|[{CONTROLS}{HIDDEN}{SURROGATES}]")


def escape_unsafe(text: str, written: Callable[[str], str] | None = None) -> str:
    r"""Return the text with each unsafe character written out: as JSON writes it, such as `\u001b`, or as `written` says.

    Tab, line feed and `\r\n` are layout and stay. Joiners stay in emoji and in scripts that write with them.
    """
    write = written or escape_character

    def replace(match: re.Match[str]) -> str:
        found = match[0]
        if found == "\r\n" or (found in _JOINERS and _joins(text, match.start())):
            return found
        return write(found)

    return _UNSAFE.sub(replace, text)


def escape_character(character: str) -> str:
    r"""Return a character as JSON writes it: `\u001b`; beyond U+FFFF as two surrogates."""
    transactions = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{transactions[place : place + 2].hex()}" for place in range(0, len(transactions), 2))


def is_unsafe(character: str) -> bool:
    """Whether a character acts on a terminal, turns the direction of a line, or hides. Tab and line feed do not."""
    return _UNSAFE.fullmatch(character) is not None


def _joins(text: str, place: int) -> bool:
    return place > 0 and unicodedata.category(text[place - 1]) in _JOINED
