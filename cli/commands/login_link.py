"""`decisionlog login-link`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from api.routes.sessions import build_link
from cli import options
from cli.bootstrap import open_local_for_write
from cli.caller import call_holder, call_remote_holder, find_person, require_administrator
from cli.remote_log import connect_to_writer
from cli.settings import Settings
from cli.settings_loading import load_settings
from cli.table import print_note, print_sentence
from domain.times import format_micros
from eventlog.errors import LogInUseError


@click.command("login-link")
@click.argument("person")
@options.data
@options.owner
def login_link(person: str, data: Path | None, owner: str | None) -> None:
    """Create a one-time link to sign in with a browser.

    PERSON is a name, an email address or an id. The link works once, within 15 minutes.
    """
    create_login_link(load_settings(data=data, owner=owner), person)


def create_login_link(settings: Settings, person: str) -> None:
    """Create a link for a person and print it.

    Raises:
        CommandFailed: the person is unknown or ambiguous.
        Refused: the caller is not an administrator.
    """
    try:
        with open_local_for_write(settings) as log:
            administrator = require_administrator(log, settings)
            who = find_person(log, person)
            name = call_holder(log, who)
            code, until = log.sign_in_links.create(who, by=administrator)
        url, expires_at = build_link(settings.server_url, code), format_micros(until)
        is_assumed = not settings.public_url
    except LogInUseError as found:
        with connect_to_writer(found, settings) as server:
            made = server.send("POST", "/v1/sign-in-links", json.dumps({"person": person}).encode())
            name = call_remote_holder(server, made["person"])
        url, expires_at, is_assumed = made["url"], made["expires_at"], False
    print_sentence(
        f"Sign-in link for {name}. It works once, until {expires_at[:16].replace('T', ' ')} UTC:\n\n  {url}\n"
    )
    if is_assumed:
        state = "known" if settings.store else "running"
        print_note(
            f"No server is {state}, so the link assumes {settings.server_url}. If the server has another address, put "
            "that in its place, or set DECISIONLOG_PUBLIC_URL."
        )
