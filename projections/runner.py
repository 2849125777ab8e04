"""Following the log: a thread that keeps the read model up to date, and lets others wait for a position."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from typing import Final

from projections import schema
from projections.model import ReadModel, transaction
from projections.projector import Hole, Projector, Source

_log: Final = logging.getLogger("decisionlog.projections")


class Stopped(Exception):
    """The read model no longer follows the log."""


class Runner:
    """Follows a log from where its model stands.

    Call `wake` when the log has grown; it is looked at every `poll` seconds in any case. What goes wrong is kept in
    `error` and stops the thread: a reader that goes on after an error shows what never was.
    """

    def __init__(self, source: Source, model: ReadModel, *, poll: float = 1.0, batch: int = 1_000) -> None:
        self._source = source
        self._model = model
        self._poll = poll
        self._batch = batch
        self._position = model.position
        self._error: BaseException | None = None
        self._stopping = False
        self._wake = threading.Event()
        self._moved = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="projections", daemon=True)

    @property
    def position(self) -> int:
        """The last position that can be read."""
        return self._position

    @property
    def error(self) -> BaseException | None:
        """What stopped it, if anything did."""
        return self._error

    def start(self) -> None:
        """Begins to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Finishes the batch at hand, and ends."""
        self._stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def wake(self) -> None:
        """Says that the log has grown. May be called from any thread, and costs next to nothing."""
        self._wake.set()

    def wait_for(self, position: int, timeout: float) -> bool:
        """Waits until a position can be read, at most `timeout` seconds; whether it can.

        Raises:
            Stopped: it never will be, as the runner has stopped.
        """
        with self._moved:
            self._moved.wait_for(lambda: self._position >= position or self._ended(), timeout)
        if self._position >= position:
            return True
        if self._ended():
            msg = f"the read model stopped at {self._position}: {self._error or 'it was told to'}"
            raise Stopped(msg) from self._error
        return False

    def _ended(self) -> bool:
        return self._error is not None or self._stopping

    def _run(self) -> None:
        try:
            with closing(schema.connect(self._model.path)) as connection:
                self._follow(Projector(connection, self._source))
        except Exception as error:  # noqa: BLE001  (whatever it is, whoever waits must hear of it)
            self._error = error
            _log.exception("The read model stopped at position %d", self._position)
        finally:
            with self._moved:
                self._moved.notify_all()

    def _follow(self, projector: Projector) -> None:
        to_scrub = False
        while not self._stopping:
            self._wake.clear()
            if self._source.head().size > self._position:
                to_scrub = self._advance(projector) or to_scrub
            else:
                self._wake.wait(self._poll)
            to_scrub = to_scrub and not self._model.scrub()

    def _advance(self, projector: Projector) -> bool:
        with transaction(projector.connection):
            # Read anew each time: a rebuild may have put another model in the place of the one written to before.
            position = projector.position()
            entries = self._source.read(position, self._batch)
            if not entries and self._source.head().size > position:
                msg = f"the log says it goes on after {position}, and has no entry there"
                raise Hole(msg)
            forgot = projector.apply(entries)
        with self._moved:
            self._position = entries[-1].position if entries else position
            self._moved.notify_all()
        return forgot
