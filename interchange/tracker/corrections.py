"""Record what a corrected mapping reads differently: the new meaning, from the same time on, by a later entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.any_subject import ImportChanges, ImportedChange
from domain.errors import KeyReused, Refused
from domain.messages import Command
from domain.values import to_micros
from eventlog.entry import Caller, Receipt, Transaction
from interchange.import_batches import PlannedTransaction, count_outcome
from interchange.import_report import ImportReport
from interchange.sink import ImportSink

Spot = tuple[str, str, int]
"""A subject, one of its fields, and a time."""


MAX_CORRECTIONS: Final = 1_000
"""The corrections of one line that are looked through."""


class Corrector:
    """Collects the lines of a batch that mean something else than when they were imported, and sends them again.

    What is corrected takes effect at the same time as before and wins as the later entry. So a line of the same field
    and time that comes after it in the file is sent again too. Answers as known before the correction do not change.
    The corrections of a line are numbered; the last one is what it means, so an earlier meaning can come back.
    """

    def __init__(self, system: str, sink: ImportSink, caller: Caller, report: ImportReport) -> None:
        self._system = system
        self._sink = sink
        self._caller = caller
        self._report = report
        self._waiting: list[tuple[PlannedTransaction, int]] = []
        self._corrected: set[Spot] = set()

    async def find_corrections(
        self, batch: Sequence[PlannedTransaction], results: Sequence[Receipt | Refused]
    ) -> dict[str, tuple[int, Receipt | Refused]]:
        """Return, for each key of a known line that was corrected, how often, and the outcome of sending it as it was
        corrected last: a replay if it still means that.
        """
        known = [one for one, result in zip(batch, results, strict=True) if one.key and _is_known(result)]
        counts = self._count_corrections([one.key for one in known if one.key])
        corrected = [(one, counts[one.key]) for one in known if one.key in counts]
        if not corrected:
            return {}
        outcomes = await self._sink.execute_many([self._correction(one, count) for one, count in corrected])
        return {one.key or "": (count, outcome) for (one, count), outcome in zip(corrected, outcomes, strict=True)}

    def _count_corrections(self, keys: list[str]) -> dict[str, int]:
        counts: dict[str, int] = {}
        for number in range(1, MAX_CORRECTIONS):
            recorded = self._sink.recorded_keys(self._system, [_key_of(key, number) for key in keys]) if keys else {}
            keys = [key for key in keys if _key_of(key, number) in recorded]
            if not keys:
                break
            counts |= dict.fromkeys(keys, number)
        return counts

    def must_repeat(self, planned: PlannedTransaction, result: Receipt | Refused) -> bool:
        """Whether a line that is unchanged comes after a corrected one of the same field and time."""
        is_old = isinstance(result, Receipt) and result.replayed
        return is_old and bool(self._corrected) and bool(self._corrected & _spots(planned.commands))

    def add(self, planned: PlannedTransaction, corrections: int = 0) -> None:
        """Add a line and how often it was corrected before."""
        self._corrected |= _spots(planned.commands)
        self._waiting.append((planned, corrections + 1))

    async def send(self) -> None:
        """Send what was added. Over HTTP the number of corrections is unknown, so the next free number is tried."""
        waiting, self._waiting = self._waiting, []
        while waiting:
            outcomes = await self._sink.execute_many([self._correction(*each) for each in waiting])
            again = []
            for (planned, number), result in zip(waiting, outcomes, strict=True):
                if isinstance(result, KeyReused) and number < MAX_CORRECTIONS:
                    again.append((planned, number + 1))
                else:
                    self._count(planned, result)
            waiting = again

    def _count(self, planned: PlannedTransaction, result: Receipt | Refused) -> None:
        count_outcome(self._report, planned.label, result, planned.prefix, planned.data)
        is_new = isinstance(result, Receipt) and not result.replayed
        self._report.corrected += is_new
        if is_new and planned.findings and not self._report.verbose:
            self._report.add(planned.findings)

    def _correction(self, planned: PlannedTransaction, number: int) -> Transaction:
        """Return a correction of a line. Fields that it set as it was read before, and no longer does, are emptied."""
        key = planned.key or ""
        before = key if number == 1 else _key_of(key, number - 1)
        commands = (*self._commands_to_empty(planned, before), *planned.commands)
        return Transaction(commands, self._caller, _key_of(key, number))

    def _commands_to_empty(self, planned: PlannedTransaction, key: str) -> list[Command]:
        """Return the commands that empty what the line set in an earlier transaction, and does not set any more."""
        position = self._sink.recorded_keys(self._system, [key]).get(key)
        first = self._sink.entry(position) if position else None
        commands: list[Command] = []
        shared = next((one for one in planned.commands if isinstance(one, ImportChanges)), None)
        if first is None or position is None or shared is None:
            return []
        spots = _spots(planned.commands)
        at = position
        while (entry := self._sink.entry(at)) is not None and entry.metadata.transaction == first.metadata.transaction:
            gone = tuple(
                ImportedChange(field=change.field)
                for change in getattr(entry.event, "changes", ())
                if (entry.subject, change.field, entry.effective_at) not in spots
                and not entry.subject.startswith("release:")
            )
            if gone:
                commands.append(shared.model_copy(update={"subject": entry.subject, "changes": gone}))
            at += 1
        return commands


def _key_of(key: str, number: int) -> str:
    """Return the key of a correction of the line with this key. The first is 1."""
    return f"{key}+{number}"


def _is_known(result: Receipt | Refused) -> bool:
    """Whether the log has the line, with this meaning or another."""
    return isinstance(result, KeyReused) or (isinstance(result, Receipt) and result.replayed)


def _spots(commands: tuple[Command, ...]) -> set[Spot]:
    return {
        (command.subject, change.field, to_micros(command.effective_at) if command.effective_at else 0)
        for command in commands
        if isinstance(command, ImportChanges)
        for change in command.changes
    }
