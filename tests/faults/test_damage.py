"""Damage that no Merkle tree covers: indexes, schema, side tables, and the read model."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from api.services import Services
from cli.bootstrap import Runtime, local_caller, open_for_write, open_read_only, open_runtime
from cli.commands.backup import back_up
from cli.commands.doctor import run_doctor
from cli.commands.rebuild import rebuild_read_model
from cli.commands.verify import verify_log
from cli.errors import CommandFailed, Exit
from cli.settings import Settings
from domain.scopes import IMPORT_SCOPE
from eventlog import sqlite_store
from eventlog.errors import DamagedLogError, NewerLogError
from eventlog.sqlite_store import SqliteStore
from eventlog.store_errors import DamagedStoreError
from identity.decision_log import DecisionLog
from projections.read_model.continuous_check import Sampler
from tests.faults import flips
from tests.faults.logs import do
from tests.support_client import AppClient

PROPOSE_AGAIN = {"type": "ProposeFeature", "key": "f7", "title": "Once more", "products": ["shop"]}
FLIPS = 60


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> flips.Folder:
    return flips.Folder.write(tmp_path_factory.mktemp("damage") / "untouched", flips.SIZE)


@pytest.fixture
def folder(untouched: flips.Folder, tmp_path: Path) -> Settings:
    """A copy of an undamaged log and its read model."""
    shutil.copytree(untouched.path, tmp_path / "data")
    return Settings(data=tmp_path / "data")


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def change_two_letters_of_the_index(log_file: Path) -> None:
    """In the index on subject and version alone, `feature:f7` becomes `feature:zq`; the table is not touched."""
    stored = bytearray(log_file.read_bytes())
    page_size = int.from_bytes(stored[16:18])
    index_leaf, changed = 0x0A, 0
    for start in range(0, len(stored), page_size):
        page = stored[start : start + page_size]
        if page[0] == index_leaf and b"feature:f7" in page:
            changed += page.count(b"feature:f7")
            stored[start : start + page_size] = page.replace(b"feature:f7", b"feature:zq")
    assert changed
    log_file.write_bytes(stored)


def exit_code(command: Callable[[], None]) -> int:
    try:
        command()
    except CommandFailed as error:
        return error.code
    return Exit.SUCCESS


def codes(settings: Settings) -> tuple[int, int]:
    """How `verify` and `doctor` end."""
    return (
        exit_code(lambda: verify_log(settings, [], None)),
        exit_code(lambda: run_doctor(settings, compare=True)),
    )


def client_of(log: DecisionLog, built: Runtime) -> AppClient:
    services = Services(log, built.model, built.runner, lambda _: local_caller("person:ann"))
    return AppClient(flips._app(services), headers={"Authorization": "Bearer x"}, raises=False)


def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


# The index of the log --------------------------------------------------------------------------------------------------


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file counts as too large to be checked before it is written, and the check in the background is slow."""
    monkeypatch.setattr(sqlite_store, "MAX_CHECKED_AT_OPEN_BYTES", 0)
    monkeypatch.setattr(sqlite_store, "BackgroundCheck", lambda *_: None)


def test_an_unchanged_folder_passes(folder: Settings) -> None:
    """Nothing is reported where nothing was changed."""
    assert codes(folder) == (Exit.SUCCESS, Exit.SUCCESS)


def test_a_damaged_index_is_found_and_nothing_is_written(folder: Settings, tmp_path: Path) -> None:
    """With two letters changed in an index, verify, doctor and backup report it, and the log cannot be opened for writing."""
    change_two_letters_of_the_index(folder.log_file)

    assert codes(folder) == (Exit.DAMAGED, Exit.DAMAGED)
    assert exit_code(lambda: back_up(folder, tmp_path / "copy.sqlite3")) == Exit.DAMAGED
    assert not (tmp_path / "copy.sqlite3").exists()
    with pytest.raises(DamagedLogError, match="events"), open_for_write(folder):
        pass


