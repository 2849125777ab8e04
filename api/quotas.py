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
MAX_KEYS: Final = 40_000
"""Tokens and people that are remembered."""


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """What one token may use: requests and commands in a minute, and questions at a time; 0 is without limit."""

    requests: int = 0
    commands: int = 0
    questions: int = 0


class Rate:
    """A limit of units a minute for each token, and of `PERSON_FACTOR` times as many for each person, at once or spread.

    This is the generic cell rate algorithm.
    """

    def __init__(self, limit: int, timer: Callable[[], float]) -> None:
        self._limit = limit
        self._timer = timer
        self._used_until: OrderedDict[str, float] = OrderedDict()
        """For each token and person, when their whole limit is available again."""

    def take(self, caller: Caller, units: int) -> float:
        """Take units and return 0, or take none and return the seconds until they can be taken.

        More than the limit needs an unused minute.
        """
        now = self._timer()
        used = self._used_until
        ahead = max(0.0, used.get(caller.credential, now) - now)
        ahead_of_person = max(0.0, used.get(caller.actor, now) - now)
        taken = units * WINDOW_S / self._limit
        taken_of_person = taken / PERSON_FACTOR
        wait_s = max(ahead + min(taken, WINDOW_S), ahead_of_person + min(taken_of_person, WINDOW_S)) - WINDOW_S
        if wait_s > 0:
            return wait_s
        used[caller.credential] = now + ahead + taken
        used[caller.actor] = now + ahead_of_person + taken_of_person
        used.move_to_end(caller.credential)
        used.move_to_end(caller.actor)
        while len(used) > MAX_KEYS:
            used.popitem(last=False)
        return 0.0


class Quotas:
    """The quotas of one process; used in its event loop."""

    def __init__(self, limits: QuotaLimits | None = None, timer: Callable[[], float] = time.monotonic) -> None:
        """`timer` returns monotonic seconds."""
        self.limits = limits or QuotaLimits()
        self._requests = Rate(self.limits.requests, timer) if self.limits.requests else None
        self._commands = Rate(self.limits.commands, timer) if self.limits.commands else None
        self._questions: Counter[str] = Counter()

    def take_request(self, caller: Caller) -> None:
        """Count a request.

        Raises:
            HttpProblem: 429 if the caller's token or the person made too many.
        """
        if self._requests is not None and caller.credential != LOCAL_CREDENTIAL:
            wait_s = self._requests.take(caller, 1)
            if wait_s:
                raise _too_many(f"{self.limits.requests} requests a minute", wait_s)

    def take_commands(self, caller: Caller, count: int) -> None:
        """Count commands, before they are decided.

        Raises:
            HttpProblem: 429 if the caller's token or the person sent too many.
        """
        if self._commands is not None and caller.credential != LOCAL_CREDENTIAL:
            wait_s = self._commands.take(caller, count)
            if wait_s:
                raise _too_many(f"{self.limits.commands} commands a minute", wait_s)

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


def _keys_of(caller: Caller) -> list[tuple[str, int]]:
    """Return what is counted for a caller, each with the multiple of a token's limit that it may use."""
    return [(f"token {caller.credential}", 1), (caller.actor, PERSON_FACTOR)]


def _too_many(what: str, wait_s: float) -> HttpProblem:
    retry_after = str(max(1, ceil(wait_s)))
    detail = f"a token may send {what}, and a person {PERSON_FACTOR} times as many; try again in {retry_after} seconds"
    return HttpProblem(429, detail, headers={"Retry-After": retry_after})
