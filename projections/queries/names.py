"""Find subjects by the names and numbers that they have or had in the systems they come from."""

from __future__ import annotations

from collections.abc import Iterable

from projections.queries.timepoint import ResolvedTime
from projections.read_model.model import Read
from projections.read_model.schema import loads


def find_by_name(read: Read, name: str, time: ResolvedTime, kind: str | None = None) -> list[str]:
    """Return the subjects that a name leads to as of a time, in any case of its letters.

    Those that bear it then and exist come first; without any, those that ever bore it until then. Several are several
    candidates, of which the caller must choose.
    """
    wanted = name.strip().casefold()
    parameters = {**time.parameters, "part": wanted}
    sql = f"""select c.subject, c.value, {time.is_in_effect("c")}, {time.exists("c.subject")} from field_value c
        where c.field = 'aliases' and {time.is_known("c")} and c.valid_from <= :as_of
        and instr(lower(c.value), :part) > 0"""
    if not wanted.isascii():
        sql = sql.replace("instr(lower(c.value), :part) > 0", ":part = :part")
    rows = [
        (subject, bool(bears), bool(exists))
        for subject, value, bears, exists in read.rows(sql, parameters)
        if (kind is None or subject.startswith(f"{kind}:")) and wanted in _casefold(loads(value))
    ]
    living = _distinct(subject for subject, bears, exists in rows if bears and exists)
    return living or _distinct(subject for subject, bears, _ in rows if bears) or _distinct(row[0] for row in rows)


def _casefold(value: object) -> list[str]:
    return [str(one).casefold() for one in value] if isinstance(value, list) else []


def _distinct(subjects: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(subjects))
