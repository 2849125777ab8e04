"""`decisionlog status`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cli import options
from cli.answer_titles import Titles
from cli.bootstrap import clock, list_workers, open_read_model_database, open_read_only
from cli.connection import IN_PROCESS_URL
from cli.context import get_context
from cli.display import make_safe
from cli.errors import CommandFailed, Exit
from cli.integrity import format_root
from cli.settings import Settings
from cli.settings_loading import load_settings
from cli.table import count_entries, print_sentence
from decisionlog_client import Client, questions
from decisionlog_client.errors import ClientError
from domain.times import parse_timestamp
from eventlog.dsn import without_secret
from eventlog.worker_status import WorkerStatus
from projections.read_model.database import PROJECTOR
from projections.read_model.model import ReadModel
from projections.read_model.projector import WrongPositionError


@click.command()
@options.json_flag("Print JSON.")
@click.option(
    "--working", metavar="NAME", help="Fail unless this is working: projector, publisher, consumer or replica."
)
@click.option(
    "--replica",
    type=options.AddressParam(),
    help="Show this replica: a file, postgresql://..., or @FILE with the address.  [DECISIONLOG_REPLICA]",
)
@options.data
def status(as_json: bool, working: str | None, replica: str | None, data: Path | None) -> None:
    """Show where the log is, its state, and who you are."""
    settings = load_settings(data=data, replica=replica)
    if working and settings.url and not settings.replica:
        raise CommandFailed(
            "--working reads the files or the database of the log, not a server. Run it on the machine of the log, without "
            "DECISIONLOG_URL, or name them with --data or DECISIONLOG_STORE.",
            Exit.USAGE_ERROR,
        )
    if working or settings.replica:
        show_progress(settings, as_json=as_json, working=working)
    else:
        show_log(settings, as_json=as_json)


# The log, as its interface answers ------------------------------------------------------------------------------------


def show_log(settings: Settings, *, as_json: bool) -> None:
    """Print where the log is, how far its answers are, and who the caller is.

    Raises:
        CommandFailed, ClientError: it cannot be reached.
    """
    with get_context().client(settings.location, writes=False) as log:
        head = log.ask(questions.head())
        if log.address == IN_PROCESS_URL:  # a server shows how far it is, even if its projector does not run
            log.cover(head["size"])
        unowned = log.ask(questions.unowned())
        answer = {
            "log": head["log"],
            "server": None if log.address == IN_PROCESS_URL else log.address,
            "size": head["size"],
            "root": head["root"],
            "recorded_at": head["recorded_at"],
            "read_model": unowned["position"],
            "version": log.ask(questions.version())["version"],
            "you": log.ask(questions.me()),
            "workers": log.ask(questions.status())["workers"],
            "all_owned": not unowned["rows"],
            "projector": unowned["position"] >= head["size"] or not _lacks_projector(log),
        }
        people = (person for page in log.pages(questions.people()) for person in page["rows"])
        titles = {person["id"]: person["name"] for person in people if person["name"]}
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    count = f"{len(unowned['rows'])}{'+' if unowned.get('next') else ''}"
    for line in _format_log(answer, Titles(titles), count, settings):
        print_sentence(make_safe(line))


def _lacks_projector(log: Client) -> bool:
    """Whether the server says that no process brings its read model up to date."""
    try:
        return log.ask(questions.health())["status"] == "behind"
    except ClientError:  # it is not healthy for another reason, which its answers tell
        return False


def _format_log(answer: Mapping[str, Any], titles: Titles, unowned: str, settings: Settings) -> Iterator[str]:
    place = without_secret(settings.store) if settings.store else settings.data
    nothing = (
        "no server known" if settings.store else "no server running"
    )  # one in PostgreSQL has no lock to find it by
    where = f"at {answer['server']}" if answer["server"] else f"in {place} ({nothing})"
    yield f"{answer['log']} {where}, decisionlog {answer['version']}"
    last = get_context().zone.format(parse_timestamp(answer["recorded_at"]))
    yield f"{count_entries(answer['size'])}, last recorded {last}; read model at position {answer['read_model']}"
    if not answer["projector"]:
        yield "No projector is running, so answers stay at that position: start one with `decisionlog project`."
    yield from format_root(bytes.fromhex(answer["root"])).split("\n")
    you = answer["you"]
    scopes = f", with the scopes {', '.join(you['scopes'])}" if you["scopes"] else ""
    yield f"You are {titles.format(you['actor'])}{scopes}."
    yield from map(format_worker, answer["workers"])
    if not answer["all_owned"]:
        items = "1 item has" if unowned == "1" else f"{unowned} items have"
        yield f"{items} no owner: see `decisionlog who --nobody`."


def format_worker(worker: Mapping[str, Any]) -> str:
    """Return the status of a worker as text."""
    is_failing = worker["error"] and not worker["working"] and worker["error_at"] >= worker["seen_at"]
    state = "working" if worker["working"] else "failing" if is_failing else "not running"
    line = f"{worker['name']}: {state}, position {worker['position']}, {worker['lag']} behind, {worker['place']}"
    seen = "" if worker["working"] else f", last seen {worker['seen_at']}"
    error = f"\n  last error {worker['error_at']}: {worker['error']}" if worker["error"] else ""
    return f"{line}{seen}{error}"


# Workers and replicas, from files and databases -----------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How far the read model and the workers of a log are. `read_model` is None if there is no readable one."""

    log: str
    size: int
    read_model: int | None
    workers: Sequence[tuple[WorkerStatus, bool]]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        workers = [status.to_dict(self.size, working=working) for status, working in self.workers]
        lag = None if self.read_model is None else self.size - self.read_model
        return {
            "log": self.log,
            "position": self.size,
            "read_model": self.read_model,
            "lag": lag,
            "workers": workers,
        }


