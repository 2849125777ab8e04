"""Decisions, in the order of their life cycle: proposed, advised on, accepted, and what happens afterward.

    proposed ──▶ accepted ──▶ superseded, reversed
        ├──────▶ rejected, deferred, withdrawn
        ◀── reopened ── (deferred, rejected, withdrawn, accepted, reversed)

The text of an accepted decision is frozen: changing your mind means a new decision that supersedes the old one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, assert_never, get_args

from pydantic import ConfigDict, Field

from domain import authority
from domain.authority import AUTHORITY_FIELDS, ENDING_AUTHORITY, Judgment, Question, Stance, Verdict
from domain.delegation import Basis, find_basis
from domain.errors import Forbidden, Malformed, NotAllowed, NothingChanges
from domain.fields import (
    EXISTS,
    STATUS,
    EventSummary,
    FieldChange,
    Subjects,
    SubjectState,
    Value,
    code,
    ref,
    refs,
    text,
    texts,
)
from domain.guards import new_subject_id, require_person, require_status
from domain.messages import Command, CommandContext, Draft, Event, Message, derive
from domain.money import CURRENCIES, Cost
from domain.ownership import accountable_changes, require_active_holder
from domain.quantities import Duration
from domain.values import (
    MAX_INTEGER,
    AwaitedId,
    Day,
    DecisionId,
    EvidenceId,
    GoalId,
    Holder,
    Key,
    Line,
    Person,
    ProductId,
    Slug,
    Text,
    format_micros,
    kind_of,
)

Soundness = Literal["sound", "partly-sound", "unsound"]

DEFAULT_KIND: Final = "strategic"
PROPOSED: Final = "proposed"
ACCEPTED: Final = "accepted"
SUPERSEDED: Final = "superseded"
SUPERSEDED_BY: Final = "superseded_by"
OPEN: Final = frozenset({PROPOSED, "deferred"})
REOPENABLE: Final = frozenset({"deferred", "rejected", "withdrawn", "accepted", "reversed"})
IN_FORCE: Final = frozenset({ACCEPTED})
REVIEWABLE: Final = frozenset({"accepted", SUPERSEDED, "reversed"})
DECIDED: Final = REVIEWABLE | {"rejected"}
AWAITS: Final = "awaits"
ENDED_BY: Final = "ended_by"
"""The people who superseded or reversed a decision."""
OUTCOME_FIELDS: Final = (
    "deferred_until",
    AWAITS,
    "rejected_because",
    "withdrawn_because",
    "reversed_because",
    "reversed_by",
    ENDED_BY,
    *AUTHORITY_FIELDS,
)
"""The fields that describe how a decision ended; reopening empties them."""


Risk = Literal["valuable", "usable", "feasible", "viable"]
RISKS: Final[tuple[Risk, ...]] = get_args(Risk)


class RiskFinding(Message):
    """Whether an option is valuable, usable, feasible or viable, and what shows it."""

    risk: Risk = Field(
        description="`valuable` (customers want it), `usable` (they can use it), `feasible` (we can build it) or "
        "`viable` (it works for the business)."
    )
    answer: Literal["yes", "no", "unclear"] = Field(description="Whether it is.")
    finding: Text | None = Field(None, description="What was found.")
    evidence: tuple[EvidenceId, ...] = Field((), max_length=50, description="The evidence that shows it.")


class Option(Message):
    """An option that was considered."""

    title: Line = Field(description="The title of the option.")
    pros: tuple[Text, ...] = Field((), max_length=50, description="Arguments for it.")
    cons: tuple[Text, ...] = Field((), max_length=50, description="Arguments against it.")
    cost: Text | None = Field(None, description="Its cost.")
    time: Text | None = Field(None, description="The time it takes.")
    valuable: Text | None = Field(None, description="Will customers want it?")
    usable: Text | None = Field(None, description="Will they be able to use it?")
    feasible: Text | None = Field(None, description="Can we build it?")
    viable: Text | None = Field(None, description="Does it work for the business?")
    cost_amount: Cost | None = Field(None, description="Its cost as an amount, which `cost_limit` is compared with.")
    duration: Duration | None = Field(
        None, description="The time it takes as an amount, which `time_limit` is compared with."
    )
    findings: tuple[RiskFinding, ...] | None = Field(
        None, max_length=4, description="Whether it is valuable, usable, feasible and viable, each with its evidence."
    )


class Case(Message):
    """The case for a decision: everything considered before it is made."""

    kind: Slug = Field(
        DEFAULT_KIND, description="`strategic`, `feature`, `ownership`, `process`, `technical`, or a custom kind."
    )
    products: tuple[ProductId, ...] = Field((), max_length=50, description="The products it affects.")
    context: Text | None = Field(None, description="The situation, and why a decision is needed.")
    options: tuple[Option, ...] = Field(
        (), max_length=50, description="The options considered; `option` names the one chosen."
    )
    evidence: tuple[Text, ...] = Field((), max_length=100, description="Known facts, with their sources.")
    assumptions: tuple[Text, ...] = Field((), max_length=100, description="Assumptions that the decision depends on.")
    constraints: tuple[Text, ...] = Field((), max_length=100, description="Constraints on the decision.")
    cost_limit: Cost | None = Field(None, description="What an option may cost at most.")
    time_limit: Duration | None = Field(None, description="How long an option may take at most.")
    goals: tuple[GoalId, ...] | None = Field(None, max_length=100, description="The goals it contributes to.")
    expected: Text | None = Field(None, description="The expected outcome.")
    cost: Cost | None = Field(None, description="What it costs, which decision rights can limit.")
    review_on: Day | None = Field(None, description="The date to review it.")
    tags: tuple[Slug, ...] = Field((), max_length=50, description="Tags to find it by.")


class Conclusion(Message):
    """What was decided, and why."""

    decision: Text | None = Field(None, description="The decision itself.")
    why: Text | None = Field(None, description="The reason.")


def _cost_value(cost: Cost) -> str:
    """Return a cost as the value of a field, such as `50000 EUR`."""
    return f"{cost.amount} {cost.currency}"


def _duration_value(duration: Duration) -> str:
    """Return a length of time as the value of a field, such as `6 weeks`."""
    return f"{duration.amount} {duration.unit}"


def _option_changes(options: Iterable[Option]) -> FieldChange:
    """The change to the options; the evidence in their findings is what the decision rests on."""
    listed = tuple(options)
    values: list[Value] = [option.model_dump(mode="json", exclude_none=True) for option in listed]
    evidence = [each for option in listed for finding in option.findings or () for each in finding.evidence]
    return FieldChange("options", values, refs=tuple(dict.fromkeys(evidence)), is_searchable=True)


def _case_changes(case: Case) -> Iterator[FieldChange]:
    yield code("kind", case.kind)
    if case.products:
        yield refs("products", case.products)
    if case.cost:
        yield code("cost", _cost_value(case.cost))
    if case.review_on:
        yield code("review_on", case.review_on)
    if case.tags:
        yield code("tags", list(case.tags))
    if case.cost_limit:
        yield code("cost_limit", _cost_value(case.cost_limit))
    if case.time_limit:
        yield code("time_limit", _duration_value(case.time_limit))
    if case.goals:
        yield refs("goals", case.goals)
    if case.context:
        yield text("context", case.context)
    if case.options:
        yield _option_changes(case.options)
    yield from texts(
        {
            "evidence": list(case.evidence),
            "assumptions": list(case.assumptions),
            "constraints": list(case.constraints),
            "expected": case.expected,
        }
    )


# Proposing ---------------------------------------------------------------------------------------------------------


class ProposeDecision(Command, Case, Conclusion):
    """Propose a decision."""

    type: Literal["ProposeDecision"] = "ProposeDecision"
    key: Key | None = Field(None, description="The key of the new decision; random by default.")
    title: Line = Field(description="The title, in one line.")
    accountable: Holder | None = Field(None, description="The person or team who will be accountable for it.")
    creates: ClassVar[str] = "decision"


class DecisionProposed(Event, Case, Conclusion):
    """A decision was proposed."""

    title: Line
    accountable: Holder | None = None
    by: Person | None = Field(None, description="The person who proposed it; none if a service did.")

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, PROPOSED)
        yield text("title", self.title)
        yield from _case_changes(self)
        yield from texts({"decision": self.decision, "why": self.why})
        yield from accountable_changes(self.accountable)
        if self.by:
            yield ref("proposed_by", self.by)


class ReviseDecision(Command):
    """Revise a decision that is still open. Omitted fields stay unchanged."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {
                "properties": {
                    name: {"type": "null"}
                    for name in (
                        "title",
                        "decision",
                        "why",
                        "context",
                        "options",
                        "evidence",
                        "assumptions",
                        "constraints",
                        "cost_limit",
                        "time_limit",
                        "goals",
                        "expected",
                        "cost",
                        "review_on",
                        "tags",
                    )
                }
            }
        }
    )

    type: Literal["ReviseDecision"] = "ReviseDecision"
    subject: DecisionId
    title: Line | None = Field(None, description="The title, in one line.")
    decision: Text | None = Field(None, description="The decision itself.")
    why: Text | None = Field(None, description="The reason.")
    context: Text | None = Field(None, description="The situation, and why a decision is needed.")
    options: tuple[Option, ...] | None = Field(
        None, max_length=50, description="All options considered; replaces the previous list."
    )
    evidence: tuple[Text, ...] | None = Field(
        None, max_length=100, description="All known facts, with their sources; replaces the previous list."
    )
    assumptions: tuple[Text, ...] | None = Field(
        None, max_length=100, description="All assumptions; replaces the previous list."
    )
    constraints: tuple[Text, ...] | None = Field(
        None, max_length=100, description="All constraints; replaces the previous list."
    )
    cost_limit: Cost | None = Field(None, description="What an option may cost at most.")
    time_limit: Duration | None = Field(None, description="How long an option may take at most.")
    goals: tuple[GoalId, ...] | None = Field(
        None, max_length=100, description="All goals it contributes to; replaces the previous list."
    )
    expected: Text | None = Field(None, description="The expected outcome.")
    cost: Cost | None = Field(None, description="What it costs, which decision rights can limit.")
    review_on: Day | None = Field(None, description="The date to review it.")
    tags: tuple[Slug, ...] | None = Field(None, max_length=50, description="All tags; replaces the previous list.")


