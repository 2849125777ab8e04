"""The runner keeps the read model up to date with the log, and lets callers wait for a position.

One process at a time writes a read model. The others poll its position, and one of them takes over when it ends.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Final

from eventsourcing.persistence import InterfaceError, OperationalError

from eventlog.sqlite_integrity import describe
from projections.read_model.database import PROJECTOR, Writer
from projections.read_model.model import ReadModel
from projections.read_model.projector import Gap, Projector, Source
from projections.read_model.rebuild import Rebuilding, rebuild

_log: Final = logging.getLogger("decisionlog.projections")

STANDBY_POLL_INTERVAL_S: Final = 0.01
"""Between two polls of a read model that another process writes, while a caller waits for it and it advances."""
MAX_STANDBY_POLL_INTERVAL_S: Final = 0.16
"""The same while it does not advance; each interval is twice as long as the previous one."""
MANY_ENTRIES: Final = 20
"""A batch of at least this many entries shows that the log is under load."""
BATCHING_DELAY_S: Final = 0.1
"""How long to wait after such a batch, so that the entries that arrive meanwhile are applied together."""
RETRY_DELAY_S: Final = 1.0
"""Before a failed operation is tried again."""


class Stopped(Exception):
    """The read model no longer follows the log."""


class DamagedSource(Exception):
    """The log is damaged: no read model can be built from it."""


class Runner:
    """Follows a log from the position of its read model, or follows another process that does.

    `wake` tells it that the log has grown; it also checks every `poll_s` seconds. With `external` it always leaves
    writing to another process. `find_source_damage` returns what is wrong with the log; it is called before a damaged
    read model is rebuilt from it. An unreachable database is retried until it is back. Any other error stops the thread
    and is kept in `error`, because continuing after it could produce wrong rows.
    """

    def __init__(
        self,
        source: Source,
        model: ReadModel,
        *,
        poll_s: float = 1.0,
        batch: int = 1_000,
        external: bool = False,
        find_source_damage: Callable[[], str] = str,
    ) -> None:
        self._source = source
        self._model = model
        self._poll_s = poll_s
        self._batch = batch
        self._external = external
        self._find_source_damage = find_source_damage
        self._transient_errors: tuple[type[Exception], ...] = (
            OperationalError,
            InterfaceError,
            *model.database.transient_errors,
        )
        self._unknown: tuple[type[Exception], ...] = (OSError, *self._transient_errors)
        """Errors of a look at the lock of the projector."""
        self._position = model.position
        model.on_damage = self.report_damage
        self._active: bool | None = None
        self._last_warning = ""
        self._error: BaseException | None = None
        self._stopping = False
        self._waiting_count = 0
        self._wake = threading.Event()
        self._apply_now = threading.Event()
        self._moved = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="projections", daemon=True)

    @property
    def position(self) -> int:
        """The last position that can be read; if another process writes, the last one seen."""
        return self._position

    @property
    def active(self) -> bool | None:
        """Whether this runner writes the read model; None while that is not known."""
        return self._active

    def has_projector(self) -> bool:
        """Whether a process brings the read model up to date: this one, or another one. Asks the database, so it may block.

        While that cannot be found out, none is missed.
        """
        try:
            return not self._external or self._model.database.has_active_writer()
        except self._unknown:
            return True

    @property
    def error(self) -> BaseException | None:
        """The error that stopped the runner, if any."""
        return self._error

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the current batch, and stop."""
        self._stopping = True
        self._apply_now.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def wake(self) -> None:
        """Tell the runner that the log has grown. May be called from any thread, at almost no cost."""
        if self._active is not False:  # on standby it polls anyway
            self._wake.set()

    def hurry(self) -> None:
        """Tell the runner that a caller is waiting, so that it applies at once what has arrived; for callers that poll.

        A projector in another process is not told.
        """
        self._apply_now.set()

    def wait_for(self, position: int, timeout: float) -> bool:
        """Wait until a position can be read, at most `timeout` seconds. Return whether it can.

        Raises:
            Stopped: the runner has stopped, so the position will never be reached.
        """
        with self._moved:
            self._waiting_count += 1
            self._apply_now.set()
            if not self._active:
                self._wake.set()
            self._moved.wait_for(lambda: self._position >= position or self._has_ended(), timeout)
            self._waiting_count -= 1
        if self._position >= position:
            return True
        if self._has_ended():
            reason = self._error or "the process is shutting down"
            raise Stopped(f"the read model stopped at position {self._position}: {reason}") from self._error
        return False

    def report_damage(self, what: str) -> None:
        """Report that the read model is damaged. It answers nothing until it was rebuilt from the log.

        May be called from any thread. If another process writes the read model, rebuilding is left to that process.
        """
        if self._active is not None:
            self._model.damage = self._model.damage or what
            self._wake.set()

    def _has_ended(self) -> bool:
        return self._error is not None or self._stopping

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._follow_or_retry()
        except Exception as error:  # noqa: BLE001  (waiting callers must see any error)
            _log.exception("The read model stopped at position %d", self._position)
            self._error = error  # last, because it wakes waiting callers
        finally:
            with self._moved:
                self._moved.notify_all()

    def _follow_or_retry(self) -> None:
        """Follow the log until stopped, or until the database fails."""
        try:
            with closing(self._model.database.writer()) as writer:
                self._wait_for_turn(writer)
                self._active = True
                self._rebuild_if_damaged()
                self._set_position(self._model.position)  # fails if a process of another version wrote it until now
                self._follow(writer)
        except Exception as error:
            if self._model.is_damage(error) and not self._external:
                self._model.damage = describe(error)
            elif not isinstance(error, self._transient_errors):
                raise
            self._warn_once(" ".join(str(error).split()))
            self._wake.clear()
            self._wake.wait(RETRY_DELAY_S)
        finally:
            self._active = None

    def _warn_once(self, error: str) -> None:
        """Log an error after which this retries, unless the last retry failed with the same one."""
        if error != self._last_warning:
            _log.warning("The read model is at position %d and will retry: %s", self._position, error)
        self._last_warning = error

    def _rebuild_if_damaged(self) -> None:
        """Delete a damaged read model, and rebuild it from the log."""
        if not self._model.damage:
            return
        _log.warning("The read model is damaged (%s); rebuilding it from the log", self._model.damage)
        if what := self._find_source_damage():
            raise DamagedSource(what)
        self._model.database.recreate()
        with suppress(Rebuilding):  # then the empty read model catches up as usual
            rebuild(self._source, self._model)
        self._set_position(self._model.position)
        self._model.damage = ""
        _log.warning("The read model was rebuilt up to position %d", self._position)

    def _wait_for_turn(self, writer: Writer) -> None:
        """Follow the process that writes the read model, until this one can take over."""
        interval = STANDBY_POLL_INTERVAL_S
        while not self._stopping and (self._external or not writer.try_lock(PROJECTOR)):
            self._active = False
            self._wake.clear()
            before = self._position
            self._set_position(self._model.position)
            moves = self._position > before
            interval = STANDBY_POLL_INTERVAL_S if moves else min(2 * interval, MAX_STANDBY_POLL_INTERVAL_S)
            if self._wake.wait(interval if self._waiting_count else self._poll_s):  # another caller waits
                interval = STANDBY_POLL_INTERVAL_S

    def _follow(self, writer: Writer) -> None:
        projector = Projector(writer)
        to_scrub = True  # the last process may have ended before it did
        while not self._stopping and not self._model.damage:
            self._wake.clear()
            if self._source.head().size > self._position:
                before = self._position
                to_scrub = self._advance(projector) or to_scrub
                if MANY_ENTRIES <= self._position - before < self._batch:
                    self._wait_for_more_entries()
            else:
                self._last_warning = ""
                self._wake.wait(self._poll_s)
            to_scrub = to_scrub and not self._model.scrub()

    def _wait_for_more_entries(self) -> None:
        """Wait briefly for more entries: a few large batches cost less than many small ones. Return at once if a caller
        of this process waits.
        """
        self._apply_now.clear()
        if not (self._waiting_count or self._stopping):
            self._apply_now.wait(BATCHING_DELAY_S)

    def _advance(self, projector: Projector) -> bool:
        with projector.writer.transaction():
            # Read each time: a rebuild may have swapped the tables.
            position = projector.position()
            entries = self._source.read(position, self._batch)
            if not entries and self._source.head().size > position:
                raise Gap(f"the log has more entries, but none at position {position + 1}")
            erased = projector.apply(entries)
        self._set_position(entries[-1].position if entries else position)
        return erased

    def _set_position(self, position: int) -> None:
        self._last_warning = ""
        with self._moved:
            self._position = position
            self._moved.notify_all()
