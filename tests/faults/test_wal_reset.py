"""SQLite before 3.51.3 can damage a file if one connection truncates the write-ahead log while another commits."""

import sqlite3
from collections import defaultdict
from functools import partial

import pytest

from eventlog.sqlite_store import SqliteStore
from tests.support_log import LocalService

HARMLESS = ("SELECT", "PRAGMA", "BEGIN DEFERRED", "ROLLBACK")


@pytest.fixture
def watched(monkeypatch):
    """The statements of each connection that write, or truncate the write-ahead log."""
    done = defaultdict(list)

    class Watched(sqlite3.Connection):
        def __init__(self, where, *more, **options):
            super().__init__(where, *more, **options)
            self.is_of_log = "log.sqlite" in str(where)

        def _note(self, sql):
            said = sql.strip().upper()
            if self.is_of_log and ("WAL_CHECKPOINT" in said or not said.startswith(HARMLESS)):
                done[id(self)].append(said)

        def execute(self, sql, *parameters):
            self._note(sql)
            return super().execute(sql, *parameters)

        def executemany(self, sql, *parameters):
            self._note(sql)
            return super().executemany(sql, *parameters)

        def executescript(self, sql):
            self._note(sql)
            return super().executescript(sql)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Watched))
    return done


def live(service):
    """Write, erase, create a token, vacuum and read."""
    made = service.post("/products", {"key": "shop", "title": "Shop"})
    assert made.status_code == 201, made.text
    assert service.post("/log/erase", {"positions": [made.json()["position"]]}).status_code == 200
    assert service.post("/subjects/product:shop/title", {"title": "The shop"}).status_code == 200
    service.log.checkpoint_and_vacuum()
    assert service.log.verify() is None
    assert service.rows("/products")


def test_only_one_connection_writes_and_truncates(tmp_path, watched):
    """While a log is open, no second connection commits to its file or truncates its write-ahead log."""
    with LocalService(tmp_path) as service:
        watched.clear()  # no other connection exists while it is opened
        live(service)

        assert len(watched) == 1
        assert {"BEGIN IMMEDIATE", "COMMIT", "VACUUM", "PRAGMA WAL_CHECKPOINT(TRUNCATE)"} <= set(*watched.values())


def test_truncating_on_another_connection_is_detected(tmp_path, watched, monkeypatch):
    """If another connection truncates the write-ahead log, the test above would fail."""

    def beside(store):
        with store._read_connection() as connection:
            return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    monkeypatch.setattr(SqliteStore, "_truncate_wal", beside)
    with LocalService(tmp_path) as service:
        watched.clear()
        live(service)

        assert len(watched) == 2
