"""The list of the commands that record, from `cli/verbs.json`, which is derived from the catalog of commands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

Field = Mapping[str, Any]
Verb = Mapping[str, Any]

FILE: Final = Path(__file__).with_name("verbs.json")
PREFIX: Final = "field_"
"""Parameters that are fields of the command, which may be named like an option of ours."""


@cache
def read_verbs() -> tuple[list[Field], dict[str, Verb]]:
    """Return the fields of every command, and the commands by their words, such as `feature move`."""
    common, *verbs = json.loads(FILE.read_text(encoding="utf-8"))
    return common, {verb["path"]: verb for verb in verbs}


def verbs_of(noun: str) -> dict[str, Verb]:
    """Return the commands of a noun by their verb."""
    return {path.partition(" ")[2]: verb for path, verb in read_verbs()[1].items() if path.startswith(f"{noun} ")}


def recording_nouns() -> Sequence[str]:
    """Return the first words of all commands that record."""
    return list(dict.fromkeys(path.partition(" ")[0] for path in read_verbs()[1]))


def metavar_of(field: Field) -> str:
    """Return what an argument is called in the usage line: the kind of the subject, or the field."""
    if field["name"] == "subject":
        return (
            str(field["kinds"][0]).upper()
            if len(field["kinds"]) == 1
            else "HOLDER"
            if "group" in field["kinds"]
            else "SUBJECT"
        )
    return str(field["option"]).replace("-", "_").upper()
