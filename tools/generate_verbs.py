"""Write `cli/verbs.json`: the commands that record, as the terminal offers them, derived from the catalog of commands.

The terminal reads this file instead of the catalog, so that help, completion and a command next to a server do not wait for
pydantic to build some two hundred models. A test compares the file with the catalog.
"""

from __future__ import annotations

import inspect
import json
import re
import shlex
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from api.command_routes import VERSION_REQUIRED
from api.pages.command_forms import FINAL, unwrap_type
from cli.command_wording import COMMON, COMMON_HELP, MEMBERS, NOT_TYPED, OPTIONS, TARGET, TARGET_FIELDS, WORDS, Words
from domain.catalog import COMMANDS
from domain.examples import EXAMPLES
from domain.messages import Command, Reference
from domain.money import Cost
from domain.roles import RoleHolderId
from domain.values import SUBJECT_KINDS, Actor, Day, Holder, Line, Person, StringKind, Text, Timestamp

FILE: Final = Path(__file__).parents[1] / "cli" / "verbs.json"
_ANY_KIND: Final = [kind for kind in SUBJECT_KINDS if kind not in ("log", "import", "group")]
_PEOPLE: Final[Mapping[Any, list[str]]] = {
    str(Person): ["person"],
    str(Actor): ["person", "service"],
    str(Holder): ["person", "team"],
    str(RoleHolderId): ["person", "team", "service", "group"],
}
_TARGET_FIELD: Final[dict[str, Any]] = {
    "name": TARGET,
    "option": TARGET,
    "type": "target",
    "kinds": ["release"],
    "required": True,
    "help": "A release, a day, or `none` to clear the target. [required]",
}


def build_verbs() -> list[dict[str, Any]]:
    """Return every command that records, in the order of the catalog."""
    return [_build_verb(kind) for name, kind in COMMANDS.items() if name not in NOT_TYPED]


def render() -> str:
    """Return the content of the file: one line a command, so that changes to different commands can be merged."""
    common = [_build_field(Command, name, WORDS["RecordDecision"]) for name in COMMON]
    lines = [json.dumps(each, ensure_ascii=False) for each in (common, *build_verbs())]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _build_verb(kind: type[Command]) -> dict[str, Any]:
    words = WORDS.get(kind.__name__) or derive_words(kind)
    fields = [
        _build_field(kind, name, words)
        for name in kind.model_fields
        if name not in ("type", *Command.model_fields) and not (name == "subject" and _is_log(kind))
    ]
    if TARGET in words.arguments:
        fields = [each for each in fields if each["name"] not in TARGET_FIELDS] + [_TARGET_FIELD]
    by_name = {field["name"]: field for field in fields}
    arguments = [name for name in ("subject", *words.arguments) if name in by_name]
    for position, name in enumerate(arguments):
        by_name[name]["argument"] = position
    return {
        "command": kind.__name__,
        "path": words.path,
        "summary": words.summary or _first_sentence(kind),
        "help": _help_of_command(kind, words),
        "creates": kind.creates,
        "fields": fields,
        **({"asks": list(words.asks)} if words.asks else {}),
        **({"editable": list(words.editable)} if words.editable else {}),
        **({"own": list(words.own)} if words.own else {}),
        **({"final": FINAL[kind.__name__]} if kind.__name__ in FINAL else {}),
        **({"check_names": True} if words.check_names else {}),
        **({"needs_version": True} if kind in VERSION_REQUIRED else {}),
        **({"is_about_log": True} if _is_log(kind) else {}),
        "example": _build_example(kind, words, fields),
    }


def _help_of_command(kind: type[Command], words: Words) -> str:
    """Return the summary, then the docstring without its first sentence if that is the summary."""
    summary = words.summary or _first_sentence(kind)
    doc = " ".join(_doc(kind).split())
    text = f"{summary}\n\n{doc.removeprefix(summary).strip()}".strip()
    return re.sub(r"`([a-z]+(?:_[a-z]+)+)`", lambda found: f"--{found[1].replace('_', '-')}", text)


def derive_words(kind: type[Command]) -> Words:
    """Return the words of a command that is not listed: the verb of its name, after the kind of its subject."""
    verb, *rest = re.findall(r"[A-Z][a-z]*", kind.__name__)
    kinds = _kinds_of(typing.get_type_hints(kind, include_extras=True).get("subject"))
    noun = kind.creates or (kinds[0] if kinds and len(kinds) == 1 else "subject")
    more = [word.lower() for word in rest if word.lower() not in (noun, f"{noun}s")]
    names = [name for name in ("title", "name") if kind.creates and name in kind.model_fields]
    return Words(f"{noun} {'-'.join([verb.lower(), *more])}", tuple(names[:1]))


def _is_log(kind: type[Command]) -> bool:
    return kind.__name__ == "EraseTexts"


def _doc(kind: type[Command]) -> str:
    return inspect.cleandoc(kind.__doc__ or "")


def _first_sentence(kind: type[Command]) -> str:
    found = re.match(r".*?\.(?=\s|$)", _doc(kind), re.DOTALL)
    return " ".join((found[0] if found else kind.__name__).split())


