"""The progress report of a product over a period, for readers who did not follow along.

A report is a pure function of the log up to a position: the same period and position always give the same rows,
whatever is recorded later. Its hash is that of its canonical JSON without texts. The texts are in the log at the positions
that the report names, each under its own salted commitment; so the hash stays valid when texts are erased, and does not
help to guess them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from typing import Any, Final

from domain.fields import CHANGES_PER_EVENT, EXISTS, STATUS
from domain.ownership import ACCOUNTABLE_FIELD
from domain.values import format_micros
from eventlog.canonical import canonical
from projections.answer_types.changes import FieldChangeRow
from projections.answer_types.report import ReportLine, ReportSummary
from projections.queries.audit import AuditFilter, all_events
from projections.queries.field_history import ChangeFilter, iterate_changes
from projections.queries.field_values import value_of
from projections.queries.filters import Filter
from projections.queries.ordering import resolve_people
from projections.queries.paging import Answer, Row, build_answer
from projections.queries.reasons import find_reasons
from projections.queries.report_basis import ReportBasis
from projections.queries.report_lines import (
    SECTIONS,
    ChangeLines,
    Line,
    build_event_line,
    is_first,
    line_starter,
    section_of_change,
)
from projections.queries.report_state import StateLines
from projections.queries.timepoint import TimePoint, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import PinnedRead, Read
from projections.read_model.schema import members

CHANGE_FIELDS: Final = (
    STATUS,
    EXISTS,
    "products",
    "horizon",
    "rank",
    "stage",
    "target.*",
    ACCOUNTABLE_FIELD,
    "delegation.*",
    "due_on",
)
"""The fields whose changes are reported. `stage` is a tracker's name for the maturity of a feature."""
UNDONE_STATUSES: Final = frozenset({"reversed", "superseded"})
WEIGHT_OF_REVERSAL: Final = 2
"""The weight of a line that a reader must not miss: lines with a weight come first, and are shown in any case."""
COURSE_EVENTS: Final = ("VisionSet", "StrategySet", "ProductRetired")
TEXT_KEYS: Final = frozenset({"title", "titles", "text", "note", "measure", "expected", "actual", "source_value"})
"""The keys left out of the canonical JSON: their texts can be erased, or are not in the log."""
UNHASHED_KEYS: Final = frozenset({"sha256", "issued"})
BATCH_CHANGES: Final = 500
LINE_BYTES: Final = 4_000
"""The approximate size of a line in memory."""


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
    pinned = PinnedRead(read.unabridged or read.run, read.clock, position, bounds=read.bounds, complete=read.complete)
    time = resolve_time(pinned, TimePoint(until - 1, known_at))
    basis = ReportBasis(pinned, request.product, request.since, until, time)
    lines = _build_lines(basis)
    titles = find_titles(pinned, [request.product, *(line.subject for line in lines)], time)
    rows = [line.to_row(titles.get(line.subject)) for line in lines]
    about: ReportSummary = {
        "product": request.product,
        "title": titles.get(request.product),
        "since": format_micros(request.since),
        "until": format_micros(until),
        "counts": {section: basis.counts[section] for section in SECTIONS},
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


@dataclass(frozen=True)
class _Event:
    """The parts of an event that its blame does not have."""

    transaction_id: str
    data: Mapping[str, Any]


def _build_lines(basis: ReportBasis) -> list[Line]:
    """Return all lines, section by section."""
    past = _PastLines(basis).build()
    past.sort(key=lambda line: (line.weight, line.at, line.blame["position"]), reverse=True)
    lines = [*past, *StateLines(basis).build()]
    basis.read.bounds.count_bytes(len(lines) * LINE_BYTES)
    reasons = find_reasons(basis.read, (line.blame["position"] for line in lines), basis.time)
    for line in lines:
        line.reason = reasons[line.blame["position"]]
    return sorted(lines, key=lambda line: SECTIONS.index(line.section))  # stable: sections keep their order


class _PastLines:
    """Builds the lines about what happened in the period, and about what was recorded late."""

    def __init__(self, basis: ReportBasis) -> None:
        self._basis = basis
        self._read, self._time, self._fields = basis.read, basis.time, basis.fields

    def build(self) -> list[Line]:
        """Return the lines, each section in the order of its events."""
        return [*self._change_lines(), *self._course_lines(), *self._late_lines()]

    def _change_lines(self) -> list[Line]:
        """Return a line for each event and section, with the fields that it changed."""
        collected, created = ChangeLines(), self._find_created()
        for changes, events in self._change_batches(CHANGE_FIELDS):
            for change in changes:
                event = events[change["position"]]
                is_new = (event.transaction_id, change["subject"]) in created
                section = section_of_change(change, self._basis.product, is_new=is_new)
                # Changes elsewhere are no lines, but end what other lines report.
                collected.add(section if self._is_of_product(change) else None, change, line_starter(event.data))
        self._basis.counts += collected.counts
        lines = collected.finish()
        for line in lines:
            if line.section == "slipped":
                name = line.changes[-1]["field"]
                line.slips = self._basis.count_slips(line.subject, name)
                line.weight = line.slips["later"]
                line.due = self._basis.find_due_date(line.changes[-1]["after"]["value"])
            elif line.section == "decisions":
                line.weight = self._weigh_decision(line)
        return lines

    def _weigh_decision(self, line: Line) -> int:
        if any(change["after"]["value"] in UNDONE_STATUSES for change in line.changes):
            return WEIGHT_OF_REVERSAL
        return int(value_of(self._fields.get(line.subject, {}), "kind") == "strategic")

    def _find_created(self) -> set[tuple[str, str]]:
        """Return the subjects that were created in the product and the period, each with the transaction."""
        return {
            (events[change["position"]].transaction_id, change["subject"])
            for changes, events in self._change_batches((EXISTS,))
            for change in changes
            if is_first(change) and self._is_of_product(change)
        }

    def _is_of_product(self, change: FieldChangeRow) -> bool:
        return self._basis.is_member(change["subject"], change["at"], change["position"])

    def _change_batches(self, fields: Sequence[str]) -> Iterator[tuple[Sequence[FieldChangeRow], Mapping[int, _Event]]]:
        """Yield the changes of the period in batches, each with its events; batches do not count as kept."""
        period = (self._basis.since, self._basis.until)
        selection = ChangeFilter(fields=Filter(subjects=self._basis.members, fields=fields), span=period)
        changes = (each for each in iterate_changes(self._read, selection, self._time) if self._changed_value(each))
        while batch := list(islice(changes, BATCH_CHANGES)):
            kept_bytes = self._read.bounds.kept_bytes
            yield batch, self._find_events(change["position"] for change in batch)
            self._read.bounds.release_to(kept_bytes)

    def _changed_value(self, change: FieldChangeRow) -> bool:
        """Whether the value changed, and not only the source value."""
        before, after = (
            resolve_people(side["value"], self._read.merged_into) for side in (change["before"], change["after"])
        )
        return before != after and not (before in (None, []) and after in (None, []))

    def _find_events(self, positions: Iterable[int]) -> Mapping[int, _Event]:
        sql = f"select position, transaction_id, body from event where position in {members('positions')}"
        rows = self._read.rows(sql, {"positions": sorted(set(positions))})
        return {position: _Event(transaction_id, json.loads(body)) for position, transaction_id, body in rows}

    def _course_lines(self) -> list[Line]:
        """Return lines about changes of the product's vision and strategy."""
        selection = AuditFilter(
            subjects=[self._basis.product],
            types=COURSE_EVENTS,
            span=(self._basis.since, self._basis.until),
            voided=False,
        )
        events = all_events(self._read, selection, self._time)[::-1]
        return [
            build_event_line("course", event, weight=WEIGHT_OF_REVERSAL)
            for event in self._basis.limit("course", events)
        ]

    def _late_lines(self) -> list[Line]:
        """Return lines about events recorded in the period that took effect before it, and about voided entries."""
        recorded = (self._basis.since, self._basis.until)
        # Events that were voided need not be in effect at the end.
        time = replace(self._time, requested=replace(self._time.requested, as_of=None))
        of_period = AuditFilter(subjects=self._basis.members, recorded=recorded)
        selections = [replace(of_period, backdated=True), replace(of_period, types=["EntryVoided"])]
        if effects := self._find_earlier_effects():
            selections.append(replace(of_period, positions=sorted(effects)))
        since = format_micros(self._basis.since)
        found: dict[int, Line] = {}
        for selection in selections:
            for event in all_events(self._read, selection, time):
                line = build_event_line("late", event)
                line.at = min(line.at, effects.get(event["position"], line.at))
                is_late = line.at < since and event["type"] != "ChangesImported.v1"
                if (is_late or line.voids) and self._basis.is_member(line.subject, line.at, event["position"]):
                    found[event["position"]] = line
        return list(self._basis.limit("late", [line for _, line in sorted(found.items(), reverse=True)]))

    def _find_earlier_effects(self) -> Mapping[int, str]:
        """Return when events that took effect in the period or later changed a field before it, by position.

        A handover, for example, can give an earlier day from which it holds.
        """
        sql = f"""select a.position, min(c.valid_from) from field_value c
            join event a on a.position = c.id / {CHANGES_PER_EVENT}
            where c.subject in {members("subjects")} and c.valid_from < :since and a.valid_from >= :since
            group by a.position"""
        rows = self._read.rows(sql, {"subjects": self._basis.members, "since": self._basis.since})
        return {int(position): format_micros(int(at)) for position, at in rows}
