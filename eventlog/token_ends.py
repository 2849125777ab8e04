"""When the tokens of people and services end, as the log says it: kept in memory for callers who write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from domain.catalog import EVENT_NAMES
from domain.credentials import TokenCreated, TokenRevoked
from domain.fields import SubjectState
from domain.values import to_micros
from eventlog.entry import Entry

_TYPES: Final = frozenset({EVENT_NAMES[TokenCreated], EVENT_NAMES[TokenRevoked]})
MAX_HOLDERS: Final = 10_000


class _Ends(NamedTuple):
    """The ends of a holder's tokens, in the state from which they were read."""

    state: SubjectState
    by_token: Mapping[str, int]


class TokenEnds:
    """The time at which each token of a holder ends, by its id; reads only the entries that a state has more.

    A token is looked up when a request arrives, and what was found is used for a moment. So the log is asked once more
    when a command is decided: nothing is recorded with a token after the entry that revoked it.
    """

    def __init__(self, find_entry: Callable[[int], Entry | None]) -> None:
        """Read entries through `find_entry`."""
        self._find_entry = find_entry
        self._known: dict[str, _Ends] = {}

    def of(self, holder: SubjectState) -> Mapping[str, int]:
        """Return the ends in microseconds since 1970, 0 for a token that was revoked; tokens without an end are missing."""
        known = self._known.get(holder.subject)
        if known is not None and known.state is holder:
            return known.by_token
        after, ends = (known.state.position, dict(known.by_token)) if known is not None else (0, {})
        if after > holder.position:  # another thread has read a later state
            after, ends = 0, {}
        events = [
            self._find_entry(each) for each, event in holder.events.items() if each > after and event.type in _TYPES
        ]
        ends.update(filter(None, map(_end_of, events)))
        if None not in events:  # an entry that is not committed yet is found the next time
            self._remember(holder, ends)
        return ends

    def _remember(self, holder: SubjectState, ends: Mapping[str, int]) -> None:
        if len(self._known) >= MAX_HOLDERS:
            self._known.clear()
        self._known[holder.subject] = _Ends(holder, ends)


def _end_of(entry: Entry | None) -> tuple[str, int] | None:
    match entry.event if entry is not None else None:
        case TokenRevoked(token=token):
            return token, 0
        case TokenCreated(token=token, expires_at=expires_at) if expires_at is not None:
            return token, to_micros(expires_at)
    return None
