"""The model follows the log without a gap, equals one built anew, and is thrown away when it cannot be trusted."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.any_subject import AliasesSet, LogOpened, TextsErased, TitleChanged
from domain.decision import DecisionProposed, Option
from domain.messages import Reference
from domain.values import ERASED
from projections.database import Database
from projections.field_values import field_values
from projections.projector import Gap, Projector
from projections.query import Filter
from projections.read_model import Read, ReadModel, content_hash
from projections.rebuild import rebuild
from projections.runner import Runner, Stopped
from projections.schema import SHADOW
from projections.search import search
from projections.sqlite import SqliteDatabase
from tests.projections.support import START, Anew, Log, catch_up
from tests.projections.test_field_values import ACTS, log_of, observed


@given(acts=ACTS, batch=st.integers(1, 9))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_model_built_anew_has_the_same_content(anew: Anew, acts: list[Any], batch: int) -> None:
    """In whatever batches the log was read, rebuilding gives equal rows in every table."""
    log = log_of(acts)
    model = anew(log, batch)
    before = content_hash(model)

    assert rebuild(log, model) == len(log.entries)
    assert content_hash(model) == before


@given(acts=ACTS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_row_knows_the_row_after_it(anew: Anew, acts: list[Any]) -> None:
    """What follows a row is the next among those that count, however they came in; a voided row spans nothing."""
    log = log_of(acts)
    model = anew(log, 3)
    with model.read() as read:
        rows = list(read.rows("select subject, field, eff, id, et, et_id, void from cell order by 1, 2, 3, 4", {}))
    for n, (*cell, eff, id_, et, et_id, void) in enumerate(rows):
        later = (row[2:4] for row in rows[n + 1 :] if row[:2] == tuple(cell) and row[6] is None)
        assert (et, et_id) == ((eff, id_) if void is not None else next(later, (None, None)))


def test_a_hole_is_refused(model: ReadModel, log: Log) -> None:
    """An entry that is not the next one stops the reader, and nothing of its batch is kept."""
    for _ in range(4):
        log.add("feature:a", observed("status", value="open"))
    del log.entries[2]

    with pytest.raises(Gap, match="stands at 2, and the log's next entry is 4"):
        catch_up(model, log)

    assert model.position == 0


def test_the_content_differs_when_a_row_does(model: ReadModel, log: Log) -> None:
    """The hash speaks for every row: another word in one cell is another hash."""
    log.add("feature:a", observed("status", value="open"))
    catch_up(model, log)
    before = content_hash(model)

    change(model.database, "update cell set word = 'x'")

    assert content_hash(model) != before


def change(database: Database, *statements: str) -> None:
    with closing(database.writer()) as writer, writer.transaction():
        for statement in statements:
            writer.rows(statement, {})


OTHER_VERSION = "update projection set version = version + 1"
AHEAD = "update projection set position = 99"
OF_ANOTHER_LOG = "update act set recorded_at = recorded_at + 1"
MISSING = "drop table projection"


@pytest.mark.parametrize("fault", [OTHER_VERSION, AHEAD, OF_ANOTHER_LOG, MISSING])
def test_a_model_that_cannot_be_trusted_is_begun_again(model: ReadModel, log: Log, fault: str) -> None:
    """Missing, of another version, ahead of the log or of another log: it is built anew, and is right."""
    log.add("feature:a", observed("exists", value=True))
    catch_up(model, log)
    expected = content_hash(model)
    model.close()
    change(model.database, fault)

    again = ReadModel.open(model.database, log, lambda: START)

    assert again.position == 0
    catch_up(again, log)
    assert content_hash(again) == expected


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_CANTOPEN])
def test_a_file_is_not_thrown_away_because_the_disk_fails(
    tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Where a disk is full or out of order nothing is known of the file: that is said, and it stays as it is."""
    log.add("feature:a", observed("exists", value=True))
    path = tmp_path / "m"
    model = ReadModel.open(SqliteDatabase(path), log, lambda: START)
    catch_up(model, log)
    expected = content_hash(model)
    model.close()
    failure = sqlite3.OperationalError("out of order")
    failure.sqlite_errorcode = code  # type: ignore[attr-defined]

    def failing(_: Path) -> sqlite3.Connection:
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr("projections.sqlite.connect", failing)
        with pytest.raises(OperationalError, match="out of order"):
            ReadModel.open(SqliteDatabase(path), log, lambda: START)

    assert content_hash(ReadModel.open(SqliteDatabase(path), log, lambda: START)) == expected


def tear(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:4000] = b"\xff" * 3900
    path.write_bytes(content)


