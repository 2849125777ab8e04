"""Decision debt: everything about decisions that is left undone, each item with the action that clears it.

Every item is derived when it is read, at any pair of times, and never stored. There is one list, here, from which the
API, the terminal, Home and reports take theirs; it is counted by code, and never summed into one number.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args
from urllib.parse import urlencode

from domain.decision_messages import ACCEPTED, REVISIT_ON
from domain.decision_messages import OPEN as OPEN_DECISION
from domain.feature import CLOSED
from domain.feature import PROPOSED as PROPOSED_FEATURE
from domain.fields import STATUS, Value
from domain.meeting import HELD_ON, PLANNED
from domain.ownership import ACCOUNTABLE_FIELD, DELEGATION_PREFIX
from domain.people import INACTIVE_STATUSES
from domain.task import OPEN as OPEN_TASK
from domain.values import format_micros, from_micros, kind_of, parse_micros, parse_timestamp, to_micros
from projections.answer_types.debt import DebtCode, DebtMonth, DebtRow, DebtSummary
from projections.answer_types.fields import FieldRow
from projections.queries.accountability import HOLDER_KINDS, find_vacancies
from projections.queries.backing import find_unbacked
from projections.queries.expected_outcomes import end_of_day, find_expectations
from projections.queries.field_values import all_field_values, by_subject, value_of
from projections.queries.filters import Filter
from projections.queries.flags import find_flags
from projections.queries.paging import Answer, build_answer, page_after
from projections.queries.report_lines import planning_fields
from projections.queries.report_state import ENDED_STATUSES
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.read_model.cached_property import CachedProperty
from projections.read_model.model import Read
from projections.read_model.schema import members

CODES: Final[tuple[DebtCode, ...]] = get_args(DebtCode)

STALE_DAYS: Final = 30
"""Days without any event after which what is open on the roadmap is stale."""
ENDING_DAYS: Final = 14
"""Days before its end from which a delegation is about to end."""
MAX_MONTHS: Final = 36
READ_KINDS: Final = ("product", "decision", "feature", "goal", "release", "assumption", "meeting", "task")
OWNED_KINDS: Final = ("product", "decision", "feature", "goal", "task")
FIELDS: Final = (
    *(STATUS, "why", "still_valid_because", "review_on", REVISIT_ON, "horizon", "target.*", "deciders"),
    *("due_on", HELD_ON),
    *(ACCOUNTABLE_FIELD, "acknowledged.accountable.*", "authority", "ratification", "products", "confirmed.*"),
)
ACTIONS: Final[Mapping[DebtCode, str]] = {
    "no_reason": "ConfirmStillValid",
    "undecided": "LinkFeature",
    "review_overdue": "ReviewDecision",
    "outcome_overdue": "RecordOutcome",
    "unratified": "RatifyDecision",
    "unconfirmed_decider": "ConfirmDecision",
    "no_owner": "AssignOwnership",
    "owner_left": "HandOverOwnership",
    "unconfirmed_owner": "AcknowledgeOwnership",
    "ending_delegation": "DelegateOwnership",
    "stale": "ConfirmStillValid",
    "task_overdue": "CompleteTask",
    "minutes_missing": "HoldMeeting",
    "broken_assumption": "ConfirmStillValid",
    "unchecked_assumption": "ConfirmAssumption",
    "withdrawn_evidence": "ConfirmStillValid",
    "superseded_evidence": "ConfirmStillValid",
    "expired_evidence": "ConfirmStillValid",
}
"""The command that clears an item of each code."""
DECIDING: Final = ("DecisionRecorded.v1", "DecisionAccepted.v1")

Fields = Mapping[str, FieldRow]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing left undone: since when, who should do it, and what exactly it is about."""

    code: DebtCode
    subject: str
    since: int
    """When it began to be owed, in microseconds since 1970."""
    owners: tuple[str, ...] = ()
    part: str = ""
    """The expectation, delegation, person or ground that it is about; empty if it is about the subject as a whole."""
    detail: Mapping[str, Value] = field(default_factory=dict)
    """What makes it owed: fields, dates and subjects."""


@dataclass(frozen=True, slots=True)
class DebtFilter:
    """Which items a query covers; all that is given must match. `owners` are people or teams who should act."""

    about: Filter = field(default_factory=Filter)
    codes: Sequence[str] = ()
    owners: Sequence[str] = ()
    stale_days: int = STALE_DAYS


