"""The first token: on a terminal it is shown, in a service's log it is not."""

from __future__ import annotations

import io
import shlex
import stat
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from cli.commands.serve import format_first_command
from cli.first_token import create_first_token
from cli.main import cli
from cli.settings import Settings
from identity.decision_log import DecisionLog
from tests.support_serving import forked_server


def test_a_service_does_not_log_the_secret(tmp_path: Path) -> None:
    """It is in a file that only its owner can read, also where another file, or a link, was in its place."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    data = tmp_path / "data"
    data.mkdir()
    (data / "first-token").symlink_to(victim)

    with forked_server(data) as server:
        answer = httpx2.get(f"{server.address}/v1/me", headers={"Authorization": f"Bearer {server.token}"})

    assert "dlog_" not in server.said
    assert f"is in {data}/first-token, readable" in server.said
    assert answer.status_code == 200
    assert stat.S_IMODE((data / "first-token").lstat().st_mode) == 0o600
    assert victim.read_text() == "mine"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There it is shown once, and no file is left."""
    monkeypatch.setattr("sys.stdout", Terminal())
    with DecisionLog.open(tmp_path / "log.sqlite3", clock=iter(range(1, 99)).__next__) as log:
        made = create_first_token(log, "service:ann", Settings(data=tmp_path))
        again = create_first_token(log, "service:ann", Settings(data=tmp_path))

    assert made is not None
    assert made.secret in made.format_announcement("ann")
    assert again is None
    assert not (tmp_path / "first-token").exists()


def test_a_token_that_cannot_be_kept_is_not_made(tmp_path: Path) -> None:
    """Where its file cannot be written there is no token, and the next start makes the first."""
    (tmp_path / "first-token").mkdir()
    with DecisionLog.open(tmp_path / "log.sqlite3", clock=iter(range(1, 99)).__next__) as log:
        with pytest.raises(OSError, match="first-token"):
            create_first_token(log, "service:ann", Settings(data=tmp_path))

        assert log.tokens.all() == []


def test_the_command_for_a_first_decision_records_it(tmp_path: Path) -> None:
    """It names the data directory and the owner, quoted for a shell, and contains no token."""
    data = tmp_path / "my log"
    with DecisionLog.open(data / "log.sqlite3", clock=iter(range(1, 99)).__next__):
        pass
    command = format_first_command(Settings(data=data, owner="Ann O'Neil"))

    words = shlex.split(command.replace("\\\n", ""))
    done = CliRunner().invoke(cli, words[1:], standalone_mode=False, catch_exceptions=False)

    assert words[0] == "decisionlog"
    assert done.stdout.startswith("Decided Keep a decision log.")
