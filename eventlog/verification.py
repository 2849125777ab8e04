"""Verification: checks that a log is what was written. Made to be audited: read it from top to bottom.

Everything is computed again from the stored bytes. `_Verifier.run` calls one method for each check:

1.  Entries are consecutive: positions without a gap, increasing times, consecutive versions of each subject.
2.  Each entry is canonical JSON of a known event type, so its bytes have one meaning.
3.  Each erasable text matches its commitment in the entry.
4.  The entries of a transaction are consecutive.
5.  The Merkle tree over all entries has the root that the head stores. (Composing the entry covers every column.)
6.  The tree has the root of each given checkpoint at the checkpoint's size.
7.  Texts are missing exactly where a later entry says that they were erased.
8.  The database itself is undamaged: pages, indexes and schema.
9.  Each idempotency record refers to one whole transaction, and no two refer to the same.
10. Where texts were erased, the salt of the idempotency record was too.
11. Names, tokens and local owners are valid: see `eventlog.side_table_checks`.

Without a checkpoint kept elsewhere, one change cannot be detected: rewriting entries and head together, consistently.
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
from eventlog.canonical_reader import parse_canonical
from eventlog.checkpoint import Checkpoint
from eventlog.codec import compose, find_broken_text, iter_commitments
from eventlog.merkle import Frontier, append_leaves, leaf_hash, root
from eventlog.records import EntryRow, Head, Span
from eventlog.side_table_checks import KEY_COLUMNS, find_invalid_row
from eventlog.store_errors import StoreUnavailableError

T = TypeVar("T")

ROWS_PER_READ: Final = 1000
BEFORE_FIRST: Final = -(2**63)
"""Reading starts here, so that a row at an impossible position is seen too."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that is wrong. `position` is None if it cannot be attributed to one entry."""

    position: int | None
    what: str

    def __str__(self) -> str:
        """The finding as a sentence."""
        return f"position {self.position}: {self.what}" if self.position is not None else self.what


class Stored(Protocol):
    """What is verified. Every method raises `PersistenceError` if it cannot read, and `StoreUnavailableError` if that says
    nothing about what is stored.
    """

    def rows(self, after: int, limit: int) -> list[EntryRow]:
        """Return at most `limit` rows after a position, in order, as committed."""

    def head(self) -> Head:
        """Return the head, as committed."""

    def find_damage(self) -> list[str]:
        """Describe damage of the database itself: pages, indexes, schema."""

    def read_side_table(self, table: str, after: Sequence[Any] | None, limit: int) -> list[Any]:
        """Return at most `limit` rows of a side table after a key, in the order of its primary key."""

    def result_spans(self, first: int, limit: int) -> list[Span]:
        """Return the entries that idempotency records refer to, in order, from a position on."""

    def is_salted(self, first: int) -> bool:
        """Whether the idempotency record of the transaction that starts at a position still has its salt."""


def verify(
    stored: Stored,
    checkpoints: Iterable[Checkpoint] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    rows_per_read: int | None = None,
) -> Checkpoint | Finding:
    """Verify the entries that are committed when this begins, and newer ones as far as needed.

    Return a checkpoint of what was verified, or the first thing that is wrong.

    `checkpoints` are earlier ones that it must agree with. `on_progress` is called with the number of verified entries
    and their total, after each read of at most `rows_per_read` rows (1,000 by default).
    """
    try:
        return _Verifier(stored, checkpoints, on_progress, rows_per_read or ROWS_PER_READ).run()
    except _FindingError as error:
        return error.finding


class _FindingError(Exception):
    """Something is wrong."""

    def __init__(self, position: int | None, what: str) -> None:
        super().__init__(what)
        self.finding = Finding(position, what)