def debt(
    read: Read,
    selection: DebtFilter | None = None,
    when: TimePoint = NOW,
    *,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[DebtRow, DebtSummary]:
    """Return what is left undone, the oldest first, each with its code, age, owners and the command that clears it.

    `counts` has the number of items of each code.
    """
    selection = selection or DebtFilter()
    resolved = resolve_time(read, when)
    finder = DebtFinder(read, selection, resolved)
    found = sorted(finder.find(), key=_sort_key)
    shown, next_cursor = page_after(found, _sort_key, (int, str, str, str), limit, cursor)
    counts = Counter(item.code for item in found)
    about: DebtSummary = {"counts": {code: counts[code] for code in CODES}}
    rows = [finder.build_row(item) for item in shown]
    return build_answer(resolved, rows, next_cursor=next_cursor, about=about)


def _sort_key(item: Item) -> tuple[int, str, str, str]:
    return item.since, item.code, item.subject, item.part


def debt_by_month(
    read: Read,
    selection: DebtFilter | None = None,
    when: TimePoint = NOW,
    *,
    months: int = 12,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[DebtMonth]:
    """Return how many items of each code each product had at the end of each month, the last one as of the time asked.

    An item of a subject in several products counts for each of them; one in none has no product.
    """
    selection = selection or DebtFilter()
    resolved = resolve_time(read, when)
    rows: list[DebtMonth] = []
    for as_of in _month_ends(resolved.as_of, min(months, MAX_MONTHS)):
        kept_bytes = read.bounds.kept_bytes
        finder = DebtFinder(read, selection, replace(resolved, as_of=as_of))
        counts = Counter((product, item.code) for item in finder.find() for product in finder.products_of(item.subject))
        rows += [
            {
                "month": from_micros(as_of).strftime("%Y-%m"),
                "as_of": format_micros(as_of),
                "product": product,
                "code": code,
                "count": count,
            }
            for (product, code), count in counts.items()
        ]
        read.bounds.release_to(kept_bytes)
    shown, next_cursor = page_after(sorted(rows, key=_month_key), _month_key, (str, str, str), limit, cursor)
    return build_answer(resolved, shown, next_cursor=next_cursor)


def _month_key(row: DebtMonth) -> tuple[str, str, str]:
    return row["month"], row["product"] or "", row["code"]


def _month_ends(as_of: int, months: int) -> list[int]:
    """Return the last moments of the months before a time, in order, and that time."""
    end = from_micros(as_of)
    found = [as_of]
    year, month = end.year, end.month
    while len(found) < months and year > 1:
        first = datetime(year, month, 1, tzinfo=UTC)
        found.append(to_micros(first) - 1)
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return [each for each in reversed(found) if each >= 0]


class DebtFinder:
    """Finds what is left undone at one pair of times."""

    def __init__(self, read: Read, selection: DebtFilter, resolved: ResolvedTime) -> None:
        self.read, self.selection, self.resolved = read, selection, resolved
        self.today = format_micros(resolved.as_of)[:10]
        self._all_owners = {one for owner in selection.owners for one in read.all_ids(owner)}

    def find(self) -> Iterator[Item]:
        """Yield the items that match, in no particular order."""
        for item in self._find_all():
            if self.selection.codes and item.code not in self.selection.codes:
                continue
            if self._all_owners and self._all_owners.isdisjoint(item.owners):
                continue
            yield item

    def _find_all(self) -> Iterator[Item]:
        for subject, fields in self.fields.items():
            match kind_of(subject):
                case "decision":
                    yield from self._of_decision(subject, fields)
                case "feature":
                    yield from self._of_feature(subject, fields)
                case "task":
                    yield from self._of_day("task_overdue", subject, fields, "due_on", OPEN_TASK)
                case "meeting":
                    yield from self._of_day("minutes_missing", subject, fields, HELD_ON, PLANNED)
            if _needs_owner(subject, fields):
                yield from self._of_owner(subject, fields)
        yield from self._find_unconfirmed_deciders()
        yield from self._find_overdue_outcomes()
        yield from self._find_ending_delegations()
        yield from self._find_stale()
        yield from self._find_flagged()

    # What is read

    @CachedProperty
    def fields(self) -> Mapping[str, Fields]:
        """The fields of the subjects that match, by subject and name."""
        asked = replace(self.selection.about.of_subjects(), kinds=self._kinds(), fields=(*FIELDS, "exists"))
        return by_subject(all_field_values(self.read, asked, self.resolved))

    def _kinds(self) -> Sequence[str]:
        wanted = self.selection.about.kinds
        return [kind for kind in READ_KINDS if not wanted or kind in wanted] or ("none",)

    @CachedProperty
    def _inactive(self) -> Mapping[str, int]:
        """The people and teams that left or were disbanded, and when."""
        asked = Filter(kinds=("person", "team"), fields=(STATUS,), values=sorted(INACTIVE_STATUSES))
        rows = all_field_values(self.read, asked, self.resolved)
        return {row["subject"]: parse_micros(row["since"]) for row in rows}

    @CachedProperty
    def _unbacked_fields(self) -> Mapping[str, Sequence[str]]:
        """The planned fields of open features without a decision in force behind them."""
        features = {
            subject: fields
            for subject, fields in self.fields.items()
            if kind_of(subject) == "feature" and value_of(fields, STATUS) not in CLOSED
        }
        return find_unbacked(self.read, features, self.resolved)

    @CachedProperty
    def _vacant_since(self) -> Mapping[str, int]:
        """When subjects that have no owner lost the last one."""
        vacant = (
            subject
            for subject, fields in self.fields.items()
            if _needs_owner(subject, fields) and not self._find_holders(fields)
        )
        found = find_vacancies(self.read, vacant, self.resolved)
        return {subject: parse_micros(change["at"]) for subject, change in found.items()}

    @CachedProperty
    def _recorders(self) -> Mapping[int, tuple[str, str, bool]]:
        """Of the event behind each owner: its type, who did it themselves, and whether it was imported."""
        positions = sorted(
            {fields[ACCOUNTABLE_FIELD]["position"] for fields in self.fields.values() if ACCOUNTABLE_FIELD in fields}
        )
        sql = f"""select position, type, actor, on_behalf_of from event where position in {members("positions")}"""
        return {
            position: (type_, own_principal(actor, chain), type_ == "ChangesImported.v1")
            for position, type_, actor, chain in self.read.rows(sql, {"positions": positions})
        }

    def products_of(self, subject: str) -> Sequence[str | None]:
        """Return the products of a subject, or None alone if it has none."""
        if kind_of(subject) == "product":
            return [subject]
        return _list(value_of(self.fields.get(subject, {}), "products")) or [None]

    def _owners(self, fields: Fields) -> tuple[str, ...]:
        holders = _list(value_of(fields, ACCOUNTABLE_FIELD)) or _list(value_of(fields, "deciders"))
        return tuple(dict.fromkeys(map(self.read.surviving_id, holders)))

    # Decisions

    def _of_decision(self, decision: str, fields: Fields) -> Iterator[Item]:
        if value_of(fields, STATUS) != ACCEPTED:
            return
        since, owners = parse_micros(fields[STATUS]["since"]), self._owners(fields)
        if value_of(fields, "why") is None and value_of(fields, "still_valid_because") is None:
            yield Item("no_reason", decision, since, owners)
        due = value_of(fields, "review_on")
        passed = end_of_day(due)
        if passed is not None and passed <= self.resolved.as_of:
            yield Item("review_overdue", decision, passed, owners, detail={"due_on": due})
        if value_of(fields, "authority") == "exceeds" and value_of(fields, "ratification") != "within":
            yield Item("unratified", decision, since, owners)

    def _find_unconfirmed_deciders(self) -> Iterator[Item]:
        """Yield the deciders whom another person named, and who have not confirmed it."""
        accepted = {
            fields[STATUS]["position"]: (subject, fields)
            for subject, fields in self.fields.items()
            if kind_of(subject) == "decision" and value_of(fields, STATUS) == ACCEPTED
        }
        sql = f"""select position, body from event where position in {members("positions")}
            and type in {members("types")}"""
        for position, body in self.read.rows(sql, {"positions": sorted(accepted), "types": list(DECIDING)}):
            subject, fields = accepted[position]
            for decider in claimed_deciders(json.loads(body)):
                if not self._has_confirmed(decider, fields, position):
                    who = self.read.surviving_id(decider)
                    yield Item("unconfirmed_decider", subject, parse_micros(fields[STATUS]["since"]), (who,), part=who)

    def _has_confirmed(self, decider: str, fields: Fields, position: int) -> bool:
        names = (f"confirmed.{one.partition(':')[2]}" for one in self.read.all_ids(decider))
        return any(name in fields and fields[name]["position"] > position for name in names)

    # Features

    def _of_feature(self, feature: str, fields: Fields) -> Iterator[Item]:
        unbacked = self._unbacked_fields.get(feature)
        if unbacked:
            since = min(parse_micros(fields[name]["since"]) for name in unbacked)
            yield Item("undecided", feature, since, self._owners(fields), detail={"fields": [*unbacked]})

    # Tasks and meetings

    def _of_day(self, code: DebtCode, subject: str, fields: Fields, name: str, status: str) -> Iterator[Item]:
        """Yield what still has a status after its day has passed."""
        day = value_of(fields, name)
        passed = end_of_day(day)
        if value_of(fields, STATUS) == status and passed is not None and passed <= self.resolved.as_of:
            yield Item(code, subject, passed, self._owners(fields), detail={"due_on": day})

    # Owners

    def _of_owner(self, subject: str, fields: Fields) -> Iterator[Item]:
        people = self._find_holders(fields)
        if not people:
            row = fields.get(ACCOUNTABLE_FIELD, fields["exists"])
            yield Item("no_owner", subject, self._vacant_since.get(subject, parse_micros(row["since"])))
        elif all(holder in self._inactive for holder in people):
            since = max(
                parse_micros(fields[ACCOUNTABLE_FIELD]["since"]), *(self._inactive[holder] for holder in people)
            )
            yield Item("owner_left", subject, since, detail={"left": [*people]})
        else:
            yield from self._find_unconfirmed_owners(subject, fields, people)

    def _find_holders(self, fields: Fields) -> list[str]:
        """Return the people and teams who are accountable."""
        holders = self._owners({name: row for name, row in fields.items() if name == ACCOUNTABLE_FIELD})
        return [holder for holder in holders if kind_of(holder) in HOLDER_KINDS]

    def _find_unconfirmed_owners(self, subject: str, fields: Fields, people: Sequence[str]) -> Iterator[Item]:
        """Yield the people whom others made accountable here, and who have not acknowledged it since."""
        row = fields[ACCOUNTABLE_FIELD]
        _, recorder, is_imported = self._recorders[row["position"]]
        for holder in people:
            is_own = recorder in self.read.all_ids(holder)
            if is_imported or is_own or kind_of(holder) != "person" or holder in self._inactive:
                continue
            names = (f"acknowledged.accountable.{one.partition(':')[2]}" for one in self.read.all_ids(holder))
            if not any(name in fields and fields[name]["position"] > row["position"] for name in names):
                yield Item("unconfirmed_owner", subject, parse_micros(row["since"]), (holder,), part=holder)

    # Outcomes, delegations, and what nobody touched for long

    def _find_overdue_outcomes(self) -> Iterator[Item]:
        for each in find_expectations(self.read, self.selection.about, self.resolved):
            if each.state(self.today) == "overdue":
                owners = (each.judge,) if each.judge else self._owners(self.fields.get(each.subject, {}))
                detail = {"due_on": each.due_on, "measure": each.measure, "target": each.target}
                since = end_of_day(each.due_on) or self.resolved.as_of
                yield Item("outcome_overdue", each.subject, since, owners, each.key, detail)

    def _find_ending_delegations(self) -> Iterator[Item]:
        asked = replace(self.selection.about.of_subjects(), fields=(f"{DELEGATION_PREFIX}*",))
        begin = timedelta(days=ENDING_DAYS)
        for row in all_field_values(self.read, asked, self.resolved):
            if row["until"] is None or not isinstance(row["value"], dict):
                continue
            notice = max(parse_micros(row["since"]), to_micros(parse_timestamp(row["until"]) - begin))
            if notice <= self.resolved.as_of:
                givers = _list(row["value"].get("by")) or [row["subject"]]
                owners = tuple(dict.fromkeys(map(self.read.surviving_id, givers)))
                key = row["field"].removeprefix(DELEGATION_PREFIX)
                detail = {"until": row["until"], "to": self.read.surviving_id(str(row["value"]["to"]))}
                yield Item("ending_delegation", row["subject"], notice, owners, key, detail)

    def _find_stale(self) -> Iterator[Item]:
        """Yield open decisions, open goals and planned features without an event for a number of days."""
        candidates = [subject for subject, fields in self.fields.items() if _can_be_stale(subject, fields, self.today)]
        sql = f"""select subject, max(valid_from) from event where subject in {members("subjects")}
            and position <= :known and valid_from <= :as_of and (voided_by is null or voided_by > :known)
            group by subject"""
        days = timedelta(days=self.selection.stale_days)
        for subject, last in self.read.rows(sql, {"subjects": candidates, **self.resolved.parameters}):
            since = last + int(days.total_seconds()) * 1_000_000
            if since <= self.resolved.as_of:
                detail = {"last_confirmed": format_micros(last)}
                yield Item("stale", subject, since, self._owners(self.fields[subject]), detail=detail)

    def _find_flagged(self) -> Iterator[Item]:
        """Yield what rests on a broken assumption or on evidence that no longer holds, and assumptions to check."""
        for flag in find_flags(self.read, self.resolved):
            if flag.subject not in self.fields:
                continue
            name, cause = flag.item.field, flag.cause.subject
            detail: dict[str, Value] = {"cause": cause, "through": [*flag.through]}
            if name:
                detail["field"] = name
            owners = self._owners(self.fields[flag.subject])
            part = f"{cause} {name}" if name else cause
            yield Item(flag.cause.reason, flag.subject, flag.since, owners, part, detail)

    # Rows

    def build_row(self, item: Item) -> DebtRow:
        """Return an item as a row of an answer."""
        fields = self.fields.get(item.subject, {})
        return {
            "code": item.code,
            "subject": item.subject,
            "title": next((row["title"] for row in fields.values()), None),
            "part": item.part or None,
            "since": format_micros(item.since),
            "days": self._count_days(item),
            "owners": list(item.owners),
            "detail": dict(item.detail),
            "action": find_action(item),
            "link": f"/do/{find_action(item)}?{urlencode(_form_fields(item))}",
        }

    def _count_days(self, item: Item) -> int:
        """Return the days since an item began; since its due date, as people count them, if it has one."""
        day_us = 86_400_000_000
        begun = item.since - (day_us if "due_on" in item.detail else 0)
        return max(0, (self.resolved.as_of - begun) // day_us)


def find_action(item: Item) -> str:
    """Return the name of the command that clears an item."""
    if item.code == "ending_delegation" and kind_of(item.subject) == "person":
        return "DelegateActions"
    return ACTIONS[item.code]


def _form_fields(item: Item) -> dict[str, str]:
    """Return the fields of the clearing command that are known already."""
    more = {"expectation": item.part} if item.code == "outcome_overdue" else {}
    if ACTIONS[item.code] == "ConfirmStillValid" and item.detail.get("field"):
        more = {"field": str(item.detail["field"])}
    return {"subject": item.subject, **more}


def _needs_owner(subject: str, fields: Fields) -> bool:
    return kind_of(subject) in OWNED_KINDS and value_of(fields, STATUS) not in ENDED_STATUSES


def _can_be_stale(subject: str, fields: Fields, today: str) -> bool:
    status = value_of(fields, STATUS)
    match kind_of(subject):
        case "decision":
            is_waiting = status == "deferred" and str(value_of(fields, REVISIT_ON) or "") >= today
            return (status or "proposed") in OPEN_DECISION and not is_waiting
        case "goal":
            return bool(status == "open")
        case "feature":
            return (status or PROPOSED_FEATURE) not in CLOSED and bool(planning_fields(fields))
    return False


def claimed_deciders(body: Mapping[str, Any]) -> Iterable[str]:
    """Return the deciders in the data of an event whom another person named."""
    judgment = body.get("authority") or {}
    return [verdict["decider"] for verdict in judgment.get("verdicts", ()) if verdict["basis"] == "claimed"]


def own_principal(actor: str, chain: str | None) -> str:
    """Return who did it themselves: the person whose delegation the actor has, or else the actor."""
    links = json.loads(chain) if chain else []
    return str(links[-1]["who"]) if links and all(link.get("delegation") for link in links) else actor


def _list(value: Any) -> list[str]:
    """Return the subjects in a value: a list, a single one, or none."""
    return [str(each) for each in value] if isinstance(value, list) else [str(value)] if value else []
