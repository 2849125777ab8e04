"""The reference of the command line: by section, with each command's options as a table and its examples."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from typing import Final

import click

from cli.errors import Exit
from cli.main import SECTIONS, cli

MANY: Final = 15
"""Options that as many commands have are described once, at the top."""
COMMON: Final = "options-of-many-commands"
Record = tuple[str, str]
Commands = Mapping[str, click.Context]


def build_command_line() -> str:
    """Return the page."""
    commands = dict(_list_commands(cli, "decisionlog", None))
    common = _find_common_options(commands)
    codes = "\n".join(f"| {code.value} | {code.name.lower().replace('_', ' ')} |" for code in Exit)
    parts = [
        "# Command line\n",
        "`decisionlog COMMAND --help` prints what is said here. Words in capitals stand for what you type.\n",
        f"## Options of many commands\n\n{_format_options(sorted(common))}\n",
        f"## Exit codes\n\n| code | meaning |\n|---|---|\n{codes}\n",
    ]
    for section, summaries in SECTIONS.items():
        rows = "\n".join(f"| [`{name}`](#decisionlog-{name}) | {text} |" for name, text in summaries.items())
        parts.append(f"## {section}\n\n| command | |\n|---|---|\n{rows}\n")
        for name in summaries:
            own = {
                path: context
                for path, context in commands.items()
                if path == f"decisionlog {name}" or path.startswith(f"decisionlog {name} ")
            }
            parts += [_describe(path, context, common) for path, context in own.items()]
    return "\n".join(parts)


def _list_commands(
    command: click.Command, path: str, parent: click.Context | None
) -> Iterator[tuple[str, click.Context]]:
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent, terminal_width=100)
    context.help_option_names = ["-h", "--help"]
    command._help_option = None  # noqa: SLF001  (kept from an earlier context, it would have the names of that one)
    if parent:
        yield path, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if found := command.get_command(context, name):
                yield from _list_commands(found, f"{path} {name}", context)


_HELP: Final = ("-h, --help", "Show this message and exit.")


def _find_common_options(commands: Commands) -> frozenset[Record]:
    counts = Counter(record for context in commands.values() for record in _list_options(context))
    return frozenset(record for record, count in counts.items() if count >= MANY)


def _list_options(context: click.Context) -> list[Record]:
    """Return the options, and the arguments that have a description."""
    params = [each for each in context.command.get_params(context) if "--help" not in each.opts]
    records = [each.get_help_record(context) for each in params]
    # A command keeps the help option of the context that asked for it first, which may have had another name for it.
    return [record for record in (*records, _HELP) if record and record[1]]


def _describe(path: str, context: click.Context, common: frozenset[Record]) -> str:
    command, options = context.command, _list_options(context)
    own = [record for record in options if record not in common]
    shared = ", ".join(f"`{_get_flag(record)}`" for record in options if record in common and "--help" not in record[0])
    text = re.sub(r"\s*\n\s*", " ", cleandoc(command.help or "").replace("\n\n", "\0")).replace("\0", "\n\n")
    parts = [f"### {path}\n", f"{_escape(text)}\n", f"```text\n{_get_usage(context)}\n```\n"]
    if isinstance(command, click.Group):
        names = command.list_commands(context)
        links = ", ".join(f"[`{name}`](#{path.replace(' ', '-')}-{name})" for name in names)
        return "\n".join([*parts, f"Commands: {links}.\n"])
    if own:
        parts.append(f"{_format_options(own)}\n")
    if shared:
        parts.append(f"{'Also' if own else 'Options:'} {shared}: see [options of many commands](#{COMMON}).\n")
    if examples := _list_examples(command):
        parts.append(f"```text\n{examples}\n```\n")
    return "\n".join(parts)


def _get_flag(record: Record) -> str:
    """Return the long name of an option: `--limit` of `--limit INTEGER RANGE`."""
    return max((word.strip(",") for word in record[0].split() if word.startswith("-")), key=len)


def _get_usage(context: click.Context) -> str:
    return " ".join(context.command.get_usage(context).removeprefix("Usage: ").split())


def _list_examples(command: click.Command) -> str:
    example = str(getattr(command, "example", "") or "")
    lines = (command.epilog or "").replace("\b", "").replace("Examples:", "").split("\n")
    return "\n".join(line.strip() for line in [*lines, example] if line.strip())


def _format_options(records: list[Record]) -> str:
    rows = "\n".join(f"| `{left.replace('|', '/')}` | {_escape(right)} |" for left, right in records)
    return f"| option | meaning |\n|---|---|\n{rows}"


def _escape(text: str) -> str:
    """Return text that Markdown shows as it is, in a cell of a table too."""
    return re.sub(r"([|<*\[\]])", r"\\\1", text)
