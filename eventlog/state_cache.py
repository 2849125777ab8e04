"""The states that are at hand: of each subject the latest that this process knows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.fields import SubjectState


class Age(NamedTuple):
    """How often others have gone on, and how often texts were forgotten."""

    moves: int
    drops: int


class StateCache:
    """States by subject, at most so many; the one that has moved longest ago goes first.

    What was read from the database may be old by the time it is put here: somebody may have gone on, or forgotten texts
    that are in it. So whoever reads asks for the `age` first. Of an earlier age, a state is not kept where texts were
    forgotten since, and where others have only gone on it is kept as one that may be old.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Of a plain dict the first is found behind all that was deleted before it.
        self._states: OrderedDict[str, SubjectState] = OrderedDict()
        self._old: set[str] = set()
        """Those of subjects that have moved on since."""
        self._changing = threading.Lock()
        self._moves = 0
        self._drops = 0

    @property
    def age(self) -> Age:
        """How often others have gone on, and how often texts were forgotten."""
        return Age(self._moves, self._drops)

    def get(self, subject: str) -> SubjectState | None:
        """The latest state known, if any that is not known to be old."""
        return None if subject in self._old else self._states.get(subject)

    def base(self, subject: str) -> SubjectState | None:
        """The latest state known, old or not: to go on from."""
        return self._states.get(subject)

    def put(self, state: SubjectState, age: Age) -> None:
        """Keeps a state that was read at this age, unless its texts may be forgotten or a later one is here."""
        with self._changing:
            known = self._states.get(state.subject)
            if age.drops != self._drops or (known is not None and known.version > state.version):
                return
            if known is None or known.version < state.version:
                self._replace(state)
            if age.moves == self._moves:
                self._old.discard(state.subject)
            elif known is None or known.version < state.version:
                self._old.add(state.subject)

    def _replace(self, state: SubjectState) -> None:
        self._states.pop(state.subject, None)
        self._states[state.subject] = state
        if len(self._states) > self._limit:
            self._old.discard(self._states.popitem(last=False)[0])

    def moved(self, versions: Mapping[str, int]) -> None:
        """Says which streams are further: their states are old."""
        with self._changing:
            self._moves += 1
            for subject, version in versions.items():
                known = self._states.get(subject)
                if known is not None and known.version < version:
                    self._old.add(subject)

    def drop(self, subjects: Iterable[str]) -> None:
        """Drops the states of some subjects."""
        with self._changing:
            self._drops += 1
            for subject in subjects:
                self._states.pop(subject, None)
                self._old.discard(subject)

    def clear(self) -> None:
        """Drops them all."""
        with self._changing:
            self._drops += 1
            self._states.clear()
            self._old.clear()
