"""The whole software on PostgreSQL, and the migration to it."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.support_postgresql import fresh_schema
from tests.support_serving import forked_server, run

pytestmark = pytest.mark.slow


def test_a_log_moves_to_postgresql_and_goes_on_there(tmp_path: Path) -> None:
    """Migrated, a log is served from PostgreSQL with its tokens and entries, and from its old file no more."""
    with forked_server(tmp_path) as old:
        token = old.token
    with fresh_schema() as address:
        done = run(tmp_path, "migrate", "--to", address)
        assert done.returncode == 0, done.stderr
        assert "both logs have the root" in done.stdout
        again = run(tmp_path, "migrate", "--to", address)
        assert (again.returncode, "Already migrated at position" in again.stdout) == (0, True)

        refused = run(tmp_path, "serve")
        assert (refused.returncode, "DECISIONLOG_STORE" in refused.stderr) == (1, True)
        assert run(tmp_path, "verify").returncode == 0

        with forked_server(tmp_path, DECISIONLOG_STORE=address) as new:
            asked = {"headers": {"Authorization": f"Bearer {token}"}, "trust_env": False}
            made = httpx2.post(f"{new.address}/v1/products", json={"key": "shop", "title": "Shop"}, **asked)
            assert made.status_code in (200, 201), made.text
            position = made.json()["position"]
            listed = httpx2.get(f"{new.address}/v1/products?min_position={position}", **asked)
            assert [row["subject"] for row in listed.json()["rows"]] == ["product:shop"], listed.text
            beside = run(tmp_path, "token", "create", "service:ci", DECISIONLOG_STORE=address)
            assert beside.returncode == 0, beside.stderr
        found = run(tmp_path, "doctor", DECISIONLOG_STORE=address)
        assert found.returncode == 0, found.stderr
        assert f"{position + 1} entries" in found.stdout  # with the one of the token
        assert "SQLite can" not in found.stdout  # nothing of it is in a file


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        (("--to", "elsewhere"), "must be the address of a PostgreSQL database", 1),
        (("--to", "postgresql://127.0.0.1:1/none"), "cannot be used", 3),
    ],
)
def test_what_cannot_be_carried_is_said_in_a_sentence(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str, code: int
) -> None:
    """A wrong address is reported, and the log stays writable."""
    with forked_server(tmp_path):
        pass
    done = run(tmp_path, "migrate", *arguments)
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    with forked_server(tmp_path):
        pass
