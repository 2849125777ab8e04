"""Anything that applies transactions: a log in this process, a server that has one, or a dry run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.errors import Refused
from eventlog.entry import Receipt, Transaction


class Sink(Protocol):
    """Applies transactions."""

    async def execute_many(self, transactions: Sequence[Transaction]) -> Sequence[Receipt | Refused]:
        """Apply transactions in order and return the outcome of each."""
        ...
