"""The commands that record, built from the list of verbs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from cli.command_wording import NOUNS, OPERATED_NOUNS
from cli.examples import add_examples, wrap_command
from cli.suggesting_group import SuggestingGroup
from cli.verb_list import PREFIX, Field, Verb, metavar_of, read_verbs, verbs_of


class NounGroup(SuggestingGroup):
    """The commands that record something about one kind of subject, and `others`: modules of commands by their name."""

    def __init__(self, name: str, others: Mapping[str, str]) -> None:
        super().__init__(name, help={**NOUNS, **OPERATED_NOUNS}[name])
        self._others = others

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """Return the verbs, in the order of the catalog."""
        return [*verbs_of(self.name or ""), *self._others]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (click's signature)
        """Build the command of a verb."""
        if cmd_name in self._others:
            from importlib import import_module  # noqa: PLC0415  (only for these)

            command: click.Command = getattr(import_module(f"cli.commands.{self._others[cmd_name]}"), "command")  # noqa: B009  (typed)
            return add_examples(f"{self.name} {cmd_name}", command)
        verb = verbs_of(self.name or "").get(cmd_name)
        return build_command(cmd_name, verb) if verb else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs with their summaries."""
        verbs = verbs_of(self.name or "")
        others = {name: self.get_command(ctx, name) for name in self._others}
        rows = [(name, str(verb["summary"])) for name, verb in verbs.items()]
        rows += [(name, command.get_short_help_str(100)) for name, command in others.items() if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class RecordingCommand(click.Command):
    """A command that records: its own options, then those of every command, then an example."""

    def __init__(self, name: str, verb: Verb, params: list[click.Parameter], own: int) -> None:
        super().__init__(
            name, params=params, callback=_record_later(verb), help=verb["help"], short_help=verb["summary"]
        )
        self._own = own
        self._arguments = [(metavar_of(each), _help_of_argument(each)) for each in _arguments_of(verb)]
        self.example = str(verb["example"])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments, the options of its own and those of every command."""
        if self._arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(self._arguments)
        own = [param for param in self.params[: self._own] if isinstance(param, click.Option)]
        common = [*self.params[self._own :], *self.get_params(ctx)[len(self.params) :]]
        for title, params in (("Options", own), ("Options of every command that records", common)):
            rows = [row for row in (param.get_help_record(ctx) for param in params) if row]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  (click's signature)
        """Write the example so that it can be copied."""
        formatter.write_paragraph()
        formatter.write("Example:\n" if self.example else "")
        formatter.write(f"  {wrap_command(self.example, formatter.width - 2)}\n" if self.example else "")


def build_command(name: str, verb: Verb) -> click.Command:
    """Return the command of a verb."""
    options = [each for each in verb["fields"] if "argument" not in each]
    own = [*map(_build_argument, _arguments_of(verb)), *map(_build_option, options)]
    if verb.get("editable"):
        own.append(
            click.Option(["--edit", "-e"], is_flag=True, help="Write the texts in your editor ($VISUAL or $EDITOR).")
        )
    return RecordingCommand(name, verb, [*own, *_build_common_options(verb)], len(own))


def _build_common_options(verb: Verb) -> list[click.Parameter]:
    """Return the options of every command; a field of the command's own wins over one of the same name."""
    taken = {each["option"] for each in verb["fields"]}
    return [
        *(_build_option(each) for each in read_verbs()[0] if each["option"] not in taken),
        click.Option(["--dry-run"], is_flag=True, help="Show what would be recorded, and record nothing."),
        click.Option(["--yes", "-y"], is_flag=True, help="Do not ask for confirmation."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the receipt as JSON."),
        click.Option(
            ["--data"],
            type=click.Path(file_okay=False, path_type=Path),
            help="Data directory.  [DECISIONLOG_DATA; ./data]",
        ),
        click.Option(["--owner"], help="Owner of the log.  [DECISIONLOG_OWNER; the operating system's user]"),
    ]


def _build_argument(field: Field) -> click.Argument:
    """Return an argument. Click does not require it: what is missing is asked for, or reported by its name."""
    metavar = metavar_of(field)
    shown = f"{metavar}..." if field.get("many") else metavar
    return click.Argument(
        [f"{PREFIX}{field['name']}"],
        required=False,
        nargs=-1 if field.get("many") else 1,
        metavar=shown if field.get("required") else f"[{shown}]",
        type=_type_of(field),
    )


def _arguments_of(verb: Verb) -> list[Field]:
    return sorted((each for each in verb["fields"] if "argument" in each), key=lambda each: each["argument"])


def _help_of_argument(field: Field) -> str:
    if field["type"] == "choice":
        return f"{field['help'].removesuffix(' [required]')} One of {', '.join(field['choices'])}."
    if field["name"] != "subject":
        return str(field["help"].removesuffix(" [required]"))
    by = "Their name, handle or id." if field["type"] == "person" else "Its key, title, number or id."
    return f"{by} A unique prefix is enough."


def _build_option(field: Field) -> click.Option:
    is_cost, is_flag = field["type"] == "cost", field["type"] == "flag"
    type_ = _type_of(field)
    return click.Option(
        [f"--{field['option']}", f"{PREFIX}{field['name']}"],
        multiple=bool(field.get("many")),
        nargs=2 if is_cost else 1,
        is_flag=is_flag,
        type=None if is_flag else type_,
        metavar="AMOUNT CURRENCY" if is_cost else _METAVARS.get(field["type"]),
        help=field["help"],
    )


_METAVARS: Final[Mapping[str, str]] = {
    "line": "TEXT",
    "text": "TEXT",
    "member": "TEXT",
    "person": "PERSON",
    "subject": "SUBJECT",
    "target": "WHEN",
    "day": "DAY",
    "time": "TIME",
    "integer": "NUMBER",
    "json": "JSON",
}


def _type_of(field: Field) -> click.ParamType[Any]:
    from cli.field_types import type_of  # noqa: PLC0415  (needs click only, but is not needed for the list of commands)

    return type_of(field)


def _record_later(verb: Verb) -> Any:
    """Return the callback of a command. What it needs is imported when it runs, so that help is fast."""

    def run(**given: Any) -> None:
        from cli.recording import record  # noqa: PLC0415  (see above)

        record(verb, given)

    return run
