"""Unsafe characters (terminal controls, direction overrides and invisible characters), and how to escape them.

Stored text may contain any of them, because a log keeps what it received, so every place that displays text escapes it
here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

CONTROLS: Final = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
"""C0 controls except tab and line feed, DEL, and C1 controls, as members of a character class."""
HIDDEN: Final = (
    # Soft hyphen, Arabic letter mark, fillers of Hangul and Khmer, Mongolian vowel separator, zero-width characters.
    r"\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f"
    # Line and paragraph separators, embeddings and overrides of direction, invisible operators, isolates.
    r"\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    # Musical format controls, and tags, an alphabet that no font displays.
    r"\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
"""Characters that are invisible or change the direction of what follows, as members of a character class."""
SURROGATES: Final = r"\ud800-\udfff"
_JOINERS: Final = "\u200c\u200d"
_JOINABLE: Final = frozenset({"So", "Sk", "Lo", "Mn", "Mc"})
"""Categories of characters after which a joiner is part of a letter or an emoji, and is kept."""
_UNSAFE: Final = re.compile(rf"\r\n|[{CONTROLS}{HIDDEN}{SURROGATES}]")


def escape_unsafe(text: str, write: Callable[[str], str] | None = None) -> str:
    r"""Return the text with each unsafe character replaced by `write`, or by default by its JSON escape, such as `\u001b`.

    Tab, line feed and `\r\n` are layout and stay. Joiners stay in emoji and in scripts that use them.
    """
    escape = write or escape_character

    def replace(match: re.Match[str]) -> str:
        found = match[0]
        if found == "\r\n" or (found in _JOINERS and _joins(text, match.start())):
            return found
        return escape(found)

    return _UNSAFE.sub(replace, text)


def escape_character(character: str) -> str:
    r"""Return the JSON escape of a character: `\u001b`; beyond U+FFFF as two surrogates."""
    encoded = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{encoded[index : index + 2].hex()}" for index in range(0, len(encoded), 2))


def _joins(text: str, index: int) -> bool:
    return index > 0 and unicodedata.category(text[index - 1]) in _JOINABLE
