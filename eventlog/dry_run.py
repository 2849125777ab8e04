"""Dry run: what the results of transactions would be, without writing anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.errors import KeyReused, Refused
from domain.fields import SubjectState
from eventlog.command_handler import CommandHandler, idempotency_scope, must_be_valid_transaction, request_digest
from eventlog.entry import Receipt, RecordedEvent, Transaction


class DryRun:
    """Decides transactions in order on top of a log, each seeing those before it, and remembers their results.

    `replay` returns the receipt that the log has stored under the idempotency key of a transaction.
    """

    def __init__(self, handler: CommandHandler, replay: Callable[[Transaction], Receipt | None]) -> None:
        self._handler = handler
        self._replay = replay
        self._results: dict[tuple[str, str], tuple[bytes, Receipt]] = {}

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Return the result each transaction would have, with the positions it would get if nothing came between."""
        return [self._execute(transaction) for transaction in transactions]

    def state(self, subject: str) -> SubjectState:
        """Return a subject as it would be by now."""
        return self._handler.state(subject)

    def find_people(self, normalized: str) -> tuple[str, ...]:
        """Return the ids behind a normalized name, including people registered in this dry run."""
        return self._handler.find_people(normalized)

    def spellings(self) -> set[str]:
        """Return every normalized name that this dry run would add to the directory."""
        return self._handler.spellings()

    def _execute(self, transaction: Transaction) -> Receipt | Refused:
        try:
            must_be_valid_transaction(transaction)
            return self._replay(transaction) or self._replay_own(transaction) or self._decide(transaction)
        except Refused as refused:
            return refused

    def _replay_own(self, transaction: Transaction) -> Receipt | None:
        """Return the receipt of the same transaction earlier in this dry run, or None."""
        if transaction.key is None:
            return None
        digest, receipt = self._results.get((idempotency_scope(transaction), transaction.key), (b"", None))
        if receipt is None:
            return None
        if digest != request_digest(transaction, b""):
            raise KeyReused(
                f"the key {transaction.key!r} was used for another command; use a new key for a new command"
            )
        return Receipt(receipt.recorded, replayed=True)

    def _decide(self, transaction: Transaction) -> Receipt:
        recorded = [
            RecordedEvent(entry.position, entry.subject, entry.version, entry.type, entry.recorded_at)
            for entry in self._handler.decide(transaction).entries
        ]
        receipt = Receipt(tuple(recorded))
        if transaction.key is not None:
            key = (idempotency_scope(transaction), transaction.key)
            self._results[key] = (request_digest(transaction, b""), receipt)
        return receipt
