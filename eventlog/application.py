"""The `eventsourcing` application over the log: its mapper, its factory, and the repository that folds states."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, ClassVar, cast

from eventsourcing.application import AggregateNotFoundError, Application, LRUCache, Repository
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    Mapper,
    ProcessRecorder,
    ProgrammingError,
    StoredEvent,
    TrackingRecorder,
    Transcoder,
)  # fmt: skip
from eventsourcing.utils import Environment

from domain.catalogue import EVENT_NAMES
from domain.cells import State, evolve
from eventlog import codec
from eventlog.committer import Row
from eventlog.entry import Entry
from eventlog.recorder import LogNotification, LogRecorder
from eventlog.sqlite import SqliteStore

CACHED_STATES = 20_000


class LogMapper(Mapper[str]):
    """Between entries and stored events. Types are the names of the catalogue, never module paths."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        super().__init__(transcoder=cast("Transcoder", None))  # the codec is the transcoder
        self._entropy = entropy

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """The stored form of an entry; its position and instant are the log's to give."""
        entry = cast("Entry", domain_event)
        own, texts = codec.encode(entry.event, entry.envelope, self._entropy)
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

    def __init__(self, env: Environment, store: SqliteStore, entropy: Callable[[int], bytes]) -> None:
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
    """The library's application: event store, repository and subscriptions over one store."""

    name = "decisionlog"
    env: ClassVar[dict[str, str]] = {}

    def __init__(self, store: SqliteStore, entropy: Callable[[int], bytes]) -> None:
        self._store = store
        self._entropy = entropy
        super().__init__()

    def construct_factory(self, env: Environment) -> InfrastructureFactory:
        """The factory over the store, whatever the environment says."""
        return LogFactory(env, self._store, self._entropy)

    def construct_repository(self) -> Repository[str]:
        """States are immutable, so the cache hands them out as they are and folds only what is new."""
        return Repository(self.events, cache_maxsize=CACHED_STATES, deepcopy_from_cache=False)

    def state(self, subject: str) -> State:
        """A subject as the rules see it, as of the last commit; version 0 when the log has never heard of it."""
        try:
            state: State = self.repository.get(subject, projector_func=cast("Any", fold))
        except AggregateNotFoundError:
            return State(subject)
        # The library folds an immutable state forward, but keeps the old one; without this each look would fold again.
        if self.repository.cache is not None:
            self.repository.cache.put(subject, cast("Any", state))
        return state

    def learn(self, judged: Iterable[Entry], rows: Iterable[Row]) -> None:
        """Folds what was just written into the states at hand, where they stand just before it: no need to read it back."""
        cache = self.repository.cache
        assert cache is not None
        for entry, row in zip(judged, rows, strict=True):
            try:
                known: Any = cache.get(row.subject)
            except KeyError:
                known = State(row.subject)
            if known.version == row.version - 1:
                placed = replace(entry, position=row.position, recorded_at=row.recorded_at)
                cache.put(row.subject, cast("Any", evolved(known, placed)))

    def forget_states(self) -> None:
        """Empties the cache; it may hold texts that are forgotten."""
        self.repository.cache = LRUCache(CACHED_STATES)


def fold(state: State | None, entries: Iterable[Entry]) -> State | None:
    """A state after more entries of its subject; None if there is none at all."""
    for entry in entries:
        state = evolved(state or State(entry.subject), entry)
    return state


def evolved(state: State, entry: Entry) -> State:
    """A state after one more entry."""
    event = entry.event
    return evolve(
        state, position=entry.position, type_=entry.type, eff=entry.eff, steps=event.steps(), voids=event.voids(),
        observed=event.observed,
    )  # fmt: skip
