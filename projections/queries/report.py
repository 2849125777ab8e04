"""The progress report of a product over a period, for readers who did not follow along.

A report is a pure function of the log up to a position: the same period and position always give the same rows,
whatever is recorded later. Its hash is that of its canonical JSON without texts. The texts are in the log at the positions
that the report names, each under its own salted commitment; so the hash stays valid when texts are erased, and does not
help to guess them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import islice
from typing import Any, Final, TypeVar, get_args

from domain.decision_messages import OPEN as OPEN_DECISION
from domain.feature import CLOSED, PROPOSED
from domain.fields import EXISTS, STATUS
from domain.values import format_micros, kind_of
from eventlog.canonical import canonical
from projections.answer_types.audit import AuditEvent
from projections.answer_types.changes import FieldChangeRow
from projections.answer_types.fields import FieldRow
from projections.answer_types.parts import Blame
from projections.answer_types.report import (
    GoalOutcome,
    GoalValue,
    ReleaseFeatures,
    ReportChange,
    ReportLine,
    ReportSlips,
    ReportSummary,
    Section,
)
from projections.queries.accountability import unowned
from projections.queries.audit import AuditFilter, all_events
from projections.queries.blame import add_blame, blame_of, find_blames
from projections.queries.expected_outcomes import Expectation, find_expectations
from projections.queries.field_history import ChangeFilter, iterate_changes
from projections.queries.field_values import all_field_values, as_ids, by_subject
from projections.queries.filters import Filter, subjects_where
from projections.queries.ordering import TargetOrder, resolve_people
from projections.queries.paging import Answer, Row, build_answer
from projections.queries.reasons import NO_REASON, Reason, find_reasons
from projections.queries.timepoint import ResolvedTime, TimePoint, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import PinnedRead, Read
from projections.read_model.schema import members

SECTIONS: Final[tuple[Section, ...]] = get_args(Section)

ACCOUNTABLE: Final = "role.accountable"
TARGET: Final = "target."
CHANGE_FIELDS: Final = (
    STATUS,
    EXISTS,
    "products",
    "horizon",
    "rank",
    "stage",
    "target.*",
    ACCOUNTABLE,
    "delegation.*",
    "due_on",
)
"""The fields whose changes are reported. `stage` is a tracker's name for the maturity of a feature."""
CURRENT_FIELDS: Final = (
    STATUS,
    "horizon",
    "rank",
    "target.*",
    ACCOUNTABLE,
    "decisions",
    "deciders",
    "kind",
    "measure",
    *("baseline", "target", "current", "unit"),
    "review_on",
    "due_on",
    "goals",
)
"""The fields whose values at the end of the period are reported."""
GOAL_VALUES: Final[tuple[GoalValue, ...]] = get_args(GoalValue)
HORIZONS: Final = ("now", "next", "later")
PROMISED_STATUSES: Final = frozenset({"committed", "started"})
ENDED_STATUSES: Final = (
    CLOSED
    | {"retired", "met", "missed", "rejected", "withdrawn", "superseded", "reversed"}
    | {"held", "canceled", "done"}
)
"""The statuses of subjects that need no accountable person any more."""
UNDONE_STATUSES: Final = frozenset({"reversed", "superseded"})
WEIGHT_OF_REVERSAL: Final = 2
"""The weight of a line that a reader must not miss: lines with a weight come first, and are shown in any case."""
COURSE_EVENTS: Final = ("VisionSet", "StrategySet", "ProductRetired")
TEXT_KEYS: Final = frozenset({"title", "titles", "text", "note", "measure", "expected", "actual", "source_value"})
"""The keys left out of the canonical JSON: their texts can be erased, or are not in the log."""
UNHASHED_KEYS: Final = frozenset({"sha256", "issued"})

MAX_LINES: Final = 1_000
"""The most lines a section shows, so that a report fits into memory."""
BATCH_CHANGES: Final = 500
LINE_BYTES: Final = 4_000
"""The approximate size of a line in memory."""
Item = TypeVar("Item")


