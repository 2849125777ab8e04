"""The write path: load, decide, append, retry.

1. *Load*: `eventlog.handler_views` reads the states that a transaction needs, at first from the caches of this process.
2. *Decide*: `eventlog.command_handler` applies the domain's rules and serializes the resulting events.
3. *Append*: `eventlog.writer_thread` commits the results of many callers together; under its lock, `eventlog.sequencer`
   checks that nothing they have read has changed, and assigns positions.
4. *Retry*: where something has changed, the transaction is decided again on the committed log.

A repeated request is answered from what `eventlog.idempotency` finds under its key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import TYPE_CHECKING, Final

from domain.errors import Refused, Stale
from eventlog.command_handler import CommandHandler, must_be_valid_transaction
from eventlog.entry import Receipt, RecordedEvent, Transaction
from eventlog.handler_views import CachedView, CommittedView
from eventlog.idempotency import Events, KeysInUse, Results, find_receipt, find_results, stored_receipt
from eventlog.long_reads import MAX_ENTRIES_IN_LOOP, LongReadError
from eventlog.records import Append, Conflict, EntryRow, Outcome, UniqueClaim
from eventlog.store import Store

if TYPE_CHECKING:
    from eventlog.log import EventLog

MAX_ATTEMPTS: Final = 4
"""How often a transaction is decided, at most, when others change what it reads."""
TRANSACTIONS_PER_CHUNK: Final = 1000
MAX_LONG_READS: Final = 4
"""After this many long reads, the rest of the chunk is decided in a thread."""


class TransactionExecutor:
    """Executes transactions on a log. `on_side_tables_changed` is called after names or tokens were written."""

    def __init__(
        self,
        log: EventLog,
        store: Store,
        *,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        on_side_tables_changed: Callable[[], None],
    ) -> None:
        self._log = log
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._on_side_tables_changed = on_side_tables_changed
        committed = CommittedView(log, MAX_ENTRIES_IN_LOOP)
        self._views_in_loop = (CachedView(log, MAX_ENTRIES_IN_LOOP), committed)
        self._views_in_thread = (self._views_in_loop[0], CommittedView(log))
        self._keys_in_use = KeysInUse()

    async def execute(self, transaction: Transaction) -> Receipt:
        """Execute one transaction.

        Raises:
            Refused: nothing was recorded.
            PersistenceError: the store failed.
        """
        if receipt := await self._execute_at_once(transaction):
            return receipt
        (result,) = await self._execute_chunk([transaction], 1)
        if isinstance(result, Refused):
            raise result
        return result

    async def _execute_at_once(self, transaction: Transaction) -> Receipt | None:
        """Return the receipt of a transaction that is decided from the caches and has no conflict, or None.

        Nearly every request is of this kind, and the steps for many transactions would take a tenth of its time.
        """
        must_be_valid_transaction(transaction)
        acquired: dict[UniqueClaim, Future[None]] = {}
        try:
            if not self._keys_in_use.acquire_if_free(transaction, acquired):
                return None
            append = self._command_handler(self._views_in_loop).decide(transaction)
            (result,) = await self._append([append])
        except LongReadError:
            return None
        except Refused:
            if transaction.key is None:
                raise
            return None  # it may be a repetition
        finally:
            self._keys_in_use.release(acquired)
        return result if isinstance(result, Receipt) else None

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Execute transactions in order; each has its own result, and later ones see earlier ones.

        Raises:
            PersistenceError: the store failed; what was recorded is found again by its idempotency key.
        """
        results: list[Receipt | Refused] = []
        waiting = iter(transactions)
        while chunk := list(islice(waiting, TRANSACTIONS_PER_CHUNK)):
            results += await self._execute_chunk(chunk, 0)
        return results

    async def _execute_chunk(self, transactions: list[Transaction], attempts: int) -> list[Receipt | Refused]:
        """Decide and append a chunk; decide those with a conflict again, in their order.

        The first attempt reads from the caches, which needs no query. The append checks under the lock that they were
        up to date. `attempts` counts those that were made before.
        """
        results: list[Receipt | Refused | Conflict | None] = [_find_invalid(each) for each in transactions]
        undecided = [n for n, result in enumerate(results) if result is None]
        for attempt in range(attempts, MAX_ATTEMPTS):
            remaining = undecided
            while remaining:
                batch = [transactions[n] for n in remaining]
                done = await self._decide_and_append(batch, use_cache=attempt == 0)
                for n, result in zip(remaining, done, strict=False):
                    results[n] = result
                remaining = remaining[len(done) :]
            undecided = [n for n in undecided if isinstance(results[n], Conflict)]
            if not undecided:
                break
        return [self._stale_error(result) if isinstance(result, Conflict) else result for result in results if result]

    async def _decide_and_append(
        self, transactions: list[Transaction], *, use_cache: bool
    ) -> list[Receipt | Refused | Conflict]:
        """Decide and append the first transactions, as many as can be decided before any of them is committed."""
        acquired: dict[UniqueClaim, Future[None]] = {}
        try:
            ready = await self._keys_in_use.acquire(transactions, acquired)
            # For a single transaction, a repeated key is found by the append, or when the transaction is refused.
            stored = find_results(self._store, ready) if len(ready) > 1 or not use_cache else None
            return await self._append(await self._decide(ready, stored, use_cache=use_cache))
        finally:
            self._keys_in_use.release(acquired)

    # Deciding

    async def _decide(
        self, transactions: list[Transaction], stored: Results | None, *, use_cache: bool
    ) -> list[Receipt | Refused | Append]:
        """Decide the first transactions. What takes long to read is read in a thread, and then all is decided again."""

        def decide(views: Sequence[CommittedView]) -> list[Receipt | Refused | Append]:
            handler = self._command_handler(views if use_cache else views[1:])
            return list(self._decide_each(transactions, stored, handler))

        for _ in range(MAX_LONG_READS):
            try:
                return decide(self._views_in_loop)
            except LongReadError as error:
                await asyncio.to_thread(error.load)
        return await asyncio.to_thread(decide, self._views_in_thread)

    def _command_handler(self, views: Sequence[CommittedView]) -> CommandHandler:
        return CommandHandler(views, views[0].initial_head(), clock=self._clock, entropy=self._entropy)

    def _decide_each(
        self, transactions: list[Transaction], stored: Results | None, handler: CommandHandler
    ) -> Iterator[Receipt | Refused | Append]:
        """Decide transactions until one must wait for the commit of those before it."""
        events = self._store.recorded_events(stored.values()) if stored else {}
        for n, transaction in enumerate(transactions):
            if n and handler.must_wait_for_commit(transaction):
                return
            try:
                yield self._decide_one(transaction, stored, events, handler)
            except Refused as refused:
                yield refused

    def _decide_one(
        self, transaction: Transaction, stored: Results | None, events: Events, handler: CommandHandler
    ) -> Receipt | Append:
        """Replay the stored result of a transaction, or decide it.

        Where stored results were not looked up, they are looked up for a refused transaction: it may be a repetition.
        """
        if stored and (receipt := stored_receipt(transaction, stored, events)):
            return receipt
        try:
            return handler.decide(transaction)
        except Refused:
            repeated = find_receipt(self._store, transaction) if stored is None else None
            if repeated is None:
                raise
            return repeated

    # Appending

    async def _append(self, decided: Sequence[Receipt | Refused | Append]) -> list[Receipt | Refused | Conflict]:
        """Commit the appends among decided transactions, and replace each by its result."""
        appends = [each for each in decided if isinstance(each, Append)]
        outcomes = iter(await self._store.commit(appends) if appends else ())
        for append in appends:
            if append.alongside or append.revoked or append.signed_out:
                self._on_side_tables_changed()
                break
        return [_build_result(next(outcomes)) if isinstance(each, Append) else each for each in decided]

    def _stale_error(self, conflict: Conflict) -> Stale:
        winner = self._store.stream(conflict.subject, after=conflict.version - 1, limit=1)
        by = f"by the entry at position {winner[0].position}" if winner else "at the same time"
        return Stale(
            f"{conflict.subject or 'Something that this command read'} was changed {by}. Read it again and retry",
            subject=conflict.subject,
            version=conflict.version,
        )


def _find_invalid(transaction: Transaction) -> Refused | None:
    try:
        must_be_valid_transaction(transaction)
    except Refused as refused:
        return refused
    return None


def _recorded_event(row: EntryRow) -> RecordedEvent:
    return RecordedEvent(row.position, row.subject, row.version, row.type, row.recorded_at)


def _build_result(outcome: Outcome) -> Receipt | Conflict:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome if isinstance(outcome, Conflict) else Receipt(tuple([_recorded_event(row) for row in outcome]))
