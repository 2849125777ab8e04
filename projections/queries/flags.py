"""What rests on a ground that no longer holds: a broken assumption, or evidence that was withdrawn, superseded or expired.

A flag is derived when it is read, never stored. It is raised for every decision, goal, assumption, feature and field of
the roadmap that rests on such a ground, directly or through decisions and assumptions, and holds until that item itself
is revisited, ends, or is confirmed with a reason (`ConfirmStillValid`). An item counts as revisited if it was changed by
an event recorded after the one that broke its ground, whatever their effective times: who recorded it could know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

from domain import assumption, decision_messages, evidence, feature, product
from domain.any_subject import STILL_VALID_BECAUSE, ChangesImported
from domain.catalog import EVENT_NAMES
from domain.fields import CHANGES_PER_EVENT, STATUS
from domain.messages import Event
from domain.values import format_micros, from_micros, kind_of, to_micros
from projections.answer_types.evidence import FlagReason, FlagRow
from projections.queries.field_values import all_field_values, find_accountable
from projections.queries.filters import Filter, starts_with
from projections.queries.latest_values import LatestValue, latest_values
from projections.queries.paging import Answer, build_answer, page_after
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import Read
from projections.read_model.schema import kind, loads, members

ROADMAP_FIELDS: Final = ("status", "horizon", "due_on", "definition", "vision", "strategy")
ROADMAP_PREFIX: Final = "target."
ROADMAP_KINDS: Final = ("feature", "release", "product")
"""Subjects whose fields are flagged each on its own; others are flagged as a whole."""
LIVE: Final[Mapping[str, frozenset[str]]] = {
    "decision": decision_messages.OPEN | decision_messages.IN_FORCE,
    "feature": feature.OPEN,
    "goal": frozenset({"open"}),
    "assumption": frozenset({assumption.OPEN, assumption.CONFIRMED}),
    "product": frozenset({"active"}),
}
"""The statuses in which a subject of a kind can be flagged. A subject without a status can."""


def _names(*events: type[Event]) -> tuple[str, ...]:
    return tuple(EVENT_NAMES[event] for event in events)


RESTING_EVENTS: Final = _names(
    *(
        decision_messages.DecisionProposed,
        decision_messages.DecisionRecorded,
        decision_messages.DecisionRevised,
        decision_messages.DecisionAccepted,
    ),
    *(
        decision_messages.ConstraintChecked,
        assumption.AssumptionStated,
        assumption.AssumptionRevised,
        assumption.AssumptionConfirmed,
    ),
    *(product.GoalSet, product.GoalRevised, ChangesImported),
)
"""Events that set the content of a decision, an assumption or a goal, which then rests on what they cite."""
REVISITS: Final = _names(
    *(
        decision_messages.DecisionAccepted,
        decision_messages.DecisionRevised,
        decision_messages.DecisionRejected,
        decision_messages.DecisionDeferred,
    ),
    *(
        decision_messages.DecisionWithdrawn,
        decision_messages.DecisionReopened,
        decision_messages.DecisionReviewed,
        decision_messages.ChoiceJudged,
    ),
    *(product.GoalRevised, assumption.AssumptionRevised, assumption.AssumptionConfirmed, assumption.AssumptionBroken),
    *(feature.FeatureDefined, feature.FeaturePrioritized, feature.MilestoneTargeted, feature.FeatureCommitted),
    *(feature.FeatureStarted, feature.FeaturePaused, feature.FeatureReopened, feature.FeatureLinked),
)
"""Events by which a subject is revisited."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A ground that no longer holds, since when, and the position of the event that ended it; an expiry has none."""

    subject: str
    reason: FlagReason
    since: int
    position: int | None

    def precedes(self, position: int, valid_from: int) -> bool:
        """Return whether an event was recorded after this one; for an expiry, whether it took effect after it."""
        return valid_from >= self.since if self.position is None else position > self.position


class Item(NamedTuple):
    """A subject, or one field of it, that rests on a ground since a time. `position` is that of the field's value."""

    subject: str
    field: str | None
    since: int
    position: int = 0

    @property
    def sort_key(self) -> tuple[str, str, int]:
        """Sorts by subject and field, then by time."""
        return self.subject, self.field or "", self.since


@dataclass(frozen=True, slots=True)
class Flag:
    """Something that rests on a cause. `through` leads from the cause to it, `since` is when it began to."""

    item: Item
    cause: Cause
    through: tuple[str, ...]
    since: int

    @property
    def subject(self) -> str:
        """The subject that is flagged, or whose field is."""
        return self.item.subject


