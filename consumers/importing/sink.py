"""Where the units of an import go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import Refused
from eventlog.directory import folded
from eventlog.entry import Receipt, Unit
from eventlog.log import DecisionLog


class Sink(Protocol):
    """A log, as far as an importer needs it."""

    async def execute_many(self, units: Sequence[Unit]) -> Sequence[Receipt | Refused]:
        """Applies units in order, each with its own fate."""
        ...

    def known_spellings(self) -> Collection[str]:
        """Every spelling of a person that the directory understands, folded as `eventlog.directory.folded` does."""
        ...


@dataclass(frozen=True, slots=True)
class LogSink:
    """A log in this process."""

    log: DecisionLog

    async def execute_many(self, units: Sequence[Unit]) -> list[Receipt | Refused]:
        """Applies units in order, each with its own fate."""
        return await self.log.execute_many(units)

    def known_spellings(self) -> set[str]:
        """Every spelling of a person that the directory understands, folded."""
        return {folded(spelling) for somebody in self.log.directory.everybody() for spelling in somebody.spellings}
