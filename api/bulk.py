"""Bulk writes in chunks, so that other writers wait for one chunk and not for the whole request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from domain.errors import Refused
from eventlog.entry import Receipt, Transaction
from identity.decision_log import DecisionLog

CHUNK_COMMANDS: Final = 200
"""Commands decided and written at a time; they block the event loop for about 30 ms."""
CHUNKS_AT_ONCE: Final = 2
"""While one chunk is written, the next is decided. Bulk requests take turns, and a single command waits for these at most."""
_CHUNKS: Final = asyncio.Semaphore(CHUNKS_AT_ONCE)


async def execute_in_chunks(log: DecisionLog, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
    """Apply transactions in order and return the outcome of each. Other writers can record between them.

    Raises:
        PersistenceError: the store failed. Sending the request again replays what was recorded under its keys.
    """
    outcomes: list[Receipt | Refused] = []
    for chunk in _chunks(transactions):
        async with _CHUNKS:
            outcomes += await log.execute_many(chunk)
    return outcomes


def _chunks(transactions: Sequence[Transaction]) -> Iterator[list[Transaction]]:
    """Yield the transactions in order in chunks of at most `CHUNK_COMMANDS`; a larger transaction is its own chunk."""
    chunk: list[Transaction] = []
    size = 0
    for transaction in transactions:
        if chunk and size + len(transaction.commands) > CHUNK_COMMANDS:
            yield chunk
            chunk, size = [], 0
        chunk.append(transaction)
        size += len(transaction.commands)
    if chunk:
        yield chunk
