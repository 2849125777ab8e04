"""What all parts of a report rest on: one snapshot, the period, and the product with its subjects and their fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from domain.fields import STATUS
from domain.values import format_micros
from projections.answer_types.fields import FieldRow
from projections.answer_types.report import ReportSlips, Section
from projections.queries.field_history import ChangeFilter, iterate_changes
from projections.queries.field_values import all_field_values, by_subject
from projections.queries.filters import Filter, subjects_where
from projections.queries.report_lines import ACCOUNTABLE, MAX_LINES, value_of
from projections.queries.timepoint import ResolvedTime
from projections.read_model.model import Read

CURRENT_FIELDS: Final = (
    STATUS,
    "horizon",
    "rank",
    "target.*",
    ACCOUNTABLE,
    "decisions",
    "deciders",
    "kind",
    "measure",
    *("baseline", "target", "current", "unit"),
    "review_on",
    "due_on",
    "goals",
)
"""The fields whose values at the end of the period are reported."""
Item = TypeVar("Item")


class ReportBasis:
    """One snapshot of a product at the end of a period, `since` to `until` in microseconds since 1970, half open.

    `counts` has the number of lines of each section so far, those that are not shown included.
    """

    def __init__(self, read: Read, product: str, since: int, until: int, time: ResolvedTime) -> None:
        self.read, self.product, self.since, self.until, self.time = read, product, since, until, time
        self.date = format_micros(until)[:10]
        self.counts: Counter[Section] = Counter()
        self.members = self._find_members()
        current = Filter(products=[product], fields=CURRENT_FIELDS)
        self.fields: Mapping[str, Mapping[str, FieldRow]] = by_subject(all_field_values(read, current, time))
        """Fields at the end of the period, by subject and name."""

    def _find_members(self) -> list[str]:
        """Return all subjects of the product at the start or the end of the period, removed or not."""
        start = replace(self.time, as_of=self.since - 1)
        of_product = Filter(products=[self.product], include_removed=True)
        found: set[str] = set()
        for time in (start, self.time):
            where, parameters = subjects_where(self.read, of_product, time, "c.subject")
            sql = f"select distinct c.subject from field_value c where c.field = 'exists' and {where}"
            found.update(row[0] for row in self.read.rows(sql, parameters))
        return sorted(found)

    def limit(self, section: Section, lines: Sequence[Item]) -> Sequence[Item]:
        """Count the lines of a section, and return those to show."""
        self.counts[section] += len(lines)
        return lines[:MAX_LINES]

    def count_slips(self, subject: str, field: str) -> ReportSlips:
        """Return how often a target was moved to later by the end of the period, and the first target."""
        selection = ChangeFilter(fields=Filter(subjects=[subject], fields=[field]))
        changes = list(iterate_changes(self.read, selection, self.time))  # kept only for a short time
        first = next((change["after"] for change in changes if change["after"]["value"] is not None), None)
        return {"later": sum(change["direction"] == "later" for change in changes), "first": first}

    def find_due_date(self, target: Any) -> str | None:
        """Return the date that a target has at the end of the period."""
        date = self.target_date(target)
        return date if isinstance(date, str) else None

    def target_date(self, target: Any) -> Any:
        """Return the date of a target: a date itself, or that of a release if it has one."""
        return value_of(self.fields.get(str(target), {}), "due_on") if str(target).startswith("release:") else target
