"""The whole audit trail: entries of the log and rows of the access journal, in one list by time.

Both keep what they are: the log is kept for good and published, the journal has a retention period and a hash chain of
its own. Only the list is one, so that an auditor sees who read or was refused what between two changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter
from typing import Final

from domain.values import format_micros
from identity.access_journal import AccessFilter, AccessJournal, AccessRow
from projections.answer_types.activity import ActivityCounts, ActivityRow
from projections.answer_types.audit import AuditEvent
from projections.queries import audit
from projections.queries.audit import AuditFilter
from projections.queries.own_reasons import find_own_reason
from projections.queries.paging import Answer, build_answer, decode_cursor, encode_cursor
from projections.queries.timepoint import NOW, resolve_time
from projections.read_model.model import Read

LOG: Final = "log"
ACCESS: Final = "access"
SOURCES: Final = (LOG, ACCESS)


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Which events and rows a query covers; all that is given must match.

    `types` are types of events and `kinds` kinds of access: if only one of both is given, only that source is read. The
    period is half open, in microseconds, and of the time of recording.
    """

    sources: Sequence[str] = ()
    types: Sequence[str] = ()
    kinds: Sequence[str] = ()
    who: Sequence[str] = ()
    since: int | None = None
    until: int | None = None

    def reads(self, source: str) -> bool:
        """Return whether rows of a source can match."""
        own, other = (self.types, self.kinds) if source == LOG else (self.kinds, self.types)
        return source in (self.sources or SOURCES) and (bool(own) or not other)

    @property
    def events(self) -> AuditFilter:
        """The filter for the entries of the log."""
        return AuditFilter(by=self.who, types=self.types, recorded=(self.since, self.until))

    @property
    def access(self) -> AccessFilter:
        """The filter for the rows of the access journal."""
        return AccessFilter(self.kinds, self.who, self.since, self.until)


def list_activity(
    read: Read, journal: AccessJournal, selection: ActivityFilter, *, limit: int, cursor: str | None = None
) -> Answer[ActivityRow, ActivityCounts]:
    """Return what matches, newest first, and how much there is of each kind in all.

    Raises:
        BadCursor: the cursor is not of an answer to this query.
    """
    position, number = decode_cursor(cursor, int, int) if cursor is not None else (None, None)
    events, has_more_events = _read_events(read, selection, limit, position)
    accesses = _read_access(journal, selection, limit + 1, number)
    found = list(merge(events, map(_access_row, accesses), key=itemgetter("at"), reverse=True))
    # Beyond the last event that was read, access is shown only after the events between them.
    complete = found.index(events[-1]) + 1 if has_more_events else len(found)
    shown = found[: min(limit, complete)]
    following = encode_cursor(*_end_of(shown, position, number)) if has_more_events or len(found) > limit else None
    about = count_activity(read, journal, selection)
    return build_answer(resolve_time(read, NOW), shown, next_cursor=following, about=about)


def count_activity(read: Read, journal: AccessJournal, selection: ActivityFilter) -> ActivityCounts:
    """Return how many events there are of each type, and how many attempts of each kind of access."""
    types = audit.count_events(read, selection.events).types if selection.reads(LOG) else {}
    return {"types": types, "kinds": journal.count(selection.access) if selection.reads(ACCESS) else {}}


def _read_events(
    read: Read, selection: ActivityFilter, limit: int, before: int | None
) -> tuple[list[ActivityRow], bool]:
    """Return the next events, fewer if they are large, and whether there are more."""
    if not selection.reads(LOG):
        return [], False
    cursor = None if before is None else encode_cursor(before)
    answer = audit.audit(read, selection.events, limit=limit, cursor=cursor)
    return [_event_row(each) for each in answer.rows], answer.next is not None


def _read_access(
    journal: AccessJournal, selection: ActivityFilter, limit: int, before: int | None
) -> Sequence[AccessRow]:
    return journal.rows(selection.access, limit=limit, before=before) if selection.reads(ACCESS) else []


def _end_of(shown: Sequence[ActivityRow], position: int | None, number: int | None) -> tuple[int, int]:
    """Return the last position and the last number that were shown, or else those from which the page began."""
    positions = [row["position"] for row in shown if row["position"] is not None]
    numbers = [row["number"] for row in shown if row["number"] is not None]
    return positions[-1] if positions else position or _ALL, numbers[-1] if numbers else number or _ALL


_ALL: Final = 2**53
"""Above every position and number: nothing of that source was shown yet."""


def _event_row(event: AuditEvent) -> ActivityRow:
    principal, actor = event["principal"], event["actor"]
    return {
        "at": event["recorded_at"],
        "source": "log",
        "kind": event["type"],
        "who": actor,
        "on_behalf_of": principal if principal != actor else None,
        "credential": event["credential"],
        "subject": event["subject"],
        "what": None,
        "because": event["because"],
        "reason": find_own_reason(event["type"], event["data"]) or event.get("note"),
        "mentions": [],
        "times": 1,
        "position": event["position"],
        "number": None,
    }


def _access_row(row: AccessRow) -> ActivityRow:
    return {
        "at": format_micros(row.at),
        "source": "access",
        "kind": row.kind,
        "who": row.who or None,
        "on_behalf_of": None,
        "credential": row.credential or None,
        "subject": None,
        "what": row.what or None,
        "because": [],
        "reason": row.reason or None,
        "mentions": row.mentions,
        "times": row.times,
        "position": None,
        "number": row.number,
    }