class DecisionRevised(Event):
    """An open decision was revised; omitted fields stayed unchanged."""

    title: Line | None = None
    decision: Text | None = None
    why: Text | None = None
    context: Text | None = None
    options: tuple[Option, ...] | None = None
    evidence: tuple[Text, ...] | None = None
    assumptions: tuple[Text, ...] | None = None
    constraints: tuple[Text, ...] | None = None
    expected: Text | None = None
    cost: Cost | None = None
    review_on: Day | None = None
    tags: tuple[Slug, ...] | None = None
    cost_limit: Cost | None = None
    time_limit: Duration | None = None
    goals: tuple[GoalId, ...] | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        for name, value in self.model_dump(mode="json", exclude_none=True).items():
            yield self._field_change(name, value)

    def _field_change(self, name: str, value: Value) -> FieldChange:
        match getattr(self, name):
            case Cost() as cost:
                return code(name, _cost_value(cost))
            case Duration() as duration:
                return code(name, _duration_value(duration))
            case _ if name == "options":
                return _option_changes(self.options or ())
            case _ if name == "goals":
                return refs(name, self.goals or ())
            case _:
                return code(name, value) if name in ("review_on", "tags") else text(name, value)


# Advice ------------------------------------------------------------------------------------------------------------


class AdviseOnDecision(Command):
    """Give advice on an open decision."""

    type: Literal["AdviseOnDecision"] = "AdviseOnDecision"
    subject: DecisionId
    advice: Text = Field(description="The advice.")
    by: Person | None = Field(None, description="The person giving the advice; the caller by default.")


