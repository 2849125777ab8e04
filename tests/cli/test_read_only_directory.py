"""Questions about a log in a directory that may only be read, such as a mounted backup."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli
from identity.decision_log import DecisionLog


@pytest.mark.parametrize("question", ["status", "audit"])
def test_a_log_in_a_read_only_directory_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    """The read model is built elsewhere for the command, and a note says why that takes time."""
    DecisionLog.open(tmp_path / "log.sqlite3", clock=lambda: 1).close()
    before = {each.name for each in tmp_path.iterdir()}
    is_accessible = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and is_accessible(path, mode))

    result = CliRunner().invoke(cli, (question, "--data", str(tmp_path)), catch_exceptions=False)

    assert result.exit_code == 0
    assert "log:" in result.stdout
    assert "is read-only" in result.stderr
    assert not {each.name for each in tmp_path.iterdir() if "views" in each.name} - before
