"""Reading what a form sends: the values as typed, and the commands that they stand for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import ValidationError

from api.pages.command_forms import Form, FormField
from api.pages.references import Candidate, NotFoundError, find_one
from api.problems import HttpProblem
from domain.catalog import COMMAND
from domain.messages import Command
from domain.validation_messages import list_errors
from domain.values import format_timestamp, is_subject

MAX_BODY: Final = 1 << 20
MAX_FIELDS: Final = 500
LIST_SEPARATOR: Final = ";"
Typed = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with a field, and what may be meant."""

    message: str
    candidates: Sequence[Candidate] = ()


@dataclass
class Errors:
    """Everything that is wrong with a form; the key of what concerns the whole is empty."""

    by_field: dict[str, FieldError] = field(default_factory=dict)

    def add(self, name: str, message: str, candidates: Sequence[Candidate] = ()) -> None:
        """Add an error, unless its field has one."""
        self.by_field.setdefault(name, FieldError(_capitalize(message), candidates))


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
    use = found.pop("use", [])
    values = {name: f"{LIST_SEPARATOR} ".join(each for each in given if each.strip()) for name, given in found.items()}
    for chosen in use:  # the button of a candidate replaces what was typed
        name, _, value = chosen.partition("=")
        values[name] = value
    return values


def parse_commands(
    form: Form,
    typed: Typed,
    candidates: Mapping[str, Sequence[Candidate]],
    zone: tzinfo,
    errors: Errors,
    unchanged: Mapping[str, str],
) -> list[Command]:
    """Return the commands of a form, or none if there are `errors`.

    `unchanged` are the values that the form started with, as typed. Where a form records several commands, or revises,
    only what differs from these is recorded.
    """
    values = {each.name: _parse_field(each, typed.get(each.name, ""), candidates, zone, errors) for each in form.fields}
    if "key" in values and not values["key"]:
        values["key"] = slug_of(typed.get("title", ""))
    if errors.by_field:
        return []
    shared = {name: values[name] for name in Command.model_fields if values.get(name) not in (None, [])}
    found: list[Command] = []
    for command in form.commands:
        own = {name: values[name] for name in command.model_fields if name in values and name not in shared}
        own = {name: value for name, value in own.items() if value not in (None, [])}
        if form.needs_version or len(form.commands) > 1:
            changed = {name for name in own if typed.get(name, "").strip() != unchanged.get(name, "").strip()}
            cleared = {name for name in command.model_fields if unchanged.get(name) and not typed.get(name, "").strip()}
            if not changed and not cleared:
                continue
            own = {name: own[name] for name in changed} if form.needs_version else own
        subject = {} if command.creates else {"subject": typed.get("subject", "")}
        raw = {_alias(command, name): value for name, value in {**shared, **own}.items()}
        try:
            found.append(COMMAND.validate_python({"type": command.__name__, **subject, **raw}))
        except ValidationError as error:
            for path, message in list_errors(error.errors(include_url=False, include_input=False)):
                errors.add(path.partition(".")[0], message)
    if not found and not errors.by_field:
        errors.add("", "Nothing was changed.")
    return [] if errors.by_field else found


def slug_of(title: str) -> str | None:
    """Return a key made from a title, or None if it has no letters for one."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:30] or None


def _alias(command: type[Command], name: str) -> str:
    return command.model_fields[name].alias or name


def _parse_field(
    field_: FormField, text: str, candidates: Mapping[str, Sequence[Candidate]], zone: tzinfo, errors: Errors
) -> Any:
    """Return the value of a field as a command takes it; None if it is empty or wrong."""
    if not text.strip():
        if field_.is_required:
            errors.add(field_.name, f"{field_.label} is missing.")
        return None
    if not field_.is_list:
        return _parse_item(field_, text, candidates, zone, errors)
    separator = "\n" if field_.control == "text" else LIST_SEPARATOR
    return [
        _parse_item(field_, part.strip(), candidates, zone, errors) for part in text.split(separator) if part.strip()
    ]


def _parse_item(
    field_: FormField, text: str, candidates: Mapping[str, Sequence[Candidate]], zone: tzinfo, errors: Errors
) -> Any:
    if field_.control in ("subject", "person"):
        kind = field_.kind or "subject"
        try:
            return (
                find_one(text.strip(), candidates[kind], _NOUNS.get(kind, kind)) if kind in candidates else text.strip()
            )
        except NotFoundError as error:
            errors.add(field_.name, error.message, error.candidates)
            return None
    if field_.control == "number":
        try:
            return int(text)
        except ValueError:
            errors.add(field_.name, f"{field_.label} must be a whole number.")
            return None
    if field_.control == "time":
        return _parse_time(text, zone)
    return text if field_.control == "text" else text.strip()


_NOUNS: Final = {"holder": "person or team"}


def _parse_time(text: str, zone: tzinfo) -> str:
    """Return a time of a form with its offset. A time without one is in the zone; the command checks the rest."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    return format_timestamp((time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC))
