"""Options that several commands share. Those of queries are named after the parameters of the HTTP interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, Final, Literal

import click
from click.shell_completion import CompletionItem

from cli.context import get_context
from cli.dates import DayStart, parse_time
from cli.location import Location
from cli.settings_loading import find_location
from cli.token_lookup import read_secret
from eventlog.dsn import is_dsn, secrets_in

Command = Callable[..., Any]
Option = Callable[[Command], Command]

MAX_ROWS: Final = 10_000


class Number(click.IntRange):
    """A whole number within limits, as help and errors call it."""

    name = "number"


data: Option = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Data directory.  [DECISIONLOG_DATA; ./data]"
)
owner: Option = click.option("--owner", help="Owner of the log.  [DECISIONLOG_OWNER; the operating system's user]")
overwrite: Option = click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
dry_run: Option = click.option("--dry-run", is_flag=True, help="Show what would happen without writing anything.")
yes: Option = click.option("--yes", "-y", is_flag=True, help="Start a new log without asking.")
output_file: Option = click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File to write.  [standard output]"
)


def json_flag(help: str) -> Option:  # noqa: A002  (click's word)
    """Return the option --json."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def drop_unset(**given: Any) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in given.items() if value not in (None, (), False)}


def to_flag(name: str) -> str:
    """Return the option of a parameter: `min_count` is `--min-count`."""
    return f"--{name.replace('_', '-')}"


def refuse_combination(given: dict[str, Any], what: str, *names: str) -> None:
    """Check that none of these options was given together with something else.

    Raises:
        click.UsageError: one was.
    """
    found = sorted(to_flag(name) for name in names if name in given)
    if found:
        raise click.UsageError(f"{', '.join(found)} cannot be combined with {what}.")


class TimeParam(click.ParamType[datetime]):
    """A point in time: a date, a timestamp, or words such as `last quarter`; `days` says when a day begins."""

    name = "time"

    def __init__(self, days: DayStart = "local") -> None:
        self.days = days

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse the text in the time zone of the reader."""
        if isinstance(value, datetime):
            return value
        try:
            context = get_context()
            return parse_time(str(value), context.now(), context.zone, self.days)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class AddressParam(click.ParamType[str]):
    """The address of a database. `@FILE` reads it from a file, so that a password does not appear in `ps`."""

    name = "address"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> str:
        """Read the file if one is named; warn about a password on the command line."""
        if str(value).startswith("@"):
            return read_secret(Path(str(value)[1:]))
        if is_dsn(value) and secrets_in(value):
            click.echo(
                "Warning: other users of this machine can see the password in this address (ps). Use @FILE instead.",
                err=True,
            )
        return str(value)


@dataclass(frozen=True)
class Output:
    """Which log to ask, and the output format; None is a table."""

    data: Path | None
    format: Literal["json", "csv"] | None
    select: Sequence[str] = ()

    @property
    def location(self) -> Location:
        """Where the log is."""
        return find_location(data=self.data)


def output(command: Command) -> Command:
    """Add the options --json, --select, --csv and --data, passed on as `output`."""

    @wraps(command)
    def run(
        *args: Any, data: Path | None, as_json: bool, select: str | None, as_csv: bool = False, **given: Any
    ) -> Any:
        if (as_json or select) and as_csv:
            raise click.UsageError("Choose one of --json and --csv.")
        names = [name.strip() for name in (select or "").split(",") if name.strip()]
        chosen = Output(data, "json" if as_json or names else "csv" if as_csv else None, names)
        return command(*args, output=chosen, **given)

    as_csv = click.option("--csv", "as_csv", is_flag=True, help="Print the API response as CSV.")
    select = click.option("--select", metavar="FIELDS", help="Print only these fields as JSON, e.g. title,status.")
    return json_flag("Print the API response as JSON.")(select(as_csv(data(run))))


class AnySubject(click.ParamType[str]):
    """The name of a subject. The log is asked for it later, when it is open."""

    name = "subject"

    def __init__(self, *kinds: str) -> None:
        self.kinds = list(kinds)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:  # noqa: ARG002
        """Return the keys, numbers and names that begin so."""
        from cli.completion import complete_subjects  # noqa: PLC0415  (only for completion)
        from cli.finding import KINDS  # noqa: PLC0415

        return complete_subjects(ctx, self.kinds or KINDS, incomplete)


COMPLETED_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "--product": ("product",),
    "--subject": ("decision", "feature", "product", "goal", "release"),
    "--because": ("decision",),
    **dict.fromkeys(
        ("--holder", "--by", "--actor", "--principal", "--decider", "--accountable", "--owner"), ("person", "team")
    ),
}
"""Options whose values the shell completes, and the kinds of subjects that they take."""


class StatusParam(click.ParamType[str]):
    """A status: one of ours, which the shell completes, or any of a source."""

    name = "text"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:  # noqa: ARG002
        """Return the statuses that begin so."""
        from domain.statuses import STATUSES  # noqa: PLC0415  (only the shell asks for them)

        return [CompletionItem(status) for status in STATUSES if status.startswith(incomplete.casefold())]


def repeatable(name: str, help: str) -> Option:  # noqa: A002  (click's word)
    """Return an option that may be repeated; results match any of its values."""
    kinds = COMPLETED_KINDS.get(name)
    type_ = AnySubject(*kinds) if kinds else StatusParam() if name in ("--status", "--ever") else None
    return click.option(name, multiple=True, type=type_, metavar="TEXT", help=f"{help} Repeatable.")


def time_option(name: str, help: str, days: DayStart = "local") -> Option:  # noqa: A002  (click's word)
    """Return an option that takes a point in time; see `TimeParam`."""
    return click.option(name, type=TimeParam(days), help=help)


def combine(*options: Option) -> Option:
    """Return several options as one decorator, in the order in which --help lists them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


