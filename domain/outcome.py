"""Expected outcomes and what came of them.

A decision or a feature states what it expects: a measure, from where to where, by when, and how likely. What was
stated is never changed: a new forecast is stated as a new one, with its own number, and may name the one it replaces.
After the date a person records the outcome: met, not met, or unclear.

Each expected outcome is one field of its subject, `expectation.NUMBER`, and its outcome is `outcome.NUMBER`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, assert_never

from pydantic import Field, Strict, StrictBool

from domain.decision_messages import ACCEPTED
from domain.decision_messages import OPEN as OPEN_DECISION
from domain.delegation import is_claim
from domain.errors import AlreadyExists, Forbidden, Malformed, NotAllowed, NothingChanges, Unknown
from domain.feature import OPEN as OPEN_FEATURE
from domain.fields import FieldChange, Subjects, SubjectState, Value, code, without_nones
from domain.guards import require_person, require_status
from domain.messages import Command, CommandContext, Draft, Event
from domain.values import (
    Day,
    DecisionOrFeatureId,
    EvidenceId,
    Holder,
    Integral,
    Key,
    Line,
    Person,
    PersonId,
    Text,
    format_micros,
    kind_of,
)

EXPECTATION_PREFIX: Final = "expectation."
OUTCOME_PREFIX: Final = "outcome."
MET: Final = "met"
UNCLEAR: Final = "unclear"
SHARING_FIELD: Final = "calibration_shared"
"""The field of a person that says whether others may see how good their forecasts were."""

Result = Literal["met", "not-met", "unclear"]
Percent = Annotated[int, Strict(), Field(ge=0, le=100), Integral]


class StateExpectedOutcome(Command):
    """State what a decision or feature is expected to bring. A changed forecast is stated as a new one."""

    type: Literal["StateExpectedOutcome"] = "StateExpectedOutcome"
    subject: DecisionOrFeatureId
    expectation: Key | None = Field(None, description="Its number or key on this subject; the next number by default.")
    measure: Line = Field(description="What will be measured.")
    target: Line = Field(description="The value or state that counts as met.")
    due_on: Day = Field(description="The date by which it is expected.")
    baseline: Line | None = Field(None, description="The value when this is stated.")
    probability: Percent | None = Field(
        None, description="How likely it is to be met, in percent; without it, no forecast is scored."
    )
    judge: Holder | None = Field(
        None, description="The person or team who will say what came of it; the owner of the subject by default."
    )
    by: Person | None = Field(None, description="The person who expects it; the caller by default.")
    replaces: Key | None = Field(
        None, description="The earlier forecast that this one replaces. Only the first one is scored."
    )


class ExpectedOutcomeStated(Event):
    """What a decision or feature is expected to bring was stated."""

    expectation: Key
    measure: Line
    target: Line
    due_on: Day
    baseline: Line | None = None
    probability: Percent | None = None
    judge: Holder | None = None
    by: Person
    replaces: Key | None = None
    is_claim: Literal[True] | None = Field(
        None, description="True if it was recorded without the credentials or a delegation of the person."
    )

    def field_changes(self) -> Iterable[FieldChange]:
        value: dict[str, Value] = without_nones(
            measure=self.measure,
            baseline=self.baseline,
            target=self.target,
            due_on=self.due_on,
            probability=self.probability,
            by=self.by,
            judge=self.judge,
            replaces=self.replaces,
            is_claim=self.is_claim,
        )
        people = tuple(dict.fromkeys(each for each in (self.by, self.judge) if each))
        yield FieldChange(f"{EXPECTATION_PREFIX}{self.expectation}", value, refs=people, is_searchable=True)


class RecordOutcome(Command):
    """Record what came of an expected outcome. If it is recorded again, the latest counts."""

    type: Literal["RecordOutcome"] = "RecordOutcome"
    subject: DecisionOrFeatureId
    expectation: Key | None = Field(
        None, description="Its number or key on this subject; the only one without an outcome by default."
    )
    result: Result = Field(description="`met`, `not-met`, or `unclear`, if the result cannot be determined.")
    actual: Line | None = Field(None, description="The value that was measured.")
    finding: Text | None = Field(None, description="How it was found, and what it means.")
    evidence: tuple[EvidenceId, ...] = Field((), max_length=50, description="The evidence for it.")
    by: Person | None = Field(None, description="The person who judged it; the caller by default.")


class OutcomeRecorded(Event):
    """What came of an expected outcome was recorded."""

    expectation: Key
    result: Result
    actual: Line | None = None
    finding: Text | None = None
    evidence: tuple[EvidenceId, ...] = ()
    by: Person
    is_claim: Literal[True] | None = Field(
        None, description="True if it was recorded without the credentials or a delegation of the person."
    )

    def field_changes(self) -> Iterable[FieldChange]:
        value: dict[str, Value] = without_nones(
            result=self.result,
            actual=self.actual,
            finding=self.finding,
            evidence=[*self.evidence] or None,
            by=self.by,
            is_claim=self.is_claim,
        )
        yield FieldChange(
            f"{OUTCOME_PREFIX}{self.expectation}", value, refs=(self.by, *self.evidence), is_searchable=True
        )


class ShareCalibration(Command):
    """Let others see how accurate your forecasts were, or stop letting them. Needs your own credentials."""

    type: Literal["ShareCalibration"] = "ShareCalibration"
    subject: PersonId = Field(description="The person whose forecasts they are: you.")
    seen_by: Literal["others", "me"] = Field("others", description="Who may see it: `others` too, or only you (`me`).")


class CalibrationShared(Event):
    """A person agreed, or no longer agrees, that others see how good their forecasts were."""

    shared: StrictBool

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(SHARING_FIELD, self.shared)


OutcomeCommand = StateExpectedOutcome | RecordOutcome | ShareCalibration


def decide(command: OutcomeCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command about an expected outcome.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    match command:
        case StateExpectedOutcome():
            event: Event = _state(command, context, subjects)
        case RecordOutcome():
            event = _record(command, context, subjects)
        case ShareCalibration():
            event = _share(command, context, subjects)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def _state(command: StateExpectedOutcome, context: CommandContext, subjects: Subjects) -> Event:
    state = subjects[command.subject]
    if kind_of(command.subject) == "decision":
        require_status(state, context, OPEN_DECISION | {ACCEPTED}, "have an expected outcome", default="proposed")
    else:
        require_status(state, context, OPEN_FEATURE | {"shipped"}, "have an expected outcome", default="proposed")
    stated_on = format_micros(context.effective_at)[:10]
    if command.due_on < stated_on:
        raise Malformed(
            f"{command.due_on} is before {stated_on}, the day on which it is stated; give that day or a later one",
            field="due_on",
            subject=command.subject,
        )
    _require_replaceable(command, state, context)
    by = command.by or require_person(context, "by")
    return ExpectedOutcomeStated(
        expectation=_new_key(command, state),
        measure=command.measure,
        target=command.target,
        due_on=command.due_on,
        baseline=command.baseline,
        probability=command.probability,
        judge=command.judge,
        by=by,
        replaces=command.replaces,
        is_claim=is_claim(by, context, subjects),
    )


def _share(command: ShareCalibration, context: CommandContext, subjects: Subjects) -> Event:
    actor, principal = subjects.canonical_id(context.actor), subjects.canonical_id(context.principal)
    if {actor, principal} != {subjects.canonical_id(command.subject)}:
        raise Forbidden(
            "only the person named in `subject` can change this, with their own credentials",
            field="subject",
            subject=command.subject,
        )
    shared = command.seen_by == "others"
    if (subjects[command.subject].value_at(SHARING_FIELD, context.now) or False) == shared:
        state = "already shown to others" if shared else "not shown to others"
        raise NothingChanges(f"your calibration is {state}", field="seen_by", subject=command.subject)
    return CalibrationShared(shared=shared)


def _new_key(command: StateExpectedOutcome, state: SubjectState) -> str:
    """Return the key that was given, which must be unused, or else the next number."""
    used = {name.removeprefix(EXPECTATION_PREFIX) for name in state.field_names(EXPECTATION_PREFIX)}
    if command.expectation is None:
        return next(str(number) for number in range(1, len(used) + 2) if str(number) not in used)
    if command.expectation in used:
        raise AlreadyExists(
            f"{state.subject} already has an expected outcome '{command.expectation}'; what was stated never changes, "
            "so choose another key or omit it",
            field="expectation",
            subject=state.subject,
        )
    return command.expectation


def _require_replaceable(command: StateExpectedOutcome, state: SubjectState, context: CommandContext) -> None:
    """A forecast is replaced at most once, and not after its outcome."""
    if command.replaces is None:
        return
    _require_stated(command.replaces, "replaces", state, context)
    if _has_outcome(state, command.replaces, context):
        raise NotAllowed(
            f"the outcome of '{command.replaces}' is recorded; it can no longer be replaced",
            field="replaces",
            subject=state.subject,
        )
    for key in _find_keys(state, context):
        value = state.value_at(f"{EXPECTATION_PREFIX}{key}", context.now)
        if isinstance(value, dict) and value.get("replaces") == command.replaces:
            raise NotAllowed(
                f"'{command.replaces}' was already replaced by '{key}'; replace that one",
                field="replaces",
                subject=state.subject,
            )


def _find_keys(state: SubjectState, context: CommandContext) -> list[str]:
    """Return the keys of the expected outcomes of a subject, in order."""
    names = (name for name in state.field_names(EXPECTATION_PREFIX) if state.value_at(name, context.now) is not None)
    return sorted(name.removeprefix(EXPECTATION_PREFIX) for name in names)


def _has_outcome(state: SubjectState, key: str, context: CommandContext) -> bool:
    return state.value_at(f"{OUTCOME_PREFIX}{key}", context.now) is not None


def _require_stated(key: str, field: str, state: SubjectState, context: CommandContext) -> None:
    stated = _find_keys(state, context)
    if key not in stated:
        hint = f"it has {', '.join(stated)}" if stated else "none has been stated yet; state one first"
        raise Unknown(f"{state.subject} has no expected outcome '{key}'; {hint}", field=field, subject=state.subject)


def _record(command: RecordOutcome, context: CommandContext, subjects: Subjects) -> Event:
    state = subjects[command.subject]
    key = command.expectation
    if key is None:
        key = _find_only_open(state, context)
    else:
        _require_stated(key, "expectation", state, context)
    row = state.row_at(f"{EXPECTATION_PREFIX}{key}", context.now)
    if row is not None and context.effective_at < row.valid_from:
        raise NotAllowed(
            f"'{key}' was stated at {format_micros(row.valid_from)}; its outcome cannot be dated before that",
            field="effective_at",
            subject=state.subject,
        )
    by = command.by or require_person(context, "by")
    return OutcomeRecorded(
        expectation=key,
        result=command.result,
        actual=command.actual,
        finding=command.finding,
        evidence=command.evidence,
        by=by,
        is_claim=is_claim(by, context, subjects),
    )


def _find_only_open(state: SubjectState, context: CommandContext) -> str:
    stated = _find_keys(state, context)
    if not stated:
        _require_stated("1", "expectation", state, context)
    pending = [key for key in stated if not _has_outcome(state, key, context)]
    if len(pending) != 1:
        which = ", ".join(pending or stated)
        detail = "are without an outcome" if pending else "all have an outcome"
        raise NotAllowed(
            f"expected outcomes {which} of {state.subject} {detail}; name one in `expectation`",
            field="expectation",
            subject=state.subject,
        )
    return pending[0]
