"""Commands next to a log in PostgreSQL that cannot be reached, or whose server is not known."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.error_messages import describe_failure
from cli.errors import Exit
from cli.main import cli
from eventlog.errors import DatabaseUnavailableError
from tests.support_postgresql import fresh_schema


@pytest.mark.parametrize("words", [("status",), ("roadmap",), ("verify",), ("login-link", "ann")])
def test_a_database_that_cannot_be_reached_ends_in_exit_code_3(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script can tell that the log was not available from a refusal."""
    monkeypatch.setenv("DECISIONLOG_STORE", "postgresql://127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailableError) as found:
        CliRunner().invoke(cli, words, standalone_mode=False, catch_exceptions=False)
    assert describe_failure(found.value)[0] == Exit.LOG_UNAVAILABLE


def test_a_sign_in_link_names_the_address_that_it_assumes(tmp_path: Path) -> None:
    """Without a server here, and without a public address, a note says that the address may be another."""
    given = {"DECISIONLOG_DATA": str(tmp_path), "DECISIONLOG_OWNER": "ann"}
    result = _run("login-link", "ann", env=given)
    assert "assumes http://127.0.0.1:8737" in result.stderr
    known = _run("login-link", "ann", env=given | {"DECISIONLOG_PUBLIC_URL": "https://log.example"})
    assert "https://log.example/sign-in" in known.stdout
    assert "assumes" not in known.stderr


def test_next_to_postgresql_no_server_is_known() -> None:
    """A server of a log in PostgreSQL may run anywhere, so `status` and `login-link` do not deny one."""
    with fresh_schema() as address:
        given = {"DECISIONLOG_STORE": address, "DECISIONLOG_OWNER": "ann"}
        assert "No server is known" in _run("login-link", "ann", env=given).stderr
        assert "(no server known)" in _run("status", env=given).stdout


def _run(*words: str, env: dict[str, str]) -> Result:
    return CliRunner().invoke(cli, words, env=env, standalone_mode=False, catch_exceptions=False)
