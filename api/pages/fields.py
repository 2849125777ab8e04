"""Values on pages. A value never comes without who set it, when, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.fields import is_empty
from projections.answer_types.parts import Blame, FieldState, FieldValue
from projections.queries.field_groups import flat_fields
from projections.queries.paging import Row
from projections.queries.reasons import NO_REASON, Reason, find_reasons
from projections.queries.timepoint import TimePoint, resolve_time
from projections.read_model.model import Read


@dataclass(frozen=True, slots=True)
class Origin:
    """Who did something, when, and why."""

    who: str
    actor: str
    at: str
    recorded_at: str
    position: int
    reason: Reason
    is_claimed: bool = False
    """Whether it was recorded on behalf of the person without a recorded delegation."""


@dataclass(frozen=True, slots=True)
class BlamedValue:
    """The value of a field, with its origin."""

    field: str
    value: Any
    source_value: str | None
    origin: Origin | None

    @property
    def content(self) -> list[Any]:
        """The items of the value; of the source's value if there is no other."""
        if self.value in (None, []):
            return [self.source_value] if self.source_value else []
        return self.value if isinstance(self.value, list) else [self.value]


def content_of(state: FieldValue | None) -> list[Any]:
    """Return the items of a field's value, of the source's value if there is no other; nothing for a missing field."""
    if state is None:
        return []
    value = state["value"] if state["value"] not in (None, []) else state["source_value"]
    return value if isinstance(value, list) else [] if value is None else [value]


def flatten(row: Row) -> Row:
    """Return a row of a list with its values next to `subject` and `title`, by the full names of their fields.

    Where there is only what the source called it, as of an imported owner whom the directory does not have, it is that.
    """
    return {
        **{name: value for name, value in row.items() if name in ("subject", "title", "first")},
        **{
            name: state["source_value"] if is_empty(state["value"]) and state["source_value"] else state["value"]
            for name, state in flat_fields(row)
            if name not in ("subject", "first")  # fields of an import may have these names
        },
    }


class Origins:
    """The origins of values, with the reasons of all events read at once."""

    def __init__(self, read: Read, blames: Iterable[Blame], when: TimePoint) -> None:
        positions = {blame["position"] for blame in blames}
        self._reasons = find_reasons(read, positions, resolve_time(read, when)) if positions else {}

    def of(self, blame: Blame) -> Origin:
        """Return the origin that a blame describes."""
        return Origin(
            blame["principal"],
            blame["actor"],
            blame["at"],
            blame["recorded_at"],
            blame["position"],
            self._reasons.get(blame["position"], NO_REASON),
            any("delegation" not in link for link in blame.get("on_behalf_of", ())),
        )

    def value(self, field: str, row: FieldState) -> BlamedValue:
        """Return a value of an answer that includes blame."""
        origin = self.of(row["blame"]) if "blame" in row else None
        return BlamedValue(field, row["value"], row["source_value"], origin)

    def values(self, rows: Mapping[str, FieldState]) -> dict[str, BlamedValue]:
        """Return the values of several fields by name."""
        return {field: self.value(field, row) for field, row in rows.items()}
