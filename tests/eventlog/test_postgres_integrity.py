"""Changes to the schema of a log in PostgreSQL are found, and an unchanged one passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eventlog.postgresql_store import PostgresStore, connect
from eventlog.worker_status import WorkerStatus, workers_at
from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel
from projections.read_model.rebuild import rebuild
from tests.eventlog.support import Clock, open_log
from tests.faults.logs import do
from tests.support_postgresql import fresh_schema


@pytest.fixture
def address() -> Iterator[str]:
    with fresh_schema() as address:
        with open_log(address) as log:
            do(log, [[{"type": "DefineProduct", "key": f"p{n}", "title": f"Product {n}"}] for n in range(20)])
            model = ReadModel.open(open_database(address), log, Clock())
            rebuild(log, model)
            model.close()
        workers_at(address).save(WorkerStatus("publisher", "here", 1))
        yield address


def damage(address: str) -> str:
    store = PostgresStore(address, clock=Clock(), read_only=True, whole=False)
    try:
        return "; ".join(store.find_damage())
    finally:
        store.close()


def test_an_unchanged_schema_passes(address: str) -> None:
    """A schema with the log, the read model and the workers' table contains nothing unexpected."""
    assert damage(address) == ""


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            (
                "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
                "CREATE TRIGGER noted BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION noted()"
            ),
            "trigger noted on events",
        ),
        (
            "CREATE RULE silent AS ON DELETE TO idempotency_records DO INSTEAD NOTHING",
            "rule silent on idempotency_records",
        ),
        ("ALTER TABLE names ENABLE ROW LEVEL SECURITY", "the table names uses row security"),
        ("CREATE POLICY hidden ON tokens USING (false)", "policy hidden on tokens"),
        ("CREATE TABLE more () INHERITS (events)", "the table events uses row security or inheritance"),
        ("CREATE TABLE notes (a int)", "a table notes"),
        ("CREATE VIEW seen AS SELECT 1", "a view seen"),
        (
            "ALTER TABLE events DROP CONSTRAINT events_subject_version_key",
            "index on events (subject, version) is missing",
        ),
        ("DROP INDEX idempotency_records_by_position", "index on idempotency_records (first, count) is missing"),
        ("CREATE INDEX ON events (type)", "an index on events (type)"),
        ("ALTER TABLE tokens ADD COLUMN more text", "the table tokens has the columns"),
        ("ALTER TABLE head SET UNLOGGED", "or is unlogged"),
        ("DROP TABLE read_only", "the table read_only has the columns of no table"),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'events_subject_version_key'::regclass",
            "events_subject_version_key on events is not valid",
        ),
        (
            # Rows that the index does not know: it does not see what is written meanwhile.
            (
                "UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = 'names_by_person'::regclass;"
                "INSERT INTO names VALUES ('x', 'person:x', 'X', 1);"
                "UPDATE pg_index SET indisready = true, indisvalid = true WHERE indexrelid = 'names_by_person'::regclass"
            ),
            "the index names_by_person does not hold what the table names holds",
        ),
        (
            (
                "UPDATE pg_index SET indisready = false, indisvalid = false, indisunique = false"
                " WHERE indexrelid = 'events_subject_version_key'::regclass;"
                "INSERT INTO events SELECT 999, 'product:q', 1, type, recorded_at, event, texts FROM events LIMIT 1;"
                "UPDATE pg_index SET indisready = true, indisvalid = true, indisunique = true"
                " WHERE indexrelid = 'events_subject_version_key'::regclass"
            ),
            "the index events_subject_version_key does not hold what the table events holds",
        ),
    ],
)
def test_a_changed_schema_is_found(address: str, statement: str, found: str) -> None:
    """Triggers, rules, policies, foreign tables, missing or invalid indexes, and indexes that differ from their table are found."""
    with connect(address) as connection:
        for each in _statements(statement):
            connection.execute(each.encode())

    assert found in damage(address)


def _statements(text: str) -> list[str]:
    return [text] if "FUNCTION" not in text and ";" not in text else _split(text)


def _split(text: str) -> list[str]:
    if "FUNCTION" in text:
        function, trigger = text.split("';")
        return [f"{function}'", trigger]
    return text.split(";")
