"""What the access policy costs a write: CPU of the whole process, compared with the same writes without the policy."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import patch

from cli.bootstrap import clock
from domain.access import LOCAL_CREDENTIAL
from domain.catalog import COMMAND
from domain.scopes import SCOPES
from eventlog.entry import Caller, Transaction
from identity.decision_log import DecisionLog

WRITES: Final = 100
ROUNDS: Final = 7
OWNER: Final = Caller("person:owner", LOCAL_CREDENTIAL, "cli", frozenset(SCOPES))
_KEYS: Final = itertools.count()


def _setup(log: DecisionLog) -> dict[str, Caller]:
    """A product of a line, and callers whose role is found at once, through the line, through a team, and by default."""
    callers = {each: Caller(f"person:{each}", "t", "http") for each in ("all", "line", "team")}
    commands = [
        *({"type": "RegisterPerson", "key": each, "name": each.title()} for each in ("owner", *callers)),
        {"type": "RegisterTeam", "key": "t", "title": "T"},
        {"type": "DefineProduct", "key": "line", "title": "Line"},
        {"type": "DefineProduct", "key": "shop", "title": "Shop", "line": "line"},
        {"type": "AssignOwnership", "subject": "team:t", "role": "member", "holders": ["person:team"]},
        {"type": "GrantRole", "subject": "person:all", "role": "manager"},
        {"type": "GrantRole", "subject": "person:line", "role": "manager", "product": "line"},
        {"type": "GrantRole", "subject": "team:t", "role": "manager", "product": "line"},
    ]
    asyncio.run(log.execute(Transaction(tuple(map(COMMAND.validate_python, commands)), OWNER)))
    return callers


def _transaction(caller: Caller) -> Transaction:
    command = {
        "type": "RecordDecision",
        "key": f"d{next(_KEYS)}",
        "title": "Sell gift cards",
        "decision": "Yes.",
        "why": "Asked for.",
        "accountable": "person:owner",
        "products": ["shop"],
    }
    return Transaction((COMMAND.validate_python(command),), caller)


def _cpu_of_writes(log: DecisionLog, caller: Caller) -> float:
    """Seconds of CPU for each of some writes, one after the other."""
    transactions = [_transaction(caller) for _ in range(WRITES)]

    async def write() -> None:
        for transaction in transactions:
            await log.execute(transaction)

    begun = time.process_time()
    asyncio.run(write())
    return (time.process_time() - begun) / WRITES


@contextmanager
def _without_policy() -> Iterator[None]:
    with patch("domain.policy.require_permission", lambda *_: None):
        yield


def measure() -> Iterator[str]:
    """The best of rounds taken in turn, and what the judgment itself takes."""
    with tempfile.TemporaryDirectory() as folder, DecisionLog.open(Path(folder) / "log.sqlite3", clock=clock) as log:
        callers = _setup(log)
        for name, caller in callers.items():
            _cpu_of_writes(log, caller)
            judged, free = _rounds(lambda caller=caller: _cpu_of_writes(log, caller))  # type: ignore[misc]
            yield (
                f"role found through {name}: {judged * 1e6:.0f} µs of CPU a write, {free * 1e6:.0f} without the policy: "
                f"{judged / free:.3f} times (wanted: 1.05 at most)"
            )


def _rounds(write: Callable[[], float]) -> tuple[float, float]:
    judged, free = [], []
    for _ in range(ROUNDS):
        judged.append(write())
        with _without_policy():
            free.append(write())
    return min(judged), min(free)
