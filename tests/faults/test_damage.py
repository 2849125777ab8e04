"""Damage beside the entries: indexes, schema, side tables, and the read model."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.services import Services
from cli import keeping
from cli.errors import CannotGoOn, Exit
from cli.settings import Settings
from cli.wiring import House, house, local_caller, reading, writing
from domain.any_subject import IMPORT_RIGHT
from eventlog import sqlite as sqlite_store
from eventlog.errors import DamagedLogError, DamagedStoreError, NewerLogError
from eventlog.log import DecisionLog
from eventlog.sqlite import SqliteStore
from projections.sampling import Sampler
from tests.faults import flips
from tests.faults.logs import do

PROPOSE_AGAIN = {"type": "ProposeFeature", "key": "f7", "title": "Once more", "products": ["shop"]}
FLIPS = 60


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> flips.Folder:
    return flips.Folder.write(tmp_path_factory.mktemp("damage") / "untouched", flips.SIZE)


@pytest.fixture
def folder(untouched: flips.Folder, tmp_path: Path) -> Settings:
    """A copy of an untouched log and its read model."""
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
    except CannotGoOn as error:
        return error.code
    return Exit.DONE


def codes(settings: Settings) -> tuple[int, int]:
    """How `verify` and `doctor` end."""
    return (
        exit_code(lambda: keeping.verify(settings, [], None)),
        exit_code(lambda: keeping.doctor(settings, compare=True)),
    )


def client_of(log: DecisionLog, built: House) -> TestClient:
    services = Services(log, built.model, built.runner, lambda _: local_caller("person:ann"))
    return TestClient(flips._app(services), headers={"Authorization": "Bearer x"}, raise_server_exceptions=False)


def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


# The index of the log --------------------------------------------------------------------------------------------------


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file counts as too large to be checked before it is written, and the check in the background is slow."""
    monkeypatch.setattr(sqlite_store, "CHECKED_AT_OPEN_BYTES", 0)
    monkeypatch.setattr(sqlite_store, "BackgroundCheck", lambda *_: None)


def test_an_untouched_folder_is_sound(folder: Settings) -> None:
    """Nothing is found where nothing was changed."""
    assert codes(folder) == (Exit.DONE, Exit.DONE)


def test_a_damaged_index_is_found_and_nothing_is_written(folder: Settings, tmp_path: Path) -> None:
    """Two letters changed in an index: verify, doctor and backup say so, and nobody opens the log to write it."""
    change_two_letters_of_the_index(folder.log_file)

    assert codes(folder) == (Exit.DAMAGED, Exit.DAMAGED)
    assert exit_code(lambda: keeping.backup(folder, tmp_path / "copy.sqlite3")) == Exit.DAMAGED
    assert not (tmp_path / "copy.sqlite3").exists()
    with pytest.raises(DamagedLogError, match="events"), writing(folder):
        pass


@pytest.mark.usefixtures("large")
def test_a_damaged_index_never_makes_a_version_be_taken_twice(folder: Settings) -> None:
    """Where a large log is opened before it was checked, the first write on a hidden subject stops all writing."""
    change_two_letters_of_the_index(folder.log_file)
    with writing(folder) as log:
        size = log.head().size
        with pytest.raises(
            DamagedStoreError, match=r"its index says version 0 of feature:f7, and its entries say [1-9]"
        ):
            do(log, [[PROPOSE_AGAIN]])
        with pytest.raises(DamagedStoreError, match="put a backup in its place"):
            do(log, [[{"type": "DefineProduct", "key": "other", "title": "Other"}]])
        assert log.head().size == size


