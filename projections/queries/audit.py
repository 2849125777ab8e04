"""The audit trail: all events in the order in which they were recorded, each with who caused it and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.catalog import EVENT_NAMES
from domain.fields import CHANGES_PER_EVENT
from domain.read_access import ACCOUNT_EVENTS
from domain.values import WITHHELD, format_micros
from projections.answer_types.audit import AuditEvent
from projections.queries.blame import EVENT_COLUMNS, build_blame
from projections.queries.filters import Filter, json_spellings, matches_text, subjects_where, within
from projections.queries.own_reasons import DEFERRED, REASON_KEYS
from projections.queries.paging import DEFAULT_LIMIT, Answer, build_answer, decode_cursor, encode_cursor, take_page
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import Read
from projections.read_model.schema import members


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events a query covers. Any item of a sequence may match; all that is given must match.

    `by` is the actor or the principal. `types` are stored names, with or without their version. Periods are half open
    and in microseconds: `span` is when events took effect, `recorded` when they were recorded. `because` are decisions
    that events cite; `justified` selects events that cite any, or none. `corrections` selects events that void or
    replace another; `backdated` those that took effect, or whose period begins, before they were recorded; `unexplained` those without any
    reason; `delegated` those recorded on behalf of another person. `verdicts` are those on the authority of
    the deciders; `self_approved` selects decisions that only their proposer decided or approved.
    """

    actors: Sequence[str] = ()
    principals: Sequence[str] = ()
    by: Sequence[str] = ()
    kinds: Sequence[str] = ()
    subjects: Sequence[str] = ()
    products: Sequence[str] = ()
    types: Sequence[str] = ()
    channels: Sequence[str] = ()
    systems: Sequence[str] = ()
    references: Sequence[str] = ()
    because: Sequence[str] = ()
    transactions: Sequence[str] = ()
    positions: Sequence[int] = ()
    span: tuple[int | None, int | None] = (None, None)
    recorded: tuple[int | None, int | None] = (None, None)
    text: str | None = None
    justified: bool | None = None
    corrections: bool = False
    unexplained: bool = False
    delegated: bool = False
    voided: bool | None = None
    backdated: bool = False
    verdicts: Sequence[str] = ()
    self_approved: bool = False


