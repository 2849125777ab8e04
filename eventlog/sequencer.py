"""The sequencer: checks appends for conflicts, assigns positions and times, and extends the Merkle tree. No I/O.

A store fetches what `missing` asks for, passes it to `provide`, and writes the rows that `append` returns, all under one
lock. Every store uses the same sequencer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from eventlog.codec import compose
from eventlog.merkle import append_leaves, leaf_hash
from eventlog.records import Append, Conflict, EntryRow, Expected, Head, Lookups, NewEvent, UniqueClaim


class Sequencer:
    """Appends one group of transactions to a head. The head advances with each append that has no conflict."""

    def __init__(self, head: Head, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._set_head(head)
        self._versions: dict[str, int | None] = {}
        self._claimed: dict[UniqueClaim, bool] = {}
        self._people: dict[str, set[str]] = {}

    @property
    def head(self) -> Head:
        """The head after all appends so far. Its tree is computed here, for all of them together."""
        if self._leaves:
            frontier = append_leaves(self._head.frontier, self._head.size, self._leaves)
            self._set_head(Head(self._size, frontier, self._recorded_at))
        return self._head

    @head.setter
    def head(self, head: Head) -> None:
        self._set_head(head)

    def _set_head(self, head: Head) -> None:
        self._head = head
        self._size, self._recorded_at = head.size, head.recorded_at
        self._leaves: list[bytes] = []

    def missing(self, appends: Sequence[Append]) -> Lookups:
        """Return what the store must look up before these appends can be checked."""
        return Lookups(
            list({subject for append in appends for subject in append.subjects()} - self._versions.keys()),
            list({claim for append in appends for claim in append.claims()} - self._claimed.keys()),
            list({name for append in appends for name in append.resolved_names} - self._people.keys()),
        )

    def provide_expected(self, appends: Sequence[Append]) -> Expected:
        """Accept what appends take for granted, as if it had been looked up, and return it: the store must compare it."""
        versions: dict[str, int | None] = {}
        people: dict[str, tuple[str, ...]] = {}
        claimed: dict[UniqueClaim, bool] = {}
        for append in appends:
            for subject, version in append.read_versions.items():
                versions.setdefault(subject, version or None)
            for event in append.events:
                versions.setdefault(event.subject, event.version - 1 or None)
            for name, ids in append.resolved_names.items():
                people.setdefault(name, ids)
            for claim in append.claims():  # a key that is taken after all is refused by its table
                claimed[claim] = claim.kind == "name" and bool(people.setdefault(claim.key, ()))
        self.provide(versions, claimed, people)
        return Expected(versions, people)

    def provide(
        self,
        versions: Mapping[str, int | None],
        claimed: Mapping[UniqueClaim, bool],
        people: Mapping[str, Iterable[str]],
    ) -> None:
        """Accept what the store looked up: the last version of each stream (None: no entry), claims, people by name."""
        self._versions.update(versions)
        self._claimed.update(claimed)
        self._people.update({name: set(ids) for name, ids in people.items()})

    def append(self, append: Append) -> list[EntryRow] | Conflict:
        """Return the rows of an append, or its conflict; a conflict leaves the head where it was."""
        conflict = self._find_conflict(append)
        if conflict:
            return conflict
        rows = [self._assign_position(event) for event in append.events]
        for claim in append.claims():
            self._claimed[claim] = True
        for name in append.names:
            if name.normalized in self._people:
                self._people[name.normalized].add(name.person)
        return rows

    def _find_conflict(self, append: Append) -> Conflict | None:
        return self._find_changed_stream(append) or self._find_changed_name(append) or self._find_taken_claim(append)

    def _find_changed_stream(self, append: Append) -> Conflict | None:
        for subject, version in append.read_versions.items():
            if (self._versions[subject] or 0) != version:
                return Conflict(subject, self._versions[subject] or 0)
        versions: dict[str, int | None] = {}
        for event in append.events:
            subject = event.subject
            last = versions[subject] if subject in versions else self._versions[subject]
            # Streams of this log start at version 1; those of the library's contract tests start at 0.
            if event.version not in ((0, 1) if last is None else (last + 1,)):
                return Conflict(subject, last or 0)
            versions[subject] = event.version
        return None

    def _find_changed_name(self, append: Append) -> Conflict | None:
        for name, ids in append.resolved_names.items():
            if self._people[name] != set(ids):
                return Conflict("", 0, UniqueClaim("name", "", name))
        return None

    def _find_taken_claim(self, append: Append) -> Conflict | None:
        return next((Conflict("", 0, claim) for claim in append.claims() if self._claimed[claim]), None)

    def _assign_position(self, event: NewEvent) -> EntryRow:
        self._size += 1
        self._recorded_at = max(self._clock(), self._recorded_at + 1)
        row = EntryRow(
            self._size, event.subject, event.version, event.type, self._recorded_at, event.event, event.texts
        )
        self._leaves.append(leaf_hash(compose(row)))
        self._versions[event.subject] = event.version
        return row
