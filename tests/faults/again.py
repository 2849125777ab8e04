"""Every command there is, sent one to five times with the same key while its server is killed: one effect, one answer."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx2

from cli.wiring import writing
from domain.catalog import COMMANDS
from domain.examples import examples_for
from eventlog.tokens import RIGHTS
from tests.faults.kill import MOST_TIMES, Place
from tests.faults.logs import do
from tests.support_log import quiet_token
from tests.support_postgresql import fresh_schema
from tests.support_serving import COMMAND, Serving, serving

KEYLESS: Final = (sys.executable, "-m", "tests.faults.keyless")
SPEAKERS: Final = ("person:ann", "service:again")
"""Ann, until she departs."""
KILLED_WITHIN: Final = 1.0
"""Seconds that a server lives."""
MOST_KILLS: Final = 20


class Caller:
    """Sends commands to a server that is killed after a while, and begun again, until each is answered so many times."""

    def __init__(self, place: Place, most_kills: int, chance: Random, command: Sequence[str | Path]) -> None:
        self.kills = 0
        self.answers: dict[str, list[Any]] = {}
        self._place = place
        self._command = command
        self._most_kills = most_kills
        self._chance = chance
        self._versions: dict[str, int] = {}
        self._running = ExitStack()
        with writing(place.settings) as log:
            owner, speaker, *self.examples = examples_for(log.id)  # which name positions: register nobody else
            do(log, [[owner], [speaker]])
            self._tokens = [quiet_token(log, speaker, RIGHTS) for speaker in SPEAKERS]
            self.before = log.head().size

    def send_all(self) -> None:
        """Sends every example, each up to five times."""
        self._serve()
        with self._running:
            for n, example in enumerate(self.examples):
                if example["type"] == "MergePeople":  # the owner of the log stays
                    continue
                if example["type"] == "RecordPersonLeft":
                    self._tokens.pop(0)
                key = f"{n}-{example['type']}"
                body = {"commands": [example], "expected": self._expected(example)}
                for _ in range(self._chance.randint(1, MOST_TIMES)):
                    self.answers.setdefault(key, []).append(self._sent(body, key))
                self._versions |= {each["subject"]: each["version"] for each in self.answers[key][0]}

    def _expected(self, example: dict[str, Any]) -> dict[str, int]:
        subject = example.get("subject")
        return {subject: self._versions[subject]} if subject in self._versions else {}

    def _sent(self, body: dict[str, Any], key: str) -> Any:
        """What was recorded, by the answer: sent again to the next server where the one asked is gone."""
        headers = {"Authorization": f"Bearer {self._tokens[0]}", "Idempotency-Key": key}
        while True:
            try:
                answer = self._http.post("/v1/commands", json=body, headers=headers)
            except httpx2.HTTPError:
                self._serve()
                continue
            assert answer.status_code in {200, 201}, (key, answer.status_code, answer.text)
            return answer.json()["recorded"]

    def _serve(self) -> None:
        """Begins a server, the one before being gone, and has it killed at some moment."""
        self._running.close()
        here = str(Path(__file__).parents[2])
        more = {"PYTHONPATH": here, "DECISIONLOG_STORE": self._place.store, "DECISIONLOG_OWNER": "Bob Tea"}
        command = self._command
        server = self._running.enter_context(serving(self._place.data, signal.SIGKILL, command, **more))
        client = httpx2.Client(base_url=server.address, trust_env=False, timeout=60)
        self._http = self._running.enter_context(client)
        if self.kills >= self._most_kills:
            return
        killer = threading.Timer(self._chance.uniform(0, KILLED_WITHIN), self._kill, [server])
        self._running.callback(killer.cancel)
        killer.start()

    def _kill(self, server: Serving) -> None:
        self.kills += 1
        server.process.kill()


def again(
    place: Place, most_kills: int, chance: Random, command: Sequence[str | Path] = (COMMAND,)
) -> tuple[Caller, list[str]]:
    """Sends everything; who sent it, and what was wrong."""
    caller = Caller(place, most_kills, chance, command)
    caller.send_all()
    wrong = [
        f"{key} was answered {answers}"
        for key, answers in caller.answers.items()
        if answers.count(answers[0]) < len(answers)
    ]
    told = sorted(each["position"] for answers in caller.answers.values() for each in answers[0])
    with writing(place.settings) as log:
        stored = list(range(caller.before + 1, log.head().size + 1))
        if stored != told:
            wrong.append(f"answered were the positions {told}, and recorded are {stored}")
        finding = log.verify()
        if finding:
            wrong.append(str(finding))
    missing = COMMANDS.keys() - {example["type"] for example in caller.examples}
    return caller, [*wrong, *(f"{name} was never sent" for name in missing)]


def run(rounds: int, kind: str = "sqlite") -> Iterator[str]:
    """So many times every command; says how often it was sent, over how many kills, and what was wrong."""
    begun, kills, sent, wrong = time.monotonic(), 0, 0, list[str]()
    for n in range(rounds):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            store = stack.enter_context(fresh_schema()) if kind != "sqlite" else ""
            caller, what = again(Place(folder, store), MOST_KILLS, Random(n))
        kills += caller.kills
        sent += sum(map(len, caller.answers.values()))
        wrong += what
        yield (
            f"{kind}: each of {len(COMMANDS)} commands {n + 1} times, {sent:,} answers over {kills} kills, "
            f"{len(wrong)} things wrong, {time.monotonic() - begun:.0f} s"
        )
    if wrong:
        yield from wrong[:20]
        raise SystemExit(1)
