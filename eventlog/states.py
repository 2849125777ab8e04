"""The states that are at hand: of each subject the latest that this process knows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from domain.cells import State


class States:
    """States by subject, at most so many; the one that has moved longest ago goes first.

    What was read from the database may be old by the time it is put here: somebody may have gone on, or forgotten texts
    that are in it. So whoever reads asks for the `age` first, and a state of an earlier age is not kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Of a plain dict the first is found behind all that was deleted before it.
        self._states: OrderedDict[str, State] = OrderedDict()
        self._old: set[str] = set()
        """Those of subjects that have moved on since."""
        self._changing = threading.Lock()
        self._age = 0

    @property
    def age(self) -> int:
        """How often something here was found to be old."""
        return self._age

    def get(self, subject: str) -> State | None:
        """The latest state known, if any that is not known to be old."""
        return None if subject in self._old else self._states.get(subject)

    def base(self, subject: str) -> State | None:
        """The latest state known, old or not: to go on from."""
        return self._states.get(subject)

    def put(self, state: State, age: int) -> None:
        """Keeps a state that was read at this age, unless it is old by now or a later one is here."""
        with self._changing:
            known = self._states.get(state.subject)
            if age != self._age or (known is not None and known.version >= state.version):
                return
            self._states.pop(state.subject, None)
            self._states[state.subject] = state
            self._old.discard(state.subject)
            if len(self._states) > self._limit:
                self._old.discard(self._states.popitem(last=False)[0])

    def moved(self, versions: Mapping[str, int]) -> None:
        """Says which streams are further: their states are old."""
        with self._changing:
            self._age += 1
            for subject, version in versions.items():
                known = self._states.get(subject)
                if known is not None and known.version < version:
                    self._old.add(subject)

    def drop(self, subjects: Iterable[str]) -> None:
        """Drops the states of some subjects."""
        with self._changing:
            self._age += 1
            for subject in subjects:
                self._states.pop(subject, None)
                self._old.discard(subject)

    def clear(self) -> None:
        """Drops them all."""
        with self._changing:
            self._age += 1
            self._states.clear()
            self._old.clear()
