"""What differs between the time of a page and the time it is compared with, each difference with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from api.pages.fields import Origin, Origins, content_of
from api.pages.times import PageTime
from domain.fields import EXISTS
from projections.answer_types.changes import FieldDifference as DifferenceRow
from projections.queries import changes as change_queries
from projections.queries.filters import Filter
from projections.queries.timepoint import TimePoint
from projections.read_model.model import Read

Kind = Literal["added", "changed", "dropped", "not_yet"]
LEGEND: Final[dict[Kind, str]] = {
    "added": "added since",
    "changed": "changed since, then and now",
    "dropped": "dropped since",
    "not_yet": "did not exist yet",
}
ENDINGS: Final = ("dropped", "rejected", "withdrawn", "reversed")
HIDDEN_FIELDS: Final = frozenset({EXISTS, "rank", "aliases", "authority.ending", "ended_by"})
"""Fields that say nothing that the others do not, like those of reasons, which every difference has."""


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field with its earlier and its later value."""

    field: str
    before: list[Any]
    after: list[Any]
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class SubjectDifference:
    """How one subject differs between the two times."""

    subject: str
    kind: Kind
    fields: dict[str, FieldDifference]

    @property
    def origin(self) -> Origin | None:
        """The origin of the latest change."""
        origins = [each.origin for each in self.fields.values() if each.origin]
        return max(origins, key=lambda origin: origin.position, default=None)


def find_changed_subjects(read: Read, time: PageTime, selection: Filter) -> set[str]:
    """Return the subjects that `find_differences` describes, in less time."""
    if time.compared is None:
        return set()
    fields = change_queries.changed_fields(read, *_order_times(time, time.compared), selection)
    return {subject for subject, field in fields if field == EXISTS or not _is_hidden(field)}


def find_differences(read: Read, time: PageTime, selection: Filter) -> dict[str, SubjectDifference]:
    """Return the differences of the subjects that a filter selects, by subject. Without a comparison there are none."""
    if time.compared is None:
        return {}
    earlier, later = _order_times(time, time.compared)
    answer = change_queries.changes(read, earlier, later, selection)
    origins = Origins(read, (change["blame"] for row in answer.rows for change in row["changes"]), later)
    by_subject: dict[str, list[DifferenceRow]] = {}
    for row in answer.rows:
        by_subject.setdefault(row["subject"], []).append(row)
    return {
        subject: SubjectDifference(
            subject,
            _kind_of(rows, time),
            {row["field"]: _build_difference(row, origins) for row in rows if not _is_hidden(row["field"])},
        )
        for subject, rows in by_subject.items()
        if any(not _is_hidden(row["field"]) or row["field"] == EXISTS for row in rows)
    }


def _order_times(time: PageTime, compared: TimePoint) -> tuple[TimePoint, TimePoint]:
    return (time.point, compared) if time.is_compared_with_later else (compared, time.point)


def _is_hidden(field: str) -> bool:
    return field in HIDDEN_FIELDS or field.endswith("_because")


def _kind_of(rows: Sequence[DifferenceRow], time: PageTime) -> Kind:
    if any(row.get("missing_before") == "absent" for row in rows):
        return "not_yet" if time.is_compared_with_later else "added"
    is_ended = any(row["field"] == "status" and row["after"]["value"] in ENDINGS for row in rows)
    return "dropped" if is_ended or any(row.get("missing_after") == "removed" for row in rows) else "changed"


def _build_difference(row: DifferenceRow, origins: Origins) -> FieldDifference:
    own = [each for each in row["changes"] if each["field"] == row["field"]] or row["changes"]
    return FieldDifference(
        row["field"], content_of(row["before"]), content_of(row["after"]), origins.of(own[-1]["blame"]) if own else None
    )
