"""Text for a field of CSV that no spreadsheet takes for a formula. Every field of every CSV passes here."""

from __future__ import annotations

import re
from typing import Final

_STARTS: Final = (
    r"=+\-@\u207a-\u207c\u208a-\u208c\u2212\u2a75\u2a76\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
)
"""What a formula starts with, and every character that Unicode normalization (NFKC) makes that of, and the minus sign."""
_SEPARATORS: Final = r";,|\t\r\n"
"""What some programs take for the end of a field, quoted or not."""
_SKIPPED: Final = (
    # Controls and spaces; a quotation mark, which sloppy readers remove.
    r"\x00-\x20\x22\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    # Format characters, and what else Unicode says is not shown (Default_Ignorable_Code_Point).
    r"\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\ud800-\udfff\U000110bd\U000110cd"
    r"\U00013430-\U00013438\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""What may stand before a formula without being seen."""
_RUN: Final = _SEPARATORS + _SKIPPED
# The look-behind lets only whole runs match: without it a long run would be tried from each of its characters.
_FORMULA: Final = re.compile(rf"(?:^|(?<![{_RUN}])(?=[{_RUN}]))(?P<before>[{_RUN}]*)(?P<start>[{_STARTS}])")
_LAYOUT: Final = re.compile(r"(^|[;,|])(?=[\t\r\n])")
_LAST_SEPARATOR: Final = re.compile(rf"(?s).*[{_SEPARATORS}]")


def neutralize_formulas(text: str) -> str:
    """Return the text with an apostrophe before all that could be a formula (OWASP, CSV injection).

    A formula is one at the start, or after what some programs take for the end of a field; also behind characters that
    are not seen, and in full width. A tab or a line break at these places counts as one.
    """
    return _FORMULA.sub(_mark, _LAYOUT.sub(r"\1'", text))


def _mark(match: re.Match[str]) -> str:
    separated = _LAST_SEPARATOR.match(match["before"])
    if separated:
        place = separated.end()
        return f"{match['before'][:place]}'{match['before'][place:]}{match['start']}"
    return match[0] if match.start() else f"'{match[0]}"
