"""The projector next to the server, as a user runs it."""

import signal
import subprocess
import time
from contextlib import contextmanager

import httpx2
import pytest

from tests.support_serving import COMMAND, run, serving, surroundings

DECISION = {"title": "Sell tea", "decision": "We sell tea.", "why": "Thirst.", "accountable": "ann"}


@contextmanager
def projecting(data):
    process = subprocess.Popen(
        [COMMAND, "project"],
        env=surroundings(data, PYTHONUNBUFFERED="1"),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=60)
        finally:
            process.kill()


@pytest.mark.slow
def test_a_projector_beside_the_server(tmp_path):
    """The server leaves the read models to it; what is written is read; a second stands by and goes on after a kill."""
    data = tmp_path / "data"
    with serving(data, DECISIONLOG_PROJECTION="external") as server:  # noqa: SIM117  (the client needs the server's address)
        with httpx2.Client(base_url=server.address, headers={"Authorization": f"Bearer {server.token}"}) as client:

            def written_and_read():
                position = client.post("/v1/decisions", json=DECISION).raise_for_status().json()["position"]
                return client.get("/v1/decisions", params={"min_position": position, "limit": 1}).status_code

            with projecting(data) as first, projecting(data) as second:
                said = {process.stdout.readline() for process in (first, second)}
                assert said == {
                    "Projector active.\n",
                    "Standby: another projector is active.\n",
                }
                assert written_and_read() == 200
                assert "A projector is running." in run(data, "doctor").stdout
                first.kill()
                second.kill()
                for process in (first, second):
                    process.wait()
            assert "No projector is running." in run(data, "doctor").stdout
            with projecting(data) as third:
                assert third.stdout.readline() == "Projector active.\n"
                assert written_and_read() == 200
                deadline = time.monotonic() + 60
                while client.get("/v1/health").json()["lag"] and time.monotonic() < deadline:
                    time.sleep(0.01)
                assert client.get("/v1/health").json()["lag"] == 0


def test_where_there_is_no_log_there_is_nothing_to_project(tmp_path):
    """It reports that in a sentence."""
    done = run(tmp_path, "project")

    assert done.returncode == 1
    assert "No log in" in done.stderr
