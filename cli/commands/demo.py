"""`decisionlog demo`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from cli.demo.writer import create_demo
from cli.options import load_settings


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), default="demo")
@click.option("--ends-on", type=click.DateTime(["%Y-%m-%d"]), help="Last day of the year.  [today]")
def demo(directory: Path, ends_on: datetime | None) -> None:
    """Create a demo log: one year of a fictional product.

    DIRECTORY is where to create it [demo]. It has twelve people, sixty decisions and eighty features, with slips, a
    handover, a reversal, entries recorded late, and a correction.
    """
    create_demo(load_settings(), directory, (ends_on or datetime.now(UTC)).date())
