"""The types of the options that are fields of a command: how they are read, and how the shell completes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

_FUTURE_WORDS: Final = re.compile(r"(today|tomorrow|next |in |this )")
NONE: Final = "none"
"""What clears a target, or stands for an empty list."""


class DayType(click.ParamType[str]):
    """A day: a date, or words such as `next friday`."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the date as ISO 8601."""
        found = parse_day(str(value))
        if found is None:
            self.fail(f"Can't read the day {value!r}. Try 2025-03-01, 'next friday' or 'in 2 weeks'.", param, ctx)
        return found


def parse_day(text: str) -> str | None:
    """Return a day as ISO 8601; None if it cannot be read. Words are understood only where they mean a day to come."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        try:
            return datetime.fromisoformat(text).date().isoformat()
        except ValueError:
            return None
    if not _FUTURE_WORDS.match(text.lower()):
        return None
    from cli import dates  # noqa: PLC0415  (only for words)
    from cli.context import get_context  # noqa: PLC0415

    found = dates.parse_day(text, get_context().now(), get_context().zone)
    return None if found is None else found.isoformat()


class JsonType(click.ParamType[Any]):
    """A JSON object."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the text."""
        try:
            return json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError) as error:
            self.fail(f"Not valid JSON: {error}.", param, ctx)


class NameType(click.ParamType[str]):
    """A subject or a person, of some kinds. The log is asked for it later, when it is open."""

    def __init__(self, kinds: list[str]) -> None:
        self.kinds = kinds
        self.name = "/".join(kinds) if len(kinds) <= 2 else "subject"  # noqa: PLR2004  (a pair reads well)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:  # noqa: ARG002
        """Return the keys and numbers that begin so, each with its title."""
        from cli.completion import complete_subjects  # noqa: PLC0415  (only for completion)

        return complete_subjects(ctx, self.kinds, incomplete)


class TimeType(click.ParamType[datetime]):
    """A point in time, read as everywhere on the command line."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse the text in the time zone of the reader."""
        from cli.options import TimeParam  # noqa: PLC0415  (loads the settings)

        return TimeParam("period").convert(value, param, ctx)


_PLAIN_TYPES: Final[Mapping[str, Callable[[], click.ParamType[Any]]]] = {
    "day": DayType,
    "time": TimeType,
    "integer": lambda: click.INT,
    "number": lambda: click.FLOAT,
    "json": JsonType,
}


def type_of(field: Mapping[str, Any]) -> click.ParamType[Any]:
    """Return the type of an option."""
    if field["type"] == "choice":
        return click.Choice(field["choices"], case_sensitive=False)
    if field["type"] == "cost":
        from cli.options import Number  # noqa: PLC0415  (which imports more than the list of commands needs)

        return click.Tuple([Number(0), click.STRING])
    if field["type"] in ("person", "subject", "target"):
        return NameType(field["kinds"])
    return _PLAIN_TYPES.get(field["type"], lambda: click.STRING)()
