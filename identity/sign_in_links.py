"""One-time links with which people sign in to the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from domain.credentials import CreateSignInLink
from domain.values import from_micros
from eventlog.entry import Caller
from identity.one_time_codes import OneTimeCodes
from identity.people_directory import Recorder

LIFETIME_S: Final = 15 * 60
FIRST_LIFETIME_S: Final = 24 * 60 * 60
"""Of the link that the first start prints: the person who installs a log may not open it at once."""
_KIND: Final = "sign-in link"


class SignInLinks:
    """The sign-in links of one log. `record` commits the event and the code together."""

    def __init__(self, codes: OneTimeCodes, record: Recorder, *, clock: Callable[[], int]) -> None:
        self._codes = codes
        self._record = record
        self._clock = clock

    def create(self, person: str, *, lifetime_s: int = LIFETIME_S, by: Caller | None = None) -> tuple[str, int]:
        """Create a link for a person; return its code, which cannot be read again, and when it expires.

        Raises:
            Forbidden: the caller is not an administrator.
            Malformed: it is not a person.
            Unknown: the log has no such person.
            NotAllowed: the person has left or was removed.
        """
        code, expires_at = self._codes.new(), self._clock() + lifetime_s * 1_000_000
        command = CreateSignInLink(subject=person, expires_at=from_micros(expires_at))
        data = {"person": person}
        self._record([command], lambda tables: self._codes.put(tables, _KIND, code, data, expires_at), by)
        return code, expires_at

    def redeem(self, code: str) -> str | None:
        """Return the person that a code is for, once; None if it is unknown, was used or has expired."""
        data = self._codes.redeem(_KIND, code)
        return str(data["person"]) if data else None