def show_progress(settings: Settings, *, as_json: bool, working: str | None = None) -> None:
    """Print how far the read model and the workers are, or the replica in the settings, without asking a server.

    Raises:
        CommandFailed: there is no log; or the worker named `working` is not working.
    """
    if settings.replica:
        progress = _read_replica_progress(settings)
    else:
        with open_read_only(settings) as log:
            size, name = log.head().size, log.id
        progress = Progress(name, size, read_model_position(settings), list_workers(settings))
    if as_json:
        click.echo(json.dumps(progress.to_json()))
    else:
        _print_progress(progress)
    if working is not None and not _is_working(settings, progress, working):
        raise CommandFailed(f"The {working} is not working.")


def _read_replica_progress(settings: Settings) -> Progress:
    # Imported here, as it needs the code for Kafka.
    from cli.replica_reader import build_replica_status, open_replica  # noqa: PLC0415

    with open_replica(settings) as opened:
        state = opened.replica.read_state()
        workers = [build_replica_status(opened.replica, opened.place)]
        return Progress(state.log, state.known_position, state.position, workers)


def _print_progress(progress: Progress) -> None:
    click.echo(f"{progress.log}: position {progress.size}")
    if progress.read_model is None:
        click.echo("read model: none")
    else:
        lag = progress.size - progress.read_model
        click.echo(f"read model: position {progress.read_model}, {lag} behind")
    for worker in progress.to_json()["workers"]:
        click.echo(format_worker(worker))


def _is_working(settings: Settings, progress: Progress, name: str) -> bool:
    if name == PROJECTOR:
        return open_read_model_database(settings).has_active_writer()
    return any(status.name == name and working for status, working in progress.workers)


def read_model_position(settings: Settings) -> int | None:
    """Return the position of the read model, or None if there is no readable one."""
    if not settings.store and not (settings.model_file.exists() and os.access(settings.data, os.W_OK)):
        return None
    database = open_read_model_database(settings)
    unreadable: tuple[type[Exception], ...] = (WrongPositionError, *database.transient_errors)
    try:
        return None if database.check() else ReadModel(database, clock).position
    except unreadable:
        return None
    finally:
        database.close()
