"""The group commit hands over at once what an event loop submits without a pause, and answers everyone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest
from eventsourcing.persistence import OperationalError

from eventlog.records import Append, NewEvent, Outcome
from eventlog.writer_thread import MAX_ROUNDS, WriterThread

WAIT_S = 60.0


class Recorder:
    """Counts the groups it is asked to write, and answers each append with its own subject."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.is_writing = threading.Event()
        self.may_write = threading.Event()
        self.may_write.set()
        self.queue = WriterThread("test", self.write, lambda _appends, _outcomes: None)
        self.queue.start()

    def write(self, appends: Sequence[Append]) -> list[Outcome]:
        self.is_writing.set()
        self.may_write.wait(WAIT_S)
        self.groups.append([append.events[0].subject for append in appends])
        return [append.events[0].subject for append in appends]  # type: ignore[misc]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.may_write.set()
    made.queue.close()


def append(subject: str) -> Append:
    return Append((NewEvent(subject, 1, "X.v1", b"{}", None),))


def test_what_one_round_of_the_loop_submits_is_one_group(recorder: Recorder) -> None:
    """Tasks that submit in the same round are written together, and each gets the outcomes of its own appends."""

    async def submit() -> list[list[Outcome]]:
        return await asyncio.gather(*(recorder.queue.commit([append(f"a{n}"), append(f"b{n}")]) for n in range(20)))

    outcomes = asyncio.run(submit())

    assert outcomes == [[f"a{n}", f"b{n}"] for n in range(20)]
    assert len(recorder.groups) == 1


def test_what_comes_round_after_round_is_one_group(recorder: Recorder) -> None:
    """A loop that brings another append in each of several rounds hands them over together."""

    async def submit() -> list[list[Outcome]]:
        tasks = []
        for n in range(MAX_ROUNDS):
            tasks.append(asyncio.ensure_future(recorder.queue.commit([append(f"a{n}")])))
            await asyncio.sleep(0)
        return await asyncio.gather(*tasks)

    outcomes = asyncio.run(submit())

    assert outcomes == [[f"a{n}"] for n in range(MAX_ROUNDS)]
    assert len(recorder.groups) == 1


def test_a_loop_that_never_pauses_is_written_all_the_same(recorder: Recorder) -> None:
    """The first appends are written while their loop still brings another one in each round."""

    async def submit() -> None:
        tasks = []
        end = asyncio.get_running_loop().time() + WAIT_S
        while not recorder.is_writing.is_set():
            assert asyncio.get_running_loop().time() < end
            tasks.append(asyncio.ensure_future(recorder.queue.commit([append("another")])))
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    asyncio.run(submit())


def test_a_canceled_task_is_not_written_if_its_turn_has_not_come(recorder: Recorder) -> None:
    """A task that is canceled while it waits is left out of its group; the others get their outcomes."""

    async def submit() -> list[Outcome]:
        recorder.may_write.clear()
        first = asyncio.ensure_future(recorder.queue.commit([append("first")]))
        assert await asyncio.to_thread(recorder.is_writing.wait, WAIT_S)
        canceled = asyncio.ensure_future(recorder.queue.commit([append("canceled")]))
        last = asyncio.ensure_future(recorder.queue.commit([append("last")]))
        await asyncio.sleep(0.05)
        canceled.cancel()
        recorder.may_write.set()
        return [*await first, *await last]

    assert asyncio.run(submit()) == ["first", "last"]
    assert recorder.groups == [["first"], ["last"]]


def test_a_loop_that_was_closed_keeps_nobody_else_waiting(recorder: Recorder) -> None:
    """The outcomes of a closed loop are dropped; callers in other threads are answered."""

    async def submit() -> None:
        recorder.may_write.clear()
        task = asyncio.ensure_future(recorder.queue.commit([append("gone")]))
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(submit())
    waiting = recorder.queue.submit([append("here")])
    recorder.may_write.set()

    assert waiting.result(WAIT_S) == ["here"]


def test_nothing_is_committed_after_the_queue_was_closed() -> None:
    """A task that submits to a closed queue gets an error instead of waiting forever."""
    recorder = Recorder()
    recorder.queue.close()

    with pytest.raises(OperationalError, match="closed"):
        asyncio.run(asyncio.wait_for(recorder.queue.commit([append("late")]), WAIT_S))
