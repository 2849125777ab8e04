"""Read the settings: all of them, or only where the log is."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.errors import CommandFailed, Exit
from cli.location import DEFAULT_DATA, PREFIX, STORE_PATTERN, URL_PATTERN, Location

if TYPE_CHECKING:
    from cli.settings import Settings


def find_location(**given: Any) -> Location:
    """Return where the log is. Options override the environment; --data also overrides a database or server there.

    Raises:
        CommandFailed: a setting is invalid.
    """
    given = _override(given)
    found = {name: given.get(name, os.environ.get(f"{PREFIX}{name.upper()}")) for name in Location.__dataclass_fields__}
    store, url = str(found["store"] or ""), str(found["url"] or "")
    if not (re.match(STORE_PATTERN, store) and re.match(URL_PATTERN, url)):
        return load_settings(**given).location
    token_file = None if found["token_file"] is None else Path(found["token_file"])
    data = DEFAULT_DATA if found["data"] is None else Path(found["data"])
    return Location(data, store, url, found["token"], token_file, partial(load_settings, **given))


def load_settings(**given: Any) -> Settings:
    """Return all settings. Options override the environment; --data also overrides a database or server there.

    Raises:
        CommandFailed: a setting is invalid.
    """
    from pydantic import ValidationError  # noqa: PLC0415  (a question to a server needs none)

    from cli.settings import Settings  # noqa: PLC0415

    try:
        return Settings(**_override(given))
    except ValidationError as error:
        wrong = "; ".join(
            _describe_setting(Settings, each["loc"], each["type"], each["msg"]) for each in error.errors()
        )
        raise CommandFailed(f"Invalid configuration. {wrong.removesuffix('.')}.", Exit.USAGE_ERROR) from None


def _describe_setting(settings: type[Settings], path: tuple[int | str, ...], problem: str, message: str) -> str:
    """Return what is wrong with a setting: what it means rather than the pattern that it does not match."""
    field = settings.model_fields.get(str(path[0])) if path else None
    meaning = field.description if field and problem == "string_pattern_mismatch" else None
    name = f"{PREFIX}{'.'.join(map(str, path)).upper()}"
    return f"{name} has the wrong form. Expected: {meaning}" if meaning else f"{name}: {message}"


def _override(given: dict[str, Any]) -> dict[str, Any]:
    server = {"store": "", "url": ""} if given.get("data") is not None else {}
    return server | {name: value for name, value in given.items() if value is not None}