class ReportNotFound(LookupError):
    """The log does not reach this position, or no report was issued there."""


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """The product, period and position of a report. Times are microseconds since 1970; the period is half open.

    `until` defaults to now, `position` to the last one recorded.
    """

    product: str
    since: int
    until: int | None = None
    position: int | None = None


def report(read: Read, request: ReportRequest) -> Answer[ReportLine, ReportSummary]:
    """Return what happened to a product in a period, line by line, each with who, when, why and where in the log.

    Each row has a `section`; rows are in the order of `SECTIONS`: `goals` that are open or were closed in the period;
    `releases` that are due in it or later; the `course` (vision and strategy); `decisions` that were taken, rejected,
    deferred or undone; what was `shipped` or `slipped`; what is `overdue`; what was `dropped`; what else `moved` on the
    roadmap; what was `handed_over`; what comes `next`; which decisions are `waiting`; what is `unowned`; what is planned
    without a decision (`undecided`); and what was recorded `late`: events and corrections recorded in the period about
    the time before it.

    The lines about what happened are in the order of their `weight`, then the newest first. Reversals and changes of
    course weigh most, then strategic decisions; a slip weighs as much as the target has slipped. The lines about the
    state at the end begin with what has been due or waiting for longest, or are in the order of the roadmap.

    The `reason` of a line is that of its own event, see `projections.queries.reasons`; several causes are never mixed.

    A section has at most `MAX_LINES` lines. Of events those still in effect are kept, then the latest. `counts` has
    the number of all lines.

    Raises:
        ReportNotFound: the log does not reach the position.
    """
    position = read.position if request.position is None else request.position
    known_at = _recorded_at(read, position)
    # The last event is before the end.
    until = max(read.now, known_at + 1) if request.until is None else request.until
    pinned = PinnedRead(read.unabridged or read.run, read.clock, position, bounds=read.bounds)
    time = resolve_time(pinned, TimePoint(until - 1, known_at))
    builder = _ReportBuilder(pinned, replace(request, until=until), time)
    lines = builder.build_lines()
    titles = find_titles(pinned, [request.product, *(line.subject for line in lines)], time)
    rows = [line.to_row(titles.get(line.subject)) for line in lines]
    about: ReportSummary = {
        "product": request.product,
        "title": titles.get(request.product),
        "since": format_micros(request.since),
        "until": format_micros(until),
        "counts": {section: builder.counts[section] for section in SECTIONS},
        "sha256": "",
    }
    answer = build_answer(time, rows, about=about)
    about["sha256"] = report_hash(answer.to_dict())
    return replace(answer, rows=read.abridge(rows))


def report_hash(answer: Row) -> str:
    """Return the SHA-256 of a report's canonical JSON in hexadecimal. The answer may already have its hash and titles,
    and who issued it.
    """
    hashed = {name: value for name, value in answer.items() if name not in UNHASHED_KEYS}
    return sha256(canonical(_without_texts(hashed))).hexdigest()


def _without_texts(value: Any) -> Any:
    if isinstance(value, dict):
        kept = ((name, member) for name, member in value.items() if name not in TEXT_KEYS and member is not None)
        return {name: _without_texts(member) for name, member in kept}
    return [_without_texts(member) for member in value if member is not None] if isinstance(value, list) else value


def _recorded_at(read: Read, position: int) -> int:
    """Return when a position was recorded. No two positions share a time, so it pins the position."""
    found = read.one("select recorded_at from main.event where position = :position", {"position": position})
    if found is None:
        raise ReportNotFound(f"the log ends at position {read.position}; there is no position {position}")
    return int(found[0])


