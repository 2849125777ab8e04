"""The rights that an API token can carry."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from domain.access import ADMIN_RIGHT
from domain.any_subject import ERASE_RIGHT, IMPORT_RIGHT

RIGHTS: Final = MappingProxyType(
    {
        IMPORT_RIGHT: "import history from other systems and name the source of a command",
        ERASE_RIGHT: "erase text that people wrote",
        ADMIN_RIGHT: "create, list and revoke tokens, and edit the people directory",
    }
)
"""Each right with what it allows. Reading, and recording one's own decisions, need no right."""
