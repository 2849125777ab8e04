"""The command line in this process, over a house that is open already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from click.testing import CliRunner, Result
from support_log import House

from cli.inside import InProcess
from cli.instants import Zone
from cli.main import cli
from cli.reaching import INSIDE, reach
from cli.surroundings import Surroundings
from decisionlog_client import Client

NOW = datetime(2025, 5, 14, 16, 30, tzinfo=UTC)
"""The time for whoever sits at the terminal: a Wednesday."""


def around(house: House, zone: Zone | None = None, token: str | None = None) -> Surroundings:
    """The surroundings of a command that asks a house."""

    @contextmanager
    def client(*_: object, **__: object) -> Iterator[Client]:
        with reach(INSIDE, token or house.token, InProcess(house.app)) as opened:
            yield opened

    return Surroundings(client, lambda: NOW, zone or Zone(UTC))


def said(house: House, *words: str, **more: Any) -> Result:
    """What a command says whose output is not a terminal. What it cannot do is raised."""
    return CliRunner().invoke(cli, words, obj=around(house, **more), standalone_mode=False, catch_exceptions=False)


def table(house: House, *words: str) -> list[dict[str, str]]:
    """The table that a command prints, its rows by heading."""
    header, *rows = said(house, *words).stdout.splitlines()
    return [dict(zip(header.split("\t"), row.split("\t"), strict=True)) for row in rows]
