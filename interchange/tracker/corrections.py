"""Record what a corrected mapping reads differently: the new meaning, from the same time on, by a later entry."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from domain.any_subject import ImportChanges, ImportedChange
from domain.errors import Refused
from domain.messages import Command
from domain.values import to_micros
from eventlog.entry import Caller, Receipt, Transaction
from interchange.import_batches import PlannedTransaction, count_outcome
from interchange.import_report import ImportReport
from interchange.sink import ImportSink

Spot = tuple[str, str, int]
"""A subject, one of its fields, and a time."""


class Corrector:
    """Collects the lines of a batch that mean something else than when they were imported, and sends them again.

    What is corrected takes effect at the same time as before and wins as the later entry. So a line of the same field
    and time that comes after it in the file is sent again too. Answers as known before the correction do not change.
    """

    def __init__(self, system: str, sink: ImportSink, caller: Caller, report: ImportReport) -> None:
        self._system = system
        self._sink = sink
        self._caller = caller
        self._report = report
        self._waiting: list[PlannedTransaction] = []
        self._corrected: set[Spot] = set()

    def must_repeat(self, planned: PlannedTransaction, result: Receipt | Refused) -> bool:
        """Whether a line that is unchanged comes after a corrected one of the same field and time."""
        is_old = isinstance(result, Receipt) and result.replayed
        return is_old and bool(self._corrected) and bool(self._corrected & _spots(planned.commands))

    def add(self, planned: PlannedTransaction, result: Receipt | Refused) -> None:
        """Add a line. Fields that it set when it was imported, and no longer does, are emptied."""
        commands = planned.commands
        if isinstance(result, Refused) and planned.key is not None:
            commands = (*self._commands_to_empty(planned), *commands)
        self._corrected |= _spots(commands)
        text = "".join(command.model_dump_json(exclude_none=True) for command in commands)
        key = f"{planned.key}+{sha256(text.encode()).hexdigest()[:16]}"
        self._waiting.append(replace(planned, commands=commands, key=key))

    async def send(self) -> None:
        """Send what was added."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        transactions = [Transaction(planned.commands, self._caller, planned.key) for planned in waiting]
        for planned, result in zip(waiting, await self._sink.execute_many(transactions), strict=True):
            count_outcome(self._report, planned.label, result, planned.prefix, planned.data)
            is_new = isinstance(result, Receipt) and not result.replayed
            self._report.corrected += is_new
            if is_new and not self._report.verbose:
                self._report.add(planned.findings)

    def _commands_to_empty(self, planned: PlannedTransaction) -> list[Command]:
        """Return the commands that empty what the line set when it was imported, and does not set any more."""
        key = planned.key or ""
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


def _spots(commands: tuple[Command, ...]) -> set[Spot]:
    return {
        (command.subject, change.field, to_micros(command.effective_at) if command.effective_at else 0)
        for command in commands
        if isinstance(command, ImportChanges)
        for change in command.changes
    }
