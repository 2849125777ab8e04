"""The state of a product at the end of a report's period: goals, releases, what is overdue, next, waiting or unowned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from domain.decision_messages import OPEN as OPEN_DECISION
from domain.feature import CLOSED, PROPOSED
from domain.fields import EXISTS, STATUS
from domain.ownership import ACCOUNTABLE_FIELD
from domain.values import format_micros, kind_of
from projections.answer_types.fields import FieldRow
from projections.answer_types.parts import Blame
from projections.answer_types.report import GoalOutcome, GoalValue, ReleaseFeatures, Section
from projections.queries.accountability import find_vacancies, unowned
from projections.queries.backing import find_unbacked
from projections.queries.blame import add_blame, find_blames
from projections.queries.expected_outcomes import Expectation, find_expectations
from projections.queries.field_values import all_field_values, as_ids, value_of
from projections.queries.filters import Filter
from projections.queries.ordering import TargetOrder
from projections.queries.report_basis import ReportBasis
from projections.queries.report_lines import Line, is_target, planning_fields
from projections.read_model.cached_property import CachedProperty

GOAL_VALUES: Final[tuple[GoalValue, ...]] = get_args(GoalValue)
HORIZONS: Final = ("now", "next", "later")
ENDED_STATUSES: Final = (
    CLOSED
    | {"retired", "met", "missed", "rejected", "withdrawn", "superseded", "reversed"}
    | {"held", "canceled", "done"}
)
"""The statuses of subjects that need no accountable person any more."""


@dataclass(frozen=True)
class _State:
    """The state of a subject at the end of the period, given by some of its fields."""

    section: Section
    subject: str
    fields: Sequence[str]
    due: str | None = None


class StateLines:
    """Builds the lines about the state at the end of the period."""

    def __init__(self, basis: ReportBasis) -> None:
        self._basis = basis
        self._read, self._time, self._fields = basis.read, basis.time, basis.fields
        self._order = TargetOrder(basis.read, basis.time)

    def build(self) -> list[Line]:
        """Return the lines, those of each section in their order."""
        features = self._find_subjects("feature", lambda fields: value_of(fields, STATUS) not in CLOSED)
        planned = [feature for feature in features if planning_fields(self._fields[feature])]
        coming = [feature for feature in planned if value_of(self._fields[feature], STATUS) != "paused"]
        states = [
            *self._goals(),
            *self._overdue(features),
            *(_State("next", one, planning_fields(self._fields[one])) for one in sorted(coming, key=self._next_rank)),
            *self._waiting(),
            *self._undecided_states(planned),
        ]
        return [*self._release_lines(), *self._lines_of_states(states), *self._unowned_lines()]

    def _goals(self) -> list[_State]:
        """Return the goals that are open, then those that were closed in the period; by the day they are due."""
        goals = self._find_subjects("goal", lambda fields: STATUS in fields)
        since = format_micros(self._basis.since)
        open_ = [goal for goal in goals if value_of(self._fields[goal], STATUS) == "open"]
        closed = [goal for goal in goals if goal not in open_ and self._fields[goal][STATUS]["since"] >= since]
        return [
            _State("goals", goal, [STATUS, "due_on"], value_of(self._fields[goal], "due_on"))
            for found in (open_, closed)
            for goal in sorted(found, key=lambda goal: (str(value_of(self._fields[goal], "due_on") or "9"), goal))
        ]

    def _release_lines(self) -> list[Line]:
        """Return lines about the releases that are due in the period or later, by date: first promise, now, features."""
        since = format_micros(self._basis.since)[:10]
        dates = {release: value_of(self._fields[release], "due_on") for release in self._find_subjects("release", bool)}
        due = sorted((str(date), release) for release, date in dates.items() if date and str(date) >= since)
        states = [_State("releases", release, ["due_on"], date) for date, release in due]
        lines = self._lines_of_states(states)
        for line in lines:
            line.slips = self._basis.count_slips(line.subject, "due_on")
            line.features = self._count_features(line.subject)
        return lines

    def _count_features(self, release: str) -> ReleaseFeatures:
        """Return how many features have a release as a target, and how many of them were shipped."""
        planned = self._targeting.get(release, ())
        shipped = sum(value_of(self._fields[feature], STATUS) == "shipped" for feature in planned)
        return {"planned": len(planned), "shipped": shipped}

    @CachedProperty
    def _targeting(self) -> Mapping[str, Sequence[str]]:
        """The features that have each release as a target."""
        found: dict[str, list[str]] = {}
        for feature in self._find_subjects("feature", bool):
            fields = self._fields[feature]
            for target in {str(row["value"]) for name, row in fields.items() if is_target(name, row)}:
                found.setdefault(target, []).append(feature)
        return found

    @CachedProperty
    def _supporters(self) -> Mapping[str, Sequence[str]]:
        """The decisions and features that are for each goal."""
        found: dict[str, list[str]] = {}
        for subject, fields in self._fields.items():
            for goal in set(as_ids(value_of(fields, "goals"))):
                found.setdefault(goal, []).append(subject)
        return found

    def _find_subjects(self, kind: str, matches: Callable[[Mapping[str, FieldRow]], bool]) -> list[str]:
        return [subject for subject, fields in self._fields.items() if kind_of(subject) == kind and matches(fields)]

    def _lines_of_states(self, states: Sequence[_State]) -> list[Line]:
        """Return a line for each state to show, with the blame of the latest of its fields."""
        by_section: dict[Section, list[_State]] = {}
        for state in states:
            by_section.setdefault(state.section, []).append(state)
        shown = [state for section, found in by_section.items() for state in self._basis.limit(section, found)]
        fields = [[row for name, row in self._fields[state.subject].items() if name in state.fields] for state in shown]
        latest = [max(rows, key=lambda row: (row["since"], row["position"])) for rows in fields]
        blames = find_blames(self._read, (row["position"] for row in latest), self._time)
        lines = []
        for state, rows, last in zip(shown, fields, latest, strict=True):
            blame = blames[last["position"]]
            line = Line(state.section, state.subject, last["since"], [blame["principal"]], blame, due=state.due)
            if state.section == "goals":
                values = self._fields[state.subject]
                line.measure = value_of(values, "measure")
                line.progress = {
                    name: str(values[name]["value"]) for name in GOAL_VALUES if value_of(values, name) is not None
                }
                line.outcomes = self._find_outcomes(state.subject)
                slips = self._basis.count_slips(state.subject, "due_on")
                line.slips = slips if slips["later"] else None
            line.changes = [
                {"field": row["field"], "after": {"value": row["value"], "source_value": row["source_value"]}}
                for row in rows
            ]
            lines.append(line)
        return lines

    def _find_outcomes(self, goal: str) -> list[GoalOutcome]:
        """Return what the decisions and features for a goal were expected to bring, and what came of it, by date."""
        if not (linked := self._supporters.get(goal)):
            return []
        return [_outcome_of(each) for each in find_expectations(self._read, Filter(subjects=linked), self._time)]

    def _overdue(self, features: Sequence[str]) -> list[_State]:
        """Return open features and goals whose last target date has passed, those due first at the top."""
        late = [(feature, name) for feature in features if (name := self._latest_target(feature))]
        goals = self._find_subjects(
            "goal", lambda fields: value_of(fields, STATUS) == "open" and self._has_passed(value_of(fields, "due_on"))
        )
        found = [*late, *((goal, "due_on") for goal in goals)]
        states = [_State("overdue", one, [name], self._due_date(one, name)) for one, name in found]
        return sorted(states, key=lambda state: str(state.due))

    def _due_date(self, subject: str, name: str) -> Any:
        return self._basis.target_date(self._fields[subject][name]["value"])

    def _latest_target(self, feature: str) -> str | None:
        """Return the last of a feature's targets if all of them have passed."""
        dates = {
            name: self._basis.target_date(row["value"])
            for name, row in self._fields[feature].items()
            if is_target(name, row)
        }
        if not dates or not all(self._has_passed(date) for date in dates.values()):
            return None
        return max(dates, key=lambda name: (str(dates[name]), name))

    def _has_passed(self, date: Any) -> bool:
        return isinstance(date, str) and date < self._basis.date

    def _next_rank(self, feature: str) -> tuple[Any, ...]:
        """Return the sort key of a feature in the section `next`."""
        fields = self._fields[feature]
        horizon, rank = value_of(fields, "horizon"), value_of(fields, "rank")
        targets = sorted(self._order.key(row["value"]) for name, row in fields.items() if is_target(name, row))
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
            "decision", lambda fields: (value_of(fields, STATUS) or PROPOSED) in OPEN_DECISION
        )
        due = self._find_subjects(
            "decision",
            lambda fields: value_of(fields, STATUS) == "accepted" and self._has_passed(value_of(fields, "review_on")),
        )
        found = [
            *((decision, STATUS) for decision in undecided if STATUS in self._fields[decision]),
            *((decision, "review_on") for decision in due),
        ]
        found.sort(key=lambda each: str(self._fields[each[0]][each[1]]["since"]))  # waiting for longest first
        return [_State("waiting", decision, [name]) for decision, name in found]

    def _unowned_lines(self) -> list[Line]:
        """Return lines about subjects that need an accountable person and have none."""
        of_product = Filter(products=[self._basis.product])
        found = unowned(self._read, of_product, self._time.requested, limit=len(self._basis.members) + 1)
        active = self._basis.limit("unowned", [row for row in found.rows if self._is_active(row["subject"])])
        blames = self._find_ownership_blames([row["subject"] for row in active])
        lines = []
        for row in active:
            at, blame = blames[row["subject"]]
            lines.append(Line("unowned", row["subject"], at, [blame["principal"]], blame, left=row["left"]))
        return lines

    def _is_active(self, subject: str) -> bool:
        return value_of(self._fields.get(subject, {}), STATUS) not in ENDED_STATUSES

    def _find_ownership_blames(self, subjects: Sequence[str]) -> Mapping[str, tuple[str, Blame]]:
        """Return since when each subject has been without an owner, and by which event: the one by which it lost the last
        one, or that set the accountable person, or that created it.
        """
        selection = Filter(subjects=subjects, fields=(ACCOUNTABLE_FIELD, EXISTS), include_removed=True)
        if not subjects:
            return {}
        rows = add_blame(self._read, all_field_values(self._read, selection, self._time), self._time)
        rows.sort(key=lambda row: row["field"] == ACCOUNTABLE_FIELD)
        lost = find_vacancies(self._read, subjects, self._time)
        return {
            **{row["subject"]: (row["blame"]["at"], row["blame"]) for row in rows},
            **{subject: (change["at"], change["blame"]) for subject, change in lost.items()},
        }

    def _undecided_states(self, planned: Sequence[str]) -> list[_State]:
        """Return features with planned fields that have no decision in force behind them."""
        found = find_unbacked(self._read, {feature: self._fields[feature] for feature in planned}, self._time)
        return [_State("undecided", feature, names) for feature, names in found.items()]


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
