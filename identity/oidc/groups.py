"""The groups of a person at the provider, and the groups of the log that they stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from domain.values import KEY_PATTERN
from identity.oidc.errors import SignInRefusedError

MAX_GROUPS: Final = 1_000
_SEPARATOR: Final = re.compile(r"(?<!\\)\.")
_ITEM_SEPARATOR: Final = re.compile(r"[,\n]")


def parse_claim_path(path: str) -> tuple[str, ...]:
    r"""Return the members that lead to a claim: `realm_access.roles`. A dot in a name is written `\.`."""
    return tuple(part.replace("\\.", ".") for part in _SEPARATOR.split(path)) if path else ()


def parse_group_table(text: str) -> dict[str, str]:
    """Return the group of the log for each name at the provider, from `name=key` separated by commas or lines.

    Raises:
        ValueError: a part has another form, or a key is not valid.
    """
    table: dict[str, str] = {}
    for part in filter(None, map(str.strip, _ITEM_SEPARATOR.split(text))):
        name, separator, key = (each.strip() for each in part.rpartition("="))
        if not separator or not name or not re.fullmatch(KEY_PATTERN, key):
            raise ValueError(
                f"{part!r} is not of the form NAME=KEY, where KEY contains only a-z, 0-9, `.`, `_`, `~` and `-`"
            )
        table[name] = key
    return table


def find_groups(claims: Mapping[str, Any], path: tuple[str, ...], table: Mapping[str, str]) -> frozenset[str]:
    """Return the groups of the log (`group:KEY`) that claims name.

    Without a table, a name that is a valid key is the key of its group. Other names are ignored.

    Raises:
        SignInRefusedError: the provider left the groups out because there are too many, or they are not a list of names.
    """
    names = _names_at(claims, path)
    keys = (table.get(name) for name in names) if table else (name for name in names if re.fullmatch(KEY_PATTERN, name))
    return frozenset(f"group:{key}" for key in keys if key)


def _names_at(claims: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    if not path:
        return []
    elsewhere = claims.get("_claim_names")
    if (isinstance(elsewhere, Mapping) and path[0] in elsewhere) or (claims.get("hasgroups") and path[0] not in claims):
        raise SignInRefusedError(
            "the provider left out the groups, because there are too many; let it send only the groups that are assigned "
            "to this application"
        )
    found: Any = claims
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if found is None:
        return []
    names = found.split() if isinstance(found, str) else found
    if not isinstance(names, list) or len(names) > MAX_GROUPS or not all(isinstance(name, str) for name in names):
        raise SignInRefusedError(f"the claim {'.'.join(path)} is not a list of at most {MAX_GROUPS} names")
    return names
