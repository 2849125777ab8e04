"""Whether a log is still what was written: every row, the order, the tree, the head, and each text's commitment.

Everything is worked out again from the stored bytes: each entry is parsed, composed and hashed, one after the other.
What is found without help from outside is any change but one that rewrites entries and head together, and consistently;
that one is found by a checkpoint that was kept elsewhere.

What the tree does not cover is checked for what can be known of it. The database: its pages, its indexes, its schema.
Idempotency records: that they point at the entries of one unit, whole. Names and tokens: see `eventlog.side_tables`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import sub
from typing import Any, Final, Protocol, TypeVar

from eventsourcing.persistence import PersistenceError

from domain.any_subject import TextsErased
from domain.catalog import EVENTS
from domain.messages import Event
from eventlog.appender import EntryRow, Head
from eventlog.canonical_reader import parse_canonical
from eventlog.checkpoint import Checkpoint
from eventlog.codec import broken_text, compose, text_places
from eventlog.merkle import Frontier, append_leaves, leaf_hash, root
from eventlog.side_tables import SIDE_TABLES, find_unsound_row
from eventlog.store import Answered

T = TypeVar("T")

ROWS_AT_ONCE: Final = 1000
BEFORE_ALL: Final = -(2**63)
"""Where reading begins: a row at a position that no entry can have is to be seen, too."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that does not fit. `position` is None where only the whole can be judged."""

    position: int | None
    what: str

    def __str__(self) -> str:
        """Both in words."""
        return f"position {self.position}: {self.what}" if self.position is not None else self.what


class Stored(Protocol):
    """What is verified. Each raises `PersistenceError` where what is stored cannot be read."""

    def rows(self, after: int, limit: int) -> list[EntryRow]:
        """At most `limit` rows after a position, in its order, as committed."""

    def head(self) -> Head:
        """The head as committed."""

    def find_damage(self) -> list[str]:
        """What is wrong with the database itself: its pages, its indexes, its schema."""

    def beside(self, table: str, after: Sequence[Any] | None, limit: int) -> list[Any]:
        """Rows of a side table in the order of its key, after one of them."""

    def answered(self, first: int, limit: int) -> list[Answered]:
        """What the answers under keys point at, by the first position; at most `limit` from one on."""

    def is_salted(self, first: int) -> bool:
        """Whether an answer to the unit that begins at a position could still be tried with guesses of what was asked."""


def verify(
    stored: Stored,
    checkpoints: Iterable[Checkpoint] = (),
    tell: Callable[[int, int], None] = lambda _done, _of: None,
) -> Checkpoint | Finding:
    """Goes through a log in order, also while it grows: what it was found to be, or the first thing that does not fit.

    `checkpoints` are what it must have been; `tell` hears how many entries are done, and of how many.
    """
    try:
        return _Verifier(stored, checkpoints, tell).run()
    except _Misfit as misfit:
        return misfit.finding


class _Misfit(Exception):
    """Something does not fit."""

    def __init__(self, position: int | None, what: str) -> None:
        super().__init__(what)
        self.finding = Finding(position, what)


