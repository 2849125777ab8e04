"""What subjects are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from projections.read_model import Read
from projections.schema import loads, members
from projections.timepoint import ResolvedTime


def find_titles(read: Read, subjects: Iterable[str], time: ResolvedTime) -> Mapping[str, str]:
    """Return the title of each of these subjects that has one, removed or not. A release is called by its version."""
    sql = f"""select c.subject, c.value from field_value c where c.subject in {members("named")}
        and c.field in ('title', 'version') and c.value is not null and {time.is_in_effect("c")}
        order by c.field desc"""
    found = read.rows(sql, {"named": sorted(set(subjects)), **time.parameters})
    return {subject: str(loads(value)) for subject, value in found}
