"""`decisionlog report`: the progress report of a product, from the files or beside the server that has them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from cli.errors import CannotGoOn, Exit
from cli.remote import server_of
from cli.settings import Settings
from cli.speaking import Recipient, speaker_of
from cli.wiring import House, house, reading, writer, writing
from domain.errors import Refused
from domain.product import IssueReport
from domain.values import instant_of, is_subject, micros, parse_instant
from eventlog.entry import Caller, Unit
from eventlog.errors import LogInUseError
from eventlog.log import DecisionLog
from projections.reading import Answer
from projections.report import NoSuchReport, Span, issued, report
from projections.report_pages import as_html, as_markdown, page_of

WAIT: Final = 60.0
"""Seconds to wait for a read model that has much to catch up with."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    product: str
    since: str | None
    until: str | None
    position: int | None
    issued_at: int | None
    format: str
    lines: int | None
    link_to: str | None
    output: Path | None
    issue: bool


def progress_report(settings: Settings, asked: Asked) -> None:
    """Writes the report, and with `issue` records that it was given, once it is written.

    Raises:
        CannotGoOn: the product, the span or the position is not there, or a report is no longer what was issued.
        Refused: it may not be issued.
    """
    serving = writer(settings)
    with reading(settings) as log, house(log, settings, beside=serving is not None) as built:
        product = _product(log, asked.product)
        answer = _answered(_caught_up(built), product, asked)
        told = answer.to_dict() | {"names": log.directory.names_in(answer.to_dict())}
    address = serving.address if serving else None
    base = asked.link_to or address or f"http://{settings.host}:{settings.port}"
    _write(asked.output, _text(told, asked, base.rstrip("/")))
    if asked.issue:
        with _speaking(settings, serving) as (recipient, speaker):
            position = _issue(answer, product, recipient, speaker)
        click.echo(f"Issued at position {position}: --issued-at {position} shows the same again.", err=True)


@contextmanager
def _speaking(settings: Settings, serving: LogInUseError | None) -> Iterator[tuple[Recipient, Caller]]:
    """Where what is written goes, and as whose act."""
    if serving is None:
        with writing(settings) as log:
            yield log, speaker_of(log, settings, "cli")
        return
    with server_of(serving, settings) as server:
        yield server, server.speaker("cli")


def _caught_up(built: House) -> House:
    size = built.log.head().size
    if not built.runner.wait_for(size, WAIT):
        sentence = f"The read model is at position {built.runner.position} of {size}; wait a little, and try again."
        raise CannotGoOn(sentence)
    return built


def _product(log: DecisionLog, named: str) -> str:
    product = named if ":" in named else f"product:{named}"
    if not is_subject(product) or not product.startswith("product:") or not log.state(product).version:
        raise CannotGoOn(f"The log knows no product {named}. GET /v1/products lists them; their keys will do here.")
    return product


def _answered(built: House, product: str, asked: Asked) -> Answer:
    with built.model.read() as read:
        try:
            if asked.issued_at is None:
                return report(read, _span(product, asked))
            span, digest = issued(read, product, asked.issued_at)
            answer = report(read, span)
        except NoSuchReport as error:
            raise CannotGoOn(f"There is no such report: {error}.") from error
    if answer.about["sha256"] != digest:
        sentence = (
            f"What was issued had the SHA-256 {digest}, and what the log says now up to position {answer.position} has "
            f"{answer.about['sha256']}. `decisionlog verify` and `decisionlog rebuild` find out why."
        )
        raise CannotGoOn(sentence, Exit.DAMAGED)
    return answer


def _span(product: str, asked: Asked) -> Span:
    if asked.since is None:
        raise CannotGoOn("Say where the span begins with --since 2025-03-01.", Exit.MISUNDERSTOOD)
    since = _instant(asked.since, "--since")
    until = None if asked.until is None else _instant(asked.until, "--until")
    if until is not None and until <= since:
        raise CannotGoOn("The span must end later than it begins: --until after --since.", Exit.MISUNDERSTOOD)
    return Span(product, since, until, asked.position)


def _instant(given: str, option: str) -> int:
    try:
        return micros(parse_instant(given))
    except ValueError as error:
        raise CannotGoOn(f"{option} {given} is not understood: {error}.", Exit.MISUNDERSTOOD) from error


def _text(told: dict[str, Any], asked: Asked, base: str) -> str:
    if asked.format == "json":
        return json.dumps(told, ensure_ascii=False, indent=2) + "\n"
    page = page_of(told, told["names"], base=base, lines=asked.lines)
    return as_html(page) if asked.format == "html" else as_markdown(page)


def _write(output: Path | None, text: str) -> None:
    """Writes the text. A file appears under its name only once it is whole."""
    if output is None:
        click.echo(text, nl=False)
        sys.stdout.flush()
        return
    partial = output.with_name(output.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(output)


def _issue(answer: Answer, product: str, recipient: Recipient, speaker: Caller) -> int:
    command = IssueReport(
        subject=product,
        since=instant_of(micros(parse_instant(answer.about["since"]))),
        until=instant_of(micros(parse_instant(answer.about["until"]))),
        position=answer.position,
        sha256=answer.about["sha256"],
    )
    (fate,) = asyncio.run(_sent(recipient, Unit((command,), speaker)))
    if isinstance(fate, Refused):
        raise fate
    return int(fate.position)


async def _sent(recipient: Recipient, unit: Unit) -> Any:
    return await recipient.execute_many([unit])
