"""Decisions, in the order of their life: proposed, advised on, taken, and what becomes of them afterwards.

    proposed ──▶ accepted ──▶ superseded, reversed
        ├──────▶ rejected, deferred, withdrawn
        ◀── reopened ── (deferred, rejected, withdrawn, accepted, reversed)

A decided text is frozen: a change of mind is a new decision that supersedes the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Final, Literal, assert_never

from pydantic import ConfigDict, Field

from domain.errors import NotAllowed, NothingChanges
from domain.fields import EXISTS, STATUS, FieldChange, Subjects, code, ref, refs, text, texts
from domain.guards import must_have_status, new_subject, require_person
from domain.messages import Command, CommandContext, Draft, Event, Message
from domain.ownership import accountable_steps, check_accountable
from domain.values import Day, DecisionId, Holder, Key, Line, Person, ProductId, Slug, Text

PROPOSED: Final = "proposed"
ACCEPTED: Final = "accepted"
SUPERSEDED: Final = "superseded"
SUPERSEDED_BY: Final = "superseded_by"
OPEN: Final = frozenset({PROPOSED, "deferred"})
REOPENABLE: Final = frozenset({"deferred", "rejected", "withdrawn", "accepted", "reversed"})
TAKEN: Final = frozenset({ACCEPTED})
REVIEWABLE: Final = frozenset({"accepted", SUPERSEDED, "reversed"})
DECIDED: Final = REVIEWABLE | {"rejected"}
ENDINGS: Final = ("deferred_until", "rejected_because", "withdrawn_because", "reversed_because", "reversed_by")
"""The cells that say how it came to rest; none holds of a decision that is open again."""


class Option(Message):
    """One of the ways that were open."""

    title: Line = Field(description="What it is called.")
    pros: tuple[Text, ...] = Field((), max_length=50, description="What speaks for it.")
    cons: tuple[Text, ...] = Field((), max_length=50, description="What speaks against it.")
    cost: Text | None = Field(None, description="What it costs.")
    time: Text | None = Field(None, description="How long it takes.")
    valuable: Text | None = Field(None, description="Will customers want it?")
    usable: Text | None = Field(None, description="Will they be able to use it?")
    feasible: Text | None = Field(None, description="Can we build it?")
    viable: Text | None = Field(None, description="Does it work for the business?")


class Case(Message):
    """The case for a decision: all that is weighed before it is taken."""

    kind: Slug = Field(
        "strategic", description="`strategic`, `feature`, `ownership`, `process`, `technical`, or your own."
    )
    products: tuple[ProductId, ...] = Field((), max_length=50, description="The products it concerns.")
    context: Text | None = Field(None, description="What the situation is, and why a decision is needed.")
    options: tuple[Option, ...] = Field(
        (), max_length=50, description="The ways that were open; `option` says which was chosen."
    )
    evidence: tuple[Text, ...] = Field((), max_length=100, description="What is known, and from where.")
    assumptions: tuple[Text, ...] = Field(
        (), max_length=100, description="What is taken for granted and may turn out wrong."
    )
    constraints: tuple[Text, ...] = Field((), max_length=100, description="What had to be kept to.")
    expected: Text | None = Field(None, description="What is expected to come of it.")
    review_on: Day | None = Field(None, description="The day to look at it again.")
    tags: tuple[Slug, ...] = Field((), max_length=50, description="Words to find it by.")


class Conclusion(Message):
    """What was decided, and why."""

    decision: Text | None = Field(None, description="What is decided, in a sentence or a page.")
    why: Text | None = Field(None, description="The reason.")


def _case_steps(case: Case) -> Iterator[FieldChange]:
    yield code("kind", case.kind)
    if case.products:
        yield refs("products", case.products)
    if case.review_on:
        yield code("review_on", case.review_on)
    if case.tags:
        yield code("tags", list(case.tags))
    yield from texts(
        {
            "context": case.context,
            "options": [option.model_dump(mode="json", exclude_none=True) for option in case.options],
            "evidence": list(case.evidence),
            "assumptions": list(case.assumptions),
            "constraints": list(case.constraints),
            "expected": case.expected,
        }
    )


# Proposing ---------------------------------------------------------------------------------------------------------


class ProposeDecision(Command, Case, Conclusion):
    """Put a decision up to be taken."""

    type: Literal["ProposeDecision"] = "ProposeDecision"
    key: Key | None = Field(None, description="The key of the new decision; a random one if silent.")
    title: Line = Field(description="What it is about, in a line.")
    accountable: Holder | None = Field(None, description="Who will answer for it.")
    creates: ClassVar[str] = "decision"


class DecisionProposed(Event, Case, Conclusion):
    """A decision was put up to be taken."""

    title: Line
    accountable: Holder | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, PROPOSED)
        yield text("title", self.title)
        yield from _case_steps(self)
        yield from texts({"decision": self.decision, "why": self.why})
        yield from accountable_steps(self.accountable)


class ReviseDecision(Command):
    """Change the case of a decision that is not yet taken; what is left out stays."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [name], "properties": {name: {"type": ["string", "array"]}}}
                for name in (
                    "title",
                    "decision",
                    "why",
                    "context",
                    "options",
                    "evidence",
                    "assumptions",
                    "constraints",
                    "expected",
                    "review_on",
                    "tags",
                )
            ]
        }
    )

    type: Literal["ReviseDecision"] = "ReviseDecision"
    subject: DecisionId
    title: Line | None = Field(None, description="What it is about, in a line.")
    decision: Text | None = Field(None, description="What is decided, in a sentence or a page.")
    why: Text | None = Field(None, description="The reason.")
    context: Text | None = Field(None, description="What the situation is, and why a decision is needed.")
    options: tuple[Option, ...] | None = Field(
        None, max_length=50, description="The ways that are open, all of them anew."
    )
    evidence: tuple[Text, ...] | None = Field(
        None, max_length=100, description="What is known, and from where, all of it anew."
    )
    assumptions: tuple[Text, ...] | None = Field(
        None, max_length=100, description="What is taken for granted, all of it anew."
    )
    constraints: tuple[Text, ...] | None = Field(
        None, max_length=100, description="What has to be kept to, all of it anew."
    )
    expected: Text | None = Field(None, description="What is expected to come of it.")
    review_on: Day | None = Field(None, description="The day to look at it again.")
    tags: tuple[Slug, ...] | None = Field(None, max_length=50, description="Words to find it by, all of them anew.")