class _Verifier:
    """One pass through a log.

    No snapshot is held, which would stand in the way of those who write; so what the log says of an earlier entry is
    judged when everything committed by then has been read.
    """

    def __init__(
        self, stored: Stored, checkpoints: Iterable[Checkpoint], tell: Callable[[int, int], None]
    ) -> None:  # fmt: skip
        self._stored = stored
        self._checkpoints = sorted(checkpoints, key=lambda checkpoint: checkpoint.size)
        self._tell = tell
        self._frontier: Frontier = ()
        self._size = 0
        self._recorded_at = 0
        self._versions: dict[str, int] = {}
        self._log = ""
        self._place = 0
        self._begins = array("q")
        """Positions at which a unit begins."""
        self._bare: set[int] = set()
        """Positions whose texts are gone."""
        self._subjects: set[str] = set()
        self._seen = BEFORE_ALL
        """Up to where entries were read that came after this pass, of which rows of side tables may speak."""
        self._forgotten: dict[int, int] = {}
        """Positions whose texts an entry says were forgotten, with the position of that entry."""

    def run(self) -> Checkpoint:
        """What the log is; raises the first misfit."""
        self._compare_checkpoints()
        for rows in self._batches():
            self._take(rows)
            self._compare_checkpoints()
        self._compare_forgotten()
        self._compare_database()
        self._compare_answers()
        self._compare_side_tables()
        for checkpoint in self._checkpoints:
            what = f"a checkpoint knows {checkpoint.size} entries, and the log holds {self._size}: its end was cut off"
            raise _Misfit(self._size + 1, what)
        return Checkpoint(self._log, self._size, root(self._frontier))

    # Rows

    def _batches(self) -> Iterator[list[EntryRow]]:
        """Every row, until all that is committed has been read; then the head must say the same."""
        after = BEFORE_ALL
        while True:
            head = self._head()
            rows = self._read(after)
            if not rows:
                break
            yield from self._cut(rows)
            after = rows[-1].position
            self._tell(self._size, max(head.size, self._size))
        # Nothing came after the head was read, so it must be that of just these rows.
        self._compare_head(head)

    def _cut(self, rows: list[EntryRow]) -> Iterator[list[EntryRow]]:
        """The same rows in parts that end where a checkpoint was taken."""
        sizes = [checkpoint.size for checkpoint in self._checkpoints if checkpoint.size < rows[-1].position]
        for size in dict.fromkeys(sizes):
            before = [row for row in rows if row.position <= size]
            yield before
            rows = rows[len(before) :]
        yield rows

    def _head(self) -> Head:
        try:
            return self._stored.head()
        except PersistenceError as error:
            raise _Misfit(None, f"the head of the log cannot be read: {error}") from error

    def _read(self, after: int) -> list[EntryRow]:
        """Some rows after a position; where they cannot be read, those before the first that cannot."""
        try:
            return self._stored.rows(after, ROWS_AT_ONCE)
        except PersistenceError:
            return self._read_one(after)

    def _read_one(self, after: int) -> list[EntryRow]:
        try:
            return self._stored.rows(after, 1)
        except PersistenceError as error:
            raise _Misfit(max(after, 0) + 1, f"it cannot be read: {error}") from error

    def _take(self, rows: list[EntryRow]) -> None:
        """Checks some rows and takes them into the whole; what is wrong with the first is told before all else."""
        following = rows[: self._following(rows)]
        for row in following:
            self._check(row)
        self._grow(following)
        if len(following) < len(rows):
            row = rows[len(following)]
            raise _Misfit(min(row.position, self._size + 1), self._misfit_of_order(row))

    def _following(self, rows: list[EntryRow]) -> int:
        """How many of these rows follow those before them in position, time, and version of their subject."""
        size, last, versions = self._size, self._recorded_at, self._versions
        for n, (position, subject, version, _, recorded_at, _, _) in enumerate(rows):
            size += 1
            if position != size or recorded_at <= last or version != versions.get(subject, 0) + 1:
                return n
            last = recorded_at
            versions[subject] = version
        return len(rows)

    def _misfit_of_order(self, row: EntryRow) -> str:
        """What is wrong with a row that does not follow those before it."""
        if row.position > self._size + 1:
            return f"it is missing: position {row.position} comes next"
        if row.position != self._size + 1:
            return f"it follows position {self._size}"
        if row.recorded_at <= self._recorded_at:
            return "it was recorded no later than the one before"
        version = self._versions.get(row.subject, 0) + 1
        return f"it is version {row.version} of {row.subject}, where {version} comes next"

    def _check(self, row: EntryRow) -> None:
        try:
            what = self._misfit(row)
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError) as error:
            what = f"it cannot be read: {error}"
        if what:
            raise _Misfit(row.position, what)

    def _misfit(self, row: EntryRow) -> str | None:
        """What is wrong with an entry by itself and in its unit."""
        model = EVENTS.get(row.type)
        if model is None:
            return f"nobody knows an event of type {row.type}"
        own = parse_canonical(row.event)
        what = self._misfit_of_texts(row, model, own)
        if what:
            return what
        if model is TextsErased:
            self._forgotten.update(dict.fromkeys(own["data"]["positions"], row.position))
        return self._misfit_of_place(row, own["transaction"]["index"])

    def _misfit_of_place(self, row: EntryRow, place: int) -> str | None:
        """The entries of a unit stand one after the other, and count from 1."""
        if place == 1:
            self._begins.append(row.position)
        elif place != self._place + 1:
            return f"it is number {place} of its unit, where 1 or {self._place + 1} comes next"
        self._place = place
        return None

    def _misfit_of_texts(self, row: EntryRow, model: type[Event], own: Any) -> str | None:
        """What is wrong with the texts of a row. That all are gone is nothing wrong yet: a later entry may say so."""
        if row.texts is None:
            if any(text_places(model, own)):
                self._bare.add(row.position)
            return None
        texts: dict[str, list[str]] = parse_canonical(row.texts)
        place = broken_text(model, own, texts)
        if place is not None:
            return f"its text at {place} is not what was committed to"
        return None if texts else "it has no text, and yet room for some"

    def _grow(self, rows: list[EntryRow]) -> None:
        """Takes rows that were checked into the tree."""
        if not rows:
            return
        try:
            leaves = list(map(leaf_hash, map(compose, rows)))
        except (ValueError, TypeError, ArithmeticError) as error:
            if len(rows) == 1:
                raise _Misfit(rows[0].position, f"it cannot be read: {error}") from error
            for row in rows:  # or nobody knew which
                self._grow([row])
            return
        self._frontier = append_leaves(self._frontier, self._size, leaves)
        self._log = self._log or rows[0].subject
        self._size = rows[-1].position
        self._recorded_at = rows[-1].recorded_at

    # The whole

    def _compare_head(self, head: Head) -> None:
        if head.size > self._size:
            raise _Misfit(self._size + 1, f"it is missing: the head of the log says there are {head.size} entries")
        if head.size < self._size:
            raise _Misfit(head.size + 1, f"the head of the log says that it ends at {head.size}")
        if head.frontier != self._frontier:
            raise _Misfit(None, self._first_difference(head.frontier))
        if head.recorded_at != self._recorded_at:
            raise _Misfit(None, "the head of the log has another instant than the last entry")

    def _first_difference(self, said: Frontier) -> str:
        """The first of the subtrees in the head that is not that of the entries."""
        first = 0
        for n, mine in enumerate(self._frontier):
            width = self._width(n)
            if n >= len(said) or said[n] != mine:
                where = f"entry {first + 1}" if width == 1 else f"an entry from {first + 1} to {first + width}"
                return f"{where} is not what was written, or the head was altered: their root differs"
            first += width
        return "the head holds more than the roots of its entries"

    def _width(self, n: int) -> int:
        """How many entries the n-th subtree of the frontier has."""
        ones = [bit for bit in range(self._size.bit_length()) if self._size >> bit & 1]
        return 1 << ones[-1 - n]

    def _compare_checkpoints(self) -> None:
        while self._checkpoints and self._checkpoints[0].size == self._size:
            checkpoint = self._checkpoints.pop(0)
            if self._size and checkpoint.log != self._log:
                raise _Misfit(None, f"a checkpoint is of {checkpoint.log}, and this log is {self._log}")
            if checkpoint.root != root(self._frontier):
                what = f"the first {self._size} entries are not those of a checkpoint: the log was rewritten"
                raise _Misfit(None, what)

    def _compare_forgotten(self) -> None:
        """Texts are gone just where a later entry says so."""
        for position in sorted(self._bare):
            if self._forgotten.get(position, 0) <= position:
                raise _Misfit(position, "its texts are gone, and no later entry says that they were forgotten")
        for position, by in sorted(self._forgotten.items()):
            # Read again: they may have been forgotten since this pass went by.
            if any(row.texts is not None for row in self._read_one(position - 1)):
                raise _Misfit(position, f"its texts are here, though position {by} says that they were forgotten")

    def _compare_database(self) -> None:
        """The database is sound in itself: an index that differs from its table would give wrong answers."""
        try:
            for what in self._stored.find_damage():
                raise _Misfit(None, f"the entries are sound, but the database is not: {what}")
        except PersistenceError as error:
            raise _Misfit(None, f"the database cannot be read: {error}") from error

    # Answers

    def _compare_answers(self) -> None:
        """Each answer is of one unit, whole, and of no unit are there two."""
        first, full = BEFORE_ALL, True
        while full:
            answers = self._of_answers(partial(self._stored.answered, first, ROWS_AT_ONCE + 1))
            self._compare_units(answers)
            full = len(answers) > ROWS_AT_ONCE
            # The last is read once more, or another one of the same unit could hide behind it.
            first = answers[-1][0] if answers else first
        for position in self._forgotten:
            self._must_be_unsalted(position)

    def _of_answers(self, read: Callable[[], T], what: str = "answers under keys") -> T:
        try:
            return read()
        except PersistenceError as error:
            raise _Misfit(None, f"the {what} cannot be read: {error}") from error

    def _compare_units(self, answers: list[Answered]) -> None:
        if not answers:
            return
        low, high = bisect_left(self._begins, answers[0][0]), bisect_right(self._begins, answers[-1][0])
        begins = [*self._begins[low : high + 1], self._size + 1]
        transactions = set(zip(begins, map(sub, begins[1:], begins), strict=False))
        if len(set(answers)) == len(answers) and transactions.issuperset(answers):
            return
        before = None
        for first, count in answers:
            if first == before:
                raise _Misfit(first, "two answers under keys are of its unit")
            if (first, count) not in transactions and not self._came_later(first, count):
                raise _Misfit(first, f"an answer is of {count} entries from here on, and these are no unit")
            before = first

    def _came_later(self, first: int, count: int) -> bool:
        """Whether there are such entries, which were recorded since this pass went by."""
        return first > self._size and count > 0 and first + count - 1 <= self._head().size

    def _must_be_unsalted(self, position: int) -> None:
        """Where texts were forgotten, nobody can try words on the hash of what was asked any more."""
        first = self._begins[bisect_right(self._begins, position) - 1]
        if self._of_answers(partial(self._stored.is_salted, first)):
            raise _Misfit(position, "its texts were forgotten, and the answer to its unit still has its salt")

    # Side tables

    def _compare_side_tables(self) -> None:
        """Each row of names, tokens and idempotency records is sound, and refers to what the log knows."""
        self._subjects = set(self._versions)
        for table, key in SIDE_TABLES.items():
            after: Sequence[Any] | None = None
            while rows := self._of_answers(partial(self._stored.beside, table, after, ROWS_AT_ONCE), table):
                self._learn_later_subjects()
                if what := find_unsound_row(table, rows, self._subjects):
                    raise _Misfit(None, f"a row of the table {table} is not sound: {what}")
                after = [rows[-1][n] for n in key]

    def _learn_later_subjects(self) -> None:
        self._seen = max(self._seen, self._size)
        while rows := self._read(self._seen):
            self._subjects.update(row.subject for row in rows)
            self._seen = rows[-1].position
