"""The context of a command: clock, time zone, and how to open a client. Tests replace each of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import click

from cli.client import open_client, require_log
from cli.dates import Zone
from cli.location import Location
from decisionlog_client import Client


def _system_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Context:
    """What a command depends on. `client(location, writes=...)` opens a client of the log there; `require_log` raises
    an error if there is none.
    """

    client: Callable[..., AbstractContextManager[Client]] = open_client
    require_log: Callable[[Location], None] = require_log
    now: Callable[[], datetime] = _system_clock
    zone: Zone = field(default_factory=Zone)


def get_context() -> Context:
    """Return the context of the command that is running."""
    return click.get_current_context().ensure_object(Context)
