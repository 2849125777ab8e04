"""Roles: what people, teams, services and groups of the sign-in provider may do, for all products or for one.

A role for a product also covers the products of its line: those whose `line` is that product, directly or through
other lines. Grants are fields of their holder: `access.ROLE` for all products, `access.ROLE.KEY` for the product with
that key. Members of a team (the holders of its role `member`) have the roles of the team. Access is judged by what is
granted now, so granting and revoking cannot be backdated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple, assert_never, get_args

from pydantic import Field, StringConstraints

from domain.errors import NotAllowed, NothingChanges
from domain.fields import EXISTS, MERGED_INTO, STATUS, FieldChange, Subjects, SubjectState, Value, ref
from domain.messages import Command, CommandContext, Draft, Event
from domain.people import INACTIVE_STATUSES
from domain.values import KEY_PATTERN, ProductId, StringKind, kind_of

Role = Literal["viewer", "contributor", "manager", "auditor", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
VIEWER: Final = "viewer"
CONTRIBUTOR: Final = "contributor"
MANAGER: Final = "manager"
AUDITOR: Final = "auditor"
ADMIN: Final = "admin"

DESCRIPTIONS: Final = MappingProxyType(
    {
        VIEWER: "reads",
        CONTRIBUTOR: "also proposes, advises and comments",
        MANAGER: "also decides, and changes roadmap and ownership",
        AUDITOR: "reads everything, including the access journal, and writes nothing",
        ADMIN: "also manages people, tokens, roles and imports, voids entries and erases text",
    }
)
"""Each role with what its holders may do."""

SATISFIED_BY: Final = MappingProxyType(
    {
        VIEWER: ROLES,
        CONTRIBUTOR: (CONTRIBUTOR, MANAGER, ADMIN),
        MANAGER: (MANAGER, ADMIN),
        AUDITOR: (AUDITOR, ADMIN),
        ADMIN: (ADMIN,),
    }
)
"""For each role the roles that include it."""

GRANT_PREFIX: Final = "access."
MEMBER_FIELD: Final = "role.member"
"""The field of a team with its members."""
MEMBERSHIP_FIELDS: Final = (EXISTS, STATUS, MEMBER_FIELD)
"""The fields of a team that say who is a member at a time."""
LINE_FIELD: Final = "line"
ALL_PRODUCTS: Final = "all"

ROLE_HOLDER_PATTERN: Final = rf"(?:person|team|service|group):{KEY_PATTERN}"
RoleHolderId = Annotated[str, StringKind.SUBJECT, StringConstraints(pattern=rf"^{ROLE_HOLDER_PATTERN}$")]


class GrantRole(Command):
    """Grant a role to a person, team, service or group, for all products or for one product and its line."""

    type: Literal["GrantRole"] = "GrantRole"
    subject: RoleHolderId = Field(description="Who gets the role.")
    role: Role = Field(description="The role.")
    product: ProductId | None = Field(
        None, description="The product for which it is granted, with the products of its line; all products by default."
    )


class RoleGranted(Event):
    """A role was granted to a person, team, service or group."""

    role: Role
    product: ProductId | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        name = field_name(self.role, self.product)
        yield ref(name, self.product) if self.product else FieldChange(name, ALL_PRODUCTS)


class RevokeRole(Command):
    """Revoke a role that was granted to a person, team, service or group."""

    type: Literal["RevokeRole"] = "RevokeRole"
    subject: RoleHolderId = Field(description="Who loses the role.")
    role: Role = Field(description="The role.")
    product: ProductId | None = Field(
        None, description="The product for which it was granted; by default the grant for all products is revoked."
    )


class RoleRevoked(Event):
    """A role of a person, team, service or group was revoked."""

    role: Role
    product: ProductId | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield ref(field_name(self.role, self.product), None)


RoleCommand = GrantRole | RevokeRole


class Grant(NamedTuple):
    """A role that is granted now; `product` is None if it is for all products."""

    role: str
    product: str | None


@lru_cache(4096)
def field_name(role: str, product: str | None) -> str:
    """Return the field that contains a grant."""
    return f"{GRANT_PREFIX}{role}.{product.partition(':')[2]}" if product else f"{GRANT_PREFIX}{role}"


def holds(state: SubjectState, role: str, product: str | None = None) -> bool:
    """Return whether exactly this role is granted to a holder for exactly this product, or for all products."""
    return field_name(role, product) in state.set_fields(GRANT_PREFIX)


def grants_of(state: SubjectState) -> Iterator[Grant]:
    """Yield the roles that are granted to a holder itself, in order."""
    for name in sorted(state.field_names(GRANT_PREFIX)):
        row = state.latest_row(name)
        if row is not None and row.value is not None:
            role = name.removeprefix(GRANT_PREFIX).partition(".")[0]
            yield Grant(role, None if row.value == ALL_PRODUCTS else str(row.value))


def has_any_grant(state: SubjectState, role: str) -> bool:
    """Return whether a role, or one that includes it, is granted to a holder for any product."""
    return any(grant.role in SATISFIED_BY[role] for grant in grants_of(state))


def is_granted(state: SubjectState, role: str, line: tuple[str, ...]) -> bool:
    """Return whether a role, or one that includes it, is granted for all products or for one of `line`."""
    granted = state.set_fields(GRANT_PREFIX)
    return bool(granted) and not granted.isdisjoint(_granting_fields(role, line))


@lru_cache(4096)
def _granting_fields(role: str, line: tuple[str, ...]) -> frozenset[str]:
    """Return the fields of which at least one is set for each holder of a role for a line."""
    return frozenset(field_name(each, product) for each in SATISFIED_BY[role] for product in (None, *line))


def iterate_lines(product: str, subjects: Mapping[str, SubjectState], at: int) -> Iterator[str]:
    """Yield a product, its line, the line of that, and so on; each is read only when the next is asked for."""
    visited: set[str] = set()
    line: Value = product
    while isinstance(line, str) and line not in visited:
        visited.add(line)
        yield line
        line = subjects[line].value_at(LINE_FIELD, at)


def merge_path(holder: str, fetch: Callable[[str], SubjectState]) -> list[str]:
    """Return an id, followed by the ids it was merged into, in order."""
    path = [holder]
    while (row := fetch(path[-1]).latest_row(MERGED_INTO)) is not None and row.value is not None:
        if row.value in path:
            break
        path.append(str(row.value))
    return path


def is_member(team: SubjectState, ids: Iterable[str], at: int) -> bool:
    """Return whether one of the ids of a person is a member of a team that was neither disbanded nor removed."""
    if team.value_at(STATUS, at) in INACTIVE_STATUSES or not team.exists_at(at):
        return False
    return not set(ids).isdisjoint(team.subjects_at(MEMBER_FIELD, at))


def decide(command: RoleCommand, _context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command about a role.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    if command.effective_at is not None or command.corrects is not None:
        field = "effective_at" if command.effective_at is not None else "corrects"
        raise NotAllowed(f"a role can only be granted or revoked as of now; omit `{field}`", field=field)
    is_held = holds(subjects[command.subject], command.role, command.product)
    where = command.product or "all products"
    event: Event
    match command:
        case GrantRole():
            if is_held:
                raise NothingChanges(
                    f"{command.subject} already has the role {command.role} for {where}",
                    field="role",
                    subject=command.subject,
                )
            event = RoleGranted(role=command.role, product=command.product)
        case RevokeRole():
            if not is_held:
                raise NothingChanges(
                    f"{command.subject} does not have the role {command.role} for {where}",
                    field="role",
                    subject=command.subject,
                )
            event = RoleRevoked(role=command.role, product=command.product)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def revokes_administrator(event: Event) -> bool:
    """Return whether an event takes the role `admin` for all products from its holder."""
    return isinstance(event, RoleRevoked) and event.role == ADMIN and event.product is None


def is_unregistered_holder(subject: str) -> bool:
    """Return whether a subject can hold roles and tokens without being registered in the log."""
    return kind_of(subject) in ("service", "group")