class DecisionRevised(Event):
    """The case of a decision not yet taken was changed; what is absent stayed."""

    title: Line | None = None
    decision: Text | None = None
    why: Text | None = None
    context: Text | None = None
    options: tuple[Option, ...] | None = None
    evidence: tuple[Text, ...] | None = None
    assumptions: tuple[Text, ...] | None = None
    constraints: tuple[Text, ...] | None = None
    expected: Text | None = None
    review_on: Day | None = None
    tags: tuple[Slug, ...] | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        for name, value in self.model_dump(mode="json", exclude_none=True).items():
            yield code(name, value) if name in ("review_on", "tags") else text(name, value)


# Advice ------------------------------------------------------------------------------------------------------------


class AdviseOnDecision(Command):
    """Give advice on a decision, by name."""

    type: Literal["AdviseOnDecision"] = "AdviseOnDecision"
    subject: DecisionId
    advice: Text = Field(description="The advice.")
    by: Person | None = Field(None, description="Whose advice it is; whoever's act it was, if silent.")


class AdviceGiven(Event):
    """Somebody gave advice on a decision."""

    by: Person
    advice: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield text(f"advice.{_key(self.by)}", self.advice)


class DissentFromDecision(Command):
    """Put a dissent on record, by name."""

    type: Literal["DissentFromDecision"] = "DissentFromDecision"
    subject: DecisionId
    reason: Text = Field(description="What speaks against it.")
    by: Person | None = Field(None, description="Whose dissent it is; whoever's act it was, if silent.")


class DissentRecorded(Event):
    """Somebody's dissent was put on record."""

    by: Person
    reason: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield text(f"dissent.{_key(self.by)}", self.reason)


# Taking ------------------------------------------------------------------------------------------------------------


class AcceptDecision(Command, Conclusion):
    """Take a proposed decision."""

    type: Literal["AcceptDecision"] = "AcceptDecision"
    subject: DecisionId
    deciders: tuple[Person, ...] = Field((), max_length=50, description="Who took it; whoever's act it was, if silent.")
    option: Line | None = Field(None, description="The title of the option chosen.")


