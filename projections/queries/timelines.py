"""All values that some fields had, in order: what another field was at the time of a change, and how long a value held."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from domain.fields import CHANGES_PER_EVENT
from projections.answer_types.parts import FieldValue
from projections.queries.filters import match_fields
from projections.queries.ordering import FieldContent, is_same
from projections.queries.timepoint import ResolvedTime
from projections.read_model.model import Read
from projections.read_model.schema import loads, members

FieldKey = tuple[str, str]
"""A subject and the name of one of its fields."""
ChangeKey = tuple[int, int, int]
"""When a change took effect, the id of its row, and 1 if it is the end of a period."""

EMPTY: FieldContent = (None, None)


class TimelineRow(NamedTuple):
    """One value of a field: from when on, until when if its period ends, and what it is, as stored."""

    valid_from: int
    id: int
    ends_at: int | None
    value: str | None
    source_value: str | None


class NextChange(NamedTuple):
    """The change that ended a value."""

    at: int
    position: int
    content: FieldContent


def read_timelines(
    read: Read, subjects: Iterable[str], fields: Sequence[str], time: ResolvedTime
) -> Iterator[tuple[FieldKey, list[TimelineRow]]]:
    """Yield the values of each of these fields of these subjects, in the order in which they took effect.

    A name may be a prefix that ends in `*`. Keep one timeline at a time: each may be long.
    """
    parameters: dict[str, Any] = {"subjects": sorted(set(subjects)), **time.parameters}
    sql = f"""select c.subject, c.field, c.valid_from, c.id, c.ends_at, c.value, c.source_value from field_value c
        where c.subject in {members("subjects")} and {match_fields(fields, "c", parameters)} and {time.is_known("c")}
        and c.valid_from <= :as_of order by c.subject, c.field, c.valid_from, c.id"""
    for key, rows in groupby(read.stream(sql, parameters), key=lambda row: (row[0], row[1])):
        yield key, [TimelineRow(*row[2:]) for row in rows]


# The state at a time --------------------------------------------------------------------------------------------------


def find_states(
    read: Read, wanted: Sequence[tuple[str, int]], fields: Sequence[str], time: ResolvedTime
) -> list[dict[str, FieldValue]]:
    """Return, for each subject and time, the value and source value of some fields of the subject at that time.

    A field without a value is null; of a prefix that ends in `*`, only fields with a value are returned.
    """
    empty = {name: _describe(EMPTY) for name in fields if not name.endswith("*")}
    states = [dict(empty) for _ in wanted]
    places: dict[str, list[int]] = {}
    for n, (subject, _) in enumerate(wanted):
        places.setdefault(subject, []).append(n)
    for (subject, field), rows in read_timelines(read, places, fields, time):
        starts = [row.valid_from for row in rows]
        for n in places[subject]:
            content = _content_at(rows, starts, wanted[n][1])
            if field in empty or content[0] not in (None, []) or content[1] is not None:
                states[n][field] = _describe(content)
    return states


def _content_at(rows: Sequence[TimelineRow], starts: Sequence[int], at: int) -> FieldContent:
    last = bisect_right(starts, at)
    row = rows[last - 1] if last else None
    if row is None or (row.ends_at is not None and row.ends_at <= at):
        return EMPTY
    return loads(row.value), row.source_value


def _describe(content: FieldContent) -> FieldValue:
    return {"value": content[0], "source_value": content[1]}


# How long values held -------------------------------------------------------------------------------------------------


def find_next_changes(
    read: Read, changes: Iterable[tuple[FieldKey, ChangeKey]], time: ResolvedTime
) -> dict[tuple[FieldKey, ChangeKey], NextChange | None]:
    """Return, for each change, the next change of that field to another value; None if there was none by then."""
    wanted: dict[FieldKey, list[ChangeKey]] = {}
    for field_key, change_key in changes:
        wanted.setdefault(field_key, []).append(change_key)
    found: dict[tuple[FieldKey, ChangeKey], NextChange | None] = {}
    subjects, fields = {key[0] for key in wanted}, sorted({key[1] for key in wanted})
    for field_key, rows in read_timelines(read, subjects, fields, time):
        if field_key in wanted:
            following = _next_changes(rows, time.as_of, read.merged_into)
            found |= {(field_key, key): following[key] for key in wanted[field_key]}
    return found


def _next_changes(
    rows: Sequence[TimelineRow], as_of: int, merged_into: Mapping[str, str]
) -> dict[ChangeKey, NextChange | None]:
    """Return the next change to another value for every change of a field. From the last to the first."""
    found: dict[ChangeKey, NextChange | None] = {}
    following: tuple[ChangeKey, FieldContent] | None = None
    for key, content in reversed(list(changes_of(rows, as_of))):
        if following is None:
            found[key] = None
        elif is_same(content, following[1], merged_into):
            found[key] = found[following[0]]
        else:
            (at, id_, _), next_content = following
            found[key] = NextChange(at, id_ // CHANGES_PER_EVENT, next_content)
        following = key, content
    return found


def changes_of(rows: Sequence[TimelineRow], as_of: int) -> Iterator[tuple[ChangeKey, FieldContent]]:
    """Yield each value with its change, and the end of each period that no other value cut short."""
    for n, row in enumerate(rows):
        is_over = row.ends_at is not None and row.ends_at <= row.valid_from
        yield (row.valid_from, row.id, 0), EMPTY if is_over else (loads(row.value), row.source_value)
        following = rows[n + 1].valid_from if n + 1 < len(rows) else as_of + 1
        if row.ends_at is not None and row.valid_from < row.ends_at <= as_of and row.ends_at < following:
            yield (row.ends_at, row.id, 1), EMPTY
