"""Dry run: what the results of transactions would be, without writing anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.errors import Refused
from domain.fields import SubjectState
from eventlog.command_handler import CommandHandler, must_be_valid_transaction
from eventlog.entry import Receipt, RecordedEvent, Transaction
from eventlog.idempotency import idempotency_claim, must_be_same_request, request_digest
from eventlog.records import UniqueClaim


class DryRun:
    """Decides transactions in order on top of a log, each seeing those before it, and remembers their results.

    `find_receipt` returns the receipt that the log has stored under the idempotency key of a transaction.
    """

    def __init__(self, handler: CommandHandler, find_receipt: Callable[[Transaction], Receipt | None]) -> None:
        self._handler = handler
        self._find_receipt = find_receipt
        self._results: dict[UniqueClaim, tuple[bytes, Receipt]] = {}

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
            return self._find_receipt(transaction) or self._replay_own(transaction) or self._decide(transaction)
        except Refused as refused:
            return refused

    def _replay_own(self, transaction: Transaction) -> Receipt | None:
        """Return the receipt of the same transaction earlier in this dry run, or None."""
        claim = idempotency_claim(transaction)
        if claim is None or claim not in self._results:
            return None
        digest, receipt = self._results[claim]
        must_be_same_request(transaction, digest, b"")
        return Receipt(receipt.recorded, replayed=True)

    def _decide(self, transaction: Transaction) -> Receipt:
        recorded = [
            RecordedEvent(entry.position, entry.subject, entry.version, entry.type, entry.recorded_at)
            for entry in self._handler.decide(transaction).entries
        ]
        receipt = Receipt(tuple(recorded))
        if claim := idempotency_claim(transaction):
            self._results[claim] = (request_digest(transaction, b""), receipt)
        return receipt
