"""Roles: who may do what, for all products or for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain import roles
from domain.messages import Command

COMMANDS: Final[Mapping[type[Command], str]] = {
    roles.GrantRole: "/roles/{subject}/grant",
    roles.RevokeRole: "/roles/{subject}/revoke",
}
