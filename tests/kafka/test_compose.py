"""The services of docker-compose.yml work, started as plain processes with the same commands and settings."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from consumers.kafka.broker import Broker
from consumers.kafka.event_consumer import open_topic_consumer
from tests.support_postgresql import fresh_schema
from tests.support_serving import COMMAND, ENDED_S

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
PARTS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
PATIENCE = 40
TEA = {"type": "DefineProduct", "key": "tea", "title": "Tea", "on_behalf_of": "owner"}
CUP = {"type": "ProposeFeature", "key": "cup", "title": "A cup", "products": ["tea"]}
NONSENSE = {"type": "ProposeFeature", "key": "cup"}


@dataclass
class Company:
    """The parts that run, and where what they need is."""

    places: dict[str, str]
    folder: Path
    prefix: str
    stack: ExitStack
    log: str = ""
    token: str = ""
    replica: str = ""
    said: dict[str, Path] = field(default_factory=dict)

    def environment(self, part: str) -> dict[str, str]:
        """The environment of a part's container, with places that there are here."""
        image = dict(re.findall(r"(DECISIONLOG_\w+)=(\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8")))
        given = {name: str(said) for name, said in PARTS[part]["environment"].items() if said is not None}
        here = {"DECISIONLOG_DATA": str(self.folder), "DECISIONLOG_PORT": "0", "DECISIONLOG_KAFKA_PREFIX": self.prefix}
        kept = {name: said for name, said in os.environ.items() if not name.startswith("DECISIONLOG_")}
        return {
            **kept,
            "PYTHONUNBUFFERED": "1",
            **image,
            **{name: self._here(said) for name, said in given.items()},
            **here,
        }

    def _here(self, said: str) -> str:
        said = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", said)
        return next((here for there, here in self.places.items() if re.search(there, said)), said)

    def start(self, *parts: str) -> None:
        """Starts some parts."""
        for part in parts:
            self.said[part] = self.folder / f"{part}.out"
            command = [COMMAND, *PARTS[part]["command"]]
            with self.said[part].open("w") as out:
                process = subprocess.Popen(command, env=self.environment(part), stdout=out, stderr=subprocess.STDOUT)
            self.stack.callback(_end, process)

    def saying(self, part: str, words: str) -> re.Match[str]:
        """What a part says, once it says it."""
        file = self.said[part]
        found: re.Match[str] = until(lambda: re.search(words, file.read_text()), file.read_text)
        return found

    def is_healthy(self, part: str) -> bool:
        """What the health check of a part says, with its own command."""
        test = PARTS[part]["healthcheck"]["test"]
        assert test[:2] == ["CMD", "decisionlog"]
        done = subprocess.run([COMMAND, *test[2:]], env=self.environment(part), capture_output=True, check=False)
        return done.returncode == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        assert process.wait(ENDED_S) == 0
    finally:
        process.kill()


def until(look: Callable[[], Any], why: Callable[[], str] = str) -> Any:
    """What a look finds, once it finds something."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, why()
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def company(bootstrap_servers: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """The whole of it, at work: log, publisher, consumer and replica, with the servers of log and replica."""
    from tests.kafka.broker import fresh_prefix

    with fresh_schema() as log, fresh_schema() as copy, ExitStack() as stack:
        places = {r"@postgres:": log, r"@replica-postgres:": copy, r"^kafka:9092$": bootstrap_servers}
        opened = Company(places, tmp_path_factory.mktemp("company"), fresh_prefix(), stack)
        opened.start("server")
        opened.log, file = opened.saying(
            "server", r"at (http://\S+)\n[^$]*?token for [^\n]* is in (\S+), readable"
        ).groups()
        opened.token = Path(file).read_text().strip()
        places["^http://server:8737$"] = opened.log
        opened.start("replica", "publisher", "projector", "consumer")
        opened.saying("replica", "Keeping the replica")
        opened.start("replica-server")
        opened.replica = opened.saying("replica-server", r"Read-only replica in \S+, at (http://\S+)")[1]
        yield opened


def send_commands(servers: str, topic: str, *commands: Mapping[str, Any]) -> None:
    """What any client of Kafka can do: puts commands on a topic."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=servers)
    for command in commands:
        producer.send(topic, json.dumps(command).encode()).get(10)
    producer.close()


COMPOSERS = [["docker", "compose"], ["docker-compose"]]