@pytest.mark.parametrize("fault", [Path.unlink, tear, lambda path: path.write_text("?")])
def test_a_file_that_cannot_be_read_is_begun_again(tmp_path: Path, log: Log, fault: Callable[[Path], Any]) -> None:
    """Missing, damaged or something else: it is built anew, and is right."""
    log.add("feature:a", observed("exists", value=True))
    path = tmp_path / "m"
    model = ReadModel.open(SqliteDatabase(path), log, lambda: START)
    catch_up(model, log)
    expected = content_hash(model)
    model.close()
    fault(path)

    again = ReadModel.open(SqliteDatabase(path), log, lambda: START)

    assert again.position == 0
    catch_up(again, log)
    assert content_hash(again) == expected
    again.close()


def test_a_model_in_order_is_kept(model: ReadModel, log: Log) -> None:
    """A restart goes on where the model stands."""
    log.add("feature:a", observed("exists", value=True))
    catch_up(model, log)
    model.close()

    again = ReadModel.open(model.database, log, lambda: START)

    assert again.position == 1


def test_a_runner_follows_and_can_be_waited_for(model: ReadModel, log: Log) -> None:
    """Who waits for a position reads their own writes."""
    runner = Runner(log, model, poll=30)
    runner.start()
    try:
        position = log.add("feature:a", observed("exists", value=True))
        assert runner.wait_for(0, 0)
        assert not runner.wait_for(position + 1, 0.01)
        runner.wake()

        assert runner.wait_for(position, 10)
        assert model.position == runner.position == position
    finally:
        runner.stop()
    with pytest.raises(Stopped):
        runner.wait_for(position + 1, 10)


def test_a_runner_stops_loudly(model: ReadModel, log: Log, caplog: pytest.LogCaptureFixture) -> None:
    """A hole stops the runner; whoever waits is told why instead of waiting."""
    for _ in range(3):
        log.add("feature:a", observed("exists", value=True))
    del log.entries[1]
    runner = Runner(log, model, poll=30)
    runner.start()
    try:
        with pytest.raises(Stopped, match="next entry is 3"):
            runner.wait_for(3, 10)
        assert isinstance(runner.error, Gap)
        assert "stopped at position 0" in caplog.text
    finally:
        runner.stop()


def test_a_rebuild_beside_a_runner(model: ReadModel, log: Log) -> None:
    """The log grows and is followed while the model is built anew; neither loses anything, and readers never see less."""
    for n in range(300):
        log.add("feature:a", observed("status", value=f"s{n}"))
    runner = Runner(log, model, poll=0.01, batch=20)
    runner.start()
    try:
        runner.wait_for(300, 20)
        done = threading.Event()
        building = threading.Thread(target=lambda: (rebuild(log, model), done.set()))
        building.start()
        seen = 0
        while not done.is_set():
            log.add("feature:a", observed("status", value="more"))
            assert model.position >= seen
            seen = model.position
            time.sleep(0.001)
        building.join()
        assert runner.wait_for(len(log.entries), 20)
        assert runner.error is None
    finally:
        runner.stop()
    before = content_hash(model)
    rebuild(log, model)
    assert content_hash(model) == before


def test_a_rebuild_takes_over_no_earlier_than_what_it_replaces(model: ReadModel, log: Log) -> None:
    """What the model in use has read while another was built is in that one too: a position never goes back."""
    log.add("feature:a", observed("exists", value=True))

    def meanwhile(_done: int, _all: int) -> None:
        log.add("feature:a", observed("status", value="open"))
        catch_up(model, log)

    assert rebuild(log, model, meanwhile) == len(log.entries) > 1
    assert model.position == len(log.entries)


def test_an_interrupted_rebuild_leaves_no_trace(model: ReadModel, log: Log) -> None:
    """The model in use stays; the next rebuild starts clean."""
    log.add("feature:a", observed("exists", value=True))
    catch_up(model, log)
    expected = content_hash(model)
    with closing(model.database.writer()) as writer, writer.transaction():
        writer.create(SHADOW)
        Projector(writer, SHADOW).apply(log.read(0, 1))

    rebuild(log, model)

    assert content_hash(model) == expected


def has_shadow(model: ReadModel) -> bool:
    try:
        with model.snapshot() as read:
            return read.one("select 1 from shadow_projection", {}) is not None
    except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
        return False


