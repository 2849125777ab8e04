"""What differs between two times, and why."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from domain.fields import CHANGES_PER_EVENT, EXISTS, Value
from projections.answer_types.changes import ComparedTimes, FieldChangeRow, FieldDifference, VoidedEvent
from projections.answer_types.parts import Absence, Direction, SubjectField
from projections.queries.blame import EVENT_COLUMNS, build_blame
from projections.queries.field_history import ChangeFilter, all_field_history
from projections.queries.field_values import HAS_CONTENT
from projections.queries.filters import Filter, fields_where, json_spellings, match_fields, subjects_where
from projections.queries.ordering import (
    FieldContent,
    TargetOrder,
    add_list_difference,
    change_direction,
    resolve_people,
)
from projections.queries.paging import Answer, build_answer, decode_cursor, encode_cursor, page_after
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import Read
from projections.read_model.schema import dumps, loads, members

FieldKey = tuple[str, str]
"""Subject and field."""
Contents = dict[FieldKey, FieldContent]
NO_CONTENT: Final[FieldContent] = (None, None)
SUBJECTS_AT_ONCE: Final = 500


def changes(
    read: Read,
    first: TimePoint,
    second: TimePoint = NOW,
    selection: Filter | None = None,
    *,
    from_values: Sequence[Value] = (),
    from_source_values: Sequence[str] = (),
    to_values: Sequence[Value] = (),
    to_source_values: Sequence[str] = (),
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[FieldDifference, ComparedTimes]:
    """Return the fields whose values differ between two times, each with the changes that led from one to the other.

    A field of a subject that does not exist or is removed has no value; `missing_before` or `missing_after` says which
    it is.
    `selection` matches subjects at either time; its `values`, `source_values` and `holders` match the field at either
    time. Changes of events that were voided between the two times are under `voided`, with who voided them.
    """
    selection = selection or Filter()
    one, two = resolve_time(read, first), resolve_time(read, second)
    order = TargetOrder(read, two)
    conditions = _Conditions(from_values, from_source_values, to_values, to_source_values)
    rows: list[FieldDifference] = []
    next_cursor = None
    for subjects in _batches(_find_subjects(read, selection, one, two), cursor):
        kept_bytes = read.bounds.kept_bytes
        found = _find_differences(selection, subjects, conditions, one, two, order)
        read.bounds.release_to(kept_bytes)
        found, _ = page_after(found, _key_of, (str, str), None, cursor)
        is_full = rows and read.bounds.is_page_full()
        room = 0 if is_full else len(found) if limit is None else limit - len(rows)
        rows += _explain(read, found[:room], one, two)
        if len(found) > room:
            next_cursor = encode_cursor(*_sort_key(rows[-1]))
            break
    start: Answer[FieldDifference] = build_answer(one, [])
    about: ComparedTimes = {"from": {"position": start.position, "as_of": start.as_of, "known_at": start.known_at}}
    return build_answer(two, rows, next_cursor=next_cursor, about=about)


def changed_fields(
    read: Read, first: TimePoint, second: TimePoint = NOW, selection: Filter | None = None
) -> set[FieldKey]:
    """Return the fields whose values differ between two times, each with its subject; `changes` also says how and why."""
    selection = selection or Filter()
    one, two = resolve_time(read, first), resolve_time(read, second)
    order, any_value = TargetOrder(read, two), _Conditions((), (), (), ())
    found: set[FieldKey] = set()
    for subjects in _batches(_find_subjects(read, selection, one, two), None):
        kept_bytes = read.bounds.kept_bytes
        found.update(map(_key_of, _find_differences(selection, subjects, any_value, one, two, order)))
        read.bounds.release_to(kept_bytes)
    return found


@dataclass(frozen=True, slots=True)
class _Conditions:
    """Values that a field must have at the first and at the second time."""

    from_values: Sequence[Value]
    from_source_values: Sequence[str]
    to_values: Sequence[Value]
    to_source_values: Sequence[str]

    def match(self, read: Read, before: FieldContent, after: FieldContent) -> bool:
        return _has_any(read, before, self.from_values, self.from_source_values) and _has_any(
            read, after, self.to_values, self.to_source_values
        )


class _Difference(NamedTuple):
    """A field whose contents differ."""

    key: FieldKey
    before: FieldContent
    after: FieldContent
    direction: Direction


def _key_of(difference: _Difference) -> FieldKey:
    return difference.key


def _sort_key(row: SubjectField) -> FieldKey:
    return row["subject"], row["field"]


def _batches(subjects: Sequence[str], cursor: str | None) -> Iterator[Sequence[str]]:
    """Yield the subjects from the cursor on, in batches whose fields fit into memory."""
    first = decode_cursor(cursor, str, str)[0] if cursor is not None else ""
    left = [subject for subject in subjects if subject >= first]
    return (left[begin : begin + SUBJECTS_AT_ONCE] for begin in range(0, len(left), SUBJECTS_AT_ONCE))


def _find_differences(
    selection: Filter,
    subjects: Sequence[str],
    conditions: _Conditions,
    one: ResolvedTime,
    two: ResolvedTime,
    order: TargetOrder,
) -> list[_Difference]:
    """Return the fields of these subjects whose values differ, by subject and field."""
    read, batch = order.read, set(subjects)  # the other ids of a person may be in another batch
    fields = Filter(subjects=subjects, fields=selection.fields, include_removed=True)
    before, after = (_find_contents(read, replace(fields, include_removed=False), time) for time in (one, two))
    keys = _match_either(read, selection, fields, one, two)
    rows = []
    for key in sorted(key for key in before.keys() | after.keys() if key[0] in batch):
        old, new = before.get(key, NO_CONTENT), after.get(key, NO_CONTENT)
        if old == new:
            continue
        direction = change_direction(old, new, order, (one.as_of, two.as_of))
        if direction != "unchanged" and (keys is None or key in keys) and conditions.match(read, old, new):
            rows.append(_Difference(key, old, new, direction))
    return rows


def _find_subjects(read: Read, selection: Filter, one: ResolvedTime, two: ResolvedTime) -> list[str]:
    """Return the subjects that match at either time and have a field that may differ, sorted."""
    changed = _find_changed(read, selection, one, two)
    if selection.subjects:
        changed &= _with_merged(read, selection.subjects)
    subjects: set[str] = set()
    for time in (one, two) if changed else ():
        narrowed = replace(selection, subjects=sorted(changed), include_removed=True)
        where, parameters = subjects_where(read, narrowed, time, "c.subject")
        sql = f"select distinct c.subject from field_value c where c.field = 'exists' and {where}"
        subjects.update(row[0] for row in read.rows(sql, parameters))
    return sorted(_with_merged(read, subjects))


def _find_changed(read: Read, selection: Filter, one: ResolvedTime, two: ResolvedTime) -> set[str]:
    """Return the subjects with a row that takes effect, ends, was recorded or was voided between the two times.

    All other subjects are the same at both, so the cost of an answer is that of the period and not of the whole log.
    """
    early, late = sorted((one.as_of, two.as_of))
    known, last_known = sorted((one.position, two.position))
    parameters: dict[str, Any] = {"early": early, "late": late, "known": known, "last_known": last_known}
    fields = f" and {match_fields((*selection.fields, EXISTS), 'c', parameters)}" if selection.fields else ""
    recorded = f"""c.id >= (:known + 1) * {CHANGES_PER_EVENT} and c.id < (:last_known + 1) * {CHANGES_PER_EVENT}
        and c.subject in (select a.subject from event a where a.position > :known and a.position <= :last_known)"""
    conditions = (
        *(
            ("c.valid_from > :early and c.valid_from <= :late", "c.ends_at > :early and c.ends_at <= :late")
            if early < late
            else ()
        ),
        *((recorded, "c.voided_by > :known and c.voided_by <= :last_known") if known < last_known else ()),
    )
    sql = " union ".join(f"select c.subject from field_value c where {each}{fields}" for each in conditions)
    return _with_merged(read, [row[0] for row in read.rows(sql, parameters)]) if conditions else set()


def _with_merged(read: Read, subjects: Collection[str]) -> set[str]:
    """Return subjects with all other ids of those that are merged people."""
    return {each for subject in subjects for each in read.all_ids(subject)} if read.merged_into else set(subjects)


def _find_contents(read: Read, selection: Filter, time: ResolvedTime) -> Contents:
    where, parameters = fields_where(read, selection, time)
    sql = f"""select c.subject, c.field, c.value, c.source_value from field_value c
        where {where} and {time.is_in_effect("c")} and {HAS_CONTENT}"""
    return {(row[0], row[1]): (loads(row[2]), row[3]) for row in read.rows(sql, parameters)}


def _match_either(
    read: Read, selection: Filter, fields: Filter, one: ResolvedTime, two: ResolvedTime
) -> AbstractSet[FieldKey] | None:
    """Return the fields whose content matches at either time; None if every content does."""
    if not (selection.values or selection.source_values or selection.holders):
        return None
    full = replace(
        fields,
        include_removed=False,
        values=selection.values,
        source_values=selection.source_values,
        holders=selection.holders,
    )
    return _find_contents(read, full, one).keys() | _find_contents(read, full, two).keys()


def _has_any(read: Read, content: FieldContent, values: Sequence[Value], source_values: Sequence[str]) -> bool:
    """Whether the content is, or its list has, one of these values, or is one of these source values."""
    if not values and not source_values:
        return True
    value = resolve_people(content[0], read.merged_into)
    wanted = json_spellings([resolve_people(each, read.merged_into) for each in values])
    listed = value if isinstance(value, list) else []
    return any(dumps(each) in wanted for each in (value, *listed)) or (
        content[1] is not None and content[1] in source_values
    )


def _explain(
    read: Read, differences: Sequence[_Difference], one: ResolvedTime, two: ResolvedTime
) -> list[FieldDifference]:
    """Return each difference with its subject's title, whether the subject existed, the changes and what was voided."""
    subjects = sorted({each.key[0] for each in differences})
    if not subjects:
        return []
    missing_before, missing_after = (_find_missing(read, subjects, time) for time in (one, two))
    fields = sorted({each.key[1] for each in differences} | {EXISTS})
    selection = Filter(subjects=subjects, fields=fields)
    between = _find_changes_between(read, selection, one, two)
    voided = _find_voided_between(read, selection, one, two)
    titles = {**find_titles(read, subjects, one), **find_titles(read, subjects, two)}
    rows: list[FieldDifference] = []
    for (subject, field_name), before, after, direction in differences:
        of_subject = between.get((subject, EXISTS), []) if field_name != EXISTS else []
        row: FieldDifference = {
            "subject": subject,
            "title": titles.get(subject),
            "field": field_name,
            "before": {"value": before[0], "source_value": before[1]},
            "after": {"value": after[0], "source_value": after[1]},
            "direction": direction,
            "changes": between.get((subject, field_name), []) + of_subject,
            "voided": voided.get((subject, field_name), []),
        }
        add_list_difference(row, before[0], after[0], read.merged_into)
        if subject in missing_before:
            row["missing_before"] = missing_before[subject]
        if subject in missing_after:
            row["missing_after"] = missing_after[subject]
        rows.append(row)
    return rows