@pytest.mark.usefixtures("large")
def test_a_writer_that_asks_the_index_alone_is_caught(folder: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the comparison with the table, version 1 of a subject is taken twice, and the test above would say so."""
    alone = "SELECT column1, v, v FROM (SELECT column1, (SELECT max(version) FROM events WHERE subject = column1) AS v FROM (VALUES {marks}))"  # fmt: skip
    monkeypatch.setattr(sqlite_store, "VERSIONS", alone)
    change_two_letters_of_the_index(folder.log_file)
    with writing(folder) as log:
        do(log, [[PROPOSE_AGAIN]])

    connection = sqlite3.connect(folder.log_file)
    twice = "SELECT count(*) FROM events NOT INDEXED WHERE subject = 'feature:f7' AND version = 1"
    assert connection.execute(twice).fetchone() == (2,)
    connection.close()


@pytest.mark.usefixtures("large")
def test_a_server_on_a_damaged_index_answers_503(folder: Settings) -> None:
    """A write on the hidden subject is answered with 503 and what to do, and the server is no longer healthy."""
    change_two_letters_of_the_index(folder.log_file)
    with writing(folder) as log, house(log, folder) as built:
        client = client_of(log, built)
        answer = client.post("/v1/commands", json=PROPOSE_AGAIN)
        health = client.get("/v1/health")

    assert (answer.status_code, health.status_code) == (503, 503)
    assert answer.headers["Retry-After"]
    assert "decisionlog verify" in answer.json()["detail"]


def test_a_large_log_is_checked_in_the_background(folder: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Soon after a large log was opened its damaged index is known, before anybody asks for what it hides."""
    monkeypatch.setattr(sqlite_store, "CHECKED_AT_OPEN_BYTES", 0)
    change_two_letters_of_the_index(folder.log_file)
    with writing(folder) as log:
        until(lambda: log.damage)


# The schema of the log -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM tokens; END",
        "CREATE TABLE more (a)",
        "CREATE VIEW more AS SELECT 1",
        "CREATE INDEX more ON events (type)",
        "DROP INDEX answers_by_position",
        "ALTER TABLE names ADD COLUMN more TEXT",
        "DROP TABLE seal",
    ],
)
def test_what_does_not_belong_to_the_schema_is_found(folder: Settings, statement: str) -> None:
    """A trigger, table, view or index more, or one that is missing, or not as it was created."""
    change(folder.log_file, statement)

    assert codes(folder) == (Exit.DAMAGED, Exit.DAMAGED)


def test_a_newer_log_is_refused(folder: Settings) -> None:
    """An older program does not touch a log whose schema it does not know."""
    change(folder.log_file, "PRAGMA user_version = 7")

    with pytest.raises(NewerLogError, match="schema version 7, and this program knows 1"), reading(folder):
        pass
    with pytest.raises(NewerLogError), writing(folder):
        pass


@pytest.mark.parametrize("statement", ["PRAGMA application_id = 1", "PRAGMA user_version = 0"])
def test_a_file_of_something_else_is_refused(folder: Settings, statement: str) -> None:
    """Neither the mark of our files nor their version may be another."""
    change(folder.log_file, statement)

    with pytest.raises(DamagedLogError), reading(folder):
        pass


# Side tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE names SET spelling = 'Mallory' WHERE person = 'person:bob'", "is filed under"),
        ("UPDATE names SET person = 'person:nobody' WHERE person = 'person:bob'", "whom the log does not know"),
        ("UPDATE names SET person = 'bob' WHERE person = 'person:bob'", "whom the log does not know"),
        ("UPDATE names SET shown = 2 WHERE person = 'person:bob'", "is shown"),
        ("UPDATE tokens SET hash = x'00'", "has 1 bytes"),
        ("UPDATE tokens SET rights = rights || ' all'", "has the rights"),
        ("UPDATE tokens SET actor = 'feature:f1'", "whom the log does not know"),
        ("UPDATE tokens SET id = 'x'", "is not the id of a token"),
        ("UPDATE tokens SET revoked_at = 1", "revoked at 1"),
        ("UPDATE answers SET digest = x'00' WHERE first > 1", "has 1 bytes"),
        ("UPDATE answers SET salt = x'00' WHERE first > 1 AND salt IS NOT NULL", "has 1 bytes"),
        ("UPDATE answers SET scope = ' ' WHERE first > 1 AND scope <> 'service:decisionlog'", "are not the owner"),
    ],
)
def test_an_unsound_row_beside_the_entries_is_found(folder: Settings, statement: str, found: str) -> None:
    """Names, tokens and idempotency records that are not of their shape, or refer to what the log does not know."""
    with writing(folder) as log:
        log.tokens.create("person:ann", rights=[IMPORT_RIGHT])
        assert log.find_damage() == ""
    change(folder.log_file, statement)

    with reading(folder) as log:
        assert found in str(log.verify())


