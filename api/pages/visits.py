"""When a reader last looked, kept in a cookie of their browser, so that pages can say what changed since."""

from __future__ import annotations

from typing import Final

from fastapi import Request

LOOKED_COOKIE: Final = "decisionlog-looked"
"""Three times in microseconds since 1970: the end of the last visit, the beginning of this one, and the last page."""
VISIT_S: Final = 30 * 60
"""A visit ends when no page was opened for this long."""
DEFAULT_DAYS: Final = 30
DAY_US: Final = 86_400 * 1_000_000
_MAX_DIGITS: Final = 17


def find_visits(request: Request, now: int) -> tuple[int, int]:
    """Return when the reader last looked before this visit, and when this visit began, in microseconds since 1970.

    The cookie is the reader's own: what is no time in it counts as missing. Without one, the last visit was a month ago.
    """
    parts = request.cookies.get(LOOKED_COOKIE, "").split(".")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) <= _MAX_DIGITS for part in parts):  # noqa: PLR2004
        return now - DEFAULT_DAYS * DAY_US, now
    before, started, seen = map(int, parts)
    if now - seen > VISIT_S * 1_000_000:
        return min(seen, now), now
    return min(before, now), started
