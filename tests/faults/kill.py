"""`kill -9` under load: what was answered is there, once, and everything fits.

Several clients post to a real server, each write with an idempotency key; the server is killed at a random moment and
started again; the clients send what was not answered once more, with the same keys, and go on.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx2

from cli.settings import Settings
from cli.wiring import house, writing
from domain.decision import DecisionProposed
from eventlog.checkpoint import Checkpoint
from eventlog.entry import Entry
from eventlog.log import DecisionLog
from projections.model import content_hash
from projections.rebuild import rebuild
from tests.support_serving import COMMAND, serving

CLIENTS: Final = 6
MOST: Final = 200
"""Writes answered in a round, about."""
PATIENCE: Final = 20.0
"""Seconds after which a server that does not answer is killed all the same."""
ROUNDS_A_LOG: Final = 10
"""Then another log is begun, so that looking at all of it stays quick."""
LATE: Final = (sys.executable, "-m", "tests.faults.late_commit")


@dataclass
class Client:
    """Posts one decision after another, and knows what became of each; the key of each is its title."""

    name: str
    token: str
    chance: Random
    answered: dict[str, Any] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def work(self, address: str) -> None:
        """Until the server is gone: first what was not answered, and some of what was, then more."""
        headers = {"Authorization": f"Bearer {self.token}"}
        again = self.chance.sample(sorted(self.answered), min(3, len(self.answered)))
        with httpx2.Client(base_url=address, headers=headers, trust_env=False) as http:
            try:
                for key in [*self.waiting, *again]:
                    self._post(http, key)
                while True:
                    self._post(http, f"{self.name}-{len(self.answered)}")
            except httpx2.HTTPError:
                return  # killed

    def _post(self, http: httpx2.Client, key: str) -> None:
        if key not in self.answered and key not in self.waiting:
            self.waiting.append(key)
        body = {"title": key, "decision": "Yes.", "why": "Because.", "accountable": "ann"}
        answer = http.post("/v1/decisions", json=body, headers={"Idempotency-Key": key})
        if answer.status_code != 201:
            self.wrong.append(f"{key}: {answer.status_code} {answer.text}")
            return
        recorded = answer.json()["recorded"]
        if self.answered.setdefault(key, recorded) != recorded:
            self.wrong.append(f"{key} was answered {self.answered[key]}, and then {recorded}")
        if key in self.waiting:
            self.waiting.remove(key)


def kill_once(
    data: Path, clients: list[Client], chance: Random, command: Sequence[str | Path] = (COMMAND,)
) -> list[str]:
    """One round: serve, load, kill, look. What is wrong with the log afterwards, in words."""
    with serving(data, signal.SIGKILL, command, PYTHONPATH=str(Path(__file__).parents[2])) as server:
        if not clients:
            clients += [Client(f"c{n}", server.token, Random(chance.random())) for n in range(CLIENTS)]
        threads = [threading.Thread(target=client.work, args=(server.address,)) for client in clients]
        for thread in threads:
            thread.start()
        _let_them_work(clients, chance)
    for thread in threads:
        thread.join()
    return [*(wrong for client in clients for wrong in client.wrong), *_wrong_with(data, clients)]


def _let_them_work(clients: list[Client], chance: Random) -> None:
    """Until some more writes are answered, and then until any moment."""
    enough = sum(len(client.answered) for client in clients) + chance.randint(1, MOST)
    end = time.monotonic() + PATIENCE
    while sum(len(client.answered) for client in clients) < enough and time.monotonic() < end:
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.05))


def _wrong_with(data: Path, clients: list[Client]) -> Iterator[str]:
    settings = Settings(data=data)
    with writing(settings) as log:
        verdict = log.verified()
        if not isinstance(verdict, Checkpoint):
            yield str(verdict)
        entries = log.read(0, verdict.size) if isinstance(verdict, Checkpoint) else []
        yield from _wrong_writes(entries, clients)
        yield from _wrong_views(settings, log)


def _wrong_writes(entries: list[Entry], clients: list[Client]) -> Iterator[str]:
    """Every answered write stands where the answer said, and no write stands there twice."""
    found = {entry.position: entry for entry in entries}
    times = Counter(entry.event.title for entry in entries if isinstance(entry.event, DecisionProposed))
    for client in clients:
        for key, recorded in client.answered.items():
            if not all(_stands(found.get(each["position"]), each) for each in recorded):
                yield f"{key} was answered, and is not in the log as {recorded}"
            if times[key] != 1:
                yield f"{key} was answered, and is {times[key]} times in the log"
        yield from (f"{key} is {times[key]} times in the log" for key in client.waiting if times[key] > 1)


def _stands(entry: Entry | None, recorded: dict[str, Any]) -> bool:
    return entry is not None and (entry.subject, entry.version) == (recorded["subject"], recorded["version"])


def _wrong_views(settings: Settings, log: DecisionLog) -> Iterator[str]:
    """The read model that lived through the kill, once it has caught up, is that which is built from nothing."""
    with house(log, settings) as built:
        built.runner.wait_for(log.head().size, 60)
        survived = content_hash(built.model)
        rebuild(log, built.model)
        if content_hash(built.model) != survived:
            yield "the read model is not the same as one built again"


def run(rounds: int) -> Iterator[str]:
    """Many rounds; says how many writes they saw and what was wrong."""
    chance, writes, repeated, wrong, begun = Random(rounds), 0, 0, [], time.monotonic()
    for first in range(0, rounds, ROUNDS_A_LOG):
        clients: list[Client] = []
        with tempfile.TemporaryDirectory() as folder:
            for number in range(first, min(first + ROUNDS_A_LOG, rounds)):
                wrong += [f"round {number}: {what}" for what in kill_once(Path(folder), clients, chance)]
                repeated += sum(len(client.waiting) for client in clients)
        writes += sum(len(client.answered) for client in clients)
        yield (
            f"{min(first + ROUNDS_A_LOG, rounds)} kills: {writes:,} writes answered, {repeated} in the air when it was "
            f"killed, {len(wrong)} things wrong, {time.monotonic() - begun:.0f} s"
        )
        if wrong:
            yield from wrong[:20]
            raise SystemExit(1)
