"""Record with a command of `cli/verb_list.py`: ask for what is missing, find what was named, confirm, send, and say what was done."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import click

from cli.asking import ask_text, confirm, confirm_new_log, is_interactive
from cli.candidates import fold
from cli.context import get_context
from cli.editing import edit_fields, edit_text
from cli.errors import CommandFailed, Exit, NoLogError
from cli.field_types import NONE, parse_day
from cli.finding import KINDS, ME, Finder
from cli.location import Location
from cli.receipts import print_preview, print_receipt
from cli.settings_loading import find_location
from cli.table import print_note
from cli.verb_list import PREFIX, Field, Verb, metavar_of, read_verbs
from decisionlog_client import Client, Malformed, Refused, questions
from domain.ids import replace_ids

Values = dict[str, Any]

_GIVEN_UP: Final = ("retired", "disbanded")
"""The statuses of products and teams whose names may be used again."""
_ATTEMPTS: Final = 5
"""How often a value that the log refuses is asked for again."""
_MAX_DIGITS: Final = 18
"""Digits of a whole number, of which `int` refuses thousands."""


def record(verb: Verb, given: Mapping[str, Any]) -> None:
    """Record what was given on the command line.

    Raises:
        CommandFailed: a value is missing, nothing has the name that was given, or confirmation is needed.
        Refused: the log refused it.
    """
    location = find_location(data=given["data"], owner=given["owner"])
    fields = _fields_of(verb)
    values = {
        name.removeprefix(PREFIX): value
        for name, value in given.items()
        if name.startswith(PREFIX) and value not in (None, (), False)
    }
    typed = dict(values)
    try:
        asked = _ask_for_texts(verb, fields, typed, edit=bool(given.get("edit")))
        _record(verb, fields, typed, location, given, asked=asked)
    except (CommandFailed, Refused, click.Abort) as stopped:
        if typed != values:
            after_prompt = "\n" if isinstance(stopped, click.Abort) else ""
            click.echo(
                f"{after_prompt}To continue with what you typed:\n  {to_command_line(verb, fields, typed)}", err=True
            )
        raise


def _fields_of(verb: Verb) -> dict[str, Field]:
    own = {field["name"]: field for field in verb["fields"]}
    return own | {field["name"]: field for field in read_verbs()[0] if field["name"] not in own}


def _record(
    verb: Verb, fields: Mapping[str, Field], typed: Values, location: Location, given: Mapping[str, Any], *, asked: bool
) -> None:
    dry_run, yes = bool(given["dry_run"]), bool(given["yes"])
    with _open_log(location, yes=yes, dry_run=dry_run) as log:
        finder = Finder(log)
        if asked or is_interactive():
            _ask_for_names(verb, fields, typed, finder, asked=asked)
        for _ in range(_ATTEMPTS):
            command = _build_command(verb, fields, typed, finder)
            _confirm(verb, command, finder, yes=yes or dry_run, asked=asked)
            try:
                _send(verb, command, log, given)
            except Refused as refused:
                if not (asked and _ask_again(refused, fields, typed)):
                    raise _explain(refused, fields, finder) from None
            else:
                return


@contextmanager
def _open_log(location: Location, *, yes: bool, dry_run: bool) -> Iterator[Client]:
    """Open the log. One that does not exist is created only after confirmation, never by a dry run."""
    if not dry_run:
        confirm_new_log(location, yes=yes)
    try:
        with get_context().client(location, writes=True, creates=not dry_run) as log:
            log.cover(log.ask(questions.head())["size"])
            yield log
    except NoLogError as missing:
        raise CommandFailed(f"{missing} Choose a log with --data or DECISIONLOG_DATA.") from None


# Asking --------------------------------------------------------------------------------------------------------------


def _ask_for_texts(verb: Verb, fields: Mapping[str, Field], typed: Values, *, edit: bool) -> bool:
    """Ask for missing required values that are no names, and return whether anything was asked.

    Raises:
        CommandFailed: something is missing, and there is no terminal to ask on.
    """
    if edit:
        editable = {name: str(typed.get(name) or "") for name in verb["editable"]}
        typed |= edit_fields({name: heading_of(fields[name]) for name in editable}, editable)
    missing = [field for name, field in fields.items() if field.get("required") and name not in typed]
    if missing and not is_interactive():
        *first, last = map(name_of, missing)
        names, pronoun = f"{', '.join(first)} and {last}" if first else last, "them" if first else "it"
        raise CommandFailed(f"Missing {names}. On a terminal, the command asks for {pronoun}.", Exit.USAGE_ERROR)
    for field in sorted(missing, key=lambda each: each.get("argument", len(fields))):
        if field["type"] not in ("person", "subject", "target"):
            typed[field["name"]] = _ask_for(field, long=field["name"] in verb.get("editable", ()))
    return bool(missing)


def _ask_for(field: Field, *, long: bool = False) -> Any:
    heading = heading_of(field)
    if field["type"] == "choice":
        return click.prompt(heading, type=click.Choice(field["choices"], case_sensitive=False), err=True)
    if field["type"] == "text" and long:
        return ask_text(f"{heading} (empty opens your editor)", may_be_empty=True) or edit_text(heading)
    answer: Any = ask_text(heading)
    if field["type"] == "day":
        answer = parse_day(answer) or answer
    elif field["type"] == "integer" and answer.isdecimal() and len(answer) <= _MAX_DIGITS:
        answer = int(answer)
    return (answer,) if field.get("many") else answer


def _ask_for_names(verb: Verb, fields: Mapping[str, Field], typed: Values, finder: Finder, *, asked: bool) -> None:
    """Ask for missing subjects and people: the required ones, and those that are easily forgotten."""
    if not is_interactive():
        return
    for name, field in fields.items():
        wanted = field.get("required") or name in verb.get("asks", ()) or (asked and name in verb.get("own", ()))
        if not wanted or name in typed or field["type"] not in ("person", "subject", "target"):
            continue
        heading = heading_of(field)
        if name in verb.get("own", ()):
            answer = ask_text(heading, "you")
            answer = ME if answer == "you" else answer
        elif field.get("required"):
            answer = ask_text(heading)
        else:
            known = finder.candidates(field["kinds"][0])
            if not known:
                continue
            click.echo(f"{heading}: {', '.join(each.title or each.subject for each in known[:9])}", err=True)
            answer = ask_text(f"{heading} (empty: none)", may_be_empty=True)
        if answer:
            typed[name] = (
                (_check_name(finder, answer, field),) if field.get("many") else _check_name(finder, answer, field)
            )


def _check_name(finder: Finder, answer: str, field: Field) -> str:
    """Return the name as typed, or again until one is found."""
    for _ in range(_ATTEMPTS):
        try:
            return answer if field["type"] == "target" else finder.find(answer, field["kinds"])
        except CommandFailed as error:
            click.echo(str(error), err=True)
            answer = ask_text(heading_of(field))
    return answer


def _ask_again(refused: Refused, fields: Mapping[str, Field], typed: Values) -> bool:
    """Ask once more for the value that was refused, and return whether that was possible."""
    field = fields.get(_path_of(refused).partition(".")[0])
    if field is None or not is_interactive():
        return False
    click.echo(f"{name_of(field)}: {refused.detail.removeprefix(str(refused.field)).lstrip(': ')}.", err=True)
    typed[field["name"]] = _ask_for(field)
    return True


def _confirm(verb: Verb, command: Mapping[str, Any], finder: Finder, *, yes: bool, asked: bool) -> None:
    """Ask before what cannot be undone, and before a second subject of the same name.

    Raises:
        CommandFailed: there is no terminal to ask on.
    """
    if verb.get("check_names"):
        _confirm_name(verb, command, finder, yes=yes)
    if verb.get("final"):
        subject = command.get("subject")
        positions = command.get("positions") or [each for each in (command.get("position"),) if each]
        which = f", position {', '.join(map(str, positions))}" if positions else ""
        what = f"{verb['summary'].rstrip('.')}: {_label(finder, subject)}" if subject else verb["summary"].rstrip(".")
        print_note(f"{what}{which}. {verb['final']}")
        confirm("Continue?", yes=yes, otherwise="Add --yes to confirm.")
    elif asked and verb["command"] == "RecordDecision":
        confirm("Record it?", yes=yes, otherwise="")


def _confirm_name(verb: Verb, command: Mapping[str, Any], finder: Finder, *, yes: bool) -> None:
    name = str(command.get("name") or command.get("title"))
    same = [each for each in finder.candidates(verb["creates"]) if fold(name) in each.names]
    if any(each.subject == f"{verb['creates']}:{command.get('key')}" for each in same):
        return  # the log refuses the key
    if same := [each for each in same if _is_live(finder.log, each.subject)]:
        labels = " and ".join(each.label for each in same)
        problem = f"There is already a {verb['creates']} of this name: {labels}."
        confirm(f"{problem} Add another?", yes=yes, otherwise=f"{problem} Add --yes to add another of the same name.")


def _is_live(log: Client, subject: str) -> bool:
    """Return whether a subject is neither removed, nor a product or team that was given up. A person stays who they are."""
    if subject.startswith("person:"):
        return True
    answer = log.ask(questions.subject(subject))
    status = answer["fields"].get("status")
    return answer["current"] and not (status and status["value"] in _GIVEN_UP)


def _label(finder: Finder, subject: str) -> str:
    if subject.startswith("log:"):
        return "the log"
    kind = subject.partition(":")[0]
    known = finder.candidates(kind) if kind in KINDS else []
    return next((each.label for each in known if each.subject == subject), subject)


# Sending -------------------------------------------------------------------------------------------------------------


def _build_command(verb: Verb, fields: Mapping[str, Field], typed: Values, finder: Finder) -> Values:
    command: Values = {"type": verb["command"]}
    for name in verb.get("own", ()):
        typed.setdefault(name, ME)
    if verb.get("is_about_log"):
        command["subject"] = finder.log.ask(questions.head())["log"]
    for name, value in typed.items():
        field = fields[name]
        if field["type"] == "target":
            command |= _resolve_target(value, finder)
        elif field.get("many"):
            members = value if isinstance(value, tuple | list) else (value,)
            is_empty = [*members] == [NONE]
            command[name] = [] if is_empty else [_convert(field, each, finder) for each in members]
        else:
            command[name] = _convert(field, value, finder)
    return command


def _resolve_target(value: str, finder: Finder) -> Values:
    if value.casefold() == NONE:
        return {}
    day = parse_day(value)
    try:
        return {"day": day} if day else {"release": finder.find(value, ("release",))}
    except CommandFailed as error:
        raise CommandFailed(f"{error} A day is written as 2027-02-28, 'next friday' or 'in 2 weeks'.") from None


def _convert(field: Field, value: Any, finder: Finder) -> Any:
    match field["type"]:
        case "person" | "subject":
            return finder.find(value, field["kinds"])
        case "cost":
            return {"amount": value[0], "currency": value[1]}
        case "member":
            return {field["member"]: value}
        case "time":
            return value.isoformat() if isinstance(value, datetime) else value
        case _:
            return value


def _send(verb: Verb, command: Values, log: Client, given: Mapping[str, Any]) -> None:
    expected = {}
    if verb.get("needs_version"):
        subject = str(command["subject"])
        expected = {subject: int(log.ask(questions.subject(subject))["version"])}
    if given["dry_run"]:
        print_preview(log.preview(command, expected=expected), verb, command, log, as_json=bool(given["as_json"]))
        return
    receipt = log.send(command, expected=expected)
    if given["as_json"]:
        click.echo(json.dumps(receipt, ensure_ascii=False))
        return
    print_receipt(receipt, verb, command, log)


def _explain(refused: Refused, fields: Mapping[str, Field], finder: Finder) -> Refused | CommandFailed:
    """Return the refusal with the titles of subjects; one of an invalid value names its option."""
    path = _path_of(refused)
    field = fields.get(path.partition(".")[0])
    if isinstance(refused, Malformed) and field is not None:
        detail = refused.detail.removeprefix(str(refused.field)).lstrip(": ")
        inner = "" if field["type"] == "member" else _name_inner(path)
        detail = _OTHER_PATH.sub(lambda found: f"{_name_inner(found[1]) or found[1]}: ", detail)
        return CommandFailed(
            f"Invalid {name_of(field)}: {f'{inner}: ' if inner else ''}{detail.rstrip('.')}.", Exit.USAGE_ERROR
        )
    message = _TO_GIVE.sub(lambda found: _name_options(found[0], fields), str(refused))
    message = re.sub(r"`[a-z_]+`", lambda found: _name_options(found[0], fields), message)
    refused.args = (replace_ids(message, lambda subject: _label(finder, subject)),)
    return refused


_TO_GIVE: Final = re.compile(r"; give [^;]*$")
"""The end of a refusal that names fields which would help."""
_OTHER_PATH: Final = re.compile(r"\bcommands\.0\.([\w.-]+): ")


def _name_inner(path: str) -> str:
    """Return which part of an option's value a path is about: `kindz` for `rules.0.kindz`; empty for all of it."""
    return ".".join(part for part in path.split(".")[1:] if not part.isdecimal())


