"""Admission control for queries: how many run at once, how many wait, for how long, and whose turn is next."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, Literal, TypeVar

from projections.read_model.query_limits import LONG_WORK, Abandoned, Bounds, QuestionEnded, Turns

Result = TypeVar("Result")
Receive = Callable[[], Awaitable[Any]]
LaneName = Literal["light", "heavy"]

WATCH_AFTER_S: Final = 0.05
"""The time after which the server watches for a disconnect; most queries finish before."""
SATURATED_AFTER_S: Final = 30.0
HEAVY_SWITCH_INTERVAL_S: Final = 0.0002
"""How often threads take turns while heavy queries run. At other times it would only make writes cost a fifth more."""
HEAVY_GC_THRESHOLDS: Final = (2_000, 0, 2_000)
"""The garbage collector's thresholds while heavy queries run. A collection holds the interpreter lock: after 20,000 new
objects it takes up to 15 ms, after 2,000 at most 3. At other times this would make a write cost more.
"""
MIB: Final = 1 << 20


class TooBusyError(Exception):
    """The queue is full, or the wait for a turn was too long."""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How many queries run at once and how many wait, over all callers and for each."""

    running: int
    running_each: int
    waiting: int
    waiting_each: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of all queries: the time and memory of each, the wait for a turn, and the lanes."""

    seconds: float = 10.0
    wait_s: float = 10.0
    read_bytes: float = 64 * MIB
    page_bytes: float = 8 * MIB
    unsent_bytes: float = 64 * MIB
    """Bytes of responses that clients have not read yet. While there are more, no heavy query starts."""
    heavy: LaneLimits = LaneLimits(running=3, running_each=2, waiting=64, waiting_each=32)
    light: LaneLimits = LaneLimits(running=6, running_each=4, waiting=256, waiting_each=128)

    def bounds(self, others_wait: Callable[[], bool], turns: Turns | None) -> Bounds:
        """Return the bounds of one query that starts now, pauses while others wait, and computes in its turns."""
        return Bounds(self.seconds, self.read_bytes, self.page_bytes, others_wait, turns)


def limits_for(*, seconds: float, at_once: int) -> Limits:
    """Return limits with a number of heavy queries at once, each for a maximum number of seconds.

    One caller can use all slots but one, so that the next caller need not wait for the first.
    """
    heavy = LaneLimits(running=at_once, running_each=max(1, at_once - 1), waiting=64, waiting_each=32)
    return Limits(seconds=seconds, heavy=heavy)


@dataclass(eq=False, slots=True)
class _Waiter:
    caller: str
    loop: asyncio.AbstractEventLoop
    turn: asyncio.Future[None]

    def wake(self) -> None:
        self.loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if not self.turn.done():
            self.turn.set_result(None)


@dataclass
class Lane:
    """A thread pool for queries and its queue. Callers take turns, however many queries each of them has."""

    limits: LaneLimits
    name: str
    _running: Counter[str] = field(default_factory=Counter)
    _waiting: list[_Waiter] = field(default_factory=list)
    _queued_since: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.limits.running, thread_name_prefix=f"queries-{self.name}")

    @property
    def running(self) -> int:
        """The number of queries that are running."""
        return self._running.total()

    def seconds_full(self) -> float:
        """Return for how many seconds the queue has not been empty."""
        since = self._queued_since
        return 0.0 if since is None else time.monotonic() - since

    def enter(self, caller: str) -> _Waiter | None:
        """Take a slot and return None, or else return a place in the queue.

        Raises:
            TooBusyError: the queue is full, or the caller's share of it.
        """
        with self._lock:
            if self._may_run(caller):
                self._running[caller] += 1
                return None
            own = sum(waiter.caller == caller for waiter in self._waiting)
            if len(self._waiting) >= self.limits.waiting or own >= self.limits.waiting_each:
                raise TooBusyError
            loop = asyncio.get_running_loop()
            waiter = _Waiter(caller, loop, loop.create_future())
            self._waiting.append(waiter)
            self._update_queued_since()
            return waiter

    def give_up(self, waiter: _Waiter) -> bool:
        """Leave the queue. Return False if the waiter had been given a slot, which is then released."""
        with self._lock:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                self._update_queued_since()
                return True
        self.leave(waiter.caller)
        return False

    def leave(self, caller: str) -> None:
        """Release a slot, and give it to the waiting caller with the fewest running queries."""
        with self._lock:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]
            eligible = [waiter for waiter in self._waiting if self._may_run(waiter.caller)]
            if not eligible:
                return
            next_waiter = min(eligible, key=lambda waiter: self._running[waiter.caller])  # the first of equals
            self._waiting.remove(next_waiter)
            self._update_queued_since()
            self._running[next_waiter.caller] += 1
        next_waiter.wake()

    def run(self, caller: str, work: Callable[[], Result]) -> Future[Result]:
        """Run work in a caller's slot, and release the slot when it ends."""
        try:
            running = self._pool.submit(work)
        except BaseException:
            self.leave(caller)
            raise
        running.add_done_callback(lambda _: self.leave(caller))
        return running

    def _update_queued_since(self) -> None:
        if not self._waiting:
            self._queued_since = None
        elif self._queued_since is None:
            self._queued_since = time.monotonic()

    def _may_run(self, caller: str) -> bool:
        return self._running.total() < self.limits.running and self._running[caller] < self.limits.running_each


