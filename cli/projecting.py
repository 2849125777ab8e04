"""`decisionlog project`: a process that keeps the read models beside the servers of a log."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import Final

import click

from cli.errors import CannotGoOn
from cli.settings import Settings
from cli.wiring import POLL, collect_seldom, house, reading
from projections.runner import Runner

LOOK: Final = 0.2
"""Seconds between two looks at how the runner fares."""


def project(settings: Settings) -> None:
    """Keeps the read models until it is told to end; while another process does so, stands by.

    Raises:
        CannotGoOn: there is no log, or what it holds cannot be read.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), reading(settings) as log, house(log, settings, poll=POLL) as built:
        collect_seldom()
        _watch(built.runner)
    click.echo("Stopped.")


def _watch(runner: Runner) -> None:
    told = None
    while runner.error is None:
        if runner.active not in (None, told):
            told = runner.active
            click.echo("Keeping the read models." if told else "Standing by: another process keeps the read models.")
        time.sleep(LOOK)
    raise CannotGoOn(f"The read models stopped at position {runner.position}: {runner.error}.")
