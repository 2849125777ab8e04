"""The log as the `eventsourcing` library sees it: a recorder, its notifications and its subscriptions.

The library's `state` of an event is its own part and, after a line break, its texts; canonical JSON never holds a raw
line break, so nothing has to be parsed to take them apart.
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
)  # fmt: skip

from eventlog.appender import Append, Conflict, EntryRow, NewEvent
from eventlog.store import LAST, Store


@dataclass(frozen=True)
class LogNotification(Notification):
    """A notification that says when its event was recorded, in microseconds since 1970; its id is the position."""

    recorded_at: int


class LogRecorder(ApplicationRecorder):
    """The library's recorder over a store. Streams have text ids; a stream may start at version 0 or 1."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Appends events as one unit and waits until they are committed.

        Raises:
            IntegrityError: a stream has moved; nothing was written.
        """
        if not stored_events:
            return []
        outcome = self.store.submit([Append(tuple(map(_new_event, stored_events)))]).result()[0]
        if isinstance(outcome, Conflict):
            msg = f"{outcome.subject} is at version {outcome.version}"
            raise IntegrityError(msg)
        if isinstance(outcome, Exception):
            raise outcome
        return [row.position for row in outcome]

    def select_events(
        self, originator_id: UUID | str, *, gt: int | None = None, lte: int | None = None, desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[LogNotification]:  # fmt: skip
        """The events of one stream, in the order of their versions."""
        found = self.store.stream(
            str(originator_id), after=-1 if gt is None else gt, until=LAST if lte is None else lte,
            limit=LAST if limit is None else limit, descending=desc,
        )  # fmt: skip
        return [_notification(row) for row in found]

    def select_notifications(
        self, start: int | None, limit: int, stop: int | None = None, topics: Sequence[str] = (), *,
        inclusive_of_start: bool = True,
    ) -> Sequence[LogNotification]:  # fmt: skip
        """Events of the whole log in order, all or those of some types."""
        after = (start or 0) - (1 if inclusive_of_start else 0)
        found = self.store.rows(after, limit, until=LAST if stop is None else stop, types=topics)
        return [_notification(row) for row in found]

    def max_notification_id(self) -> int | None:
        """The last position, or None in an empty log."""
        return self.store.head().size or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LogSubscription:
        """Everything after `gt`, then whatever is recorded, for ever."""
        return LogSubscription(self, gt, topics)


class LogSubscription(ListenNotifySubscription[LogRecorder]):
    """The library's subscription, woken by commits. With topics it moves on over what does not match."""

    def __init__(self, recorder: LogRecorder, gt: int | None, topics: Sequence[str]) -> None:
        self._wake_lock = threading.Lock()
        super().__init__(recorder, gt, topics)
        recorder.store.listeners.append(self._woken)
        self._has_been_notified.set()  # for what was committed before it listened

    def stop(self) -> None:
        """Ends the iteration."""
        super().stop()
        with self._wake_lock:
            if self._woken in self._recorder.store.listeners:
                self._recorder.store.listeners.remove(self._woken)

    def _woken(self, _size: int) -> None:
        self._has_been_notified.set()

    def _pull(self) -> None:
        seen = self._recorder.store.head().size
        super()._pull()
        # All that matches up to the size before the pull has been handed out: the next one starts behind it.
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
        originator_id=row.subject, originator_version=row.version, topic=row.type, state=state,
        id=row.position, recorded_at=row.recorded_at,
    )  # fmt: skip