bitemporal: Option = combine(
    time_option("--as-of", "Show the state at this time, e.g. 2025-03-01 or 'last quarter'.  [now]"),
    time_option("--known-at", "Ignore everything recorded after this time.  [now]"),
)
paging: Option = combine(
    click.option("--limit", type=Number(1, MAX_ROWS), help="Maximum number of rows.  [1000]"),
    click.option("--cursor", help="Pagination cursor from the previous page."),
)
include_removed: Option = click.option("--include-removed", is_flag=True, help="Include removed subjects.")
status_filter: Option = repeatable("--status", "Filter by status, normalized or as spelled in the source.")
conditions: Option = combine(
    click.option(
        "--where", multiple=True, help="Filter by another field, e.g. 'cost>=50000'. Repeatable; all must match."
    ),
    click.option("--without", multiple=True, help="Filter by an empty field, e.g. why. Repeatable; all must be empty."),
)
product_and_status: Option = combine(repeatable("--product", "Filter by product."), status_filter, conditions)
kinds: Option = repeatable("--kind", "Filter by kind of subject, e.g. feature.")
fields: Option = repeatable("--field", "Filter by field, e.g. status, or target.* for a group.")
shown_fields: Option = repeatable("--show", "Show this field of the same subject too, e.g. status.")
current_values: Option = combine(
    repeatable("--value", "Filter by value; a list matches if it contains the value."),
    repeatable("--source-value", "Filter by the original value in the source system."),
    repeatable("--holder", "Filter by the person or team in the field."),
)
changed_values: Option = combine(
    repeatable("--from-value", "Filter by the value before the change."),
    repeatable("--from-source-value", "Filter by the original value before the change."),
    repeatable("--to-value", "Filter by the value after the change."),
    repeatable("--to-source-value", "Filter by the original value after the change."),
)
periods: Option = combine(
    time_option("--since", "Effective at this time or later.", days="period"),
    time_option("--until", "Effective before this time."),
    time_option("--recorded-since", "Recorded at this time or later."),
    time_option("--recorded-until", "Recorded before this time."),
)
