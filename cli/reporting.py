"""The progress report on its way out of the terminal: asked of the log, written whole, and issued when it is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from cli.errors import CannotGoOn
from cli.settings import Settings
from cli.showing import note
from cli.surroundings import here
from decisionlog_client import Client, exchange, questions
from domain.product import IssueReport
from domain.values import parse_instant


def progress(
    settings: Settings, product: str, asked: Mapping[str, Any], *, format_: str, output: Path | None, issue: bool
) -> None:
    """Writes the report of a product, and with `issue` records that it was given, once it is written.

    Raises:
        CannotGoOn: the file cannot be written.
        Refused: the product, the span or the position is not there, or a report is no longer what was issued.
    """
    key = product.removeprefix("product:")
    with here().client(settings, writes=issue) as log:
        log.cover(log.ask(questions.head())["size"])
        told = log.ask(questions.report(key, **asked))
        # Asked up to the same position it is the same, whatever has been recorded meanwhile.
        same: dict[str, Any] = {"since": told["since"], "until": told["until"], "position": told["position"]}
        if "lines" in asked:
            same["lines"] = asked["lines"]
        again = questions.report(key, **same)
        text = log.call(exchange.asking(again, log.position, format_)).text
        _write(output, text if text.endswith("\n") else f"{text}\n")
        if issue:
            position = _issue(log, key, told)
            note(f"Issued at position {position}: --issued-at {position} shows the same again.")


def _issue(log: Client, key: str, told: Any) -> int:
    since, until = parse_instant(told["since"]), parse_instant(told["until"])
    command = IssueReport(
        subject=f"product:{key}", since=since, until=until, position=told["position"], sha256=told["sha256"]
    )
    return log.send(command)["position"]


def _write(output: Path | None, text: str) -> None:
    """Writes the text. A file appears under its name only once it is whole."""
    if output is None:
        click.echo(text, nl=False)
        return
    partial = output.with_name(f"{output.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(output)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CannotGoOn(f"{output}: {error.strerror}. Nothing was issued; make room, and try again.") from error
