"""The scopes of an API token: what it may be used for, at most. What its holder may do is a matter of roles."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

READ_SCOPE: Final = "read"
WRITE_SCOPE: Final = "write"
IMPORT_SCOPE: Final = "import"
ERASE_SCOPE: Final = "erase"
ADMIN_SCOPE: Final = "admin"

SCOPES: Final = MappingProxyType(
    {
        READ_SCOPE: "read what its holder may read",
        WRITE_SCOPE: "record what its holder may record",
        IMPORT_SCOPE: "import history from other systems and name the source of a command",
        ERASE_SCOPE: "erase text that people wrote",
        ADMIN_SCOPE: "manage people, tokens and roles, and void the entries of others",
    }
)
"""Each scope with what it allows. A token never exceeds its holder: every action needs the scope and a role."""

DEFAULT_SCOPES: Final = frozenset({READ_SCOPE, WRITE_SCOPE})
"""The scopes of a new token."""

SCOPE_PATTERN: Final = f"(?:{'|'.join(SCOPES)}|{IMPORT_SCOPE}:[a-z0-9][a-z0-9._~-]{{0,99}})"
"""A scope. `import:SYSTEM` is the scope `import` for the history of one system only."""
_SCOPE: Final = re.compile(SCOPE_PATTERN)


def is_scope(text: str) -> bool:
    """Whether there is such a scope."""
    return _SCOPE.fullmatch(text) is not None


def has_scope(scopes: Iterable[str], scope: str) -> bool:
    """Whether some scopes include another one: `import` includes `import:jira`."""
    return scope in scopes or scope.partition(":")[0] in scopes


def scopes_for(scopes: frozenset[str], system: str | None) -> frozenset[str]:
    """Return the scopes of a command whose source is a system: `import:jira` becomes `import` if that is `jira`."""
    return scopes | {IMPORT_SCOPE} if system is not None and f"{IMPORT_SCOPE}:{system}" in scopes else scopes
