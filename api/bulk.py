"""Many transactions in one request, written in chunks, so that other writers wait for one chunk and not for all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from domain.errors import Refused
from eventlog.entry import Receipt, Transaction
from eventlog.log import DecisionLog

CHUNK_COMMANDS: Final = 200
"""Commands decided and written at a time: about 30 ms of the event loop."""
_TURN: Final = asyncio.Lock()
"""One chunk at a time: of many bulk requests each has its turn, and a single command waits for one chunk at most."""


async def execute_in_chunks(log: DecisionLog, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
    """Apply transactions in order, each with its own result; those of others can come between them.

    Raises:
        PersistenceError: the store failed; what was recorded answers again by its keys.
    """
    results: list[Receipt | Refused] = []
    for chunk in _chunks(transactions):
        async with _TURN:
            results += await log.execute_many(chunk)
    return results


def _chunks(transactions: Sequence[Transaction]) -> Iterator[list[Transaction]]:
    """Yield the transactions in order, in groups of at most `CHUNK_COMMANDS`; a larger one is alone."""
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
