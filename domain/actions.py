"""What callers may do: each action with the scope it needs and the least role that may do it."""

from __future__ import annotations

from typing import Final, NamedTuple

from domain.roles import ADMIN, AUDITOR, CONTRIBUTOR, MANAGER, VIEWER
from domain.scopes import ADMIN_SCOPE, ERASE_SCOPE, IMPORT_SCOPE, READ_SCOPE, WRITE_SCOPE


class Action(NamedTuple):
    """What one may do, the scope it needs, and the least role that may do it."""

    verb: str
    scope: str
    role: str


READ: Final = Action("read", READ_SCOPE, VIEWER)
AUDIT: Final = Action("read the access journal", READ_SCOPE, AUDITOR)
CONTRIBUTE: Final = Action("contribute", WRITE_SCOPE, CONTRIBUTOR)
MANAGE: Final = Action("decide and change", WRITE_SCOPE, MANAGER)
ADMINISTER: Final = Action("administer", ADMIN_SCOPE, ADMIN)
IMPORT: Final = Action("import", IMPORT_SCOPE, ADMIN)
ERASE: Final = Action("erase text", ERASE_SCOPE, ADMIN)

ADMINISTERED_KINDS: Final = frozenset({"person", "team", "service", "group", "log"})
"""Only administrators change subjects of these kinds, which concern everyone."""
