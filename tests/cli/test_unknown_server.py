"""Commands next to a log in PostgreSQL that cannot be reached, or whose server is not known."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from cli.error_messages import describe_failure
from cli.errors import Exit
from cli.main import cli
from eventlog.errors import DatabaseUnavailableError


@pytest.mark.parametrize("words", [("status",), ("roadmap",), ("verify",), ("login-link", "ann")])
def test_a_database_that_cannot_be_reached_ends_in_exit_code_3(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script can tell that the log was not available from a refusal."""
    monkeypatch.setenv("DECISIONLOG_STORE", "postgresql://127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailableError) as found:
        CliRunner().invoke(cli, words, standalone_mode=False, catch_exceptions=False)
    assert describe_failure(found.value)[0] == Exit.LOG_UNAVAILABLE
