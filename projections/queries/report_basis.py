"""What all parts of a report rest on: one snapshot, the period, and the product with its subjects and their fields."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from domain.fields import CHANGES_PER_EVENT, STATUS
from domain.ownership import ACCOUNTABLE_FIELD
from domain.values import format_micros, kind_of
from projections.answer_types.fields import FieldRow
from projections.answer_types.report import ReportSlips, Section
from projections.queries.field_history import ChangeFilter, iterate_changes
from projections.queries.field_values import all_field_values, as_ids, by_subject
from projections.queries.filters import Filter
from projections.queries.report_lines import MAX_LINES
from projections.queries.timelines import changes_of, read_timelines
from projections.queries.timepoint import ResolvedTime
from projections.read_model.cached_property import CachedProperty
from projections.read_model.model import Read

CURRENT_FIELDS: Final = (
    STATUS,
    "horizon",
    "rank",
    "target.*",
    ACCOUNTABLE_FIELD,
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
PRODUCTS: Final = "products"
Item = TypeVar("Item")


class ReportBasis:
    """One snapshot of a product at the end of a period, `since` to `until` in microseconds since 1970, half open.

    `counts` has the number of lines of each section so far, those that are not shown included.
    """

    def __init__(self, read: Read, product: str, since: int, until: int, time: ResolvedTime) -> None:
        self.read, self.product, self.since, self.until, self.time = read, product, since, until, time
        self.date = format_micros(until)[:10]
        self.counts: Counter[Section] = Counter()
        self._memberships = self._find_memberships()
        self.members = sorted({product, *self._memberships})
        """All subjects that ever belonged to the product by the end of the period, removed or not."""
        current = Filter(products=[product], fields=CURRENT_FIELDS)
        self.fields: Mapping[str, Mapping[str, FieldRow]] = by_subject(all_field_values(read, current, time))
        """Fields at the end of the period, by subject and name."""
        self._slips: dict[tuple[str, str], ReportSlips] = {}

    def _find_memberships(self) -> Mapping[str, Sequence[tuple[str, int, int, bool]]]:
        """Return when each subject joined and left the product, in order: the key of the change, and if it belongs to
        the product from then on.
        """
        sql = f"""select distinct m.subject from field_ref r cross join field_value m
            where r.ref = :product and r.field = :products and m.subject = r.subject and m.field = r.field
            and m.valid_from = r.valid_from and m.id = r.id and m.valid_from <= :as_of and {self.time.is_known("m")}"""
        parameters = {**self.time.parameters, "product": self.product, "products": PRODUCTS}
        subjects = [row[0] for row in self.read.rows(sql, parameters)]
        return {
            subject: [
                (format_micros(at), id_, ended, self.product in as_ids(value))
                for (at, id_, ended), (value, _) in changes_of(rows, self.time.as_of)
            ]
            for (subject, _), rows in read_timelines(self.read, subjects, (PRODUCTS,), self.time)
        }

    def is_member(self, subject: str, at: str, position: int) -> bool:
        """Return whether a subject belonged to the product just before or just after an event took effect."""
        changes = self._memberships.get(subject, ())
        # `changes` is sorted by time and row id, and these are the ids before and after those of the event.
        before, after = (bisect_left(changes, (at, first * CHANGES_PER_EVENT)) for first in (position, position + 1))
        return subject == self.product or any(n and changes[n - 1][3] for n in (before, after))

    def limit(self, section: Section, lines: Sequence[Item]) -> Sequence[Item]:
        """Count the lines of a section, and return those to show."""
        self.counts[section] += len(lines)
        return lines[:MAX_LINES]

    def count_slips(self, subject: str, field: str) -> ReportSlips:
        """Return how often a target was moved to later by the end of the period, and the first target."""
        if (subject, field) not in self._slips:  # each of its moves can have a line
            self._slips[subject, field] = self._count_slips(subject, field)
        return self._slips[subject, field]

    def _count_slips(self, subject: str, field: str) -> ReportSlips:
        selection = ChangeFilter(fields=Filter(subjects=[subject], fields=[field]))
        changes = list(iterate_changes(self.read, selection, self.time))  # kept only for a short time
        first = next((change["after"] for change in changes if change["after"]["value"] is not None), None)
        return {"later": sum(change["direction"] == "later" for change in changes), "first": first}

    def find_due_date(self, target: Any) -> str | None:
        """Return the date that a target has at the end of the period."""
        date = self.target_date(target)
        return date if isinstance(date, str) else None

    def target_date(self, target: Any) -> Any:
        """Return the date of a target: a date itself, or that of a release, of any product, if it has one."""
        return self._release_dates.get(str(target)) if kind_of(str(target)) == "release" else target

    @CachedProperty
    def _release_dates(self) -> Mapping[str, Any]:
        """The dates of all releases at the end of the period."""
        complete = replace(self.read, run=self.read.complete or self.read.run)
        asked = Filter(kinds=("release",), fields=("due_on",))
        return {row["subject"]: row["value"] for row in all_field_values(complete, asked, self.time)}
