"""Several processes on one read model: one writes it, the others see it; two databases hold the same."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support_postgresql import fresh_schema, server

from projections.database import PROJECTOR, REBUILD, Database
from projections.postgresql import PostgresqlDatabase
from projections.read_model import ReadModel, content_hash
from projections.rebuild import Rebuilding, rebuild
from projections.runner import Runner
from projections.sqlite import SqliteDatabase
from tests.projections.support import START, Log, catch_up, emptied
from tests.projections.test_field_values import ACTS, log_of, observed


@pytest.fixture
def both(tmp_path: Path) -> Any:
    with fresh_schema() as url:
        databases = [SqliteDatabase(tmp_path / "m"), PostgresqlDatabase(url)]
        for database in databases:
            database.renew()
        yield databases
        for database in databases:
            database.close()


@given(acts=ACTS, batch=st.integers(1, 9))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_databases_hold_the_same(both: list[Database], acts: list[Any], batch: int) -> None:
    """Whatever was recorded, and in whatever batches it was read, every row is the same on both."""
    log = log_of(acts)
    models = []
    for n, database in enumerate(both):
        emptied(database)
        models.append(ReadModel(database, lambda: START))
        catch_up(models[n], log, batch + 3 * n)

    assert content_hash(models[0]) == content_hash(models[1])


def test_one_writes_and_the_next_goes_on_when_it_ends(model: ReadModel, log: Log) -> None:
    """Of two runners one writes; whoever waits at the other is answered all the same; and when the first ends it goes on."""
    first, second = (Runner(log, model, poll=30) for _ in range(2))
    first.start()
    assert first.wait_for(0, 10)
    position = log.add("feature:a", observed("exists", value=True))
    first.wake()
    assert first.wait_for(position, 10)
    second.start()
    try:
        assert second.wait_for(position, 10)
        assert (first.active, second.active) == (True, False)
        position = log.add("feature:a", observed("status", value="open"))
        threading.Timer(0.05, first.wake).start()
        assert second.wait_for(position, 10)

        first.stop()
        position = log.add("feature:a", observed("status", value="done"))
        second.wake()
        assert second.wait_for(position, 10)
        assert second.active
    finally:
        first.stop()
        second.stop()


def test_a_runner_beside_never_writes(model: ReadModel, log: Log) -> None:
    """It leaves the writing to another process even where there is none."""
    beside = Runner(log, model, poll=0.01, beside=True)
    beside.start()
    position = log.add("feature:a", observed("exists", value=True))
    try:
        assert not beside.wait_for(position, 0.2)
        catch_up(model, log)
        assert beside.wait_for(position, 10)
    finally:
        beside.stop()


def test_who_opens_a_model_that_another_writes_leaves_it_alone(model: ReadModel, log: Log) -> None:
    """What looks like a fault from here is the writer's to judge."""
    with closing(model.database.writer()) as writer:
        assert not model.database.has_active_writer()
        assert writer.claim(PROJECTOR)
        assert model.database.has_active_writer()
        with writer.transaction():
            writer.rows("update projection set position = 99", {})

        again = ReadModel.open(model.database, log, lambda: START)

        assert again.position == 99
    assert ReadModel.open(model.database, log, lambda: START).position == 0


def test_two_do_not_rebuild_at_once(model: ReadModel, log: Log) -> None:
    """The second is told so, and the first goes on undisturbed."""
    with closing(model.database.writer()) as writer:
        assert writer.claim(REBUILD)
        with pytest.raises(Rebuilding):
            rebuild(log, model)
    assert rebuild(log, model) == 0


def cut_off() -> None:
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'decisionlog projections'"
        )


def test_a_server_that_comes_back_is_followed_again(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    """Connections that the server has ended are made anew, by the runner and by readers; nothing is lost or done twice."""
    with fresh_schema() as url:
        model = ReadModel.open(PostgresqlDatabase(url), log, lambda: START)
        runner = Runner(log, model, poll=0.05)
        runner.start()
        try:
            for n in range(3):
                position = log.add("feature:a", observed("status", value=f"s{n}"))
                runner.wake()
                assert runner.wait_for(position, 20)
                cut_off()
                assert model.position == position
        finally:
            runner.stop()
        assert "will be tried again" in caplog.text
        before = content_hash(model)
        rebuild(log, model)
        assert content_hash(model) == before
        model.close()


def test_readers_never_stand_in_the_way_of_a_swap(model: ReadModel, log: Log) -> None:
    """While a model is built and swapped again and again, every snapshot is whole: its position is that of its last act."""
    for n in range(20):
        log.add("feature:a", observed("status", value=f"s{n}"))
    catch_up(model, log)
    done = threading.Event()
    wrong: list[Any] = []

    def reader() -> None:
        while not done.is_set():
            with model.read() as read:
                found = read.one("select max(position), count(*) from act", {})
                held = read.one("select count(*) from cell", {})
                if (found, held) != ((read.position, 20), (20,)):
                    wrong.append((read.position, found, held))

    readers = [threading.Thread(target=reader) for _ in range(3)]
    for thread in readers:
        thread.start()
    for _ in range(5):
        rebuild(log, model)
    done.set()
    for thread in readers:
        thread.join()
    assert wrong == []


def test_a_reader_follows_to_another_file(tmp_path):
    """Where another process puts another file in the place of the one a reader had open, the reader reads that one."""
    reader, other = SqliteDatabase(tmp_path / "model"), SqliteDatabase(tmp_path / "model")
    assert not reader.has("projection")
    assert not (tmp_path / "model").exists()
    with reader.reading():
        pass
    assert not reader.has("projection")

    other.renew()

    assert reader.has("projection")
    reader.close()
    other.close()
