"""The `eventsourcing` application over the log: its mapper, its factory, and the states that it folds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast

from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    Mapper,
    PersistenceError,
    ProcessRecorder,
    ProgrammingError,
    StoredEvent,
    TrackingRecorder,
    Transcoder,
)  # fmt: skip
from eventsourcing.utils import Environment

from domain.any_subject import TextsErased
from domain.catalog import EVENT_NAMES
from domain.fields import SubjectState, evolve
from eventlog import codec
from eventlog.appender import Append, EntryRow
from eventlog.entry import Entry
from eventlog.reading import LongReadError
from eventlog.recorder import LogNotification, LogRecorder
from eventlog.state_cache import StateCache
from eventlog.store import LAST, Store

CACHED_STATES = 20_000
RECENT_ENTRIES = 4_096
ENTRIES_PER_READ = 1_000
ERASURE = EVENT_NAMES[TextsErased]


class LogMapper(Mapper[str]):
    """Between entries and stored events. Types are the names of the catalogue, never module paths."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        super().__init__(transcoder=cast("Transcoder", None))  # the codec is the transcoder
        self._entropy = entropy

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """The stored form of an entry; its position and instant are the log's to give."""
        entry = cast("Entry", domain_event)
        own, texts = codec.encode(entry.event, entry.metadata, self._entropy)
        return StoredEvent(
            originator_id=entry.subject, originator_version=entry.version, topic=EVENT_NAMES[type(entry.event)],
            state=own if texts is None else own + b"\n" + texts,
        )  # fmt: skip

    def to_domain_event(self, stored_event: StoredEvent) -> Entry:
        """The entry behind a notification of this log."""
        found = cast("LogNotification", stored_event)
        own, _, texts = found.state.partition(b"\n")
        return codec.decode(
            position=found.id, subject=str(found.originator_id), version=found.originator_version,
            type_=found.topic, recorded_at=found.recorded_at, own=own, texts=texts or None,
        )  # fmt: skip


class LogFactory(InfrastructureFactory[TrackingRecorder]):
    """Hands the library the one store there is."""

    def __init__(self, env: Environment, store: Store, entropy: Callable[[int], bytes]) -> None:
        super().__init__(env)
        self._store = store
        self._entropy = entropy

    def mapper(self, *_: Any, **__: Any) -> Any:
        """The log's own mapper."""
        return LogMapper(self._entropy)

    def application_recorder(self) -> ApplicationRecorder:
        """The log's own recorder."""
        return LogRecorder(self._store)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """There is none but the application's.

        Raises:
            ProgrammingError: always; snapshots stay off.
        """
        msg = f"the log keeps no {purpose} apart"
        raise ProgrammingError(msg)

    def tracking_recorder(self, tracking_recorder_class: type[TrackingRecorder] | None = None) -> TrackingRecorder:
        """There is none: read models keep their own position.

        Raises:
            ProgrammingError: always.
        """
        msg = f"the log tracks nobody, not even for {tracking_recorder_class}"
        raise ProgrammingError(msg)

    def process_recorder(self) -> ProcessRecorder:
        """There is none: read models keep their own position.

        Raises:
            ProgrammingError: always.
        """
        msg = "the log processes no events"
        raise ProgrammingError(msg)


