"""`kill -9` under load: what was answered is there, once, and everything fits.

Several clients post to a real server, each write with an idempotency key; the server is killed at a random moment and
started again; the clients send what was not answered once more, with the same keys, and go on. On PostgreSQL it may be
the database that is killed: then the server keeps running, reports that to its callers, and recovers by itself.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx2

from cli.bootstrap import clock, open_for_write, open_runtime
from cli.settings import Settings
from domain.decision_messages import DecisionRecorded
from eventlog.checkpoint import Checkpoint
from eventlog.entry import Entry
from identity.decision_log import DecisionLog
from projections.read_model.model import ReadModel, content_hash
from projections.read_model.rebuild import rebuild
from projections.read_model.sqlite import SqliteDatabase
from tests.support_postgresql import Cluster, cluster, fresh_schema
from tests.support_serving import COMMAND, Serving, serving

CLIENTS: Final = 6
MOST: Final = 80
"""Writes answered in a round, about."""
PATIENCE: Final = 20.0
"""Seconds after which a server that does not answer is killed all the same."""
ROUNDS_A_LOG: Final = 10
"""Then another log is begun, so that looking at all of it stays quick."""
MOST_TIMES: Final = 5
"""Times that a write is sent."""
ANSWERS_IN_TROUBLE: Final = {503, 507}
LATE: Final = (sys.executable, "-m", "tests.faults.sabotaged_commit")
LATE_IN_POSTGRESQL: Final = (sys.executable, "-m", "tests.faults.sabotaged_postgresql_commit")


@dataclass(frozen=True)
class Place:
    """Where a log is: in `data`, or at the address `store`; with `victim`, it is the database that is killed."""

    data: Path
    store: str = ""
    victim: Cluster | None = None

    @property
    def settings(self) -> Settings:
        return Settings(data=self.data, store=self.store)


@dataclass
class Client:
    """Posts one decision after another, each up to five times, and knows what became of it; its key is its title.

    Answers that the log is in trouble are borne where `patient`, and the write is sent again.
    """

    name: str
    token: str
    chance: Random
    patient: bool = False
    answered: dict[str, Any] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def work(self, address: str) -> None:
        """Until the server is gone: first what was not answered, and some of what was, then more."""
        headers = {"Authorization": f"Bearer {self.token}"}
        again = self.chance.sample(sorted(self.answered), min(3, len(self.answered)))
        with httpx2.Client(base_url=address, headers=headers, trust_env=False, timeout=60) as http:
            try:
                for key in [*self.waiting, *again]:
                    self._post(http, key)
                while True:
                    key = f"{self.name}-{len(self.answered)}"
                    for _ in range(self.chance.randint(1, MOST_TIMES)):
                        self._post(http, key)
            except httpx2.HTTPError:
                return  # killed

    def _post(self, http: httpx2.Client, key: str) -> None:
        if key not in self.answered and key not in self.waiting:
            self.waiting.append(key)
        body = {"title": key, "decision": "Yes.", "why": "Because.", "accountable": "ann"}
        answer = http.post("/v1/decisions", json=body, headers={"Idempotency-Key": key})
        if self.patient and answer.status_code in ANSWERS_IN_TROUBLE:
            time.sleep(0.02)
            return
        if answer.status_code != 201:
            self.wrong.append(f"{key}: {answer.status_code} {answer.text}")
            return
        recorded = answer.json()["recorded"]
        if self.answered.setdefault(key, recorded) != recorded:
            self.wrong.append(f"{key} was answered {self.answered[key]}, and then {recorded}")
        if key in self.waiting:
            self.waiting.remove(key)


def kill_once(
    place: Place, clients: list[Client], chance: Random, command: Sequence[str | Path] = (COMMAND,)
) -> list[str]:
    """One round: serve, load, kill, look. What is wrong with the log afterwards, in words."""
    wrong: list[str] = []
    more = {"PYTHONPATH": str(Path(__file__).parents[2]), "DECISIONLOG_STORE": place.store}
    with serving(place.data, signal.SIGKILL, command, **more) as server:
        if not clients:
            clients += [Client(f"c{n}", server.token, Random(chance.random())) for n in range(CLIENTS)]
        for client in clients:
            client.patient = place.victim is not None
        threads = [threading.Thread(target=client.work, args=(server.address,)) for client in clients]
        threads.append(threading.Thread(target=_read, args=(server, clients[0].token, wrong)))
        for thread in threads:
            thread.start()
        _let_them_work(clients, chance)
        if place.victim:
            place.victim.kill()
            time.sleep(chance.uniform(0, 1))
            place.victim.start()
            if not _let_them_work(clients, chance):
                wrong.append(f"nothing was answered in the {PATIENCE} s after the database was there again")
    for thread in threads:
        thread.join()
    return [*wrong, *(told for client in clients for told in client.wrong), *_wrong_with(place, clients)]


def _read(server: Serving, token: str, wrong: list[str]) -> None:
    """Asks until the server is gone; whatever befalls the database, the answer is one, or says that it cannot be had."""
    headers = {"Authorization": f"Bearer {token}"}
    with (
        httpx2.Client(base_url=server.address, headers=headers, trust_env=False, timeout=30) as http,
        suppress(httpx2.HTTPError),
    ):
        while True:
            answer = http.get("/v1/decisions", params={"limit": 5})
            if answer.status_code not in {200, *ANSWERS_IN_TROUBLE}:
                wrong.append(f"a question was answered {answer.status_code} {answer.text}")
            time.sleep(0.1)


def _let_them_work(clients: list[Client], chance: Random) -> bool:
    """Until some more writes are answered, and then until any moment; whether any were."""
    before = sum(len(client.answered) for client in clients)
    enough = before + chance.randint(1, MOST)
    end = time.monotonic() + PATIENCE
    while sum(len(client.answered) for client in clients) < enough and time.monotonic() < end:
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.05))
    return sum(len(client.answered) for client in clients) > before


def _wrong_with(place: Place, clients: list[Client]) -> Iterator[str]:
    with open_for_write(place.settings) as log:
        verdict = log.verify_against()
        if not isinstance(verdict, Checkpoint):
            yield str(verdict)
        entries = log.read(0, verdict.size) if isinstance(verdict, Checkpoint) else []
        yield from _wrong_writes(entries, clients)
        yield from _wrong_views(place, log)


def _wrong_writes(entries: list[Entry], clients: list[Client]) -> Iterator[str]:
    """Every answered write is where the answer said, and no write is there twice."""
    found = {entry.position: entry for entry in entries}
    times = Counter(entry.event.title for entry in entries if isinstance(entry.event, DecisionRecorded))
    for client in clients:
        for key, recorded in client.answered.items():
            if not all(_stands(found.get(each["position"]), each) for each in recorded):
                yield f"{key} was answered, and is not in the log as {recorded}"
            if times[key] != 1:
                yield f"{key} was answered, and is {times[key]} times in the log"
        yield from (f"{key} is {times[key]} times in the log" for key in client.waiting if times[key] > 1)


def _stands(entry: Entry | None, recorded: dict[str, Any]) -> bool:
    return entry is not None and (entry.subject, entry.version) == (recorded["subject"], recorded["version"])


def _wrong_views(place: Place, log: DecisionLog) -> Iterator[str]:
    """The read model that lived through the kill, once it has caught up, is that which is built from nothing, anywhere."""
    with open_runtime(log, place.settings) as built:
        if not built.runner.wait_for(log.head().size, 60):
            yield f"the read model is at {built.runner.position}, and the log at {log.head().size}"
        survived = content_hash(built.model)
        rebuild(log, built.model)
        if content_hash(built.model) != survived:
            yield "the read model is not the same as one built again"
        if place.store and _content_in_a_file(place.data / "other.sqlite3", log) != survived:
            yield "the read model in PostgreSQL is not the same as one in a file"


def _content_in_a_file(path: Path, log: DecisionLog) -> str:
    model = ReadModel.open(SqliteDatabase(path), log, clock)
    try:
        rebuild(log, model)
        return content_hash(model)
    finally:
        model.close()


@dataclass
class Tally:
    """What many rounds have come to."""

    kills: int = 0
    writes: int = 0
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)


def _on_one_log(place: Place, rounds: int, chance: Random, tally: Tally) -> None:
    clients: list[Client] = []
    for _ in range(rounds):
        wrong = kill_once(place, clients, chance)
        tally.kills += 1
        tally.wrong += [f"kill {tally.kills}: {what}" for what in wrong]
        tally.repeated += sum(len(client.waiting) for client in clients)
    tally.writes += sum(len(client.answered) for client in clients)


KINDS: Final = ("sqlite", "postgresql-server", "postmaster")


def run(rounds: int, kind: str = "sqlite") -> Iterator[str]:
    """Many rounds, `kind` one of `KINDS`; says how many writes they saw and what was wrong."""
    chance, tally, begun = Random(rounds), Tally(), time.monotonic()
    while tally.kills < rounds and not tally.wrong:
        left = min(ROUNDS_A_LOG, rounds - tally.kills)
        with tempfile.TemporaryDirectory() as folder:
            if kind == "sqlite":
                _on_one_log(Place(Path(folder)), left, chance, tally)
            else:
                with fresh_schema(cluster().url) as store:
                    victim = cluster() if kind == "postmaster" else None
                    _on_one_log(Place(Path(folder), store, victim), left, chance, tally)
        yield (
            f"{kind}: {tally.kills} kills: {tally.writes:,} writes answered, {tally.repeated} in the air when it was "
            f"killed, {len(tally.wrong)} things wrong, {time.monotonic() - begun:.0f} s"
        )
    if tally.wrong:
        yield from tally.wrong[:20]
        raise SystemExit(1)
