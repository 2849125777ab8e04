"""The base classes of commands and events, with the fields that all of them have in common."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from domain.fields import FieldChange
from domain.times import MAX_INTEGER
from domain.values import Actor, Code, GroundId, Line, Position, RawText, StringKind, Text, Timestamp

M = TypeVar("M", bound=BaseModel)


def _set_fail_fast(schema: Any) -> None:
    """Set `fail_fast` on every sequence in a core schema."""
    if isinstance(schema, dict):
        if schema.get("type") in ("list", "tuple"):
            schema["fail_fast"] = True
        for name, child in schema.items():
            if name not in ("metadata", "serialization"):
                _set_fail_fast(child)
    elif isinstance(schema, list):
        for child in schema:
            _set_fail_fast(child)


class Message(BaseModel):
    """An immutable record that rejects unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null", allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate each list up to its first invalid member, so that a long invalid list takes no memory."""
        schema = handler(source)
        _set_fail_fast(schema)
        return schema


class Reference(Message):
    """An external id or link, such as a ticket or meeting notes."""

    system: Code | None = Field(None, description="The system the id belongs to, such as `jira` or `url`.")
    id: Line = Field(description="The id or URL in that system.")


class Source(Message):
    """Where an imported change was recorded originally."""

    system: Code = Field(description="The system it was imported from, such as `jira` or `keps`.")
    reference: Code | None = Field(
        None, description="The id of the change in that system, such as a commit or a ticket's history id."
    )
    at: Timestamp | None = Field(None, description="When it happened, according to that system's clock.")


class Command(Message):
    """A request to record something. These fields are available in every command."""

    effective_at: Timestamp | None = Field(
        None, description="When it took effect, if earlier than now. Shown with the event; cannot be in the future."
    )
    because: tuple[GroundId, ...] = Field(
        (), max_length=50, description="The decisions, evidence and assumptions this is based on."
    )
    note: Text | None = Field(None, description="A remark, or the reason if no decision explains it.")
    on_behalf_of: Actor | None = Field(
        None,
        description="The person on whose behalf the caller acts. A claim, unless a delegation of theirs covers the "
        "command; a service needs one. In an import, also the service that made the change.",
    )
    references: tuple[Reference, ...] = Field((), max_length=50, description="External ids and links.")
    corrects: Position | None = Field(None, description="The position of the voided entry that this command replaces.")
    source: Source | None = Field(None, description="Imports only: where it was recorded originally.")

    creates: ClassVar[str | None] = None
    """The kind of subject that the command creates, if any; the new subject's key is then in the field `key`."""

    def subject_id(self) -> str:
        """The subject it changes, whose version `If-Match` checks. A command that creates one must have its key by now."""
        if self.creates:
            return f"{self.creates}:{getattr(self, 'key')}"  # noqa: B009  (only these commands have it)
        return str(getattr(self, "subject"))  # noqa: B009  (only the other commands have it)


class Event(Message):
    """Something that happened to one subject."""

    has_periods: ClassVar[bool] = False
    """Whether its changes can begin or end at times of their own."""
    is_imported: ClassVar[bool] = False
    """Whether it records what happened in another system, to which the rules here do not apply."""

    def field_changes(self) -> Iterable[FieldChange]:
        """The fields it changes, in order; at most 256."""
        return ()

    def voided_position(self) -> int | None:
        """The position of the entry of the same subject that it voids, if any."""
        return None


class Draft(NamedTuple):
    """An event that a rule decided to record and that is not in the log yet."""

    subject: str
    event: Event


class CommandContext(NamedTuple):
    """The circumstances of a command: everything a rule knows besides the command and the subjects.

    `now` and `effective_at` are in microseconds since 1970. `principal` is the person on whose behalf the actor acts,
    or else the actor; `credential` is what the actor signed in with, `scopes` what it may be used for, and `groups` are the
    actor's groups at the sign-in provider. `delegation` is the position of the delegation that lets the actor act for the
    principal; without one, the principal is a claim. `is_only_command` says that the transaction has no other command;
    its entries come after the position `preceding`.
    """

    now: int
    effective_at: int
    actor: str
    principal: str
    scopes: frozenset[str] = frozenset()
    new_key: Callable[[], str] = lambda: ""
    credential: str = ""
    groups: frozenset[str] = frozenset()
    delegation: int | None = None
    is_only_command: bool = False
    preceding: int = MAX_INTEGER


@dataclass(frozen=True, slots=True)
class StringField:
    """The path of a string in a message, and its kind. `*` in the path stands for every member of a list."""

    path: tuple[str, ...]
    kind: StringKind | None
    required: bool


@cache
def string_fields(model: type[BaseModel]) -> tuple[StringField, ...]:
    """Return every string field of a message class, derived from its types."""
    return tuple(_iterate_model(model))


@cache
def string_paths(model: type[BaseModel], kind: StringKind) -> tuple[tuple[str, ...], ...]:
    """Return the paths of the strings of one kind."""
    return tuple(leaf.path for leaf in string_fields(model) if leaf.kind is kind)


def _iterate_model(model: type[BaseModel]) -> Iterator[StringField]:
    hints = typing.get_type_hints(model, include_extras=True)
    for name, info in model.model_fields.items():
        yield from _iterate_hint(hints[name], (name,), None, info.is_required())