class LogApplication(Application[str]):
    """The library's application: event store and subscriptions over one store, and what is at hand of both."""

    name = "decisionlog"
    env: ClassVar[dict[str, str]] = {}

    def __init__(self, store: Store, entropy: Callable[[int], bytes]) -> None:
        self._store = store
        self._entropy = entropy
        self._recent: OrderedDict[int, Entry] = OrderedDict()
        self._states = StateCache(CACHED_STATES)
        self._forgotten = store.known.size
        """Up to where it is known which texts were erased; what is cached is read later."""
        self._learning = threading.Lock()
        super().__init__()
        store.learn = self.on_committed
        store.moved = self._states.moved
        store.forget = self.on_erased

    def construct_factory(self, env: Environment) -> InfrastructureFactory:
        """The factory over the store, whatever the environment says."""
        return LogFactory(env, self._store, self._entropy)

    def state(self, subject: str, *, at_most: int | None = None) -> SubjectState:
        """A subject as the rules see it, as of the last commit; version 0 when the log has never heard of it.

        Raises:
            LongReadError: more than `at_most` entries would have to be read.
        """
        age = self._states.age
        known = self._states.base(subject)
        state, after = known or SubjectState(subject), known.version if known else -1
        limit = ENTRIES_PER_READ if at_most is None else at_most + 1
        while new := self._store.stream(subject, after=after, limit=limit):
            if at_most is not None and len(new) > at_most:
                raise LongReadError(lambda: self.state(subject))
            state, after = fold(state, map(codec.read_back, new)), new[-1].version
            if len(new) < limit:
                break
        if state.version:
            self._states.put(state, age)
        return state

    def cached_state(self, subject: str) -> SubjectState | None:
        """A subject as this process last knew it; None if it does not know."""
        return self._states.get(subject)

    def on_committed(self, append: Append, rows: Sequence[EntryRow]) -> None:
        """Remembers what was just written, so that neither a rule nor a projection has to read it back.

        Called by the writer for each append, in order of position.
        """
        with self._learning:
            for entry, row in zip(append.entries, rows, strict=False):  # the library's own appends bring no entries
                # Somebody else may have forgotten it between the commit and now.
                if row.position > self._forgotten:
                    self._learn(replace(entry, position=row.position, recorded_at=row.recorded_at))
        if append.erased_positions:
            self._forget(append.erased_positions, rows[-1].position)

    def on_erased(self, size: int) -> None:
        """Drops what is cached and holds texts that were erased by the first `size` entries, whoever wrote them."""
        erased: list[int] = []
        try:
            for row in self._store.rows(self._forgotten, LAST, until=size, types=(ERASURE,)):
                erased += cast("TextsErased", codec.read_back(row).event).positions
        except PersistenceError:
            self.clear_cache()
        self._forget(erased, size)

    def _forget(self, positions: Sequence[int], size: int) -> None:
        try:
            subjects = self._store.subjects_at(positions)
        except PersistenceError:  # what is not known to be free of them has to go
            self.clear_cache()
            subjects = set()
        with self._learning:
            self._forgotten = max(self._forgotten, size)
            for position in positions:
                self._recent.pop(position, None)
            self._states.drop(subjects)

    def clear_cache(self) -> None:
        """Drop all that is cached."""
        with self._learning:
            self._recent = OrderedDict()
            self._states.clear()

    def _learn(self, entry: Entry) -> None:
        self._recent[entry.position] = entry
        if len(self._recent) > RECENT_ENTRIES:
            self._recent.popitem(last=False)
        self._learn_state(entry)

    def _learn_state(self, entry: Entry) -> None:
        known = self._states.get(entry.subject) or SubjectState(entry.subject)
        if known.version == entry.version - 1:
            self._states.put(apply_entry(known, entry), self._states.age)

    def recent(self, after: int, limit: int) -> list[Entry]:
        """Entries after a position that were written so recently that they are at hand; none, if the first is not."""
        found: list[Entry] = []
        at_hand = self._recent  # as it is now; others write at the same time, so there may be gaps
        while len(found) < limit and (entry := at_hand.get(after + 1 + len(found))):
            found.append(entry)
        return found


def fold(state: SubjectState, entries: Iterable[Entry]) -> SubjectState:
    """A state after more entries of its subject."""
    for entry in entries:
        state = apply_entry(state, entry)
    return state


def apply_entry(state: SubjectState, entry: Entry) -> SubjectState:
    """A state after one more entry."""
    event = entry.event
    return evolve(
        state, position=entry.position, type_=entry.type, effective_at=entry.effective_at, changes=event.field_changes(), voids=event.voided_position(),
        is_imported=event.is_imported,
    )  # fmt: skip
