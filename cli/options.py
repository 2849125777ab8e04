"""Options that commands have in common, under the names of the interface's parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from cli.instants import instant_in
from cli.surroundings import here

if TYPE_CHECKING:
    from cli.settings import Settings

Command = Callable[..., Any]
Option = Callable[[Command], Command]

data = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path),
    help="The directory of the log and its read model, wherever the settings have theirs.  [DECISIONLOG_DATA; ./data]",
)  # fmt: skip
overwrite = click.option("--overwrite", is_flag=True, help="Replace the file, if it exists.")
owner = click.option("--owner", help="Whose log it is.  [DECISIONLOG_OWNER; the operating system's user]")


def settings_of(**given: Any) -> Settings:
    """The settings, where what was given on the command line wins: a directory also over a log that is elsewhere."""
    from cli.settings import Settings  # noqa: PLC0415  (--help needs none)

    if given.get("data") is not None:
        given = {"store": "", "url": "", **given}
    return Settings(**{name: value for name, value in given.items() if value is not None})


class Instant(click.ParamType[datetime]):
    """An instant, in words too."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Understands it as the reader means it."""
        if isinstance(value, datetime):
            return value
        try:
            return instant_in(str(value), here().now(), here().zone)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Address(click.ParamType[str]):
    """The address of a database, which may hold a password: `@FILE` takes it from a file, which `ps` does not show."""

    name = "address"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> str:
        """Read the file, if it is one; warn where the command line holds a password."""
        from cli.secret import secret_in  # noqa: PLC0415  (--help needs none)
        from eventlog.dsn import is_dsn, secrets_in  # noqa: PLC0415

        if str(value).startswith("@"):
            return secret_in(Path(str(value)[1:]))
        if is_dsn(value) and secrets_in(value):
            click.echo(
                "Warning: others on this machine can see the password in that address (ps). Write it as @FILE.",
                err=True,
            )
        return str(value)


@dataclass(frozen=True)
class Form:
    """Where the log is, and in which form its answer is wanted; a table, if none is named."""

    data: Path | None
    format: Literal["json", "csv"] | None

    @property
    def settings(self) -> Settings:
        """The settings."""
        return settings_of(data=self.data)


def form(command: Command) -> Command:
    """Options for the form of an answer, passed on as `form`."""

    @wraps(command)
    def run(*args: Any, data: Path | None, as_json: bool, as_csv: bool = False, **given: Any) -> Any:
        if as_json and as_csv:
            raise click.UsageError("Choose one of --json and --csv.")
        return command(*args, form=Form(data, "json" if as_json else "csv" if as_csv else None), **given)

    as_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON, as the interface has it.")
    as_csv = click.option("--csv", "as_csv", is_flag=True, help="Print the answer as CSV, as the interface has it.")
    return as_json(as_csv(data(run)))


def several(name: str, help: str) -> Option:  # noqa: A002  (click's word)
    """An option that may be repeated: any of what is given will do."""
    return click.option(name, multiple=True, help=f"{help} May be repeated.")


def at(name: str, help: str) -> Option:  # noqa: A002  (click's word)
    """An option that takes an instant."""
    return click.option(name, type=Instant(), help=help)


def together(*options: Option) -> Option:
    """Several options as one decorator, in the order in which they are listed."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


then: Option = together(
    at("--as-of", "What was in effect then: a day, an instant, or words such as 'last quarter'.  [now]"),
    at("--known-at", "By what the log had recorded then.  [now]"),
)
paged: Option = together(
    click.option("--limit", type=click.IntRange(1, 10_000), help="At most so many rows.  [1000]"),
    click.option("--cursor", help="Go on behind an earlier answer, which told this."),
)
absent: Option = click.option("--include-removed", is_flag=True, help="Also what is not, or no longer, on the record.")
about: Option = together(
    several("--product", "Only of this product."),
    several("--status", "Only with this status, in our meaning or the source's word."),
)
kinds: Option = several("--kind", "Only subjects of this kind, such as feature.")
fields: Option = several("--field", "Only this field, or target.* for all that begin so.")
contents: Option = together(
    several("--value", "Only what holds this, or has it in its list, in our meaning."),
    several("--source-value", "Only what holds this, in the source's word."),
    several("--holder", "Only what names this person or team."),
)
moves: Option = together(
    several("--from-value", "Only what held this before, in our meaning."),
    several("--from-source-value", "Only what held this before, in the source's word."),
    several("--to-value", "Only what came to hold this, in our meaning."),
    several("--to-source-value", "Only what came to hold this, in the source's word."),
)
spans: Option = together(
    at("--since", "Only what took effect then or later."),
    at("--until", "Only what took effect before then."),
    at("--recorded-since", "Only what was recorded then or later."),
    at("--recorded-until", "Only what was recorded before then."),
)


def said(**given: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in given.items() if value not in (None, (), False)}
