"""The authority behind decisions: verdicts as they were judged, as they would be judged with what is known, and who may
decide.

What was judged is read from the events, and never changes. The rest is judged by the same function as when a decision is
recorded, on the fields of this read model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from domain.authority import Candidate, find_candidates, judge
from domain.authority_questions import build_question_again, find_confirmation
from domain.decision_messages import IN_FORCE
from domain.fields import STATUS, EventSummary, FieldRow, Subjects, SubjectState
from domain.immutable_collections import SortedItems, Table
from domain.judgment import Finding, Judgment, Verdict, VerdictCode
from domain.judgment_explanation import explain_reason, explain_verdict
from domain.money import Cost
from domain.settled_decisions import find_newly_ruled
from domain.values import STORED, format_micros
from projections.answer_types.authority import (
    AuthorityFinding,
    AuthorityRow,
    AuthoritySummary,
    AuthorityVerdict,
    DeciderRow,
    DecidersQuestion,
    RuleUse,
)
from projections.answer_types.parts import Money
from projections.queries.paging import Answer, build_answer
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import Read
from projections.read_model.schema import loads, members

DECIDING: Final = ("DecisionRecorded.v1", "DecisionAccepted.v1", "DecisionRejected.v1")
"""The events whose judgment is that of the decision itself."""
RATIFIED: Final = "DecisionRatified.v1"
REOPENED: Final = "DecisionReopened.v1"
ENDING: Final = ("DecisionSuperseded.v1", "DecisionReversed.v1", REOPENED)
"""The events that end an accepted decision."""
ASSIGNED: Final = "ProductsAssigned.v1"
VOIDED: Final = "EntryVoided.v1"
CHANGING: Final = (ASSIGNED, "SubjectRemoved.v1", "SubjectRestored.v1", VOIDED)
"""The events that can change a settled decision without deciding it."""
JUDGED_EVENTS: Final = (*DECIDING, RATIFIED, *ENDING, *CHANGING)
"""The events that contain a judgment."""
ONE_IS_ENOUGH: Final = ("DecisionRejected.v1", RATIFIED, REOPENED)
"""The events for which one person who is entitled is enough, whatever approvals and quorum a rule requires."""


def read_subjects(read: Read, time: ResolvedTime) -> Subjects:
    """Return the subjects as the rules see them, with everything that is known at a time."""
    return Subjects(lambda subject: _read_state(read, subject, time), lambda _: ())


def _read_state(read: Read, subject: str, time: ResolvedTime) -> SubjectState:
    sql = f"""select c.field, c.valid_from, c.id, c.value, c.ends_at, c.source_value from field_value c
        where c.subject = :subject and {time.is_known("c")} order by c.field, c.valid_from, c.id"""
    rows: dict[str, SortedItems[FieldRow]] = {}
    for field, valid_from, id_, value, ends_at, source_value in read.rows(sql, {"subject": subject, **time.parameters}):
        row = FieldRow(valid_from, id_, loads(value), ends_at, source_value)
        rows[field] = rows.get(field, SortedItems()).with_item(row)
    events = Table[int, EventSummary]()
    sql = """select position, type, valid_from, voided_by from event where subject = :subject and position <= :known"""
    for position, type_, valid_from, voided_by in read.rows(sql, {"subject": subject, **time.parameters}):
        is_voided = voided_by is not None and voided_by <= time.position
        events = events.with_value(position, EventSummary(type_, valid_from, changes_status=False, is_voided=is_voided))
    table = Table[str, SortedItems[FieldRow]]()
    for field, items in rows.items():
        table = table.with_value(field, items)
    return SubjectState(subject, len(events), table, events)


def decision_authority(read: Read, subject: str, when: TimePoint = NOW) -> Answer[AuthorityRow, AuthoritySummary]:
    """Return each verdict on the people who made, rejected, ratified, changed or ended a decision, in the order of the log.

    Each is explained in sentences as it was judged, and as it would be judged with what is known at the time asked for.
    `verdict` is that of the latest acceptance or rejection, or of the latest assignment to products with decision rights
    of the decision once it was settled; one that exceeds needs ratification until a person who is
    entitled, and did not decide it, has ratified it, or until it is no longer in force.
    """
    time = resolve_time(read, when)
    subjects = read_subjects(read, time)
    events = list(_judged_events(read, subject, time))
    state = subjects[subject]
    rows = [row for event in events for row in _decider_rows(event, state, subjects)]
    about: AuthoritySummary = {
        "subject": subject,
        "title": find_titles(read, (subject,), time).get(subject),
        **_summarize(events, is_in_force=state.value_at(STATUS, time.as_of) in IN_FORCE),
    }
    return build_answer(time, rows, about=about)


class _Change(NamedTuple):
    """A change of a settled decision without deciding it, with what was known when it was recorded."""

    products_before: tuple[str, ...]
    newly_ruled: frozenset[str]
    """The products under whose rules it newly put the decision."""


class _JudgedEvent(NamedTuple):
    """An event with the judgment that is stored in it. Times are microseconds since 1970."""

    position: int
    type: str
    at: int
    recorded_at: int
    judgment: Judgment
    successors: tuple[str, ...] | None
    """The decisions that replaced the decision; None if the event did not end it."""
    verdict: VerdictCode | None
    """The verdict on the decision itself, if the event decides about it: for assigned products, by their rights only."""
    change: _Change | None = None
    """None if the event decided."""


def _judged_events(read: Read, subject: str, time: ResolvedTime) -> Iterator[_JudgedEvent]:
    sql = f"""select a.position, a.type, a.valid_from, a.recorded_at, a.body from event a
        where a.subject = :subject and a.type in {members("judged")} and a.position <= :known
        and a.valid_from <= :as_of and (a.voided_by is null or a.voided_by > :known) order by a.position"""
    for position, type_, at, recorded_at, body in read.rows(
        sql, {"subject": subject, "judged": list(JUDGED_EVENTS), **time.parameters}
    ):
        data: Any = loads(body)
        if stored := data.get("authority"):
            judgment = Judgment.model_validate(stored, context=STORED)
            change = (
                _find_change(read, subject, position, at, recorded_at, time, is_void=type_ == VOIDED)
                if type_ in CHANGING
                else None
            )
            verdict = _find_verdict(type_, judgment, data)
            yield _JudgedEvent(
                position, type_, at, recorded_at, judgment, _find_successors(type_, data), verdict, change
            )


def _find_change(
    read: Read, subject: str, position: int, at: int, recorded_at: int, time: ResolvedTime, *, is_void: bool
) -> _Change:
    before, after = (
        _read_state(read, subject, replace(time, position=known, is_latest=False)) for known in (position - 1, position)
    )
    newly_ruled = find_newly_ruled(before, after, recorded_at, is_void=is_void)
    return _Change(before.subjects_at("products", at), newly_ruled)


def _find_verdict(type_: str, judgment: Judgment, data: dict[str, Any]) -> VerdictCode | None:
    if type_ == ASSIGNED:
        verdict = judgment.verdict_on(data["products"])
        return verdict if verdict != "no_rule" else None
    return judgment.verdict if type_ in DECIDING else None


def _find_successors(type_: str, data: dict[str, Any]) -> tuple[str, ...] | None:
    if type_ not in ENDING:
        return None
    by = data.get("by") or ()
    return (by,) if isinstance(by, str) else tuple(by)


def _summarize(events: list[_JudgedEvent], *, is_in_force: bool) -> AuthorityVerdict:
    decided = [(event, event.verdict) for event in events if event.verdict is not None]
    if not decided:
        return {"verdict": None, "needs_ratification": False, "ratified": None}
    latest, verdict = decided[-1]
    ratified = next((event.position for event in events if event.position > latest.position and _ratifies(event)), None)
    needs = is_in_force and verdict == "exceeds" and ratified is None
    return {"verdict": verdict, "needs_ratification": needs, "ratified": ratified}


def _ratifies(event: _JudgedEvent) -> bool:
    is_by_another = "self_approved" not in event.judgment.flags
    return event.type == RATIFIED and event.judgment.verdict == "within" and is_by_another


def _decider_rows(event: _JudgedEvent, state: SubjectState, subjects: Subjects) -> list[AuthorityRow]:
    today = _judge_again(event, state, subjects)
    verdicts = zip(event.judgment.verdicts, today.verdicts, strict=True)
    return [_build_row(event, then, now, today, state) for then, now in verdicts]


def _judge_again(event: _JudgedEvent, state: SubjectState, subjects: Subjects) -> Judgment:
    stored = event.judgment
    question = build_question_again(
        state,
        stored,
        event.at,
        event.position,
        subjects,
        until=event.recorded_at,
        needs_support_for=_find_needing_support(event),
        successors=event.successors,
    )
    before = event.change.products_before if event.change else ()
    products = dict.fromkeys((*before, *question.products))
    question = question._replace(products=tuple(products))
    today = judge(question, subjects, event.at)
    kept = [
        now.model_copy(update={"flags": then.flags}) for then, now in zip(stored.verdicts, today.verdicts, strict=True)
    ]
    return today.model_copy(update={"verdicts": tuple(kept)})


def _find_needing_support(event: _JudgedEvent) -> frozenset[str] | None:
    if event.change:
        return event.change.newly_ruled
    return frozenset() if event.type in ONE_IS_ENOUGH else None


def _build_row(event: _JudgedEvent, then: Verdict, now: Verdict, today: Judgment, state: SubjectState) -> AuthorityRow:
    stored = event.judgment
    return {
        "position": event.position,
        "type": event.type,
        "at": format_micros(event.at),
        "recorded_at": format_micros(event.recorded_at),
        "decider": then.decider,
        "verdict": then.verdict,
        "basis": then.basis,
        "confirmed": find_confirmation(state, then, event.position),
        "flags": list(then.flags),
        "explanation": list(explain_verdict(then, stored)),
        "verdict_now": now.verdict,
        "explanation_now": list(explain_verdict(now, today)),
        "kind": stored.kind,
        "cost": _money(stored.cost),
        "delegation": stored.delegation,
        "approvals": list(stored.approvals),
        "findings": [_dump_finding(finding) for finding in then.findings],
    }


def _dump_finding(finding: Finding) -> AuthorityFinding:
    return {
        **_rule_use(finding),
        "product": finding.product,
        "verdict": finding.verdict,
        "reason": finding.reason,
        "holder": finding.holder,
        "support": finding.support,
        "participation": finding.participation,
    }


def _rule_use(finding: Finding) -> RuleUse:
    return {
        "rule": finding.rule,
        "mode": finding.mode,
        "role": finding.role,
        "role_of": finding.role_of,
        "delegation": finding.delegation,
        "cost_limit": _money(finding.cost_limit),
        "approvals": finding.approvals,
        "quorum": finding.quorum,
        "rights_of": finding.rights_of,
        "rights": finding.rights,
        "rests_on": list(finding.rests_on),
    }


def _money(cost: Cost | None) -> Money | None:
    return None if cost is None else {"amount": cost.amount, "currency": cost.currency}


# Who may decide ------------------------------------------------------------------------------------------------------


def product_deciders(
    read: Read, product: str, kind: str, cost: Cost | None, when: TimePoint = NOW
) -> Answer[DeciderRow, DecidersQuestion]:
    """Return who may decide about a product: all whom its decision rights entitle, those whom they cover first.

    There are no rows if no decision rights apply to this kind of decision: authority is not limited then.
    """
    time = resolve_time(read, when)
    candidates = find_candidates(product, kind, cost, read_subjects(read, time), time.as_of)
    rows = [_build_candidate(candidate, cost) for candidate in sorted(candidates, key=_candidate_order)]
    about: DecidersQuestion = {"product": product, "kind": kind, "cost": _money(cost)}
    return build_answer(time, rows, about=about)


_ORDER: Final = ("within", "not_judged", "exceeds")


def _candidate_order(candidate: Candidate) -> tuple[Any, ...]:
    finding = candidate.finding
    return _ORDER.index(finding.verdict), finding.rule, candidate.holder, finding.delegation or 0


def _build_candidate(candidate: Candidate, cost: Cost | None) -> DeciderRow:
    finding = candidate.finding
    return {
        "holder": candidate.holder,
        "members": list(candidate.members),
        "verdict": finding.verdict,
        "explanation": explain_reason(finding, cost, candidate.holder),
        **_rule_use(finding),
    }