def flags(
    read: Read,
    selection: Filter | None = None,
    when: TimePoint = NOW,
    *,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[FlagRow]:
    """Return the flags of all or some subjects, the oldest first.

    Each has the subject and `field` that is flagged, the `reason`, the `cause` with the `position` of the event that
    raised it, what it rests `through`, `since` when, and the `accountable` people or teams.
    """
    resolved = resolve_time(read, when)
    found = find_flags(read, resolved)
    if selection is not None:
        wanted = _select_subjects(read, selection, {flag.subject for flag in found}, resolved)
        found = [flag for flag in found if flag.subject in wanted]
    rows = _build_rows(read, found, resolved)
    shown, next_cursor = page_after(sorted(rows, key=_sort_key), _sort_key, (str, str, str, str, str), limit, cursor)
    return build_answer(resolved, shown, next_cursor=next_cursor)


def find_flags(read: Read, resolved: ResolvedTime) -> list[Flag]:
    """Return every flag that is raised at a time."""
    causes = list(find_causes(read, resolved))
    dependents = _find_dependents(read, [cause.subject for cause in causes], resolved)
    reached = [flag for cause in causes for flag in _reach(cause, dependents)]
    clearing = _Clearing.of(read, {flag.subject for flag in reached}, resolved)
    raised = [flag for flag in reached if not clearing.clears(flag)]
    return raised + _find_unchecked_flags(read, resolved)


def _find_unchecked_flags(read: Read, resolved: ResolvedTime) -> list[Flag]:
    causes = list(_find_unchecked(read, resolved))
    clearing = _Clearing.of(read, {cause.subject for cause in causes}, resolved)
    found = (Flag(Item(cause.subject, None, cause.since), cause, (), cause.since) for cause in causes)
    return [flag for flag in found if not clearing.is_kept(flag)]


def _sort_key(row: FlagRow) -> tuple[str, str, str, str, str]:
    return row["since"], row["subject"], row["field"] or "", row["cause"], row["reason"]


def _select_subjects(read: Read, selection: Filter, among: set[str], resolved: ResolvedTime) -> set[str]:
    if not among:
        return set()
    wanted = {one for subject in selection.subjects for one in read.all_ids(subject)}
    subjects = sorted(among & wanted if wanted else among)
    asked = replace(selection.of_subjects(), subjects=subjects, fields=("exists",))
    return {row["subject"] for row in all_field_values(read, asked, resolved)} if subjects else set()


def _build_rows(read: Read, found: Sequence[Flag], resolved: ResolvedTime) -> list[FlagRow]:
    subjects = sorted({flag.subject for flag in found})
    titles = find_titles(read, subjects, resolved)
    owners = find_accountable(read, subjects, resolved)
    return [
        {
            "subject": flag.subject,
            "title": titles.get(flag.subject),
            "field": flag.item.field,
            "reason": flag.cause.reason,
            "cause": flag.cause.subject,
            "through": list(flag.through),
            "since": format_micros(flag.since),
            "position": flag.cause.position,
            "accountable": owners.get(flag.subject, []),
        }
        for flag in found
    ]


# Causes ----------------------------------------------------------------------------------------------------------------

_REASON_OF_STATUS: Final[Mapping[tuple[str, str], FlagReason]] = {
    ("assumption", assumption.BROKEN): "broken_assumption",
    ("evidence", evidence.WITHDRAWN): "withdrawn_evidence",
    ("evidence", evidence.SUPERSEDED): "superseded_evidence",
}


def find_causes(read: Read, resolved: ResolvedTime) -> Iterator[Cause]:
    """Yield the grounds that do not hold at a time, each for one reason."""
    statuses = latest_values(read, resolved, STATUS, ("assumption", "evidence"))
    for subject, (value, valid_from, position) in statuses.items():
        if reason := _REASON_OF_STATUS.get((kind_of(subject), str(value))):
            yield Cause(subject, reason, valid_from, position)
    for subject, (value, _, _) in latest_values(read, resolved, evidence.VALID_UNTIL, ("evidence",)).items():
        since = end_of_day(str(value))
        is_current = _status_of(statuses, subject, evidence.CURRENT) == evidence.CURRENT
        if since is not None and since <= resolved.as_of and is_current:
            yield Cause(subject, "expired_evidence", since, None)


def _find_unchecked(read: Read, resolved: ResolvedTime) -> Iterator[Cause]:
    """Yield the open assumptions whose day to check them has come."""
    statuses = latest_values(read, resolved, STATUS, ("assumption",))
    for subject, (value, _, _) in latest_values(read, resolved, assumption.CHECK_ON, ("assumption",)).items():
        since = start_of_day(str(value))
        is_open = _status_of(statuses, subject, assumption.OPEN) == assumption.OPEN
        if since is not None and since <= resolved.as_of and is_open:
            yield Cause(subject, "unchecked_assumption", since, None)


def _status_of(statuses: Mapping[str, LatestValue], subject: str, default: str) -> str:
    return str(statuses[subject].value) if subject in statuses else default


def start_of_day(day: str) -> int | None:
    """Return the first moment of a day in UTC; None if it is no day, as only imported history can have."""
    try:
        return to_micros(datetime.combine(date.fromisoformat(day), time(0), tzinfo=UTC))
    except ValueError:
        return None


def end_of_day(day: str) -> int | None:
    """Return the first moment after a day in UTC; None if it is no day, or the last one."""
    begin = start_of_day(day)
    try:
        return None if begin is None else to_micros(from_micros(begin) + timedelta(days=1))
    except OverflowError:
        return None


# What rests on what ----------------------------------------------------------------------------------------------------

Dependents = Mapping[str, Sequence[Item]]
"""What rests directly on each ground."""


def _find_dependents(read: Read, grounds: Iterable[str], resolved: ResolvedTime) -> Dependents:
    """Return what rests on these grounds, and on the decisions and assumptions that do."""
    found: dict[str, list[Item]] = {}
    frontier = sorted(set(grounds))
    while frontier:
        for ground in frontier:
            found[ground] = []
        for ground, item in _edges(read, frontier, resolved):
            found[ground].append(item)
        carriers = {
            item.subject
            for ground in frontier
            for item in found[ground]
            if item.field is None and kind_of(item.subject) in ("decision", "assumption")
        }
        frontier = sorted(carriers - found.keys())
    return found


def _edges(read: Read, grounds: Sequence[str], resolved: ResolvedTime) -> Iterator[tuple[str, Item]]:
    """Yield each ground with what rests directly on it and exists."""
    parameters = {**resolved.parameters, "grounds": list(grounds), "resting": list(RESTING_EVENTS)}
    linked = starts_with("c.field", "link", evidence.LINK, parameters)
    fields = starts_with("c.field", "target", ROADMAP_PREFIX, parameters)
    parameters |= {"roadmap": list(ROADMAP_FIELDS), "roadmap_kinds": list(ROADMAP_KINDS)}
    links = f"""select c.subject, c.field, c.valid_from from field_value c where c.subject in {members("grounds")}
        and {linked} and c.value in ('"for"', '"under"') and {resolved.is_in_effect("c")} order by c.subject, c.field"""
    for ground, name, since in read.rows(links, parameters):
        yield ground, Item(evidence.linked_subject(name), None, since)
    named = f"""select r.ref, c.subject, c.valid_from from field_ref r join field_value c
        on c.subject = r.subject and c.field = r.field and c.valid_from = r.valid_from and c.id = r.id
        where r.ref in {members("grounds")} and r.field in ('decisions', 'options', '{assumption.SETTLED_BY}')
        and {resolved.is_in_effect("c")} order by r.ref, c.subject"""
    for ground, subject, since in read.rows(named, parameters):
        yield ground, Item(subject, None, since)
    cited = f"""select b.decision, a.subject, min(a.valid_from) from event_because b join event a on a.position = b.position
        where b.decision in {members("grounds")} and a.type in {members("resting")} and a.position <= :known
        and a.valid_from <= :as_of and (a.voided_by is null or a.voided_by > :known)
        and {kind("a.subject")} in ('decision', 'assumption', 'goal')
        group by b.decision, a.subject order by b.decision, a.subject"""
    for ground, subject, since in read.rows(cited, parameters):
        yield ground, Item(subject, None, since)
    values = f"""select b.decision, c.subject, c.field, c.valid_from, b.position
        from event_because b join event a on a.position = b.position join field_value c on c.subject = a.subject
        and c.id >= a.position * {CHANGES_PER_EVENT} and c.id < (a.position + 1) * {CHANGES_PER_EVENT}
        where b.decision in {members("grounds")} and {kind("a.subject")} in {members("roadmap_kinds")}
        and (c.field in {members("roadmap")} or {fields}) and c.value is not null and {resolved.is_in_effect("c")}
        order by b.decision, c.subject, c.field"""
    for ground, subject, name, since, position in read.rows(values, parameters):
        yield ground, Item(subject, name, since, position)


def _reach(cause: Cause, dependents: Dependents) -> Iterator[Flag]:
    """Yield a flag for everything that rests on a cause, through as few others as possible, and the first by id."""
    seen: set[tuple[str, str | None]] = {(cause.subject, None)}
    frontier: list[tuple[str, tuple[str, ...], int]] = [(cause.subject, (), cause.since)]
    while frontier:
        found: list[tuple[str, tuple[str, ...], int]] = []
        for ground, through, since in frontier:
            for item in sorted(dependents.get(ground, ()), key=lambda each: each.sort_key):
                if item[:2] in seen:
                    continue
                seen.add(item[:2])
                begun = max(since, item.since)
                yield Flag(item, cause, through, begun)
                if item.field is None:
                    found.append((item.subject, (*through, item.subject), begun))
        frontier = found


# What clears a flag ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Clearing:
    """What clears the flags of some subjects."""

    statuses: Mapping[str, str | None]
    """The status of each subject that exists."""
    revisits: Mapping[str, Sequence[tuple[int, int]]]
    """The position and effective time of each event by which a subject was revisited."""
    confirmations: Mapping[tuple[str, str | None], tuple[int, int]]
    """The position and effective time of the latest confirmation with a reason, of a subject or one of its fields."""

    @classmethod
    def of(cls, read: Read, subjects: Iterable[str], resolved: ResolvedTime) -> _Clearing:
        """Read what clears the flags of these subjects."""
        named = sorted(set(subjects))
        if not named:
            return cls({}, {}, {})
        return cls(
            _find_statuses(read, named, resolved),
            _find_revisits(read, named, resolved),
            _find_confirmations(read, named, resolved),
        )

    def clears(self, flag: Flag) -> bool:
        """Return whether a flag is not raised: its item is gone, has ended, or was revisited or confirmed since."""
        if flag.subject not in self.statuses:
            return True
        live, status = LIVE.get(kind_of(flag.subject)), self.statuses[flag.subject]
        if live is not None and status is not None and status not in live:
            return True
        return self._is_revisited(flag) or self.is_kept(flag)

    def _is_revisited(self, flag: Flag) -> bool:
        if flag.item.field is not None:
            return flag.cause.precedes(flag.item.position, flag.item.since)
        return any(flag.cause.precedes(*each) for each in self.revisits.get(flag.subject, ()))

    def is_kept(self, flag: Flag) -> bool:
        """Return whether the item, or its whole subject, was confirmed with a reason after the cause."""
        keys = {(flag.subject, None), (flag.subject, flag.item.field)}
        return any(flag.cause.precedes(*self.confirmations[key]) for key in keys if key in self.confirmations)


def _find_statuses(read: Read, subjects: Sequence[str], resolved: ResolvedTime) -> dict[str, str | None]:
    sql = f"""select c.subject, {resolved.value("c.subject", STATUS)} from field_value c
        where c.subject in {members("named")} and c.field = 'exists' and c.value = 'true' and {resolved.is_in_effect("c")}"""
    rows = read.rows(sql, {**resolved.parameters, "named": list(subjects)})
    return {subject: None if value is None else str(loads(value)) for subject, value in rows}


def _find_revisits(read: Read, subjects: Sequence[str], resolved: ResolvedTime) -> dict[str, list[tuple[int, int]]]:
    sql = f"""select a.subject, a.position, a.valid_from from event a where a.subject in {members("named")}
        and a.type in {members("types")} and a.position <= :known and a.valid_from <= :as_of
        and (a.voided_by is null or a.voided_by > :known)"""
    found: dict[str, list[tuple[int, int]]] = {}
    parameters = {**resolved.parameters, "named": list(subjects), "types": list(REVISITS)}
    for subject, position, valid_from in read.rows(sql, parameters):
        found.setdefault(subject, []).append((position, valid_from))
    return found


def _find_confirmations(
    read: Read, subjects: Sequence[str], resolved: ResolvedTime
) -> dict[tuple[str, str | None], tuple[int, int]]:
    parameters = {**resolved.parameters, "named": list(subjects)}
    is_reason = starts_with("c.field", "reason", STILL_VALID_BECAUSE, parameters)
    sql = f"""select c.subject, c.field, c.id, c.valid_from from field_value c where c.subject in {members("named")}
        and {is_reason} and c.value is not null and {resolved.is_in_effect("c")}"""
    return {
        (subject, name.removeprefix(STILL_VALID_BECAUSE).removeprefix(".") or None): (
            id_ // CHANGES_PER_EVENT,
            valid_from,
        )
        for subject, name, id_, valid_from in read.rows(sql, parameters)
    }