class AdviceGiven(Event):
    """Advice was given on a decision."""

    by: Person
    advice: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield text(f"advice.{_key(self.by)}", self.advice)


class DissentFromDecision(Command):
    """Record dissent from a decision."""

    type: Literal["DissentFromDecision"] = "DissentFromDecision"
    subject: DecisionId
    why: Text = Field(description="The reason for the dissent.")
    by: Person | None = Field(None, description="The person who dissents; the caller by default.")


class DissentRecorded(Event):
    """Dissent from a decision was recorded."""

    by: Person
    why: Text
    is_claim: Literal[True] | None = Field(
        None, description="True if it was recorded without the credentials or a delegation of the person."
    )

    def field_changes(self) -> Iterable[FieldChange]:
        yield text(f"dissent.{_key(self.by)}", self.why)


class ApproveDecision(Command):
    """Approve an open decision. A later revision needs a new approval."""

    type: Literal["ApproveDecision"] = "ApproveDecision"
    subject: DecisionId
    by: Person | None = Field(None, description="The person who approves it; the caller by default.")


class DecisionApproved(Event):
    """An open decision was approved."""

    by: Person
    basis: Basis

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(f"approval.{_key(self.by)}", self.basis)


class AbstainFromDecision(Command):
    """Abstain from an open decision: take part in it, without supporting it."""

    type: Literal["AbstainFromDecision"] = "AbstainFromDecision"
    subject: DecisionId
    by: Person | None = Field(None, description="The person who abstains; the caller by default.")


class AbstentionRecorded(Event):
    """An abstention from an open decision was recorded."""

    by: Person
    basis: Basis

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(f"abstention.{_key(self.by)}", self.basis)


# Deciding ----------------------------------------------------------------------------------------------------------


class AcceptDecision(Command, Conclusion):
    """Accept a proposed decision."""

    type: Literal["AcceptDecision"] = "AcceptDecision"
    subject: DecisionId
    deciders: tuple[Person, ...] = Field(
        (), max_length=50, description="The people who decided; the caller by default."
    )
    option: Line | None = Field(None, description="The title of the option chosen.")


class DecisionAccepted(Event, Conclusion):
    """A decision was accepted."""

    deciders: Annotated[tuple[Person, ...], Field(min_length=1)]
    option: Line | None = None
    authority: Judgment | None = Field(None, description="Whether the deciders were entitled to decide it.")

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, ACCEPTED)
        yield refs("deciders", self.deciders)
        yield from texts({"decision": self.decision, "why": self.why, "option": self.option})
        yield from _authority_changes(self.authority)


class RecordDecision(Command, Case):
    """Record a decision that was already made, in one step."""

    type: Literal["RecordDecision"] = "RecordDecision"
    key: Key | None = Field(None, description="The key of the new decision; random by default.")
    title: Line = Field(description="The title, in one line.")
    decision: Text = Field(description="The decision itself.")
    why: Text = Field(description="The reason.")
    accountable: Holder = Field(description="The person or team accountable for it.")
    deciders: tuple[Person, ...] = Field(
        (), max_length=50, description="The people who decided; the caller by default."
    )
    option: Line | None = Field(None, description="The title of the option chosen.")
    supersedes: tuple[DecisionId, ...] = Field((), max_length=50, description="The accepted decisions it replaces.")
    creates: ClassVar[str] = "decision"


class DecisionRecorded(Event, Case):
    """A decision that was already made was recorded."""

    title: Line
    decision: Text
    why: Text
    accountable: Holder
    deciders: Annotated[tuple[Person, ...], Field(min_length=1)]
    option: Line | None = None
    authority: Judgment | None = Field(None, description="Whether the deciders were entitled to decide it.")

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, ACCEPTED)
        yield text("title", self.title)
        yield from _case_changes(self)
        yield from accountable_changes(self.accountable)
        yield refs("deciders", self.deciders)
        yield from texts({"decision": self.decision, "why": self.why, "option": self.option})
        yield from _authority_changes(self.authority)


class RejectDecision(Command):
    """Reject a proposed decision."""

    type: Literal["RejectDecision"] = "RejectDecision"
    subject: DecisionId
    why: Text = Field(description="The reason.")
    deciders: tuple[Person, ...] = Field(
        (), max_length=50, description="The people who rejected it; the caller by default."
    )


class DecisionRejected(Event):
    """A proposed decision was rejected."""

    deciders: Annotated[tuple[Person, ...], Field(min_length=1)]
    why: Text
    authority: Judgment | None = Field(None, description="Whether the deciders were entitled to decide it.")

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "rejected")
        yield refs("deciders", self.deciders)
        yield text("rejected_because", self.why)
        yield from _authority_changes(self.authority)


class DeferDecision(Command):
    """Defer a decision until something happens."""

    type: Literal["DeferDecision"] = "DeferDecision"
    subject: DecisionId
    until: Text = Field(description="What to wait for.")
    revisit_on: Day | None = Field(None, description="The date to review it.")
    awaits: tuple[AwaitedId, ...] | None = Field(
        None,
        max_length=20,
        description="What brings it back: evidence, even if it is not recorded yet, an assumption, a decision or a release.",
    )


class DecisionDeferred(Event):
    """A decision was deferred."""

    until: Text
    revisit_on: Day | None = None
    awaits: tuple[AwaitedId, ...] | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "deferred")
        yield text("deferred_until", self.until)
        yield refs(AWAITS, self.awaits or ())
        if self.revisit_on:
            yield code("review_on", self.revisit_on)


