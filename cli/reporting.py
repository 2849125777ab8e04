"""The progress report on its way out of the terminal: asked of the log, written whole, and issued when it is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.errors import CannotGoOn
from cli.files import must_be_free, open_new_file
from cli.settings import Settings
from cli.showing import note
from cli.surroundings import here
from cli.terminal import print_data
from decisionlog_client import Client, exchange, questions
from domain.product import IssueReport
from domain.values import parse_timestamp


def progress(
    settings: Settings,
    product: str,
    asked: Mapping[str, Any],
    *,
    format_: str,
    output: Path | None,
    issue: bool,
    overwrite: bool = False,
) -> None:
    """Writes the report of a product, and with `issue` records that it was given, once it is written.

    Raises:
        CannotGoOn: the file cannot be written, or is there already.
        Refused: the product, the span or the position is not there, or a report is no longer what was issued.
    """
    key = product.removeprefix("product:")
    if output is not None:
        must_be_free(output, overwrite=overwrite)  # before anything is issued
    with here().client(settings, writes=issue) as log:
        log.cover(log.ask(questions.head())["size"])
        told = log.ask(questions.report(key, **asked))
        # Asked up to the same position it is the same, whatever has been recorded meanwhile.
        same: dict[str, Any] = {"since": told["since"], "until": told["until"], "position": told["position"]}
        if "lines" in asked:
            same["lines"] = asked["lines"]
        again = questions.report(key, **same)
        text = log.call(exchange.asking(again, log.position, format_)).text
        _write(output, text if text.endswith("\n") else f"{text}\n", format_, overwrite=overwrite)
        if issue:
            position = _issue(log, key, told)
            note(f"Issued at position {position}: --issued-at {position} shows the same again.")


def _issue(log: Client, key: str, told: Any) -> int:
    since, until = parse_timestamp(told["since"]), parse_timestamp(told["until"])
    command = IssueReport(
        subject=f"product:{key}", since=since, until=until, position=told["position"], sha256=told["sha256"]
    )
    return log.send(command)["position"]


def _write(output: Path | None, text: str, format_: str, *, overwrite: bool) -> None:
    """Writes the text. A file appears under its name only once it is whole."""
    if output is None:
        print_data(text, format_)
        return
    try:
        with open_new_file(output, overwrite=overwrite) as stream:
            stream.write(text.encode())
    except OSError as error:
        raise CannotGoOn(f"{output}: {error.strerror}. Nothing was issued; make room, and try again.") from error
