"""The decision log: what the rest of the house speaks to."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hmac import compare_digest
from itertools import islice
from pathlib import Path
from typing import Final, Self

from domain.access import LOCAL, THE_LOG_ITSELF, Access
from domain.any_subject import LogOpened
from domain.catalog import EVENT_NAMES
from domain.errors import KeyReused, Refused, Stale
from domain.fields import SubjectState
from domain.messages import Command
from eventlog import codec
from eventlog.appender import Append, Conflict, EntryRow, Head, IdempotencyRecord, NewEvent, UniqueClaim
from eventlog.application import LogApplication
from eventlog.checkpoint import Checkpoint
from eventlog.command_handler import (
    CommandHandler,
    idempotency_claim,
    idempotency_scope,
    must_be_valid_transaction,
    request_digest,
)
from eventlog.directory import Directory
from eventlog.dry_run import DryRun
from eventlog.dsn import is_dsn
from eventlog.entry import Caller, Entry, Metadata, Origin, Receipt, RecordedEvent, Transaction
from eventlog.errors import DamagedStoreError
from eventlog.ids import new_id, new_key
from eventlog.lock import WriterLock
from eventlog.merkle import leaf_hash
from eventlog.owners import Owners
from eventlog.reading import ENTRIES_IN_LOOP, LongReadError
from eventlog.recorder import LogSubscription
from eventlog.sqlite import SqliteStore
from eventlog.store import Outcome, SideTables, Store, StoredResult
from eventlog.supersessions import Supersessions
from eventlog.tokens import RIGHTS, Tokens
from eventlog.verification import Finding, verify

MAX_ATTEMPTS: Final = 4
"""A unit that lost a race is decided again three times."""
TRANSACTIONS_PER_CHUNK: Final = 1000
LONG_READS: Final = 4
"""How often what is long is read in a thread before all of the judging is done there."""
BY_ITSELF: Final = Caller(THE_LOG_ITSELF, LOCAL, "log", frozenset(RIGHTS))
"""The caller of what nobody else asked for."""


@dataclass(frozen=True, slots=True)
class RawEntry:
    """An entry as it is published: its bytes, its leaf in hex, and the texts beside it by place."""

    position: int
    entry: bytes
    leaf: str
    texts: codec.Texts


class DecisionLog:
    """One log. Commands come in as units through `execute`; everything else reads what is committed.

    It may be used from any thread and any event loop.
    """

    def __init__(
        self, store: Store, lock: WriterLock | None, *, clock: Callable[[], int],
        entropy: Callable[[int], bytes],
    ) -> None:  # fmt: skip
        self._store = store
        self._lock = lock
        self._clock = clock
        self._entropy = entropy
        self.application = LogApplication(store, entropy)
        self.directory = Directory(store, self._record)
        self.tokens = Tokens(store, self._record, clock=clock, entropy=entropy)
        self.owners = Owners(store)
        self._supersessions = Supersessions(store)
        self._keys_in_use: dict[tuple[str, str], Future[None]] = {}
        self._moved = threading.Condition()
        store.listeners.append(self._announce)

    @classmethod
    def open(
        cls, where: Path | str, *, clock: Callable[[], int], entropy: Callable[[int], bytes] = os.urandom,
        read_only: bool = False, whole: bool = True,
    ) -> DecisionLog:  # fmt: skip
        """Opens the log in a file or at the address of a PostgreSQL database, and begins a new log where there is none.

        `clock` tells microseconds since 1970. `read_only` opens beside the process that writes. Without `whole`, even a
        log with missing entries is opened, so that `verify` can say where they should be.

        Raises:
            LogInUseError: another process writes the file.
            NoStoreError: the database cannot be had.
            SealedLogError: it goes on elsewhere.
            DamagedLogError: it is not a whole decision log.
        """
        path = None if is_dsn(where) else Path(where)
        if path and not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(path) if path and not read_only else None
        try:
            store = open_store(where, clock=clock, read_only=read_only, whole=whole)
            log = cls(store, lock, clock=clock, entropy=entropy)
        except BaseException:
            if lock:
                lock.release()
            raise
        if not read_only:
            log._begin()
        return log

    def _begin(self) -> None:
        """Begins a log that has no entry yet, once, whoever else is about to.

        Raises:
            SealedLogError: it may not be written.
        """
        try:
            self._store.must_not_be_sealed()
        except BaseException:
            self.close()
            raise
        if self._store.head().size:
            return
        subject = f"log:{new_key(self._entropy)}"
        metadata = Metadata(
            id=new_id(self._entropy), transaction=new_id(self._entropy), index=1, actor=THE_LOG_ITSELF, credential="none",
            source=Origin("log"),
        )  # fmt: skip
        own, texts = codec.encode(LogOpened(), metadata, self._entropy)
        once = IdempotencyRecord(UniqueClaim("key", THE_LOG_ITSELF, "begin"), b"", b"")
        event = NewEvent(subject, 1, EVENT_NAMES[LogOpened], own, texts)
        outcome = self._store.submit([Append((event,), idempotency=once)]).result()[0]
        if isinstance(outcome, Exception):
            self.close()
            raise outcome

    def announce(self, address: str, key: str = "") -> None:
        """Says at which address this process answers, and to what key, for those who find the log in use."""
        if self._lock:
            self._lock.announce(address, key)

    def close(self) -> None:
        """Writes what waits, then closes the file and lets others write it."""
        self._store.close()
        self.application.close()
        if self._lock:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Writing

    async def execute(self, transaction: Transaction) -> Receipt:
        """Applies a unit whole, and answers once it is committed.

        Raises:
            Refused: nothing was recorded; see `domain.errors` for the kinds.
            PersistenceError: the store failed; whether it was recorded is unknown, so ask again with the same key.
        """
        (result,) = await self.execute_many([transaction])
        if isinstance(result, Refused):
            raise result
        return result

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Applies units in order, each with its own fate; later ones see earlier ones. Many share a transaction.

        Raises:
            PersistenceError: the store failed; what was recorded answers again by its keys.
        """
        results: list[Receipt | Refused] = []
        waiting = iter(transactions)
        while chunk := list(islice(waiting, TRANSACTIONS_PER_CHUNK)):
            results += await self._execute_chunk(chunk)
        return results

    def _record(
        self, commands: Sequence[Command], alongside: Callable[[SideTables], object], by: Caller | None
    ) -> None:
        """Apply commands about tokens or names, with what they write beside the entries, and wait for the commit.

        Raises:
            Refused: nothing was recorded.
        """
        transaction = Transaction(tuple(commands), by or BY_ITSELF, alongside=alongside)
        with ThreadPoolExecutor(1) as apart:  # the caller may be in an event loop, which must not wait for itself
            apart.submit(asyncio.run, self.execute(transaction)).result()

    def access(self) -> Access:
        """Who can reach the log, as last committed."""
        return self.tokens.access()

    def identified_by(self, fold: str) -> tuple[str, ...]:
        """The ids that a folded spelling identifies."""
        return self.directory.identified_by(fold)

    def dry_run(self) -> DryRun:
        """Tells what would become of units, and writes nothing; also where the log is open for reading only."""
        chain = CommandHandler((Committed(self),), self.head(), clock=self._clock, entropy=self._entropy)
        return DryRun(chain, lambda transaction: self._replay(transaction, self._find_stored_results([transaction])))

    async def _execute_chunk(self, transactions: list[Transaction]) -> list[Receipt | Refused]:
        """What becomes of some units: those that lose a race are decided again, in their order.

        At first they are judged by what is at hand, which costs no question; whether that was right is looked at under the
        lock.
        """
        results: list[Receipt | Refused | Conflict | None] = [
            _check_transaction(transaction) for transaction in transactions
        ]
        undecided = [n for n, result in enumerate(results) if result is None]
        for at_hand in (CachedView(self, ENTRIES_IN_LOOP), *[None] * (MAX_ATTEMPTS - 1)):
            open_ = undecided
            while open_:
                done = await self._attempt_chunk([transactions[n] for n in open_], at_hand)
                for n, result in zip(open_, done, strict=False):
                    results[n] = result
                open_ = open_[len(done) :]
            undecided = [n for n in undecided if isinstance(results[n], Conflict)]
            if not undecided:
                break
        return [self._stale(result) if isinstance(result, Conflict) else result for result in results if result]

    async def _attempt_chunk(
        self, transactions: list[Transaction], at_hand: CachedView | None
    ) -> list[Receipt | Refused | Conflict]:
        """Judges and writes the first of some units, as many as can be judged before any of them is written."""
        mine: dict[tuple[str, str], Future[None]] = {}
        try:
            held = await self._acquire_keys(transactions, mine)
            # Whether the key of a single unit was used is found out when it is written, or when it is refused.
            given = self._find_stored_results(held) if len(held) > 1 or not at_hand else None
            return await self._commit(await self._judged_in_turn(held, given, at_hand))
        finally:
            for key, done in mine.items():
                del self._keys_in_use[key]
                done.set_result(None)

    async def _acquire_keys(
        self, transactions: list[Transaction], mine: dict[tuple[str, str], Future[None]]
    ) -> list[Transaction]:
        """The first of some units, each with its key held."""
        held: list[Transaction] = []
        for transaction in transactions:
            if held and self._is_key_in_use(transaction, mine):
                break
            await self._acquire_key(transaction, mine)
            held.append(transaction)
        return held

    async def _judged_in_turn(
        self,
        transactions: list[Transaction],
        given: Mapping[UniqueClaim, StoredResult] | None,
        at_hand: CachedView | None,
    ) -> list[Receipt | Refused | Append]:
        """What the first of some units come to. What is long to read for it is read in a thread, and all is judged again."""
        at_most: int | None = ENTRIES_IN_LOOP
        for _ in range(LONG_READS):
            try:
                return list(self._decide_each(transactions, given, self._chain(at_hand, at_most)))
            except LongReadError as found:
                await asyncio.to_thread(found.load)
        return await asyncio.to_thread(lambda: list(self._decide_each(transactions, given, self._chain(at_hand, None))))

    def _chain(self, at_hand: CachedView | None, at_most: int | None) -> CommandHandler:
        committed = Committed(self, at_most)
        views = (at_hand, committed) if at_hand else (committed,)
        head = at_hand.head_to_begin_with() if at_hand else self.head()
        return CommandHandler(views, head, clock=self._clock, entropy=self._entropy)

    def _decide_each(
        self, transactions: list[Transaction], given: Mapping[UniqueClaim, StoredResult] | None, chain: CommandHandler
    ) -> Iterator[Receipt | Refused | Append]:
        """What the first of some units come to, until one must wait for those before it to be written."""
        for n, transaction in enumerate(transactions):
            if n and chain.must_wait_for_commit(transaction):
                return
            try:
                yield self._replay(transaction, given or {}) or self._decide_one(
                    transaction, chain, looked=given is not None
                )
            except Refused as refused:
                yield refused

    def _decide_one(self, transaction: Transaction, chain: CommandHandler, *, looked: bool) -> Receipt | Append:
        """What a unit comes to; one that is refused may be the second call, and then it is answered again."""
        try:
            return chain.decide(transaction)
        except Refused:
            again = None if looked else self._replay(transaction, self._find_stored_results([transaction]))
            if again is None:
                raise
            return again

    def _is_key_in_use(self, transaction: Transaction, mine: dict[tuple[str, str], Future[None]]) -> bool:
        """Whether somebody else is at work under this unit's key; waiting for them while holding keys could be for ever."""
        key = (idempotency_scope(transaction), transaction.key or "")
        return transaction.key is not None and key in self._keys_in_use and key not in mine

    async def _acquire_key(self, transaction: Transaction, mine: dict[tuple[str, str], Future[None]]) -> None:
        """Waits until nobody else is at work under this unit's key, and takes it."""
        if transaction.key is None:
            return
        key = (idempotency_scope(transaction), transaction.key)
        done = mine.get(key) or Future()
        while (other := self._keys_in_use.setdefault(key, done)) is not done:
            await asyncio.shield(asyncio.wrap_future(other))
        mine[key] = done

    async def _commit(self, judged: list[Receipt | Refused | Append]) -> list[Receipt | Refused | Conflict]:
        appends = [one for one in judged if isinstance(one, Append)]
        if not appends:
            return [one for one in judged if not isinstance(one, Append)]
        written = await asyncio.wrap_future(self._store.submit(appends))
        if any(append.alongside or append.revoked for append in appends):
            self.tokens.forget_cached()
        outcomes = iter(written)
        return [_result(next(outcomes)) if isinstance(one, Append) else one for one in judged]

    def _find_stored_results(self, transactions: Sequence[Transaction]) -> dict[UniqueClaim, StoredResult]:
        """What was answered under the keys of some units."""
        return self._store.answers([key for transaction in transactions if (key := idempotency_claim(transaction))])

    def _replay(self, transaction: Transaction, answers: Mapping[UniqueClaim, StoredResult]) -> Receipt | None:
        """The receipt already given under this unit's key.

        Raises:
            KeyReused: it was given to another unit.
        """
        key = idempotency_claim(transaction)
        given = answers.get(key) if key else None
        if given is None:
            return None
        # Where texts were forgotten the salt is gone: nothing can be compared any more, and the key alone decides.
        if given.salt is not None and not compare_digest(given.digest, request_digest(transaction, given.salt)):
            msg = f"the key {transaction.key!r} was used for another command; use a new key for a new command"
            raise KeyReused(msg)
        rows = self._store.rows(given.first - 1, given.count)
        return Receipt(tuple(map(_recorded, rows)), replayed=True)

    def _stale(self, conflict: Conflict) -> Stale:
        winner = self._store.stream(conflict.subject, after=conflict.version - 1, limit=1)
        where = f"by the entry at position {winner[0].position}" if winner else "at the same time"
        return Stale(
            f"{conflict.subject or 'what this rests on'} was changed {where}; look again and decide anew",
            subject=conflict.subject, version=conflict.version,
        )  # fmt: skip

    # Reading

    def state(self, subject: str) -> SubjectState:
        """A subject as the rules see it; version 0 when the log has never heard of it."""
        return self.application.state(subject)

    def cached_state(self, subject: str) -> SubjectState:
        """The same as this process last knew it; other processes may have gone on for a moment.

        Who only reads is not always told of what others write, and so has nothing at hand.
        """
        return self.state_cached(subject) or self.state(subject)

    def state_cached(self, subject: str) -> SubjectState | None:
        """The same, if it is there without being read."""
        return None if self._store.read_only else self.application.cached_state(subject)

    @property
    def cached_head(self) -> Head:
        """The head as this process last knew it."""
        return self._store.known

    def superseded_by(self, decision: str, at_most: int | None = None) -> frozenset[str]:
        """The decisions that name this one as what superseded them.

        Raises:
            LongReadError: more than `at_most` entries would have to be read first.
        """
        return self._supersessions.superseded_by(decision, self.head().size, at_most)

    def find_people(self, fold: str) -> tuple[str, ...]:
        """The ids behind a folded spelling."""
        return self.directory.find_people(fold)

    def head(self) -> Head:
        """Size, root (hex) and last instant of the log, as committed."""
        return self._store.head()

    @cached_property
    def id(self) -> str:
        """The subject that is the log itself, `log:KEY`."""
        return self._store.rows(0, 1)[0].subject

    def read(self, after: int, limit: int) -> list[Entry]:
        """At most `limit` entries after a position, in order."""
        return self.application.recent(after, limit) or list(map(self._read_back, self.rows(after, limit)))

    def entry(self, position: int) -> Entry | None:
        """The entry at a position, or None."""
        found = self.read(position - 1, 1) if position > 0 else []
        return found[0] if found else None

    def stream(self, subject: str) -> list[Entry]:
        """All entries of one subject, in order."""
        return list(map(self._read_back, self._store.stream(subject)))

    def _read_back(self, row: EntryRow) -> Entry:
        """The entry in a row.

        Raises:
            DamagedStoreError: there is none in it that can be read.
        """
        try:
            return codec.read_back(row)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            what = f"position {row.position} cannot be read: {' '.join(str(error).split())}"
            raise DamagedStoreError(self._store.name, what) from error

    def subjects(self, after: str, limit: int) -> list[str]:
        """The next subjects there are, in their order."""
        return self._store.subjects(after, limit)

    def raw(self, after: int, limit: int) -> Iterator[RawEntry]:
        """Entries as they are published, at most `limit` after a position."""
        for row in self.rows(after, limit):
            entry = codec.compose(row)
            yield RawEntry(row.position, entry, leaf_hash(entry).hex(), codec.texts_of(row.texts))

    def rows(self, after: int, limit: int) -> list[EntryRow]:
        """Rows as they are stored, at most `limit` after a position."""
        return self._store.rows(after, limit)

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LogSubscription:
        """The library's subscription: notifications after `gt`, then whatever is recorded."""
        return LogSubscription(self.application.recorder, gt, topics)  # type: ignore[arg-type]

    def wait(self, after: int, timeout: float | None = None) -> int:
        """Waits (blocking, at most `timeout` seconds) until the log is longer than `after`; tells its size."""
        with self._moved:
            self._moved.wait_for(lambda: self._store.head().size > after, timeout)
        return self._store.head().size

    def on_append(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Calls `listener(size)` in the writer's thread after each commit; it must be quick. Returns how to stop that."""
        self._store.listeners.append(listener)
        return lambda: self._store.listeners.remove(listener)

    def _announce(self, _size: int) -> None:
        with self._moved:
            self._moved.notify_all()

    # Keeping

    @property
    def damage(self) -> str:
        """What was found damaged since it was opened, in a sentence; nothing is written any more. Empty: nothing."""
        return str(self._store.damage or "")

    def find_damage(self, tell: Callable[[int, int], None] = lambda _done, _of: None) -> str:
        """Verify the log; what is wrong with it, in words, or nothing. If something is, nothing more is written."""
        found = self.verify_each((), tell)
        if isinstance(found, Finding):
            self._store.stop_writing(str(found))
            return str(found)
        return ""

    def checkpoint_and_vacuum(self) -> None:
        """Rewrites the file, so that what was forgotten is in none of its bytes."""
        self._store.compact()

    def verify(self) -> Finding | None:
        """What does not fit, if anything: see `verified`."""
        found = self.verify_each()
        return found if isinstance(found, Finding) else None

    def verify_each(
        self, checkpoints: Iterable[Checkpoint] = (), tell: Callable[[int, int], None] = lambda _done, _of: None
    ) -> Checkpoint | Finding:
        """Recomputes everything that can be: what the log was found to be, or the first thing that does not fit, also with
        what it was at each checkpoint. `tell` hears how many entries are done, and of how many.
        """
        return verify(self._store, checkpoints, tell)


class Committed:
    """A log as last committed, as rules read it: of one subject no more than `at_most` entries at once.

    What has more raises LongReadError where it is asked for.
    """

    def __init__(self, log: DecisionLog, at_most: int | None = None) -> None:
        self._log = log
        self._at_most = at_most
        self.entry, self.head, self.find_people = log.entry, log.head, log.find_people
        self.access, self.identified_by = log.access, log.identified_by

    def state(self, subject: str) -> SubjectState:
        """A subject as the rules see it."""
        return self._log.application.state(subject, at_most=self._at_most)

    def new_subject_state(self, subject: str) -> SubjectState:
        """A subject that a command is about to begin."""
        return self.state(subject)

    def superseded_by(self, decision: str) -> frozenset[str]:
        """The decisions that name this one as what superseded them."""
        return self._log.superseded_by(decision, self._at_most)


class CachedView(Committed):
    """A log as this process last knew it, read without a question to the database where that can be.

    It may be behind where other processes write. What is judged by it is written only if nothing it rests on has moved,
    which is looked at under the lock; and nobody is refused by it alone.
    """

    def __init__(self, log: DecisionLog, at_most: int | None = None) -> None:
        super().__init__(log, at_most)
        self.find_people = log.directory.cached_people

    def head_to_begin_with(self) -> Head:
        """The head as it was last seen."""
        return self._log.cached_head

    def state(self, subject: str) -> SubjectState:
        """A subject as the rules see it."""
        return self._log.state_cached(subject) or super().state(subject)

    def new_subject_state(self, subject: str) -> SubjectState:
        """A subject that a command is about to begin: taken to be new, unless it is known."""
        return self._log.application.cached_state(subject) or SubjectState(subject)


def open_store(where: Path | str, *, clock: Callable[[], int], read_only: bool = False, whole: bool = True) -> Store:
    """The store in a file, or at the address of a database; the latter's driver is imported only then."""
    if is_dsn(where):
        from eventlog.postgresql import PostgresStore  # noqa: PLC0415

        return PostgresStore(str(where), clock=clock, read_only=read_only, whole=whole)
    return SqliteStore(Path(where), clock=clock, read_only=read_only, whole=whole)


def _check_transaction(transaction: Transaction) -> Refused | None:
    try:
        must_be_valid_transaction(transaction)
    except Refused as refused:
        return refused
    return None


def _recorded(row: EntryRow) -> RecordedEvent:
    return RecordedEvent(row.position, row.subject, row.version, row.type, row.recorded_at)


def _result(outcome: Outcome) -> Receipt | Conflict:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome if isinstance(outcome, Conflict) else Receipt(tuple(map(_recorded, outcome)))