class DecisionAccepted(Event, Conclusion):
    """A decision was taken."""

    deciders: Annotated[tuple[Person, ...], Field(min_length=1)]
    option: Line | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, ACCEPTED)
        yield refs("deciders", self.deciders)
        yield from texts({"decision": self.decision, "why": self.why, "option": self.option})


class RecordDecision(Command, Case):
    """Record a decision already taken, whole and at once."""

    type: Literal["RecordDecision"] = "RecordDecision"
    key: Key | None = Field(None, description="The key of the new decision; a random one if silent.")
    title: Line = Field(description="What it is about, in a line.")
    decision: Text = Field(description="What was decided.")
    why: Text = Field(description="The reason.")
    accountable: Holder = Field(description="Who answers for it.")
    deciders: tuple[Person, ...] = Field((), max_length=50, description="Who took it; whoever's act it was, if silent.")
    option: Line | None = Field(None, description="The title of the option chosen.")
    supersedes: tuple[DecisionId, ...] = Field((), max_length=50, description="Decisions in force that it replaces.")
    creates: ClassVar[str] = "decision"


class DecisionRecorded(Event, Case):
    """A decision already taken was recorded: what was decided, why, by whom, and who is accountable for it."""

    title: Line
    decision: Text
    why: Text
    accountable: Holder
    deciders: Annotated[tuple[Person, ...], Field(min_length=1)]
    option: Line | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code(STATUS, ACCEPTED)
        yield text("title", self.title)
        yield from _case_steps(self)
        yield from accountable_steps(self.accountable)
        yield refs("deciders", self.deciders)
        yield from texts({"decision": self.decision, "why": self.why, "option": self.option})


class RejectDecision(Command):
    """Turn a proposed decision down."""

    type: Literal["RejectDecision"] = "RejectDecision"
    subject: DecisionId
    why: Text = Field(description="The reason.")
    deciders: tuple[Person, ...] = Field(
        (), max_length=50, description="Who turned it down; whoever's act it was, if silent."
    )


class DecisionRejected(Event):
    """A proposed decision was turned down."""

    deciders: Annotated[tuple[Person, ...], Field(min_length=1)]
    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "rejected")
        yield refs("deciders", self.deciders)
        yield text("rejected_because", self.why)


class DeferDecision(Command):
    """Put a decision off until something happens."""

    type: Literal["DeferDecision"] = "DeferDecision"
    subject: DecisionId
    until: Text = Field(description="What it waits for.")
    revisit_on: Day | None = Field(None, description="The day to look at it again.")


class DecisionDeferred(Event):
    """A decision was put off until something happens."""

    until: Text
    revisit_on: Day | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "deferred")
        yield text("deferred_until", self.until)
        if self.revisit_on:
            yield code("review_on", self.revisit_on)


class WithdrawDecision(Command):
    """Take a proposal back."""

    type: Literal["WithdrawDecision"] = "WithdrawDecision"
    subject: DecisionId
    why: Text = Field(description="The reason.")


class DecisionWithdrawn(Event):
    """A proposal was taken back."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "withdrawn")
        yield text("withdrawn_because", self.why)


class ReopenDecision(Command):
    """Open a decision again: it is proposed once more."""

    type: Literal["ReopenDecision"] = "ReopenDecision"
    subject: DecisionId
    why: Text = Field(description="The reason.")


class DecisionReopened(Event):
    """A decision was opened again."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, PROPOSED)
        yield text("reopened_because", self.why)
        yield from (code(name, None) for name in ENDINGS)


# Afterwards --------------------------------------------------------------------------------------------------------


class SupersedeDecision(Command):
    """Replace a decision in force by one or several others in force."""

    type: Literal["SupersedeDecision"] = "SupersedeDecision"
    subject: DecisionId
    by: tuple[DecisionId, ...] = Field(min_length=1, max_length=50, description="The decisions that replace it.")


class DecisionSuperseded(Event):
    """A decision in force was replaced by others."""

    by: Annotated[tuple[DecisionId, ...], Field(min_length=1)]

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, SUPERSEDED)
        yield refs(SUPERSEDED_BY, self.by)


class ReverseDecision(Command):
    """Undo a decision in force without putting another in its place."""

    type: Literal["ReverseDecision"] = "ReverseDecision"
    subject: DecisionId
    why: Text = Field(description="The reason.")
    by: DecisionId | None = Field(None, description="The decision to reverse it, if there was one.")


