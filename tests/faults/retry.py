"""Every command, sent one to five times with the same key while its server is killed, is recorded and answered once."""

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

from cli.bootstrap import open_for_write
from domain.catalog import COMMANDS
from domain.examples import examples_for
from domain.scopes import SCOPES
from tests.faults.kill import MOST_TIMES, Place
from tests.faults.logs import do
from tests.support_log import quiet_token
from tests.support_postgresql import fresh_schema
from tests.support_serving import COMMAND, Serving, serving

WITHOUT_KEYS: Final = (sys.executable, "-m", "tests.faults.sabotaged_idempotency")
OWNER: Final = "Cleo Dee"
SPEAKERS: Final = ("person:ann", "service:retry")
"""Ann, until she leaves, then a service."""
KILLED_WITHIN_S: Final = 1.0
MAX_KILLS: Final = 20


def _move_positions(example: dict[str, Any], by: int) -> dict[str, Any]:
    """Return an example for a log in which everything that it refers to lies that much further on."""
    moved = {name: value + by if name in {"position", "corrects"} else value for name, value in example.items()}
    if "positions" in example:
        moved["positions"] = [position + by for position in example["positions"]]
    return moved


class Caller:
    """Sends commands to a server that is killed and restarted, until each is answered as often as it should be."""

    def __init__(self, place: Place, most_kills: int, chance: Random, command: Sequence[str | Path]) -> None:
        self.kills = 0
        self.answers: dict[str, list[Any]] = {}
        self._place = place
        self._command = command
        self._most_kills = most_kills
        self._chance = chance
        self._versions: dict[str, int] = {}
        self._running = ExitStack()
        with open_for_write(place.settings) as log:
            first, speaker, *examples = examples_for(log.id)
            # The owner of the log must stay, and each person of the examples is merged into another or leaves.
            log.default_role = "admin"
            grants = [[{"type": "GrantRole", "subject": each, "role": "admin"}] for each in SPEAKERS]
            do(log, [[{"type": "RegisterPerson", "name": OWNER}], [first], [speaker], *grants])
            self.examples = [_move_positions(example, 1 + len(grants)) for example in examples]
            self._tokens = [quiet_token(log, speaker, SCOPES) for speaker in SPEAKERS]
            self.before = log.head().size

    def send_all(self) -> None:
        """Send every example up to five times."""
        self._serve()
        with self._running:
            for n, example in enumerate(self.examples):
                if example["type"] == "RecordPersonLeft":
                    self._tokens.pop(0)
                if example["type"] == "IssueReport":
                    example = {**example, "sha256": self._read_hash(example)}  # noqa: PLW2901
                key = f"{n}-{example['type']}"
                body = {"commands": [example], "expected": self._expected_counts(example)}
                for _ in range(self._chance.randint(1, MOST_TIMES)):
                    self.answers.setdefault(key, []).append(self._send(body, key))
                self._versions |= {each["subject"]: each["version"] for each in self.answers[key][0]}

    def _expected_counts(self, example: dict[str, Any]) -> dict[str, int]:
        subject = example.get("subject")
        return {subject: self._versions[subject]} if subject in self._versions else {}

    def _read_hash(self, example: dict[str, Any]) -> str:
        """Return the hash of a report, which must be read before it is issued."""
        _, _, product = example["subject"].partition(":")
        period = {name: example[name] for name in ("since", "until", "position")}
        headers = {"Authorization": f"Bearer {self._tokens[0]}"}
        while True:
            try:
                answer = self._http.get(f"/v1/products/{product}/report", params=period, headers=headers)
            except httpx2.HTTPError:
                self._serve()
                continue
            if answer.status_code == httpx2.codes.OK:
                return str(answer.json()["sha256"])
            assert answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE, answer.text  # the read model is catching up
            time.sleep(0.1)

    def _send(self, body: dict[str, Any], key: str) -> Any:
        """Send a request until it is answered, to the next server if one was killed; return what was recorded."""
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
        """Start a server in place of the killed one, and have it killed at a random moment."""
        self._running.close()
        here = str(Path(__file__).parents[2])
        more = {"PYTHONPATH": here, "DECISIONLOG_STORE": self._place.store, "DECISIONLOG_OWNER": OWNER}
        command = self._command
        server = self._running.enter_context(serving(self._place.data, signal.SIGKILL, command, **more))
        client = httpx2.Client(base_url=server.address, trust_env=False, timeout=60)
        self._http = self._running.enter_context(client)
        if self.kills >= self._most_kills:
            return
        killer = threading.Timer(self._chance.uniform(0, KILLED_WITHIN_S), self._kill, [server])
        self._running.callback(killer.cancel)
        killer.start()

    def _kill(self, server: Serving) -> None:
        self.kills += 1
        server.process.kill()


def retry_all(
    place: Place, most_kills: int, chance: Random, command: Sequence[str | Path] = (COMMAND,)
) -> tuple[Caller, list[str]]:
    """Send everything; return the caller and the problems."""
    caller = Caller(place, most_kills, chance, command)
    caller.send_all()
    wrong = [
        f"{key} was answered {answers}"
        for key, answers in caller.answers.items()
        if answers.count(answers[0]) < len(answers)
    ]
    told = sorted(each["position"] for answers in caller.answers.values() for each in answers[0])
    with open_for_write(place.settings) as log:
        stored = list(range(caller.before + 1, log.head().size + 1))
        if stored != told:
            wrong.append(f"answered were the positions {told}, and recorded are {stored}")
        finding = log.verify()
        if finding:
            wrong.append(str(finding))
    answered = {key.partition("-")[2] for key in caller.answers}
    missing = COMMANDS.keys() - answered - {"RegisterPerson"}  # sent before
    return caller, [*wrong, *(f"{name} was never sent" for name in missing)]


def run(rounds: int, kind: str = "sqlite") -> Iterator[str]:
    """Run rounds of all commands; report the number of answers, kills and problems."""
    begun, kills, sent, wrong = time.monotonic(), 0, 0, list[str]()
    for n in range(rounds):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            store = stack.enter_context(fresh_schema()) if kind != "sqlite" else ""
            caller, what = retry_all(Place(folder, store), MAX_KILLS, Random(n))
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
