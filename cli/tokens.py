"""`decisionlog token`: who may speak to the log over HTTP."""

from __future__ import annotations

import json
from collections.abc import Collection
from urllib.parse import quote

import click
from rich.console import Console
from rich.table import Table

from cli.errors import CannotGoOn
from cli.remote import server_of
from cli.settings import Settings
from cli.wiring import reading, writing
from domain.values import format_micros, is_subject, kind_of
from eventlog.errors import LogInUseError
from eventlog.log import DecisionLog
from eventlog.tokens import RIGHTS


def create(settings: Settings, holder: str, rights: Collection[str], *, all_rights: bool, label: str) -> None:
    """Makes a token and shows its secret, once."""
    rights = tuple(RIGHTS) if all_rights else tuple(rights)
    try:
        with writing(settings) as log:
            actor = _actor(log, holder)
            token, secret = log.tokens.create(actor, rights=rights, label=label)
    except LogInUseError as found:
        body = json.dumps({"holder": holder, "rights": rights, "label": label}).encode()
        with server_of(found, settings) as server:
            made = server.send("POST", "/v1/tokens", body)
        token, actor, secret = made["id"], made["holder"], made["secret"]
    click.echo(f"Token {token} of {actor}, shown this once:\n\n  {secret}\n")


def _actor(log: DecisionLog, holder: str) -> str:
    """Whom the token speaks for.

    Raises:
        CannotGoOn: nobody, or nobody in particular, goes by this name.
    """
    if is_subject(holder) and kind_of(holder) == "service":
        return holder
    found = (holder,) if is_subject(holder) else log.directory.find(holder)
    if len(found) > 1:
        raise CannotGoOn(f"{holder} may be {' or '.join(found)}. Name one of them.")
    if not found or kind_of(found[0]) != "person" or not log.state(found[0]).version:
        sentence = f"The log knows nobody called {holder}. Register them first, or make a token for service:KEY."
        raise CannotGoOn(sentence)
    return found[0]


def show(settings: Settings) -> None:
    """Lists all tokens, oldest first."""
    with reading(settings) as log:
        listed = [(token, log.directory.name(token.actor) or token.actor) for token in log.tokens.all()]
    table = Table("id", "name", "rights", "label", "made", "revoked", box=None)
    for column in table.columns:
        column.overflow = "fold"
    table.columns[0].no_wrap = True
    for token, name in listed:
        made = format_micros(token.created_at)
        revoked = format_micros(token.revoked_at) if token.revoked_at else ""
        table.add_row(token.id, name, ", ".join(sorted(token.rights)), token.label, made, revoked)
    Console().print(table)


def revoke(settings: Settings, token: str) -> None:
    """Makes a token worthless."""
    try:
        with writing(settings) as log:
            log.tokens.revoke(token)
    except LogInUseError as found:
        with server_of(found, settings) as server:
            server.send("DELETE", f"/v1/tokens/{quote(token, safe='')}")
    click.echo(f"Token {token} is revoked.")
