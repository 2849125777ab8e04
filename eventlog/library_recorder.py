"""The log as a recorder of the `eventsourcing` library, with its notifications and subscriptions.

`LogRecorder` passes the library's contract tests (tests/eventlog/test_library_contract.py), so whatever is written with
the library's application, projections and runners works on this log. See `eventlog.library_application`.

The library's `state` of an event is its canonical JSON and, after a line break, its erasable texts. Canonical JSON has
no raw line break, so the two are separated without parsing.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    ListenNotifySubscription,
    Notification,
    StoredEvent,
)

from eventlog.records import Append, Conflict, EntryRow, NewEvent
from eventlog.sql import LAST
from eventlog.store import Store


@dataclass(frozen=True)
class LogNotification(Notification):
    """A notification with the recorded time of its event, in microseconds since 1970. Its id is the position."""

    recorded_at: int


class LogRecorder(ApplicationRecorder):
    """A recorder over a store. Streams have text ids; a stream may start at version 0 or 1."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Append events as one transaction and wait for the commit.

        Raises:
            IntegrityError: a stream has a newer version; nothing was written.
        """
        if not stored_events:
            return []
        outcome = self.store.submit([Append(tuple(map(_new_event, stored_events)))]).result()[0]
        if isinstance(outcome, Conflict):
            raise IntegrityError(f"{outcome.subject} is at version {outcome.version}")
        if isinstance(outcome, Exception):
            raise outcome
        return [row.position for row in outcome]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[LogNotification]:
        """Return the events of one stream, in order of version."""
        found = self.store.stream(
            str(originator_id),
            after=-1 if gt is None else gt,
            until=LAST if lte is None else lte,
            limit=LAST if limit is None else limit,
            descending=desc,
        )
        return [_notification(row) for row in found]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[LogNotification]:
        """Return events of the whole log in order, all or those of some types."""
        after = (start or 0) - (1 if inclusive_of_start else 0)
        found = self.store.rows(after, limit, until=LAST if stop is None else stop, types=topics)
        return [_notification(row) for row in found]

    def max_notification_id(self) -> int | None:
        """Return the last position, or None if the log is empty."""
        return self.store.head().size or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LogSubscription:
        """Return a subscription: every event after `gt`, then each new one."""
        return LogSubscription(self, gt, topics)


class LogSubscription(ListenNotifySubscription[LogRecorder]):
    """The library's subscription, woken by commits. With topics, it also advances past events that do not match."""

    def __init__(self, recorder: LogRecorder, gt: int | None, topics: Sequence[str]) -> None:
        self._wake_lock = threading.Lock()
        super().__init__(recorder, gt, topics)
        recorder.store.listeners.append(self._wake)
        self._has_been_notified.set()  # for events committed before it listened

    def stop(self) -> None:
        """End the iteration."""
        super().stop()
        with self._wake_lock:
            if self._wake in self._recorder.store.listeners:
                self._recorder.store.listeners.remove(self._wake)

    def _wake(self, _size: int) -> None:
        self._has_been_notified.set()

    def _pull(self) -> None:
        seen = self._recorder.store.head().size
        super()._pull()
        # Every matching event up to this size has been returned, so the next pull starts after it.
        if not self._has_been_stopped:
            self._last_notification_id = max(self._last_notification_id or 0, seen)


def _new_event(stored: StoredEvent) -> NewEvent:
    own, line_break, texts = stored.state.partition(b"\n")
    return NewEvent(
        str(stored.originator_id), stored.originator_version, stored.topic, own, texts if line_break else None
    )


def _notification(row: EntryRow) -> LogNotification:
    state = row.event if row.texts is None else row.event + b"\n" + row.texts
    return LogNotification(
        originator_id=row.subject,
        originator_version=row.version,
        topic=row.type,
        state=state,
        id=row.position,
        recorded_at=row.recorded_at,
    )