@pytest.mark.usefixtures("large")
def test_a_damaged_index_never_leads_to_a_duplicate_version(folder: Settings) -> None:
    """If a large log is opened before it was checked, the first write on a hidden subject stops all writing."""
    change_two_letters_of_the_index(folder.log_file)
    with open_for_write(folder) as log:
        log.default_role = "admin"
        size = log.head().size
        with pytest.raises(
            DamagedStoreError, match=r"its index says version 0 of feature:f7, and its entries say [1-9]"
        ):
            do(log, [[PROPOSE_AGAIN]])
        with pytest.raises(DamagedStoreError, match="restore a backup"):
            do(log, [[{"type": "DefineProduct", "key": "other", "title": "Other"}]])
        assert log.head().size == size


@pytest.mark.usefixtures("large")
def test_a_writer_that_trusts_the_index_is_detected(folder: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the comparison with the table a version would be duplicated, and the test above would fail."""
    alone = "SELECT column1, v, v FROM (SELECT column1, (SELECT max(version) FROM events WHERE subject = column1) AS v FROM (VALUES {marks}))"
    monkeypatch.setattr(sqlite_store, "VERSIONS", alone)
    change_two_letters_of_the_index(folder.log_file)
    with open_for_write(folder) as log:
        log.default_role = "admin"
        do(log, [[PROPOSE_AGAIN]])

    connection = sqlite3.connect(folder.log_file)
    twice = "SELECT count(*) FROM events NOT INDEXED WHERE subject = 'feature:f7' AND version = 1"
    assert connection.execute(twice).fetchone() == (2,)
    connection.close()


@pytest.mark.usefixtures("large")
def test_a_listing_never_names_a_subject_that_no_entry_has(folder: Settings) -> None:
    """Each subject that the index lists is compared with the row of the table; a difference stops all writing."""
    change_two_letters_of_the_index(folder.log_file)
    with open_for_write(folder) as log:
        with pytest.raises(DamagedStoreError, match=r"its index lists feature:zq, and its entries have .* feature:f7"):
            log.subjects("feature:", 10_000)
        assert log.damage


@pytest.mark.usefixtures("large")
def test_a_server_on_a_damaged_index_answers_503(folder: Settings) -> None:
    """A write on the hidden subject is answered 503 with what to do, and the server is not healthy any more."""
    change_two_letters_of_the_index(folder.log_file)
    with open_for_write(folder) as log, open_runtime(log, folder) as built:
        client = client_of(log, built)
        answer = client.post("/v1/commands", json=PROPOSE_AGAIN)
        health = client.get("/v1/health")

    assert (answer.status_code, health.status_code) == (503, 503)
    assert answer.headers["Retry-After"]
    assert "decisionlog verify" in answer.json()["detail"]


def test_a_large_log_is_checked_in_the_background(folder: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The damaged index of a large log is found soon after opening, before a query needs it."""
    monkeypatch.setattr(sqlite_store, "MAX_CHECKED_AT_OPEN_BYTES", 0)
    change_two_letters_of_the_index(folder.log_file)
    with open_for_write(folder) as log:
        until(lambda: log.damage)


# The schema of the log -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM tokens; END",
        "CREATE TABLE more (a)",
        "CREATE VIEW more AS SELECT 1",
        "CREATE INDEX more ON events (type)",
        "DROP INDEX idempotency_records_by_position",
        "ALTER TABLE names ADD COLUMN more TEXT",
        "DROP TABLE read_only",
    ],
)
def test_a_changed_schema_is_found(folder: Settings, statement: str) -> None:
    """An unexpected, missing or altered trigger, table, view or index is reported."""
    change(folder.log_file, statement)

    assert codes(folder) == (Exit.DAMAGED, Exit.DAMAGED)


