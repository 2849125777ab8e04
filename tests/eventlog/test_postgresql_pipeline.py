"""Statements that are sent to PostgreSQL together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from domain.values import StringKind
from eventlog import postgresql_pipeline
from eventlog.postgresql_pipeline import MAX_PENDING_BYTES, Pipeline
from eventlog.postgresql_store import connect
from tests.support_postgresql import fresh_schema


@pytest.fixture
def address() -> Iterator[str]:
    with fresh_schema() as found:
        yield found


@pytest.fixture
def pipeline(address: str) -> Iterator[Pipeline]:
    with closing(connect(address)) as connection:
        connection.execute("CREATE TEMPORARY TABLE t (n bigint, small smallint, word text, data bytea)", prepare=False)
        yield Pipeline(connection)


def test_values_come_back_as_they_were_sent(pipeline: Pipeline) -> None:
    """Integers of any size, texts, bytes and NULL, one by one and in lists."""
    rows = [(2**63 - 1, -1, "å\N{SNOWMAN}", b"\0\xff"), (-(2**63), 1, "", b""), (None, None, None, None)]
    for row in rows:
        pipeline.execute("INSERT INTO t VALUES (?, ?, ?, ?)", row)
    lists = [list(column) for column in zip(*rows, strict=True)]
    pipeline.execute("INSERT INTO t SELECT * FROM unnest(?::bigint[], ?::smallint[], ?::text[], ?::bytea[])", lists)

    assert pipeline.execute("SELECT * FROM t").fetchall() == rows * 2
    assert pipeline.execute("SELECT unnest(?::text[])", ([],)).fetchall() == []


def test_statements_are_sent_when_a_result_is_used(pipeline: Pipeline) -> None:
    """Until then they are only collected, and can be discarded."""
    pipeline.execute("INSERT INTO t (n) VALUES (?)", (1,))
    assert pipeline.connection.execute("SELECT n FROM t").fetchall() == []
    pipeline.discard()
    pipeline.executemany("INSERT INTO t (n) VALUES (?)", [(2,), (3,)])
    updated, found = pipeline.execute("UPDATE t SET word = 'x'"), pipeline.execute("SELECT n FROM t ORDER BY n")

    assert (updated.rowcount, updated.status) == (2, "UPDATE 2")
    assert [found.fetchone(), found.fetchone(), found.fetchone()] == [(2,), (3,), None]


def test_the_first_error_is_raised_and_what_follows_is_skipped(pipeline: Pipeline) -> None:
    """The connection remains usable, and so do statements that were, or were not, prepared before the error."""
    pipeline.execute("INSERT INTO t (n) VALUES (?)", (1,))
    pipeline.execute("SELECT 1 / ?", (0,))
    pipeline.execute("INSERT INTO t (n, word) VALUES (?, 'skipped')", (2,))
    pipeline.execute("SELECT nothing")
    with pytest.raises(psycopg.errors.DivisionByZero):
        pipeline.run()
    pipeline.execute("INSERT INTO t (n) VALUES (?)", (3,))
    pipeline.execute("INSERT INTO t (n, word) VALUES (?, 'skipped')", (4,))

    # Without BEGIN, the statements of one run are one transaction.
    assert pipeline.execute("SELECT n FROM t ORDER BY n").fetchall() == [(3,), (4,)]


def test_an_error_at_the_end_of_the_transaction_is_raised(pipeline: Pipeline) -> None:
    """Also if no statement is left to answer it."""
    pipeline.execute("CREATE TEMPORARY TABLE late (n bigint UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    pipeline.run()
    pipeline.execute("INSERT INTO late VALUES (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        pipeline.run()
    pipeline.execute("BEGIN")
    pipeline.execute("INSERT INTO late VALUES (1), (1)")
    pipeline.execute("COMMIT")
    with pytest.raises(psycopg.errors.UniqueViolation):
        pipeline.run()

    assert pipeline.execute("SELECT n FROM late").fetchall() == []


def test_statements_are_prepared_once_whatever_fails(pipeline: Pipeline) -> None:
    """Those before an error are not prepared again, and those after it are prepared when they are sent again."""
    for _ in range(5):
        pipeline.execute("INSERT INTO t (n) VALUES (?)", (1,))
        pipeline.execute("SELECT 1 / ?", (0,))
        pipeline.execute("SELECT 'skipped'")
        with pytest.raises(psycopg.errors.DivisionByZero):
            pipeline.run()

    prepared = "SELECT statement FROM pg_prepared_statements WHERE name LIKE 'decisionlog%' ORDER BY 1"
    found = [statement for (statement,) in pipeline.connection.execute(prepared).fetchall()]
    assert found == ["INSERT INTO t (n) VALUES ($1)", "SELECT 1 / $1"]


def test_a_result_that_an_error_prevented_raises_that_error(pipeline: Pipeline) -> None:
    """Also when it is used again, or for the first time after other statements; so does a discarded one."""
    wrong, skipped = pipeline.execute("SELECT 1 / ?", (0,)), pipeline.execute("SELECT 1")
    for _ in range(2):
        with pytest.raises(psycopg.errors.DivisionByZero):
            wrong.fetchall()
    assert pipeline.execute("SELECT 2").fetchall() == [(2,)]
    with pytest.raises(psycopg.errors.DivisionByZero):
        skipped.fetchone()

    discarded = pipeline.execute("SELECT 3")
    pipeline.discard()
    with pytest.raises(psycopg.OperationalError, match="discarded"):
        _ = discarded.rowcount


@pytest.mark.parametrize(
    ("statement", "value", "error"),
    [
        ("SELECT ?", 1.5, psycopg.DataError),
        ("SELECT ?::bytea[]", [3], psycopg.DataError),
        ("SELECT ?", "a\0b", psycopg.DataError),
        ("SELECT 1.5 + ?", 1, psycopg.NotSupportedError),
    ],
)
def test_what_cannot_be_sent_or_read_is_an_error(
    pipeline: Pipeline, statement: str, value: object, error: type[psycopg.Error]
) -> None:
    """Nothing is sent as something else, and the connection remains usable."""
    with pytest.raises(error):
        pipeline.execute(statement, (value,)).fetchall()
    pipeline.discard()

    assert pipeline.execute("SELECT ? = 1, ?", (True, StringKind.TEXT)).fetchall() == [(True, "text")]


def test_many_different_statements_are_not_all_prepared(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements after the first few are sent as they are."""
    monkeypatch.setattr(postgresql_pipeline, "MAX_PREPARED", 3)
    found = [pipeline.execute(f"SELECT {n} + ?", (n,)) for n in range(5)]

    assert [each.fetchall() for each in found] == [[(2 * n,)] for n in range(5)]
    prepared = "SELECT statement FROM pg_prepared_statements WHERE name LIKE 'decisionlog%'"
    assert pipeline.connection.execute(prepared).rowcount == 3


def test_large_batches_are_sent_in_parts(pipeline: Pipeline) -> None:
    """What both sides send at the same time, more than any buffer holds, does not block."""
    data = bytes(MAX_PENDING_BYTES // 3)
    found = [pipeline.execute("SELECT ?, 1", (data,)) for _ in range(24)]
    large = pipeline.execute("SELECT ?, ?", (data * 30, data * 30))

    assert [each.fetchall() for each in found] == [[(data, 1)]] * 24
    assert large.fetchall() == [(data * 30, data * 30)]


def test_a_lost_connection_is_an_operational_error(pipeline: Pipeline, address: str) -> None:
    """The connection is closed then, and further statements fail in the same way."""
    ((backend,),) = pipeline.execute("SELECT pg_backend_pid()").fetchall()
    assert not pipeline.is_lost()
    with closing(connect(address)) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (backend,))
    for _ in range(2):
        pipeline.execute("INSERT INTO t (n) VALUES (1)")
        with pytest.raises(psycopg.OperationalError):
            pipeline.run()

    assert pipeline.connection.closed
    assert pipeline.is_lost()