class Admission:
    """Runs queries within limits: each has a turn and a deadline, and ends early if its client disconnects."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.lanes: dict[LaneName, Lane] = {
            "heavy": Lane(self.limits.heavy, "heavy"),
            "light": Lane(self.limits.light, "light"),
        }
        self.short = 0
        """Light queries and commands in progress, for which heavy queries pause."""
        self._heavy = 0
        self._before = sys.getswitchinterval(), gc.get_threshold()
        """What was set before heavy queries ran."""
        self.unsent = 0
        """Bytes of large responses that clients have not read yet."""

    def is_saturated(self) -> bool:
        """Return whether heavy queries have been waiting for a long time without a break."""
        return self.lanes["heavy"].seconds_full() > SATURATED_AFTER_S

    async def ask(self, lane: LaneName, caller: str, receive: Receive, work: Callable[[Bounds], Result]) -> Result:
        """Run a query in a thread when it is its turn.

        Raises:
            TooBusyError: it did not get a turn in time.
            QuestionEnded: it exceeded its bounds, or its client disconnected.
        """
        if lane == "heavy" and self.unsent > self.limits.unsent_bytes:
            raise TooBusyError
        watch = _Watch(receive)
        try:
            waiter = self.lanes[lane].enter(caller)
            if waiter is not None:
                await self._wait(lane, waiter, watch)
            with self._count_running(lane):
                return await self._run(lane, caller, watch, work)
        finally:
            watch.stop()

    @contextmanager
    def _count_running(self, lane: LaneName) -> Iterator[None]:
        """Count a query as running. While heavy ones run, other threads get the interpreter sooner, and garbage is
        collected in small steps.
        """
        if lane == "light":
            self.short += 1
            try:
                yield
            finally:
                self.short -= 1
            return
        self._heavy += 1
        if self._heavy == 1:
            self._before = sys.getswitchinterval(), gc.get_threshold()
            sys.setswitchinterval(HEAVY_SWITCH_INTERVAL_S)
            gc.set_threshold(*HEAVY_GC_THRESHOLDS)
        try:
            yield
        finally:
            self._heavy -= 1
            if self._heavy == 0:
                sys.setswitchinterval(self._before[0])
                gc.set_threshold(*self._before[1])

    async def _wait(self, lane: LaneName, waiter: _Waiter, watch: _Watch) -> None:
        try:
            disconnect = watch.start()
            await asyncio.wait(
                {waiter.turn, disconnect}, timeout=self.limits.wait_s, return_when=asyncio.FIRST_COMPLETED
            )
            has_turn = waiter.turn.done() and not watch.has_disconnected
        except BaseException:
            self.lanes[lane].give_up(waiter)
            raise
        if not has_turn:
            self.lanes[lane].give_up(waiter)
            raise Abandoned if watch.has_disconnected else TooBusyError

    async def _run(self, lane: LaneName, caller: str, watch: _Watch, work: Callable[[Bounds], Result]) -> Result:
        loop = asyncio.get_running_loop()
        if lane == "light":
            bounds = self.limits.bounds(lambda: False, None)
        else:
            bounds = self.limits.bounds(lambda: self.short > 0, LONG_WORK)
        running = asyncio.wrap_future(self.lanes[lane].run(caller, lambda: _run_to_outcome(work, bounds)))
        timers = [loop.call_later(WATCH_AFTER_S, watch.start, bounds.cancel)]
        if isfinite(self.limits.seconds):
            timers.append(loop.call_later(self.limits.seconds, bounds.interrupt))
        try:
            result = await asyncio.shield(running)
        except asyncio.CancelledError:
            bounds.cancel()
            running.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise
        finally:
            for timer in timers:
                timer.cancel()
        if isinstance(result, QuestionEnded):
            raise result
        return result


def _run_to_outcome(work: Callable[[Bounds], Result], bounds: Bounds) -> Result | QuestionEnded:
    """Return the result, or a copy of the error that ended the query, which does not keep alive what was read."""
    try:
        return bounds.in_turn(lambda: work(bounds))
    except QuestionEnded as error:
        return type(error)(*error.args)


class _Watch:
    """Detects that a client has disconnected."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task: asyncio.Task[None] | None = None
        self._on_disconnect: Callable[[], None] | None = None
        self.has_disconnected = False

    def start(self, on_disconnect: Callable[[], None] | None = None) -> asyncio.Task[None]:
        """Start watching, and call a function when the client disconnects."""
        self._on_disconnect = on_disconnect
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        elif self.has_disconnected and on_disconnect:
            on_disconnect()
        return self._task

    def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        message = await self._receive()
        while message["type"] == "http.request" and message.get("more_body"):
            message = await self._receive()
        if message["type"] == "http.request":
            message = await self._receive()
        if message["type"] != "http.disconnect":  # the server does not report disconnects
            await asyncio.Future()
        self.has_disconnected = True
        with suppress(Exception):  # the query is marked as canceled before its statement is interrupted
            if self._on_disconnect:
                self._on_disconnect()
