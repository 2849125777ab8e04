"""Run the command line in this process, on a log that is already open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from click.testing import CliRunner, Result

from cli.connection import IN_PROCESS_URL, connect
from cli.context import Context
from cli.dates import Zone
from cli.in_process_client import InProcessTransport
from cli.main import cli
from decisionlog_client import Client
from tests.support_log import LocalService

NOW = datetime(2025, 5, 14, 16, 30, tzinfo=UTC)
"""The current time for commands: a Wednesday."""


def around(service: LocalService, zone: Zone | None = None, token: str | None = None) -> Context:
    """Return a context whose client asks this log."""

    @contextmanager
    def client(*_: object, **__: object) -> Iterator[Client]:
        with connect(IN_PROCESS_URL, token or service.token, InProcessTransport(service.app)) as opened:
            yield opened

    return Context(client, lambda _: None, lambda: NOW, zone or Zone(UTC))


def run_command(service: LocalService, *words: str, **more: Any) -> Result:
    """Run a command whose output is not a terminal, and return the result. Errors are raised."""
    return CliRunner().invoke(cli, words, obj=around(service, **more), standalone_mode=False, catch_exceptions=False)


def table(service: LocalService, *words: str) -> list[dict[str, str]]:
    """Run a command, and return the rows of its table by heading."""
    header, *rows = run_command(service, *words).stdout.splitlines()
    return [dict(zip(header.split("\t"), row.split("\t"), strict=True)) for row in rows]