@dataclass(slots=True)
class _Line:
    """A line of a report. Fields that are None do not apply to its section."""

    section: Section
    subject: str
    at: str
    by: Sequence[str]
    blame: Blame
    reason: Reason = NO_REASON
    weight: int = 0
    changes: list[ReportChange] = field(default_factory=list)
    current: bool | None = None
    """Whether a field still has the value that this line reports."""
    due: str | None = None
    left: Sequence[str] | None = None
    """Former holders who have left."""
    voids: int | None = None
    """The position that this event voided."""
    slips: ReportSlips | None = None
    measure: str | None = None
    progress: dict[GoalValue, str] | None = None
    outcomes: list[GoalOutcome] | None = None
    features: ReleaseFeatures | None = None
    """For a release: how many features are planned for it, and how many of them were shipped."""

    def to_row(self, title: str | None) -> ReportLine:
        row: ReportLine = {
            "section": self.section,
            "subject": self.subject,
            "title": title,
            "at": self.at,
            "by": list(self.by),
            "reason": {"kind": self.reason.kind, "text": self.reason.text, "decisions": list(self.reason.decisions)},
            "weight": self.weight,
            "changes": self.changes,
            "blame": self.blame,
            "link": f"/v1/subjects/{self.subject}",
        }
        if self.current is not None:
            row["current"] = self.current
        if self.due is not None:
            row["due"] = self.due
        if self.left is not None:
            row["left"] = list(self.left)
        if self.voids is not None:
            row["voids"] = self.voids
        if self.slips is not None:
            row["slips"] = self.slips
        if self.measure is not None:
            row["measure"] = self.measure
        if self.progress:
            row["progress"] = self.progress
        if self.outcomes:
            row["outcomes"] = self.outcomes
        if self.features is not None:
            row["features"] = self.features
        return row


def _outcome_of(each: Expectation) -> GoalOutcome:
    outcome = each.outcome
    return {
        "subject": each.subject,
        "measure": each.measure,
        "expected": each.target,
        "due_on": each.due_on,
        "by": each.by,
        "result": outcome.result if outcome else None,
        "actual": outcome.actual if outcome else None,
        "judged_by": outcome.by if outcome else None,
        "evidence": list(outcome.evidence) if outcome else [],
    }


@dataclass(frozen=True)
class _Event:
    """The parts of an event that its blame does not have."""

    transaction_id: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class _State:
    """The state of a subject at the end of the period, given by some of its fields."""

    section: Section
    subject: str
    fields: Sequence[str]
    due: str | None = None


@dataclass(eq=False, slots=True)
class _ChangeLine:
    """A line about changes, with how many of the changed fields still have the value that it reports."""

    line: _Line | None
    number: int
    in_effect: int = 0


StartLine = Callable[[Section, FieldChangeRow], _Line]
"""Starts a line about a change in a section."""


class _ChangeLines:
    """Lines about changes, collected in the order of the changes. Of a long section only the most relevant are kept."""

    def __init__(self) -> None:
        self.counts: Counter[Section] = Counter()
        self._lines: dict[Section, dict[tuple[Any, ...], _ChangeLine]] = {}
        self._last: dict[tuple[str, str], _ChangeLine | None] = {}
        """The line about the last change of each field."""

    def add(self, section: Section | None, change: FieldChangeRow, start_line: StartLine) -> None:
        """Add a change to the line of its event in a section, which `start_line` creates if there is none."""
        entry = self._find_or_start(section, change, start_line) if section else None
        key = (change["subject"], change["field"])
        before = self._last.get(key)
        if before:
            before.in_effect -= 1
        self._last[key] = entry
        if entry and entry.line:
            entry.in_effect += 1
            entry.line.changes.append(
                {
                    "field": change["field"],
                    "before": change["before"],
                    "after": change["after"],
                    "direction": change["direction"],
                }
            )

    def _find_or_start(self, section: Section, change: FieldChangeRow, start_line: StartLine) -> _ChangeLine:
        found = self._lines.setdefault(section, {})
        key = (change["subject"], change["at"], change["position"])
        if key not in found:
            self.counts[section] += 1
            if len(found) >= 2 * MAX_LINES:
                self._drop_excess(section)
            found[key] = _ChangeLine(start_line(section, change), self.counts[section])
        return found[key]

    def _drop_excess(self, section: Section) -> None:
        """Keep the lines still in effect, then the latest ones."""
        found = self._lines[section]
        by_relevance = sorted(found, key=lambda key: (found[key].in_effect > 0, found[key].number))
        for key in by_relevance[:-MAX_LINES]:
            found.pop(key).line = None

    def finish(self) -> list[_Line]:
        """Return the lines that were kept, in their order."""
        lines = []
        for section, found in self._lines.items():
            self._drop_excess(section)
            for entry in found.values():
                if entry.line:
                    entry.line.current = entry.in_effect > 0
                    lines.append(entry.line)
        return lines