def audit(
    read: Read,
    selection: AuditFilter | None = None,
    when: TimePoint = NOW,
    *,
    oldest_first: bool = False,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Answer[AuditEvent]:
    """Return the events that match and were in effect at the time asked for, newest first by default.

    Each has the members of its blame, its subject with its title, and `data`, the event in full.
    """
    time = resolve_time(read, when)
    order = "asc" if oldest_first else "desc"
    where, parameters = _match_events(read, selection or AuditFilter(), time)
    if cursor is not None:
        (after,) = decode_cursor(cursor, int)
        # One bound on each side: with two on one side, SQLite may skip row by row from the wrong one.
        at = min(after, time.position + 1)
        parameters |= {"first": at + 1} if oldest_first else {"last": at - 1}
    positions = f"select a.position from event a where {where} order by a.position {order} limit :limit"
    tail = f"a.position in ({positions}) order by a.position {order}"
    shown, is_more = take_page(read, _select(read, tail, {**parameters, "limit": limit + 1}), limit)
    rows = _build_rows(read, shown, time)
    return build_answer(time, rows, next_cursor=encode_cursor(rows[-1]["position"]) if is_more else None)


def all_events(read: Read, selection: AuditFilter, time: ResolvedTime) -> list[AuditEvent]:
    """Return all events that match and were in effect, oldest first, unpaged, as a part of other answers."""
    where, parameters = _match_events(read, selection, time)
    return _build_rows(read, list(_select(read, f"{where} order by a.position", parameters)), time)


def find_events(read: Read, selection: AuditFilter, time: ResolvedTime) -> list[tuple[str, int]]:
    """Return the time of effect and the position of each event that matches and was in effect, in this order."""
    where, parameters = _match_events(read, selection, time)
    sql = f"select a.valid_from, a.position from event a where {where} order by a.valid_from, a.position"
    return [(format_micros(valid_from), position) for valid_from, position in read.rows(sql, parameters)]


def _select(read: Read, tail: str, parameters: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    sql = f"""select {EVENT_COLUMNS}, a.subject, a.version, a.transaction_id, a.transaction_index, a.credential, a.refs,
            a.body
        from event a where {tail}"""
    return read.rows(sql, parameters)


def _build_rows(read: Read, found: Sequence[tuple[Any, ...]], time: ResolvedTime) -> list[AuditEvent]:
    titles = find_titles(read, {row[_SUBJECT] for row in found}, time)
    return [_withhold_account(read, _build_row(row, titles.get(row[_SUBJECT]))) for row in found]


def _withhold_account(read: Read, event: AuditEvent) -> AuditEvent:
    """Return an event, without its sign-in account if the reader may not see it."""
    if event["type"] not in ACCOUNT_EVENTS or read.reads_accounts_of(event["subject"]):
        return event
    return {**event, "data": dict.fromkeys(event["data"], WITHHELD)}


_SUBJECT: Final = 15
"""The index of the subject, after the columns of the blame."""


def _build_row(columns: Sequence[Any], title: str | None) -> AuditEvent:
    subject, version, transaction_id, transaction_index, credential, references, body = columns[_SUBJECT:]
    return {
        **build_blame(columns[:_SUBJECT]),
        "subject": subject,
        "version": version,
        "transaction": transaction_id,
        "index": transaction_index,
        "credential": credential,
        "references": [] if references is None else json.loads(references),
        "data": json.loads(body),
        "title": title,
    }


@dataclass(frozen=True, slots=True)
class EventCounts:
    """How many events there are: in all, by type, and by what an auditor asks for first."""

    count: int
    types: dict[str, int]
    flags: dict[str, int]


def count_events(read: Read, selection: AuditFilter | None = None, when: TimePoint = NOW) -> EventCounts:
    """Return how many of the matching events there are: in all, by type, and with what an auditor asks for first.

    `flags` has the number of events that are backdated, are or were corrected (`corrections`, `voided`), cite no
    decision, have no note and give no reason themselves (`unexplained`), or were recorded on behalf of another person (`on_behalf_of`).
    """
    time = resolve_time(read, when)
    where, parameters = _match_events(read, selection or AuditFilter(), time)
    sums = ", ".join(f"sum(case when {condition} then 1 else 0 end)" for condition in FLAGS.values())
    found = list(read.rows(f"select a.type, count(*), {sums} from event a where {where} group by a.type", parameters))
    types = {row[0]: row[1] for row in sorted(found, key=lambda row: (-row[1], row[0]))}
    flags = {name: sum(row[n] for row in found) for n, name in enumerate(FLAGS, start=2)}
    return EventCounts(sum(types.values()), types, flags)


_PERIOD_EVENTS: Final = ", ".join(f"'{name}'" for event, name in EVENT_NAMES.items() if event.has_periods)
FLAGS: Final = {
    "backdated": f"""(a.valid_from < a.recorded_at
        or (a.type in ({_PERIOD_EVENTS}) and member(a.body, 'from') < rfc3339(a.recorded_at)))""",
    "corrections": "(a.corrects is not null or a.type = 'EntryVoided.v1')",
    "voided": "(a.voided_by is not null and a.voided_by <= :known)",
    "unexplained": f"""(a.because is null and a.note is null and not (a.body like :own_why or a.body like :own_finding
        or a.body like :own_vision or a.body like :own_strategy or (a.type = '{DEFERRED}' and a.body like :own_until)))""",
    "on_behalf_of": "a.on_behalf_of is not null",
}
"""SQL: the conditions on an event that an auditor asks for first; its parameters are `_OWN_REASONS`."""
_OWN_REASONS: Final = {f"own_{key}": f'%"{key}":"%' for key in (*REASON_KEYS, "until")}
"""The beginning of a reason in the JSON of an event. Within a text, its quotes would be escaped."""

_CONDITIONS = {
    "actors": "a.actor in {0}",
    "principals": "a.principal in {0}",
    "by": "(a.actor in {0} or a.principal in {0})",
    "subjects": "a.subject in {0}",
    "types": "a.type in {0}",
    "channels": "a.channel in {0}",
    "systems": "a.source_system in {0}",
    "references": "a.source_reference in {0}",
    "because": "a.position in (select b.position from event_because b where b.decision in {0})",
    "transactions": "a.transaction_id in {0}",
    "positions": "a.position in {0}",
}


def _match_events(read: Read, selection: AuditFilter, time: ResolvedTime) -> tuple[str, dict[str, Any]]:
    subjects = Filter(kinds=selection.kinds, products=selection.products, include_removed=True)
    where, parameters = subjects_where(read, subjects, time, "a.subject")
    parameters |= _OWN_REASONS
    parameters |= {"first": 1, "last": time.position}
    terms = [where, "a.position >= :first and a.position <= :last"]
    if time.requested.as_of is not None:
        terms.append("a.valid_from <= :as_of")
    for name, condition in _CONDITIONS.items():
        wanted: Sequence[Any] = getattr(selection, name)
        if wanted:
            parameters[f"a_{name}"] = _spell_out(read, name, wanted)
            terms.append(condition.format(members(f"a_{name}")))
    if selection.verdicts:
        parameters["a_verdicts"] = json_spellings(selection.verdicts)
        terms.append(_sets_field("authority", f"j.value in {members('a_verdicts')}"))
    if selection.text is not None:
        has_text = matches_text("s", "a_text", selection.text, parameters)
        terms.append(f"a.position in (select s.position from search s where {has_text})")
    periods = (("a.valid_from", selection.span, "span"), ("a.recorded_at", selection.recorded, "recorded"))
    ends = (within(column, period, name, parameters) for column, period, name in periods)
    return " and ".join(terms + _match_flags(selection)) + "".join(ends), parameters


def _sets_field(name: str, condition: str) -> str:
    """SQL: the event set a field to a value that meets a condition."""
    return f"""a.position in (select j.id / {CHANGES_PER_EVENT} from field_value j
        where j.field = '{name}' and {condition})"""


def _spell_out(read: Read, name: str, wanted: Sequence[Any]) -> list[Any]:
    """Return all ids of each person, and all versions of each event type that is given without one."""
    if name in ("actors", "principals", "by"):
        return [person_id for person in wanted for person_id in read.all_ids(person)]
    if name == "types":
        spelled = ([type_] if "." in type_ else [f"{type_}.v{n}" for n in range(1, 10)] for type_ in wanted)
        return [type_ for types in spelled for type_ in types]
    return list(wanted)


def _match_flags(selection: AuditFilter) -> list[str]:
    terms = []
    if selection.justified is not None:
        terms.append(f"a.because is {'not ' if selection.justified else ''}null")
    if selection.voided is True:
        terms.append("(a.voided_by is not null and a.voided_by <= :known)")
    if selection.voided is False:
        terms.append("(a.voided_by is null or a.voided_by > :known)")
    flags = {
        "backdated": selection.backdated,
        "unexplained": selection.unexplained,
        "on_behalf_of": selection.delegated,
        "corrections": selection.corrections,
    }
    terms += [FLAGS[name] for name, is_wanted in flags.items() if is_wanted]
    if selection.self_approved:
        terms.append(_sets_field("authority.self_approved", "j.value = 'true'"))
    return terms
