"""`decisionlog publish`, `consume` and `status`, as a user runs them."""

import json
import re
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from cli.bootstrap import clock
from cli.commands.consume import resolve_service
from cli.commands.publish import publish_log
from cli.errors import CommandFailed
from cli.settings import Settings
from consumers.kafka.cloudevents import get_position
from eventlog.entry import Caller
from identity.decision_log import DecisionLog
from tests.kafka.support import everything_in, send, until
from tests.support_postgresql import fresh_schema
from tests.support_serving import COMMAND, run, serving, surroundings

pytestmark = pytest.mark.slow

HOWTO = Path(__file__).parents[2] / "docs" / "how-to" / "connect-kafka.md"
SHOP = {"type": "DefineProduct", "key": "shop", "title": "Shop"}


@pytest.fixture
def brokers(bootstrap_servers, prefix):
    return {"DECISIONLOG_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers, "DECISIONLOG_KAFKA_PREFIX": prefix}


@contextmanager
def at_work(data, command, **more):
    """A worker, once it has said its first line."""
    process = subprocess.Popen(
        [COMMAND, command],
        env=surroundings(data, PYTHONUNBUFFERED="1", **more),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process, process.stdout.readline()
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        finally:
            process.kill()


def positions(servers, prefix):
    return [get_position(each) for each in everything_in(servers, f"{prefix}.events")]


def test_out_and_in_beside_a_server(tmp_path, bootstrap_servers, prefix, brokers):
    """What a plain client puts on the topic is on the roadmap and published; one publisher works, and when it is killed
    the next goes on within seconds; how far they are is seen at the command line and over HTTP."""
    with (
        serving(tmp_path) as server,
        httpx2.Client(base_url=server.address, headers={"Authorization": f"Bearer {server.token}"}) as client,
    ):
        secret = client.post("/v1/tokens", json={"holder": "service:consumer", "role": "manager"}).json()["secret"]
        ann = client.get("/v1/me").json()["actor"].partition(":")[2]
        client.post(f"/v1/people/{ann}/delegate", json={"to": "service:consumer"}).raise_for_status()
        with (
            at_work(tmp_path, "publish", **brokers) as (first, said),
            at_work(tmp_path, "publish", **brokers) as (second, said_too),
            at_work(tmp_path, "consume", DECISIONLOG_TOKEN=secret, **brokers) as (_, taking),
        ):
            assert said == f"Publishing to {prefix}.events from position 1: messages are kept for 7 days.\n"
            assert said_too == "Standby: another publisher is active.\n"
            assert (
                taking
                == f"Consuming commands from {prefix}.commands as service:consumer: messages are kept for 7 days.\n"
            )
            feature = {
                "type": "ProposeFeature",
                "key": "tea",
                "title": "Tea",
                "products": ["shop"],
                "on_behalf_of": "ann",
            }
            send(
                bootstrap_servers,
                f"{prefix}.commands",
                *((None, json.dumps(each).encode(), []) for each in (SHOP, feature)),
            )
            until(lambda: client.get("/v1/features").json()["rows"])
            size = client.get("/v1/log").json()["size"]
            until(lambda: positions(bootstrap_servers, prefix) == [*range(1, size + 1)])
            cards = client.get("/v1/roadmap", params={"min_position": size}).json()["rows"][0]["cards"]
            assert [card["subject"] for card in cards] == ["feature:tea"]

            first.kill()
            assert second.stdout.readline().startswith(f"Publishing to {prefix}.events from position {size + 1}")
            client.post("/v1/goals", json={"title": "More tea", "products": ["shop"]}).raise_for_status()
            until(lambda: positions(bootstrap_servers, prefix) == [*range(1, size + 2)])

            told = until(lambda: caught_up(client.get("/v1/status").json()["workers"], size), "status over HTTP")
            printed = json.loads(run(tmp_path, "status", "--json").stdout)["workers"]
            assert [each | {"seen_at": None} for each in printed] == [each | {"seen_at": None} for each in told]
    lines = run(tmp_path, "status").stdout
    assert f"position {size + 1}, 0 behind, {prefix}.events" in lines


def caught_up(workers, size):
    found = [(each["name"], each["position"], each["working"], each["lag"]) for each in workers]
    return workers if found == [("consumer", size, True, 0), ("publisher", size + 1, True, 0)] else None


def test_the_actor_of_a_command():
    """The actor is the service of the token; without a token it is the default service, but never next to a running server."""
    service, person = Caller("service:erp", "t", "kafka"), Caller("person:ann", "t", "kafka")
    ours, with_token = Settings(kafka_service="service:ours"), Settings(token="dlog_x")

    assert resolve_service(ours, lambda _secret: None) == Caller("service:ours", "local", "kafka")
    assert resolve_service(with_token, lambda secret: {"dlog_x": service}[secret]) == service
    for settings, holder, served in ((ours, None, True), (with_token, person, True), (with_token, None, False)):
        with pytest.raises(CommandFailed, match="`decisionlog token create service:"):
            resolve_service(settings, lambda _secret, holder=holder: holder, needs_token=served)


def snippet(n, servers, prefix):
    """A piece of Python of the page, for this broker and these topics, reading to the end of the topic."""
    code = re.findall(r"^```python\n(.*?)^```$", HOWTO.read_text(), flags=re.DOTALL | re.MULTILINE)[n]
    code = code.replace("localhost:9092", servers).replace('"decisionlog.', f'"{prefix}.')
    return code.replace('auto_offset_reset="earliest"', 'auto_offset_reset="earliest", consumer_timeout_ms=2000')


def test_the_guide_works(tmp_path, bootstrap_servers, prefix, brokers, capsys):
    """The command and the reader in the guide work as shown."""
    with DecisionLog.open(tmp_path / "log.sqlite3", clock=clock):
        pass
    with at_work(tmp_path, "consume", **brokers):
        exec(snippet(1, bootstrap_servers, prefix), {})
        until(lambda: everything_in(bootstrap_servers, f"{prefix}.results"))
    with at_work(tmp_path, "publish", **brokers):
        until(lambda: positions(bootstrap_servers, prefix) == [1, 2])
    send(bootstrap_servers, f"{prefix}.events", *everything_in(bootstrap_servers, f"{prefix}.events"))
    capsys.readouterr()

    exec(snippet(0, bootstrap_servers, prefix), {})

    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("1 decisionlog.LogOpened.v1 log:")
    assert second == "2 decisionlog.ProductDefined.v1 product:shop"


def test_on_postgresql_without_a_server(tmp_path, bootstrap_servers, prefix, brokers):
    """Publisher and command consumer share a log in PostgreSQL without a server or a token."""
    with fresh_schema() as url:
        store = {"DECISIONLOG_STORE": url, "DECISIONLOG_KAFKA_SERVICE": "service:erp", **brokers}
        with (
            at_work(tmp_path, "consume", **store),
            at_work(tmp_path, "publish", **store),
            at_work(tmp_path, "publish", **store) as (_, said),
        ):
            assert said.startswith("Standby")
            send(bootstrap_servers, f"{prefix}.commands", (None, json.dumps(SHOP).encode(), []))
            until(lambda: positions(bootstrap_servers, prefix) == [1, 2])
        entry = json.loads(everything_in(bootstrap_servers, f"{prefix}.events")[1].value)["event"]
        assert (entry["actor"], entry["source"]) == ("service:erp", {"channel": "kafka"})
        assert "publisher: working, position 2" in run(tmp_path, "status", **store).stdout


def test_a_missing_client_library_is_reported(monkeypatch, tmp_path):
    """If the client library is missing, the error says how to install it."""
    monkeypatch.setattr("consumers.kafka.broker.find_spec", lambda _name: None)

    with pytest.raises(CommandFailed, match=r"pip install 'decisionlog-server\[kafka\]'"):
        publish_log(Settings(data=tmp_path))


def test_a_missing_log_is_reported(tmp_path):
    """If there is no log, `publish` and `status` report that."""
    for command in ("publish", "status"):
        done = run(tmp_path, command)
        assert done.returncode == 1
        assert "No log in" in done.stderr
