"""A rebuild whose entries are read by a process of its own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from eventsourcing.persistence import OperationalError

from cli.bootstrap import open_for_write
from cli.commands.rebuild import rebuild_read_model
from cli.settings_loading import load_settings
from eventlog.entry import Entry
from projections.read_model import read_ahead, rebuild
from projections.read_model.model import ReadModel, content_hash
from projections.read_model.row_batch import RowBatch
from tests.eventlog.support import do
from tests.projections.support import Log, catch_up
from tests.projections.test_field_values import imported

SIZE = 60
FIRST, BATCH = 10, 7


class FailingLog(Log):
    """A log that cannot be read from a position on."""

    def __init__(self, unreadable: int) -> None:
        super().__init__()
        self._unreadable = unreadable

    def read(self, after: int, limit: int) -> list[Entry]:
        if after + limit >= self._unreadable:
            raise OperationalError("the disk is gone")
        return super().read(after, limit)


@contextmanager
def open_log(unreadable: int = SIZE * 2) -> Iterator[Log]:
    """A log with fields that change again and again; the other process opens it, too."""
    log = FailingLog(unreadable)
    for n in range(SIZE):
        log.add(f"feature:{n % 7}", imported("status", value=f"step {n}"))
    yield log


@pytest.fixture
def written_by_another(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The last positions of the batches that the other process computed."""
    monkeypatch.setattr(rebuild, "BATCH_ENTRIES", BATCH)
    monkeypatch.setattr(rebuild, "HEAD_START", FIRST)
    monkeypatch.setattr(rebuild, "MIN_READ_AHEAD", 2 * FIRST)
    positions: list[int] = []
    receive = read_ahead._receive

    def spy(receiver: object) -> Iterator[RowBatch]:
        for batch in receive(receiver):  # type: ignore[arg-type]
            positions.append(batch.last)
            yield batch

    monkeypatch.setattr(read_ahead, "_receive", spy)
    return positions


def test_a_model_rebuilt_by_two_processes_has_the_same_content(model: ReadModel, written_by_another: list[int]) -> None:
    """One process computes the rows of all but the first entries, and the other writes them."""
    with open_log() as log:
        catch_up(model, log)
        before = content_hash(model)
        done: list[tuple[int, int]] = []

        assert rebuild.rebuild(log, model, lambda *steps: done.append(steps), open_log) == SIZE
        assert content_hash(model) == before
        assert written_by_another == [*range(FIRST + BATCH, SIZE, BATCH), SIZE]
        assert [each[0] for each in done] == sorted(each[0] for each in done)
        assert done[-1] == (SIZE, SIZE)


@pytest.mark.parametrize("unreadable", [0, 30])
def test_a_rebuild_goes_on_where_the_other_process_failed(
    model: ReadModel, written_by_another: list[int], unreadable: int
) -> None:
    """Whether it fails at once or later, the entries that it did not read are read here."""
    with open_log() as log:
        catch_up(model, log)
        before = content_hash(model)

        assert rebuild.rebuild(log, model, open_source=partial(open_log, unreadable)) == SIZE
        assert content_hash(model) == before
        assert written_by_another == list(range(FIRST + BATCH, unreadable, BATCH))


@contextmanager
def open_and_die() -> Iterator[Log]:
    """A log of a process that ends while it sends its first batch."""

    def send_half(self: Connection, _batch: RowBatch) -> None:
        os.write(self.fileno(), (1_000).to_bytes(4, "big") + b"half")
        os._exit(1)

    Connection.send = send_half  # type: ignore[method-assign]
    with open_log() as log:
        yield log


@pytest.mark.parametrize("reason", ["it is killed", "it cannot be started"])
def test_a_rebuild_without_the_other_process_is_complete(
    model: ReadModel, written_by_another: list[int], monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """Whether it ends in the middle of a batch or does not begin."""

    def refuse(_process: object) -> None:
        raise OSError("no more processes")

    if reason == "it cannot be started":
        monkeypatch.setattr(multiprocessing.context.SpawnProcess, "start", refuse)
    with open_log() as log:
        catch_up(model, log)
        before = content_hash(model)

        assert rebuild.rebuild(log, model, open_source=open_and_die) == SIZE
        assert content_hash(model) == before
        assert written_by_another == []


def test_a_failed_rebuild_ends_the_other_process(model: ReadModel, written_by_another: list[int]) -> None:
    """Its remaining batches are not waited for."""

    def fail(done: int, _all: int) -> None:
        if done > FIRST:
            raise KeyboardInterrupt

    with open_log() as log, pytest.raises(KeyboardInterrupt):
        rebuild.rebuild(log, model, fail, open_log)

    assert written_by_another == [FIRST + BATCH]
    assert multiprocessing.active_children() == []


def test_the_command_reads_a_long_log_in_another_process(tmp_path: Path, written_by_another: list[int]) -> None:
    """`decisionlog rebuild` can open its log there, whatever its settings are."""
    settings = load_settings(data=tmp_path)
    with open_for_write(settings) as log:
        log.default_role = "admin"
        for n in range(2 * FIRST):
            do(log, {"type": "RegisterPerson", "name": f"Person {n}"})

    rebuild_read_model(settings)

    assert written_by_another[-1] >= 2 * FIRST
