"""Decisions, in the order of their life cycle: proposed, advised on, accepted, and what happens afterward.

    proposed ──▶ accepted ──▶ superseded, reversed
        ├──────▶ rejected, deferred, withdrawn
        ◀── reopened ── (deferred, rejected, withdrawn, accepted, reversed)

The text of an accepted decision is frozen: changing your mind means a new decision that supersedes the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Final, Literal, get_args

from pydantic import ConfigDict, Field, Strict

from domain.delegation import Basis
from domain.fields import EXISTS, STATUS, FieldChange, Value, code, ref, refs, text, texts
from domain.ids import key_of
from domain.judgment import AUTHORITY_FIELDS, ENDING_AUTHORITY, Judgment
from domain.messages import Command, Event, Message
from domain.money import Cost
from domain.ownership import accountable_changes
from domain.quantities import Duration
from domain.values import (
    AwaitedId,
    Day,
    DecisionId,
    EvidenceId,
    GoalId,
    Holder,
    Integral,
    Key,
    Line,
    Person,
    ProductId,
    Slug,
    Text,
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
REVISIT_ON: Final = "revisit_on"
"""The day to which a decision was deferred; `review_on` is the day to review what came of it."""
CONSTRAINT_PREFIX: Final = "constraint."
"""Begins the fields that say whether an option meets a constraint: `constraint.2.option.1`."""
ENDED_BY: Final = "ended_by"
"""The people who superseded or reversed a decision."""
DEFERRAL_FIELDS: Final = ("deferred_until", AWAITS, REVISIT_ON)
"""The fields that say what a deferred decision waits for; what ends the deferral empties them."""
OUTCOME_FIELDS: Final = (
    *DEFERRAL_FIELDS,
    "deciders",
    "option",
    "rejected_because",
    "withdrawn_because",
    "reversed_because",
    "reversed_by",
    ENDED_BY,
    *AUTHORITY_FIELDS,
)
"""The fields that describe how a decision was decided or ended; reopening empties them."""


ListNumber = Annotated[int, Strict(), Field(ge=1, le=100), Integral]
Risk = Literal["valuable", "usable", "feasible", "viable"]
RISKS: Final[tuple[Risk, ...]] = get_args(Risk)


class RiskFinding(Message):
    """Whether an option is valuable, usable, feasible or viable, and what shows it."""

    risk: Risk = Field(
        description="`valuable` (customers want it), `usable` (they can use it), `feasible` (we can build it) or "
        "`viable` (it works for the business)."
    )
    answer: Literal["yes", "no", "unclear"] = Field(description="Whether the option is.")
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
    cost: Cost | None = Field(None, description="What it costs; decision rights can set a limit.")
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


def _clearing_changes(fields: Iterable[str]) -> Iterator[FieldChange]:
    """The changes that empty fields."""
    return (code(name, None) for name in fields)


def _authority_changes(judgment: Judgment | None) -> Iterable[FieldChange]:
    return () if judgment is None else judgment.field_changes()


def _ending_changes(deciders: tuple[Person, ...] | None, judgment: Judgment | None) -> Iterable[FieldChange]:
    """The changes when a decision ends; `authority` stays that of the people who made it."""
    if deciders:
        yield refs(ENDED_BY, deciders)
    if judgment and judgment.verdict != "no_rule":
        yield code(ENDING_AUTHORITY, judgment.verdict)


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
    cost: Cost | None = Field(None, description="What it costs; decision rights can set a limit.")
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
        yield text(f"advice.{key_of(self.by)}", self.advice)


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
        yield text(f"dissent.{key_of(self.by)}", self.why)


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
        yield code(f"approval.{key_of(self.by)}", self.basis)


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
        yield code(f"abstention.{key_of(self.by)}", self.basis)


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
        yield from _clearing_changes(DEFERRAL_FIELDS)
        yield refs("deciders", self.deciders)
        yield from texts({"decision": self.decision, "why": self.why, "option": self.option})
        yield from _authority_changes(self.authority)


class RecordDecision(Command, Case):
    """Record a decision that was made, in one step."""

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
        yield from _clearing_changes(DEFERRAL_FIELDS)
        yield refs("deciders", self.deciders)
        yield text("rejected_because", self.why)
        yield from _authority_changes(self.authority)


class DeferDecision(Command):
    """Defer a decision until something happens."""

    type: Literal["DeferDecision"] = "DeferDecision"
    subject: DecisionId
    until: Text = Field(description="What to wait for.")
    revisit_on: Day | None = Field(None, description="The day to decide it, at the latest.")
    awaits: tuple[AwaitedId, ...] | None = Field(
        None,
        max_length=20,
        description="What brings it back: an assumption, a decision, a release, or evidence, which need not be recorded yet.",
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
        yield code(REVISIT_ON, self.revisit_on)


class WithdrawDecision(Command):
    """Withdraw a proposed decision."""

    type: Literal["WithdrawDecision"] = "WithdrawDecision"
    subject: DecisionId
    why: Text = Field(description="The reason.")


class DecisionWithdrawn(Event):
    """A proposal was withdrawn."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "withdrawn")
        yield from _clearing_changes(DEFERRAL_FIELDS)
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
        yield from _clearing_changes(OUTCOME_FIELDS)


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
        yield code(f"confirmed.{key_of(self.by)}", True)


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
        yield code(f"ratified.{key_of(self.by)}", True)
        if self.authority and self.authority.verdict == "within" and "self_approved" not in self.authority.flags:
            yield code("ratification", "within")


class ReviewReasoning(Command):
    """Review how a decision was reasoned, judged by what was known when it was made."""

    type: Literal["ReviewReasoning"] = "ReviewReasoning"
    subject: DecisionId
    reasoning: Soundness = Field(description="How well it was reasoned, regardless of the outcome.")
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
        min_length=1, max_length=4, description="How the option turned out, for each aspect that can be judged."
    )


class ChoiceJudged(Event):
    """It was judged, afterward, whether the option chosen was valuable, usable, feasible and viable."""

    findings: tuple[RiskFinding, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        for each in self.findings:
            value = each.model_dump(mode="json", exclude_none=True, exclude={"risk"})
            yield FieldChange(f"afterward.{each.risk}", value, refs=each.evidence, is_searchable=True)


class CheckConstraint(Command):
    """Check whether an option meets one of the constraints on a decision."""

    type: Literal["CheckConstraint"] = "CheckConstraint"
    subject: DecisionId
    option_number: ListNumber = Field(description="The number of the option in the list of options, from 1.")
    constraint_number: ListNumber = Field(
        description="The number of the constraint in the list of constraints, from 1."
    )
    answer: Literal["met", "not-met", "unclear"] = Field(description="`met`, `not-met` or `unclear`.")
    finding: Text | None = Field(None, description="What the answer is based on.")


class ConstraintChecked(Event):
    """An option was checked against a constraint."""

    option_number: int
    constraint_number: int
    options_position: int = Field(description="The position of the event that set the options.")
    constraints_position: int = Field(description="The position of the event that set the constraints.")
    answer: Literal["met", "not-met", "unclear"]
    finding: Text | None = None
    by: Person

    def field_changes(self) -> Iterable[FieldChange]:
        value = self.model_dump(mode="json", exclude_none=True, exclude={"option_number", "constraint_number"})
        name = f"{CONSTRAINT_PREFIX}{self.constraint_number}.option.{self.option_number}"
        yield FieldChange(name, value, refs=(self.by,), is_searchable=True)


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
DecisionCommand = (
    ProposeDecision | RecordDecision | ExistingDecisionCommand | LinkDecision | JudgeChoice | CheckConstraint
)
