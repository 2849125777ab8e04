"""The commands on the file of a log that was migrated to PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from cli.commands.migrate import _format_result
from cli.completion import complete_subjects
from cli.errors import CommandFailed
from cli.main import cli
from eventlog.log import open_store
from eventlog.migration import Migrated, set_read_only
from eventlog.records import Head
from identity.decision_log import DecisionLog

Run = Callable[..., Result]


def _now() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on a log that was migrated."""
    monkeypatch.setenv("DECISIONLOG_DATA", str(tmp_path))
    DecisionLog.open(tmp_path / "log.sqlite3", clock=_now).close()
    with closing(open_store(tmp_path / "log.sqlite3", clock=_now)) as store:
        set_read_only(store, "it was migrated to postgresql://db/log; set DECISIONLOG_STORE to that")
    return lambda *words: CliRunner().invoke(cli, words, standalone_mode=False, catch_exceptions=False)


@pytest.mark.parametrize("command", ["roadmap", "audit", "status", "doctor", "verify", "export", "rebuild"])
def test_a_command_that_reads_a_migrated_log_says_where_it_goes_on(command: str, run: Run) -> None:
    """The note is on standard error, once, so that the answer can still be processed."""
    result = run(command)
    note = "read-only: it was migrated to postgresql://db/log; set DECISIONLOG_STORE to that."
    assert result.stderr.count(note) == 1
    assert note not in result.stdout


@pytest.mark.usefixtures("run")
def test_completion_prints_no_note(capsys: pytest.CaptureFixture[str]) -> None:
    """A note would be printed into the line that a person is typing."""
    complete_subjects(click.Context(cli), ("product",), "")
    assert capsys.readouterr() == ("", "")


def test_a_migrated_log_is_not_backed_up(run: Run, tmp_path: Path) -> None:
    """A scheduled backup of the old file fails, because it would save nothing new."""
    with pytest.raises(CommandFailed, match="pg_dump"):
        run("backup", str(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("migrated", "sentence"),
    [
        (Migrated(Head(9), 9, True), "Already migrated at position 9; the target has grown to 18 entries."),
        (Migrated(Head(9), 0, True), "Already migrated at position 9; nothing has been recorded in the target since."),
    ],
)
def test_a_second_migration_claims_no_comparison(migrated: Migrated, sentence: str) -> None:
    """The result of a migration that was finished before names the position of the migration, and no root."""
    assert _format_result(migrated) == sentence
