"""Build commands from options, and print the receipt. Shared by `decisionlog record` and `decide`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import click
from pydantic import ValidationError

from cli import options
from cli.errors import CommandFailed, Exit
from cli.options import to_flag
from cli.table import to_single_line
from decisionlog_client.answers import Receipt
from domain.messages import Command
from domain.validation_messages import describe_error

C = TypeVar("C", bound=Command)
Given = Mapping[str, Any]

_OPTION_OF_FIELD: Final = {
    "products": "product",
    "deciders": "decider",
    "tags": "tag",
    "options": "considered",
    "assumptions": "assumption",
    "constraints": "constraint",
    "references": "reference",
}
"""Options that are not named after their field."""
_MEMBER_OF_FIELD: Final = {"options": "title", "references": "id"}
"""Fields that hold objects, and the one member of each object that the option gives."""

command_options: options.Option = options.combine(
    options.repeatable("--because", "A decision behind this one."),
    options.repeatable("--reference", "An external id or link, e.g. a ticket or a page."),
    click.option("--note", help="A comment."),
    click.option("--on-behalf-of", help="Person you act for; shown as your claim."),
    options.time_option("--effective-at", "When it took effect, if earlier than now."),
    options.json_flag("Print the receipt as JSON."),
    options.data,
    options.owner,
)


def name_fields(given: Given) -> dict[str, Any]:
    """Return options under the names of the fields of a command."""
    field_of_option = {option: field for field, option in _OPTION_OF_FIELD.items()}
    fields = {field_of_option.get(name, name): value for name, value in given.items()}
    if "cost" in fields:
        fields["cost"] = dict(zip(("amount", "currency"), fields["cost"], strict=True))
    return fields | {
        name: [{member: each} for each in fields[name]] for name, member in _MEMBER_OF_FIELD.items() if name in fields
    }


def build_command(kind: type[C], fields: Given) -> C:
    """Build a command.

    Raises:
        CommandFailed: a field is missing or invalid; the message names the options.
    """
    try:
        return kind(**fields)
    except ValidationError as error:
        wrong = "; ".join(f"{_name_option(each['loc'])} {_describe(each)}" for each in error.errors())
        raise CommandFailed(f"Invalid options: {wrong}.", Exit.USAGE_ERROR) from None


def _describe(error: Any) -> str:
    return "is not an option of this outcome" if error["type"] == "extra_forbidden" else describe_error(error)


def _name_option(path: tuple[int | str, ...]) -> str:
    name = str(path[0]) if path else ""
    return "DECISION" if name == "subject" else to_flag(_OPTION_OF_FIELD.get(name, name))


def print_receipt(receipt: Receipt, done: str, title: str = "", *, as_json: bool) -> None:
    """Print what was recorded: the subject, the position, and the title if there is one."""
    if as_json:
        click.echo(json.dumps(receipt, ensure_ascii=False))
        return
    end = f": {to_single_line(title)}" if title else "."
    click.echo(f"{done} {receipt['subject']} at position {receipt['position']}{end}")