class _ReportBuilder:
    """Builds a report from one snapshot."""

    def __init__(self, read: Read, request: ReportRequest, time: ResolvedTime) -> None:
        assert request.until is not None
        self.read, self.request, self.time = read, request, time
        self.until = request.until
        self.date = format_micros(self.until)[:10]
        self.order = TargetOrder(read, time)
        self.counts: Counter[Section] = Counter()
        self.members = self._find_members()
        current = Filter(products=[request.product], fields=CURRENT_FIELDS)
        self.fields: Mapping[str, Mapping[str, FieldRow]] = by_subject(all_field_values(read, current, time))
        """Fields at the end of the period, by subject and name."""

    def build_lines(self) -> list[_Line]:
        """Return all lines, section by section."""
        past = [*self._change_lines(), *self._course_lines(), *self._late_lines()]
        past.sort(key=lambda line: (line.weight, line.at, line.blame["position"]), reverse=True)
        lines = [*past, *self._state_lines()]
        self.read.bounds.count_bytes(len(lines) * LINE_BYTES)
        reasons = find_reasons(self.read, (line.blame["position"] for line in lines), self.time)
        for line in lines:
            line.reason = reasons[line.blame["position"]]
        return sorted(lines, key=lambda line: SECTIONS.index(line.section))  # stable: sections keep their order

    def _find_members(self) -> list[str]:
        """Return all subjects of the product at the start or the end of the period, removed or not."""
        start = replace(self.time, as_of=self.request.since - 1)
        of_product = Filter(products=[self.request.product], include_removed=True)
        found: set[str] = set()
        for time in (start, self.time):
            where, parameters = subjects_where(self.read, of_product, time, "c.subject")
            sql = f"select distinct c.subject from field_value c where c.field = 'exists' and {where}"
            found.update(row[0] for row in self.read.rows(sql, parameters))
        return sorted(found)

    def _limit(self, section: Section, lines: Sequence[Item]) -> Sequence[Item]:
        """Count the lines of a section, and return those to show."""
        self.counts[section] += len(lines)
        return lines[:MAX_LINES]

    # What happened

    def _change_lines(self) -> list[_Line]:
        """Return a line for each event and section, with the fields that it changed."""
        collected, created = _ChangeLines(), self._find_created()
        for changes, events in self._change_batches(CHANGE_FIELDS):
            for change in changes:
                event = events[change["position"]]
                is_new = (event.transaction_id, change["subject"]) in created
                section = _change_section(change, self.request.product, is_new=is_new)
                collected.add(section, change, _line_starter(event.data))
        self.counts += collected.counts
        lines = collected.finish()
        for line in lines:
            if line.section == "slipped":
                name = line.changes[-1]["field"]
                line.slips = self._count_slips(line.subject, name)
                line.weight = line.slips["later"]
                line.due = self._find_due_date(line.changes[-1]["after"]["value"])
            elif line.section == "decisions":
                line.weight = self._weigh_decision(line)
        return lines

    def _weigh_decision(self, line: _Line) -> int:
        if any(change["after"]["value"] in UNDONE_STATUSES for change in line.changes):
            return WEIGHT_OF_REVERSAL
        return int(_value(self.fields.get(line.subject, {}), "kind") == "strategic")

    def _find_created(self) -> set[tuple[str, str]]:
        """Return the subjects that were created in the period, each with the transaction."""
        return {
            (events[change["position"]].transaction_id, change["subject"])
            for changes, events in self._change_batches((EXISTS,))
            for change in changes
            if _is_first(change)
        }

    def _change_batches(self, fields: Sequence[str]) -> Iterator[tuple[Sequence[FieldChangeRow], Mapping[int, _Event]]]:
        """Yield the changes of the period in batches, each with its events; batches do not count as kept."""
        period = (self.request.since, self.until)
        selection = ChangeFilter(fields=Filter(subjects=self.members, fields=fields), span=period)
        changes = (each for each in iterate_changes(self.read, selection, self.time) if self._changed_value(each))
        while batch := list(islice(changes, BATCH_CHANGES)):
            kept_bytes = self.read.bounds.kept_bytes
            yield batch, self._find_events(change["position"] for change in batch)
            self.read.bounds.release_to(kept_bytes)

    def _changed_value(self, change: FieldChangeRow) -> bool:
        """Whether the value changed, and not only the source value."""
        before, after = (
            resolve_people(side["value"], self.read.merged_into) for side in (change["before"], change["after"])
        )
        return before != after and not (before in (None, []) and after in (None, []))

    def _count_slips(self, subject: str, field: str) -> ReportSlips:
        """Return how often a target was moved to later by the end of the period, and the first target."""
        selection = ChangeFilter(fields=Filter(subjects=[subject], fields=[field]))
        changes = list(iterate_changes(self.read, selection, self.time))  # kept only for a short time
        first = next((change["after"] for change in changes if change["after"]["value"] is not None), None)
        return {"later": sum(change["direction"] == "later" for change in changes), "first": first}

    def _find_events(self, positions: Iterable[int]) -> Mapping[int, _Event]:
        sql = f"select position, transaction_id, body from event where position in {members('positions')}"
        rows = self.read.rows(sql, {"positions": sorted(set(positions))})
        return {position: _Event(transaction_id, json.loads(body)) for position, transaction_id, body in rows}

    def _course_lines(self) -> list[_Line]:
        """Return lines about changes of the product's vision and strategy."""
        selection = AuditFilter(
            subjects=[self.request.product],
            types=COURSE_EVENTS,
            span=(self.request.since, self.until),
            voided=False,
        )
        events = all_events(self.read, selection, self.time)[::-1]
        return [_event_line("course", event, weight=WEIGHT_OF_REVERSAL) for event in self._limit("course", events)]

    # The state at the end of the period

    def _state_lines(self) -> list[_Line]:
        features = self._find_subjects("feature", lambda fields: _value(fields, STATUS) not in CLOSED)
        planned = [feature for feature in features if planning_fields(self.fields[feature])]
        coming = [feature for feature in planned if _value(self.fields[feature], STATUS) != "paused"]
        states = [
            *self._goals(),
            *self._overdue(features),
            *(_State("next", one, planning_fields(self.fields[one])) for one in sorted(coming, key=self._next_rank)),
            *self._waiting(),
            *self._undecided_states(planned),
        ]
        return [*self._release_lines(), *self._lines_of_states(states), *self._unowned_lines()]

    def _goals(self) -> list[_State]:
        """Return the goals that are open, then those that were closed in the period; by the day they are due."""
        goals = self._find_subjects("goal", lambda fields: STATUS in fields)
        since = format_micros(self.request.since)
        open_ = [goal for goal in goals if _value(self.fields[goal], STATUS) == "open"]
        closed = [goal for goal in goals if goal not in open_ and self.fields[goal][STATUS]["since"] >= since]
        return [
            _State("goals", goal, [STATUS, "due_on"], _value(self.fields[goal], "due_on"))
            for found in (open_, closed)
            for goal in sorted(found, key=lambda goal: (str(_value(self.fields[goal], "due_on") or "9"), goal))
        ]

    def _release_lines(self) -> list[_Line]:
        """Return lines about the releases that are due in the period or later, by date: first promise, now, features."""
        since = format_micros(self.request.since)[:10]
        dates = {release: _value(self.fields[release], "due_on") for release in self._find_subjects("release", bool)}
        due = sorted((str(date), release) for release, date in dates.items() if date and str(date) >= since)
        states = [_State("releases", release, ["due_on"], date) for date, release in due]
        lines = self._lines_of_states(states)
        for line in lines:
            line.slips = self._count_slips(line.subject, "due_on")
            line.features = self._count_features(line.subject)
        return lines

    def _count_features(self, release: str) -> ReleaseFeatures:
        """Return how many features have a release as a target, and how many of them were shipped."""
        planned = self._find_subjects(
            "feature",
            lambda fields: any(_is_target(name, row) and row["value"] == release for name, row in fields.items()),
        )
        shipped = sum(_value(self.fields[feature], STATUS) == "shipped" for feature in planned)
        return {"planned": len(planned), "shipped": shipped}

    def _find_subjects(self, kind: str, matches: Callable[[Mapping[str, FieldRow]], bool]) -> list[str]:
        return [subject for subject, fields in self.fields.items() if kind_of(subject) == kind and matches(fields)]

    def _lines_of_states(self, states: Sequence[_State]) -> list[_Line]:
        """Return a line for each state to show, with the blame of the latest of its fields."""
        by_section: dict[Section, list[_State]] = {}
        for state in states:
            by_section.setdefault(state.section, []).append(state)
        shown = [state for section, found in by_section.items() for state in self._limit(section, found)]
        fields = [[row for name, row in self.fields[state.subject].items() if name in state.fields] for state in shown]
        latest = [max(rows, key=lambda row: (row["since"], row["position"])) for rows in fields]
        blames = find_blames(self.read, (row["position"] for row in latest), self.time)
        lines = []
        for state, rows, last in zip(shown, fields, latest, strict=True):
            blame = blames[last["position"]]
            line = _Line(state.section, state.subject, last["since"], [blame["principal"]], blame, due=state.due)
            if state.section == "goals":
                values = self.fields[state.subject]
                line.measure = _value(values, "measure")
                line.progress = {
                    name: str(values[name]["value"]) for name in GOAL_VALUES if _value(values, name) is not None
                }
                line.outcomes = self._find_outcomes(state.subject)
            line.changes = [
                {"field": row["field"], "after": {"value": row["value"], "source_value": row["source_value"]}}
                for row in rows
            ]
            lines.append(line)
        return lines

    def _find_outcomes(self, goal: str) -> list[GoalOutcome]:
        """Return what the decisions and features for a goal were expected to bring, and what came of it, by date."""
        linked = [subject for subject, fields in self.fields.items() if goal in as_ids(_value(fields, "goals"))]
        if not linked:
            return []
        return [_outcome_of(each) for each in find_expectations(self.read, Filter(subjects=linked), self.time)]

    def _overdue(self, features: Sequence[str]) -> list[_State]:
        """Return open features and goals whose last target date has passed, those due first at the top."""
        late = [(feature, name) for feature in features if (name := self._latest_target(feature))]
        goals = self._find_subjects(
            "goal", lambda fields: _value(fields, STATUS) == "open" and self._has_passed(_value(fields, "due_on"))
        )
        found = [*late, *((goal, "due_on") for goal in goals)]
        states = [_State("overdue", one, [name], self._due_date(one, name)) for one, name in found]
        return sorted(states, key=lambda state: str(state.due))

    def _due_date(self, subject: str, name: str) -> Any:
        return self._target_date(self.fields[subject][name]["value"])

    def _find_due_date(self, target: Any) -> str | None:
        """Return the date that a target has at the end of the period."""
        date = self._target_date(target)
        return date if isinstance(date, str) else None

    def _latest_target(self, feature: str) -> str | None:
        """Return the last of a feature's targets if all of them have passed."""
        dates = {
            name: self._target_date(row["value"]) for name, row in self.fields[feature].items() if _is_target(name, row)
        }
        if not dates or not all(self._has_passed(date) for date in dates.values()):
            return None
        return max(dates, key=lambda name: (str(dates[name]), name))

    def _target_date(self, target: Any) -> Any:
        """Return the date of a target: a date itself, or that of a release if it has one."""
        return _value(self.fields.get(str(target), {}), "due_on") if str(target).startswith("release:") else target

    def _has_passed(self, date: Any) -> bool:
        return isinstance(date, str) and date < self.date

    def _next_rank(self, feature: str) -> tuple[Any, ...]:
        """Return the sort key of a feature in the section `next`."""
        fields = self.fields[feature]
        horizon, rank = _value(fields, "horizon"), _value(fields, "rank")
        targets = sorted(self.order.key(row["value"]) for name, row in fields.items() if _is_target(name, row))
        return (
            HORIZONS.index(horizon) if horizon in HORIZONS else len(HORIZONS),
            rank if isinstance(rank, int) else 1 << 53,
            not targets,
            targets[:1],
            feature,
        )

    def _waiting(self) -> list[_State]:
        """Return decisions that are open, and accepted ones whose review date has passed."""
        undecided = self._find_subjects(
            "decision", lambda fields: (_value(fields, STATUS) or PROPOSED) in OPEN_DECISION
        )
        due = self._find_subjects(
            "decision",
            lambda fields: _value(fields, STATUS) == "accepted" and self._has_passed(_value(fields, "review_on")),
        )
        found = [
            *((decision, STATUS) for decision in undecided if STATUS in self.fields[decision]),
            *((decision, "review_on") for decision in due),
        ]
        found.sort(key=lambda each: str(self.fields[each[0]][each[1]]["since"]))  # waiting for longest first
        return [_State("waiting", decision, [name]) for decision, name in found]

    def _unowned_lines(self) -> list[_Line]:
        """Return lines about subjects that need an accountable person and have none."""
        of_product = Filter(products=[self.request.product])
        found = unowned(self.read, of_product, self.time.requested, limit=len(self.members) + 1)
        active = self._limit("unowned", [row for row in found.rows if self._is_active(row["subject"])])
        blames = self._find_ownership_blames(row["subject"] for row in active)
        lines = []
        for row in active:
            blame = blames[row["subject"]]
            by = [blame["principal"]]
            lines.append(_Line("unowned", row["subject"], blame["at"], by, blame, left=row["left"]))
        return lines

    def _is_active(self, subject: str) -> bool:
        return _value(self.fields.get(subject, {}), STATUS) not in ENDED_STATUSES

    def _find_ownership_blames(self, subjects: Iterable[str]) -> Mapping[str, Blame]:
        """Return who last set the accountable person of each subject, or else who created it."""
        selection = Filter(subjects=sorted(subjects), fields=(ACCOUNTABLE, EXISTS), include_removed=True)
        if not selection.subjects:
            return {}
        rows = add_blame(self.read, all_field_values(self.read, selection, self.time), self.time)
        return {row["subject"]: row["blame"] for row in sorted(rows, key=lambda row: row["field"] == ACCOUNTABLE)}

    def _undecided_states(self, planned: Sequence[str]) -> list[_State]:
        """Return planned features that neither refer to a decision nor have an event that cites one."""
        decisions = self._find_decisions(planned)
        return [
            _State("undecided", feature, planning_fields(self.fields[feature]))
            for feature in planned
            if feature not in decisions
        ]

    def _find_decisions(self, subjects: Iterable[str]) -> Mapping[str, Sequence[str]]:
        """Return the decisions that the events of each subject cite, in order, and those that it refers to."""
        wanted = sorted(set(subjects))
        sql = f"""select a.subject, b.decision from event_because b join event a on a.position = b.position
            where a.subject in {members("subjects")} and a.position <= :known and a.valid_from <= :as_of
            and (a.voided_by is null or a.voided_by > :known)
            order by a.valid_from, a.position, b.decision"""
        found: dict[str, list[str]] = {}
        for subject, decision in self.read.rows(sql, {"subjects": wanted, **self.time.parameters}):
            found.setdefault(subject, []).append(decision)
        for subject in wanted:
            linked = _value(self.fields.get(subject, {}), "decisions")
            if linked:
                found.setdefault(subject, []).extend(linked)
        return {subject: list(dict.fromkeys(decisions)) for subject, decisions in found.items()}

    # What was recorded late

    def _late_lines(self) -> list[_Line]:
        """Return lines about events recorded in the period that took effect before it, and about voided entries."""
        recorded = (self.request.since, self.until)
        # Events that were voided need not be in effect at the end.
        time = replace(self.time, requested=replace(self.time.requested, as_of=None))
        backdated = AuditFilter(subjects=self.members, recorded=recorded, backdated=True)
        voiding = AuditFilter(subjects=self.members, recorded=recorded, types=["EntryVoided"])
        since = format_micros(self.request.since)
        late = [
            event
            for event in all_events(self.read, backdated, time)
            if event["at"] < since and event["type"] != "ChangesImported.v1"
        ]
        found = {event["position"]: event for event in (*late, *all_events(self.read, voiding, time))}
        newest_first = [event for _, event in sorted(found.items(), reverse=True)]
        return [_event_line("late", event) for event in self._limit("late", newest_first)]


