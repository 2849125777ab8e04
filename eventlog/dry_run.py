"""What would become of units, told without writing anything: a dry run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.errors import KeyReused, Refused
from domain.fields import SubjectState
from eventlog.command_handler import CommandHandler, idempotency_scope, must_be_valid_transaction, request_digest
from eventlog.entry import Receipt, RecordedEvent, Transaction


class DryRun:
    """Judges units in order on top of a log, each seeing those before it, and remembers what they would come to.

    `answered` tells the receipt that the log has given under a unit's key already.
    """

    def __init__(self, chain: CommandHandler, answered: Callable[[Transaction], Receipt | None]) -> None:
        self._chain = chain
        self._answered = answered
        self._told: dict[tuple[str, str], tuple[bytes, Receipt]] = {}

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """The fate each unit would have. Positions are those it would get if nothing else came between."""
        return [self._outcome(transaction) for transaction in transactions]

    def state(self, subject: str) -> SubjectState:
        """A subject as it would be by now."""
        return self._chain.state(subject)

    def find_people(self, fold: str) -> tuple[str, ...]:
        """The ids behind a folded spelling, with those that the directory would have by now."""
        return self._chain.find_people(fold)

    def spellings(self) -> set[str]:
        """Every spelling of a person, folded, that the directory would have more by now."""
        return self._chain.spellings()

    def _outcome(self, transaction: Transaction) -> Receipt | Refused:
        try:
            must_be_valid_transaction(transaction)
            return self._answered(transaction) or self._repeated(transaction) or self._judged(transaction)
        except Refused as refused:
            return refused

    def _repeated(self, transaction: Transaction) -> Receipt | None:
        """The receipt of the same unit earlier in this rehearsal."""
        told = (
            self._told.get((idempotency_scope(transaction), transaction.key)) if transaction.key is not None else None
        )
        if told is None:
            return None
        if told[0] != request_digest(transaction, b""):
            msg = f"the key {transaction.key!r} was used for another command; use a new key for a new command"
            raise KeyReused(msg)
        return Receipt(told[1].recorded, replayed=True)

    def _judged(self, transaction: Transaction) -> Receipt:
        entries = self._chain.decide(transaction).entries
        receipt = Receipt(
            tuple(
                RecordedEvent(each.position, each.subject, each.version, each.type, each.recorded_at)
                for each in entries
            )
        )
        if transaction.key is not None:
            self._told[idempotency_scope(transaction), transaction.key] = (request_digest(transaction, b""), receipt)
        return receipt
