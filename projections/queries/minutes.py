"""The minutes of a meeting: everything recorded in one transaction with it, who said it, and which of it are claims.

Nothing is stored for them: they are derived from the transactions of `domain.meeting.MINUTES`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.fields import STATUS
from domain.meeting import AGENDA, ATTENDEES, HELD_ON
from domain.values import format_micros, kind_of
from projections.answer_types.meetings import MinuteKind, MinuteRow, MinutesSummary
from projections.queries.debt import claimed_deciders, own_principal
from projections.queries.field_values import all_field_values, as_ids, by_subject, subject_fields
from projections.queries.filters import Filter
from projections.queries.own_reasons import find_own_reason
from projections.queries.paging import Answer, Row, build_answer
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import Read
from projections.read_model.schema import IS_MINUTES

KINDS: Final[Mapping[str, MinuteKind]] = {
    "AdviceGiven": "advice",
    "DissentRecorded": "dissent",
    "DecisionApproved": "approval",
    "AbstentionRecorded": "abstention",
    "TaskAssigned": "task",
}
"""The kind of an item by the type of its event; other events of a decision are a `decision`, the rest `other`."""
CORRECTIONS: Final = ("EntryVoided.v1",)
"""Events about the minutes, and not of the meeting."""
STATED: Final = ("advice", "decision", "until", "title")
"""Where the data of an event says what was said or decided, in order of preference."""


@dataclass(frozen=True, slots=True)
class _Event:
    """An event of the transactions in which a meeting was written up."""

    position: int
    at: int
    type: str
    subject: str
    recorder: str
    """The person or service that recorded it."""
    note: str | None
    body: Mapping[str, Any]

    @property
    def kind(self) -> MinuteKind:
        """What kind of item it is in the minutes."""
        name = self.type.partition(".")[0]
        return KINDS.get(name) or ("decision" if kind_of(self.subject) == "decision" else "other")


def minutes(read: Read, meeting: str, when: TimePoint = NOW) -> Answer[MinuteRow, MinutesSummary]:
    """Return what was recorded at a meeting, in order: advice, dissent, decisions and tasks, each with its people.

    `unconfirmed` are the people for whom only the scribe speaks. They can confirm later, as elsewhere: deciders confirm a
    decision, owners acknowledge a task. `claims` is the number of items with unconfirmed people.
    """
    resolved = resolve_time(read, when)
    events = _find_events(read, meeting, resolved)
    items = [event for event in events if event.subject != meeting and event.type not in CORRECTIONS]
    subjects = sorted({event.subject for event in items})
    titles = find_titles(read, subjects, resolved)
    now = _find_fields(read, subjects, resolved)
    rows = [_build_row(read, event, titles, now.get(event.subject, {})) for event in items]
    about = _summarize(read, meeting, events, rows, resolved)
    return build_answer(resolved, rows, about=about)


def _find_events(read: Read, meeting: str, resolved: ResolvedTime) -> list[_Event]:
    """Return the events of each transaction that wrote the meeting up, unless they were voided.

    An entry that replaces a voided one has its place: an item in the minutes, and the meeting in its transaction.
    """
    sql = f"""select position, transaction_id, transaction_index from event
        where position in ({_entries_of("meeting")}) and {IS_MINUTES}"""
    marks = read.rows(sql, {"meeting": meeting, **resolved.parameters})
    found: dict[int, _Event | None] = {}
    for first, transaction in sorted({(at - index + 1, each) for at, each, index in marks}):
        # A transaction has consecutive positions, so it ends where another begins.
        end = "select position from event where position > :first and transaction_id <> :transaction order by position limit 1"
        after = read.one(end, {"first": first, "transaction": transaction})
        bounds = {"first": first, "end": after[0] if after else resolved.position + 1, "transaction": transaction}
        within = "position >= :first and position < :end and transaction_id = :transaction"
        _add_events(read, found, within, bounds | resolved.parameters)
    return [event for event in found.values() if event]


def _add_events(read: Read, found: dict[int, _Event | None], condition: str, parameters: Mapping[str, Any]) -> None:
    """Add the events that meet a condition by position, in its order: for a voided one None, and then its correction."""
    sql = f"""select position, valid_from, type, subject, actor, on_behalf_of, note, body, {_is_in_effect("event")}
        from event where %s and position <= :known order by position desc"""
    waiting = [*read.rows(sql % condition, parameters)]
    while waiting:
        position, at, type_, subject, actor, chain, note, body, is_in_effect = waiting.pop()
        if position in found:
            continue
        if is_in_effect:
            found[position] = _Event(position, at, type_, subject, own_principal(actor, chain), note, json.loads(body))
        else:
            found[position] = None
            waiting += read.rows(sql % "corrects = :voided", {**parameters, "voided": position})


def _entries_of(subject: str) -> str:
    """SQL: the positions of the entries of a subject, given as this parameter, and of those that they replace."""
    return f"""with recursive entry (position, corrects) as (
        select e.position, e.corrects from event e where e.subject = :{subject} and {_is_in_effect("e")}
        union select r.position, r.corrects from entry n join event r on r.position = n.corrects)
        select position from entry"""


def _is_in_effect(event: str) -> str:
    """SQL: the event was recorded and took effect by then, and was not yet voided."""
    is_voided = f"{event}.voided_by is not null and {event}.voided_by <= :known"
    return f"({event}.position <= :known and {event}.valid_from <= :as_of and not ({is_voided}))"


def _find_fields(read: Read, subjects: Sequence[str], resolved: ResolvedTime) -> Mapping[str, Mapping[str, Row]]:
    names = (STATUS, "due_on", "role.accountable", "confirmed.*", "acknowledged.accountable.*")
    if not subjects:
        return {}
    return by_subject(all_field_values(read, Filter(subjects=subjects, fields=names), resolved))


def _build_row(read: Read, event: _Event, titles: Mapping[str, str], fields: Mapping[str, Row]) -> MinuteRow:
    people = [read.surviving_id(each) for each in _find_people(event)]
    is_task = event.kind == "task"
    said, why = _find_words(event)
    return {
        "kind": event.kind,
        "type": event.type.partition(".")[0],
        "subject": event.subject,
        "title": titles.get(event.subject),
        "people": people,
        "said": said,
        "why": why,
        "due_on": fields["due_on"]["value"] if is_task and "due_on" in fields else None,
        "status": fields[STATUS]["value"] if STATUS in fields else None,
        "unconfirmed": _find_unconfirmed(read, event, people, fields),
        "at": format_micros(event.at),
        "position": event.position,
    }


def _find_words(event: _Event) -> tuple[str | None, str | None]:
    """Return what was said, decided or agreed, and the reason; an objection is its own reason."""
    reason = find_own_reason(event.type, event.body)
    if event.kind == "dissent":
        return reason, event.note
    said = next((str(event.body[name]) for name in STATED if event.body.get(name)), None)
    return said, (reason if reason != said else None) or event.note


def _find_people(event: _Event) -> list[str]:
    """Return the people who said or decided it, or who own the task."""
    body = event.body
    if event.kind == "task":
        return [str(body["accountable"])]
    if event.kind == "decision":
        return [*as_ids(body.get("deciders"))] or [event.recorder]
    return [str(body["by"])] if "by" in body and event.kind != "other" else [event.recorder]


def _find_unconfirmed(read: Read, event: _Event, people: Sequence[str], fields: Mapping[str, Row]) -> list[str]:
    """Return the people for whom only another person has spoken, as of the time asked for."""
    own = read.all_ids(event.recorder)
    match event.kind:
        case "decision":
            claimed = [read.surviving_id(each) for each in claimed_deciders(event.body)]
            return [each for each in claimed if not _has_since(read, each, "confirmed", event.position, fields)]
        case "task":
            given = [each for each in people if each not in own and kind_of(each) == "person"]
            prefix = "acknowledged.accountable"
            return [each for each in given if not _has_since(read, each, prefix, event.position, fields)]
        case "other":
            return []
    return [each for each in people if each not in own]


def _has_since(read: Read, person: str, prefix: str, position: int, fields: Mapping[str, Row]) -> bool:
    names = (f"{prefix}.{one.partition(':')[2]}" for one in read.all_ids(person))
    return any(name in fields and fields[name]["position"] > position for name in names)


def _summarize(
    read: Read, meeting: str, events: Sequence[_Event], rows: Sequence[MinuteRow], resolved: ResolvedTime
) -> MinutesSummary:
    fields = subject_fields(read, meeting, resolved)

    def value(name: str) -> Any:
        return fields[name]["value"] if name in fields else None

    return {
        "subject": meeting,
        "status": value(STATUS),
        "held_on": value(HELD_ON),
        "agenda": list(as_ids(value(AGENDA))),
        "invited": list(as_ids(value("invited"))),
        "attendees": list(as_ids(value(ATTENDEES))),
        "notes": value("notes"),
        "recorded_by": list(dict.fromkeys(each.recorder for each in events if each.subject == meeting)),
        "claims": sum(bool(row["unconfirmed"]) for row in rows),
    }


def meetings_of(read: Read, subject: str, resolved: ResolvedTime) -> list[str]:
    """Return the meetings on whose agenda a subject is, or in whose minutes it occurs."""
    sql = f"""select c.subject from field_ref r join field_value c
        on c.subject = r.subject and c.field = r.field and c.valid_from = r.valid_from and c.id = r.id
        where r.ref = :subject and r.field = '{AGENDA}' and {resolved.is_in_effect("c")}
        union select b.subject from event b where b.subject <> :subject and {_is_in_effect("b")} and b.position in (
            with recursive mark (position) as (
                select m.position from event a join event m on m.transaction_id = a.transaction_id
                    where a.position in ({_entries_of("subject")}) and m.{IS_MINUTES} and m.position <= :known
                union select r.position from mark n join event r on r.corrects = n.position)
            select position from mark)"""
    return sorted(found for (found,) in read.rows(sql, {"subject": subject, **resolved.parameters}))
