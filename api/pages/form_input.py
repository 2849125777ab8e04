"""Reading what a form sends: the values as typed, and the commands that they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Final, get_args
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import ValidationError

from api.pages.command_forms import TARGETS, Form, FormField
from api.pages.references import Candidate, NotFoundError, find_one, noun_of
from api.pages.value_formats import typed_time
from api.problems import HttpProblem
from domain.catalog import COMMAND
from domain.decision_messages import RISKS
from domain.ids import SUBJECT_IN_TEXT, key_from_title, kind_of
from domain.messages import Command
from domain.quantities import TimeUnit
from domain.validation_messages import list_errors
from domain.values import format_micros, is_subject

MAX_BODY: Final = 1 << 20
MAX_FIELDS: Final = 1_000
LIST_SEPARATOR: Final = ";"
ITEM_MARK: Final = "#"
"""Before the number of the item that was picked: its title may still be typed."""
LINE_CONTROLS: Final = ("text", "findings")
"""Controls of lists with an item a line."""
RECORDED_DIFFERENTLY: Final = (
    "This form was already recorded with different content. Send it again to record this as well."
)
"""The error of a form whose key was used for other commands."""
MAX_DIGITS: Final = 15
"""Digits of a number that is typed: `int` refuses thousands of them."""
Typed = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with a field, and what may be meant."""

    message: str
    candidates: Sequence[Candidate] = ()
    item: str = ""
    """What was typed instead of one of the candidates; a list may have other items."""


@dataclass
class Errors:
    """Everything that is wrong with a form; the key of what concerns the whole is empty."""

    by_field: dict[str, FieldError] = field(default_factory=dict)
    conflicts: dict[str, str] = field(default_factory=dict)
    """What was changed since the form was shown, and the form would change. If it was recorded already, it is no error."""

    @property
    def mentioned(self) -> list[str]:
        """The subjects whose ids are in the messages."""
        return [subject for each in self.by_field.values() for subject in SUBJECT_IN_TEXT.findall(each.message)]

    def add(self, name: str, message: str, candidates: Sequence[Candidate] = (), item: str = "") -> None:
        """Add an error, unless its field has one."""
        self.by_field.setdefault(name, FieldError(_capitalize(message), candidates, item))