class WithdrawDecision(Command):
    """Withdraw a proposal."""

    type: Literal["WithdrawDecision"] = "WithdrawDecision"
    subject: DecisionId
    why: Text = Field(description="The reason.")


class DecisionWithdrawn(Event):
    """A proposal was withdrawn."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "withdrawn")
        yield text("withdrawn_because", self.why)


class ReopenDecision(Command):
    """Reopen a decision. Its status is then `proposed`."""

    type: Literal["ReopenDecision"] = "ReopenDecision"
    subject: DecisionId
    why: Text = Field(description="The reason.")


class DecisionReopened(Event):
    """A decision was reopened."""

    why: Text
    authority: Judgment | None = Field(
        None, description="Whether the person was entitled to reopen it, if it was accepted."
    )

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, PROPOSED)
        yield text("reopened_because", self.why)
        yield from (code(name, None) for name in OUTCOME_FIELDS)


class LinkDecision(Command):
    """Link a decision to the goals it contributes to. The list replaces the previous one."""

    type: Literal["LinkDecision"] = "LinkDecision"
    subject: DecisionId
    goals: tuple[GoalId, ...] = Field(max_length=100, description="All goals it contributes to.")


class DecisionLinked(Event):
    """The goals that a decision contributes to were set."""

    goals: tuple[GoalId, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        yield refs("goals", self.goals)


# Afterward ---------------------------------------------------------------------------------------------------------


class SupersedeDecision(Command):
    """Replace an accepted decision with one or more other accepted decisions."""

    type: Literal["SupersedeDecision"] = "SupersedeDecision"
    subject: DecisionId
    by: tuple[DecisionId, ...] = Field(min_length=1, max_length=50, description="The decisions that replace it.")
    deciders: tuple[Person, ...] | None = Field(
        None, max_length=50, description="The people who replaced it; the caller by default."
    )


class DecisionSuperseded(Event):
    """An accepted decision was superseded by others."""

    by: Annotated[tuple[DecisionId, ...], Field(min_length=1)]
    deciders: tuple[Person, ...] | None = Field(None, description="The people who replaced it.")
    authority: Judgment | None = Field(None, description="Whether they were entitled to replace it.")

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, SUPERSEDED)
        yield refs(SUPERSEDED_BY, self.by)
        yield from _ending_changes(self.deciders, self.authority)


class ReverseDecision(Command):
    """Reverse an accepted decision without replacing it."""

    type: Literal["ReverseDecision"] = "ReverseDecision"
    subject: DecisionId
    why: Text = Field(description="The reason.")
    by: DecisionId | None = Field(None, description="The decision that reversed it, if any.")
    deciders: tuple[Person, ...] | None = Field(
        None, max_length=50, description="The people who reversed it; the caller by default."
    )


class DecisionReversed(Event):
    """An accepted decision was reversed."""

    why: Text
    by: DecisionId | None = None
    deciders: tuple[Person, ...] | None = Field(None, description="The people who reversed it.")
    authority: Judgment | None = Field(None, description="Whether they were entitled to reverse it.")

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "reversed")
        yield text("reversed_because", self.why)
        if self.by:
            yield ref("reversed_by", self.by)
        yield from _ending_changes(self.deciders, self.authority)


class ConfirmDecision(Command):
    """Confirm, with your own credentials, that you are a decider of a decision."""

    type: Literal["ConfirmDecision"] = "ConfirmDecision"
    subject: DecisionId


class DecisionConfirmed(Event):
    """A decider confirmed the decision with their own credentials."""

    by: Person

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(f"confirmed.{_key(self.by)}", True)


class RatifyDecision(Command):
    """Ratify a decision that exceeded its deciders' authority."""

    type: Literal["RatifyDecision"] = "RatifyDecision"
    subject: DecisionId
    why: Text | None = Field(None, description="The reason.")


class DecisionRatified(Event):
    """A decision that exceeded its deciders' authority was ratified."""

    by: Person
    why: Text | None = None
    authority: Judgment | None = Field(None, description="Whether the person was entitled to decide it themselves.")

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(f"ratified.{_key(self.by)}", True)
        if self.authority and self.authority.verdict == "within" and "self_approved" not in self.authority.flags:
            yield code("ratification", "within")


class ReviewReasoning(Command):
    """Review how a decision was reasoned, judged by what was known when it was made."""

    type: Literal["ReviewReasoning"] = "ReviewReasoning"
    subject: DecisionId
    reasoning: Soundness = Field(description="How well it was reasoned, whatever came of it.")
    finding: Text = Field(description="What the review found.")
    learned: Text | None = Field(None, description="What to do differently next time.")
    reviewers: tuple[Person, ...] | None = Field(
        None, max_length=50, description="The people who reviewed it; the caller by default."
    )


class ReasoningReviewed(Event):
    """The reasoning of a decision was reviewed."""

    reasoning: Soundness
    finding: Text
    learned: Text | None = None
    by: tuple[Person, ...] = ()

    def field_changes(self) -> Iterable[FieldChange]:
        yield code("review.reasoning", self.reasoning)
        yield text("review.reasoning_finding", self.finding)
        yield refs("review.reasoning_by", self.by)
        if self.learned:
            yield text("review.learned", self.learned)


class ReviewDecision(Command):
    """Review the outcome of a decision."""

    type: Literal["ReviewDecision"] = "ReviewDecision"
    subject: DecisionId
    outcome: Literal["better", "as-expected", "worse", "unclear"] = Field(
        description="The actual outcome compared with the expected one."
    )
    finding: Text = Field(description="What the review found.")
    learned: Text | None = Field(None, description="What to do differently next time.")
    reviewers: tuple[Person, ...] | None = Field(
        None, max_length=50, description="The people who reviewed it; the caller by default."
    )
    revisit_on: Day | None = Field(None, description="The date to review it.")


