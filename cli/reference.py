"""The reference pages, made from what they describe: `make reference` writes them, and a test refuses old ones."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import click
from pydantic import BaseModel

from api.app import create_app
from api.pages import Reference
from api.services import Services
from cli.errors import Exit
from cli.main import cli
from cli.settings import Settings
from consumers.kafka.asyncapi import document
from consumers.kafka.topics import Topics
from domain.catalog import COMMANDS, EVENTS
from domain.messages import Command, string_fields
from eventlog.tokens import RIGHTS

MADE: Final = "<!-- Made by `make reference`. Change what it is made from instead. -->\n"
ADDRESS: Final = "http://127.0.0.1:8737"
"""Where a server is that was started with no settings."""
ENVELOPE: Final = tuple(Command.model_fields)


def pages() -> dict[str, str]:
    """Every page by its file name."""
    made = {
        "commands.md": _commands(), "events.md": _events(), "http.md": _http(), "settings.md": _settings(),
        "command-line.md": _command_line(),
    }  # fmt: skip
    topics = json.dumps(document(Topics()), indent=1, ensure_ascii=False)
    return {name: f"{MADE}\n{text.strip()}\n" for name, text in made.items()} | {"asyncapi.json": f"{topics}\n"}


def write(directory: Path) -> None:
    """Writes the pages."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text, encoding="utf-8")


def _commands() -> str:
    parts = [
        "# Commands\n",
        (
            "What can be put to the log. The same objects are the bodies of HTTP requests, the lines of "
            "`decisionlog import commands`, and the messages of a stream; there they carry their name in `type`.\n"
        ),
        "## What every command may carry\n",
        _table(_fields(Command, ENVELOPE)),
    ]
    for name, command in COMMANDS.items():
        own = [field for field in command.model_fields if field not in (*ENVELOPE, "type")]
        creates = f" Begins a `{command.creates}:`." if command.creates else ""
        parts += [f"## {name}\n", f"{_prose(command)}{creates}\n", _table(_fields(command, own))]
    return "\n".join(parts)


def _events() -> str:
    parts = [
        "# Events\n",
        (
            "What the log holds, under the names it is stored by. A stored name is final: another shape is another name. "
            "Strings are *code* (kept for ever), *subject* or *person* (ids), or *text* (in the entry only as a commitment; "
            "the words can be forgotten).\n"
        ),
    ]
    for name, event in EVENTS.items():
        parts += [f"## {name}\n", f"{_prose(event)}\n", _table(_fields(event, tuple(event.model_fields)))]
    return "\n".join(parts)


def _fields(model: type[BaseModel], names: tuple[str, ...] | list[str]) -> Iterator[tuple[str, str, str, str]]:
    schema = model.model_json_schema(mode="validation")
    marks: dict[str, set[str]] = {}
    for leaf in string_fields(model):
        marks.setdefault(leaf.path[0], set()).add(str(leaf.kind))
    for name in names:
        field = model.model_fields[name]
        shown = field.alias or name
        described = schema["properties"][shown]
        holds = ", ".join(sorted(marks.get(name, ()))) or _kind(described)
        default = described.get("default")
        note = f" `{default}` if silent." if isinstance(default, str) else ""
        yield f"`{shown}`", "yes" if field.is_required() else "", holds, _one_line(field.description or "") + note


def _kind(schema: dict[str, Any]) -> str:
    """What a field without strings holds."""
    kinds = {schema.get("format") or schema.get("type")} | {
        part.get("format") or part.get("type") for part in schema.get("anyOf", ())
    }
    return ", ".join(sorted(str(kind) for kind in kinds - {None, "null"}))


def _table(rows: Iterator[tuple[str, str, str, str]]) -> str:
    body = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"| field | required | holds | meaning |\n|---|---|---|---|\n{body}" if body else "No fields of its own.\n"


def _prose(model: type[BaseModel]) -> str:
    return _one_line(model.__doc__ or "")


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _http() -> str:
    app = create_app(cast("Services", None))  # the description of the routes needs nothing to serve
    document = app.openapi()
    routes = [
        (f"{method.upper()} {path}", _one_line(operation.get("summary", "")), method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    rows = "".join(f"| `{route}` | {summary} |\n" for route, summary, *_ in routes)
    shown = Reference(document["components"]["schemas"], ADDRESS)
    examples = "\n".join(
        f"### {route}\n\n{summary}.\n\n```sh\n{shown.curl(method, path, operation)}\n```\n"
        for route, summary, method, path, operation in routes
    )
    return (
        "# HTTP\n\nEvery route. A running server describes them in full at `/docs`, and for machines at `/openapi.json`.\n\n"
        f"| route | what for |\n|---|---|\n{rows}\n"
        "## An example of each\n\nTo paste into a terminal, with your token for `TOKEN`. `VERSION` is the version of the "
        "subject that you read, and `ID` that of a token.\n\n"
        f"{examples}"
    )


def _settings() -> str:
    rows = "".join(
        f"| `DECISIONLOG_{name.upper()}` | {_default(field)} | {_one_line(field.description or '')} |\n"
        for name, field in Settings.model_fields.items()
    )
    rights = "".join(f"| `{right}` | {what} |\n" for right, what in RIGHTS.items())
    return (
        "# Settings\n\nEach is an environment variable; an option of the command line wins over it.\n\n"
        f"| setting | default | meaning |\n|---|---|---|\n{rows}\n"
        "# Rights of a token\n\nReading, and recording one's own acts, need none of them.\n\n"
        f"| right | lets its holder |\n|---|---|\n{rights}"
    )


def _default(field: Any) -> str:
    return f"`{field.default}`" if field.default_factory is None and field.default is not None else ""


def _command_line() -> str:
    codes = ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Exit)
    helps = "\n".join(f"## {name}\n\n```text\n{text}\n```\n" for name, text in _helps(cli, "decisionlog", None))
    return f"# Command line\n\nExit codes: {codes}.\n\n{helps}"


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent, terminal_width=100)
    context.help_option_names = ["-h", "--help"]
    yield name, re.sub(r"[ \t]+$", "", command.get_help(context), flags=re.MULTILINE)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            if found:
                yield from _helps(found, f"{name} {each}", context)


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
