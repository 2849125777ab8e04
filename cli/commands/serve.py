"""`decisionlog serve`."""

from __future__ import annotations

import errno
import ipaddress
import os
import shlex
import signal
import socket
import sys
import threading
import webbrowser
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import uvicorn

from api.admission import Admission, limits_for
from api.app import create_app
from api.caller_lookup import SessionLookup
from api.connections import Pool, protocol_of
from api.middleware import Hosts
from api.routes.sessions import build_link
from api.services import Services
from cli import options
from cli.bootstrap import (
    clock,
    find_last_verification,
    find_writer,
    freeze_gc,
    list_workers,
    local_caller,
    open_for_write,
    open_runtime,
)
from cli.caller import resolve_owner
from cli.demo.writer import load_demo
from cli.errors import CommandFailed
from cli.first_token import create_first_link, create_first_token
from cli.server_sign_in import build_anonymous, build_provider, build_quotas, build_sign_in, session_limits
from cli.settings import Settings
from cli.settings_loading import load_settings
from cli.table import print_sentence
from eventlog.dsn import without_secret
from identity.access_journal import DAY_US
from identity.decision_log import DecisionLog

LISTEN_BACKLOG: Final = 2048
SHUTDOWN_TIMEOUT_S: Final = 30
"""How long requests in progress may take to finish when the server is stopped."""

PORTS_TO_TRY: Final = 20
"""How many ports to try, from the default one on, if no one chose a port."""

SWITCH_INTERVAL_S: Final = 0.001
"""How often threads take turns, except while expensive queries run (`api.admission`). Python's default, 0.005, is several
times what a short request takes; with 0.0002, a write costs a fifth more CPU."""


@click.command()
@options.data
@options.owner
@click.option("--host", help="Address to listen on.  [DECISIONLOG_HOST; 127.0.0.1]")
@click.option("--port", type=options.Number(0, 65535), help="Port; 0 picks a free one.  [DECISIONLOG_PORT; 8737]")
@click.option(
    "--replica",
    type=options.AddressParam(),
    help="Serve this replica, read-only: a file, postgresql://..., or @FILE with the address.  [DECISIONLOG_REPLICA]",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the pages in the browser, signed in as the owner.")
def serve(data: Path | None, owner: str | None, *, open_browser: bool, **given: Any) -> None:
    """Serve the log over HTTP.

    The first start creates the log. It prints a link to sign in with a browser, an access token and a command that
    records a first decision. If port 8737 is in use, and neither --port nor DECISIONLOG_PORT is set, the server takes the
    next free port.
    """
    run_server(load_settings(data=data, owner=owner, **given), open_browser=open_browser)


def run_server(settings: Settings, *, open_browser: bool = False) -> None:
    """Serve until interrupted or terminated.

    Raises:
        CommandFailed: the address is not available (then no log is created), or the replica cannot be served.
        LogError: the log cannot be opened.
    """
    if settings.replica:
        _serve_replica(settings)
        return
    if in_use := find_writer(settings):
        raise in_use
    with (
        _listen(settings) as listener,
        open_for_write(settings) as log,
        open_runtime(log, settings, external=settings.projection == "external", check=True) as runtime,
    ):
        address = _format_address(listener)
        owner = resolve_owner(log, settings.owner)
        key = urlsafe_b64encode(os.urandom(32)).decode()
        log.announce(address, key)
        log.sessions.set_limits(session_limits(settings))
        log.journal.retention_us = int(settings.access_journal_days * DAY_US)
        provider = build_provider(settings, clock)
        services = Services(
            log,
            runtime.model,
            runtime.runner,
            build_sign_in(log, key, local_caller(owner), provider),
            workers=lambda: list_workers(settings),
            last_verification=lambda: find_last_verification(settings),
            questions=_build_admission(settings),
            zone=ZoneInfo(settings.zone),
            sessions=SessionLookup(log.sessions),
            provider=provider,
            quotas=build_quotas(settings),
            anonymous=build_anonymous(log, settings, local_caller(owner)),
            load_demo=lambda by: load_demo(runtime, by),
        )

        def welcome() -> None:
            _print_welcome(address, settings, log, owner)
            if open_browser:
                _open_pages(address, settings, log, owner)

        _run(services, listener, settings, welcome)
    click.echo("Stopped.")


def _serve_replica(settings: Settings) -> None:
    # Imported here, as it needs the code for Kafka.
    from cli.replica_reader import build_replica_status, open_replica  # noqa: PLC0415
    from cli.replica_sign_in import ReplicaSignIn  # noqa: PLC0415

    own_token = settings.replica_token.get_secret_value() if settings.replica_token else None
    if not settings.upstream and own_token is None:
        raise CommandFailed(
            "This replica would accept no token. Set DECISIONLOG_UPSTREAM to the address of the log's server, which "
            "knows all tokens, or DECISIONLOG_REPLICA_TOKEN to a secret for this replica."
        )
    with _listen(settings) as listener, open_replica(settings) as opened:
        services = Services(
            opened.replica,
            opened.model,
            opened.runner,
            ReplicaSignIn(settings.upstream, own_token),
            workers=lambda: [build_replica_status(opened.replica, opened.place)],
            upstream=settings.upstream,
            questions=_build_admission(settings),
            zone=ZoneInfo(settings.zone),
        )
        message = f"Read-only replica in {opened.place}, at {_format_address(listener)}"
        _run(services, listener, settings, lambda: click.echo(message))
    click.echo("Stopped.")


def _build_admission(settings: Settings) -> Admission:
    return Admission(limits_for(seconds=settings.question_seconds, at_once=settings.questions_at_once))


def _run(services: Services, listener: socket.socket, settings: Settings, on_ready: Callable[[], None]) -> None:
    loopback = ipaddress.ip_address(listener.getsockname()[0]).is_loopback
    app = create_app(
        services,
        Hosts(settings.public_url.rstrip("/"), loopback=loopback),
        cors_origins=[each.strip() for each in settings.cors_origins.split(",") if each.strip()],
    )
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        http=protocol_of(Pool()),  # has timeouts of its own
        ws="none",
        proxy_headers=False,
        server_header=False,
        use_colors=False,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )
    server = _Server(config, on_ready)
    freeze_gc()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # uvicorn shuts down on either signal and then raises it again; that must close the log, not kill the process.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Calls `on_ready` once it accepts requests and signals."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


