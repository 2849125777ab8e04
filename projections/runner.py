"""Following the log: a thread that keeps the read model up to date, and lets others wait for a position.

One process at a time writes a read model; the others look at how far it is, and one of them goes on when it ends.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Final

from eventsourcing.persistence import InterfaceError, OperationalError

from eventlog.sqlite_integrity import describe
from projections.database import PROJECTOR, Writer
from projections.projector import Gap, Projector, Source
from projections.read_model import ReadModel
from projections.rebuild import Rebuilding, rebuild

_log: Final = logging.getLogger("decisionlog.projections")

LOOK: Final = 0.01
"""Seconds between two looks at a model that another process writes, while somebody waits for it."""
AGAIN: Final = 1.0
"""Seconds until what failed is tried again."""


class Stopped(Exception):
    """The read model no longer follows the log."""


class DamagedSource(Exception):
    """The log is damaged: no read model can be built from it."""


class Runner:
    """Follows a log from where its model stands, or where another process does so, follows that.

    Call `wake` when the log has grown; it is looked at every `poll` seconds in any case. With `beside` it leaves the
    writing to another process, always. `find_source_damage` says what is wrong with the log, before a damaged model is built
    again from it. A database that cannot be reached is tried again until it can. What else goes
    wrong is kept in `error` and stops the thread: a reader that goes on after an error shows what never was.
    """

    def __init__(
        self, source: Source, model: ReadModel, *, poll: float = 1.0, batch: int = 1_000, beside: bool = False,
        find_source_damage: Callable[[], str] = str,
    ) -> None:  # fmt: skip
        self._source = source
        self._model = model
        self._poll = poll
        self._batch = batch
        self._beside = beside
        self._find_source_damage = find_source_damage
        self._passing: tuple[type[Exception], ...] = (
            OperationalError,
            InterfaceError,
            *model.database.transient_errors,
        )
        self._position = model.position
        model.on_damage = self.distrust
        self._active: bool | None = None
        self._error: BaseException | None = None
        self._stopping = False
        self._waiting = 0
        self._wake = threading.Event()
        self._moved = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="projections", daemon=True)

    @property
    def position(self) -> int:
        """The last position that can be read; of another process's work the last one seen."""
        return self._position

    @property
    def active(self) -> bool | None:
        """Whether it is this one that writes the model; None while that is not known."""
        return self._active

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
        if self._active is not False:  # who stands by looks when somebody waits, and else now and then
            self._wake.set()

    def wait_for(self, position: int, timeout: float) -> bool:
        """Waits until a position can be read, at most `timeout` seconds; whether it can.

        Raises:
            Stopped: it never will be, as the runner has stopped.
        """
        with self._moved:
            self._waiting += 1
            if not self._active:
                self._wake.set()
            self._moved.wait_for(lambda: self._position >= position or self._ended(), timeout)
            self._waiting -= 1
        if self._position >= position:
            return True
        if self._ended():
            msg = f"the read model stopped at {self._position}: {self._error or 'it was told to'}"
            raise Stopped(msg) from self._error
        return False

    def distrust(self, what: str) -> None:
        """Says that the model was found damaged: it answers nothing more until it was built again from the log.

        May be called from any thread. Where another process writes the model, it is that one's to build it again.
        """
        if self._active:
            self._model.damage = self._model.damage or what
            self._wake.set()

    def _ended(self) -> bool:
        return self._error is not None or self._stopping

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._try()
        except Exception as error:  # noqa: BLE001  (whatever it is, whoever waits must hear of it)
            _log.exception("The read model stopped at position %d", self._position)
            self._error = error  # only now: whoever waits is told as soon as it is there
        finally:
            with self._moved:
                self._moved.notify_all()

    def _try(self) -> None:
        """Follows until it is told to stop, or the database fails."""
        try:
            with closing(self._model.database.writer()) as writer:
                self._stand_by(writer)
                self._active = True
                self._begin_anew_if_damaged()
                self._follow(writer)
        except Exception as error:
            if self._model.is_damage(error) and not self._beside:
                self._model.damage = describe(error)
            elif not isinstance(error, self._passing):
                raise
            _log.warning("The read model stands at position %d and will be tried again: %s", self._position, error)
            self._wake.clear()
            self._wake.wait(AGAIN)
        finally:
            self._active = None

    def _begin_anew_if_damaged(self) -> None:
        """Throws a damaged model away, and builds it again from the log. Called by the one that writes it."""
        if not self._model.damage:
            return
        _log.warning("The read model is damaged (%s) and is built again from the log", self._model.damage)
        if what := self._find_source_damage():
            raise DamagedSource(what)
        self._model.database.renew()
        with suppress(Rebuilding):  # then this one fills it, as it would fill a new one
            rebuild(self._source, self._model)
        self._moved_to(self._model.position)
        self._model.damage = ""
        _log.warning("The read model was built again, up to position %d", self._position)

    def _stand_by(self, writer: Writer) -> None:
        """Follows the one that writes the model, until it is this one's turn."""
        while not self._stopping and (self._beside or not writer.claim(PROJECTOR)):
            self._active = False
            self._wake.clear()
            self._moved_to(self._model.position)
            self._wake.wait(LOOK if self._waiting else self._poll)

    def _follow(self, writer: Writer) -> None:
        projector = Projector(writer)
        to_scrub = True  # the process before may have ended between forgetting and this
        while not self._stopping and not self._model.damage:
            self._wake.clear()
            if self._source.head().size > self._position:
                to_scrub = self._advance(projector) or to_scrub
            else:
                self._wake.wait(self._poll)
            to_scrub = to_scrub and not self._model.scrub()

    def _advance(self, projector: Projector) -> bool:
        with projector.writer.transaction():
            # Read anew each time: a rebuild may have put another model in the place of the one written to before.
            position = projector.position()
            entries = self._source.read(position, self._batch)
            if not entries and self._source.head().size > position:
                msg = f"the log says it goes on after {position}, and has no entry there"
                raise Gap(msg)
            forgot = projector.apply(entries)
        self._moved_to(entries[-1].position if entries else position)
        return forgot

    def _moved_to(self, position: int) -> None:
        with self._moved:
            self._position = position
            self._moved.notify_all()
