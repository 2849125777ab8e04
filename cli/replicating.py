"""`decisionlog replica`, and what serves from one: the read models elsewhere, fed from Kafka."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Final

import click
import httpx2

from api.lookup import Lookups, UnknownSecrets
from api.security import CannotTell
from cli.errors import CannotGoOn
from cli.settings import Settings
from cli.streaming import broker_of, sentences, topics_of, work
from cli.wiring import POLL, clock, collect_seldom
from consumers.kafka.event_consumer import TopicFeed
from consumers.kafka.log_api import LogApi
from consumers.kafka.people_topic import NobodyKept, PeopleKept
from consumers.kafka.replica import Follower, OtherLog
from eventlog.dsn import is_dsn, without_secret
from eventlog.entry import Caller
from eventlog.tokens import is_secret
from eventlog.worker_status import WorkerStatus
from projections import schema
from projections.database import Database
from projections.factory import open_database
from projections.read_model import ReadModel
from projections.replica_state import Replica
from projections.runner import Runner

READER: Final = "service:replica"
"""Who speaks with a replica's own token."""
FRESH: Final = 60.0
"""Seconds that the log's word on a token holds: so long a token that was revoked can still read here."""
GRACE: Final = 15 * 60.0
"""Seconds that it holds while the log does not answer."""
KNOWN: Final = 10_000
"""Tokens of which the log's word is kept."""


def replicate(settings: Settings) -> None:
    """Keeps a replica until it is told to end; while another process does so, stands by.

    Raises:
        CannotGoOn: it is not said where, or that place holds something else.
    """
    database = place_of(settings)
    token = settings.token.get_secret_value() if settings.token else None
    upstream = LogApi(settings.upstream, token) if settings.upstream and token else None
    with sentences():
        broker, topics = broker_of(settings), topics_of(settings)
        people = PeopleKept(broker, topics, clock) if settings.kafka_people else NobodyKept()
        model = ReadModel(database, clock)
        collect_seldom()
        try:
            work(Follower(model, TopicFeed(broker, topics), upstream, clock, beside=[people], tell=click.echo))
        except OtherLog as error:
            sentence = str(error)
            raise CannotGoOn(f"{sentence[:1].upper()}{sentence[1:]}.") from error
        finally:
            model.close()
    click.echo("Stopped.")


def place_of(settings: Settings) -> Database:
    """The database of the replica.

    Raises:
        CannotGoOn: none is named, or it is where the log is.
    """
    where = settings.replica
    if not where:
        sentence = "Say where the replica is, with --into or DECISIONLOG_REPLICA: a file, or postgresql://... ."
        raise CannotGoOn(sentence)
    if is_dsn(where):
        if where == settings.store:
            raise CannotGoOn("The log is there itself. Name another database or ?schema= for its replica.")
        return open_database(where)
    if "://" in where:  # not shown: there may be a password in it
        raise CannotGoOn("The address of a replica begins with postgresql://, or it is the name of a file.")
    path = Path(where)
    if path.resolve() in (settings.log_file.resolve(), settings.model_file.resolve()):
        raise CannotGoOn(f"{path} is the log's own. Name another file for its replica.")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open_database(path)


def sheet_of(replica: Replica, place: str) -> tuple[WorkerStatus, bool]:
    """What a replica says of itself, and whether it is at work."""
    found = replica.standing()
    waits = f"position {found.waits_for} has not come" if found.waits_for else None
    sheet = WorkerStatus(
        "replica", place, found.heard_at, found.position, found.lag, failing=waits is not None,
        error=waits or found.trouble or None, error_at=found.heard_at if waits else found.trouble_at,
    )  # fmt: skip
    return sheet, sheet.working(clock())


# Serving -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Served:
    """A replica to be served, and what follows it."""

    replica: Replica
    model: ReadModel
    runner: Runner
    place: str


@contextmanager
def reading_replica(settings: Settings) -> Iterator[Served]:
    """A replica that another process keeps, to be read.

    Raises:
        CannotGoOn: there is none yet, or this version cannot read it.
    """
    database = place_of(settings)
    place = without_secret(settings.replica) if is_dsn(settings.replica) else settings.replica
    begin = f"start `decisionlog replica --into {place}`, and try again"
    try:
        trouble = database.check()
    except database.transient_errors as error:
        raise CannotGoOn(f"The replica in {place} cannot be read: {error}. Look to its disk, and {begin}.") from error
    if trouble:
        raise CannotGoOn(f"{place} holds no replica to serve: {trouble}. To keep one there, {begin}.")
    model = ReadModel(database, clock)
    try:
        with model.read() as read:
            found = read.one("select version from projection", {})
        if found != (schema.VERSION,):
            raise CannotGoOn(f"The replica in {place} is of another version than this program: {begin}.")
        replica = Replica(model)
        if not replica.is_kept():
            raise CannotGoOn(f"{place} holds no replica to serve. To keep one there, {begin}.")
        runner = Runner(replica, model, poll=POLL, beside=True)
        runner.start()
        try:
            yield Served(replica, model, runner, place)
        finally:
            runner.stop()
    finally:
        model.close()


class SignIn:
    """Knows callers of a replica: by its own token, and by the log's word on theirs, which is kept for a while.

    The word of a log that answers holds for a minute; while it does not answer, for a quarter of an hour.
    """

    def __init__(
        self, upstream: str, own: str | None, *, tick: Callable[[], float] = time.monotonic,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:  # fmt: skip
        """`tick` gives seconds that only ever grow."""
        self._own = own
        self._tick = tick
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        self._unknown = UnknownSecrets(tick)
        self._lookups = Lookups()
        self._http = httpx2.AsyncClient(base_url=upstream, timeout=5.0, transport=transport) if upstream else None

    def __call__(self, secret: str) -> Caller | Awaitable[Caller | None] | None:
        """Who holds a secret, or None; awaited, it may raise CannotTell."""
        if self._own is not None and compare_digest(secret.encode(), self._own.encode()):
            return Caller(READER, "local", "http")
        if self._http is None:
            return None
        if not is_secret(secret) or secret in self._unknown:
            return None
        key = sha256(secret.encode()).digest()
        said_at, caller = self._known.get(key, (-GRACE, None))
        if self._tick() - said_at < FRESH:
            return caller
        http = self._http
        return self._lookups.run(secret, lambda: self._asked(http, key, secret), known=key in self._known)

    async def _asked(self, http: httpx2.AsyncClient, key: bytes, secret: str) -> Caller | None:
        try:
            answer = await http.get("/v1/me", headers={"Authorization": f"Bearer {secret}"})
        except (httpx2.HTTPError, ValueError):
            answer = None
        if answer is None or answer.status_code not in (200, 401):
            said_at, caller = self._known.get(key, (-GRACE, None))
            if caller and self._tick() - said_at < GRACE:
                return caller
            raise CannotTell(f"the log at {http.base_url} does not say whose this token is; ask again soon")
        if answer.status_code != 200:  # noqa: PLR2004
            self._known.pop(key, None)
            self._unknown.add(secret)
            return None
        told = answer.json()
        caller = Caller(told["actor"], told["credential"], "http", frozenset(told["rights"]))
        self._known[key] = (self._tick(), caller)
        self._known.move_to_end(key)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return caller