def _listen(settings: Settings) -> socket.socket:
    """Return a listening socket, so that the address works as soon as it is printed.

    If no one chose the port and it is in use, the next free one is taken, and printed.
    """
    for port in range(settings.port, settings.port + (1 if "port" in settings.model_fields_set else PORTS_TO_TRY)):
        with suppress(_PortInUse):
            listener = _listen_on(settings.host, port)
            if port != settings.port:
                click.echo(f"Port {settings.port} is in use; using {port} instead.")
            return listener
    raise CommandFailed(
        f"Cannot listen on {settings.host}, port {settings.port}: the port is in use. "
        "Choose another port with --port or DECISIONLOG_PORT; 0 picks a free one."
    )


class _PortInUse(Exception):
    """Another process listens on the port."""


def _listen_on(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=LISTEN_BACKLOG)
    except (OSError, UnicodeError) as error:
        if not isinstance(error, OSError) or isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise CommandFailed(
                f"Cannot listen on {host}: it is not an address of this machine. Set --host or DECISIONLOG_HOST to "
                "127.0.0.1 for this machine only, or 0.0.0.0 for all networks."
            ) from error
        if error.errno == errno.EADDRINUSE:
            raise _PortInUse from None
        raise CommandFailed(
            f"Cannot listen on {host}, port {port}: {error.strerror}. "
            "Choose another port with --port or DECISIONLOG_PORT; 0 picks a free one."
        ) from error


def _format_address(listener: socket.socket) -> str:
    """Return the URL at which this machine reaches a listener."""
    host, port = listener.getsockname()[:2]
    ip = ipaddress.ip_address(host)
    if ip.is_unspecified:
        ip = ipaddress.ip_address("::1" if ip.version == 6 else "127.0.0.1")  # noqa: PLR2004
    return f"http://[{ip}]:{port}" if ip.version == 6 else f"http://{ip}:{port}"  # noqa: PLR2004


def _print_welcome(address: str, settings: Settings, log: DecisionLog, owner: str) -> None:
    place = without_secret(settings.store) if settings.store else settings.data
    public = settings.public_url.rstrip("/") or address
    click.echo(f"Decision log in {place}, at {address}")
    click.echo(f"API reference: {public}/docs")
    try:
        token = create_first_token(log, owner, settings)
        link = create_first_link(log, owner, settings, lambda code: build_link(public, code)) if token else None
    except OSError as error:
        print_sentence(f"No access token was created: {error}. Create one with `decisionlog token create`.")
        return
    if token is None:
        print_sentence(
            "Access tokens already exist. Create another with `decisionlog token create`, or sign in with a browser: "
            "`decisionlog login-link NAME`."
        )
        return
    if link:
        click.echo(f"\n{link.format_announcement(settings.owner)}")
    click.echo(f"\n{token.format_announcement(settings.owner)}\n")
    click.echo(f"Record a first decision in another terminal:\n\n{format_first_command(settings)}\n")


def _open_pages(address: str, settings: Settings, log: DecisionLog, owner: str) -> None:
    """Open the pages in the browser, signed in as the owner if that is a person."""
    public = settings.public_url.rstrip("/") or address
    if owner.startswith("person:"):
        public = build_link(public, log.sign_in_links.create(owner, by=local_caller(owner))[0])
    # A browser that runs in the foreground waits for the server, which runs in this thread.
    threading.Thread(target=_open_in_browser, args=(public,), daemon=True).start()


def _open_in_browser(url: str) -> None:
    if not webbrowser.open(url):
        click.echo(f"No browser was found. Open {url}")


def format_first_command(settings: Settings) -> str:
    """Return a shell command that records a decision in the log of a server on this machine."""
    usual = load_settings()
    words = ["decisionlog", "record", "Keep a decision log"]
    if not settings.store and settings.data != usual.data:
        words += ["--data", str(settings.data)]
    if settings.owner != usual.owner:
        words += ["--owner", settings.owner]
    lines = [
        shlex.join(words),
        shlex.join(["--decision", "Every product decision is recorded here."]),
        shlex.join(["--why", "In a year we want to know why."]),
        shlex.join(["--accountable", settings.owner]),
    ]
    return " \\\n  ".join(lines)