def _event_line(section: Section, event: AuditEvent, *, weight: int = 0) -> _Line:
    blame = blame_of(event)
    voids = event["data"]["position"] if event["type"] == "EntryVoided.v1" else None
    assert voids is None or isinstance(voids, int)
    return _Line(section, event["subject"], event["at"], [blame["principal"]], blame, weight=weight, voids=voids)


def _line_starter(data: Mapping[str, Any]) -> StartLine:
    """Return a function that starts a line about changes made by an event with this data."""

    def start_line(section: Section, change: FieldChangeRow) -> _Line:
        blame = change["blame"]
        deciders = data.get("deciders") if section == "decisions" else None
        return _Line(section, change["subject"], change["at"], deciders or [blame["principal"]], blame)

    return start_line


def _change_section(change: FieldChangeRow, product: str, *, is_new: bool) -> Section | None:
    """Return the section of a change, if it is reported; `is_new` if its transaction created the subject."""
    kind, field, after = kind_of(change["subject"]), change["field"], change["after"]["value"]
    if field == ACCOUNTABLE or field.startswith("delegation."):
        return None if is_new and change["direction"] == "first" else "handed_over"
    if kind == "feature":
        return _feature_section(change, product)
    is_creation = field == EXISTS and _is_first(change)
    if kind == "decision":
        is_proposal = field == STATUS and _is_first(change) and after == PROPOSED
        return "decisions" if field in (STATUS, EXISTS) and not is_proposal and not is_creation else None
    if kind == "goal":
        return "course" if field == EXISTS and not is_creation else None
    if kind == "release" and field == "due_on":
        return "slipped" if change["direction"] == "later" else "moved"
    return None


