"""`decisionlog report`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cli import options
from cli.context import get_context
from cli.errors import CommandFailed
from cli.files import must_not_exist, open_new_file
from cli.location import Location
from cli.options import drop_unset
from cli.query import find_subject
from cli.settings_loading import find_location
from cli.table import print_note
from cli.terminal import print_data, print_document
from decisionlog_client import Client, exchange, questions
from domain.times import parse_timestamp


@click.command()
@click.argument("product", type=options.AnySubject("product"))
@options.time_option("--since", "Start of the period, e.g. 2025-03-01 or 'last quarter'.", days="utc")
@options.time_option("--until", "End of the period, exclusive.  [now]", days="utc")
@click.option("--position", type=options.Number(1), help="Use entries up to this position.  [the last]")
@click.option(
    "--issued-at",
    type=options.Number(1),
    help="Show the report issued at this position again, instead of --since, --until and --position.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "markdown", "html", "json", "csv"]),
    help="Output format; html prints on one or two pages.  [text on a terminal, else markdown]",
)
@click.option(
    "--lines",
    type=options.Number(1),
    help="Maximum number of lines in Markdown and HTML.  [what fits on two printed pages]",
)
@options.output_file
@options.overwrite
@click.option("--issue", is_flag=True, help="Record that the report was issued, with its period, position and hash.")
@click.option("--summary", help="With --issue: your summary for the readers, shown at the top and recorded.")
@options.data
@options.owner
def report(
    product: str,
    output: Path | None,
    data: Path | None,
    owner: str | None,
    *,
    format_: str | None,
    issue: bool,
    summary: str | None,
    overwrite: bool,
    **options_: Any,
) -> None:
    """Create a progress report for a product.

    Lists goals, releases, decisions, what was shipped, dropped or slipped, who owns what, and what is next, with
    reasons. The same period and position always give the same report and the same hash. Links lead to
    DECISIONLOG_PUBLIC_URL.
    """
    given = drop_unset(**options_)
    if "issued_at" in given and (issue or given.keys() & {"since", "until", "position"}):
        raise click.UsageError("--issued-at cannot be combined with --since, --until, --position or --issue.")
    if "issued_at" not in given and "since" not in given:
        raise click.UsageError("Missing --since, e.g. --since 'last quarter'.")
    if summary is not None and not issue:
        raise click.UsageError("--summary is recorded with the report; add --issue.")
    location = find_location(data=data, owner=owner)
    chosen = format_ or ("text" if output is None and sys.stdout.isatty() else "markdown")
    issuing = Issuing(summary) if issue else None
    write_report(location, product, given, format_=chosen, output=output, issuing=issuing, overwrite=overwrite)


@dataclass(frozen=True)
class Issuing:
    """That a report is to be recorded as issued, and with which summary."""

    summary: str | None


def write_report(
    location: Location,
    product: str,
    given: Mapping[str, Any],
    *,
    format_: str,
    output: Path | None,
    issuing: Issuing | None,
    overwrite: bool = False,
) -> None:
    """Write the report of a product; with `issuing`, record it as issued once it is written, and write it as issued.

    Raises:
        CommandFailed: the file exists or cannot be written.
        Refused: there is no such product, period or position, or a report is no longer what was issued.
    """
    if output is not None:
        must_not_exist(output, overwrite=overwrite)  # before anything is issued
    with get_context().client(location, writes=issuing is not None) as log:
        log.cover(log.ask(questions.head())["size"])
        key = find_subject(log, product, kinds=("product",)).removeprefix("product:")
        answer = log.ask(questions.report(key, **given))
        # The same position gives the same report, whatever has been recorded since.
        same: dict[str, Any] = {"since": answer["since"], "until": answer["until"], "position": answer["position"]}
        if "lines" in given:
            same["lines"] = given["lines"]
        if "issued_at" in given:
            same = {name: given[name] for name in ("issued_at", "lines") if name in given}
        if issuing is None:
            _write(output, _fetch(log, key, same, format_), format_, overwrite=overwrite)
            return
        if output is not None:  # nothing is issued that could not be written
            _write(output, _fetch(log, key, same, format_), format_, overwrite=overwrite)
        position = _issue(log, key, answer, issuing.summary)
        issued = {"issued_at": position, **{name: given[name] for name in ("lines",) if name in given}}
        _write(output, _fetch(log, key, issued, format_), format_, overwrite=True)
        print_note(f"Issued at position {position}. Show it again with --issued-at {position}.")


def _fetch(log: Client, key: str, parameters: Mapping[str, Any], format_: str) -> str:
    """Return the report in a format, ending in a line break."""
    asked = "markdown" if format_ == "text" else format_
    text = log.call(exchange.build_question_call(questions.report(key, **parameters), log.position, asked)).text
    return text if text.endswith("\n") else f"{text}\n"


def _issue(log: Client, key: str, answer: Any, summary: str | None) -> int:
    from domain.product import IssueReport  # noqa: PLC0415  (a report that is only read needs none)

    since, until = parse_timestamp(answer["since"]), parse_timestamp(answer["until"])
    command = IssueReport(
        subject=f"product:{key}",
        since=since,
        until=until,
        position=answer["position"],
        sha256=answer["sha256"],
        summary=summary,
    )
    return log.send(command)["position"]


def _write(output: Path | None, text: str, format_: str, *, overwrite: bool) -> None:
    if format_ == "text" and output is None:
        print_document(text)
        return
    if output is None:
        print_data(text, format_)
        return
    try:
        with open_new_file(output, overwrite=overwrite) as stream:
            stream.write(text.encode())
    except OSError as error:
        raise CommandFailed(f"{output}: {error.strerror}. Nothing was issued; free some space and retry.") from error
