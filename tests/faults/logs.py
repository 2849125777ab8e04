"""Logs of a given size, with every kind of event in them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from domain.catalog import COMMAND
from domain.examples import examples_for
from domain.scopes import SCOPES
from eventlog.entry import Caller, Receipt, Transaction
from identity.decision_log import DecisionLog

START = 1_735_689_600_000_000
ANN = Caller("person:ann", "a-token", "http", frozenset(SCOPES))
AT_ONCE = 100
ENDS = {"RetireProduct", "MergePeople", "RecordPersonLeft", "DisbandTeam"}
"""Commands after which the others would be refused."""


def write_log(path: Path, size: int, seed: int) -> None:
    """Write a log of about `size` entries: every command, then the life of products, with some texts erased."""
    chance = Random(seed)
    ticks = itertools.count(START, 1_000_003)
    with DecisionLog.open(path, clock=lambda: next(ticks), entropy=chance.randbytes) as log:
        _fill(log, size, chance)


def fill(log: DecisionLog, size: int, seed: int) -> None:
    """Fill an empty log, of either kind, with about `size` entries as `write_log` does."""
    _fill(log, size, Random(seed))


def _fill(log: DecisionLog, size: int, chance: Random) -> None:
    log.default_role = "admin"
    log.report_sha256 = None  # the log has no read model, so the hash of the example of a report is not checked
    for command in examples_for(log.id):
        if command["type"] not in ENDS:
            do(log, [[command]])
    transactions = _everyday(chance)
    while log.head().size < size:
        missing = size - log.head().size
        do(log, list(itertools.islice(transactions, min(AT_ONCE, max(1, missing // 2)))))
        if chance.random() < 0.5:
            positions = sorted(chance.sample(range(1, log.head().size + 1), 3))
            do(log, [[{"type": "EraseTexts", "subject": log.id, "positions": positions}]])


def do(log: DecisionLog, transactions: list[list[dict[str, Any]]]) -> None:
    """Apply transactions of commands, none of which may be refused."""
    keyed = [
        Transaction(tuple(map(COMMAND.validate_python, commands)), ANN, f"{log.head().size}-{n}")
        for n, commands in enumerate(transactions)
    ]
    for result in asyncio.run(log.execute_many(keyed)):
        assert isinstance(result, Receipt), result


def _everyday(chance: Random) -> Iterator[list[dict[str, Any]]]:
    for n in itertools.count(1):
        feature, decision = f"f{n}", f"d{n}"
        yield [
            {
                "type": "RecordDecision",
                "key": decision,
                "title": f"Decision {n}",
                "accountable": "person:bob",
                "decision": "So be it. – Ünd so.",
                "why": "x" * chance.randrange(1, 200),
                "options": [{"title": "A", "pros": ["1", "2"]}, {"title": "B"}],
            },
            {
                "type": "ProposeFeature",
                "key": feature,
                "title": f"Feature {n}",
                "products": ["shop"],
                "definition": '"quoted"\\n and broken\n',
            },
        ]
        yield [
            {"type": "PrioritizeFeature", "subject": f"feature:{feature}", "horizon": "now", "note": f"Because {n}."}
        ]
        yield [{"type": "StartFeature", "subject": f"feature:{feature}", "because": [f"decision:{decision}"]}]
        yield [
            {
                "type": "ImportChanges",
                "subject": f"feature:old-{n}",
                "source": {"system": "archive", "reference": f"c{n}"},
                "effective_at": "2020-02-29T12:00:00Z",
                "changes": [
                    {"field": "exists", "value": True},
                    {"field": "title", "text": f"Old {n}"},
                    {"field": "x.notes", "texts": ["one", ""]},
                ],
            }
        ]
