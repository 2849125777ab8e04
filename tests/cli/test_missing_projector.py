"""A server whose projector is a process of its own, which does not run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.connection import connect
from cli.context import Context
from cli.dates import Zone
from cli.errors import CommandFailed, Exit
from cli.in_process_client import InProcessTransport
from cli.main import cli
from decisionlog_client import Client
from projections.read_model.database import PROJECTOR
from projections.read_model.runner import Runner
from tests.support_log import LocalService
from tests.support_terminal import NOW, run_command


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[LocalService]:
    """A server that leaves its read model to a projector, with entries that none has read."""
    with LocalService(tmp_path) as service, without_projector(service):
        service.post("/products", {"key": "shop", "title": "Shop"})
        yield service


@contextmanager
def without_projector(service: LocalService) -> Iterator[None]:
    """Stop the projector of a server, which then leaves its read model to another process."""
    service.runner.stop()
    service.model.close()
    external = Runner(service.log, service.model, poll_s=0.01, external=True)
    external.start()
    service.app.state.services = replace(service.app.state.services, runner=external, wait_seconds=0.05)
    yield
    external.stop()


def run_status(service: LocalService, *words: str) -> Result:
    @contextmanager
    def client(*_: object, **__: object) -> Iterator[Client]:
        with connect("http://localhost", service.token, InProcessTransport(service.app)) as opened:
            yield opened

    context = Context(client, lambda _: None, lambda: NOW, Zone(UTC))
    return CliRunner().invoke(cli, ("status", *words), obj=context, standalone_mode=False, catch_exceptions=False)


def test_health_is_behind_while_no_projector_runs(behind: LocalService) -> None:
    """A server is not called ok while nothing brings its answers up to date; it still takes commands."""
    health = behind.client.get("/v1/health")
    assert (health.status_code, health.json()["status"]) == (200, "behind")
    with closing(behind.model.database.writer()) as projector:
        assert projector.try_lock(PROJECTOR)
        assert behind.client.get("/v1/health").json()["status"] == "ok"


def test_a_timeout_says_that_no_projector_runs(behind: LocalService) -> None:
    """Waiting for a position is in vain then, so the cause is named instead of the advice to try again."""
    path = f"/v1/products?min_position={behind.log.head().size}"
    late = behind.client.get(path)
    assert late.status_code == 504
    assert "no projector is running: start one with `decisionlog project`" in late.json()["detail"]
    with closing(behind.model.database.writer()) as projector:
        assert projector.try_lock(PROJECTOR)
        assert behind.client.get(path).json()["detail"].endswith("try again")


def test_waiting_without_a_projector_ends_early(behind: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cause is named long before the time for which a server waits."""
    monkeypatch.setattr("api.query_execution.PROJECTOR_CHECK_INTERVAL_S", 0.05)
    behind.app.state.services = replace(behind.app.state.services, wait_seconds=60)
    started = time.monotonic()
    late = behind.client.get(f"/v1/products?min_position={behind.log.head().size}")
    assert (late.status_code, time.monotonic() - started < 30) == (504, True)


def test_a_receipt_is_printed_although_no_answer_shows_it(tmp_path: Path) -> None:
    """A command whose result cannot be shown yet was recorded all the same, so it does not fail."""
    with LocalService(tmp_path) as service:
        service.post("/products", {"key": "shop", "title": "Shop"})
        service.runner.wait_for(service.log.head().size, 30)
        with without_projector(service):
            result = run_command(service, "product", "add", "Tea", "--key", "tea")

    assert result.exit_code == 0
    assert result.stdout.startswith("Recorded. (product:tea, position ")
    assert "no projector is running" in result.stderr


def test_status_answers_while_no_projector_runs(behind: LocalService) -> None:
    """It shows how far the answers are, and how to start a projector."""
    lines = run_status(behind).stdout.splitlines()
    assert f"read model at position {behind.model.position}" in lines[1]
    assert "No projector is running" in lines[2]
    assert json.loads(run_status(behind, "--json").stdout)["projector"] is False


def test_a_worker_is_not_looked_up_elsewhere_than_on_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the address of a server, `--working` would tell of a log in the current directory."""
    monkeypatch.setenv("DECISIONLOG_URL", "http://127.0.0.1:1")
    with pytest.raises(CommandFailed, match="DECISIONLOG_URL") as found:
        CliRunner().invoke(cli, ("status", "--working", "projector"), standalone_mode=False, catch_exceptions=False)
    assert found.value.code == Exit.USAGE_ERROR
