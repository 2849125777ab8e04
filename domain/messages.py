"""Commands are orders, events are facts: the two kinds of message, and what each carries besides its content."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from domain.fields import FieldChange
from domain.values import Code, DecisionId, Line, Person, Position, RawText, StringKind, Text, Timestamp


def _fail_fast(schema: Any) -> None:
    """Set `fail_fast` on every sequence in a core schema."""
    if isinstance(schema, dict):
        if schema.get("type") in ("list", "tuple"):
            schema["fail_fast"] = True
        for name, below in schema.items():
            if name not in ("metadata", "serialization"):
                _fail_fast(below)
    elif isinstance(schema, list):
        for below in schema:
            _fail_fast(below)


class Message(BaseModel):
    """A frozen record that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null", allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate each list up to its first wrong member, so that a long list of wrong ones costs no memory."""
        schema = handler(source)
        _fail_fast(schema)
        return schema


class Reference(Message):
    """An outside id or link, such as a ticket or a meeting note."""

    system: Code | None = Field(None, description="Whose id it is, such as `jira` or `url`.")
    id: Line = Field(description="The id or address in that system.")


class Source(Message):
    """Where an imported act was recorded first."""

    system: Code = Field(description="The system it comes from, such as `jira` or `keps`.")
    reference: Code | None = Field(
        None, description="That system's own name for the change: a commit, a ticket's history id."
    )
    at: Timestamp | None = Field(None, description="When that system says it happened, by its own clock.")


class Command(Message):
    """An order to the log. What every command may carry besides its own fields."""

    effective_at: Timestamp | None = Field(
        None, description="When it took effect, if that was earlier than now. Shown wherever the act is shown."
    )
    because: tuple[DecisionId, ...] = Field((), max_length=50, description="The decisions this act rests on.")
    note: Text | None = Field(None, description="A remark, or the reason where no decision stands behind it.")
    on_behalf_of: Person | None = Field(
        None, description="Whose act it was, where that is not the caller: a claim, and shown as one."
    )
    references: tuple[Reference, ...] = Field((), max_length=50, description="Outside ids and links.")
    corrects: Position | None = Field(None, description="The position of the voided entry that this one replaces.")
    source: Source | None = Field(None, description="For imports only: where the act was recorded first.")

    creates: ClassVar[str | None] = None
    """The kind of subject it brings into being; its key is then the field `key`."""

    def subject_id(self) -> str:
        """The subject it speaks to: the one whose version `If-Match` names. A creating command must have its key."""
        if self.creates:
            return f"{self.creates}:{getattr(self, 'key')}"  # noqa: B009  (only these commands have one)
        return str(getattr(self, "subject"))  # noqa: B009  (and only the others have this)


class Event(Message):
    """A fact in one subject's stream."""

    is_imported: ClassVar[bool] = False
    """Whether it tells what was decided elsewhere, to which our rules do not apply."""

    def field_changes(self) -> Iterable[FieldChange]:
        """The cells it changes, in order; at most 256."""
        return ()

    def voided_position(self) -> int | None:
        """The position of the entry of its own stream that it voids."""
        return None


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that a rule wants recorded, not yet in the log."""

    subject: str
    event: Event


@dataclass(frozen=True, slots=True)
class CommandContext:
    """The circumstances of a command: all that a rule knows besides the command and the world.

    `now` and `eff` are microseconds since 1970; `eff` is when the act takes effect. `principal` is whose act it was:
    the one on whose behalf it is, else the actor; `credential` is what the actor signed in with.
    """

    now: int
    effective_at: int
    actor: str
    principal: str
    rights: frozenset[str] = frozenset()
    new_key: Callable[[], str] = lambda: ""
    credential: str = ""


@dataclass(frozen=True, slots=True)
class StringField:
    """Where in a message a string stands, and what it is. `*` in the path stands for every member of a list."""

    path: tuple[str, ...]
    kind: StringKind | None
    required: bool


@cache
def string_fields(model: type[BaseModel]) -> tuple[StringField, ...]:
    """Every string of a message class, found from its types."""
    return tuple(_leaves_of(model))


@cache
def string_paths(model: type[BaseModel], mark: StringKind) -> tuple[tuple[str, ...], ...]:
    """The paths of the strings of one sort."""
    return tuple(leaf.path for leaf in string_fields(model) if leaf.kind is mark)


def _leaves_of(model: type[BaseModel]) -> Iterator[StringField]:
    hints = typing.get_type_hints(model, include_extras=True)
    for name, info in model.model_fields.items():
        yield from _leaves_in(hints[name], (name,), None, info.is_required())


def _leaves_in(hint: Any, path: tuple[str, ...], mark: StringKind | None, required: bool) -> Iterator[StringField]:
    origin = typing.get_origin(hint)
    if origin is Annotated:
        inner, *extras = typing.get_args(hint)
        found = next((extra for extra in extras if isinstance(extra, StringKind)), mark)
        yield from _leaves_in(inner, path, found, required)
    elif origin is typing.Literal:
        yield StringField(path, StringKind.CODE, required)
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        for leaf in string_fields(hint):
            yield StringField(path + leaf.path, leaf.kind, leaf.required)
    elif origin in (tuple, list):
        yield from _leaves_in(typing.get_args(hint)[0], (*path, "*"), mark, required)
    elif origin is not None:
        for part in typing.get_args(hint):
            yield from _leaves_in(part, path, mark, required)
    elif hint is str:
        yield StringField(path, mark, required)


def strings_at(data: Any, path: tuple[str, ...]) -> list[tuple[tuple[str | int, ...], str]]:
    """The strings at a path of a message, or of one that was dumped, each with its exact place."""
    value = data
    for n, part in enumerate(path):
        if part == "*":
            rest = path[n + 1 :]
            members = enumerate(value)
            return [((*path[:n], m, *place), found) for m, one in members for place, found in strings_at(one, rest)]
        value = _member(value, part)
        if value is None:
            return []
    return [(path, value)] if isinstance(value, str) else []


def replace_strings(data: Any, path: tuple[str, ...], change: Callable[[str], str]) -> Any:
    """A message, or one that was dumped, with the strings at a path changed; what is not touched is shared."""
    if not path:
        return change(data) if isinstance(data, str) else data
    head, *rest = path
    if head == "*":
        return type(data)(replace_strings(member, tuple(rest), change) for member in data)
    member = _member(data, head)
    if member is None:
        return data
    changed = replace_strings(member, tuple(rest), change)
    return data.model_copy(update={head: changed}) if isinstance(data, BaseModel) else {**data, head: changed}


def _member(value: Any, name: str) -> Any:
    """A field by its name; None where it is silent, or where the value has no such field."""
    if isinstance(value, dict):
        return value.get(name)
    # A string has methods by the names of fields; to ask whether it is a model would take far longer.
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
    "replace_strings",
    "string_fields",
    "string_paths",
    "strings_at",
]  # fmt: skip
