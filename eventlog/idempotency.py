"""Idempotency keys: a request that is sent again under its key is recorded once, and gets the receipt of the first time.

With the entries of a transaction that has a key, its record is stored: a salted hash of the request. A transaction whose
key has a record is not decided; it gets the receipt stored there, if the request is the same. Of two with the same key
at the same time, one waits: in this process for the other task (`KeysInUse`), and for another process at the commit,
where `eventlog.sequencer` finds under the lock that the key is taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from domain.errors import KeyReused
from domain.scopes import IMPORT_SCOPE, scopes_for
from eventlog.codec import SALT_BYTES
from eventlog.entry import Receipt, RecordedEvent, Transaction
from eventlog.records import IdempotencyRecord, StoredResult, UniqueClaim
from eventlog.store import Store

IMPORT: Final = "import"

Results = Mapping[UniqueClaim, StoredResult]
Events = Mapping[int, RecordedEvent]


def idempotency_scope(transaction: Transaction) -> str:
    """Return who owns the idempotency key: the caller, or for imports the system they come from."""
    source = transaction.commands[0].source
    if source is not None and IMPORT_SCOPE in scopes_for(transaction.caller.scopes, source.system):
        return f"{IMPORT}:{source.system}"
    return transaction.caller.actor


def idempotency_claim(transaction: Transaction) -> UniqueClaim | None:
    """Return the claim to the idempotency key of a transaction, or None if it has no key."""
    return None if transaction.key is None else UniqueClaim("key", idempotency_scope(transaction), transaction.key)


def idempotency_record(transaction: Transaction, entropy: Callable[[int], bytes]) -> IdempotencyRecord | None:
    """Return what is stored with the entries of a transaction, so that a repetition is found; None without a key."""
    claim = idempotency_claim(transaction)
    if claim is None:
        return None
    salt = entropy(SALT_BYTES)
    return IdempotencyRecord(claim, salt, request_digest(transaction, salt))


def request_digest(transaction: Transaction, salt: bytes) -> bytes:
    """Return the salted hash by which a repeated request is recognized.

    It covers everything the commands contain, in the order of the fields of their models. A test fixes that order.
    """
    digest = sha256(salt)
    for command in transaction.commands:
        digest.update(command.model_dump_json(by_alias=True, exclude_none=True).encode())
    return digest.digest()


def must_be_same_request(transaction: Transaction, digest: bytes, salt: bytes) -> None:
    """Check that a transaction is the request that was stored under its key.

    Raises:
        KeyReused: it is another.
    """
    if not compare_digest(digest, request_digest(transaction, salt)):
        raise KeyReused(f"the key {transaction.key!r} was used for another command; use a new key for a new command")


# Repeated requests ---------------------------------------------------------------------------------------------------


def find_receipt(store: Store, transaction: Transaction) -> Receipt | None:
    """Return the receipt stored under the idempotency key of a transaction, or None.

    Raises:
        KeyReused: the key was used for a different request.
    """
    results = find_results(store, [transaction])
    return stored_receipt(transaction, results, store.recorded_events(results.values()))


def find_results(store: Store, transactions: Iterable[Transaction]) -> Results:
    """Return the results stored under the idempotency keys of transactions."""
    return store.find_results([claim for each in transactions if (claim := idempotency_claim(each))])


def stored_receipt(transaction: Transaction, results: Results, events: Events) -> Receipt | None:
    """Return the receipt of a transaction that has a stored result, whose entries are among `events`, or None.

    Raises:
        KeyReused: the key was used for a different request.
    """
    claim = idempotency_claim(transaction)
    result = results.get(claim) if claim else None
    if result is None:
        return None
    if result.salt is not None:  # it is gone once texts were erased; then the key alone decides
        must_be_same_request(transaction, result.digest, result.salt)
    positions = range(result.first, result.first + result.count)
    return Receipt(tuple([events[position] for position in positions if position in events]), replayed=True)


# Requests at the same time -------------------------------------------------------------------------------------------


class KeysInUse:
    """The idempotency keys whose transactions are being executed in this process, and who waits for them."""

    def __init__(self) -> None:
        self._ends: dict[UniqueClaim, Future[None]] = {}

    async def acquire(
        self, transactions: Sequence[Transaction], acquired: dict[UniqueClaim, Future[None]]
    ) -> list[Transaction]:
        """Acquire the keys of the first transactions, and return these transactions; `release` what is in `acquired`.

        Only the first waits for another task that uses its key: waiting while holding keys could deadlock.
        """
        ready: list[Transaction] = []
        for transaction in transactions:
            claim = idempotency_claim(transaction)
            if claim is not None:
                if ready and claim in self._ends and claim not in acquired:
                    break
                await self._acquire_key(claim, acquired)
            ready.append(transaction)
        return ready

    def acquire_if_free(self, transaction: Transaction, acquired: dict[UniqueClaim, Future[None]]) -> bool:
        """Acquire the key of a transaction, if it has one. Return False if another task uses the key."""
        claim = idempotency_claim(transaction)
        if claim is None:
            return True
        end: Future[None] = Future()
        if self._ends.setdefault(claim, end) is not end:
            return False
        acquired[claim] = end
        return True

    async def _acquire_key(self, claim: UniqueClaim, acquired: dict[UniqueClaim, Future[None]]) -> None:
        end = acquired.get(claim) or Future()
        while (other := self._ends.setdefault(claim, end)) is not end:
            await asyncio.shield(asyncio.wrap_future(other))
        acquired[claim] = end

    def release(self, acquired: Mapping[UniqueClaim, Future[None]]) -> None:
        """Let the tasks that wait for these keys continue."""
        for claim, end in acquired.items():
            del self._ends[claim]
            end.set_result(None)
