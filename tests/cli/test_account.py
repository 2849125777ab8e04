"""Sign-in accounts on the terminal: connecting, listing and disconnecting them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.errors import CommandFailed
from decisionlog_client import AlreadyExists, Forbidden, Unknown
from tests.support_log import LocalService, quiet_token
from tests.support_terminal import run_command, table

ISSUER = "https://login.example.org"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LocalService]:
    """An empty log."""
    with LocalService(tmp_path) as opened:
        yield opened


def connect(service: LocalService, person: str, account: str, **more: Any) -> str:
    return run_command(service, "account", "connect", person, account, "--issuer", ISSUER, **more).stdout


def test_an_account_is_connected_listed_and_disconnected(service: LocalService) -> None:
    """Any name of the person works, the list has the account while it is connected, and both changes are events."""
    bo = service.person("Bo Berg")

    assert connect(service, "bo", "u-1") == f"Connected u-1 at {ISSUER}: Bo Berg.\n"
    assert table(service, "account", "list") == [{"name": "Bo Berg", "account": "u-1", "issuer": ISSUER, "person": bo}]
    assert table(service, "account", "list", "--person", "Ada Lovelace") == []
    done = run_command(service, "account", "disconnect", "u-1", "--issuer", ISSUER).stdout
    assert done == f"Disconnected u-1 at {ISSUER}: Bo Berg.\n"

    assert table(service, "account", "list") == []
    types = [row["event"] for row in table(service, "audit", "--subject", bo, "--order", "oldest")]
    assert types[-2:] == ["AccountConnected", "AccountDisconnected"]


def test_a_wrong_account_or_person_is_refused(service: LocalService) -> None:
    """For a misspelled name, a person is suggested; an account of another person, or of none, is refused."""
    service.person("Bo Berg")
    connect(service, "Ada Lovelace", "u-1")
    size = service.log.head().size

    with pytest.raises(CommandFailed, match=r"No person 'Bo Burg'\. Did you mean Bo Berg"):
        connect(service, "Bo Burg", "u-2")
    with pytest.raises(AlreadyExists, match="disconnect it first"):
        connect(service, "Bo Berg", "u-1")
    with pytest.raises(Unknown, match="belongs to no person"):
        run_command(service, "account", "disconnect", "u-2", "--issuer", ISSUER)
    assert service.log.head().size == size


def test_only_administrators_manage_accounts(service: LocalService) -> None:
    """Everyone else is refused."""
    token = quiet_token(service.log, service.person("Bo Berg"), {"read", "write"})

    with pytest.raises(Forbidden):
        connect(service, "Bo Berg", "u-1", token=token)