def test_the_file_is_one_that_docker_takes() -> None:
    """Each client of Docker that is here accepts it with a password, and asks for one where there is none.

    Without a client, what is left is that it is YAML with our parts in it, each with a health check and limits.
    """
    without = {name: said for name, said in os.environ.items() if name != "POSTGRES_PASSWORD"}
    for client in COMPOSERS:
        if (
            not shutil.which(client[0])
            or subprocess.run([*client, "version"], capture_output=True, check=False).returncode
        ):
            continue
        for given, code in (({"POSTGRES_PASSWORD": "x"}, 0), ({}, 1)):
            done = subprocess.run(
                [*client, "-f", ROOT / "docker-compose.yml", "config", "-q"],
                env=without | given,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode > 0) == code, done.stderr

    assert set(PARTS) == {"server", "projector", "publisher", "consumer", "replica", "replica-server"}
    for name, service in COMPOSE["services"].items():
        assert service["healthcheck"]["test"], name
        assert service["mem_limit"], name


def test_every_service_is_healthy(company: Company) -> None:
    """Each of our services starts, and its health check passes."""
    assert set(company.said) == set(PARTS)
    for part in ("projector", "publisher", "consumer", "replica"):
        assert until(lambda part=part: company.is_healthy(part)), part


def test_a_command_reaches_the_replica(company: Company, bootstrap_servers: str) -> None:
    """A command from the topic appears in a replica, and a rejection in its own topic."""
    headers = {"Authorization": f"Bearer {company.token}"}
    with httpx2.Client(base_url=company.log, headers=headers) as log:
        owner = log.get("/v1/me").json()["actor"].partition(":")[2]
        log.post(f"/v1/people/{owner}/delegate", json={"to": "service:consumer"}).raise_for_status()
    send_commands(bootstrap_servers, f"{company.prefix}.commands", TEA, NONSENSE, CUP)
    with httpx2.Client(base_url=company.replica, headers=headers) as ask:

        def cards() -> list[Any]:
            return ask.get("/v1/roadmap", params={"layout": "table"}).raise_for_status().json()["rows"]

        (card,) = until(cards)
        assert (card["subject"], card["title"]) == ("feature:cup", "A cup")
        (person,) = until(lambda: ask.get("/v1/people", params={"name": "OWNER"}).json()["rows"])
        audit = ask.get("/v1/audit").json()
        assert audit["titles"][person["id"]] == "owner"
        (worker,) = ask.get("/v1/status").json()["workers"]
        assert (worker["name"], worker["working"], worker["error"]) == ("replica", True, None)
        writing = ask.post("/v1/products", json={"title": "No"})
        assert (writing.status_code, company.log in writing.json()["detail"]) == (421, True)
        assert ask.get("/v1/roadmap", headers={"Authorization": "Bearer dlog_invented"}).status_code == 401

    consumer = open_topic_consumer(Broker.from_addresses(bootstrap_servers), f"{company.prefix}.rejected")
    rejected = until(lambda: [each for some in consumer.poll(timeout_ms=500).values() for each in some])
    consumer.close()
    assert len(rejected) == 1
    assert "title" in rejected[0].value.decode()


def test_erasure_reaches_the_replica(company: Company) -> None:
    """A name or text that is erased in the log is erased in the replica."""
    headers = {"Authorization": f"Bearer {company.token}"}
    with (
        httpx2.Client(base_url=company.log, headers=headers) as log,
        httpx2.Client(base_url=company.replica, headers=headers) as ask,
    ):
        made = log.post("/v1/people", json={"name": "Eve Brown"}).raise_for_status().json()
        product = log.post("/v1/products", json={"key": "s", "title": "secret tea"}).raise_for_status().json()
        until(lambda: ask.get("/v1/people", params={"name": "eve brown"}).json()["rows"])
        until(lambda: ask.get("/v1/search", params={"text": "secret"}).json()["rows"])

        log.delete(f"/v1/people/{made['subject'].partition(':')[2]}/names").raise_for_status()
        log.post("/v1/log/erase", json={"positions": [product["position"]]}).raise_for_status()

        until(lambda: not ask.get("/v1/people", params={"name": "eve brown"}).json()["rows"])
        until(lambda: not ask.get("/v1/search", params={"text": "secret"}).json()["rows"])
        assert ask.get("/v1/products/s").json()["fields"]["title"]["value"] == "[erased]"
