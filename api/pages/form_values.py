"""What the inputs of a form show: what it starts with, what its subject has, and the items of its lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.pages.command_forms import TARGETS, Form, FormField
from api.pages.form_input import default_text, format_finding, is_input_of_item
from domain.decision_rights import RIGHTS_FIELD
from domain.fields import Value
from projections.queries.field_values import subject_fields
from projections.queries.timepoint import ResolvedTime
from projections.read_model.model import Read

NEW_ITEMS: Final[Mapping[str, int]] = {"options": 2, "rules": 1}
"""Blank items of a new form."""
MAX_ITEMS: Final = 60
FIELD_OF_INPUT: Final[Mapping[str, str]] = {
    **dict.fromkeys(TARGETS, "target.ship"),
    "to": "",
    "rules": RIGHTS_FIELD,
}
"""The field of the read model that an input starts with, where they have different names."""
PER_EVENT: Final = ("deciders",)
"""Fields that belong to one event, so a form for another event on the same subject does not start with their values."""


def defaults(form: Form) -> dict[str, str]:
    """Return the values that a new form starts with, the same for every reader."""
    return {each.name: each.default for each in form.fields if isinstance(each.default, str)}


def current_values(read: Read, form: Form, subject: str, when: ResolvedTime) -> dict[str, str]:
    """Return the values that the subject has at a time, as a form shows them."""
    fields = subject_fields(read, subject, when)
    found: dict[str, str] = {}
    for each in form.fields:
        row = fields.get(FIELD_OF_INPUT.get(each.name, each.name))
        if row and each.control == "items":
            found |= _flatten_items(each, items_of(row["value"]))
        elif row and _fits(each, row["value"], form):
            found[each.name] = _as_text(each, row["value"])
    return found


def _flatten_items(field_: FormField, items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return items as the inputs of a form, such as `options.0.title`."""
    found = {}
    for row, item in enumerate(items):
        for each in field_.fields:
            value = item.get(each.name)
            found[f"{field_.name}.{row}.{each.name}"] = default_text(each) if value is None else _as_text(each, value)
    return found


def _fits(field_: FormField, value: Any, form: Form) -> bool:
    """Return whether a value belongs into an input: a target can be a release or a day."""
    if field_.name in TARGETS:
        return (field_.name == "release") == str(value).startswith("release:")
    if field_.name == "why" and form.is_revision:
        return value is not None
    return value is not None and field_.name not in ("why", "by", "until", *PER_EVENT)


def _as_text(field_: FormField, value: Any) -> str:
    if field_.control == "findings":
        return "\n".join(map(format_finding, items_of(value)))
    if isinstance(value, list):
        return ("\n" if field_.control == "text" else "; ").join(map(str, value))
    if isinstance(value, Mapping):
        return f"{value['amount']} {value.get('currency') or value.get('unit')}"
    return str(value)


def items_of(value: Value) -> list[dict[str, Value]]:
    """Return the items of a list that are objects."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def with_labels(value: str, labels: Mapping[str, str]) -> str:
    """Return a value with what its ids are called; people who were merged are one."""
    return "; ".join(dict.fromkeys(labels.get(each, each) for each in value.split("; "))) if ":" in value else value


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item of a field as it was typed."""

    texts: Mapping[str, str]
    is_open: bool
    """Whether one of its folded fields is filled in."""


def item_rows(field_: FormField, values: Mapping[str, str], *, is_one_more: bool) -> list[ItemRow]:
    """Return the items of a field as typed, with blank ones: those of a new form, and the one that was asked for."""
    prefix = f"{field_.name}."
    numbers = {int(name.split(".")[1]) for name in values if is_input_of_item(name, field_.name)}
    count = max(numbers, default=-1) + 1 or NEW_ITEMS.get(field_.name, 1)
    blank = {each.name: default_text(each) for each in field_.fields}
    rows = [
        {each: values.get(f"{prefix}{row}.{each}", "" if row in numbers else text) for each, text in blank.items()}
        for row in range(min(count, MAX_ITEMS))
    ]
    folded = [each.name for each in field_.fields if each.is_folded]
    added = [blank] if is_one_more and len(rows) < MAX_ITEMS else []
    return [ItemRow(row, any(row[name] != blank[name] for name in folded)) for row in (*rows, *added)]
