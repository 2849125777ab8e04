"""A cache of subject states: the latest of each subject that this process knows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.fields import AnyState, PendingState, SubjectState


class Generation(NamedTuple):
    """How often other processes have committed, and how often texts were erased."""

    remote_changes: int
    erasures: int


class StateCache:
    """States by subject, at most `limit`, and of at most `event_limit` events in all, because a state grows with its
    events; the one that was changed longest ago is evicted first.

    A state that was read from the database may be outdated by the time it is put here: another process may have
    committed, or texts in it may have been erased. So a reader asks for the `generation` first and passes it to `put`.
    If texts were erased since, the state is dropped; if another process has committed, it is kept as stale.
    """

    def __init__(self, limit: int, event_limit: int) -> None:
        self._limit = limit
        self._event_limit = event_limit
        self._events = 0
        """The events of all cached states."""
        # In a plain dict, finding the first key takes longer with every key deleted before it.
        self._states: OrderedDict[str, AnyState] = OrderedDict()
        self._stale: set[str] = set()
        """Subjects with later entries of other processes."""
        self._lock = threading.Lock()
        self._remote_changes = 0
        self._erasures = 0

    @property
    def generation(self) -> Generation:
        """The number of remote changes and of erasures so far."""
        return Generation(self._remote_changes, self._erasures)

    def get(self, subject: str) -> SubjectState | None:
        """Return the latest known state, or None if there is none or it is stale."""
        if subject in self._stale:
            return None
        state = self._states.get(subject)
        return state if type(state) is SubjectState else self.get_possibly_stale(subject)  # in nearly every case

    def get_possibly_stale(self, subject: str) -> SubjectState | None:
        """Return the latest known state, stale or not, to apply later entries to."""
        state = self._states.get(subject)
        if not isinstance(state, PendingState):
            return state
        resolved = state.resolve()
        with self._lock:
            if self._states.get(subject) is state:
                self._states[subject] = resolved
        return resolved

    def put(self, state: AnyState, generation: Generation) -> None:
        """Cache a state that was read in a generation, unless it may hold erased texts or a later one is cached."""
        with self._lock:
            known = self._states.get(state.subject)
            if generation.erasures != self._erasures or (known is not None and known.version > state.version):
                return
            is_newer = known is None or known.version < state.version
            if is_newer:
                self._replace(state)
            if generation.remote_changes == self._remote_changes:
                self._stale.discard(state.subject)
            elif is_newer:
                self._stale.add(state.subject)

    def _replace(self, state: AnyState) -> None:
        self._remove(state.subject)
        self._states[state.subject] = state
        self._events += state.version
        while len(self._states) > self._limit or (self._events > self._event_limit and len(self._states) > 1):
            oldest = next(iter(self._states))
            self._remove(oldest)
            self._stale.discard(oldest)

    def _remove(self, subject: str) -> None:
        known = self._states.pop(subject, None)
        self._events -= known.version if known is not None else 0

    def on_remote_change(self, versions: Mapping[str, int]) -> None:
        """Mark the states of streams with later versions as stale."""
        with self._lock:
            self._remote_changes += 1
            for subject, version in versions.items():
                known = self._states.get(subject)
                if known is not None and known.version < version:
                    self._stale.add(subject)

    def drop(self, subjects: Iterable[str]) -> None:
        """Drop the states of some subjects, because texts in them were erased."""
        with self._lock:
            self._erasures += 1
            for subject in subjects:
                self._remove(subject)
                self._stale.discard(subject)

    def clear(self) -> None:
        """Drop all states."""
        with self._lock:
            self._erasures += 1
            self._states.clear()
            self._events = 0
            self._stale.clear()