def _find_missing(read: Read, subjects: Sequence[str], time: ResolvedTime) -> dict[str, Absence]:
    """Return which of these subjects are removed, or do not exist yet (`absent`)."""
    selection = Filter(subjects=subjects, fields=[EXISTS], include_removed=True)
    contents = _find_contents(read, selection, time)
    exists = {subject: contents.get((subject, EXISTS), NO_CONTENT)[0] for subject in subjects}
    return {subject: "absent" if value is None else "removed" for subject, value in exists.items() if value is not True}


def _find_changes_between(
    read: Read, selection: Filter, one: ResolvedTime, two: ResolvedTime
) -> dict[FieldKey, list[FieldChangeRow]]:
    """Return the changes that took effect between the valid times, or were recorded between the transaction times."""
    early, late = sorted((one.as_of, two.as_of))
    positions = range(min(one.position, two.position) + 1, max(one.position, two.position) + 1)
    time = replace(max((one, two), key=lambda time: time.position), as_of=late)
    effective = all_field_history(read, ChangeFilter(fields=selection, span=(early + 1, late + 1)), time)
    recorded = all_field_history(read, ChangeFilter(fields=selection, positions=positions), time) if positions else []
    unique = {
        (change["at"], change["position"], change["ended"], change["field"]): change
        for change in (*effective, *recorded)
    }
    found: dict[FieldKey, list[FieldChangeRow]] = {}
    for _, change in sorted(unique.items()):
        found.setdefault(_sort_key(change), []).append(change)
    return found


def _find_voided_between(
    read: Read, selection: Filter, one: ResolvedTime, two: ResolvedTime
) -> dict[FieldKey, list[VoidedEvent]]:
    """Return the events on these fields that were voided between the transaction times, with who voided them and why."""
    early, late = sorted((one.position, two.position))
    if early == late:
        return {}
    sql = f"""select c.subject, c.field, c.id / {CHANGES_PER_EVENT}, {EVENT_COLUMNS}, a.body
        from field_value c join event a on a.position = c.voided_by
        where c.subject in {members("subjects")} and c.field in {members("fields")}
        and c.voided_by > :early and c.voided_by <= :known
        order by c.voided_by"""
    parameters = {"subjects": list(selection.subjects), "fields": list(selection.fields), "early": early, "known": late}
    found: dict[FieldKey, list[VoidedEvent]] = {}
    for subject, name, position, *columns, body in read.rows(sql, parameters):
        row: VoidedEvent = {"position": position, "reason": json.loads(body)["why"], "blame": build_blame(columns)}
        found.setdefault((subject, name), []).append(row)
    return found
