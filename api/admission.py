"""Admission control for questions: how many run at once, how many wait, for how long, and whose turn is next."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, Literal, TypeVar

from projections.bounds import Abandoned, Bounds, QuestionEnded

Result = TypeVar("Result")
Receive = Callable[[], Awaitable[Any]]
LaneName = Literal["light", "heavy"]

WATCH_AFTER_S: Final = 0.05
"""From when on it is watched whether a caller is still there; most answers are sent before."""
SATURATED_AFTER_S: Final = 30.0
MIB: Final = 1 << 20


class TooBusy(Exception):
    """The queue is full, or the wait for a turn was too long."""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How many questions run at once and how many wait, of all callers and of each."""

    running: int
    running_each: int
    waiting: int
    waiting_each: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of all questions: the time and memory of each, the wait for a turn, and the lanes."""

    seconds: float = 10.0
    wait_s: float = 10.0
    read_bytes: float = 64 * MIB
    page_bytes: float = 8 * MIB
    unsent_bytes: float = 64 * MIB
    """Of answers that are ready and not yet taken by their callers; with more no heavy question begins."""
    heavy: LaneLimits = LaneLimits(running=3, running_each=2, waiting=64, waiting_each=32)
    light: LaneLimits = LaneLimits(running=6, running_each=4, waiting=256, waiting_each=128)

    def bounds(self) -> Bounds:
        """What one question may cost, from now on."""
        return Bounds(self.seconds, self.read_bytes, self.page_bytes)


def limits_for(*, seconds: float, at_once: int) -> Limits:
    """The limits of a server on which so many heavy questions run at once, each for at most these seconds.

    One caller has all places but one, so that the next caller need not wait for the first.
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
    """Some threads for questions, and the queue before them. Callers take turns, whoever of them asks more."""

    limits: LaneLimits
    name: str
    _running: Counter[str] = field(default_factory=Counter)
    _waiting: list[_Waiter] = field(default_factory=list)
    _queued_since: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.limits.running, thread_name_prefix=f"questions-{self.name}")

    @property
    def running(self) -> int:
        """How many questions run now."""
        return self._running.total()

    def seconds_full(self) -> float:
        """For how many seconds there was always a question in the queue."""
        since = self._queued_since
        return 0.0 if since is None else time.monotonic() - since

    def enter(self, caller: str) -> _Waiter | None:
        """Take a place, or else one in the queue, which is returned.

        Raises:
            TooBusy: the queue is full, or the caller's share of it.
        """
        with self._lock:
            if self._may_run(caller):
                self._running[caller] += 1
                return None
            own = sum(waiter.caller == caller for waiter in self._waiting)
            if len(self._waiting) >= self.limits.waiting or own >= self.limits.waiting_each:
                raise TooBusy
            loop = asyncio.get_running_loop()
            waiter = _Waiter(caller, loop, loop.create_future())
            self._waiting.append(waiter)
            self._note_queue()
            return waiter

    def give_up(self, waiter: _Waiter) -> bool:
        """Leave the queue; False if the place was given meanwhile, which is then given back."""
        with self._lock:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                self._note_queue()
                return True
        self.leave(waiter.caller)
        return False

    def leave(self, caller: str) -> None:
        """Give a place back, and to the caller in the queue who has the fewest."""
        with self._lock:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]
            able = [waiter for waiter in self._waiting if self._may_run(waiter.caller)]
            if not able:
                return
            following = min(able, key=lambda waiter: self._running[waiter.caller])  # of equals the first
            self._waiting.remove(following)
            self._note_queue()
            self._running[following.caller] += 1
        following.wake()

    def run(self, caller: str, work: Callable[[], Result]) -> Future[Result]:
        """Run something in the place of a caller, which is given back once that has ended."""
        try:
            running = self._pool.submit(work)
        except BaseException:
            self.leave(caller)
            raise
        running.add_done_callback(lambda _: self.leave(caller))
        return running

    def _note_queue(self) -> None:
        if not self._waiting:
            self._queued_since = None
        elif self._queued_since is None:
            self._queued_since = time.monotonic()

    def _may_run(self, caller: str) -> bool:
        return self._running.total() < self.limits.running and self._running[caller] < self.limits.running_each


class Admission:
    """Lets questions run within limits: each has its turn, its deadline, and an end when its caller has gone."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.lanes: dict[LaneName, Lane] = {
            "heavy": Lane(self.limits.heavy, "heavy"),
            "light": Lane(self.limits.light, "light"),
        }
        self.unsent = 0
        """Bytes of large answers that wait for their callers to take them."""

    def is_saturated(self) -> bool:
        """Whether expensive questions have had to wait for long, without a break."""
        return self.lanes["heavy"].seconds_full() > SATURATED_AFTER_S

    async def ask(self, lane: LaneName, caller: str, receive: Receive, work: Callable[[Bounds], Result]) -> Result:
        """Run a question in a thread when it is its turn.

        Raises:
            TooBusy: it had no turn in time.
            QuestionEnded: it went over its bounds, or its caller has gone.
        """
        if lane == "heavy" and self.unsent > self.limits.unsent_bytes:
            raise TooBusy
        watch = _Watch(receive)
        try:
            waiter = self.lanes[lane].enter(caller)
            if waiter is not None:
                await self._wait(lane, waiter, watch)
            return await self._run(lane, caller, watch, work)
        finally:
            watch.stop()

    async def _wait(self, lane: LaneName, waiter: _Waiter, watch: _Watch) -> None:
        try:
            gone = watch.start()
            await asyncio.wait({waiter.turn, gone}, timeout=self.limits.wait_s, return_when=asyncio.FIRST_COMPLETED)
            has_turn = waiter.turn.done() and not watch.is_gone
        except BaseException:
            self.lanes[lane].give_up(waiter)
            raise
        if not has_turn:
            self.lanes[lane].give_up(waiter)
            raise Abandoned if watch.is_gone else TooBusy

    async def _run(self, lane: LaneName, caller: str, watch: _Watch, work: Callable[[Bounds], Result]) -> Result:
        loop = asyncio.get_running_loop()
        bounds = self.limits.bounds()
        running = asyncio.wrap_future(self.lanes[lane].run(caller, lambda: _outcome(work, bounds)))
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


def _outcome(work: Callable[[Bounds], Result], bounds: Bounds) -> Result | QuestionEnded:
    """The result, or else why the question was ended, as an error that does not keep alive all that was read until then."""
    try:
        return work(bounds)
    except QuestionEnded as error:
        return type(error)(*error.args)


class _Watch:
    """Finds out that a caller has gone."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task: asyncio.Task[None] | None = None
        self._on_gone: Callable[[], None] | None = None
        self.is_gone = False

    def start(self, on_gone: Callable[[], None] | None = None) -> asyncio.Task[None]:
        """Watch from now on, and call something once the caller has gone."""
        self._on_gone = on_gone
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        elif self.is_gone and on_gone:
            on_gone()
        return self._task

    def stop(self) -> None:
        """Watch no longer."""
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        message = await self._receive()
        while message["type"] == "http.request" and message.get("more_body"):
            message = await self._receive()
        if message["type"] == "http.request":
            message = await self._receive()
        if message["type"] != "http.disconnect":  # a server that does not tell
            await asyncio.Future()
        self.is_gone = True
        with suppress(Exception):
            if self._on_gone:
                self._on_gone()