# The read model --------------------------------------------------------------------------------------------------------


def status_changed(folder: Settings) -> None:
    with closing(sqlite3.connect(folder.model_file, isolation_level=None)) as connection:
        sql = "UPDATE cell SET value = '\"rejected\"' WHERE field = 'status' AND subject = 'decision:d7'"
        assert connection.execute(sql).rowcount


def all_cells_deleted(folder: Settings) -> None:
    change(folder.model_file, "DELETE FROM cell")


def flipped_twenty_times(folder: Settings) -> None:
    chance = Random(5)
    size = folder.model_file.stat().st_size
    for _ in range(20):
        flips.Flip("views.sqlite3", chance.randrange(size), 1 << chance.randrange(8)).apply(folder.data)


def headless(folder: Settings) -> None:
    flips.Flip("views.sqlite3", 3, 255).apply(folder.data)


def undecodable(folder: Settings) -> None:
    change(folder.model_file, "UPDATE cell SET value = CAST(x'22ff22' AS TEXT) WHERE field = 'title'")


def undecodable_schema(folder: Settings) -> None:
    """The name of an index is not UTF-8 any more."""
    stored = folder.model_file.read_bytes()
    assert b"_cell_by_field" in stored
    folder.model_file.write_bytes(stored.replace(b"_cell_by_field", b"_cell\xff\xfe\xfdfield"))


def words_changed(folder: Settings) -> None:
    change(folder.model_file, "UPDATE search_content SET c3 = 'forged' WHERE id = (SELECT max(id) FROM search_content)")


def schema_changed(folder: Settings) -> None:
    change(folder.model_file, "DROP TABLE act_because")


DAMAGES = (
    status_changed, all_cells_deleted, flipped_twenty_times, headless, undecodable, undecodable_schema, words_changed,
    schema_changed,
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_read_model_is_found_and_never_served(
    untouched: flips.Folder, folder: Settings, damage: Callable[[Settings], None]
) -> None:
    """Doctor finds it; a server builds the model again and answers what the untouched one answers."""
    damage(folder)

    assert exit_code(lambda: keeping.doctor(folder, compare=True)) == Exit.DAMAGED
    assert dict(flips.ask(folder)) == untouched.answers
    assert codes(folder) == (Exit.DONE, Exit.DONE)


@pytest.mark.parametrize("damage", [flipped_twenty_times, headless, undecodable_schema])
def test_verify_finds_a_damaged_file_of_the_read_model(folder: Settings, damage: Callable[[Settings], None]) -> None:
    """Pages and indexes of both files are looked at."""
    damage(folder)

    assert exit_code(lambda: keeping.verify(folder, [], None)) == Exit.DAMAGED


@pytest.mark.parametrize("damage", DAMAGES)
def test_rebuild_mends_a_damaged_read_model(folder: Settings, damage: Callable[[Settings], None]) -> None:
    """Whatever it was, afterwards all is well."""
    damage(folder)

    assert exit_code(lambda: keeping.rebuild(folder)) == Exit.DONE
    assert codes(folder) == (Exit.DONE, Exit.DONE)


@pytest.fixture
def served(folder: Settings) -> Iterator[tuple[DecisionLog, House, Settings]]:
    with writing(folder) as log, house(log, folder) as built:
        until(lambda: built.runner.active)
        yield log, built, folder


@pytest.mark.parametrize("damage", [status_changed, all_cells_deleted, words_changed])
def test_what_is_changed_while_it_is_served_is_found_in_time(
    untouched: flips.Folder, served: tuple[DecisionLog, House, Settings], damage: Callable[[Settings], None]
) -> None:
    """The subjects are compared one after the other; a difference makes health and answers 503 until it is mended."""
    log, built, folder = served
    sampler, client = Sampler(log, built.model, built.runner), client_of(log, built)
    renew, seen = built.model.database.renew, []

    def renew_and_ask() -> None:
        seen.extend(client.get(path) for path in ("/v1/health", flips.QUESTIONS[0]))
        renew()

    built.model.database.renew = renew_and_ask  # type: ignore[method-assign]
    damage(folder)
    while not sampler.rounds and not built.model.damage and not seen:
        sampler.check_next()
    until(lambda: seen and not built.model.damage)

    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in seen] == [(503, "10")] * 2
    assert {question: flips._answer(client, question) for question in flips.QUESTIONS} == untouched.answers