class DecisionReviewed(Event):
    """The outcome of a decision was reviewed."""

    outcome: Literal["better", "as-expected", "worse", "unclear"]
    finding: Text
    learned: Text | None = None
    by: tuple[Person, ...] = Field((), description="The people who reviewed it.")
    revisit_on: Day | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code("review.outcome", self.outcome)
        yield text("review.finding", self.finding)
        yield code("review_on", self.revisit_on)
        if self.by:
            yield refs("review.by", self.by)
        if self.learned:
            yield text("review.learned", self.learned)


class JudgeChoice(Command):
    """Judge, afterward, whether the option chosen was valuable, usable, feasible and viable."""

    type: Literal["JudgeChoice"] = "JudgeChoice"
    subject: DecisionId
    findings: tuple[RiskFinding, ...] = Field(
        min_length=1, max_length=4, description="What turned out, for each that can be judged."
    )


class ChoiceJudged(Event):
    """It was judged, afterward, whether the option chosen was valuable, usable, feasible and viable."""

    findings: tuple[RiskFinding, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        for each in self.findings:
            value = each.model_dump(mode="json", exclude_none=True, exclude={"risk"})
            yield FieldChange(f"afterward.{each.risk}", value, refs=each.evidence, is_searchable=True)


ExistingDecisionCommand = (
    ReviseDecision
    | AdviseOnDecision
    | DissentFromDecision
    | ApproveDecision
    | AbstainFromDecision
    | AcceptDecision
    | RejectDecision
    | DeferDecision
    | WithdrawDecision
    | ReopenDecision
    | SupersedeDecision
    | ReverseDecision
    | ConfirmDecision
    | RatifyDecision
    | ReviewReasoning
    | ReviewDecision
)
DecisionCommand = ProposeDecision | RecordDecision | ExistingDecisionCommand | LinkDecision | JudgeChoice


# Rules -------------------------------------------------------------------------------------------------------------


def decide(command: DecisionCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command about a decision.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    match command:
        case ProposeDecision():
            return _propose(command, context, subjects)
        case RecordDecision():
            return _record(command, context, subjects)
        case LinkDecision():
            return [Draft(command.subject, DecisionLinked(goals=command.goals))]
        case JudgeChoice():
            return [_judge_choice(command, context, subjects)]
        case _:
            return _change(command, context, subjects)


def _propose(command: ProposeDecision, context: CommandContext, subjects: Subjects) -> list[Draft]:
    subject = new_subject_id(command, subjects)
    _require_valid_options(command.options)
    require_active_holder(command.accountable, context, subjects)
    by = context.principal if kind_of(context.principal) == "person" else None
    return [Draft(subject, derive(DecisionProposed, command, by=by))]


def _record(command: RecordDecision, context: CommandContext, subjects: Subjects) -> list[Draft]:
    subject = new_subject_id(command, subjects)
    _require_valid_options(command.options)
    deciders = command.deciders or (require_person(context, "deciders"),)
    require_active_holder(command.accountable, context, subjects)
    question = _build_recorded_question(command, deciders, context, subjects)
    judgment = authority.require_authority(question, subjects, context)
    drafts = [Draft(subject, derive(DecisionRecorded, command, deciders=deciders, authority=judgment))]
    for superseded in command.supersedes:
        require_status(subjects[superseded], context, IN_FORCE, "be superseded", default=PROPOSED)
        ending = _build_ending(subjects[superseded], deciders, (), context, subjects)
        judged = authority.require_authority(ending, subjects, context)
        drafts.append(Draft(superseded, DecisionSuperseded(by=(subject,), deciders=deciders, authority=judged)))
    return drafts


_REQUIRED: Final[dict[type[Command], tuple[frozenset[str], str]]] = {
    ReviseDecision: (OPEN, "be revised"),
    AdviseOnDecision: (OPEN, "be advised on"),
    ApproveDecision: (OPEN, "be approved"),
    AbstainFromDecision: (OPEN, "be abstained from"),
    AcceptDecision: (OPEN, "be accepted"),
    RejectDecision: (OPEN, "be rejected"),
    DeferDecision: (OPEN, "be deferred"),
    WithdrawDecision: (OPEN, "be withdrawn"),
    ReopenDecision: (REOPENABLE, "be reopened"),
    SupersedeDecision: (IN_FORCE, "be superseded"),
    ReverseDecision: (IN_FORCE, "be reversed"),
    ConfirmDecision: (DECIDED, "be confirmed"),
    RatifyDecision: (IN_FORCE, "be ratified"),
    ReviewReasoning: (DECIDED, "be reviewed"),
    ReviewDecision: (REVIEWABLE, "be reviewed"),
}
"""The status that a decision must have for a command, and what the command does to it."""


def _change(command: ExistingDecisionCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    state = subjects[command.subject]
    if required := _REQUIRED.get(type(command)):
        require_status(state, context, *required, default=PROPOSED)
    event: Event
    match command:
        case ReviseDecision():
            event = _revise(command)
        case AdviseOnDecision():
            event = AdviceGiven(by=command.by or require_person(context, "by"), advice=command.advice)
        case DissentFromDecision():
            event = _dissent(command, context, subjects)
        case ApproveDecision():
            by, basis = _take_stance("approval", command, context, subjects)
            event = DecisionApproved(by=by, basis=basis)
        case AbstainFromDecision():
            by, basis = _take_stance("abstention", command, context, subjects)
            event = AbstentionRecorded(by=by, basis=basis)
        case AcceptDecision():
            event = _accept(command, context, subjects)
        case RejectDecision():
            event = _reject(command, context, subjects)
        case DeferDecision():
            event = _defer(command, context, subjects)
        case WithdrawDecision():
            event = DecisionWithdrawn(why=command.why)
        case ReopenDecision():
            event = _reopen(command, context, subjects)
        case SupersedeDecision():
            for each in command.by:
                _require_valid_successor(state.subject, each, context, subjects)
            event = derive(DecisionSuperseded, command, **_judge_ending(command, command.by, context, subjects))
        case ReverseDecision():
            successors = (command.by,) if command.by else ()
            event = derive(DecisionReversed, command, **_judge_ending(command, successors, context, subjects))
        case ConfirmDecision():
            _require_confirmable(command, context, subjects)
            event = DecisionConfirmed(by=context.actor)
        case RatifyDecision():
            event = _ratify(command, context, subjects)
        case ReviewDecision():
            event = _review(command, context, subjects)
        case ReviewReasoning():
            event = derive(ReasoningReviewed, command, by=_find_reviewers(command, context))
        case _:
            assert_never(command)
    return [Draft(state.subject, event)]


def _judge_choice(command: JudgeChoice, context: CommandContext, subjects: Subjects) -> Draft:
    require_status(subjects[command.subject], context, REVIEWABLE, "be judged", default=PROPOSED)
    _require_each_risk_once(command.findings, "findings")
    return Draft(command.subject, ChoiceJudged(findings=command.findings))


def _require_each_risk_once(findings: Sequence[RiskFinding], field: str) -> None:
    risks = [each.risk for each in findings]
    for n, risk in enumerate(risks):
        if risk in risks[:n]:
            raise Malformed(f"`{risk}` is judged twice", field=f"{field}.{n}.risk")


def _require_valid_options(options: Iterable[Option]) -> None:
    for n, option in enumerate(options):
        _require_each_risk_once(option.findings or (), f"options.{n}.findings")


def _defer(command: DeferDecision, context: CommandContext, subjects: Subjects) -> Event:
    for n, awaited in enumerate(command.awaits or ()):
        if awaited == command.subject:
            raise NotAllowed(f"{awaited} cannot wait for itself", field=f"awaits.{n}", subject=awaited)
        if has_arrived(subjects[awaited], context.now):
            raise NothingChanges(
                f"{awaited} needs no waiting: it is already recorded, settled or decided",
                field=f"awaits.{n}",
                subject=awaited,
            )
    return DecisionDeferred(until=command.until, revisit_on=command.revisit_on, awaits=command.awaits)


def has_arrived(state: SubjectState, at: int) -> bool:
    """Return whether what a decision can wait for had arrived at a time: evidence once it is recorded, an assumption
    once it is confirmed or broken, a decision once it is taken or ended, and a release on its day.
    """
    if not state.exists_at(at):
        return False
    status = state.value_at(STATUS, at)
    match kind_of(state.subject):
        case "assumption":
            return status in ("confirmed", "broken")
        case "decision":
            return status not in (None, *OPEN)
        case "release":
            due_on = state.value_at("due_on", at)
            return due_on is not None and str(due_on) <= format_micros(at)[:10]
        case _:
            return True


def _revise(command: ReviseDecision) -> Event:
    _require_valid_options(command.options or ())
    values = {name: getattr(command, name) for name in DecisionRevised.model_fields}
    if all(value is None for value in values.values()):
        raise NothingChanges(
            f"nothing to revise; give at least one of {', '.join(values)}", field="title", subject=command.subject
        )
    return DecisionRevised(**values)


def _dissent(command: DissentFromDecision, context: CommandContext, subjects: Subjects) -> Event:
    by = command.by or require_person(context, "by")
    is_claim = True if find_basis(by, context, subjects) == "claimed" else None
    return DissentRecorded(by=by, why=command.why, is_claim=is_claim)


def _accept(command: AcceptDecision, context: CommandContext, subjects: Subjects) -> Event:
    deciders = command.deciders or (require_person(context, "deciders"),)
    question = _build_question(subjects[command.subject], deciders, context, subjects)
    return DecisionAccepted(
        deciders=deciders,
        decision=command.decision,
        why=command.why,
        option=command.option,
        authority=authority.require_authority(question, subjects, context),
    )


def _reject(command: RejectDecision, context: CommandContext, subjects: Subjects) -> Event:
    deciders = command.deciders or (require_person(context, "deciders"),)
    question = _build_question(subjects[command.subject], deciders, context, subjects)._replace(needs_support=False)
    judgment = authority.require_authority(question, subjects, context)
    return DecisionRejected(deciders=deciders, why=command.why, authority=judgment)


def _ratify(command: RatifyDecision, context: CommandContext, subjects: Subjects) -> Event:
    by = require_person(context, "on_behalf_of")
    question = _build_ratification(subjects[command.subject], by, context, subjects)
    judgment = authority.require_authority(question, subjects, context)
    return DecisionRatified(by=by, why=command.why, authority=judgment)


def _reopen(command: ReopenDecision, context: CommandContext, subjects: Subjects) -> Event:
    """Reopening an accepted decision ends it, so it is judged like a rejection; other decisions are not in force."""
    state = subjects[command.subject]
    if state.value_at(STATUS, context.now) not in IN_FORCE:
        return DecisionReopened(why=command.why)
    question = _build_ending(state, (require_person(context, "on_behalf_of"),), (), context, subjects)
    judgment = authority.require_authority(question._replace(needs_support=False), subjects, context)
    return DecisionReopened(why=command.why, authority=judgment)


def _judge_ending(
    command: SupersedeDecision | ReverseDecision,
    successors: Iterable[str],
    context: CommandContext,
    subjects: Subjects,
) -> dict[str, Any]:
    """Return who ends an accepted decision, and whether they are entitled to."""
    deciders = command.deciders or (require_person(context, "deciders"),)
    question = _build_ending(subjects[command.subject], deciders, successors, context, subjects)
    return {"deciders": deciders, "authority": authority.require_authority(question, subjects, context)}


def _review(command: ReviewDecision, context: CommandContext, subjects: Subjects) -> Event:
    by = _find_reviewers(command, context)
    _require_independent_reviewer(command.subject, by, context, subjects)
    return derive(DecisionReviewed, command, by=by)


def _find_reviewers(command: ReviewReasoning | ReviewDecision, context: CommandContext) -> tuple[str, ...]:
    """Return who reviews; a service that names no person is no reviewer."""
    own = (context.principal,) if kind_of(context.principal) == "person" else ()
    return command.reviewers or own


def _require_independent_reviewer(
    decision: str, reviewers: Iterable[str], context: CommandContext, subjects: Subjects
) -> None:
    """Where the decision rights of a product ask for it, a person who did not decide reviews with their credentials."""
    state = subjects[decision]
    kind = str(state.value_at("kind", context.now) or DEFAULT_KIND)
    products = state.subjects_at("products", context.now)
    asking = authority.find_review_rule(products, kind, subjects, context.now)
    if asking is None:
        return
    deciders = subjects.canonical_ids(state.subjects_at("deciders", context.now))
    own = (one for one in reviewers if find_basis(one, context, subjects) != "claimed")
    if all(subjects.canonical_id(one) in deciders for one in own):
        raise Forbidden(
            f"by the decision rights of {asking}, the result of {kind} decisions is reviewed by a person who did not "
            "decide them, with their own credentials",
            field="reviewers",
            subject=decision,
        )


# Authority ---------------------------------------------------------------------------------------------------------


def _authority_changes(judgment: Judgment | None) -> Iterable[FieldChange]:
    return () if judgment is None else judgment.field_changes()


def _ending_changes(deciders: tuple[Person, ...] | None, judgment: Judgment | None) -> Iterable[FieldChange]:
    """The changes when a decision ends; `authority` stays that of the people who made it."""
    if deciders:
        yield refs(ENDED_BY, deciders)
    if judgment and judgment.verdict != "no_rule":
        yield code(ENDING_AUTHORITY, judgment.verdict)


def _build_recorded_question(
    command: RecordDecision, deciders: tuple[str, ...], context: CommandContext, subjects: Subjects
) -> Question:
    return Question(
        products=command.products,
        kind=command.kind,
        cost=command.cost,
        deciders=tuple([Stance(one, find_basis(one, context, subjects)) for one in deciders]),
        proposer=context.principal,
        delegation=context.delegation,
    )


def _build_question(
    state: SubjectState, deciders: tuple[str, ...], context: CommandContext, subjects: Subjects
) -> Question:
    """Return what to judge when an open decision is accepted or rejected."""
    approvals, others = find_stances(state, context.effective_at)
    confirmed = {subjects.canonical_id(each.person) for each in approvals if each.basis != "claimed"}
    proposer = state.value_at("proposed_by", context.now)
    return Question(
        products=state.subjects_at("products", context.effective_at),
        kind=str(state.value_at("kind", context.effective_at) or DEFAULT_KIND),
        cost=find_cost(state, context.effective_at),
        deciders=tuple(_decider_stance(one, confirmed, context, subjects) for one in deciders),
        approvers=approvals,
        others=others,
        proposer=str(proposer) if proposer else None,
        delegation=context.delegation,
    )


def _decider_stance(decider: str, confirmed: Collection[str], context: CommandContext, subjects: Subjects) -> Stance:
    basis = find_basis(decider, context, subjects)
    if basis == "claimed" and confirmed and subjects.canonical_id(decider) in confirmed:
        basis = "confirmed"
    return Stance(decider, basis)


def _build_ratification(state: SubjectState, person: str, context: CommandContext, subjects: Subjects) -> Question:
    """Return what to judge when a decision is ratified: whether the person could have decided it alone, by now."""
    question = _build_question(state, (person,), context, subjects)
    deciders = subjects.canonical_ids(state.subjects_at("deciders", context.now))
    is_own = subjects.canonical_id(person) in deciders
    return question._replace(needs_support=False, approvers=(), proposer=person if is_own else None)


def _build_ending(
    state: SubjectState,
    deciders: tuple[str, ...],
    successors: Iterable[str],
    context: CommandContext,
    subjects: Subjects,
) -> Question:
    """Return what to judge when an accepted decision is superseded or reversed: what was judged when it was made.

    Its own approvals were for making it, so they do not count; those of the decisions that replace it do.
    """
    approvals, others = _find_support(state, successors, subjects, context.effective_at)
    return Question(
        products=state.subjects_at("products", context.effective_at),
        kind=str(state.value_at("kind", context.effective_at) or DEFAULT_KIND),
        cost=find_cost(state, context.effective_at),
        deciders=tuple(Stance(one, find_basis(one, context, subjects)) for one in deciders),
        approvers=approvals,
        others=others,
        delegation=context.delegation,
    )


def _find_support(
    state: SubjectState, successors: Iterable[str], subjects: Subjects, at: int, before: int = MAX_INTEGER
) -> tuple[tuple[Stance, ...], tuple[Stance, ...]]:
    """Return who approved, and who else took part in, the accepted decisions that end one about the same products."""
    approvals: list[Stance] = []
    others: list[Stance] = []
    products = set(state.subjects_at("products", at))
    for successor in map(subjects.__getitem__, successors):
        if successor.value_at(STATUS, at) in IN_FORCE and products <= set(successor.subjects_at("products", at)):
            approved, took_part = find_stances(successor, at, before)
            approvals += approved
            others += took_part
    return tuple(approvals), tuple(others)


def find_cost(state: SubjectState, at: int) -> Cost | None:
    """Return the cost that a decision states at a time."""
    amount, _, currency = str(state.value_at("cost", at) or "").partition(" ")
    # Only imported history, which no rule checks, can hold anything else.
    return Cost(amount=int(amount), currency=currency) if amount.isdecimal() and currency in CURRENCIES else None


def build_question_again(
    state: SubjectState,
    judgment: Judgment,
    at: int,
    position: int,
    subjects: Subjects,
    *,
    needs_support: bool,
    successors: Collection[str] | None = None,
) -> Question:
    """Return what to judge when the decision at a position is judged again, with everything that `subjects` know.

    The deciders are as recorded; a claim counts as confirmed if the decider has confirmed it since. With `successors`,
    even with none, the decision was superseded or reversed, and only the approvals of its successors count.
    """
    approvals, others = (
        find_stances(state, at, position)
        if successors is None
        else _find_support(state, successors, subjects, at, position)
    )
    return Question(
        products=state.subjects_at("products", at),
        kind=str(state.value_at("kind", at) or DEFAULT_KIND),
        cost=find_cost(state, at),
        deciders=tuple(
            Stance(each.decider, "confirmed" if find_confirmation(state, each, position) else each.basis)
            for each in judgment.verdicts
        ),
        approvers=approvals,
        others=others,
        delegation=judgment.delegation,
        needs_support=needs_support,
    )


def find_confirmation(state: SubjectState, verdict: Verdict, position: int) -> int | None:
    """Return the position at which a decider confirmed the claim that an event at another position made."""
    row = state.latest_row(f"confirmed.{_key(verdict.decider)}")
    return row.position if row and row.position > position and verdict.basis == "claimed" else None


def find_stances(
    state: SubjectState, at: int, before: int = MAX_INTEGER
) -> tuple[tuple[Stance, ...], tuple[Stance, ...]]:
    """Return who approved a decision as it was at a time and before a position, and who abstained or dissented.

    The latest stance of a person counts. A revision or a reopening makes all earlier approvals and abstentions void.
    """
    since = max(
        (position for position, event in state.events.items() if position < before and _renews(event)), default=0
    )
    latest: dict[str, tuple[int, str, Value]] = {}
    for prefix in ("approval.", "abstention.", "dissent."):
        for name in state.field_names(prefix):
            row = state.row_at(name, at)
            person = f"person:{name.removeprefix(prefix)}"
            if row and row.position > since and row.position > latest.get(person, (0,))[0]:
                latest[person] = (row.position, prefix, row.value)
    stances = [
        (prefix, Stance(person, _read_basis(value), position))
        for person, (position, prefix, value) in sorted(latest.items(), key=lambda item: item[1][0])
    ]
    return (
        tuple(stance for prefix, stance in stances if prefix == "approval."),
        tuple(stance for prefix, stance in stances if prefix != "approval."),
    )


def _read_basis(value: Value) -> Basis:
    return "own" if value == "own" else "delegated" if value == "delegated" else "claimed"


def _renews(event: EventSummary) -> bool:
    return not event.is_voided and event.type.startswith(("DecisionRevised.", "DecisionReopened."))


def _take_stance(
    name: str, command: ApproveDecision | AbstainFromDecision, context: CommandContext, subjects: Subjects
) -> tuple[str, Basis]:
    """Return who takes a stance, and what shows that they do; it must not be theirs already on the same basis."""
    state = subjects[command.subject]
    person = command.by or require_person(context, "by")
    basis = find_basis(person, context, subjects)
    row = state.row_at(f"{name}.{_key(person)}", context.now)
    current = {stance.position for stances in find_stances(state, context.now) for stance in stances}
    if row and row.position in current and row.value in (basis, "own"):
        raise NothingChanges(
            f"this {name} of {person} is already recorded at position {row.position}",
            field="subject",
            subject=state.subject,
        )
    return person, basis


# Other checks ------------------------------------------------------------------------------------------------------


def _require_valid_successor(old: str, successor: str, context: CommandContext, subjects: Subjects) -> None:
    """A successor is accepted, and was not itself superseded, directly or indirectly, by the decision it replaces."""
    if successor == old:
        raise NotAllowed(f"{old} cannot supersede itself", field="by", subject=old)
    status = subjects[successor].value_at(STATUS, context.now) or PROPOSED
    if status not in IN_FORCE:
        raise NotAllowed(
            f"{successor} is {status}; only an accepted decision can supersede another", field="by", subject=successor
        )
    pending, visited = [successor], {successor}
    while pending:
        for later in subjects[pending.pop()].subjects_at(SUPERSEDED_BY, context.now):
            if later == old:
                raise NotAllowed(f"{successor} is itself superseded by {old}", field="by", subject=successor)
            if later not in visited:
                visited.add(later)
                pending.append(later)


def _require_confirmable(command: ConfirmDecision, context: CommandContext, subjects: Subjects) -> None:
    """The actor is a decider, acts on their own behalf, and has not confirmed the latest acceptance yet."""
    state = subjects[command.subject]
    actor = subjects.canonical_id(context.actor)
    if actor != subjects.canonical_id(context.principal):
        raise NotAllowed(
            "deciders confirm with their own credentials; omit `on_behalf_of`",
            field="on_behalf_of",
            subject=state.subject,
        )
    decided, ended = (state.subjects_at(name, context.now) for name in ("deciders", ENDED_BY))
    if actor not in subjects.canonical_ids((*decided, *ended)):
        raise NotAllowed(f"{context.actor} is not a decider of {state.subject}", field="subject", subject=state.subject)
    own_fields = (
        name
        for name in state.field_names("confirmed.")
        if subjects.canonical_id(f"person:{name.partition('.')[2]}") == actor
    )
    acceptance = state.row_at(ENDED_BY if actor in subjects.canonical_ids(ended) else "deciders", context.now)
    confirmations = [state.row_at(name, context.now) for name in own_fields]
    # A decision that was reopened and accepted again has to be confirmed again.
    if acceptance and any(row and row.position > acceptance.position for row in confirmations):
        raise NothingChanges(
            f"{context.actor} has already confirmed {state.subject}", field="subject", subject=state.subject
        )


def _key(person: str) -> str:
    return person.partition(":")[2]
