"""Addresses of PostgreSQL databases: the schema in them, and hiding their passwords."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, unquote_plus, urlencode, urlsplit, urlunsplit

from eventlog.errors import DatabaseUnavailableError

DEFAULT_SCHEMA: Final = "decisionlog"
TIMEOUTS: Final = MappingProxyType({"connect_timeout": "10", "tcp_user_timeout": "10000"})
"""Of every connection, unless its address has others: a host that disappeared is given up after 10 seconds."""
QUOTING: Final = "In a password, write `@`, `/`, `:`, `?`, `#` and `%` as `%40`, `%2F`, `%3A`, `%3F`, `%23` and `%25`"
_SECRET_PARAMETER: Final = re.compile(
    r"(?i)(?<=[?&]password=)[^&#]+|(?<=[?&]sslpassword=)[^&#]+|(?<=[?&]passfile=)[^&#]+"
)
_UNQUOTED: Final = re.compile(r"[@/?#:\s]|%(?![0-9A-Fa-f]{2})")


def is_dsn(where: object) -> bool:
    """Whether something is the address of a PostgreSQL database, not a path."""
    return isinstance(where, str) and where.startswith(("postgresql://", "postgres://"))


def split_dsn(url: str) -> tuple[str, str]:
    """Split an address into the address without `?schema=`, as PostgreSQL's tools accept it, and the schema.

    Raises:
        DatabaseUnavailableError: the name of the schema is not valid.
    """
    parts = _split(url)
    query = parse_qsl(parts.query.replace("+", "%2B"))  # for PostgreSQL, as in any URL but a form's, + is no space
    schema = dict(query).get("schema", DEFAULT_SCHEMA)
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema):
        raise DatabaseUnavailableError(f"Invalid schema name {schema!r}: use lowercase letters, digits and _.")
    rest = urlencode([(name, value) for name, value in query if name != "schema"], quote_via=quote)
    return urlunsplit(parts._replace(query=rest)), schema


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # its message may contain the password
        raise DatabaseUnavailableError(f"{without_secret(url)} is not a valid address. {QUOTING}") from None


def without_secret(url: str) -> str:
    """Return an address without its passwords, wherever they are, even if the address is invalid.

    An unquoted password may contain `@`, `/`, `?` or `#`, so everything up to the last `@` is treated as password.
    """
    scheme, separator, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    name, colon, _ = user.partition(":")
    hidden = f"{name}{colon}{'***' if colon else ''}{at}"
    return f"{scheme}{separator}{hidden}{_SECRET_PARAMETER.sub(r'***', place)}"


def secrets_in(url: str) -> set[str]:
    """Return the passwords in an address, both quoted and unquoted."""
    return {each for secret in _written_secrets(url) for each in (secret, unquote(secret), unquote_plus(secret))}


def _written_secrets(url: str) -> set[str]:
    user, at, _ = url.partition("://")[2].rpartition("@")
    written = {user.partition(":")[2]} if at else set()
    return {secret for secret in (*written, *(found[0] for found in _SECRET_PARAMETER.finditer(url))) if secret}


def redact(text: str, url: str) -> str:
    """Return a message, such as a library's, without the passwords of an address that it may quote.

    If a password was not quoted, a library may mistake a part of it for a host or a port: then the message is withheld.
    """
    secrets = secrets_in(url)
    if any(_UNQUOTED.search(secret) for secret in _written_secrets(url)):
        return f"the address is not valid. {QUOTING}"
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
