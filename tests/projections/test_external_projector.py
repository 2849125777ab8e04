"""Several processes use one read model: one writes it, the others follow; both databases hold the same."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import OperationalError
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.dsn import TIMEOUTS
from eventlog.errors import DatabaseUnavailableError
from projections.read_model import runner as read_model_runner
from projections.read_model import schema
from projections.read_model.database import PROJECTOR, REBUILD, Database
from projections.read_model.model import ReadModel, ReadModelDamagedError, content_hash
from projections.read_model.postgresql import PostgresqlDatabase
from projections.read_model.rebuild import Rebuilding, rebuild
from projections.read_model.runner import Runner
from projections.read_model.sqlite import SqliteDatabase
from tests.projections.support import START, Log, catch_up, delete_rows
from tests.projections.test_field_values import EVENTS_ON_SUBJECTS, imported, log_of
from tests.support_postgresql import fresh_schema, server


@pytest.fixture
def both_databases(tmp_path: Path) -> Any:
    with fresh_schema() as url:
        databases = [SqliteDatabase(tmp_path / "m"), PostgresqlDatabase(url)]
        for database in databases:
            database.recreate()
        yield databases
        for database in databases:
            database.close()


@given(events=EVENTS_ON_SUBJECTS, batch=st.integers(1, 9))
@settings(max_examples=25)
def test_both_databases_have_equal_rows(both_databases: list[Database], events: list[Any], batch: int) -> None:
    """Whatever was recorded, and in whatever batches it was read, both databases have equal rows."""
    log = log_of(events)
    models = []
    for n, database in enumerate(both_databases):
        delete_rows(database)
        models.append(ReadModel(database, lambda: START))
        catch_up(models[n], log, batch + 3 * n)

    assert content_hash(models[0]) == content_hash(models[1])


def test_a_second_runner_takes_over_when_the_first_stops(model: ReadModel, log: Log) -> None:
    """Only one of two runners writes; callers can wait at the other, which takes over when the first stops."""
    first, second = (Runner(log, model, poll_s=30) for _ in range(2))
    first.start()
    assert first.wait_for(0, 10)
    position = log.add("feature:a", imported("exists", value=True))
    first.wake()
    assert first.wait_for(position, 10)
    second.start()
    try:
        assert second.wait_for(position, 10)
        assert (first.active, second.active) == (True, False)
        position = log.add("feature:a", imported("status", value="open"))
        threading.Timer(0.05, first.wake).start()
        assert second.wait_for(position, 10)

        first.stop()
        position = log.add("feature:a", imported("status", value="done"))
        second.wake()
        assert second.wait_for(position, 10)
        assert second.active
    finally:
        first.stop()
        second.stop()


def test_an_external_runner_never_writes(model: ReadModel, log: Log) -> None:
    """A runner with `external` leaves writing to another process, even if there is none."""
    beside = Runner(log, model, poll_s=0.01, external=True)
    beside.start()
    position = log.add("feature:a", imported("exists", value=True))
    try:
        assert not beside.wait_for(position, 0.2)
        catch_up(model, log)
        assert beside.wait_for(position, 10)
    finally:
        beside.stop()


def test_opening_a_model_that_another_process_writes_changes_nothing(model: ReadModel, log: Log) -> None:
    """A read model that another process writes is not reset; if that has another version, it is not used either."""
    with closing(model.database.writer()) as writer:
        assert not model.database.has_active_writer()
        assert writer.try_lock(PROJECTOR)
        assert model.database.has_active_writer()
        with writer.transaction():
            writer.rows("update projection set version = version + 1", {})

        with pytest.raises(DatabaseUnavailableError, match="Stop or update that process"):
            ReadModel.open(model.database, log, lambda: START)
        assert stored_version(model) == schema.VERSION + 1

    assert stored_version(ReadModel.open(model.database, log, lambda: START)) == schema.VERSION


def test_a_standby_rebuilds_what_another_version_wrote(model: ReadModel, log: Log) -> None:
    """Nothing is answered from tables of another version; a process that takes over from it builds its own."""
    position = log.add("feature:a", imported("status", value="s"))
    catch_up(model, log)
    standby = Runner(log, model, poll_s=0.01)
    with closing(model.database.writer()) as writer:
        assert writer.try_lock(PROJECTOR)
        standby.start()
        with writer.transaction():
            writer.rows("update projection set version = version - 1", {})
        with pytest.raises(ReadModelDamagedError), model.read() as read:
            assert read.position
    try:
        deadline = time.monotonic() + 30
        while stored_version(model) != schema.VERSION and time.monotonic() < deadline:
            time.sleep(0.05)
        assert standby.wait_for(position, 20)
    finally:
        standby.stop()
    assert (stored_version(model), model.position) == (schema.VERSION, position)


def stored_version(model: ReadModel) -> int:
    with model.snapshot() as read:
        return read.one("select version from projection", {})[0]


def test_only_one_process_rebuilds_at_a_time(model: ReadModel, log: Log) -> None:
    """A second rebuild is refused, and the first one is not disturbed."""
    with closing(model.database.writer()) as writer:
        assert writer.try_lock(REBUILD)
        with pytest.raises(Rebuilding):
            rebuild(log, model)
    assert rebuild(log, model) == 0


def terminate_connections() -> None:
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'decisionlog projections'"
        )


def test_lost_connections_are_reopened(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    """Runner and readers reopen connections that the server closed; nothing is lost or written twice."""
    with fresh_schema() as url:
        model = ReadModel.open(PostgresqlDatabase(url), log, lambda: START)
        runner = Runner(log, model, poll_s=0.05)
        runner.start()
        try:
            for n in range(3):
                position = log.add("feature:a", imported("status", value=f"s{n}"))
                runner.wake()
                assert runner.wait_for(position, 20)
                terminate_connections()
                assert model.position == position
        finally:
            runner.stop()
        assert "will retry" in caplog.text
        before = content_hash(model)
        rebuild(log, model)
        assert content_hash(model) == before
        model.close()


def test_an_outage_is_logged_once(
    model: ReadModel, log: Log, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While the database is away, each cause is logged once, in one line, and not at each retry."""
    monkeypatch.setattr(read_model_runner, "RETRY_DELAY_S", 0.001)
    open_writer, retries = model.database.writer, iter([*["refused\n\tIs it running?"] * 9, *["starting"] * 9])

    def fail_at_first() -> Any:
        if text := next(retries, ""):
            raise OperationalError(text)
        return open_writer()

    monkeypatch.setattr(model.database, "writer", fail_at_first)
    runner = Runner(log, model, poll_s=0.05)
    runner.start()
    try:
        assert runner.wait_for(log.add("feature:a", imported("status", value="s")), 20)
    finally:
        runner.stop()

    assert [each.getMessage().partition("retry: ")[2] for each in caplog.records] == [
        "refused Is it running?",
        "starting",
    ]