# Each changes what is written or read, and leaves the names of all tables and indexes as they were.
EDITED = {
    "a collation that takes different texts for equal": (
        "names",
        "person TEXT NOT NULL",
        "person TEXT NOT NULL COLLATE NOCASE",
    ),
    "a default": ("tokens", "label TEXT NOT NULL", "label TEXT NOT NULL DEFAULT 1"),
    "a check that refuses": ("tokens", "label TEXT NOT NULL", "label TEXT NOT NULL CHECK (label <> 'x')"),
    "a foreign key that deletes": (
        "tokens",
        "label TEXT NOT NULL",
        "label TEXT NOT NULL REFERENCES names ON DELETE CASCADE",
    ),
    "a generated column": ("owners", "person TEXT NOT NULL", "person TEXT NOT NULL AS (name)"),
    "a version that replaces another": (
        "events",
        "UNIQUE (subject, version)",
        "UNIQUE (subject, version) ON CONFLICT REPLACE",
    ),
    "an index on a part": ("idempotency_records_by_position", "(first, count)", "(first, count) WHERE first > 5"),
    "an index in another order": ("idempotency_records_by_position", "(first, count)", "(first DESC, count)"),
}


@pytest.mark.parametrize("name", EDITED)
def test_an_edited_definition_is_found(folder: Settings, name: str) -> None:
    """A definition that was edited in place is compared with the one that the log was created with."""
    table, before, after = EDITED[name]
    with closing(sqlite3.connect(folder.log_file)) as connection, connection:
        connection.execute("PRAGMA writable_schema = on")
        sql = "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = ? AND instr(sql, ?)"
        assert connection.execute(sql, (before, after, table, before)).rowcount == 1

    with open_read_only(folder) as log:
        assert f"{table} is not defined as it was created" in str(log.verify())


def test_a_newer_log_is_refused(folder: Settings) -> None:
    """An older program does not open a log whose schema version it does not support."""
    change(folder.log_file, "PRAGMA user_version = 7")

    with (
        pytest.raises(NewerLogError, match="schema version 7, but this program supports up to version 1"),
        open_read_only(folder),
    ):
        pass
    with pytest.raises(NewerLogError), open_for_write(folder):
        pass


@pytest.mark.parametrize("statement", ["PRAGMA application_id = 1", "PRAGMA user_version = 0"])
def test_a_file_of_another_application_is_refused(folder: Settings, statement: str) -> None:
    """The application id and the schema version must match."""
    change(folder.log_file, statement)

    with pytest.raises(DamagedLogError), open_read_only(folder):
        pass


# Side tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE names SET name = 'Mallory' WHERE person = 'person:bob'", "is indexed as"),
        ("UPDATE names SET person = 'person:nobody' WHERE person = 'person:bob'", "which is not in the log"),
        ("UPDATE names SET person = 'bob' WHERE person = 'person:bob'", "which is not in the log"),
        ("UPDATE names SET shown = 2 WHERE person = 'person:bob'", "the kind of the name"),
        ("UPDATE tokens SET hash = x'00'", "has 1 bytes"),
        ("UPDATE tokens SET scopes = scopes || ' all'", "has the scopes"),
        ("UPDATE tokens SET actor = 'feature:f1'", "which is not in the log"),
        ("UPDATE tokens SET id = 'x'", "is not the id of a token"),
        ("UPDATE tokens SET revoked_at = 1", "revoked at 1"),
        ("UPDATE idempotency_records SET digest = x'00' WHERE first > 1", "has 1 bytes"),
        ("UPDATE idempotency_records SET salt = x'00' WHERE first > 1 AND salt IS NOT NULL", "has 1 bytes"),
        (
            "UPDATE idempotency_records SET scope = ' ' WHERE first > 1 AND scope <> 'service:decisionlog'",
            "are not the scope",
        ),
    ],
)
def test_an_invalid_row_of_a_side_table_is_found(folder: Settings, statement: str, found: str) -> None:
    """Names, tokens and idempotency records that have the wrong shape or refer to unknown subjects are reported."""
    with open_for_write(folder) as log:
        log.tokens.create("person:ann", scopes=[IMPORT_SCOPE])
        assert log.find_damage() == ""
    change(folder.log_file, statement)

    with open_read_only(folder) as log:
        assert found in str(log.verify())


