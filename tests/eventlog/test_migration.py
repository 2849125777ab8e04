"""A log carried from SQLite to PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support_postgresql import fresh_schema

from domain.examples import examples_for
from eventlog import migration
from eventlog.errors import ReadOnlyLogError
from eventlog.log import open_store
from eventlog.migration import MigrationError, migrate
from eventlog.store import BESIDE, Store
from tests.eventlog.support import Clock, do, open_log, tables, where


@pytest.fixture
def address() -> Iterator[str]:
    with fresh_schema() as found:
        yield found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A log with every command in it, keys, people, tokens and something forgotten."""
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
    return [store.head(), store.rows(0, 10_000), *(store.beside(table, None, 10_000) for table in BESIDE)]


def test_a_log_arrives_whole_and_the_source_is_sealed(source: Path, address: str) -> None:
    """Every row of every table arrives as it was; the target goes on, answers old keys, and the source only tells."""
    with both(source, address) as (one, other):
        heard: list[tuple[int, int]] = []
        head = migrate(one, other, lambda *news: heard.append(news))
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
    """The process was ended here."""


def interrupted_when_all_is_carried(one: Store, other: Store) -> None:
    def end(*_: object) -> None:
        raise Interrupted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(other, "replace", end)
        with pytest.raises(Interrupted):
            migrate(one, other)


@pytest.mark.parametrize("step", ["adopt", "replace", "drop_texts", "put_seal"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_interrupted_anywhere_it_goes_on_where_it_stopped(
    source: Path, address: str, step: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target half filled can be written by nobody; run again, all arrives, and what was there is not sent twice."""
    monkeypatch.setattr(migration, "BATCH", 20)
    carried: list[int] = []
    with both(source, address) as (one, other):
        adopt, left = other.adopt, [times]

        def counting(rows: list[object], head: object) -> None:
            adopt(rows, head)  # type: ignore[arg-type]
            carried.append(len(rows))

        other.adopt = counting  # type: ignore[method-assign,assignment]
        done = getattr(other, step)

        def interrupted(*given: object) -> None:
            if not left[0]:
                raise Interrupted
            left[0] -= 1
            done(*given)

        setattr(other, step, interrupted)
        try:
            migrate(one, other)
        except Interrupted:
            assert other.seal()
        setattr(other, step, done)
        migrate(one, other)
        assert content(one) == content(other)
        assert (sum(carried), other.seal()) == (one.head().size, "")
        assert one.seal()


def test_what_is_forgotten_between_two_runs_is_forgotten_in_the_target(source: Path, address: str) -> None:
    """Texts, names and tokens that went while a migration was interrupted do not come back with it."""
    with both(source, address) as (one, other):
        adopted = other.head().size
        interrupted_when_all_is_carried(one, other)
        assert other.head().size > adopted
    with open_log(source, entropy=os.urandom) as log:
        positions = [raw.position for raw in log.raw(0, 1000) if raw.texts][:3]
        do(log, {"type": "EraseTexts", "subject": log.id, "positions": positions})
    with both(source, address) as (one, other):
        migrate(one, other)
        assert content(one) == content(other)
        assert [other.rows(position - 1, 1)[0].texts for position in positions] == [None] * 3


def test_a_target_that_holds_another_log_is_refused(source: Path, address: str) -> None:
    """A log is never carried over another, and both stay as they are."""
    open_log(address, entropy=os.urandom).close()
    with both(source, address) as (one, other):
        before = content(other)
        with pytest.raises(MigrationError, match="another log"):
            migrate(one, other)
        assert (one.seal(), content(other), other.seal()) == ("", before, "")


def test_a_row_that_arrived_otherwise_is_found(source: Path, address: str) -> None:
    """A target that was altered while it was filled is refused, and the source is not sealed."""
    with both(source, address) as (one, other):
        interrupted_when_all_is_carried(one, other)
        with tables(address) as connection:
            connection.execute("UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 7")
        with pytest.raises(MigrationError, match="does not hold"):
            migrate(one, other)
        assert (one.seal(), bool(other.seal())) == ("", True)
