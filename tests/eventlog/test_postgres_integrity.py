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
        (
            "ALTER TABLE names RENAME TO kept; CREATE VIEW names AS SELECT * FROM kept",
            "it has a view names, which does not belong there",
        ),
        (
            "ALTER TABLE owners RENAME TO kept; CREATE TABLE owners (LIKE kept) PARTITION BY LIST (name)",
            "it has a partitioned table owners",
        ),
    ],
)
def test_a_changed_schema_is_found(address: str, statement: str, found: str) -> None:
    """Triggers, rules, policies, foreign tables, missing or invalid indexes, and indexes that differ from their table are found."""
    with connect(address) as connection:
        for each in _statements(statement):
            connection.execute(each.encode())

    assert found in damage(address)


CHANGES = [
    ("ALTER TABLE tokens ALTER COLUMN scopes SET DEFAULT 'admin'", "column scopes of the table tokens has a value"),
    (
        (
            "ALTER TABLE provider_accounts DROP COLUMN person;"
            'ALTER TABLE provider_accounts ADD COLUMN person text COLLATE "C" NOT NULL'
            " GENERATED ALWAYS AS ('person:' || subject) STORED"
        ),
        "column person of the table provider_accounts has a value of its own",
    ),
    ("ALTER TABLE names ALTER COLUMN shown ADD GENERATED ALWAYS AS IDENTITY", "column shown of the table names"),
    ("ALTER TABLE field_value ALTER COLUMN value SET DEFAULT '\"x\"'", "column value of the table field_value"),
    ("ALTER TABLE events ALTER COLUMN event DROP NOT NULL", "column event of the table events has another rule"),
    ("ALTER TABLE tokens ALTER COLUMN used_at SET NOT NULL", "column used_at of the table tokens has another rule"),
    (
        'ALTER TABLE owners ALTER COLUMN person TYPE text COLLATE "POSIX"',
        "column person of the table owners has another collation",
    ),
    (
        "ALTER TABLE events ADD CONSTRAINT silent CHECK (subject <> 'product:q') NOT VALID",
        "constraint silent on events",
    ),
    (
        "ALTER TABLE tokens ADD CONSTRAINT led FOREIGN KEY (id) REFERENCES tokens ON DELETE CASCADE NOT VALID",
        "constraint led on tokens",
    ),
    ("CREATE TABLE replica_kept (id text REFERENCES sessions)", "constraint replica_kept_id_fkey on replica_kept"),
    ("ALTER TABLE names ADD CONSTRAINT one EXCLUDE USING hash (person WITH =)", "constraint one on names"),
    (
        (
            "ALTER TABLE tokens DROP CONSTRAINT tokens_hash_key;"
            "ALTER TABLE tokens ADD CONSTRAINT tokens_hash_key UNIQUE (hash) DEFERRABLE INITIALLY DEFERRED"
        ),
        "unique index on tokens (hash) is missing",
    ),
    (
        ('DROP INDEX names_by_person;CREATE INDEX names_by_person ON names (person COLLATE "POSIX")'),
        "index on names (person) is missing",
    ),
    ("CREATE INDEX ON events (lower(subject))", "which does not belong there"),
    (
        (
            "DROP INDEX idempotency_records_by_position;"
            "CREATE INDEX ON idempotency_records (first, count) WHERE first > 5"
        ),
        "index on idempotency_records (first, count) is missing",
    ),
    (
        # An exact match for the types is called instead of PostgreSQL's own, whose second parameter is a bigint.
        "CREATE FUNCTION hashtextextended(text, integer) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'",
        "function hashtextextended, which does not belong there",
    ),
    ("CREATE OPERATOR === (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text)", "an operator ==="),
    ("CREATE COLLATION same (provider = libc, locale = 'C')", "a collation same"),
]


def test_each_of_many_changes_is_found(address: str) -> None:
    """Defaults, generated columns, constraints, collations, functions and indexes that differ a little are found."""
    with connect(address) as connection:
        for statement, _ in CHANGES:
            for each in _statements(statement):
                connection.execute(each.encode())
    found = damage(address)

    assert [expected for _, expected in CHANGES if expected not in found] == []


def _statements(text: str) -> list[str]:
    function, end, rest = text.rpartition("';")
    return [f"{function}'", rest] if end and "plpgsql" in text else text.split(";")


def test_another_search_path_changes_nothing(address: str) -> None:
    """Tables of the same names in another schema, which the role or the database looks at first, are not read."""
    with connect(address) as connection:
        ((database, role),) = connection.execute("SELECT current_database(), current_user").fetchall()
        own = connection.execute("SELECT size FROM head").fetchall()
        connection.execute("CREATE SCHEMA other")
        connection.execute("CREATE TABLE other.head (one integer, size bigint, frontier bytea, recorded_at bigint)")
        for kind, name in (("DATABASE", database), ("ROLE", role)):
            connection.execute(f'ALTER {kind} "{name}" SET search_path = other, pg_catalog'.encode())
    try:
        with connect(address) as connection:
            assert connection.execute("SELECT size FROM head").fetchall() == own
        assert damage(address) == ""
    finally:
        with connect(address) as connection:
            for kind, name in (("DATABASE", database), ("ROLE", role)):
                connection.execute(f'ALTER {kind} "{name}" RESET search_path'.encode())
            connection.execute("DROP SCHEMA other CASCADE")