# The read model --------------------------------------------------------------------------------------------------------


def status_changed(folder: Settings) -> None:
    with closing(sqlite3.connect(folder.model_file, isolation_level=None)) as connection:
        sql = "UPDATE field_value SET value = '\"rejected\"' WHERE field = 'status' AND subject = 'decision:d7'"
        assert connection.execute(sql).rowcount


def all_cells_deleted(folder: Settings) -> None:
    change(folder.model_file, "DELETE FROM field_value")


def flipped_twenty_times(folder: Settings) -> None:
    chance = Random(5)
    size = folder.model_file.stat().st_size
    for _ in range(20):
        flips.Flip("views.sqlite3", chance.randrange(size), 1 << chance.randrange(8)).apply(folder.data)


def headless(folder: Settings) -> None:
    flips.Flip("views.sqlite3", 3, 255).apply(folder.data)


def undecodable(folder: Settings) -> None:
    change(folder.model_file, "UPDATE field_value SET value = CAST(x'22ff22' AS TEXT) WHERE field = 'title'")


def undecodable_schema(folder: Settings) -> None:
    """The name of an index is not UTF-8 any more."""
    stored = folder.model_file.read_bytes()
    assert b"_field_value_by_field" in stored
    folder.model_file.write_bytes(stored.replace(b"_field_value_by_field", b"_field_value\xff\xfe\xfd\xfcfield"))


def words_changed(folder: Settings) -> None:
    change(folder.model_file, "UPDATE search_content SET c3 = 'forged' WHERE id = (SELECT max(id) FROM search_content)")


def schema_changed(folder: Settings) -> None:
    change(folder.model_file, "DROP TABLE event_because")


def position_moved_back(folder: Settings) -> None:
    """The last entries would be written again, and until then answers say a position that is not theirs."""
    change(folder.model_file, "UPDATE projection SET position = position - 8")


DAMAGES = (
    status_changed,
    all_cells_deleted,
    flipped_twenty_times,
    headless,
    undecodable,
    undecodable_schema,
    words_changed,
    schema_changed,
    position_moved_back,
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_read_model_is_found_and_never_served(
    untouched: flips.Folder, folder: Settings, damage: Callable[[Settings], None]
) -> None:
    """Doctor reports it; a server rebuilds the read model and gives the answers of the undamaged one."""
    damage(folder)

    assert exit_code(lambda: run_doctor(folder, compare=True)) == Exit.DAMAGED
    assert dict(flips.ask(folder)) == untouched.answers
    assert codes(folder) == (Exit.SUCCESS, Exit.SUCCESS)


@pytest.mark.parametrize("damage", [flipped_twenty_times, headless, undecodable_schema])
def test_verify_finds_a_damaged_file_of_the_read_model(folder: Settings, damage: Callable[[Settings], None]) -> None:
    """The pages and indexes of both files are checked."""
    damage(folder)

    assert exit_code(lambda: verify_log(folder, [], None)) == Exit.DAMAGED


@pytest.mark.parametrize("damage", DAMAGES)
def test_rebuild_repairs_a_damaged_read_model(folder: Settings, damage: Callable[[Settings], None]) -> None:
    """Whatever the damage was, everything passes afterwards."""
    damage(folder)

    assert exit_code(lambda: rebuild_read_model(folder)) == Exit.SUCCESS
    assert codes(folder) == (Exit.SUCCESS, Exit.SUCCESS)


@pytest.fixture
def served(folder: Settings) -> Iterator[tuple[DecisionLog, Runtime, Settings]]:
    with open_for_write(folder) as log, open_runtime(log, folder) as built:
        until(lambda: built.runner.active)
        yield log, built, folder


@pytest.mark.parametrize("damage", [status_changed, all_cells_deleted, words_changed])
def test_damage_of_a_served_read_model_is_found(
    untouched: flips.Folder, served: tuple[DecisionLog, Runtime, Settings], damage: Callable[[Settings], None]
) -> None:
    """Subjects are compared one after the other; after a difference health and queries answer 503 until it is repaired."""
    log, built, folder = served
    sampler, client = Sampler(log, built.model, built.runner), client_of(log, built)
    recreate, seen = built.model.database.recreate, []

    def recreate_and_ask() -> None:
        seen.extend(client.get(path) for path in ("/v1/health", flips.QUESTIONS[0]))
        recreate()

    built.model.database.recreate = recreate_and_ask  # type: ignore[method-assign]
    damage(folder)
    while not sampler.rounds and not built.model.damage and not seen:
        sampler.check_next()
    until(lambda: seen and not built.model.damage)

    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in seen] == [(503, "10")] * 2
    assert {question: flips._answer(client, question) for question in flips.QUESTIONS} == untouched.answers


