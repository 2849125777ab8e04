"""Protection against CSV injection: every field of every CSV file passes through here."""

from __future__ import annotations

import re
from typing import Final

_STARTS: Final = (
    r"=+\-@\u207a-\u207c\u208a-\u208c\u2212\u2a75\u2a76\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
)
"""Characters that start a formula, including the minus sign and all that Unicode normalization (NFKC) maps to them."""
_SEPARATORS: Final = r";,|\t\r\n"
"""Characters that some programs treat as the end of a field, even in quotes."""
_SKIPPED: Final = (
    # Controls and spaces, and the quotation mark, which some readers remove.
    r"\x00-\x20\x22\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    # Format characters and other invisible ones (Default_Ignorable_Code_Point).
    r"\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\ud800-\udfff\U000110bd\U000110cd"
    r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Invisible characters that can precede a formula."""
_RUN: Final = _SEPARATORS + _SKIPPED
# The look-behind matches only whole runs: without it a long run would be tried from each of its characters.
_FORMULA: Final = re.compile(rf"(?:^|(?<![{_RUN}])(?=[{_RUN}]))(?P<before>[{_RUN}]*)(?P<start>[{_STARTS}])")
_LAYOUT: Final = re.compile(r"(^|[;,|])(?=[\t\r\n])")
_LAST_SEPARATOR: Final = re.compile(rf"(?s).*[{_SEPARATORS}]")


def neutralize_formulas(text: str) -> str:
    """Return the text with an apostrophe before everything that could be a formula (OWASP, CSV injection).

    A formula can be at the start or after a field separator, after invisible characters, and in full-width characters.
    A tab or a line break in these places counts as one.
    """
    return _FORMULA.sub(_quote, _LAYOUT.sub(r"\1'", text))


def _quote(match: re.Match[str]) -> str:
    separated = _LAST_SEPARATOR.match(match["before"])
    if separated:
        end = separated.end()
        return f"{match['before'][:end]}'{match['before'][end:]}{match['start']}"
    return match[0] if match.start() else f"'{match[0]}"
