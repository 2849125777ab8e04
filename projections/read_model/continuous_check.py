"""Checks the read model continuously while it is served, one group of subjects after another.

A thread computes the rows of a few subjects again from their entries and compares them with those in use. It goes
through all subjects in order and then starts over. After each round it also checks the database itself (pages, indexes,
schema) and verifies the log. Damage is reported to the runner, which rebuilds the read model. If another process writes
the read model, that process rebuilds it, and this one answers nothing until it finds no more damage.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from eventlog.sqlite_integrity import describe
from projections.read_model.checking import Streams, find_different_subject
from projections.read_model.model import ReadModel
from projections.read_model.query_limits import LONG_WORK
from projections.read_model.runner import Runner, Stopped

_log: Final = logging.getLogger("decisionlog.projections")

SUBJECTS_AT_ONCE: Final = 5
"""About five milliseconds of work, during which short requests take longer."""
SUBJECTS_OF_A_REPLICA: Final = 20
SUBJECTS_AT_START: Final = 500
MAX_ENTRIES_AT_START: Final = 5_000
"""Up to this many entries, the whole read model is checked before the server answers; that takes less than a second."""
FIRST_ROUND_PAUSE_S: Final = 0.05
"""Between two batches of the first round after the start: at most 100 subjects a second."""
IDLE_SHARE: Final = 39
"""The pause after a batch is at least this many times the CPU time of the batch, so that the check takes at most a
fortieth of a core. Requests and the check share the interpreter, so CPU time that the check takes is lost to requests.
"""
PAUSE_S: Final = 1.25
"""Between two batches of later rounds: 14,400 subjects an hour."""
ROWS_AT_ONCE: Final = 100
"""How many rows of the log are verified at once: about two milliseconds of work."""
ATTEMPTS: Final = 3
"""A difference counts only if it is still there after the read model has caught up with the log twice."""
CATCH_UP_S: Final = 10.0


class Log(Streams, Protocol):
    """A log to compare the read model with."""

    def find_damage(self, on_progress: Callable[[int, int], None], rows_per_read: int) -> str:
        """Verify the log. Return what is wrong with it, or an empty string. A damaged log becomes read-only."""
        ...

    def subjects(self, after: str, limit: int) -> list[str]:
        """Return the next subjects of the log, in order."""
        ...


class Sampler:
    """Compares the read model with the log in the background, while this process writes the read model."""

    def __init__(self, log: Log, model: ReadModel, runner: Runner, *, at_once: int = SUBJECTS_AT_ONCE) -> None:
        self._log = log
        self._model = model
        self._runner = runner
        self._at_once = at_once
        self._after = ""
        self._last_warning = ""
        self.rounds = 0
        """How often all subjects have been checked."""
        self._begun = 0.0
        """The CPU time of the thread when it began the current batch, in seconds."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="decisionlog-sampler", daemon=True)

    def check_before_start(self) -> None:
        """Check all subjects of a small log before anything is answered."""
        try:
            size = self._log.head().size
            if not self._model.damage and self._model.position == size <= MAX_ENTRIES_AT_START:
                self._model.damage = self._find_lasting_damage()
        except Exception as error:
            if not self._model.is_damage(error):
                raise
            self._model.damage = describe(error)

    def _find_lasting_damage(self) -> str:
        """Return damage that is still there when the read model, which others may write meanwhile, did not move."""
        for _ in range(ATTEMPTS):
            position = self._model.position
            what = self._find_any_damage()
            if not what or self._model.position == position == self._log.head().size:
                return what
        return ""

    def _find_any_damage(self) -> str:
        self._after = ""
        while subjects := self._next_subjects(SUBJECTS_AT_START):
            with self._model.snapshot() as read:
                different = find_different_subject(self._log, read, subjects)
            if different is not None:
                return _describe_difference(different)
            self._after = subjects[-1]
        self._after = ""
        return next(iter(self._model.database.find_damage()), "")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the current batch, and stop."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        pause_s = FIRST_ROUND_PAUSE_S
        while not self._stopping.wait(pause_s):
            self._begun = time.thread_time()
            try:
                self.check_next()
                self._last_warning = ""
            except Exception as error:  # noqa: BLE001  (a failed check must not stop later ones)
                if self._model.is_damage(error):
                    self._runner.report_damage(describe(error))
                elif not self._stopping.is_set():
                    self._warn_once(" ".join(str(error).split()))
            shortest_s = PAUSE_S if self.rounds else FIRST_ROUND_PAUSE_S
            pause_s = max(shortest_s, IDLE_SHARE * (time.thread_time() - self._begun))

    def _warn_once(self, error: str) -> None:
        """Log an error after which this retries, unless the last retry failed with the same one."""
        if error != self._last_warning:
            _log.warning("The read model could not be compared with the log (%s); retrying later", error)
        self._last_warning = error

    def check_next(self) -> None:
        """Check the next subjects; after the last one check the database and the log, and start over."""
        if self._model.damage:
            if self._runner.active is False:  # another process writes the read model, and rebuilds it
                self._model.damage = self._find_lasting_damage()
            return
        if self._runner.active is None:
            return
        subjects = self._next_subjects(self._at_once)
        if subjects:
            self._check(subjects)
            self._after = subjects[-1]
            return
        self._after = ""
        for what in self._model.database.find_damage():
            self._runner.report_damage(what)
            return
        self._begun = time.thread_time()
        self._log.find_damage(self._pause, ROWS_AT_ONCE)  # a damaged log becomes read-only
        self.rounds += 1

    def _pause(self, _done: int, _of: int) -> None:
        """Pause after each read of the log that is verified."""
        spent = time.thread_time() - self._begun
        if self._stopping.wait(max(FIRST_ROUND_PAUSE_S, IDLE_SHARE * spent)):
            raise Stopped("the server is shutting down")
        self._begun = time.thread_time()

    def _next_subjects(self, at_once: int) -> list[str]:
        """Return the next subjects of the log and of the read model, which must not have subjects that the log lacks."""
        sql = "select distinct subject from field_value where subject > :after order by subject limit :limit"
        with self._model.snapshot() as read:
            shown = [str(subject) for (subject,) in read.rows(sql, {"after": self._after, "limit": at_once})]
        logged = self._log.subjects(self._after, at_once)
        return sorted({*shown, *logged})[:at_once]

    def _check(self, subjects: Sequence[str]) -> None:
        different = ""
        for _ in range(ATTEMPTS):
            with LONG_WORK.turn(), self._model.snapshot() as read:
                different = find_different_subject(self._log, read, subjects) or ""
            if not different:
                return
            # Entries may have been added, or texts erased, between the two reads.
            if not self._runner.wait_for(self._log.head().size, CATCH_UP_S):
                return
        self._runner.report_damage(_describe_difference(different))


class SubjectChecker:
    """Compares a replica's rows with its entries, some subjects at a time, in the thread that writes them."""

    def __init__(self, log: Streams, model: ReadModel, list_subjects: Callable[[str, int], list[str]]) -> None:
        self._log = log
        self._model = model
        self._list_subjects = list_subjects
        self._after = ""

    def check_next(self) -> str:
        """Check the next subjects, after the last one the database itself. Return what is wrong, or an empty string."""
        subjects = self._list_subjects(self._after, SUBJECTS_OF_A_REPLICA)
        self._after = subjects[-1] if subjects else ""
        if not subjects:
            return next(iter(self._model.database.find_damage()), "")
        with self._model.snapshot() as read:
            different = find_different_subject(self._log, read, subjects)
        return _describe_difference(different) if different else ""


def _describe_difference(subject: str) -> str:
    return f"the rows of {subject} do not match the log"