class DecisionReversed(Event):
    """A decision in force was undone."""

    why: Text
    by: DecisionId | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(STATUS, "reversed")
        yield text("reversed_because", self.why)
        if self.by:
            yield ref("reversed_by", self.by)


class ConfirmDecision(Command):
    """Say with one's own credentials that one took the decision one is named for."""

    type: Literal["ConfirmDecision"] = "ConfirmDecision"
    subject: DecisionId


class DecisionConfirmed(Event):
    """A decider said with their own credentials that they took it."""

    by: Person

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(f"confirmed.{_key(self.by)}", True)


class RatifyDecision(Command):
    """Stand behind a decision that somebody took beyond their authority."""

    type: Literal["RatifyDecision"] = "RatifyDecision"
    subject: DecisionId
    why: Text | None = Field(None, description="The reason.")


class DecisionRatified(Event):
    """Somebody stood behind a decision taken beyond its decider's authority."""

    by: Person
    why: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(f"ratified.{_key(self.by)}", True)


class ReviewDecision(Command):
    """Look at a decision again: what came of it."""

    type: Literal["ReviewDecision"] = "ReviewDecision"
    subject: DecisionId
    outcome: Literal["better", "as-expected", "worse", "unclear"] = Field(
        description="How it turned out, against what was expected."
    )
    finding: Text = Field(description="What was found.")
    revisit_on: Day | None = Field(None, description="The day to look at it again.")


class DecisionReviewed(Event):
    """It was looked at what came of a decision."""

    outcome: Literal["better", "as-expected", "worse", "unclear"]
    finding: Text
    revisit_on: Day | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield code("review.outcome", self.outcome)
        yield text("review.finding", self.finding)
        yield code("review_on", self.revisit_on)


DecisionCommand = (
    ProposeDecision | ReviseDecision | AdviseOnDecision | DissentFromDecision | AcceptDecision | RecordDecision
    | RejectDecision | DeferDecision | WithdrawDecision | ReopenDecision | SupersedeDecision | ReverseDecision
    | ConfirmDecision | RatifyDecision | ReviewDecision
)  # fmt: skip


# Rules -------------------------------------------------------------------------------------------------------------


