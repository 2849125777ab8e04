"""Commands next to a log in PostgreSQL that cannot be reached, or whose server is not known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from eventsourcing.persistence import PersistenceError

from cli.error_messages import describe_failure
from cli.errors import Exit
from cli.main import cli
from eventlog.dsn import split_dsn
from eventlog.errors import DatabaseUnavailableError, LogError
from identity.decision_log import DecisionLog
from tests.support_postgresql import fresh_schema


@pytest.mark.parametrize(
    "words", [("status",), ("roadmap",), ("verify",), ("consume",), ("publish",), ("login-link", "ann")]
)
def test_a_database_that_cannot_be_reached_ends_in_exit_code_3(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script can tell that the log was not available from a refusal."""
    monkeypatch.setenv("DECISIONLOG_STORE", "postgresql://127.0.0.1:1/none")
    with pytest.raises((DatabaseUnavailableError, psycopg.OperationalError)) as found:
        CliRunner().invoke(cli, words, standalone_mode=False, catch_exceptions=False)
    assert describe_failure(found.value)[0] == Exit.LOG_UNAVAILABLE


@pytest.fixture
def reader() -> Iterator[tuple[str, str]]:
    """The address of a log, and that of the same log for a role without rights on it."""
    with fresh_schema() as address, psycopg.connect(split_dsn(address)[0], autocommit=True) as connection:
        role = f"{split_dsn(address)[1]}_reader"
        DecisionLog.open(address, clock=lambda: 1).close()
        connection.execute(f"CREATE ROLE {role}".encode())
        yield address, f"{address}&options=-c%20role%3D{role}"
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode(), prepare=False)


@pytest.mark.parametrize("grants", ["", "GRANT USAGE ON SCHEMA {0} TO {0}_reader"])
@pytest.mark.parametrize("words", [("status",), ("consume",)])
def test_a_missing_right_is_named(reader: tuple[str, str], words: tuple[str, ...], grants: str) -> None:
    """A role that may not use the log's tables gets a sentence that names the right and what to do."""
    address, limited = reader
    _grant(address, grants)

    with pytest.raises((LogError, PersistenceError, psycopg.Error)) as found:
        _run(*words, env={"DECISIONLOG_STORE": limited})

    code, message = describe_failure(found.value)
    assert code == Exit.LOG_UNAVAILABLE
    assert "Connect as the role that created the log" in message


def test_a_role_that_only_reads_can_verify(reader: tuple[str, str]) -> None:
    """What was found is printed, although it cannot be saved for the pages."""
    address, limited = reader
    _run("verify", env={"DECISIONLOG_STORE": address})
    _grant(address, "GRANT USAGE ON SCHEMA {0} TO {0}_reader; GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO {0}_reader")

    result = _run("verify", env={"DECISIONLOG_STORE": limited})

    assert (result.exit_code, "all hashes, texts and idempotency records match" in result.stdout) == (0, True)


def _grant(address: str, statement: str) -> None:
    url, schema = split_dsn(address)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.format(schema).encode(), prepare=False)


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