def _feature_section(change: FieldChangeRow, product: str) -> Section | None:
    field, after = change["field"], change["after"]["value"]
    if field == "products":
        if product in as_ids(change["before"]["value"]) and product not in as_ids(after):
            return "dropped"
        return None if _is_first(change) else "moved"
    if field == EXISTS:
        return "dropped" if after is False else "moved"
    if field == STATUS and after in CLOSED:
        return "shipped" if after == "shipped" else "dropped"
    return "slipped" if field.startswith(TARGET) and change["direction"] == "later" else "moved"


def _is_first(change: FieldChangeRow) -> bool:
    """Whether the field had no value before."""
    return change["before"]["value"] is None and change["before"]["source_value"] is None


def _value(fields: Mapping[str, FieldRow], name: str) -> Any:
    return fields[name]["value"] if name in fields else None


def _is_target(name: str, row: FieldRow) -> bool:
    return name.startswith(TARGET) and row["value"] is not None


def planning_fields(fields: Mapping[str, FieldRow]) -> list[str]:
    """Return the fields that make a feature planned: committed, started or paused, in now or next, or with a target."""
    return [
        name
        for name, row in fields.items()
        if _is_target(name, row)
        or (name == STATUS and row["value"] in PROMISED_STATUSES | {"paused"})
        or (name == "horizon" and row["value"] in ("now", "next"))
    ]
