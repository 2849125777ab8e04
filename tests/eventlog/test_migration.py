"""Migrating a log from SQLite to PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from domain.examples import examples_for
from eventlog import migration
from eventlog.errors import ReadOnlyLogError
from eventlog.log import open_store
from eventlog.migration import MigrationError, migrate
from eventlog.records import EntryRow, Head
from eventlog.sql import SIDE_TABLE_KEYS
from eventlog.store import Store
from tests.eventlog.support import Clock, do, open_log, tables, where
from tests.support_postgresql import fresh_schema


@pytest.fixture
def address() -> Iterator[str]:
    with fresh_schema() as found:
        yield found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A log with every command, keys, people, tokens and an erased text."""
    with open_log(tmp_path) as log:
        for n, example in enumerate(examples_for(log.id)):
            do(log, example, key=f"k{n}")
        log.tokens.create("service:tracker", label="laptop")
        log.tokens.revoke(log.tokens.create("service:ci")[0])
    return tmp_path


@contextmanager
def both(source: Path, address: str) -> Iterator[tuple[Store, Store]]:
    with closing(open_store(where(source), clock=Clock())) as one, closing(open_store(address, clock=Clock())) as other:
        yield one, other


def content(store: Store) -> list[object]:
    return [
        store.head(),
        store.rows(0, 10_000),
        *(store.read_side_table(table, None, 10_000) for table in SIDE_TABLE_KEYS),
    ]


def test_a_migrated_log_is_complete_and_its_source_read_only(source: Path, address: str) -> None:
    """Every row of every table is copied; the target accepts writes and old keys, and the source can only be read."""
    with both(source, address) as (one, other):
        heard: list[tuple[int, int]] = []
        head, recorded_since, was_finished = migrate(one, other, lambda *news: heard.append(news))
        assert (recorded_since, was_finished) == (0, False)
        assert content(one) == content(other)
        assert head == one.head()
        assert heard[-1] == (2 * head.size, 2 * head.size)
    with pytest.raises(ReadOnlyLogError, match="DECISIONLOG_STORE"):
        open_log(source)
    with open_log(source, read_only=True) as old, open_log(address, entropy=os.urandom) as new:
        assert old.verify() is None
        assert new.verify() is None
        assert new.id == old.id
        first = do(new, examples_for(new.id)[0], key="k0")
        assert (first.replayed, first.recorded[0].position) == (True, 2)
        assert do(new, {"type": "RegisterTeam", "key": "new", "title": "New"}).position == head.size + 1
        assert new.directory.find_people("ann") == old.directory.find_people("ann")


class Interrupted(Exception):
    """The process was interrupted."""


def interrupt_after_copying(one: Store, other: Store) -> None:
    def end(*_: object) -> None:
        raise Interrupted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migration, "replace_side_table", end)
        with pytest.raises(Interrupted):
            migrate(one, other)


@pytest.mark.parametrize("step", ["append_rows", "replace_side_table", "erase_texts", "set_read_only"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_interrupted_migration_continues(
    source: Path, address: str, step: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partly filled target cannot be written; a second run completes it, and copies nothing twice."""
    monkeypatch.setattr(migration, "ROWS_PER_BATCH", 20)
    carried: list[int] = []
    with both(source, address) as (one, other):
        append_rows, left = migration.append_rows, [times]

        def counting(target: Store, rows: list[EntryRow], head: Head) -> None:
            append_rows(target, rows, head)
            carried.append(len(rows))

        monkeypatch.setattr(migration, "append_rows", counting)
        done = getattr(migration, step)

        def interrupted(*given: object) -> None:
            if not left[0]:
                raise Interrupted
            left[0] -= 1
            done(*given)

        monkeypatch.setattr(migration, step, interrupted)
        try:
            migrate(one, other)
        except Interrupted:
            assert other.read_only_reason()
        monkeypatch.setattr(migration, step, done)
        migrate(one, other)
        assert content(one) == content(other)
        assert (sum(carried), other.read_only_reason()) == (one.head().size, "")
        assert one.read_only_reason()


def test_texts_erased_between_two_runs_are_erased_in_the_target(source: Path, address: str) -> None:
    """Texts, names and tokens that were deleted while a migration was interrupted do not come back."""
    with both(source, address) as (one, other):
        adopted = other.head().size
        interrupt_after_copying(one, other)
        assert other.head().size > adopted
    with open_log(source, entropy=os.urandom) as log:
        positions = [raw.position for raw in log.raw(0, 1000) if raw.texts][:3]
        do(log, {"type": "EraseTexts", "subject": log.id, "positions": positions})
    with both(source, address) as (one, other):
        migrate(one, other)
        assert content(one) == content(other)
        assert [other.rows(position - 1, 1)[0].texts for position in positions] == [None] * 3


def test_a_target_that_holds_another_log_is_refused(source: Path, address: str) -> None:
    """A log is never copied over another, and both stay unchanged."""
    open_log(address, entropy=os.urandom).close()
    with both(source, address) as (one, other):
        before = content(other)
        with pytest.raises(MigrationError, match="another log"):
            migrate(one, other)
        assert (one.read_only_reason(), content(other), other.read_only_reason()) == ("", before, "")


def test_an_altered_target_is_refused(source: Path, address: str) -> None:
    """A target that was altered while it was filled is refused, and the source stays writable."""
    with both(source, address) as (one, other):
        interrupt_after_copying(one, other)
        with tables(address) as connection:
            connection.execute("UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 7")
        with pytest.raises(MigrationError, match="does not hold"):
            migrate(one, other)
        assert (one.read_only_reason(), bool(other.read_only_reason())) == ("", True)


def test_a_second_migration_reports_where_the_first_one_ended(source: Path, address: str) -> None:
    """What the target has recorded since is counted apart from what was migrated."""
    with both(source, address) as (one, other):
        head = migrate(one, other).head
    with open_log(address, entropy=os.urandom) as log:
        do(log, {"type": "RegisterPerson", "name": "Later Arrival"})
    with both(source, address) as (one, other):
        assert migrate(one, other) == (head, 1, True)


def test_a_second_migration_to_a_database_that_lost_the_log_is_refused(source: Path, address: str) -> None:
    """An empty schema is not reported as the migrated log."""
    with both(source, address) as (one, other):
        migrate(one, other)
    with tables(address) as connection:
        connection.execute("DELETE FROM events")
        connection.execute("UPDATE head SET size = 0, frontier = ''")
    with both(source, address) as (one, other), pytest.raises(MigrationError, match="no longer holds"):
        migrate(one, other)
