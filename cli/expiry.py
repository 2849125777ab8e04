"""When a token expires, as people write it: `90d`, `12w`, a date, or `never`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import click

from cli.context import get_context
from cli.dates import parse_time
from domain.times import format_timestamp, parse_duration

NEVER: Final = "never"


class ExpiryParam(click.ParamType[str]):
    """The end of a token: a duration, a time, or `never`; converted to a timestamp or `never`."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Parse the text; durations count from now."""
        try:
            return parse_expiry(str(value).strip().lower(), get_context().now())
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is not a duration such as 90d or 12w, a date such as 2027-06-30, or never", param, ctx
            )


def parse_expiry(text: str, now: datetime) -> str:
    """Return the time that a text means, as RFC 3339 in UTC, or `never`.

    Raises:
        ValueError: it means none.
    """
    if text == NEVER:
        return NEVER
    if duration := parse_duration(text):
        return format_timestamp((now + duration).astimezone(UTC))
    return format_timestamp(parse_time(text, now, get_context().zone))
