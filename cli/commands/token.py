"""`decisionlog token`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from cli import options
from cli.bootstrap import open_local_for_write, open_read_only
from cli.caller import call_holder, call_remote_holder, find_holder, require_administrator
from cli.connection import connect
from cli.context import get_context
from cli.expiry import NEVER, ExpiryParam
from cli.remote_log import connect_to_writer
from cli.settings import Settings
from cli.settings_loading import load_settings
from cli.table import Cell, Table, print_note, print_sentence, print_table
from cli.token_lookup import find_token
from decisionlog_client import questions
from domain.ids import is_subject
from domain.roles import ROLES, Role
from domain.scopes import DEFAULT_SCOPES, SCOPES
from domain.times import format_micros, parse_micros
from eventlog.errors import LogInUseError
from identity.tokens import DEFAULT_LIFETIME_DAYS, Token

HEADINGS: Final = ("id", "name", "label", "scopes", "expires", "used", "created")


@click.group()
def token() -> None:
    """Manage API tokens."""


@token.command(name="create")
@click.argument("holder")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help=f"A scope of the token: {', '.join(SCOPES)}, or import:SYSTEM. Repeatable; default: read and write.",
)
@click.option("--all-scopes", is_flag=True, help="Give it every scope.")
@click.option("--role", type=click.Choice(ROLES), help="A role to grant the holder, unless they have it.")
@click.option("--product", help="The product to grant the role for; all by default.")
@click.option("--label", default="", help="What the token is for.")
@click.option(
    "--expires",
    type=ExpiryParam(),
    default=f"{DEFAULT_LIFETIME_DAYS}d",
    help=f"When it stops working: 90d, 12w, a date, or never.  [{DEFAULT_LIFETIME_DAYS}d]",
)
@options.data
@options.owner
def create(
    holder: str,
    *,
    scopes: tuple[str, ...],
    all_scopes: bool,
    role: Role | None,
    product: str | None,
    label: str,
    expires: str,
    data: Path | None,
    owner: str | None,
) -> None:
    """Create a token for a person or service.

    HOLDER is the name or id of a person, or `service:KEY`.
    """
    wanted = NewToken(
        holder=holder,
        scopes=tuple(SCOPES) if all_scopes else scopes or tuple(sorted(DEFAULT_SCOPES)),
        expires_at=expires,
        label=label,
        role=role,
        product=product,
    )
    create_token(load_settings(data=data, owner=owner), wanted)


@token.command(name="list")
@options.json_flag("Print JSON Lines.")
@options.data
def list_(as_json: bool, data: Path | None) -> None:
    """List tokens, including revoked ones.

    In a pipe, the columns are separated by tabs.
    """
    list_tokens(load_settings(data=data), as_json=as_json)


@token.command(name="revoke")
@click.argument("id")
@options.data
@options.owner
def revoke(id: str, data: Path | None, owner: str | None) -> None:  # noqa: A002  (the name of the argument in --help)
    """Revoke the token with this ID."""
    revoke_token(load_settings(data=data, owner=owner), id)


@dataclass(frozen=True)
class NewToken:
    """A token to create: its holder by name or id, and a role to grant the holder in the same step.

    `expires_at` is a timestamp or `never`.
    """

    holder: str
    scopes: tuple[str, ...]
    expires_at: str
    label: str = ""
    role: Role | None = None
    product: str | None = None


def create_token(settings: Settings, new: NewToken) -> None:
    """Create a token and print its secret, which is not stored.

    Raises:
        CommandFailed: the holder is unknown or ambiguous.
        Refused: the caller is not an administrator, or there is no such scope.
    """
    product = new.product and (new.product if is_subject(new.product) else f"product:{new.product}")
    try:
        with open_local_for_write(settings) as log:
            administrator = require_administrator(log, settings)
            actor = find_holder(log, new.holder)
            holder = call_holder(log, actor)
            token_id, secret = log.tokens.create(
                actor,
                scopes=new.scopes,
                label=new.label,
                expires_at=None if new.expires_at == NEVER else parse_micros(new.expires_at),
                role=new.role,
                product=product,
                by=administrator,
            )
    except LogInUseError as found:
        body = json.dumps({**asdict(new), "product": product}).encode()
        with connect_to_writer(found, settings) as server:
            created = server.send("POST", "/v1/tokens", body)
            holder = call_remote_holder(server, created["holder"])
        token_id, secret = created["id"], created["secret"]
    until = "never expires" if new.expires_at == NEVER else f"expires on {new.expires_at[:10]}"
    print_sentence(f"Token {token_id} for {holder} {until} (the secret won't be shown again):\n\n  {secret}\n")


def list_tokens(settings: Settings, *, as_json: bool) -> None:
    """Print all tokens, oldest first: as a table, or separated by tabs in a pipe."""
    tokens = _load_tokens(settings)
    if as_json:
        for each in tokens:
            click.echo(json.dumps(each, ensure_ascii=False))
        return
    rows: list[list[Cell]] = [
        [
            each["id"],
            each["name"],
            each["label"],
            ",".join(each["scopes"]),
            str(each["expires_at"] or NEVER)[:10],
            str(each["used_at"] or NEVER)[:10],
            _get_created(each),
        ]
        for each in tokens
    ]
    if not rows:
        print_note("No tokens yet. Create one with `decisionlog token create PERSON`.")
        return
    table = Table(HEADINGS, rows, frozenset({"created"}), below=frozenset({"scopes"}))
    print_table(table, get_context().zone, get_context().now())


def _load_tokens(settings: Settings) -> list[dict[str, Any]]:
    """Return all tokens, from the server in DECISIONLOG_URL if it is set."""
    if settings.url:
        with connect(settings.url, find_token(settings.location)) as log:
            answer = log.ask(questions.tokens())
        return [{**row, "name": answer["titles"].get(row["holder"], row["holder"])} for row in answer["rows"]]
    with open_read_only(settings) as log:
        return [_to_json(each, log.directory.name(each.actor) or each.actor) for each in log.tokens.all()]


def _get_created(each: Mapping[str, Any]) -> str:
    return "revoked" if each["revoked_at"] else str(each["created_at"])[:10]


def _to_json(each: Token, name: str) -> dict[str, Any]:
    return {
        "id": each.id,
        "holder": each.actor,
        "name": name,
        "scopes": sorted(each.scopes),
        "label": each.label,
        "created_at": format_micros(each.created_at),
        "expires_at": format_micros(each.expires_at) if each.expires_at else None,
        "used_at": format_micros(each.used_at) if each.used_at else None,
        "revoked_at": format_micros(each.revoked_at) if each.revoked_at else None,
    }


def revoke_token(settings: Settings, token_id: str) -> None:
    """Revoke a token."""
    try:
        with open_local_for_write(settings) as log:
            log.tokens.revoke(token_id, by=require_administrator(log, settings))
    except LogInUseError as found:
        with connect_to_writer(found, settings) as server:
            server.send("DELETE", f"/v1/tokens/{quote(token_id, safe='')}")
    click.echo(f"Revoked token {token_id}.")
