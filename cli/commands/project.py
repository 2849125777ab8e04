"""`decisionlog project`."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from cli import options
from cli.bootstrap import POLL_INTERVAL_S, freeze_gc, open_read_only, open_runtime
from cli.errors import CommandFailed
from cli.settings import Settings
from cli.settings_loading import load_settings
from projections.read_model.runner import Runner

STATE_POLL_INTERVAL_S: Final = 0.2
"""How often to check whether the runner is active or failed."""


@click.command()
@options.data
def project(data: Path | None) -> None:
    """Run the projector in its own process.

    Use it with servers started with DECISIONLOG_PROJECTION=external. Only one projector is active; the others
    wait to take over.
    """
    run_projector(load_settings(data=data))


def run_projector(settings: Settings) -> None:
    """Keep the read model up to date until terminated; wait while another process does.

    Raises:
        CommandFailed: there is no log, or it cannot be read.
    """
    terminated = threading.Event()

    def terminate(*_: object) -> None:
        terminated.set()  # also where the exception below is ignored, as in a callback of the garbage collector
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, terminate)
    with (
        suppress(KeyboardInterrupt),
        open_read_only(settings) as log,
        open_runtime(log, settings, poll=POLL_INTERVAL_S, check=True) as runtime,
    ):
        freeze_gc()
        _watch(runtime.runner, terminated)
    click.echo("Stopped.")


def _watch(runner: Runner, terminated: threading.Event) -> None:
    printed = None
    while runner.error is None:
        if runner.active not in (None, printed):
            printed = runner.active
            click.echo("Projector active." if printed else "Standby: another projector is active.")
        if terminated.wait(STATE_POLL_INTERVAL_S):
            return
    raise CommandFailed(f"The projector failed at position {runner.position}: {runner.error}.")
