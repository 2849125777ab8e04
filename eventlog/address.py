"""Where a log is: a path, or the address of a PostgreSQL database and a schema in it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from eventlog.errors import NoStoreError

DEFAULT_SCHEMA: Final = "decisionlog"


def is_address(where: object) -> bool:
    """Whether something is the address of a PostgreSQL database, and no path."""
    return isinstance(where, str) and where.startswith(("postgresql://", "postgres://"))


def split_address(url: str) -> tuple[str, str]:
    """The address as the database's own tools know it, and the schema that `?schema=` names.

    Raises:
        NoStoreError: that is no name for a schema.
    """
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    schema = dict(query).get("schema", DEFAULT_SCHEMA)
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema):
        raise NoStoreError(f"{schema!r} is no name for a schema here: use small letters, digits and _.")
    rest = urlencode([(name, value) for name, value in query if name != "schema"])
    return urlunsplit(parts._replace(query=rest)), schema


def without_secret(url: str) -> str:
    """The address as it may be shown."""
    parts = urlsplit(url)
    query = urlencode(
        [(name, "***" if name == "password" else value) for name, value in parse_qsl(parts.query)], safe="*/"
    )
    return urlunsplit(parts._replace(netloc=re.sub(r"(:)[^:@]+@", r"\1***@", parts.netloc), query=query))
