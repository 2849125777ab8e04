"""The decision log: what the rest of the house speaks to."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from hmac import compare_digest
from itertools import islice
from pathlib import Path
from typing import Final, Self

from domain.catalogue import EVENT_NAMES
from domain.cells import State
from domain.errors import KeyReused, Refused, Stale
from domain.record import LogOpened
from eventlog import codec
from eventlog.address import is_address
from eventlog.application import LogApplication
from eventlog.checkpoint import Checkpoint
from eventlog.committer import Answer, Append, Claim, Conflict, Head, NewEvent, Row
from eventlog.deciding import Chain, digest, must_be_a_unit, scope_of
from eventlog.directory import Directory
from eventlog.entry import Entry, Envelope, Origin, Receipt, Recorded, Unit
from eventlog.ids import new_id, new_key
from eventlog.lock import WriterLock
from eventlog.merkle import leaf_hash
from eventlog.recorder import LogSubscription
from eventlog.rehearsal import Rehearsal
from eventlog.sqlite import SqliteStore
from eventlog.store import Outcome, Store
from eventlog.tokens import Tokens
from eventlog.verifying import Finding, verify

ATTEMPTS: Final = 4
"""A unit that lost a race is decided again three times."""
UNITS_AT_ONCE: Final = 1000
THE_LOG_ITSELF: Final = "service:decisionlog"


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
        self.directory = Directory(store)
        self.tokens = Tokens(store, clock=clock, entropy=entropy)
        self._underway: dict[tuple[str, str], Future[None]] = {}
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
        path = None if is_address(where) else Path(where)
        if path and not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(path) if path and not read_only else None
        try:
            store = store_at(where, clock=clock, read_only=read_only, whole=whole)
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
        envelope = Envelope(
            id=new_id(self._entropy), unit=new_id(self._entropy), place=1, actor=THE_LOG_ITSELF, credential="none",
            source=Origin("log"),
        )  # fmt: skip
        own, texts = codec.encode(LogOpened(), envelope, self._entropy)
        once = Answer(Claim("key", THE_LOG_ITSELF, "begin"), b"", b"")
        event = NewEvent(subject, 1, EVENT_NAMES[LogOpened], own, texts)
        outcome = self._store.submit([Append((event,), answer=once)]).result()[0]
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

    async def execute(self, unit: Unit) -> Receipt:
        """Applies a unit whole, and answers once it is committed.

        Raises:
            Refused: nothing was recorded; see `domain.errors` for the kinds.
            PersistenceError: the store failed; whether it was recorded is unknown, so ask again with the same key.
        """
        (result,) = await self.execute_many([unit])
        if isinstance(result, Refused):
            raise result
        return result

    async def execute_many(self, units: Sequence[Unit]) -> list[Receipt | Refused]:
        """Applies units in order, each with its own fate; later ones see earlier ones. Many share a transaction.

        Raises:
            PersistenceError: the store failed; what was recorded answers again by its keys.
        """
        results: list[Receipt | Refused] = []
        waiting = iter(units)
        while chunk := list(islice(waiting, UNITS_AT_ONCE)):
            results += await self._settled(chunk)
        return results

    def rehearsal(self) -> Rehearsal:
        """Tells what would become of units, and writes nothing; also where the log is open for reading only."""
        return Rehearsal(Chain(self, clock=self._clock, entropy=self._entropy), self._answered)

    async def _settled(self, units: list[Unit]) -> list[Receipt | Refused]:
        """What becomes of some units: those that lose a race are decided again, in their order."""
        results: list[Receipt | Refused | Conflict | None] = [None] * len(units)
        open_ = list(range(len(units)))
        for _ in range(ATTEMPTS):
            while open_:
                done = await self._attempt([units[n] for n in open_])
                for n, result in zip(open_, done, strict=False):
                    results[n] = result
                open_ = open_[len(done) :]
            open_ = [n for n, result in enumerate(results) if isinstance(result, Conflict)]
            if not open_:
                break
        return [self._stale(result) if isinstance(result, Conflict) else result for result in results if result]

    async def _attempt(self, units: list[Unit]) -> list[Receipt | Refused | Conflict]:
        """Judges and writes the first of some units, as many as can be judged before any of them is written."""
        mine: dict[tuple[str, str], Future[None]] = {}
        try:
            return await self._attempt_holding(units, mine)
        finally:
            for key, done in mine.items():
                del self._underway[key]
                done.set_result(None)

    async def _attempt_holding(
        self, units: list[Unit], mine: dict[tuple[str, str], Future[None]]
    ) -> list[Receipt | Refused | Conflict]:
        chain = Chain(self, clock=self._clock, entropy=self._entropy)
        results: list[Receipt | Refused | Append] = []
        for unit in units:
            try:
                must_be_a_unit(unit)
                if results and (chain.must_wait(unit) or self._is_underway(unit, mine)):
                    break
                await self._hold_key(unit, mine)
                results.append(self._answered(unit) or chain.judge(unit))
            except Refused as refused:
                results.append(refused)
        return await self._written(results)

    def _is_underway(self, unit: Unit, mine: dict[tuple[str, str], Future[None]]) -> bool:
        """Whether somebody else is at work under this unit's key; waiting for them while holding keys could be for ever."""
        key = (scope_of(unit), unit.key or "")
        return unit.key is not None and key in self._underway and key not in mine

    async def _hold_key(self, unit: Unit, mine: dict[tuple[str, str], Future[None]]) -> None:
        """Waits until nobody else is at work under this unit's key, and takes it."""
        if unit.key is None:
            return
        key = (scope_of(unit), unit.key)
        done = mine.get(key) or Future()
        while (other := self._underway.setdefault(key, done)) is not done:
            await asyncio.shield(asyncio.wrap_future(other))
        mine[key] = done

    async def _written(self, judged: list[Receipt | Refused | Append]) -> list[Receipt | Refused | Conflict]:
        appends = [one for one in judged if isinstance(one, Append)]
        if not appends:
            return [one for one in judged if not isinstance(one, Append)]
        written = await asyncio.wrap_future(self._store.submit(appends))
        outcomes = iter(written)
        return [_result(next(outcomes)) if isinstance(one, Append) else one for one in judged]

    def _answered(self, unit: Unit) -> Receipt | None:
        """The receipt already given under this unit's key.

        Raises:
            KeyReused: it was given to another unit.
        """
        if unit.key is None:
            return None
        given = self._store.answer(Claim("key", scope_of(unit), unit.key))
        if given is None:
            return None
        # Where texts were forgotten the salt is gone: nothing can be compared any more, and the key alone decides.
        if given.salt is not None and not compare_digest(given.digest, digest(unit, given.salt)):
            msg = f"the key {unit.key!r} was used for another command; use a new key for a new command"
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

    def state(self, subject: str) -> State:
        """A subject as the rules see it; version 0 when the log has never heard of it."""
        return self.application.state(subject)

    def known_as(self, fold: str) -> tuple[str, ...]:
        """The ids behind a folded spelling."""
        return self.directory.known_as(fold)

    def head(self) -> Head:
        """Size, root (hex) and last instant of the log, as committed."""
        return self._store.head()

    @property
    def id(self) -> str:
        """The subject that is the log itself, `log:KEY`."""
        return self._store.rows(0, 1)[0].subject

    def read(self, after: int, limit: int) -> list[Entry]:
        """At most `limit` entries after a position, in order."""
        return self.application.recent(after, limit) or [codec.read_back(row) for row in self.rows(after, limit)]

    def entry(self, position: int) -> Entry | None:
        """The entry at a position, or None."""
        found = self.read(position - 1, 1) if position > 0 else []
        return found[0] if found else None

    def stream(self, subject: str) -> list[Entry]:
        """All entries of one subject, in order."""
        return [codec.read_back(row) for row in self._store.stream(subject)]

    def raw(self, after: int, limit: int) -> Iterator[RawEntry]:
        """Entries as they are published, at most `limit` after a position."""
        for row in self.rows(after, limit):
            entry = codec.compose(row)
            yield RawEntry(row.position, entry, leaf_hash(entry).hex(), codec.texts_of(row.texts))

    def rows(self, after: int, limit: int) -> list[Row]:
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

    def checkpoint_and_vacuum(self) -> None:
        """Rewrites the file, so that what was forgotten is in none of its bytes."""
        self._store.compact()

    def verify(self) -> Finding | None:
        """What does not fit, if anything: see `verified`."""
        found = self.verified()
        return found if isinstance(found, Finding) else None

    def verified(
        self, checkpoints: Iterable[Checkpoint] = (), tell: Callable[[int, int], None] = lambda _done, _of: None
    ) -> Checkpoint | Finding:
        """Recomputes everything that can be: what the log was found to be, or the first thing that does not fit, also with
        what it was at each checkpoint. `tell` hears how many entries are done, and of how many.
        """
        return verify(self, checkpoints, tell)


def store_at(where: Path | str, *, clock: Callable[[], int], read_only: bool = False, whole: bool = True) -> Store:
    """The store in a file, or at the address of a database; the latter's driver is imported only then."""
    if is_address(where):
        from eventlog.postgres import PostgresStore  # noqa: PLC0415

        return PostgresStore(str(where), clock=clock, read_only=read_only, whole=whole)
    return SqliteStore(Path(where), clock=clock, read_only=read_only, whole=whole)


def _recorded(row: Row) -> Recorded:
    return Recorded(row.position, row.subject, row.version, row.type, row.recorded_at)


def _result(outcome: Outcome) -> Receipt | Conflict:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome if isinstance(outcome, Conflict) else Receipt(tuple(map(_recorded, outcome)))
