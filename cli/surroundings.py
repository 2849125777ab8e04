"""What a command finds around it: the clock, where its reader is, and the way to the log. All of it can be passed in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from cli.instants import Zone

if TYPE_CHECKING:
    from cli.settings import Settings
    from decisionlog_client import Client


def _system_clock() -> datetime:
    return datetime.now(UTC)


def _by_the_settings(settings: Settings, *, writes: bool) -> AbstractContextManager[Client]:
    from cli.reaching import client_of  # noqa: PLC0415  (--help needs none of it)

    return client_of(settings, writes=writes)


@dataclass(frozen=True)
class Surroundings:
    """What is around a command. `client` opens the way to the log that the settings name; `writes` begins one."""

    client: Callable[..., AbstractContextManager[Client]] = _by_the_settings
    now: Callable[[], datetime] = _system_clock
    zone: Zone = field(default_factory=Zone)


def here() -> Surroundings:
    """The surroundings of the command that is running."""
    return click.get_current_context().ensure_object(Surroundings)
