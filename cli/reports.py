"""`decisionlog report`: what became of a product in a span, for whoever it is reported to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import options
from cli.options import said, settings_of


@click.command()
@click.argument("product")
@options.at("--since", "Where the span begins: a day, an instant, or words such as 'last quarter'.")
@options.at("--until", "Where it ends, which is no more part of it.  [now]")
@click.option("--position", type=click.IntRange(1), help="The position of the log to speak up to.  [the last]")
@click.option(
    "--issued-at", type=click.IntRange(1),
    help="The position at which a report was issued: show the same again. Instead of span and position.",
)  # fmt: skip
@click.option(
    "--format", "format_", type=click.Choice(["markdown", "html", "json", "csv"]), default="markdown", show_default=True,
    help="The form; html is a page that prints on one or two sheets.",
)  # fmt: skip
@click.option(
    "--lines", type=click.IntRange(1),
    help="At most so many lines in Markdown and HTML; JSON has them all.  [what fits on two printed pages]",
)  # fmt: skip
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="The file to write; else standard output."
)
@options.overwrite
@click.option("--issue", is_flag=True, help="Record that it was given, with its span, position and hash.")
@options.data
@options.owner
def report(
    product: str,
    output: Path | None,
    data: Path | None,
    owner: str | None,
    *,
    format_: str,
    issue: bool,
    overwrite: bool,
    **asked: Any,
) -> None:
    """Tell what became of PRODUCT in a span: decisions, what was shipped, dropped or slipped, who owns what, what is next.

    Each line has its reason and its link. Asked again up to the same position it is the same, and has the same hash.
    """
    from cli.reporting import progress

    given = said(**asked)
    if "issued_at" in given and (issue or given.keys() & {"since", "until", "position"}):
        raise click.UsageError("--issued-at says span and position already; leave the others out.")
    if "issued_at" not in given and "since" not in given:
        raise click.UsageError("Say where the span begins, such as --since 'last quarter'.")
    progress(
        settings_of(data=data, owner=owner),
        product,
        given,
        format_=format_,
        output=output,
        issue=issue,
        overwrite=overwrite,
    )