def test_a_sound_model_is_not_suspected_while_it_grows(served: tuple[DecisionLog, House, Settings]) -> None:
    """Entries and erasures while subjects are compared are no difference."""
    log, built, _ = served
    sampler, positions = Sampler(log, built.model, built.runner, at_once=5), iter(range(3, log.head().size))
    while not sampler.rounds:
        do(log, [[{"type": "EraseTexts", "subject": log.id, "positions": [next(positions)]}]])
        sampler.check_next()
        assert not built.model.damage


def test_a_file_that_breaks_while_it_is_served_is_begun_anew(
    untouched: flips.Folder, served: tuple[DecisionLog, House, Settings]
) -> None:
    """A question that meets a damaged page is answered with 503, and soon with what is true; never with a 500."""
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


def test_a_damaged_log_is_not_what_a_model_is_built_from(folder: Settings) -> None:
    """Where log and model differ and it is the log that is damaged, nothing is answered from either."""
    with writing(folder) as log, house(log, folder) as built:
        until(lambda: built.runner.active)
        change(folder.log_file, "UPDATE events SET texts = CAST(replace(texts, 'Feature', 'Faeture') AS BLOB)")
        built.runner.distrust("as if a subject differed")
        until(lambda: built.runner.error)

        assert client_of(log, built).get("/v1/health").status_code == 503
        assert log.damage


def test_a_damaged_small_log_is_not_served(folder: Settings) -> None:
    """A log of a few thousand entries is verified before anything is answered from it."""
    change(folder.log_file, "UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 9")

    with writing(folder) as log, pytest.raises(DamagedLogError), house(log, folder, check=True):
        pass


# Random flips ----------------------------------------------------------------------------------------------------------


def test_every_flip_is_noticed_or_changes_nothing(untouched: flips.Folder, tmp_path: Path) -> None:
    """A byte changed anywhere in either file is noticed, or all content is the same; and no false answer is given."""
    judged = list(flips.flip_many(untouched, tmp_path, range(FLIPS)))

    assert [each for each in judged if each[2].wrong] == []
    assert len({verdict.kind for _, _, verdict in judged}) > 1


def test_a_judge_without_the_check_of_indexes_is_caught(
    untouched: flips.Folder, folder: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were pages and indexes not checked, a log that denies its own feature would pass; the judge would say so."""
    change_two_letters_of_the_index(folder.log_file)
    assert flips.judge(untouched, folder.data) == flips.Verdict("noticed, and not served")

    monkeypatch.setattr(SqliteStore, "find_damage", lambda _: [])
    monkeypatch.setattr(sqlite_store, "find_page_damage", lambda _: [])
    assert flips.judge(untouched, folder.data).kind == "missed"
