"""`decisionlog serve`: one process that writes the log, keeps the read model, and answers HTTP."""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import shlex
import signal
import socket
import sys
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hmac import compare_digest

import click
import uvicorn

from api.admission import Admission, limits_for
from api.app import create_app
from api.connections import Pool, protocol_of
from api.edge import Hosts
from api.lookup import TokenLookup
from api.services import Services
from cli.errors import CannotGoOn
from cli.first_token import FirstToken, first_token
from cli.settings import Settings
from cli.speaking import owner_of
from cli.wiring import collect_seldom, house, local_caller, workers, writer, writing
from eventlog.dsn import without_secret
from eventlog.entry import Caller
from eventlog.log import DecisionLog

BACKLOG = 2048
SHUTDOWN_S = 30
"""Seconds in which requests that are under way when the server is told to end must be answered."""

SWITCH_INTERVAL_S = 0.001
"""How long a thread that answers a question keeps the others waiting. Measured: with the default, 0.005, short requests beside
expensive questions take twice as long."""

SignIn = Callable[[str], Caller | Awaitable[Caller | None] | None]


def serve(settings: Settings) -> None:
    """Serves until it is interrupted or told to end.

    Raises:
        CannotGoOn: the address cannot be had; then no log is begun. Or the replica that was asked for is none.
        LogError: the log cannot be used.
    """
    if settings.replica:
        _serve_replica(settings)
        return
    if already := writer(settings):
        raise already
    with (
        _listening(settings.host, settings.port) as listener,
        writing(settings) as log,
        house(log, settings, beside=settings.project == "beside", check=True) as built,
    ):
        address = _address(listener)
        owner = owner_of(log, settings.owner)
        key = urlsafe_b64encode(os.urandom(32)).decode()
        log.announce(address, key)
        sign_in = _sign_in(log, key, local_caller(owner))
        services = Services(
            log, built.model, built.runner, sign_in,
            workers=lambda: workers(settings), questions=_admission(settings),
        )  # fmt: skip
        _run(services, listener, settings, lambda: _welcome(address, settings, log, owner))
    click.echo("Stopped.")


def _serve_replica(settings: Settings) -> None:
    from cli.replicating import SignIn, reading_replica, sheet_of  # noqa: PLC0415  (what it needs of Kafka is an extra)

    own = settings.replica_token.get_secret_value() if settings.replica_token else None
    if not settings.upstream and own is None:
        sentence = (
            "Nobody could sign in to this replica. Set DECISIONLOG_UPSTREAM to the address of the log's server, which "
            "knows everybody's tokens, or DECISIONLOG_REPLICA_TOKEN to a secret of its own."
        )
        raise CannotGoOn(sentence)
    with _listening(settings.host, settings.port) as listener, reading_replica(settings) as served:
        services = Services(
            served.replica, served.model, served.runner, SignIn(settings.upstream, own),
            workers=lambda: [sheet_of(served.replica, served.place)], upstream=settings.upstream, questions=_admission(settings),
        )  # fmt: skip
        address = _address(listener)
        _run(services, listener, settings, lambda: click.echo(f"Replica in {served.place}, for reading, at {address}"))
    click.echo("Stopped.")


def _admission(settings: Settings) -> Admission:
    return Admission(limits_for(seconds=settings.question_seconds, at_once=settings.questions_at_once))


def _run(services: Services, listener: socket.socket, settings: Settings, ready: Callable[[], None]) -> None:
    loopback = ipaddress.ip_address(listener.getsockname()[0]).is_loopback
    app = create_app(services, Hosts(settings.public_url.rstrip("/"), loopback=loopback))
    # The protocol has deadlines of its own, and who is behind a proxy is none of our business.
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, http=protocol_of(Pool()), ws="none", proxy_headers=False,
        server_header=False, use_colors=False, timeout_graceful_shutdown=SHUTDOWN_S,
    )  # fmt: skip
    server = _Server(config, ready)
    collect_seldom()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # uvicorn ends well on either signal and then raises it again, which is to close the log, not to kill.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Calls `ready` once it answers requests and signals, and not before."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _sign_in(log: DecisionLog, key: str, local: Caller) -> SignIn:
    """Tokens are in the log's file; beside them stands the key in the lock file, for commands on this machine."""
    lookup = TokenLookup(log.tokens)

    def sign_in(secret: str) -> Caller | Awaitable[Caller | None] | None:
        return local if compare_digest(secret.encode(), key.encode()) else lookup(secret)

    return sign_in


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that whoever reads the address can use it."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        if not isinstance(error, OSError) or isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            sentence = (
                f"Cannot serve on {host}: this machine has no such address. Set --host or DECISIONLOG_HOST to one it "
                "has: 127.0.0.1 for this machine alone, 0.0.0.0 to let others in."
            )
            raise CannotGoOn(sentence) from error
        sentence = (
            f"Cannot serve on {host}, port {port}: {error.strerror}. "
            "Choose another port with --port or DECISIONLOG_PORT; 0 takes a free one."
        )
        raise CannotGoOn(sentence) from error


def _address(listener: socket.socket) -> str:
    """The URL at which this machine reaches a listener."""
    host, port = listener.getsockname()[:2]
    ip = ipaddress.ip_address(host)
    if ip.is_unspecified:
        ip = ipaddress.ip_address("::1" if ip.version == 6 else "127.0.0.1")  # noqa: PLR2004
    return f"http://[{ip}]:{port}" if ip.version == 6 else f"http://{ip}:{port}"  # noqa: PLR2004


def _welcome(address: str, settings: Settings, log: DecisionLog, owner: str) -> None:
    place = without_secret(settings.store) if settings.store else settings.data
    public = settings.public_url.rstrip("/") or address
    click.echo(f"Decision log in {place}, at {address}")
    click.echo(f"What it answers: {public}/docs")
    click.echo(f"The roadmap of any day: {public}/v1/roadmap")
    try:
        token = first_token(log, owner, settings)
    except OSError as error:
        click.echo(f"No token was made: {error}. `decisionlog token create` makes one.")
        return
    if token is None:
        click.echo("Tokens were made before; `decisionlog token create` makes another.")
        return
    click.echo(f"\n{token.announcement(settings.owner)}\n")
    click.echo(f"Record a first decision:\n\n{first_decision(public, token, settings.owner)}\n")


def first_decision(address: str, token: FirstToken, owner: str) -> str:
    """A command for a shell that posts a decision."""
    decision = {
        "title": "Keep a decision log",
        "decision": "Every product decision is recorded here.",
        "why": "In a year we want to know why.",
        "accountable": owner,
    }
    body = shlex.quote(json.dumps(decision, ensure_ascii=False, indent=2))
    return "\n".join(
        [
            f"curl {address}/v1/decisions \\",
            f"  -H {token.header()} \\",
            "  -H 'Content-Type: application/json' \\",
            f"  -d {body}",
        ]
    )
