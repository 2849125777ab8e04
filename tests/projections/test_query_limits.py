"""A query that exceeds its bounds ends on either database, and the next one is answered."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from projections.read_model import query_limits
from projections.read_model.cached_property import CachedProperty
from projections.read_model.model import ReadModel
from projections.read_model.query_limits import BATCH_BYTES, Abandoned, Bounds, ReadTooMuch, TookTooLong, Turns

# It takes hours: a test that goes on shows that the statement was ended.
ENDLESS = """with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000000000)
    select count(*) from n where i < 0"""
MANY = """with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
    select i, 'a text of some length' from n"""


def position(model: ReadModel) -> int:
    with model.read(Bounds(seconds=10.0)) as read:
        return read.position


def test_a_statement_ends_at_the_deadline(model: ReadModel) -> None:
    """An endless statement ends at its deadline, and the read model stays usable."""
    with pytest.raises(TookTooLong, match=r"0\.3 seconds"), model.read(Bounds(seconds=0.3)) as read:
        read.one(ENDLESS, {})
    assert position(model) == 0


def test_a_canceled_statement_ends(model: ReadModel) -> None:
    """Canceling a query ends its running statement."""
    bounds = Bounds(seconds=60.0)
    threading.Timer(0.2, bounds.cancel).start()
    with pytest.raises(Abandoned), model.read(bounds) as read:
        read.one(ENDLESS, {})
    assert position(model) == 0


def test_a_query_canceled_before_it_starts_reads_nothing(model: ReadModel) -> None:
    """A query that was canceled before it started runs no statement."""
    bounds = Bounds(seconds=60.0)
    bounds.cancel()
    with pytest.raises(Abandoned), model.read(bounds) as read:
        read.one(ENDLESS, {})


@pytest.mark.parametrize("keeps", [True, False])
def test_kept_rows_count_and_streamed_rows_do_not(model: ReadModel, keeps: bool) -> None:
    """Rows that are kept count toward the bounds; many more rows may be streamed."""
    bounds = Bounds(seconds=60.0, size=1 << 20)
    with model.read(bounds) as read:
        if keeps:
            with pytest.raises(ReadTooMuch, match="1 MiB"):
                list(read.rows(MANY, {}))
        else:
            assert sum(1 for _ in read.stream(MANY, {})) == 100_000


def test_the_deadline_holds_between_rows() -> None:
    """Rows that arrive slowly end at the deadline too."""

    def slowly() -> Iterator[tuple[int]]:
        while True:
            time.sleep(0.005)
            yield (1,)

    with pytest.raises(TookTooLong):
        list(Bounds(seconds=0.2).stream_rows(slowly()))


def test_large_rows_are_fetched_in_small_batches() -> None:
    """However large the rows are, memory use stays close to the size that may be kept."""
    rows = ((n, f"{n}" * 40_000) for n in range(100_000))
    tracemalloc.start()
    try:
        with pytest.raises(ReadTooMuch):
            list(Bounds(size=8 << 20).keep_rows(rows))
        assert tracemalloc.get_traced_memory()[1] < (8 << 20) + 16 * BATCH_BYTES
    finally:
        tracemalloc.stop()


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


@pytest.mark.parametrize(("worked_s", "longest_s"), [(0.001, 0.001), (1.0, query_limits.LONGEST_PAUSE_S)])
def test_a_query_steps_aside_while_others_wait(
    monkeypatch: pytest.MonkeyPatch, worked_s: float, longest_s: float
) -> None:
    """It pauses at most as long as it has worked, and at most a few milliseconds; it goes on when no one waits."""
    clock = Clock()
    monkeypatch.setattr(query_limits, "time", clock)
    waiting = [True]
    query = Bounds(seconds=10, others_wait=lambda: waiting[0])
    clock.now += worked_s

    query.check()
    assert longest_s - 1e-6 < clock.slept < longest_s + 2 * query_limits.PAUSE_S

    query.check()  # it has not worked since
    waiting[0] = False
    clock.now += worked_s
    query.check()
    assert clock.slept < longest_s + 2 * query_limits.PAUSE_S


def test_turns_are_taken_in_the_order_in_which_threads_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one thread has a turn, others wait; each gets the turn of the one before it."""
    monkeypatch.setattr(query_limits, "TURN_S", 60.0)
    turns, order = Turns(), []
    turns.take()

    def work(number: int) -> None:
        with turns.turn():
            order.append(number)

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=work, args=(number,)))
        threads[-1].start()
        while len(turns._waiting) <= number:
            time.sleep(0.001)
    assert order == []
    turns.pass_on()  # comes back when all five had theirs
    assert order == [0, 1, 2, 3, 4]
    turns.give_back()
    assert turns._taken == 0


def test_who_waits_too_long_for_a_turn_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that keeps its turn does not stop another one, and no turn is left when both have ended."""
    monkeypatch.setattr(query_limits, "TURN_S", 0.01)
    turns = Turns()
    turns.take()
    went_on = threading.Event()

    def work() -> None:
        with turns.turn():
            went_on.set()

    other = threading.Thread(target=work)
    other.start()
    assert went_on.wait(10)
    other.join()
    turns.give_back()
    assert turns._taken == 0


def test_another_query_computes_while_the_database_works() -> None:
    """A query gives its turn back for a statement, and a second one has it meanwhile; an error does not lose the turn."""
    turns = Turns()
    first, second = (Bounds(seconds=10, turns=turns) for _ in range(2))

    def statement() -> str:
        return second.in_turn(lambda: "had its turn")

    assert first.in_turn(lambda: first.out_of_turn(statement)) == "had its turn"
    with pytest.raises(ZeroDivisionError):
        first.in_turn(lambda: first.out_of_turn(lambda: 1 / 0))
    assert turns._taken == 0


def test_a_property_of_one_snapshot_does_not_wait_for_that_of_another() -> None:
    """A short query reads what it needs while a long one still reads the same of its own snapshot."""
    entered, go_on = threading.Event(), threading.Event()

    class Snapshot:
        def __init__(self, wait: bool) -> None:
            self._wait = wait

        @CachedProperty
        def merges(self) -> list[str]:
            """All merges."""
            if self._wait:
                entered.set()
                go_on.wait(10)
            return ["ann"]

    long = Snapshot(wait=True)
    thread = threading.Thread(target=lambda: long.merges)
    thread.start()
    assert entered.wait(10)
    short = Snapshot(wait=False)
    assert short.merges == ["ann"]
    assert "merges" not in vars(long), "it waited until the other one had been read"
    assert short.merges is short.merges
    assert Snapshot.merges.__doc__ == "All merges."
    go_on.set()
    thread.join()
