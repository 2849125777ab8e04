"""`decisionlog replica`: keep read models in another database, fed from the events topic."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Final, Protocol

from consumers.kafka.broker import describe_broker_error
from consumers.kafka.replica_session import POLL_INTERVAL_S, EventFeed, ReplicaSession, UpstreamLog, WrongLog
from consumers.kafka.status_reporter import without_repeats
from eventlog.sqlite_integrity import describe
from projections.read_model.continuous_check import SubjectChecker
from projections.read_model.database import PROJECTOR, Writer
from projections.read_model.model import ReadModel
from projections.read_model.replica_state import Replica

_log: Final = logging.getLogger("decisionlog.replica")

RETRY_DELAY_S: Final = 1.0
CHECK_INTERVAL_US: Final = 1_000_000
"""Between two groups of subjects whose rows are compared with their entries."""


class ReplicaExtension(Protocol):
    """Keeps further data in the replica's database, such as the names of people."""

    def sync(self, writer: Writer) -> None:
        """Write what is new, in transactions of its own, without waiting for more."""
        ...

    def close(self) -> None:
        """Close the connections; the next `sync` opens new ones."""
        ...


class ReplicaWorker:
    """Keeps one replica, or waits as a standby while another process does."""

    def __init__(
        self,
        model: ReadModel,
        feed: EventFeed,
        upstream: UpstreamLog | None,
        clock: Callable[[], int],
        *,
        extensions: Iterable[ReplicaExtension] = (),
        notify: Callable[[str], None] = lambda _message: None,
    ) -> None:
        """`clock` returns microseconds since 1970."""
        self._model = model
        self._feed = feed
        self._upstream = upstream
        self._clock = clock
        self._extensions = tuple(extensions)
        self._notify = without_repeats(notify)
        self._last_error = ""
        self._damage = ""
        replica = Replica(model)
        self._checker = SubjectChecker(replica, model, replica.subjects)
        self._next_check_at = 0
        self._stop = threading.Event()

    def stop(self) -> None:
        """Make `run` return."""
        self._stop.set()

    def run(self) -> None:
        """Follow the topic until stopped, and retry after transient errors; a damaged replica is built again.

        Raises:
            WrongLog: the topic has another log than the replica.
            InvalidTopic: the topic does not have the required configuration.
        """
        while not self._stop.is_set():
            try:
                self._run_session()
            except (*self._model.database.transient_errors, *self._feed.transient_errors) as error:
                self._warn_once(describe_broker_error(error))
                self._stop.wait(RETRY_DELAY_S)
            except Exception as error:
                if not self._model.is_damage(error):
                    raise
                self._damage = describe(error)
            finally:
                self._feed.close()
                for extension in self._extensions:
                    extension.close()

    def _run_session(self) -> None:
        with closing(self._model.database.writer()) as writer:
            while not writer.try_lock(PROJECTOR):
                self._notify("Standing by: another process keeps this replica.")
                if self._stop.wait(POLL_INTERVAL_S):
                    return
            if self._damage:
                _log.warning("The replica is damaged (%s); building it again from the topic", self._damage)
                self._model.database.recreate()
                self._damage = ""
            session = ReplicaSession(self._model, writer, self._feed, self._upstream, self._clock)
            self._notify(f"Keeping the replica in {self._model.database}.")
            while not self._stop.is_set() and not self._damage:
                try:
                    session.step()
                except WrongLog as error:
                    session.store_problem(str(error))
                    raise
                self._last_error = ""
                for extension in self._extensions:
                    extension.sync(writer)
                if self._clock() >= self._next_check_at:
                    self._damage = self._check_next()

    def _check_next(self) -> str:
        """Compare some subjects with their entries, so that all are compared again and again."""
        self._next_check_at = self._clock() + CHECK_INTERVAL_US
        return self._checker.check_next()

    def _warn_once(self, error: str) -> None:
        """Log an error after which the replica retries, unless the last retry failed with the same one."""
        if error != self._last_error:
            _log.warning("The replica is failing, and keeps trying: %s", error)
        self._last_error = error
