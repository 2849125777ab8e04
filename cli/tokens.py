"""`decisionlog token`: who may speak to the log over HTTP."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from shutil import get_terminal_size
from typing import Any
from urllib.parse import quote

import click

from cli.errors import CannotGoOn
from cli.reaching import reach
from cli.remote import server_of
from cli.secret import token_of
from cli.settings import Settings
from cli.speaking import must_have, speaker_of
from cli.wiring import reading, writing_here
from decisionlog_client import questions
from domain.access import ADMIN_RIGHT
from domain.values import format_micros, is_subject, kind_of
from eventlog.entry import Caller
from eventlog.errors import LogInUseError
from eventlog.log import DecisionLog
from eventlog.tokens import RIGHTS, Token


def create(settings: Settings, holder: str, rights: Collection[str], *, all_rights: bool, label: str) -> None:
    """Makes a token and shows its secret, once."""
    rights = tuple(RIGHTS) if all_rights else tuple(rights)
    try:
        with writing_here(settings) as log:
            by = _administrator(log, settings)
            actor = _actor(log, holder)
            token, secret = log.tokens.create(actor, rights=rights, label=label, by=by)
    except LogInUseError as found:
        body = json.dumps({"holder": holder, "rights": rights, "label": label}).encode()
        with server_of(found, settings) as server:
            made = server.send("POST", "/v1/tokens", body)
        token, actor, secret = made["id"], made["holder"], made["secret"]
    click.echo(f"Token {token} of {actor}, shown this once:\n\n  {secret}\n")


def _administrator(log: DecisionLog, settings: Settings) -> Caller:
    """The caller, who must have the right to administer."""
    caller = speaker_of(log, settings, "cli")
    must_have(caller, ADMIN_RIGHT)
    return caller


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
        sentence = (
            f"The log knows nobody called {holder}. `decisionlog person add {shlex.quote(holder)}` registers them "
            "(over HTTP: POST /v1/people); a service needs no registering, and is named as service:KEY."
        )
        raise CannotGoOn(sentence)
    return found[0]


def show(settings: Settings, *, as_json: bool) -> None:
    """Lists all tokens, oldest first: in columns on a terminal, cut to its width; separated by tabs in a pipe."""
    listed = _listed(settings)
    if as_json:
        for told in listed:
            click.echo(json.dumps(told, ensure_ascii=False))
        return
    rows = [
        ("id", "made", "rights", "name", "label"),
        *((told["id"], _made(told), ",".join(told["rights"]), told["name"], told["label"]) for told in listed),
    ]
    width = get_terminal_size().columns if sys.stdout.isatty() else None
    for line in _lines(rows, width):
        click.echo(line)


def _listed(settings: Settings) -> list[dict[str, Any]]:
    """All tokens, from the server elsewhere if one is named."""
    if settings.url:
        with reach(settings.url, token_of(settings)) as log:
            answer = log.ask(questions.tokens())
        return [{**row, "name": answer["names"].get(row["holder"], row["holder"])} for row in answer["rows"]]
    with reading(settings) as log:
        return [_told(token, log.directory.name(token.actor) or token.actor) for token in log.tokens.all()]


def _made(told: Mapping[str, Any]) -> str:
    """The day a token was made, or that it is worth nothing any more."""
    return "revoked" if told["revoked_at"] else str(told["created_at"])[:10]


def _told(token: Token, name: str) -> dict[str, Any]:
    revoked = format_micros(token.revoked_at) if token.revoked_at else None
    return {
        "id": token.id, "holder": token.actor, "name": name, "rights": sorted(token.rights), "label": token.label,
        "created_at": format_micros(token.created_at), "revoked_at": revoked,
    }  # fmt: skip


def _lines(rows: Sequence[Sequence[str]], width: int | None) -> Iterator[str]:
    """Rows as lines: in columns of at most `width` characters in all, or separated by tabs where there is none."""
    if width is None:
        yield from ("\t".join(" ".join(cell.split()) for cell in row) for row in rows)
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)).rstrip()
        yield line if len(line) <= width else f"{line[: width - 1]}…"


def revoke(settings: Settings, token: str) -> None:
    """Makes a token worthless."""
    try:
        with writing_here(settings) as log:
            log.tokens.revoke(token, by=_administrator(log, settings))
    except LogInUseError as found:
        with server_of(found, settings) as server:
            server.send("DELETE", f"/v1/tokens/{quote(token, safe='')}")
    click.echo(f"Token {token} is revoked.")
