"""One thread for all writes of a store: it groups the appends that wait and hands each group to the store, which commits it."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from eventsourcing.persistence import OperationalError

from eventlog.records import Append, Outcome

T = TypeVar("T")

MAX_APPENDS_PER_GROUP: Final = 1000
MAX_ROUNDS: Final = 16
"""For how many rounds an event loop that brings more appends in each may keep them back."""
RETRY_INTERVAL_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Batch:
    """Appends of one caller, in order; each has its own outcome. A caller in an event loop waits for a future of it."""

    appends: Sequence[Append]
    future: Future[list[Outcome]] | asyncio.Future[list[Outcome]] = field(default_factory=Future)
    loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> bool:
        """Return whether the caller still waits. From now on a `Future` cannot be canceled."""
        if isinstance(self.future, Future):
            return self.future.set_running_or_notify_cancel()
        return not self.future.cancelled()


@dataclass(frozen=True, slots=True)
class _Task:
    """A function to be called in the writer's thread."""

    work: Callable[[], Any]
    future: Future[Any] = field(default_factory=Future)


class WriterThread:
    """Runs every write of a store in one thread, in the order of submission.

    `write_group` writes a group of appends and returns their outcomes. `publish_group` is called with both after the
    callers have been answered.
    """

    def __init__(
        self,
        name: str,
        write_group: Callable[[Sequence[Append]], list[Outcome]],
        publish_group: Callable[[Sequence[Append], Sequence[Outcome]], None],
    ) -> None:
        self._name = name
        self._write_group = write_group
        self._publish_group = publish_group
        self._items: queue.SimpleQueue[list[_Batch] | _Task | None] = queue.SimpleQueue()
        self._unsent: dict[asyncio.AbstractEventLoop, list[_Batch]] = {}
        """What the tasks of each event loop have submitted and it keeps back. Each loop uses only its own list."""
        self._enqueue_lock = threading.Lock()
        self._is_closed = False
        self._unfinished: Callable[[], bool] | None = None
        self._thread = threading.Thread(target=self._run, name="decisionlog-writer", daemon=True)

    def start(self) -> None:
        """Start the writer's thread."""
        self._thread.start()

    def close(self) -> bool:
        """Stop once all that waits is written. Return False if it was closed before."""
        with self._enqueue_lock:
            if self._is_closed:
                return False
            self._is_closed = True
            self._items.put(None)
        if self._thread.is_alive():
            self._thread.join()
        return True

    def submit(self, appends: Sequence[Append]) -> Future[list[Outcome]]:
        """Enqueue appends; the future holds their outcomes once their group is committed."""
        future: Future[list[Outcome]] = Future()
        self._enqueue([_Batch(appends, future)])
        return future

    async def commit(self, appends: Sequence[Append]) -> list[Outcome]:
        """Enqueue appends, in order, and wait until their group is committed; return their outcomes.

        The event loop hands over what its tasks submit once a round of it has brought nothing more, and is woken once
        for all of them: to hand over each alone takes longer than to write it. As long as the loop has requests to
        read, the writer would only take turns with it, since one thread at a time runs Python.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Outcome]] = loop.create_future()
        unsent = self._unsent.get(loop)
        if unsent is None:
            unsent = self._unsent[loop] = []
            loop.call_soon(self._send, loop, 0, MAX_ROUNDS)
        unsent.append(_Batch(appends, future, loop))
        return await future

    def _send(self, loop: asyncio.AbstractEventLoop, seen: int, rounds: int) -> None:
        """Hand over what was submitted, unless there is more of it than was seen in the round before."""
        waiting = len(self._unsent[loop])
        if waiting > seen and rounds:
            loop.call_soon(self._send, loop, waiting, rounds - 1)
            return
        batches = self._unsent.pop(loop)
        try:
            self._enqueue(batches)
        except OperationalError as error:
            for batch in batches:
                if not batch.future.cancelled():
                    batch.future.set_exception(error)

    def call(self, work: Callable[[], T]) -> T:
        """Call a function in the writer's thread and wait for its result."""
        task = _Task(work)
        self._enqueue(task)
        result: T = task.future.result()
        return result

    def call_soon(self, work: Callable[[], None]) -> None:
        """Call a function in the writer's thread without waiting for it; also before the thread is started."""
        self._enqueue(_Task(work))

    def call_until_done(self, work: Callable[[], bool]) -> None:
        """In the writer's thread: call a function now, and again at intervals until it returns True."""
        self._unfinished = None if work() else work

    def _enqueue(self, item: list[_Batch] | _Task) -> None:
        with self._enqueue_lock:  # otherwise an item could be enqueued after the end and wait forever
            if self._is_closed:
                raise OperationalError(f"{self._name} is closed")
            self._items.put(item)

    def _run(self) -> None:
        while (item := self._next_item()) is not None:
            if isinstance(item, _Task):
                _run_task(item)
                continue
            group, following = self._collect_group(item)
            self._commit_group(group)
            if isinstance(following, _Task):
                _run_task(following)
            elif following is _CLOSE:
                return

    def _next_item(self) -> list[_Batch] | _Task | None:
        """Wait for the next item; meanwhile retry what is not done yet."""
        while self._unfinished:
            try:
                return self._items.get(timeout=RETRY_INTERVAL_S)
            except queue.Empty:
                self.call_until_done(self._unfinished)
        return self._items.get()

    def _collect_group(self, first: list[_Batch]) -> tuple[list[_Batch], object]:
        """Return all batches that wait, and the item after them if it is not batches."""
        group, size = list(first), sum(len(batch.appends) for batch in first)
        while size < MAX_APPENDS_PER_GROUP:
            try:
                item = self._items.get_nowait()
            except queue.Empty:
                break
            if not isinstance(item, list):
                return group, _CLOSE if item is None else item
            group += item
            size += sum(len(batch.appends) for batch in item)
        return group, None

    def _commit_group(self, group: list[_Batch]) -> None:
        group = [batch for batch in group if batch.begin()]
        appends = [append for batch in group for append in batch.appends]
        outcomes = self._write_group(appends)
        remaining = iter(outcomes)
        _answer_batches([(batch, [next(remaining) for _ in batch.appends]) for batch in group])
        self._publish_group(appends, outcomes)


def _answer_batches(answers: list[tuple[_Batch, list[Outcome]]]) -> None:
    """Give each batch its outcomes; each event loop is woken once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Batch, list[Outcome]]]] = {}
    for batch, outcomes in answers:
        if batch.loop is None:
            batch.future.set_result(outcomes)
        else:
            by_loop.setdefault(batch.loop, []).append((batch, outcomes))
    for loop, waiting in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed, and with it all that waited
            loop.call_soon_threadsafe(_set_results, waiting)


def _set_results(answers: list[tuple[_Batch, list[Outcome]]]) -> None:
    for batch, outcomes in answers:
        if not batch.future.done():  # a task that was canceled waits no more
            batch.future.set_result(outcomes)


_CLOSE: Final = object()


def _run_task(task: _Task) -> None:
    if not task.future.set_running_or_notify_cancel():
        return
    try:
        result = task.work()
    except Exception as error:  # noqa: BLE001  (passed on to the caller who waits)
        task.future.set_exception(error)
    else:
        task.future.set_result(result)
