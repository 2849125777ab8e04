"""What would become of units, told without writing anything: a dry run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.cells import State
from domain.errors import KeyReused, Refused
from eventlog.deciding import Chain, digest, must_be_a_unit, scope_of
from eventlog.entry import Receipt, Recorded, Unit


class Rehearsal:
    """Judges units in order on top of a log, each seeing those before it, and remembers what they would come to.

    `answered` tells the receipt that the log has given under a unit's key already.
    """

    def __init__(self, chain: Chain, answered: Callable[[Unit], Receipt | None]) -> None:
        self._chain = chain
        self._answered = answered
        self._told: dict[tuple[str, str], tuple[bytes, Receipt]] = {}

    async def execute_many(self, units: Sequence[Unit]) -> list[Receipt | Refused]:
        """The fate each unit would have. Positions are those it would get if nothing else came between."""
        return [self._fate(unit) for unit in units]

    def state(self, subject: str) -> State:
        """A subject as it would be by now."""
        return self._chain.state(subject)

    def known_as(self, fold: str) -> tuple[str, ...]:
        """The ids behind a folded spelling, with those that the directory would have by now."""
        return self._chain.known_as(fold)

    def spellings(self) -> set[str]:
        """Every spelling of a person, folded, that the directory would have more by now."""
        return self._chain.spellings()

    def _fate(self, unit: Unit) -> Receipt | Refused:
        try:
            must_be_a_unit(unit)
            return self._answered(unit) or self._repeated(unit) or self._judged(unit)
        except Refused as refused:
            return refused

    def _repeated(self, unit: Unit) -> Receipt | None:
        """The receipt of the same unit earlier in this rehearsal."""
        told = self._told.get((scope_of(unit), unit.key)) if unit.key is not None else None
        if told is None:
            return None
        if told[0] != digest(unit, b""):
            msg = f"the key {unit.key!r} was used for another command; use a new key for a new command"
            raise KeyReused(msg)
        return Receipt(told[1].recorded, replayed=True)

    def _judged(self, unit: Unit) -> Receipt:
        entries = self._chain.judge(unit).entries
        receipt = Receipt(
            tuple(Recorded(each.position, each.subject, each.version, each.type, each.recorded_at) for each in entries)
        )
        if unit.key is not None:
            self._told[scope_of(unit), unit.key] = (digest(unit, b""), receipt)
        return receipt
