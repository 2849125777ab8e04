"""The machine's own owner and the administrators keep their access, whatever an ordinary token tries before a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from cli.bootstrap import open_for_write
from cli.caller import resolve_owner
from cli.settings import Settings
from domain.roles import ADMIN, ROLES, holds
from tests.support_postgresql import fresh_schema
from tests.support_serving import forked_server, run


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    if request.param == "sqlite":
        yield {"DECISIONLOG_OWNER": "Admin"}
        return
    with fresh_schema() as address:
        yield {"DECISIONLOG_OWNER": "Admin", "DECISIONLOG_STORE": address}


@pytest.mark.slow
def test_an_attacked_log_starts_again_for_its_owner(tmp_path: Path, store: dict[str, str]) -> None:
    """After a loop over everybody and a namesake of the owner, the server starts, and token and local key work."""
    with forked_server(tmp_path, **store) as server:
        owner = _Caller(server.address, server.token)
        people = owner.get("/v1/people").json()["rows"]
        mallory = owner.post("/v1/people", {"name": "Mallory"}).json()["subject"]
        secret = owner.post("/v1/tokens", {"holder": mallory}).json()["secret"]
        attacker = _Caller(server.address, secret)
        for row in [*people, {"id": mallory}]:
            key = row["id"].removeprefix("person:")
            attacker.post(f"/v1/people/{key}/merge", {"into": mallory})
            attacker.post(f"/v1/subjects/{row['id']}/strike", {"why": "w"})
            for position in range(1, 8):
                attacker.post(f"/v1/subjects/{row['id']}/void", {"position": position, "why": "r"})
            attacker.post(f"/v1/people/{key}/leave")
        owner.post("/v1/people", {"name": "Admin"}).raise_for_status()
        assert attacker.get("/v1/me").status_code == 401  # who left on their own account
        assert owner.get("/v1/me").status_code == 200
        beside = run(tmp_path, "token", "create", "service:one", **store)
        assert beside.returncode == 0, beside.stderr

    with forked_server(tmp_path, **store) as again:
        me = _Caller(again.address, server.token).get("/v1/me")
        assert me.json()["actor"] == people[0]["id"]
        assert _Caller(again.address, secret).get("/v1/me").status_code == 401
    made = run(tmp_path, "token", "create", "service:two", **store)
    assert made.returncode == 0, made.stderr
    assert run(tmp_path, "verify", **store).returncode == 0


def test_the_first_token_and_those_made_here_leave_entries(tmp_path: Path, store: dict[str, str]) -> None:
    """Each token is an entry with who made it: the owner, by the key of the machine."""
    with forked_server(tmp_path, **store):
        pass
    run(tmp_path, "token", "create", "service:ci", **store)
    lines = [json.loads(line)["entry"] for line in run(tmp_path, "export", **store).stdout.splitlines()]
    made = [line for line in lines if line["type"] == "TokenCreated.v1"]
    assert [line["event"]["credential"] for line in made] == ["local", "local"]
    assert made[0]["subject"] == made[0]["event"]["actor"] == made[1]["event"]["actor"]
    assert made[1]["subject"] == "service:ci"


class _Caller:
    """Speaks to a server with one token; no connection outlives its request."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._given = {"headers": {"Authorization": f"Bearer {token}"}, "trust_env": False, "timeout": 30}

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(self._address + path, **self._given)

    def post(self, path: str, body: object = None) -> httpx2.Response:
        return httpx2.post(self._address + path, json=body or {}, **self._given)


def test_the_owner_of_a_new_log_is_its_administrator(tmp_path: Path) -> None:
    """Whatever creates a log, its owner's own token decides; another owner of the same machine is given no role."""
    first, second = (Settings(data=tmp_path, owner=name) for name in ("ann", "bob"))
    with open_for_write(first) as log:
        ann = resolve_owner(log, first.owner)
    with open_for_write(second) as log:
        bob = resolve_owner(log, second.owner)

        assert holds(log.state(ann), ADMIN)
        registered, granted = log.read(1, 2)
        assert registered.subject == granted.subject == ann
        assert registered.metadata.transaction == granted.metadata.transaction  # there is no owner without the role
        assert not any(holds(log.state(bob), role) for role in ROLES)