def _iterate_hint(hint: Any, path: tuple[str, ...], kind: StringKind | None, required: bool) -> Iterator[StringField]:
    origin = typing.get_origin(hint)
    if origin is Annotated:
        inner, *extras = typing.get_args(hint)
        declared = next((extra for extra in extras if isinstance(extra, StringKind)), kind)
        yield from _iterate_hint(inner, path, declared, required)
    elif origin is typing.Literal:
        yield StringField(path, StringKind.CODE, required)
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        for leaf in string_fields(hint):
            yield StringField(path + leaf.path, leaf.kind, leaf.required)
    elif origin in (tuple, list):
        yield from _iterate_hint(typing.get_args(hint)[0], (*path, "*"), kind, required)
    elif origin is not None:
        for part in typing.get_args(hint):
            yield from _iterate_hint(part, path, kind, required)
    elif hint is str:
        yield StringField(path, kind, required)


def strings_at(data: Any, path: tuple[str, ...]) -> list[tuple[tuple[str | int, ...], str]]:
    """Return the strings at a path of a message or of its dumped form, each with its exact path."""
    value = data
    for n, part in enumerate(path):
        if part == "*":
            return _strings_of_members(value, path[:n], path[n + 1 :])
        value = value.get(part) if isinstance(value, dict) else _get_member(value, part)
        if value is None:
            return []
    return [(path, value)] if isinstance(value, str) else []


def _strings_of_members(
    members: Iterable[Any], path: tuple[str, ...], rest: tuple[str, ...]
) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    name = rest[0] if rest and rest[0] != "*" else None
    if name is None:
        for m, member in enumerate(members):
            found += [((*path, m, *tail), text) for tail, text in strings_at(member, rest)]
        return found
    for m, member in enumerate(members):
        value = member.get(name) if isinstance(member, dict) else _get_member(member, name)
        if value is None:  # a member may have its value in another field
            continue
        if isinstance(value, str):
            found.append(((*path, m, *rest), value))
        else:
            found += [((*path, m, name, *tail), text) for tail, text in strings_at(value, rest[1:])]
    return found


def strings_of_kind(message: BaseModel, kind: StringKind) -> list[tuple[tuple[str | int, ...], str]]:
    """Return the strings of one kind in a message, each with its exact path."""
    members = vars(message)
    found: list[tuple[tuple[str | int, ...], str]] = []
    for path in string_paths(type(message), kind):
        value = members[path[0]]
        if isinstance(value, str):
            found.append((path, value))
        elif value and path[1:] == ("*",):
            found += [((path[0], n), text) for n, text in enumerate(value)]
        elif value:  # most fields are empty, and to follow the path of each would take most of the time
            found += strings_at(message, path)
    return found


def replace_strings(data: Any, path: tuple[str, ...], change: Callable[[str], str]) -> Any:
    """Return a message, or its dumped form, with the strings at a path changed; unchanged parts are shared."""
    if not path:
        return change(data) if isinstance(data, str) else data
    head, *rest = path
    if head == "*":
        return type(data)(replace_strings(member, tuple(rest), change) for member in data)
    member = _get_member(data, head)
    if member is None:
        return data
    changed = replace_strings(member, tuple(rest), change)
    return copy_with(data, head, changed) if isinstance(data, BaseModel) else {**data, head: changed}


def replace_in_fields(message: M, kind: StringKind, replacements: Mapping[str, str]) -> M:
    """Return a message with some of its strings of one kind replaced, in one copy; unchanged fields are shared."""
    members = vars(message)
    changed: dict[str, object] = {}
    for head, *rest in string_paths(type(message), kind):
        value = changed.get(head, members[head])
        if isinstance(value, str):
            changed[head] = replacements.get(value, value)
        elif value:
            changed[head] = replace_strings(value, tuple(rest), lambda each: replacements.get(each, each))
    return _construct(type(message), {**members, **changed}, message.__pydantic_fields_set__)


def copy_with(message: M, name: str, value: object) -> M:
    """Return a copy with one field replaced: as `model_copy` does, but without copying what is immutable anyway."""
    given = message.__pydantic_fields_set__
    return _construct(type(message), {**message.__dict__, name: value}, given if name in given else {*given, name})


def derive(event: type[M], command: Command, **more: object) -> M:
    """Return an event with the fields that its class shares with a command, whose values were validated with the same types.

    `more` gives the others, and those that differ.
    """
    fields = {**vars(command), **more}
    names, given = _field_names(event)
    return _construct(event, {name: fields[name] for name in names}, given)


def _construct(model: type[M], fields: dict[str, object], given: set[str]) -> M:
    """Return a message of values that are valid. pydantic's `model_construct` takes longer than to validate them."""
    message = object.__new__(model)
    object.__setattr__(message, "__dict__", fields)
    object.__setattr__(message, "__pydantic_fields_set__", given)
    object.__setattr__(message, "__pydantic_extra__", None)
    object.__setattr__(message, "__pydantic_private__", None)
    return message


@cache
def _field_names(model: type[BaseModel]) -> tuple[tuple[str, ...], set[str]]:
    """Return the names of the fields, in order and as a set, which no message changes, so that all can share it."""
    return tuple(model.model_fields), set(model.model_fields)


def _get_member(value: Any, name: str) -> Any:
    """Return a field by name; None if it is empty or missing."""
    if isinstance(value, dict):
        return value.get(name)
    # A string has methods with the names of fields; asking whether it is a model would take much longer.
    return None if isinstance(value, str) else getattr(value, name, None)


__all__ = [
    "Command",
    "CommandContext",
    "Draft",
    "Event",
    "Message",
    "RawText",
    "Reference",
    "Source",
    "StringField",
    "Text",
    "copy_with",
    "derive",
    "replace_in_fields",
    "replace_strings",
    "string_fields",
    "string_paths",
    "strings_at",
    "strings_of_kind",
]
