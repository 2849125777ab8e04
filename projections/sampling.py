"""Checking the read model while it is served: subject after subject, so that all are checked in time.

A thread folds the entries of a few subjects again and compares the rows in use with what comes of them. It goes through
the subjects in their order, from the first to the last, and then begins again. After each round it also checks the
database itself: pages, indexes, schema; and it verifies the log. Whatever is wrong is told to the one that writes the model, which builds it again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from eventlog.sqlite_integrity import describe
from projections.checking import Streams, find_different_subject
from projections.read_model import ReadModel
from projections.runner import Runner, Stopped

_log: Final = logging.getLogger("decisionlog.projections")

SUBJECTS_AT_ONCE: Final = 20
SUBJECTS_AT_START: Final = 500
CHECKED_AT_START: Final = 5_000
"""Up to how many entries the whole model is checked before a server answers, which takes less than a second."""
FIRST_ROUND_PAUSE_S: Final = 0.2
"""Between two batches of the first round, which begins when the server starts: 100 subjects a second at most."""
PAUSE_S: Final = 5.0
"""Between two batches of later rounds: 14,400 subjects an hour."""
PAUSE_OF_VERIFY_S: Final = 0.05
"""For each thousand entries of the log that are verified; that takes about ten milliseconds."""
ATTEMPTS: Final = 3
"""A difference counts when it is still there after the model has caught up with the log, twice."""
CATCH_UP_S: Final = 10.0


class Log(Streams, Protocol):
    """What a sampler needs of the log."""

    def find_damage(self, tell: Callable[[int, int], None]) -> str:
        """Verify the log; what is wrong with it, or nothing. If something is, nothing more is written."""
        ...

    def subjects(self, after: str, limit: int) -> list[str]:
        """The next subjects of the log in their order."""
        ...


class Sampler:
    """Compares the read model with the log in the background, as long as this process writes the model."""

    def __init__(self, log: Log, model: ReadModel, runner: Runner, *, at_once: int = SUBJECTS_AT_ONCE) -> None:
        self._log = log
        self._model = model
        self._runner = runner
        self._at_once = at_once
        self._after = ""
        self.rounds = 0
        """How often all subjects have been checked."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="decisionlog-sampler", daemon=True)

    def check_before_start(self) -> None:
        """Check all subjects of a small log before anything is answered.

        Only where no other process can write the log or its model meanwhile.
        """
        try:
            size = self._log.head().size
            if not self._model.damage and self._model.position == size <= CHECKED_AT_START:
                self._model.damage = self._find_any_damage()
        except Exception as error:
            if not self._model.is_damage(error):
                raise
            self._model.damage = describe(error)

    def _find_any_damage(self) -> str:
        while subjects := self._next_subjects(SUBJECTS_AT_START):
            with self._model.snapshot() as read:
                different = find_different_subject(self._log, read, subjects)
            if different is not None:
                return _of_subject(different)
            self._after = subjects[-1]
        self._after = ""
        return next(iter(self._model.database.find_damage()), "")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the batch at hand."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_S if self.rounds else FIRST_ROUND_PAUSE_S):
            try:
                self.check_next()
            except Exception as error:  # noqa: BLE001  (a check that fails must not end all later ones)
                if self._model.is_damage(error):
                    self._runner.distrust(describe(error))
                elif not self._stopping.is_set():
                    _log.warning("The read model could not be compared with the log (%s); trying again later", error)

    def check_next(self) -> None:
        """Check the next subjects; after the last one the database itself, and begin again."""
        if not self._runner.active or self._model.damage:
            return
        subjects = self._next_subjects(self._at_once)
        if subjects:
            self._check(subjects)
            self._after = subjects[-1]
            return
        self._after = ""
        for what in self._model.database.find_damage():
            self._runner.distrust(what)
            return
        self._log.find_damage(self._pause)  # which stops whatever would write
        self.rounds += 1

    def _pause(self, _done: int, _of: int) -> None:
        """Leave most of the time to those who wait for answers."""
        if self._stopping.wait(PAUSE_OF_VERIFY_S):
            raise Stopped("the server ends")

    def _next_subjects(self, at_once: int) -> list[str]:
        """The next subjects of log and model: one that the log does not know must not be in the model either."""
        sql = "select distinct subject from cell where subject > :after order by subject limit :limit"
        with self._model.snapshot() as read:
            shown = [str(subject) for (subject,) in read.rows(sql, {"after": self._after, "limit": at_once})]
        logged = self._log.subjects(self._after, at_once)
        return sorted({*shown, *logged})[:at_once]

    def _check(self, subjects: Sequence[str]) -> None:
        different = ""
        for _ in range(ATTEMPTS):
            with self._model.snapshot() as read:
                different = find_different_subject(self._log, read, subjects) or ""
            if not different:
                return
            # Entries may have come, or texts been erased, between the two readings.
            if not self._runner.wait_for(self._log.head().size, CATCH_UP_S):
                return
        self._runner.distrust(_of_subject(different))


def _of_subject(subject: str) -> str:
    return f"the rows of {subject} are not those that the log gives"