def test_a_rebuild_that_fails_leaves_nothing_behind(model: ReadModel, log: Log) -> None:
    """Its tables would hear of no forgetting: they go when it fails, and when a model is opened that a crash left."""
    log.add("feature:a", observed("exists", value=True))
    catch_up(model, log)
    expected = content_hash(model)

    def interrupted(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(log, model, interrupted)

    assert not has_shadow(model)
    with closing(model.database.writer()) as writer, writer.transaction():
        writer.create(SHADOW)
    assert has_shadow(model)
    again = ReadModel.open(model.database, log, lambda: START)
    assert not has_shadow(again)
    assert content_hash(again) == expected


def test_any_number_of_readers_may_finish_together(model: ReadModel, log: Log) -> None:
    """More readers at a time than connections are kept: each is answered, and the rest of the connections closed."""
    log.add("feature:a", observed("exists", value=True))
    catch_up(model, log)

    with ExitStack() as readers:
        snapshots = [readers.enter_context(model.read()) for _ in range(40)]
        assert [snapshot.position for snapshot in snapshots] == [1] * 40


CANARY = "zanzibar{0}quokka"


def test_forgotten_texts_leave_no_byte(tmp_path: Path, log: Log) -> None:
    """After forgetting, no file of the model holds a byte of the texts, and a model built anew is equal."""
    path = tmp_path / "model.sqlite"
    model = ReadModel.open(SqliteDatabase(path), log, lambda: START)
    words = [CANARY.format(n) for n in range(8)]
    log.add("log:l", LogOpened())
    option = Option(title=words[0], pros=(words[1],))
    proposed = DecisionProposed(title=words[2], kind="strategic", context=words[3], options=(option,))
    log.add("decision:a", proposed, note=words[4], references=(Reference(id=words[5]),))
    log.add("decision:a", observed("x.said", text="kept", source_value=words[6]))
    log.add("decision:a", observed("aliases", texts=(words[7], "plain")))
    log.add("decision:a", TitleChanged(title="A title that stays"))
    runner = Runner(log, model, poll=0.01)
    runner.start()
    try:
        runner.wait_for(5, 10)
        assert all(in_files(path, word) for word in words)

        gone = option.model_copy(update={"title": ERASED, "pros": (ERASED,)})
        forgotten = proposed.model_copy(update={"title": ERASED, "context": ERASED, "options": (gone,)})
        log.replace(2, event=forgotten, metadata=forgotten_envelope(log, 2))
        log.replace(3, event=observed("x.said", text=ERASED, source_value=ERASED))
        log.replace(4, event=observed("aliases", texts=(ERASED, ERASED)))
        log.add("log:l", TextsErased(positions=(2, 3, 4), reason_code="request"))
        runner.wait_for(6, 10)
    finally:
        runner.stop()

    assert not [word for word in words if in_files(path, word)]
    assert in_files(path, "A title that stays")
    with model.read() as read:
        assert not search(read, words[2]).rows
        assert not search(read, "forgotten").rows
        assert not field_values(read, Filter(values=["plain"])).rows
        assert field_values(read, Filter(fields=["aliases"])).rows[0]["value"] == [ERASED, ERASED]
    before = content_hash(model)
    rebuild(log, model)
    assert content_hash(model) == before


def forgotten_envelope(log: Log, position: int) -> Any:
    return replace(log.entries[position - 1].metadata, note=ERASED, references=(Reference(id=ERASED),))


def in_files(path: Path, word: str) -> bool:
    return any(word.encode() in file.read_bytes() for file in path.parent.glob(path.name + "*"))


def test_a_model_of_a_few_batches_keeps_its_aliases(log: Log, read: Callable[[], Read]) -> None:
    """A subject is found by any member of its list of aliases."""
    log.add("feature:a", observed("exists", value=True))
    log.add("feature:a", AliasesSet(aliases=("KEP-1287", "old")))

    assert [row["subject"] for row in field_values(read(), Filter(fields=["aliases"], values=["KEP-1287"])).rows] == [
        "feature:a"
    ]


INDEXES = {
    "sqlite": "select tbl_name, sql from sqlite_master where type = 'index' and sql is not null",
    "postgresql": "select tablename, indexdef from pg_indexes where schemaname = current_schema()",
}


def indexed(database: Database) -> list[tuple[str, str]]:
    """What is indexed, and by what, whatever the indexes are called."""
    sql = INDEXES["sqlite" if hasattr(database, "path") else "postgresql"]
    with closing(database.writer()) as writer:
        return sorted((table, statement[statement.index("(") :]) for table, statement in writer.rows(sql, {}))


def test_a_rebuilt_model_has_every_index(log: Log, model: ReadModel) -> None:
    """Indexes that a rebuild makes last are those of a model that was begun with them, also the second time."""
    log.add("log:l", LogOpened())
    wanted = indexed(model.database)
    for _ in range(2):
        rebuild(log, model)

        assert indexed(model.database) == wanted
    assert len(wanted) > 10


@pytest.mark.parametrize("rows", [1, 300])
def test_what_fails_in_a_batch_leaves_nothing_and_is_told(model: ReadModel, rows: int) -> None:
    """Few rows go with other statements and many by themselves; either way a transaction that fails is told and undone."""
    before, twice = content_hash(model), [("decision:d", n) for n in range(rows)]
    with closing(model.database.writer()) as writer:

        def fail() -> None:
            with writer.transaction():
                writer.rows("update projection set position = 7 where name = 'fields'", {})
                writer.insert("", "act_because", twice)
                writer.insert("", "act_because", twice)

        with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
            fail()
        assert content_hash(model) == before

        with writer.transaction():
            writer.insert("", "act_because", twice)
    assert content_hash(model) != before