def _name_options(text: str, fields: Mapping[str, Field]) -> str:
    """Return a text in which the names of fields are those of options."""
    return re.sub(
        r"`?\b([a-z_]+)\b`?", lambda found: name_of(fields[found[1]]) if found[1] in fields else found[0], text
    )


def _path_of(refused: Refused) -> str:
    """Return the path of the field that was refused, within the one command that was sent."""
    return re.sub(r"^commands\.0\.", "", refused.field or "")


def name_of(field: Field) -> str:
    """Return what a field is called on the command line."""
    return metavar_of(field) if "argument" in field else f"--{field['option']}"


def heading_of(field: Field) -> str:
    """Return what a field is called in a question."""
    if field["name"] == "subject":
        return metavar_of(field).capitalize()
    return str(field["option"]).replace("-", " ").capitalize()


def to_command_line(verb: Verb, fields: Mapping[str, Field], typed: Mapping[str, Any]) -> str:
    """Return the command that would record these values."""
    words: list[str] = ["decisionlog", *str(verb["path"]).split()]
    arguments = sorted((each for each in fields.values() if "argument" in each), key=lambda each: each["argument"])
    for field in arguments:
        words += _as_words(typed.get(field["name"], ()))
    for name, value in typed.items():
        if "argument" not in fields[name]:
            members: Sequence[Any] = value if isinstance(value, tuple | list) and fields[name].get("many") else [value]
            for each in members:
                words += [f"--{fields[name]['option']}", *_as_words(each)]
    return shlex.join(words)


def _as_words(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, tuple | list) else [str(value)]
