"""The two clocks of a query, valid time and transaction time, resolved once for each snapshot.

The log is bitemporal: `as_of` asks what was in effect at a time, `known_at` by what had been recorded by a time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from domain.fields import CHANGES_PER_EVENT
from projections.read_model.model import Read


@dataclass(frozen=True, slots=True)
class TimePoint:
    """The times a query is asked for, in microseconds since 1970. None means now."""

    as_of: int | None = None
    """Valid time: what was in effect then."""
    known_at: int | None = None
    """Transaction time: by what the log had recorded then."""


NOW: Final = TimePoint()


@dataclass(frozen=True)
class ResolvedTime:
    """A `TimePoint` in one snapshot.

    Its methods return SQL conditions on rows of `field_value`; the SQL refers to `parameters`.
    """

    requested: TimePoint
    as_of: int
    """The valid time in microseconds since 1970."""
    position: int
    """The last position that was recorded by `known_at`."""
    is_latest: bool
    """Whether everything recorded is known. Then `valid_to` alone decides which row of a field is in effect."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the SQL that the methods return."""
        return {"as_of": self.as_of, "known": self.position, "first_unknown": (self.position + 1) * CHANGES_PER_EVENT}

    def is_known(self, alias: str) -> str:
        """SQL: the row was recorded by then and not yet voided."""
        if self.is_latest:
            return f"{alias}.voided_by is null"
        return f"({alias}.id < :first_unknown and ({alias}.voided_by is null or {alias}.voided_by > :known))"

    def is_last_started(self, alias: str, at: str = ":as_of") -> str:
        """SQL: the row is the last of its field that took effect by a time. Its own period may have ended."""
        is_open = f"({alias}.valid_to is null or {alias}.valid_to > {at})"
        if self.is_latest:
            return f"({alias}.valid_from <= {at} and {is_open})"
        # `valid_to` is as known now. Of the rows known then, only these can have been the last: those that are now, those
        # whose next row was recorded later, and those voided later. The first are, unless a row after them was voided later.
        n = f"{alias}_n"
        return f"""({alias}.valid_from <= {at}
            and ({is_open} or {alias}.next_id >= :first_unknown or {alias}.voided_by is not null) and {self.is_known(alias)} and case
            when {alias}.valid_to <= {at} or ({alias}.subject, {alias}.field) in (
                select z.subject, z.field from field_value z where z.voided_by > :known)
            then not exists (
                select 1 from field_value {n} where {n}.subject = {alias}.subject and {n}.field = {alias}.field
                and ({n}.valid_from, {n}.id) > ({alias}.valid_from, {alias}.id) and {n}.valid_from <= {at}
                and {self.is_known(n)})
            else true end)"""

    def is_in_effect(self, alias: str, at: str = ":as_of") -> str:
        """SQL: the row gives the value of its field at a time."""
        return f"({self.is_last_started(alias, at)} and ({alias}.ends_at is null or {alias}.ends_at > {at}))"

    def exists(self, subject: str) -> str:
        """SQL: the subject exists by then and is not removed."""
        x = "x_" + re.sub(r"\W", "_", subject)
        return f"""exists (select 1 from field_value {x} where {x}.subject = {subject} and {x}.field = 'exists'
            and {x}.value = 'true' and {self.is_in_effect(x)})"""

    def value(self, subject: str, field: str, column: str = "value") -> str:
        """SQL: the value of one field of the subject, as JSON text."""
        v = f"v_{field}"
        return f"""(select {v}.{column} from field_value {v} where {v}.subject = {subject} and {v}.field = '{field}'
            and {self.is_in_effect(v)})"""


def resolve_time(read: Read, when: TimePoint) -> ResolvedTime:
    """Resolve the times of a query once, so that all parts of an answer agree."""
    as_of = read.now if when.as_of is None else when.as_of
    if when.known_at is None:
        return ResolvedTime(when, as_of, read.position, is_latest=True)
    sql = "select position from main.event where recorded_at <= :known_at order by recorded_at desc limit 1"
    found = read.one(sql, {"known_at": when.known_at})
    position = int(found[0]) if found else 0
    return ResolvedTime(when, as_of, position, is_latest=position == read.position)
