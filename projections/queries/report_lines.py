"""The lines of a report, and the section of each change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from domain.feature import CLOSED, PROPOSED
from domain.fields import EXISTS, STATUS
from domain.ownership import ACCOUNTABLE_FIELD, DELEGATION_PREFIX
from domain.values import kind_of
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
    Section,
)
from projections.queries.blame import blame_of
from projections.queries.field_values import as_ids
from projections.queries.reasons import NO_REASON, Reason

SECTIONS: Final[tuple[Section, ...]] = get_args(Section)
TARGET: Final = "target."
PROMISED_STATUSES: Final = frozenset({"committed", "started"})
MAX_LINES: Final = 1_000
"""The most lines a section shows, so that a report fits into memory."""


@dataclass(slots=True)
class Line:
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


@dataclass(eq=False, slots=True)
class _ChangeLine:
    """A line about changes, with how many of the changed fields still have the value that it reports."""

    line: Line | None
    number: int
    in_effect: int = 0


StartLine = Callable[[Section, FieldChangeRow], Line]
"""Starts a line about a change in a section."""


class ChangeLines:
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

    def finish(self) -> list[Line]:
        """Return the lines that were kept, in their order."""
        lines = []
        for section, found in self._lines.items():
            self._drop_excess(section)
            for entry in found.values():
                if entry.line:
                    entry.line.current = entry.in_effect > 0
                    lines.append(entry.line)
        return lines


def build_event_line(section: Section, event: AuditEvent, *, weight: int = 0) -> Line:
    blame = blame_of(event)
    voids = event["data"]["position"] if event["type"] == "EntryVoided.v1" else None
    assert voids is None or isinstance(voids, int)
    return Line(section, event["subject"], event["at"], [blame["principal"]], blame, weight=weight, voids=voids)


def line_starter(data: Mapping[str, Any]) -> StartLine:
    """Return a function that starts a line about changes made by an event with this data."""

    def start_line(section: Section, change: FieldChangeRow) -> Line:
        blame = change["blame"]
        deciders = data.get("deciders") if section == "decisions" else None
        return Line(section, change["subject"], change["at"], deciders or [blame["principal"]], blame)

    return start_line


def section_of_change(change: FieldChangeRow, product: str, *, is_new: bool) -> Section | None:
    """Return the section of a change, if it is reported; `is_new` if its transaction created the subject."""
    kind, field, after = kind_of(change["subject"]), change["field"], change["after"]["value"]
    if field == ACCOUNTABLE_FIELD or field.startswith(DELEGATION_PREFIX):
        return None if is_new and change["direction"] == "first" else "handed_over"
    if kind == "feature":
        return _feature_section(change, product, is_new=is_new)
    is_creation = field == EXISTS and is_first(change)
    if kind == "decision":
        is_proposal = field == STATUS and is_first(change) and after == PROPOSED
        return "decisions" if field in (STATUS, EXISTS) and not is_proposal and not is_creation else None
    if kind in ("release", "goal") and field == "due_on":
        # The first date of a new goal is in the line about the goal.
        return None if kind == "goal" and is_new and change["direction"] == "first" else _target_section(change)
    return "course" if kind == "goal" and field == EXISTS and not is_creation else None


def _target_section(change: FieldChangeRow) -> Section:
    return "slipped" if change["direction"] == "later" else "moved"


def _feature_section(change: FieldChangeRow, product: str, *, is_new: bool) -> Section | None:
    field, after = change["field"], change["after"]["value"]
    if field == "products":
        if product in as_ids(change["before"]["value"]) and product not in as_ids(after):
            return "dropped"
        return None if is_first(change) and is_new else "moved"
    if field == EXISTS:
        return "dropped" if after is False else "moved"
    if field == STATUS and after in CLOSED:
        return "shipped" if after == "shipped" else "dropped"
    return _target_section(change) if field.startswith(TARGET) else "moved"


def is_first(change: FieldChangeRow) -> bool:
    """Whether the field had no value before."""
    return change["before"]["value"] is None and change["before"]["source_value"] is None


def is_target(name: str, row: FieldRow) -> bool:
    return name.startswith(TARGET) and row["value"] is not None


def planning_fields(fields: Mapping[str, FieldRow]) -> list[str]:
    """Return the fields that make a feature planned: committed, started or paused, in now or next, or with a target."""
    return [
        name
        for name, row in fields.items()
        if is_target(name, row)
        or (name == STATUS and row["value"] in PROMISED_STATUSES | {"paused"})
        or (name == "horizon" and row["value"] in ("now", "next"))
    ]
