"""`decisionlog person`: who can be named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import click

from cli.remote import server_of
from cli.settings import Settings
from cli.speaking import speaker_of
from cli.wiring import writing_here
from domain.people import RegisterPerson
from eventlog.entry import Transaction
from eventlog.errors import LogInUseError


def add(settings: Settings, name: str, identifier: Sequence[str]) -> None:
    """Registers a person and says under which id.

    Raises:
        Refused: a spelling is somebody else's already, or cannot be one.
    """
    try:
        with writing_here(settings) as log:
            transaction = Transaction(
                (RegisterPerson(name=name, identifiers=tuple(identifier)),), speaker_of(log, settings, "cli")
            )
            person = asyncio.run(log.execute(transaction)).recorded[0].subject
    except LogInUseError as found:
        with server_of(found, settings) as server:
            person = server.send("POST", "/v1/people", json.dumps({"name": name, "identifiers": identifier}).encode())[
                "subject"
            ]
    click.echo(f"{name} is {person}.")
