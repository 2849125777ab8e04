"""`decisionlog status`: where the log is, how far it goes, and who asks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from cli.reaching import INSIDE
from cli.settings import Settings
from cli.sheets import Names
from cli.showing import harmless
from cli.status import line_of
from cli.surroundings import here
from decisionlog_client import questions
from domain.values import parse_timestamp
from eventlog.dsn import without_secret


def status(settings: Settings, *, as_json: bool) -> None:
    """Says how the log is.

    Raises:
        CannotGoOn, ClientError: it cannot be asked.
    """
    with here().client(settings, writes=False) as log:
        head = log.ask(questions.head())
        log.cover(head["size"])
        unowned = log.ask(questions.unowned(limit=1))
        told = {
            "log": head["log"], "server": None if log.address == INSIDE else log.address, "size": head["size"],
            "root": head["root"], "recorded_at": head["recorded_at"], "read_model": unowned["position"],
            "version": log.ask(questions.version())["version"], "you": log.ask(questions.me()),
            "workers": log.ask(questions.status())["workers"],
            "names": {each["id"]: each["name"] for each in log.ask(questions.people())["rows"] if each["name"]},
            "all_owned": not unowned["rows"],
        }  # fmt: skip
    if as_json:
        click.echo(json.dumps({name: value for name, value in told.items() if name != "names"}, ensure_ascii=False))
        return
    for line in _lines(told, settings):
        click.echo(harmless(line))


def _lines(told: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    place = without_secret(settings.store) if settings.store else settings.data
    where = f"at {told['server']}" if told["server"] else f"in {place}, which nobody serves"
    yield f"{told['log']} {where}, decisionlog {told['version']}"
    last = here().zone.said(parse_timestamp(told["recorded_at"]))
    yield f"{told['size']} entries, the last of {last}; answers cover {told['read_model']}"
    yield f"root {told['root']}"
    you = told["you"]
    rights = f" with the rights to {', '.join(you['rights'])}" if you["rights"] else ""
    yield f"You are {Names(told['names']).said(you['actor'])}{rights}."
    yield from map(line_of, told["workers"])
    if not told["all_owned"]:
        yield "There is something nobody is accountable for: `decisionlog who --nobody` lists it."
