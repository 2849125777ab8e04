"""Fields of one subject in groups: the field `role.accountable` is the member `accountable` of `roles`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from domain.fields import EXISTS

if TYPE_CHECKING:  # the command line reads answers without building the models of all of them
    from projections.answer_types.fields import FieldRow
    from projections.answer_types.parts import FieldState, GroupedFields, SubjectRow

Group = Literal[
    "roles",
    "targets",
    "advice",
    "dissents",
    "delegations",
    "acknowledgments",
    "links",
    "afterward",
    "constraint_checks",
    "expectations",
    "outcomes",
]
GROUPS: Final[Mapping[str, Group]] = {
    "role.": "roles",
    "target.": "targets",
    "advice.": "advice",
    "dissent.": "dissents",
    "delegation.": "delegations",
    "acknowledged.": "acknowledgments",
    "link.": "links",
    "afterward.": "afterward",
    "constraint.": "constraint_checks",
    "expectation.": "expectations",
    "outcome.": "outcomes",
}
"""The member of an answer that has the fields whose names begin with a prefix."""


def add_fields(row: GroupedFields, fields: Mapping[str, FieldState]) -> None:
    """Add fields to a row, in its groups: `fields`, and each other that has any, with the rest of the name as key."""
    for name, value in fields.items():
        prefix, dot, key = name.partition(".")
        group = GROUPS.get(prefix + dot)
        if group:
            row.setdefault(group, {})[key] = value
        else:
            row["fields"][name] = value


def build_subject_row(subject: str, title: str | None, fields: Mapping[str, FieldRow]) -> SubjectRow:
    """Return a subject in a list, with its fields in groups. `exists` is left out."""
    row: SubjectRow = {"subject": subject, "title": title, "fields": {}}
    add_fields(row, {name: field_state(each) for name, each in fields.items() if name != EXISTS})
    return row


def field_state(row: FieldRow) -> FieldState:
    """Return a row of a field without what is said about all fields of its subject."""
    state: FieldState = {
        "value": row["value"],
        "source_value": row["source_value"],
        "since": row["since"],
        "until": row["until"],
        "position": row["position"],
    }
    if "blame" in row:
        state["blame"] = row["blame"]
    return state


def flat_fields(row: Mapping[str, Any]) -> Iterator[tuple[str, FieldState]]:
    """Yield all fields of a row with groups, each under its full name."""
    yield from row["fields"].items()
    for prefix, group in GROUPS.items():
        if group in row:
            yield from ((prefix + key, field) for key, field in row[group].items())