def test_readers_see_whole_tables_during_swaps(model: ReadModel, log: Log) -> None:
    """During repeated rebuilds every snapshot is whole: its position is that of its last event."""
    for n in range(20):
        log.add("feature:a", imported("status", value=f"s{n}"))
    catch_up(model, log)
    done = threading.Event()
    wrong: list[Any] = []

    def reader() -> None:
        while not done.is_set():
            with model.read() as read:
                found = read.one("select max(position), count(*) from event", {})
                rows = read.one("select count(*) from field_value", {})
                if (found, rows) != ((read.position, 20), (20,)):
                    wrong.append((read.position, found, rows))

    readers = [threading.Thread(target=reader) for _ in range(3)]
    for thread in readers:
        thread.start()
    for _ in range(5):
        rebuild(log, model)
    done.set()
    for thread in readers:
        thread.join()
    assert wrong == []


def test_a_reader_opens_a_replaced_file(tmp_path):
    """A reader opens the new file when another process has replaced the one it had open."""
    reader, other = SqliteDatabase(tmp_path / "model"), SqliteDatabase(tmp_path / "model")
    assert not reader.has_table("projection")
    assert not (tmp_path / "model").exists()
    with reader.snapshot():
        pass
    assert not reader.has_table("projection")

    other.recreate()

    assert reader.has_table("projection")
    reader.close()
    other.close()


def test_a_host_that_disappeared_is_given_up_as_soon_as_by_the_log() -> None:
    """Connections of the read model have the timeouts of the log's connections, unless the address has others."""
    with fresh_schema() as url:
        with closing(PostgresqlDatabase(url).connect()) as usual:
            found = usual.info.get_parameters()
        with closing(PostgresqlDatabase(f"{url}&connect_timeout=3").connect()) as chosen:
            own = chosen.info.get_parameters()

    assert TIMEOUTS.items() <= found.items()
    assert own["connect_timeout"] == "3"
