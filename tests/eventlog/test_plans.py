"""What writing costs does not grow with the log: no statement of the way in looks at a whole table."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from eventlog import sqlite as sqlite_store
from eventlog import store
from eventlog.entry import Caller
from tests.eventlog.support import do, do_many, open_log, tables, transaction
from tests.eventlog.test_log import examples_for

WHOLE = re.compile(r"SCAN (events|answers|names|tokens)\b(?! USING INDEX tokens_good)")
"""Whether somebody may be removed depends on who has a token: all that are good are read then, and only then."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every statement of every connection to a file, with its values."""
    statements: set[str] = set()
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(statements.add)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return statements


def looking_at_all(place: Path, asked: set[str]) -> dict[str, str]:
    """The statements whose plan goes through a whole table, each with that plan."""
    found = {}
    connection = tables(place)
    connection.executescript(sqlite_store.LAST_VERSIONS)
    for statement in {each for each in asked if re.match(r"SELECT|INSERT|UPDATE|DELETE", each)}:
        plan = "; ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
        if WHOLE.search(plan):
            found[statement] = plan
    return found


def written(place: Path, asked: set[str]) -> None:
    """Every command there is, under a key, and again; then a dozen people at once, some of whom were sent before."""
    tracker = Caller("service:tracker", "token-2", "http")
    people = [transaction({"type": "RegisterPerson", "name": f"P {n}"}, caller=tracker, key=str(n)) for n in range(16)]
    with open_log(place) as log:
        first, *others = examples_for(log.id)
        do(log, first)
        asked.clear()  # what is looked through when a log is opened is looked through once
        for n, example in enumerate(others):
            do(log, example, key=f"key-{n}")
            do(log, example, key=f"key-{n}")
            log.application.clear_cache()
        do_many(log, *people[:4])
        assert [result.replayed for result in do_many(log, *people)] == [True] * 4 + [False] * 12  # type: ignore[union-attr]


def test_writing_never_goes_through_a_whole_table(tmp_path: Path, asked: set[str]) -> None:
    """Whatever command is sent, once or twice, alone or with others, everything it needs is found by an index."""
    written(tmp_path, asked)

    assert len(asked) > 200
    assert looking_at_all(tmp_path, asked) == {}


def test_a_question_that_looks_at_every_answer_is_noticed(
    tmp_path: Path, asked: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check above finds what once was there: keys asked for as pairs among others, which no index serves."""
    for module in (store, sqlite_store):
        monkeypatch.setattr(module, "AMONG_ANSWERS", "answers WHERE (scope, key) IN (VALUES {marks})")

    written(tmp_path, asked)

    assert all("IN (VALUES" in statement for statement in looking_at_all(tmp_path, asked))
    assert looking_at_all(tmp_path, asked)