def decide(command: DecisionCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """What a command about a decision comes to.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    match command:
        case ProposeDecision():
            return _propose(command, context, subjects)
        case RecordDecision():
            return _record(command, context, subjects)
        case _:
            return _continue(command, context, subjects)


def _propose(command: ProposeDecision, context: CommandContext, subjects: Subjects) -> list[Draft]:
    subject = new_subject(command, subjects)
    case = {name: getattr(command, name) for name in (*Case.model_fields, *Conclusion.model_fields)}
    check_accountable(command.accountable, context, subjects)
    return [Draft(subject, DecisionProposed(title=command.title, accountable=command.accountable, **case))]


def _record(command: RecordDecision, context: CommandContext, subjects: Subjects) -> list[Draft]:
    subject = new_subject(command, subjects)
    deciders = command.deciders or (require_person(context, "deciders"),)
    check_accountable(command.accountable, context, subjects)
    given = {name: getattr(command, name) for name in DecisionRecorded.model_fields if name != "deciders"}
    drafts = [Draft(subject, DecisionRecorded(deciders=deciders, **given))]
    for old in command.supersedes:
        must_have_status(subjects[old], context, TAKEN, "be superseded", silent=PROPOSED)
        drafts.append(Draft(old, DecisionSuperseded(by=(subject,))))
    return drafts


def _continue(
    command: ReviseDecision | AdviseOnDecision | DissentFromDecision | AcceptDecision | RejectDecision | DeferDecision
    | WithdrawDecision | ReopenDecision | SupersedeDecision | ReverseDecision | ConfirmDecision | RatifyDecision
    | ReviewDecision,
    context: CommandContext, subjects: Subjects,
) -> list[Draft]:  # fmt: skip
    state = subjects[command.subject]

    def must_be(allowed: frozenset[str], to_do: str) -> None:
        must_have_status(state, context, allowed, to_do, silent=PROPOSED)

    event: Event
    match command:
        case ReviseDecision():
            must_be(OPEN, "be revised")
            given = {name: getattr(command, name) for name in DecisionRevised.model_fields}
            if all(value is None for value in given.values()):
                msg = f"nothing to revise: give at least one of {', '.join(given)}"
                raise NothingChanges(msg, field="title", subject=state.subject)
            event = DecisionRevised(**given)
        case AdviseOnDecision():
            must_be(OPEN, "be advised on")
            event = AdviceGiven(by=command.by or require_person(context, "by"), advice=command.advice)
        case DissentFromDecision():
            event = DissentRecorded(by=command.by or require_person(context, "by"), reason=command.reason)
        case AcceptDecision():
            must_be(OPEN, "be accepted")
            event = DecisionAccepted(
                deciders=command.deciders or (require_person(context, "deciders"),),
                decision=command.decision, why=command.why, option=command.option,
            )  # fmt: skip
        case RejectDecision():
            must_be(OPEN, "be rejected")
            event = DecisionRejected(
                deciders=command.deciders or (require_person(context, "deciders"),), why=command.why
            )
        case DeferDecision():
            must_be(OPEN, "be deferred")
            event = DecisionDeferred(until=command.until, revisit_on=command.revisit_on)
        case WithdrawDecision():
            must_be(OPEN, "be withdrawn")
            event = DecisionWithdrawn(why=command.why)
        case ReopenDecision():
            must_be(REOPENABLE, "be reopened")
            event = DecisionReopened(why=command.why)
        case SupersedeDecision():
            must_be(TAKEN, "be superseded")
            for successor in command.by:
                _may_supersede(state.subject, successor, context, subjects)
            event = DecisionSuperseded(by=command.by)
        case ReverseDecision():
            must_be(TAKEN, "be reversed")
            event = DecisionReversed(why=command.why, by=command.by)
        case ConfirmDecision():
            must_be(DECIDED, "be confirmed")
            event = DecisionConfirmed(by=_confirming(command, context, subjects))
        case RatifyDecision():
            must_be(TAKEN, "be ratified")
            event = DecisionRatified(by=require_person(context, "on_behalf_of"), why=command.why)
        case ReviewDecision():
            must_be(REVIEWABLE, "be reviewed")
            event = DecisionReviewed(outcome=command.outcome, finding=command.finding, revisit_on=command.revisit_on)
        case _:
            assert_never(command)
    return [Draft(state.subject, event)]


def _may_supersede(old: str, successor: str, context: CommandContext, subjects: Subjects) -> None:
    """A successor is in force, and does not itself go back to what it would replace."""
    if successor == old:
        msg = f"{old} cannot supersede itself"
        raise NotAllowed(msg, field="by", subject=old)
    status = subjects[successor].value_at(STATUS, context.now) or PROPOSED
    if status not in TAKEN:
        msg = f"{successor} is {status}; only a decision in force can supersede another"
        raise NotAllowed(msg, field="by", subject=successor)
    before, reached = [successor], {successor}
    while before:
        for later in subjects[before.pop()].subjects_at(SUPERSEDED_BY, context.now):
            if later == old:
                msg = f"{successor} is itself superseded by {old}"
                raise NotAllowed(msg, field="by", subject=successor)
            if later not in reached:
                reached.add(later)
                before.append(later)


def _confirming(command: ConfirmDecision, context: CommandContext, subjects: Subjects) -> str:
    state = subjects[command.subject]
    one = subjects.canonical_id(context.actor)
    if one != subjects.canonical_id(context.principal):
        msg = "a decision is confirmed with one's own credentials, so leave `on_behalf_of` out"
        raise NotAllowed(msg, field="on_behalf_of", subject=state.subject)
    if one not in subjects.canonical_ids(state.subjects_at("deciders", context.now)):
        msg = f"{context.actor} is not named as a decider of {state.subject}"
        raise NotAllowed(msg, field="subject", subject=state.subject)
    mine = (
        name
        for name in state.field_names("confirmed.")
        if subjects.canonical_id(f"person:{name.partition('.')[2]}") == one
    )
    named, confirmed = state.row_at("deciders", context.now), [state.row_at(name, context.now) for name in mine]
    # What was confirmed is the taking: one that was reopened and taken again waits to be confirmed anew.
    if named and any(row and row.position > named.position for row in confirmed):
        msg = f"{context.actor} has confirmed {state.subject} already"
        raise NothingChanges(msg, field="subject", subject=state.subject)
    return context.actor


def _key(person: str) -> str:
    return person.partition(":")[2]
