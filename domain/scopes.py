"""The scopes of an API token: what it may be used for, at most. What its holder may do is a matter of roles."""

from __future__ import annotations

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
