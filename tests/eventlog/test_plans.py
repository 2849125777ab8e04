"""The cost of a write does not grow with the log: no statement scans a whole table."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventlog import sqlite_store, store
from eventlog.entry import Caller
from tests.eventlog.support import do, do_many, open_log, tables, transaction
from tests.eventlog.test_log import examples_for

SCAN = re.compile(r"SCAN (events|idempotency_records|names|tokens)\b(?! USING INDEX active_tokens)")
"""Whether a person can be removed depends on who has a token: only then all active tokens are read."""


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every statement on every connection to a file, with its values."""
    statements: set[str] = set()
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(statements.add)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return statements


def find_scans(place: Path, statements: set[str]) -> dict[str, str]:
    """The statements whose plan scans a whole table, each with its plan."""
    found = {}
    with closing(tables(place)) as connection:
        connection.executescript(sqlite_store.LAST_VERSIONS)
        for statement in {each for each in statements if re.match(r"SELECT|INSERT|UPDATE|DELETE", each)}:
            plan = "; ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
            if SCAN.search(plan):
                found[statement] = plan
    return found


def write_all_commands(place: Path, statements: set[str]) -> None:
    """Send every command twice under a key; then a dozen people at once, some of whom were sent before."""
    tracker = Caller("service:tracker", "token-2", "http")
    people = [transaction({"type": "RegisterPerson", "name": f"P {n}"}, caller=tracker, key=str(n)) for n in range(16)]
    with open_log(place) as log:
        first, *others = examples_for(log.id)
        do(log, first)
        statements.clear()  # what is looked through when a log is opened is looked through once
        for n, example in enumerate(others):
            do(log, example, key=f"key-{n}")
            do(log, example, key=f"key-{n}")
            log.application.clear_cache()
        do_many(log, *people[:4])
        assert [result.replayed for result in do_many(log, *people)] == [True] * 4 + [False] * 12  # type: ignore[union-attr]


def test_writing_never_scans_a_table(tmp_path: Path, statements: set[str]) -> None:
    """Whatever command is sent, once or twice, alone or with others, every row is found by an index."""
    write_all_commands(tmp_path, statements)

    assert len(statements) > 200
    assert find_scans(tmp_path, statements) == {}


def test_a_full_scan_of_idempotency_records_is_detected(
    tmp_path: Path, statements: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above detects a query that no index serves."""
    for module in (store, sqlite_store):
        monkeypatch.setattr(module, "AMONG_RESULTS", "idempotency_records WHERE (scope, key) IN (VALUES {marks})")

    write_all_commands(tmp_path, statements)

    assert all("IN (VALUES" in statement for statement in find_scans(tmp_path, statements))
    assert find_scans(tmp_path, statements)
