"""A naive implementation of flags, to compare the read model with: it reads all entries again for each question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from domain.values import format_micros
from eventlog.entry import Entry
from tests.projections.reference_model import rows_of
from tests.projections.support import at

DAY_S = 86_400
NaiveFlag = tuple[str, str | None, str, str, tuple[str, ...], int]
"""Subject, field, reason, cause, through and since."""
CONTENT = (
    *("DecisionProposed", "DecisionAccepted", "AssumptionStated", "AssumptionRevised", "AssumptionConfirmed"),
    *("GoalSet", "DecisionRecorded", "ConstraintChecked"),
)
REVISITING = (
    *("DecisionAccepted", "DecisionReviewed", "DecisionDeferred", "DecisionReopened"),
    *("AssumptionRevised", "AssumptionConfirmed", "AssumptionBroken"),
    *("FeaturePrioritized", "MilestoneTargeted", "FeatureLinked"),
)
REASONS = {"broken": "broken_assumption", "withdrawn": "withdrawn_evidence", "superseded": "superseded_evidence"}
ROADMAP = ("status", "horizon", "due_on", "definition", "strategy")
ENDED = {"superseded", "dropped", "missed", "broken", "retired", "shipped"}


@dataclass
class Cause:
    subject: str
    reason: str
    since: int
    position: int | None

    def is_before(self, position: int, time: int) -> bool:
        return time >= self.since if self.position is None else position > self.position


class Naive:
    """Everything that was known at a time, as of another."""

    def __init__(self, entries: list[Entry], as_of: int, known_at: int) -> None:
        self.as_of = as_of
        self.rows = rows_of(entries, known_at)
        known = [entry for entry in entries if entry.recorded_at <= known_at]
        voided = {entry.event.voided_position() for entry in known}
        self.live = [each for each in known if each.position not in voided and each.effective_at <= as_of]
        self.by_position = {entry.position: entry for entry in known}
        self.subjects = sorted({entry.subject for entry in known})

    def row(self, subject: str, field: str) -> Any:
        before = [each for each in self.rows.get((subject, field), []) if each[0] <= self.as_of]
        return before[-1] if before else None

    def value(self, subject: str, field: str) -> Any:
        row = self.row(subject, field)
        return row[3].value if row else None

    def exists(self, subject: str) -> bool:
        return self.value(subject, "exists") is True

    def causes(self) -> Iterator[Cause]:
        for subject in filter(self.exists, self.subjects):
            status, day = self.value(subject, "status"), self.value(subject, "valid_until")
            if subject.startswith(("assumption:", "evidence:")) and status in REASONS:
                yield Cause(subject, REASONS[status], *self.row(subject, "status")[:2])
            if day and status == "current":
                first_after = next(n for n in range(100) if format_micros(at(n * DAY_S))[:10] > day)
                end = at(first_after * DAY_S) // (DAY_S * 1_000_000) * (DAY_S * 1_000_000)
                if end <= self.as_of:
                    yield Cause(subject, "expired_evidence", end, None)

    def resting_on(self, ground: str) -> Iterator[tuple[str, str | None, int, int]]:
        """What rests on a ground directly: subject, field, since when, and the position of the field's value."""
        for subject, field in self.rows:
            current = self.row(subject, field)
            if current and current[3].value is not None:
                yield from self._by_field(ground, subject, field, current)
        for subject in self.subjects:
            times = [each.effective_at for each in self.live if each.subject == subject and _rests(each, ground)]
            if times:
                yield subject, None, min(times), 0

    def _by_field(
        self, ground: str, subject: str, field: str, current: Any
    ) -> Iterator[tuple[str, str | None, int, int]]:
        since, position, value = current[0], current[1], current[3].value
        if subject == ground and field.startswith("link.") and value in ("for", "under"):
            yield field[5:].replace(".", ":", 1), None, since, 0
        if (field in ("decisions", "settled_by") and ground in value) or (field == "options" and ground in str(value)):
            yield subject, None, since, 0
        is_roadmap = field in ROADMAP or field.startswith("target.")
        is_field = is_roadmap and subject.startswith(("feature:", "release:", "product:"))
        if is_field and ground in self.by_position[position].metadata.because:
            yield subject, field, since, position

    def is_cleared(self, subject: str, field: str | None, since: int, position: int, cause: Cause) -> bool:
        if not self.exists(subject) or self.value(subject, "status") in ENDED:
            return True
        if field is not None and cause.is_before(position, since):
            return True
        if field is None and any(
            cause.is_before(each.position, each.effective_at)
            for each in self.live
            if each.subject == subject and type(each.event).__name__ in REVISITING
        ):
            return True
        names = ["still_valid_because", *([f"still_valid_because.{field}"] if field else [])]
        kept = [self.row(subject, name) for name in names]
        return any(each and cause.is_before(each[1], each[0]) for each in kept)

    def paths(self, ground: str, through: tuple[str, ...], begun: int) -> Iterator[tuple[Any, tuple[str, ...], int]]:
        """Every way from a ground to what rests on it."""
        for item in self.resting_on(ground):
            subject, field, since, _ = item
            if subject not in through:
                yield item, through, max(begun, since)
                if field is None and subject.startswith(("decision:", "assumption:")):
                    yield from self.paths(subject, (*through, subject), max(begun, since))


def _rests(entry: Entry, ground: str) -> bool:
    is_content = type(entry.event).__name__ in CONTENT
    is_whole = entry.subject.startswith(("decision:", "assumption:", "goal:"))
    return is_content and is_whole and ground in entry.metadata.because


def naive_flags(entries: list[Entry], as_of: int, known_at: int) -> set[NaiveFlag]:
    naive = Naive(entries, as_of, known_at)
    found = set()
    for cause in naive.causes():
        best: dict[tuple[str, str | None], Any] = {}
        for item, through, begun in naive.paths(cause.subject, (), cause.since):
            rank = (len(through), through, begun)
            if item[0] != cause.subject and (item[:2] not in best or rank < best[item[:2]][0]):
                best[item[:2]] = (rank, item)
        for (_, through, begun), (subject, field, since, position) in best.values():
            if not naive.is_cleared(subject, field, since, position, cause):
                found.add((subject, field, cause.reason, cause.subject, through, begun))
    return found