class _Verifier:
    """One pass through the entries that are committed when it begins, however fast the log grows.

    It holds no snapshot, which would block writers from truncating their log. So an entry may have lost its texts because
    of a newer entry: in that case the pass continues with the entries committed since. And a row of a side table may
    refer to the subject of a newer entry.
    """

    def __init__(
        self,
        stored: Stored,
        checkpoints: Iterable[Checkpoint],
        on_progress: Callable[[int, int], None],
        rows_per_read: int,
    ) -> None:
        self._stored = stored
        self._checkpoints = sorted(checkpoints, key=lambda checkpoint: checkpoint.size)
        self._on_progress = on_progress
        self._rows_per_read = rows_per_read
        # The verified entries so far:
        self._log = ""
        self._size = 0
        self._recorded_at = 0
        self._frontier: Frontier = ()
        self._versions: dict[str, int] = {}
        self._index = 0
        """The index of the last entry in its transaction."""
        self._transaction_starts = array("q")
        """The position of the first entry of each transaction."""
        self._without_texts: set[int] = set()
        """Positions whose texts are missing."""
        self._erased: dict[int, int] = {}
        """Positions whose texts were erased, each with the position of the entry that records the erasure."""
        self._newer_read_until = 0
        """The position up to which subjects of newer entries were read."""

    def run(self) -> Checkpoint:
        """Run all checks; raise the first finding."""
        self._check_checkpoints()
        self._check_committed_entries()
        self._check_erasures()
        self._check_database()
        self._check_idempotency_records()
        self._check_erased_salts()
        self._check_side_tables()
        self._check_no_checkpoint_is_left()
        return Checkpoint(self._log, self._size, root(self._frontier))

    # Reading -----------------------------------------------------------------------------------------------------------

    def _check_committed_entries(self) -> None:
        """Check the next entries, up to those that are committed now; then the head must agree with them."""
        head = self._read_head()
        after = self._size or BEFORE_FIRST
        while rows := self._read_rows(after, head.size - self._size):
            for batch in self._split_at_checkpoints(rows):
                self._check_entries(batch)
                self._check_checkpoints()
            after = rows[-1].position
            self._on_progress(self._size, head.size)
        self._check_what_follows(after)
        self._check_head(head)

    def _check_what_follows(self, after: int) -> None:
        """Check that the rows after the last one of the head are what was committed since, and that no row follows them."""
        for row in self._read_row(after):
            if row.position != self._size + 1:
                raise _FindingError(min(row.position, self._size + 1), self._describe_order_error(row))
        for row in self._read_row(max(after, self._read_head().size)):
            size = self._read_head().size
            if row.position == size + 1:
                raise _FindingError(row.position, f"the head of the log counts only {size} entries")
            if row.position > size:
                raise _FindingError(size + 1, f"it is missing: the next entry is at position {row.position}")

    def _split_at_checkpoints(self, rows: list[EntryRow]) -> Iterator[list[EntryRow]]:
        """Yield the same rows in batches that end at the size of each checkpoint."""
        sizes = [checkpoint.size for checkpoint in self._checkpoints if checkpoint.size < rows[-1].position]
        for size in dict.fromkeys(sizes):
            before = [row for row in rows if row.position <= size]
            yield before
            rows = rows[len(before) :]
        yield rows

    def _read_head(self) -> Head:
        return _read(self._stored.head, "head of the log")

    def _read_rows(self, after: int, at_most: int) -> list[EntryRow]:
        """Return the next rows, not more than `at_most`; if one of them cannot be read, only the first."""
        if at_most <= 0:
            return []
        try:
            return self._stored.rows(after, min(at_most, self._rows_per_read))
        except PersistenceError:
            return self._read_row(after)

    def _read_row(self, after: int) -> list[EntryRow]:
        try:
            return self._stored.rows(after, 1)
        except StoreUnavailableError:
            raise
        except PersistenceError as error:
            raise _FindingError(max(after, 0) + 1, f"it cannot be read: {error}") from error

    # Entries -----------------------------------------------------------------------------------------------------------

    def _check_entries(self, rows: list[EntryRow]) -> None:
        """Check rows and add them to the tree. Of several problems, the one at the lowest position is reported."""
        consecutive = rows[: self._count_consecutive(rows)]
        for row in consecutive:
            self._check_entry(row)
        self._add_to_tree(consecutive)
        if len(consecutive) < len(rows):
            row = rows[len(consecutive)]
            raise _FindingError(min(row.position, self._size + 1), self._describe_order_error(row))

    def _count_consecutive(self, rows: list[EntryRow]) -> int:
        """Return how many rows follow one another in position, time, and version of their subject."""
        size, last, versions = self._size, self._recorded_at, self._versions
        for n, (position, subject, version, _, recorded_at, _, _) in enumerate(rows):
            size += 1
            if position != size or recorded_at <= last or version != versions.get(subject, 0) + 1:
                return n
            last = recorded_at
            versions[subject] = version
        return len(rows)

    def _describe_order_error(self, row: EntryRow) -> str:
        if row.position > self._size + 1:
            return f"it is missing: the next entry is at position {row.position}"
        if row.position != self._size + 1:
            return f"it follows position {self._size}"
        if row.recorded_at <= self._recorded_at:
            return "it was not recorded later than the entry before it"
        version = self._versions.get(row.subject, 0) + 1
        return f"it is version {row.version} of {row.subject}, but version {version} is expected"

    def _check_entry(self, row: EntryRow) -> None:
        try:
            problem = self._find_entry_error(row)
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError) as error:
            problem = f"it cannot be read: {error}"
        if problem:
            raise _FindingError(row.position, problem)

    def _find_entry_error(self, row: EntryRow) -> str | None:
        """Check that an entry is canonical JSON of a known type, its texts, and its index in its transaction."""
        model = EVENTS.get(row.type)
        if model is None:
            return f"its event type {row.type} is unknown"
        event = parse_canonical(row.event)
        problem = self._find_text_error(row, model, event)
        if problem:
            return problem
        if model is TextsErased:
            self._erased.update(dict.fromkeys(event["data"]["positions"], row.position))
        return self._find_index_error(row, event["transaction"]["index"])

    def _find_text_error(self, row: EntryRow, model: type[Event], event: Any) -> str | None:
        """Check that texts match their commitments. Whether missing texts were erased is checked at the end."""
        if row.texts is None:
            if any(iter_commitments(model, event)):
                self._without_texts.add(row.position)
            return None
        texts: dict[str, list[str]] = parse_canonical(row.texts)
        broken = find_broken_text(model, event, texts)
        if broken is not None:
            return f"its text at {broken} does not match its commitment"
        return None if texts else "it stores an empty set of texts"

    def _find_index_error(self, row: EntryRow, index: int) -> str | None:
        """Check that the entries of a transaction are consecutive and count from 1."""
        if index == 1:
            self._transaction_starts.append(row.position)
        elif index != self._index + 1:
            return f"its index in its transaction is {index}, but 1 or {self._index + 1} is expected"
        self._index = index
        return None

    def _add_to_tree(self, rows: list[EntryRow]) -> None:
        if not rows:
            return
        try:
            leaves = list(map(leaf_hash, map(compose, rows)))
        except (ValueError, TypeError, ArithmeticError) as error:
            if len(rows) == 1:
                raise _FindingError(rows[0].position, f"it cannot be read: {error}") from error
            for row in rows:  # to find out which one
                self._add_to_tree([row])
            return
        self._frontier = append_leaves(self._frontier, self._size, leaves)
        self._log = self._log or rows[0].subject
        self._size = rows[-1].position
        self._recorded_at = rows[-1].recorded_at

    # Head and checkpoints ----------------------------------------------------------------------------------------------

    def _check_head(self, head: Head) -> None:
        """Check that the head has the size, the tree and the last time of the entries."""
        if head.size > self._size:
            raise _FindingError(self._size + 1, f"it is missing: the head of the log counts {head.size} entries")
        if head.size < self._size:
            raise _FindingError(head.size + 1, f"the head of the log counts only {head.size} entries")
        if head.frontier != self._frontier:
            raise _FindingError(None, self._describe_tree_difference(head.frontier))
        if head.recorded_at != self._recorded_at:
            raise _FindingError(None, "the head of the log has another time than the last entry")

    def _describe_tree_difference(self, stored: Frontier) -> str:
        """Return which entries belong to the first subtree that differs from the one in the head."""
        first = 0
        for n, mine in enumerate(self._frontier):
            width = self._subtree_width(n)
            if n >= len(stored) or stored[n] != mine:
                where = f"entry {first + 1}" if width == 1 else f"an entry from {first + 1} to {first + width}"
                return f"{where} is not what was written, or the head was altered: their hashes differ"
            first += width
        return "the head holds more subtrees than its entries have"

    def _subtree_width(self, n: int) -> int:
        """Return the number of entries in the n-th subtree of the frontier."""
        ones = [bit for bit in range(self._size.bit_length()) if self._size >> bit & 1]
        return 1 << ones[-1 - n]

    def _check_checkpoints(self) -> None:
        """Compare the tree with each checkpoint of its current size."""
        while self._checkpoints and self._checkpoints[0].size == self._size:
            checkpoint = self._checkpoints.pop(0)
            if self._size and checkpoint.log != self._log:
                raise _FindingError(None, f"a checkpoint belongs to {checkpoint.log}, and this log is {self._log}")
            if checkpoint.root != root(self._frontier):
                raise _FindingError(
                    None, f"the first {self._size} entries do not match a checkpoint: the log was rewritten"
                )

    def _check_no_checkpoint_is_left(self) -> None:
        for checkpoint in self._checkpoints:
            raise _FindingError(
                self._size + 1,
                f"a checkpoint counts {checkpoint.size} entries, and the log holds {self._size}: its end was cut off",
            )

    # Erasures ----------------------------------------------------------------------------------------------------------

    def _check_erasures(self) -> None:
        """Check that texts are missing exactly where a later entry says that they were erased."""
        while (position := self._find_unexplained_erasure()) is not None:
            self._check_committed_entries()
            if self._find_unexplained_erasure() == position:
                raise _FindingError(position, "its texts are missing, and no later entry says that they were erased")
        for position, erased_by in sorted(self._erased.items()):
            # Read again: the texts may have been erased after this pass read them.
            if any(row.texts is not None for row in self._read_row(position - 1)):
                raise _FindingError(position, f"its texts are present, but position {erased_by} says they were erased")

    def _find_unexplained_erasure(self) -> int | None:
        """Return the first position whose texts are missing although no later entry says that they were erased."""
        return min((each for each in self._without_texts if self._erased.get(each, 0) <= each), default=None)

    # Database ----------------------------------------------------------------------------------------------------------

    def _check_database(self) -> None:
        """Check the database itself: an index that differs from its table would return wrong rows."""
        for problem in _read(self._stored.find_damage, "database"):
            raise _FindingError(None, f"the entries are intact, but the database is damaged: {problem}")

    # Idempotency records -----------------------------------------------------------------------------------------------

    def _check_idempotency_records(self) -> None:
        """Check that each idempotency record refers to one whole transaction, and no two to the same."""
        first, is_full_page = BEFORE_FIRST, True
        while is_full_page and first <= self._size:
            spans = self._read_spans(first, self._rows_per_read + 1)
            self._check_spans(spans)
            self._on_progress(self._size, self._size)
            is_full_page = len(spans) > self._rows_per_read
            # The last record is read again, or another one of the same transaction could follow it unseen.
            first = spans[-1][0] if spans else first
        self._check_spans(self._read_spans(self._read_head().size + 1, 1))

    def _read_spans(self, first: int, limit: int) -> list[Span]:
        return _read(partial(self._stored.result_spans, first, limit), "idempotency records")

    def _check_spans(self, spans: list[Span]) -> None:
        if not spans:
            return
        low = bisect_left(self._transaction_starts, spans[0][0])
        high = bisect_right(self._transaction_starts, spans[-1][0])
        starts = [*self._transaction_starts[low : high + 1], self._size + 1]
        transactions = set(zip(starts, map(sub, starts[1:], starts), strict=False))
        if len(set(spans)) == len(spans) and transactions.issuperset(spans):
            return
        previous = None
        for first, count in spans:
            if first == previous:
                raise _FindingError(first, "two idempotency records refer to its transaction")
            if (first, count) not in transactions and not self._was_recorded_later(first, count):
                raise _FindingError(
                    first, f"an idempotency record refers to {count} entries from here on, which are not a transaction"
                )
            previous = first

    def _was_recorded_later(self, first: int, count: int) -> bool:
        """Whether entries were recorded after this pass read the log."""
        return first > self._size and count > 0 and first + count - 1 <= self._read_head().size

    def _check_erased_salts(self) -> None:
        """Check that erased texts cannot be guessed: with the salt, guesses could be compared with the digest."""
        for position in self._erased:
            first = self._transaction_starts[bisect_right(self._transaction_starts, position) - 1]
            if _read(partial(self._stored.is_salted, first), "idempotency records"):
                raise _FindingError(position, "its texts were erased, but its idempotency record still has its salt")

    # Side tables -------------------------------------------------------------------------------------------------------

    def _check_side_tables(self) -> None:
        """Check that each row of the side tables is valid, and refers to subjects of the log."""
        subjects = set(self._versions)
        for table, key in KEY_COLUMNS.items():
            after: Sequence[Any] | None = None
            while rows := _read(partial(self._stored.read_side_table, table, after, self._rows_per_read), table):
                if find_invalid_row(table, rows, subjects):
                    subjects.update(self._read_newer_subjects())
                if problem := find_invalid_row(table, rows, subjects):
                    raise _FindingError(None, f"a row of the table {table} is invalid: {problem}")
                after = [rows[-1][n] for n in key]
                self._on_progress(self._size, self._size)

    def _read_newer_subjects(self) -> Iterator[str]:
        """Yield the subjects of the entries that were committed since this pass began, if they were not read before."""
        after, head = max(self._newer_read_until, self._size), self._read_head()
        while rows := self._read_rows(after, head.size - after):
            yield from (row.subject for row in rows)
            after = self._newer_read_until = rows[-1].position
            self._on_progress(self._size, self._size)


def _read(read: Callable[[], T], what: str) -> T:
    try:
        return read()
    except StoreUnavailableError:
        raise
    except PersistenceError as error:
        raise _FindingError(None, f"the {what} cannot be read: {error}") from error
