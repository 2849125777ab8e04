"""What the `eventsourcing` library sees of the log: its application, its mapper, and its factory.

From the library this project uses four interfaces, here and in `eventlog.library_recorder`: the application, the mapper between
events and stored events, the recorder with its contract tests (tests/eventlog/test_library_contract.py), and
subscriptions. So projections written with the library's own classes run on this log. The stores, the group commit and
the proofs are our own. See docs/decisions/0028-the-eventsourcing-library.md.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
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
)
from eventsourcing.utils import Environment

from domain.catalog import EVENT_NAMES
from domain.fields import PendingState, SubjectState, evolve
from eventlog import codec
from eventlog.entry import Entry
from eventlog.library_recorder import LogNotification, LogRecorder
from eventlog.long_reads import LongReadError
from eventlog.records import Append, EntryRow
from eventlog.sql import LAST
from eventlog.state_cache import StateCache
from eventlog.store import Store
from eventlog.text_erasure import TEXTS_ERASED, decode_erased_positions

MAX_CACHED_STATES = 20_000
MAX_STATES_OF_READERS = 1_000
"""A process that only reads the files of a log, as an import into a running server does, sees most subjects only once."""
MAX_CACHED_EVENTS = 500_000
"""About 250 MB of states."""
MAX_RECENT_ENTRIES = 4_096
ENTRIES_PER_READ = 1_000


class LogMapper(Mapper[str]):
    """Maps between entries and the library's stored events. A topic is an event type of the catalog, never a module path."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        super().__init__(transcoder=cast("Transcoder", None))  # the codec is the transcoder
        self._entropy = entropy

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """Return the stored form of an entry; the log assigns its position and time."""
        entry = cast("Entry", domain_event)
        own, texts = codec.encode(entry.event, entry.metadata, self._entropy)
        return StoredEvent(
            originator_id=entry.subject,
            originator_version=entry.version,
            topic=EVENT_NAMES[type(entry.event)],
            state=own if texts is None else own + b"\n" + texts,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Entry:
        """Return the entry behind a notification of this log."""
        found = cast("LogNotification", stored_event)
        own, _, texts = found.state.partition(b"\n")
        return codec.decode(
            position=found.id,
            subject=str(found.originator_id),
            version=found.originator_version,
            type_=found.topic,
            recorded_at=found.recorded_at,
            own=own,
            texts=texts or None,
        )


class LogFactory(InfrastructureFactory[TrackingRecorder]):
    """Gives the library a mapper and a recorder over the store."""

    def __init__(self, env: Environment, store: Store, entropy: Callable[[int], bytes]) -> None:
        super().__init__(env)
        self._store = store
        self._entropy = entropy

    def mapper(self, *_: Any, **__: Any) -> Any:
        """Return the log's mapper."""
        return LogMapper(self._entropy)

    def application_recorder(self) -> ApplicationRecorder:
        """Return the log's recorder."""
        return LogRecorder(self._store)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Not supported: the log has no separate recorder for snapshots.

        Raises:
            ProgrammingError: always.
        """
        raise ProgrammingError(f"the log has no separate recorder for {purpose}")

    def tracking_recorder(self, tracking_recorder_class: type[TrackingRecorder] | None = None) -> TrackingRecorder:
        """Not supported: read models store their own position.

        Raises:
            ProgrammingError: always.
        """
        raise ProgrammingError(f"the log has no tracking recorder {tracking_recorder_class}")

    def process_recorder(self) -> ProcessRecorder:
        """Not supported: read models store their own position.

        Raises:
            ProgrammingError: always.
        """
        raise ProgrammingError("the log has no process recorder")


class StoreApplication(Application[str]):
    """The library's application over one store: what a projection written with the library's classes follows."""

    name = "decisionlog"
    env: ClassVar[dict[str, str]] = {}

    def __init__(self, store: Store, entropy: Callable[[int], bytes]) -> None:
        self._store = store
        self._entropy = entropy
        super().__init__()

    def construct_factory(self, env: Environment) -> InfrastructureFactory:
        """Return the factory over the store, whatever the environment variables say."""
        return LogFactory(env, self._store, self._entropy)


class LogApplication(StoreApplication):
    """The application of an open log, with caches of recent entries and of subject states."""

    def __init__(self, store: Store, entropy: Callable[[int], bytes]) -> None:
        self._recent: OrderedDict[int, Entry] = OrderedDict()
        limit = MAX_STATES_OF_READERS if store.read_only else MAX_CACHED_STATES
        self._states = StateCache(limit, MAX_CACHED_EVENTS)
        self.cached_state = self._states.get
        """Returns a subject as this process last knew it, or None."""
        self._erasures_known_until = store.cached_head.size
        """The position up to which erasures are known; everything cached was read later."""
        self._cache_lock = threading.Lock()
        super().__init__(store, entropy)
        store.on_committed = self.on_committed
        store.on_remote_change = self._states.on_remote_change
        store.on_remote_erasure = self.on_erased

    # States

    def state(self, subject: str, *, at_most: int | None = None) -> SubjectState:
        """Return a subject as the rules see it, as of the last commit; version 0 if the log has no entry of it.

        Raises:
            LongReadError: more than `at_most` entries would have to be read.
        """
        generation = self._states.generation
        known = self._states.get_possibly_stale(subject)
        state, after = known or SubjectState(subject), known.version if known else -1
        limit = ENTRIES_PER_READ if at_most is None else at_most + 1
        while rows := self._store.stream(subject, after=after, limit=limit):
            if at_most is not None and len(rows) > at_most:
                raise LongReadError(lambda: self.state(subject))
            state, after = fold(state, map(codec.decode_row, rows)), rows[-1].version
            if len(rows) < limit:
                break
        if state.version:
            self._states.put(state, generation)
        return state

    def on_remote_change(self, versions: Mapping[str, int]) -> None:
        """Mark the cached states of streams that another process wrote as stale."""
        self._states.on_remote_change(versions)

    # Recent entries

    def recent(self, after: int, limit: int) -> list[Entry]:
        """Return the cached entries after a position, without a gap; none if the first is not cached."""
        found: list[Entry] = []
        recent = self._recent  # other threads add and remove entries meanwhile, so there may be gaps
        while len(found) < limit and (entry := recent.get(after + 1 + len(found))):
            found.append(entry)
        return found

    # Filling and clearing the caches

    def on_committed(self, append: Append, rows: Sequence[EntryRow]) -> None:
        """Cache what was just written, so that neither rules nor projections have to read it back.

        Called in the writer's thread for each append, in order of position.
        """
        with self._cache_lock:
            # Appends of the library's own application bring no entries.
            for entry, row in zip(append.entries, rows, strict=False):
                # Another process may have erased it between the commit and now.
                if row.position > self._erasures_known_until:
                    self._cache_entry(entry.placed_at(row.position, row.recorded_at))
        if append.erased_positions:
            self._drop_erased(append.erased_positions, rows[-1].position)

    def on_erased(self, size: int) -> None:
        """Drop from the caches what holds texts that were erased by one of the first `size` entries."""
        try:
            rows = self._store.rows(self._erasures_known_until, LAST, until=size, types=(TEXTS_ERASED,))
        except PersistenceError:
            rows = []
            self.clear_cache()
        self._drop_erased(decode_erased_positions(rows), size)

    def clear_cache(self) -> None:
        """Clear all caches."""
        with self._cache_lock:
            self._recent = OrderedDict()
            self._states.clear()

    def _drop_erased(self, positions: Sequence[int], size: int) -> None:
        try:
            subjects = self._store.subjects_at(positions)
        except PersistenceError:  # it is unknown which states hold erased texts, so all are dropped
            self.clear_cache()
            subjects = set()
        with self._cache_lock:
            self._erasures_known_until = max(self._erasures_known_until, size)
            for position in positions:
                self._recent.pop(position, None)
            self._states.drop(subjects)

    def _cache_entry(self, entry: Entry) -> None:
        self._recent[entry.position] = entry
        if len(self._recent) > MAX_RECENT_ENTRIES:
            self._recent.popitem(last=False)
        known = self._states.get(entry.subject)
        if (known.version if known else 0) == entry.version - 1:
            self._states.put(pending_state(known, entry), self._states.generation)


def fold(state: SubjectState, entries: Iterable[Entry]) -> SubjectState:
    """Return a state after more entries of its subject."""
    for entry in entries:
        state = apply_entry(state, entry)
    return state


def pending_state(before: SubjectState | None, entry: Entry) -> PendingState[Entry]:
    """Return a state after one more entry, to be computed when it is read; `before` is None for the first entry."""
    return PendingState(entry.subject, entry.version, apply_entry, before, entry)


def apply_entry(state: SubjectState, entry: Entry) -> SubjectState:
    """Return a state after one more entry."""
    event = entry.event
    return evolve(
        state,
        position=entry.position,
        type_=entry.type,
        effective_at=entry.effective_at,
        changes=event.field_changes(),
        voids=event.voided_position(),
        is_imported=event.is_imported,
    )
