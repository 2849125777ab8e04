"""Fields of one subject in groups: the field `role.accountable` is the member `accountable` of `roles`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from domain.fields import EXISTS

if TYPE_CHECKING:
    from projections.paging import Row

GROUPS: Final = {
    "role.": "roles",
    "target.": "targets",
    "advice.": "advice",
    "dissent.": "dissents",
    "delegation.": "delegations",
    "acknowledged.": "acknowledgments",
    "link.": "links",
    "afterward.": "afterward",
    "expectation.": "expectations",
    "outcome.": "outcomes",
}
"""The member of an answer that has the fields whose names begin with a prefix."""

Item = TypeVar("Item")


def group_fields(fields: Mapping[str, Item]) -> dict[str, dict[str, Item]]:
    """Return `fields`, and each group that is not empty, with the rest of the names as keys."""
    grouped: dict[str, dict[str, Item]] = {"fields": {}}
    for name, value in fields.items():
        prefix, dot, key = name.partition(".")
        group = GROUPS.get(prefix + dot)
        grouped.setdefault(group or "fields", {})[key if group else name] = value
    return grouped


def build_subject_row(subject: str, fields: Mapping[str, Row]) -> Row:
    """Return a subject in a list: `subject`, `title`, and its fields in groups. `exists` is left out."""
    states = {name: field_state(row) for name, row in fields.items() if name != EXISTS}
    return {"subject": subject, "title": next((row["title"] for row in fields.values()), None), **group_fields(states)}


def field_state(row: Row) -> Row:
    """Return a row of a field without what is said about all fields of its subject."""
    state = row.copy()
    del state["subject"], state["title"], state["field"]
    return state


def flat_fields(row: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    """Yield all fields of a row with groups, each under its full name."""
    yield from row["fields"].items()
    for prefix, group in GROUPS.items():
        yield from ((prefix + key, field) for key, field in row.get(group, {}).items())
