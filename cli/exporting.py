"""`decisionlog export madr`: the decisions as files that people and their tools can read."""

from __future__ import annotations

from pathlib import Path

import click

from cli.errors import CannotGoOn
from cli.files import create_file
from cli.settings import Settings
from cli.wiring import clock, reading
from interchange.adr import exported


def madr(settings: Settings, folder: Path, *, product: str | None) -> None:
    """Writes each decision to a file of its own, and says what of it the file does not hold.

    Raises:
        CannotGoOn: the folder holds something already, or there is no such product.
    """
    if folder.exists() and any(folder.iterdir()):
        raise CannotGoOn(f"{folder} holds something already. Name a folder that is empty, or that is not there yet.")
    with reading(settings) as log:
        now = max(clock(), log.head().recorded_at)
        if product is not None and not log.state(f"product:{product}").version:
            raise CannotGoOn(f"The log knows no product:{product}. Leave --product out, or name one that is there.")
        folder.mkdir(parents=True, exist_ok=True)
        count = 0
        for count, one in enumerate(exported(log, now, product), 1):  # noqa: B007  (told below)
            create_file(folder / f"{one.name}.md", one.text.encode())
            for what in one.noticed:
                click.echo(f"{one.name} ({one.subject}): {what}", err=True)
    click.echo(f"{count} {'decision' if count == 1 else 'decisions'} in {folder}", err=True)
