"""Quotas: how much one token, and one person with all their tokens and sessions, may use of this process.

They are kept in memory, so that a request costs no query; each process of a log counts for itself. A caller over one
gets 429 with `Retry-After` (RFC 6585). Commands on the log's own machine have none.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Final

from api.problems import HttpProblem
from domain.credentials import LOCAL_CREDENTIAL
from eventlog.entry import Caller

WINDOW_S: Final = 60.0
PERSON_FACTOR: Final = 2
"""A person may use this many times as much as one of their tokens."""
MAX_KEYS: Final = 20_000


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """What one token may use: requests and commands in a minute, and questions at a time; 0 is without limit."""

    requests: int = 0
    commands: int = 0
    questions: int = 0


class Rate:
    """A number of units in a minute for each key, all at once or spread (the generic cell rate algorithm)."""

    def __init__(self, limit: int, timer: Callable[[], float]) -> None:
        self._unit_s = WINDOW_S / limit
        self._timer = timer
        self._used_until: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, key: str, units: int) -> float:
        """Return the seconds until a key can take units; 0 if it can now. More than the limit needs an unused minute."""
        ahead = max(0.0, self._used_until.get(key, 0.0) - self._timer())
        return max(0.0, ahead + min(units * self._unit_s, WINDOW_S) - WINDOW_S)

    def take(self, key: str, units: int) -> None:
        """Take units."""
        now = self._timer()
        self._used_until[key] = max(self._used_until.get(key, now), now) + units * self._unit_s
        self._used_until.move_to_end(key)
        if len(self._used_until) > MAX_KEYS:
            self._used_until.popitem(last=False)


class Quotas:
    """The quotas of one process; used in its event loop."""

    def __init__(self, limits: QuotaLimits | None = None, timer: Callable[[], float] = time.monotonic) -> None:
        """`timer` returns monotonic seconds."""
        self.limits = limits or QuotaLimits()
        self._requests = _build_rates(self.limits.requests, timer)
        self._commands = _build_rates(self.limits.commands, timer)
        self._questions: Counter[str] = Counter()

    def take_request(self, caller: Caller) -> None:
        """Count a request.

        Raises:
            HttpProblem: 429 if the caller's token or the person made too many.
        """
        if self._requests is not None:
            _take(self._requests, caller, 1, f"{self.limits.requests} requests")

    def take_commands(self, caller: Caller, count: int) -> None:
        """Count commands, before they are decided.

        Raises:
            HttpProblem: 429 if the caller's token or the person sent too many.
        """
        if self._commands is not None:
            _take(self._commands, caller, count, f"{self.limits.commands} commands")

    @contextmanager
    def question(self, caller: Caller) -> Iterator[None]:
        """Count a question until the context ends.

        Raises:
            HttpProblem: 429 if the caller's token or the person has too many that run or wait.
        """
        limit = self.limits.questions
        keys = [] if not limit or caller.credential == LOCAL_CREDENTIAL else _keys_of(caller)
        if any(self._questions[key] >= limit * factor for key, factor in keys):
            raise _too_many(f"{limit} queries at a time", 1.0)
        self._questions.update(key for key, _ in keys)
        try:
            yield
        finally:
            for key, _ in keys:
                self._questions[key] -= 1
                if not self._questions[key]:
                    del self._questions[key]


Rates = tuple[Rate, Rate]
"""Of tokens, and of people."""


def _build_rates(limit: int, timer: Callable[[], float]) -> Rates | None:
    return (Rate(limit, timer), Rate(limit * PERSON_FACTOR, timer)) if limit else None


def _keys_of(caller: Caller) -> list[tuple[str, int]]:
    """Return what is counted for a caller, each with the multiple of a token's limit that it may use."""
    return [(f"token {caller.credential}", 1), (caller.actor, PERSON_FACTOR)]


def _take(rates: Rates, caller: Caller, units: int, what: str) -> None:
    if caller.credential == LOCAL_CREDENTIAL:
        return
    pairs = list(zip(rates, (key for key, _ in _keys_of(caller)), strict=True))
    wait_s = max(rate.wait_s(key, units) for rate, key in pairs)
    if wait_s > 0:
        raise _too_many(f"{what} a minute", wait_s)
    for rate, key in pairs:
        rate.take(key, units)


def _too_many(what: str, wait_s: float) -> HttpProblem:
    retry_after = str(max(1, ceil(wait_s)))
    detail = f"a token may send {what}, and a person {PERSON_FACTOR} times as many; try again in {retry_after} seconds"
    return HttpProblem(429, detail, headers={"Retry-After": retry_after})
