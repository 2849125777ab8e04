"""Open the page of a subject or an answer in the browser."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import click

from cli.connection import IN_PROCESS_URL
from cli.errors import CommandFailed
from decisionlog_client import Client

_NO_SERVER: Final = (
    "No server is running for this log, so there is no page to open. Start one with `decisionlog serve`."
)


def open_page(log: Client, subject: str) -> None:
    """Open the page of a subject.

    Raises:
        CommandFailed: the log has no server, or there is no browser.
    """
    from api.pages.subject_addresses import subject_path  # noqa: PLC0415  (only with --open)

    open_path(log, subject_path(subject))


def open_path(log: Client, path: str, **parameters: str) -> None:
    """Open a page of the server.

    Raises:
        CommandFailed: the log has no server, or there is no browser.
    """
    import webbrowser  # noqa: PLC0415  (only with --open)

    if log.address == IN_PROCESS_URL:
        raise CommandFailed(_NO_SERVER)
    query = f"?{urlencode(parameters)}" if parameters else ""
    address = f"{log.address}{path}{query}"
    click.echo(f"Opening {address}", err=True)
    if not webbrowser.open(address):
        raise CommandFailed(f"No browser can be started here. Open {address} yourself.")