def test_the_check_pauses_for_longer_after_a_longer_batch(
    served: tuple[DecisionLog, Runtime, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes at most a fortieth of a core, whatever the subjects hold."""
    log, built, _ = served
    sampler, pauses = Sampler(log, built.model, built.runner), []
    spent = iter([0.0, 0.2, 1.0, 1.001])
    monkeypatch.setattr("projections.read_model.continuous_check.time.thread_time", lambda: next(spent))
    monkeypatch.setattr(sampler, "check_next", lambda: None)
    monkeypatch.setattr(sampler._stopping, "wait", lambda pause_s: pauses.append(pause_s) or len(pauses) == 3)
    sampler._run()

    assert pauses == pytest.approx([0.05, 7.8, 0.05])


def test_a_check_that_cannot_read_is_logged_once(
    served: tuple[DecisionLog, Runtime, Settings], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While the database is away, each cause is logged once, and again after it was read meanwhile."""
    log, built, _ = served
    sampler, rounds = Sampler(log, built.model, built.runner), count(1)
    outcomes = iter([*[OperationalError("away")] * 3, None, OperationalError("away")])

    def check() -> None:
        if error := next(outcomes):
            raise error

    monkeypatch.setattr(sampler, "check_next", check)
    monkeypatch.setattr(sampler._stopping, "wait", lambda _pause_s: next(rounds) > 5)
    sampler._run()

    assert [each.getMessage() for each in caplog.records] == [
        "The read model could not be compared with the log (away); retrying later"
    ] * 2


def test_the_check_pauses_while_it_verifies_the_log(
    served: tuple[DecisionLog, Runtime, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verifying some rows of the log, or of its side tables, is a batch like any other."""
    monkeypatch.setattr("projections.read_model.continuous_check.ROWS_AT_ONCE", 1)
    log, built, _ = served
    sampler, pauses = Sampler(log, built.model, built.runner), []
    sampler._after = "~"  # behind the last subject
    spent = count(0.1, 0.1)
    monkeypatch.setattr("projections.read_model.continuous_check.time.thread_time", lambda: next(spent))
    monkeypatch.setattr(sampler._stopping, "wait", pauses.append)
    sampler.check_next()

    ((records, names),) = log._store.read("SELECT count(*), (SELECT count(*) FROM names) FROM idempotency_records")
    assert len(pauses) >= log.head().size + 2 * records + names - 1  # the records are compared with the entries first
    assert set(map(round, pauses)) == {4}
    assert sampler.rounds == 1


def test_a_growing_read_model_is_not_reported_as_damaged(served: tuple[DecisionLog, Runtime, Settings]) -> None:
    """Entries and erasures during the comparison are not differences."""
    log, built, _ = served
    log.default_role = "admin"
    sampler, positions = Sampler(log, built.model, built.runner, at_once=5), iter(range(3, log.head().size))
    while not sampler.rounds:
        do(log, [[{"type": "EraseTexts", "subject": log.id, "positions": [next(positions)]}]])
        sampler.check_next()
        assert not built.model.damage


def test_a_read_model_file_damaged_while_served_is_rebuilt(
    untouched: flips.Folder, served: tuple[DecisionLog, Runtime, Settings]
) -> None:
    """A query that meets a damaged page is answered 503, never 500, and soon correctly again."""
    log, built, folder = served
    client = client_of(log, built)
    built.model.close()
    with folder.model_file.open("r+b") as stream:
        stream.seek(4096)
        stream.write(bytes(folder.model_file.stat().st_size - 4096))

    statuses = Counter(client.get(question).status_code for question in flips.QUESTIONS)
    answers = {question: flips._answer(client, question) for question in flips.QUESTIONS}

    assert set(statuses) <= {200, 503}
    assert answers == untouched.answers


def test_no_read_model_is_built_from_a_damaged_log(folder: Settings) -> None:
    """Where log and read model differ and the log is damaged, neither is served."""
    with open_for_write(folder) as log, open_runtime(log, folder) as built:
        until(lambda: built.runner.active)
        change(folder.log_file, "UPDATE events SET texts = CAST(replace(texts, 'Feature', 'Faeture') AS BLOB)")
        built.runner.report_damage("as if a subject differed")
        until(lambda: built.runner.error)

        assert client_of(log, built).get("/v1/health").status_code == 503
        assert log.damage


def test_a_changed_row_of_the_access_journal_is_reported(folder: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """By both commands, with its number; the log itself stays in use."""
    with open_for_write(folder) as log:
        log.journal.record("denied", "person:bob", "t", "GET /v1/tokens", "no scope")
        log.journal.record("export", "person:bob", "t", "GET /v1/decisions")
    assert codes(folder) == (Exit.SUCCESS, Exit.SUCCESS)
    assert "OK: the access journal is unchanged up to row" in capsys.readouterr().out

    change(folder.log_file, "DELETE FROM access_journal WHERE number = 1")

    assert codes(folder) == (Exit.DAMAGED, Exit.DAMAGED)
    with pytest.raises(CommandFailed, match="row 1 of the access journal is missing"):
        verify_log(folder, [], None)
    with open_for_write(folder) as log:
        assert not log.damage


def test_a_small_damaged_log_is_not_served(folder: Settings) -> None:
    """A log of a few thousand entries is verified before it is served."""
    change(folder.log_file, "UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 9")

    with open_for_write(folder) as log, pytest.raises(DamagedLogError), open_runtime(log, folder, check=True):
        pass


# Random flips ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_flipped_bit_is_detected_or_harmless(untouched: flips.Folder, tmp_path: Path) -> None:
    """A changed byte anywhere in either file is detected or changes no content, and no wrong answer is given."""
    judged = list(flips.flip_many(untouched, tmp_path, range(FLIPS)))

    assert [each for each in judged if each[2].wrong] == []
    assert len({verdict.kind for _, _, verdict in judged}) > 1


def test_checking_without_indexes_is_detected(
    untouched: flips.Folder, folder: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the check of pages and indexes, a log that hides a subject would pass; the test above would fail."""
    change_two_letters_of_the_index(folder.log_file)
    assert flips.judge(untouched, folder.data) == flips.Verdict("noticed, and not served")

    monkeypatch.setattr(SqliteStore, "find_damage", lambda _: [])
    monkeypatch.setattr(sqlite_store, "find_page_damage", lambda _: [])
    verdict = flips.judge(untouched, folder.data)
    assert verdict == flips.Verdict("missed", "the server alone refuses it")