def _capitalize(message: str) -> str:
    """Return a message that begins with a capital, unless it begins with an id."""
    return message if is_subject(message.partition(" ")[0]) else message[:1].upper() + message[1:]


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form as typed; of repeated fields the filled ones, joined.

    Raises:
        HttpProblem: 415 if it is no form, 413 if it is too long.
    """
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise HttpProblem(415, "send a form as application/x-www-form-urlencoded")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HttpProblem(413, f"the form is longer than {MAX_BODY} bytes")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise HttpProblem(400, "the form is not valid; reload the page and try again") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return {name: f"{LIST_SEPARATOR} ".join(each for each in given if each.strip()) for name, given in found.items()}


def use_candidate(fields: Iterable[FormField], typed: Typed) -> dict[str, str]:
    """Return what was typed, with the candidate whose button was pressed instead of the item that was not found.

    The button sends `use`: the name of the input, the id, and the item, separated by `=`.
    """
    values = dict(typed)
    name, _, rest = values.pop("use").partition("=")
    subject, _, item = rest.partition("=")
    field_ = next((each for each in fields if each.name == name.rpartition(".")[2]), None)
    items = [each.strip() for each in values.get(name, "").split(LIST_SEPARATOR)]
    if field_ is None or not field_.is_list or item not in items:
        values[name] = subject
    else:
        values[name] = f"{LIST_SEPARATOR} ".join(subject if each == item else each for each in items)
    return values


@dataclass(frozen=True, slots=True)
class Input:
    """What was typed, and what is needed to understand it."""

    typed: Typed
    candidates: Mapping[str, Sequence[Candidate]]
    zone: tzinfo
    errors: Errors
    find_in_other_kinds: Callable[[str, str], Sequence[str]]
    """Returns the subjects with a key or title that are not of a kind."""


def parse_commands(form: Form, given: Input, shown: Typed, current: Typed) -> list[Command]:
    """Return the commands of a form, or none if there are errors other than conflicts.

    `shown` are the values that the form started with, as typed. Where a form records several commands, or revises, only
    what differs from these is recorded. `current` are the values now: what was changed meanwhile is a conflict.
    """
    typed, errors = given.typed, given.errors
    values = {each.name: _parse_field(each, given) for each in form.fields}
    if "key" in values and not values["key"]:
        values["key"] = key_from_title(typed.get("title", ""))
    if errors.by_field:
        return []
    shared = {name: values[name] for name in Command.model_fields if values.get(name) not in (None, [])}
    found: list[Command] = []
    for command in form.commands:
        own = {name: values[name] for name in command.model_fields if name in values and name not in shared}
        own = {name: value for name, value in own.items() if value not in (None, [])}
        differing = {name for name in command.model_fields if _typed_of(name, typed) != _typed_of(name, shown)}
        if form.is_revision or len(form.commands) > 1:
            cleared = {name for name in differing if _typed_of(name, shown) and not _typed_of(name, typed)}
            if not differing & own.keys() and not cleared:
                continue
            if form.is_revision:
                own = {name: own[name] for name in differing & own.keys()} | _empty(form, cleared, errors)
        elif "rules" in values:
            own["rules"] = values["rules"]  # without any, a product has the rights of its line again
        if own.keys() >= TARGETS and len(unchanged := TARGETS - differing) == 1:
            del own[next(iter(unchanged))]  # a new one replaces the other
        for name in own:
            _require_current(name, typed, shown, current, errors)
        subject = {} if command.creates else {"subject": typed.get("subject", "")}
        raw = {_alias(command, name): value for name, value in {**shared, **own}.items()}
        try:
            found.append(COMMAND.validate_python({"type": command.__name__, **subject, **raw}))
        except ValidationError as error:
            for path, message in list_errors(error.errors(include_url=False, include_input=False)):
                errors.add(_input_of_path(path, form, typed), message)
    if not found and not errors.by_field:
        errors.add("", "Nothing was changed. Change at least one field, then send the form again.")
    return [] if errors.by_field else found


def _empty(form: Form, cleared: Iterable[str], errors: Errors) -> dict[str, Any]:
    """Return an empty list for each of the lists that were cleared; other fields of a revision cannot be emptied."""
    fields = {each.name: each for each in form.fields}
    for name in cleared:
        if name in fields and not fields[name].is_list:
            errors.add(name, f"“{fields[name].label}” can be replaced, but not emptied.")
    return {name: [] for name in cleared if name in fields and fields[name].is_list}


def _require_current(name: str, typed: Typed, shown: Typed, current: Typed, errors: Errors) -> None:
    """Add a conflict if a field was changed since the form was shown, unless to what was typed."""
    now, before, own = (_typed_of(name, each) for each in (current, shown, typed))
    if now in (before, own):
        return
    if own == before:
        errors.conflicts[name] = "It was changed meanwhile. Check what it is now, and send the form again."
    else:
        text = f" to “{now[name]}”" if name in now else ""
        errors.conflicts[name] = f"It was changed meanwhile{text}. Send the form again to replace that."


def _typed_of(name: str, typed: Typed) -> dict[str, str]:
    """Return what was typed into a field or into those of its items, without what is blank."""
    found = {key: value for key, value in typed.items() if key == name or key.startswith(f"{name}.")}
    return {key: value.strip() for key, value in found.items() if value.strip()}


def _input_of_path(path: str, form: Form, typed: Typed) -> str:
    """Return the input that an error of a command is about, such as `options.1.title`."""
    first, *rest = path.split(".")
    items = next((each for each in form.fields if each.name == first and each.control == "items"), None)
    if items is None or not rest:
        return first
    rows = list_rows(items, typed)
    place = rows[int(rest[0])] if rest[0].isdecimal() and int(rest[0]) < len(rows) else rest[0]
    return ".".join((first, str(place), *rest[1:2]))


def list_rows(items: FormField, typed: Typed) -> list[int]:
    """Return the numbers of the items of a form that are filled in, that is, differ from a new one."""
    defaults = {each.name: default_text(each) for each in items.fields}
    found = {
        int(key.split(".")[1])
        for key, value in typed.items()
        if is_input_of_item(key, items.name) and value.strip() != defaults.get(key.split(".")[2], "")
    }
    return sorted(found)


def is_input_of_item(key: str, name: str) -> bool:
    """Return whether a key names an input of an item, such as `options.1.title`, with a number below 1,000."""
    parts = key.split(".")
    return len(parts) == 3 and parts[0] == name and parts[1].isdecimal() and len(parts[1]) <= 3  # noqa: PLR2004


def default_text(field_: FormField) -> str:
    """Return the value that a new form shows in a field."""
    return "" if field_.default is None or isinstance(field_.default, tuple) else str(field_.default)


def _alias(command: type[Command], name: str) -> str:
    return command.model_fields[name].alias or name


def _parse_field(field_: FormField, given: Input, prefix: str = "") -> Any:
    """Return the value of a field as a command takes it; None if it is empty or wrong."""
    if field_.control == "items":
        return [
            {
                each.name: value
                for each in field_.fields
                if (value := _parse_field(each, given, f"{field_.name}.{row}."))
            }
            for row in list_rows(field_, given.typed)
        ]
    name = f"{prefix}{field_.name}"
    text = given.typed.get(name, "")
    if field_.control == "pick" and text.startswith(ITEM_MARK):
        text = given.typed.get(f"{field_.kind}.{text.removeprefix(ITEM_MARK)}.title", "")
    if not text.strip():
        if field_.is_required:
            given.errors.add(name, f"“{field_.label}” is missing.")
        return None
    if not field_.is_list:
        return _parse_item(field_, name, text, given)
    separator = "\n" if field_.control in LINE_CONTROLS else LIST_SEPARATOR
    return [_parse_item(field_, name, part.strip(), given) for part in text.split(separator) if part.strip()]


def _parse_item(field_: FormField, name: str, text: str, given: Input) -> Any:
    match field_.control:
        case "subject" | "person":
            return _find_subject(field_, name, text.strip(), given)
        case "time":
            return _parse_time(text, given.zone)
        case "text":
            return text
        case control if control in _PARSERS:
            return _PARSERS[control](field_, name, text, given)
        case _:
            return text.strip()


def _find_subject(field_: FormField, name: str, text: str, given: Input) -> str | None:
    kind = field_.kind or "subject"
    if kind not in given.candidates:
        return text
    try:
        return find_one(text, given.candidates[kind], noun_of(kind))
    except NotFoundError as error:
        found = [] if error.candidates else given.find_in_other_kinds(text, kind)
        shown = " and ".join(f"the {kind_of(each)} {each}" for each in found)
        given.errors.add(name, f"{error.message}{f' It is {shown}.' if shown else ''}", error.candidates, text)
        return None


def _parse_number(field_: FormField, name: str, text: str, given: Input) -> int | None:
    try:
        return int(text)
    except ValueError:
        given.errors.add(name, f"“{field_.label}” must be a whole number.")
        return None


def _parse_money(field_: FormField, name: str, text: str, given: Input) -> Any:
    """Return an amount with its currency, typed in either order, such as `24,000 EUR`."""
    found = _MONEY.fullmatch(text.strip().upper())
    if found is None:
        given.errors.add(name, f"“{field_.label}” must be a whole amount with its currency, such as 24,000 EUR.")
        return None
    amount = re.sub(r"\D", "", found["amount"])
    return {"amount": int(amount), "currency": found["before"] or found["after"]}


_MONEY: Final = re.compile(
    r"(?:(?P<before>[A-Z]{3})\s*)?(?P<amount>[0-9]{1,3}(?:[ ,.'][0-9]{3}){1,5}|[0-9]{1,15})(?(before)|\s*(?P<after>[A-Z]{3}))"
)


def _parse_duration(field_: FormField, name: str, text: str, given: Input) -> Any:
    """Return a length of time, such as `6 weeks`; one of a unit is typed with or without its `s`."""
    amount, _, unit = text.strip().lower().partition(" ")
    units = get_args(TimeUnit)
    found = next((each for each in units if unit.strip() in (each, each[:-1])), None)
    if not amount.isdecimal() or len(amount) > MAX_DIGITS or found is None:
        given.errors.add(name, f"“{field_.label}” must be a whole number of {', '.join(units)}, such as 6 weeks.")
        return None
    return {"amount": int(amount), "unit": found}


_FINDING: Final = re.compile(
    rf"(?P<risk>{'|'.join(RISKS)})\s*:\s*(?P<answer>yes|no|unclear)(?:\s*[-–]\s*(?P<finding>.*?))?"
    r"(?:\s*\[(?P<evidence>[^\]]*)\])?"
)


def _parse_finding(_: FormField, name: str, text: str, given: Input) -> Any:
    """Return what a line says about an option, such as `valuable: yes - They ask for it [evidence:survey]`."""
    found = _FINDING.fullmatch(text.strip())
    if found is None:
        given.errors.add(
            name, f"“{text}” is not a finding; write it like this: valuable: yes - They ask for it [evidence:KEY]."
        )
        return None
    value: dict[str, Any] = {"risk": found["risk"], "answer": found["answer"]}
    if found["finding"]:
        value["finding"] = found["finding"]
    evidence = [each.strip() for each in (found["evidence"] or "").split(",") if each.strip()]
    return {**value, **({"evidence": evidence} if evidence else {})}


_PARSERS: Final[Mapping[str, Callable[[FormField, str, str, Input], Any]]] = {
    "number": _parse_number,
    "money": _parse_money,
    "duration": _parse_duration,
    "findings": _parse_finding,
}


def format_finding(value: Mapping[str, Any]) -> str:
    """Return a finding about an option as a line of a form."""
    evidence = ", ".join(value.get("evidence", ()))
    finding = f" - {value['finding']}" if value.get("finding") else ""
    return f"{value['risk']}: {value['answer']}{finding}{f' [{evidence}]' if evidence else ''}"


def _parse_time(text: str, zone: tzinfo) -> str:
    """Return a time of a form with its offset. A time without one is in the zone; the command checks the rest."""
    micros = typed_time(text, zone)
    return text if micros is None else format_micros(micros)
