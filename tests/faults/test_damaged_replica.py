"""A damaged read model that another process serves, or that a replica holds, is not served, and is built again."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from eventsourcing.persistence import PersistenceError

from cli.bootstrap import open_for_write, open_read_only, open_runtime
from cli.settings import Settings
from consumers.kafka import replica_worker
from consumers.kafka.replica_session import ReceivedEntry
from consumers.kafka.replica_worker import ReplicaWorker
from eventlog.records import EntryRow
from identity.decision_log import DecisionLog
from projections.read_model import continuous_check
from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel, ReadModelDamagedError, content_hash
from projections.read_model.rebuild import rebuild
from projections.read_model.sqlite import SqliteDatabase
from tests.faults.logs import fill, write_log
from tests.support_postgresql import fresh_schema

pytestmark = pytest.mark.slow

DAMAGES = {
    "value": """update field_value set value = '"forged"' where field = 'title' and subject = 'product:shop'""",
    "rows": "delete from field_value where subject like 'feature:%'",
    "words": "delete from search where subject = 'product:shop'",
}


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Subjects are compared at short intervals."""
    monkeypatch.setattr(continuous_check, "FIRST_ROUND_PAUSE_S", 0.01)
    monkeypatch.setattr(continuous_check, "PAUSE_S", 0.01)
    monkeypatch.setattr(replica_worker, "CHECK_INTERVAL_US", 10_000)


def damage(model: ReadModel, statement: str) -> None:
    with closing(model.database.writer()) as writer, writer.transaction():
        writer.rows(statement, {})


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_server_refuses_what_the_projector_builds_again(tmp_path: Path, kind: str, name: str) -> None:
    """The process that only reads answers nothing from damaged rows, and answers again once the other has rebuilt them."""
    with fresh_schema() as url:
        settings = Settings(data=tmp_path, store=url if kind == "postgresql" else "")
        with open_for_write(settings) as log:
            fill(log, 100, 5)
        with open_read_only(settings) as log, open_runtime(log, settings, poll=0.02, check=True) as projector:
            assert projector.runner.wait_for(log.head().size, 30)
            with open_runtime(log, settings, external=True, check=True) as reader:
                assert reader.runner.wait_for(log.head().size, 30)
                until(lambda: projector.runner.active and reader.runner.active is False)
                true = content_hash(reader.model)
                seen: list[str] = []
                projector.model.database.recreate = _after(  # type: ignore[method-assign]
                    lambda: until(lambda: seen.append(reader.model.damage) or reader.model.damage),
                    projector.model.database.recreate,
                )

                damage(projector.model, DAMAGES[name])
                until(lambda: reader.model.damage)
                with pytest.raises(ReadModelDamagedError), reader.model.read():
                    pass
                until(lambda: seen and not reader.model.damage and not projector.model.damage)

                assert content_hash(reader.model) == true


def _after(first: Callable[[], None], then: Callable[[], None]) -> Callable[[], None]:
    """Call the one before the other, once: PostgreSQL may end a deadlock with a reader, and `then` is tried again."""
    waiting = [first]

    def both() -> None:
        while waiting:
            waiting.pop()()
        then()

    return both


@dataclass
class MemoryFeed:
    """A topic with the rows of a log."""

    log_id: str
    rows: Sequence[EntryRow]
    at: int = 0
    topic: str = "events"
    transient_errors: tuple[type[Exception], ...] = ()

    def seek(self, offset: int | None) -> None:
        self.at = offset or 0

    def poll(self, seconds: float) -> Sequence[ReceivedEntry]:
        first, self.at = self.at, min(len(self.rows), self.at + 100)
        if first == self.at:
            time.sleep(min(seconds, 0.01))
        return [ReceivedEntry(n, self.log_id, self.rows[n]) for n in range(first, self.at)]

    def unread(self) -> int:
        return len(self.rows) - self.at

    def close(self) -> None:
        pass


def content_of(model: ReadModel) -> str:
    """The content of a replica, once it has its tables; another process may just create them."""
    with suppress(*model.database.transient_errors, PersistenceError, sqlite3.Error, psycopg.Error):
        return content_hash(model)
    return ""


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_damaged_replica_is_built_again_from_the_topic(tmp_path: Path, kind: str, name: str) -> None:
    """Its rows are compared with its entries, some subjects at a time; after a difference it reads the topic again."""
    write_log(tmp_path / "log", 100, 5)
    with DecisionLog.open(tmp_path / "log", clock=lambda: time.time_ns() // 1000) as log, fresh_schema() as url:
        with closing(ReadModel.open(SqliteDatabase(tmp_path / "true"), log, lambda: 0)) as true:
            rebuild(log, true)
            expected = content_hash(true)
        model = ReadModel(open_database(url if kind == "postgresql" else tmp_path / "replica"), lambda: 0)
        feed = MemoryFeed(log.id, log.rows(0, 1_000))
        worker = ReplicaWorker(model, feed, None, lambda: time.time_ns() // 1000)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            until(lambda: content_of(model) == expected)
            recreated: list[bool] = []
            model.database.recreate = _after(lambda: recreated.append(True), model.database.recreate)  # type: ignore[method-assign]
            damage(model, DAMAGES[name])
            until(lambda: recreated and content_of(model) == expected)
        finally:
            worker.stop()
            thread.join()
            model.close()