# Fields --------------------------------------------------------------------------------------------------------------


def _build_field(kind: type[Command], name: str, words: Words) -> dict[str, Any]:
    info = kind.model_fields[name]
    hint, is_list = unwrap_type(typing.get_type_hints(kind, include_extras=True)[name])
    type_, more = _describe_type(hint, name)
    return {
        "name": info.alias or name,
        "option": _option_of(name, is_list=is_list),
        "type": type_,
        **more,
        **({"many": True} if is_list else {}),
        **({"required": True} if info.is_required() and name not in words.own else {}),
        "help": _help_of(kind, name, info, words, is_list=is_list),
    }


def _option_of(name: str, *, is_list: bool) -> str:
    if name in OPTIONS:
        return OPTIONS[name]
    singular = name[:-1] if is_list and name.endswith("s") and not name.endswith("ss") else name
    return singular.strip("_").replace("_", "-")


def _help_of(kind: type[Command], name: str, info: FieldInfo, words: Words, *, is_list: bool) -> str:
    if kind is Command:
        text = COMMON_HELP[name]
    elif name == "options":
        text = "Title of an option that was considered."
    elif name in words.own:
        text = f"{info.description} [you]"
    else:
        text = (info.description or name.replace("_", " ").capitalize() + ".").replace("`", "")
    notes = [
        *(["Repeatable."] if is_list else []),
        *(["[required]"] if info.is_required() and name not in words.own else []),
    ]
    return " ".join([text, *notes])


def _describe_type(hint: Any, name: str) -> tuple[str, dict[str, Any]]:
    """Return the type of an option, and what it may be."""
    kinds = _PEOPLE.get(str(hint)) or _kinds_of(hint)
    if kinds:
        return "person" if "person" in kinds and kinds != _ANY_KIND else "subject", {"kinds": kinds}
    if hint is Reference or name in MEMBERS:
        return "member", {"member": MEMBERS[name]}
    if hint is Cost:
        return "cost", {}
    known = {str(Timestamp): "time", str(Day): "day", str(Line): "line", str(Text): "text"}
    is_object = isinstance(hint, type) and issubclass(hint, BaseModel)
    return (known[str(hint)], {}) if str(hint) in known else ("json", {}) if is_object else _describe_scalar(hint)


def _describe_scalar(hint: Any) -> tuple[str, dict[str, Any]]:
    plain = typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint
    if typing.get_origin(plain) is Literal:
        return "choice", {"choices": list(typing.get_args(plain))}
    return {bool: "flag", int: "integer", float: "number"}.get(plain, "line"), {}


def _kinds_of(hint: Any) -> list[str] | None:
    """Return the kinds of subject that a type accepts; None if it is not a subject."""
    if hint is None or typing.get_origin(hint) is not typing.Annotated:
        return None
    extras = typing.get_args(hint)[1:]
    if StringKind.SUBJECT not in extras:
        return None
    if str(hint) in _PEOPLE:
        return _PEOPLE[str(hint)]
    described = " ".join(str(getattr(each, "description", "") or "") for each in extras)
    found = [kind for kind in re.findall(r"`([a-z]+):KEY`", described) if kind in SUBJECT_KINDS]
    return found or _ANY_KIND


# Examples ------------------------------------------------------------------------------------------------------------


def _build_example(kind: type[Command], words: Words, fields: list[dict[str, Any]]) -> str:
    """Return the example of the catalog as a command line; a test runs all of them, in order."""
    example = EXAMPLES.get(kind.__name__, {})
    if TARGET in words.arguments:
        example = {**example, TARGET: next(example[name] for name in TARGET_FIELDS if name in example)}
    known = {field["name"]: field for field in fields}
    given = {
        name: ["none"] if value == [] else value
        for name, value in example.items()
        if name in known and value is not None and (value or "argument" in known[name])
    }
    arguments = sorted((field for field in fields if "argument" in field), key=lambda field: field["argument"])
    parts = [part for field in arguments if field["name"] in given for part in _words_of(given[field["name"]], field)]
    for name, value in given.items():
        if "argument" not in known[name]:
            parts += _option_words(value, known[name])
    note = ["--note", example["note"]] if "note" in example else []
    return shlex.join(["decisionlog", *words.path.split(), *parts, *note])


def _words_of(value: Any, field: Mapping[str, Any]) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [str(_shorten(each, field)) for each in values]


def _shorten(value: Any, field: Mapping[str, Any]) -> Any:
    """Return the key of a subject, where the field says of which kind it is."""
    if field["type"] == "subject" and len(field["kinds"]) == 1:
        return str(value).partition(":")[2] or value
    return value


def _option_words(value: Any, field: Mapping[str, Any]) -> Iterator[str]:
    option = f"--{field['option']}"
    for each in value if isinstance(value, list | tuple) else [value]:
        if field["type"] == "cost":
            yield from (option, str(each["amount"]), each["currency"])
        elif field["type"] == "member":
            yield from (option, each[field["member"]])
        elif field["type"] == "json":
            yield from (option, json.dumps(each))
        elif field["type"] == "flag":
            yield option
        else:
            yield from (option, str(_shorten(each, field)))


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
