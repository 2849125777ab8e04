"""One field of all subjects of some kinds, as of a time, with the event that set it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from domain.fields import CHANGES_PER_EVENT
from projections.queries.filters import starts_with
from projections.queries.timepoint import ResolvedTime
from projections.read_model.model import Read
from projections.read_model.schema import loads


class LatestValue(NamedTuple):
    """A value, when it took effect in microseconds since 1970, and the position of the event that set it."""

    value: Any
    valid_from: int
    position: int


def latest_values(read: Read, resolved: ResolvedTime, name: str, kinds: Sequence[str]) -> dict[str, LatestValue]:
    """Return the value of a field of each subject of some kinds that exists and has one, in the order of their ids.

    `name` is the name of a field of the program, not of a caller.
    """
    parameters = resolved.parameters
    of_kinds = " or ".join(starts_with("c.subject", f"kind{n}", f"{one}:", parameters) for n, one in enumerate(kinds))
    sql = f"""select c.subject, c.value, c.valid_from, c.id from field_value c where c.field = '{name}' and ({of_kinds})
        and c.value is not null and {resolved.is_in_effect("c")} and {resolved.exists("c.subject")} order by c.subject"""
    return {
        subject: LatestValue(loads(value), valid_from, id_ // CHANGES_PER_EVENT)
        for subject, value, valid_from, id_ in read.rows(sql, parameters)
    }
