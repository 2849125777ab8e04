"""`decisionlog person`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import click

from cli import options
from cli.bootstrap import open_local_for_write
from cli.identity import resolve_caller
from cli.remote_log import connect_to_writer
from cli.settings import Settings
from domain.people import RegisterPerson
from eventlog.entry import Transaction
from eventlog.errors import LogInUseError


@click.group()
def person() -> None:
    """Manage people."""


@person.command(name="add")
@click.argument("name")
@click.option("--identifier", multiple=True, help="An email address, handle or former name. Repeatable.")
@options.data
@options.owner
def add(name: str, identifier: tuple[str, ...], data: Path | None, owner: str | None) -> None:
    """Add a person.

    Commands then accept NAME and each identifier for this person.
    """
    add_person(options.load_settings(data=data, owner=owner), name, identifier)


def add_person(settings: Settings, name: str, identifiers: Sequence[str]) -> None:
    """Register a person and print the id.

    Raises:
        Refused: a name or identifier is taken or invalid.
    """
    try:
        with open_local_for_write(settings) as log:
            command = RegisterPerson(name=name, identifiers=tuple(identifiers))
            transaction = Transaction((command,), resolve_caller(log, settings, "cli"))
            added = asyncio.run(log.execute(transaction)).recorded[0].subject
    except LogInUseError as found:
        body = json.dumps({"name": name, "identifiers": identifiers}).encode()
        with connect_to_writer(found, settings) as server:
            added = server.send("POST", "/v1/people", body)["subject"]
    click.echo(f"Added {name} as {added}.")
