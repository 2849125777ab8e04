"""The rules of decisions: what each command about a decision requires, and the events that it becomes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, assert_never

from domain import authority, decision_rights
from domain.authority_questions import (
    build_ending,
    build_questions,
    build_ratification,
    build_recorded_questions,
    find_kind,
    find_stances,
)
from domain.decision_messages import (
    DECIDED,
    ENDED_BY,
    IN_FORCE,
    OPEN,
    PROPOSED,
    REOPENABLE,
    REVIEWABLE,
    SUPERSEDED_BY,
    AbstainFromDecision,
    AbstentionRecorded,
    AcceptDecision,
    AdviceGiven,
    AdviseOnDecision,
    ApproveDecision,
    CheckConstraint,
    ChoiceJudged,
    ConfirmDecision,
    ConstraintChecked,
    DecisionAccepted,
    DecisionApproved,
    DecisionCommand,
    DecisionConfirmed,
    DecisionDeferred,
    DecisionLinked,
    DecisionProposed,
    DecisionRatified,
    DecisionRecorded,
    DecisionRejected,
    DecisionReopened,
    DecisionReversed,
    DecisionReviewed,
    DecisionRevised,
    DecisionSuperseded,
    DecisionWithdrawn,
    DeferDecision,
    DissentFromDecision,
    DissentRecorded,
    ExistingDecisionCommand,
    JudgeChoice,
    LinkDecision,
    Option,
    ProposeDecision,
    RatifyDecision,
    ReasoningReviewed,
    RecordDecision,
    RejectDecision,
    ReopenDecision,
    ReverseDecision,
    ReviewDecision,
    ReviewReasoning,
    ReviseDecision,
    RiskFinding,
    SupersedeDecision,
    WithdrawDecision,
)
from domain.delegation import Basis, find_basis, is_claim
from domain.errors import Forbidden, Malformed, NotAllowed, NothingChanges
from domain.fields import STATUS, Subjects, SubjectState
from domain.guards import new_subject_id, require_person, require_status, revised_values
from domain.ids import key_of
from domain.messages import Command, CommandContext, Draft, Event, derive
from domain.ownership import require_active_holder
from domain.values import format_micros, kind_of


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
        case CheckConstraint():
            return [_check_constraint(command, context, subjects)]
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
    questions = build_recorded_questions(command, deciders, context, subjects)
    judgment = authority.require_authority(questions, subjects, context)
    drafts = [Draft(subject, derive(DecisionRecorded, command, deciders=deciders, authority=judgment))]
    for superseded in command.supersedes:
        require_status(subjects[superseded], context, IN_FORCE, "be superseded", default=PROPOSED)
        ending = build_ending(subjects[superseded], deciders, (), context, subjects)
        judged = authority.require_authority([ending], subjects, context)
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
            for each in successors:
                _require_accepted(state.subject, each, REVIEWABLE, "reverse", context, subjects)
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


def _check_constraint(command: CheckConstraint, context: CommandContext, subjects: Subjects) -> Draft:
    state = subjects[command.subject]
    event = derive(
        ConstraintChecked,
        command,
        options_position=_require_listed(state, "option", command.option_number, context),
        constraints_position=_require_listed(state, "constraint", command.constraint_number, context),
        by=require_person(context, "on_behalf_of"),
    )
    return Draft(command.subject, event)


def _require_listed(state: SubjectState, name: str, number: int, context: CommandContext) -> int:
    """Return the position of the event that set the list of options or constraints, if it has this number.

    Raises:
        NotAllowed: the list is shorter.
    """
    listed = state.row_at(f"{name}s", context.effective_at)
    count = len(listed.value) if listed and isinstance(listed.value, list) else 0
    if listed is None or number > count:
        has = f"has {count} {name}{'' if count == 1 else 's'}" if count else f"has no {name}s"
        raise NotAllowed(
            f"{state.subject} {has}; name one by its number, from 1", field=f"{name}_number", subject=state.subject
        )
    return listed.position


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
                f"there is nothing to wait for: {awaited} is already recorded, settled or decided",
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
    return DecisionRevised(**revised_values(command, tuple(DecisionRevised.model_fields), "title"))


def _dissent(command: DissentFromDecision, context: CommandContext, subjects: Subjects) -> Event:
    by = command.by or require_person(context, "by")
    return DissentRecorded(by=by, why=command.why, is_claim=is_claim(by, context, subjects))


def _accept(command: AcceptDecision, context: CommandContext, subjects: Subjects) -> Event:
    deciders = command.deciders or (require_person(context, "deciders"),)
    questions = build_questions(subjects[command.subject], deciders, context, subjects)
    return DecisionAccepted(
        deciders=deciders,
        decision=command.decision,
        why=command.why,
        option=command.option,
        authority=authority.require_authority(questions, subjects, context),
    )


def _reject(command: RejectDecision, context: CommandContext, subjects: Subjects) -> Event:
    deciders = command.deciders or (require_person(context, "deciders"),)
    questions = build_questions(subjects[command.subject], deciders, context, subjects)
    alone = [question._replace(needs_support_for=frozenset()) for question in questions]
    judgment = authority.require_authority(alone, subjects, context)
    return DecisionRejected(deciders=deciders, why=command.why, authority=judgment)


def _ratify(command: RatifyDecision, context: CommandContext, subjects: Subjects) -> Event:
    by = require_person(context, "on_behalf_of")
    question = build_ratification(subjects[command.subject], by, context, subjects)
    judgment = authority.require_authority([question], subjects, context)
    return DecisionRatified(by=by, why=command.why, authority=judgment)


def _reopen(command: ReopenDecision, context: CommandContext, subjects: Subjects) -> Event:
    """Reopening an accepted decision ends it, so it is judged like a rejection; other decisions are not in force."""
    state = subjects[command.subject]
    if state.value_at(STATUS, context.now) not in IN_FORCE:
        return DecisionReopened(why=command.why)
    question = build_ending(state, (require_person(context, "on_behalf_of"),), (), context, subjects)
    judgment = authority.require_authority([question._replace(needs_support_for=frozenset())], subjects, context)
    return DecisionReopened(why=command.why, authority=judgment)


def _judge_ending(
    command: SupersedeDecision | ReverseDecision,
    successors: Iterable[str],
    context: CommandContext,
    subjects: Subjects,
) -> dict[str, Any]:
    """Return who ends an accepted decision, and whether they are entitled to."""
    deciders = command.deciders or (require_person(context, "deciders"),)
    question = build_ending(subjects[command.subject], deciders, successors, context, subjects)
    return {"deciders": deciders, "authority": authority.require_authority([question], subjects, context)}


def _review(command: ReviewDecision, context: CommandContext, subjects: Subjects) -> Event:
    by = _find_reviewers(command, context)
    _require_independent_reviewer(command.subject, by, context, subjects)
    return derive(DecisionReviewed, command, by=by)


def _find_reviewers(command: ReviewReasoning | ReviewDecision, context: CommandContext) -> tuple[str, ...]:
    """Return who reviews; a service that names no person cannot review."""
    own = (context.principal,) if kind_of(context.principal) == "person" else ()
    return command.reviewers or own


def _require_independent_reviewer(
    decision: str, reviewers: Iterable[str], context: CommandContext, subjects: Subjects
) -> None:
    """Where the decision rights of a product ask for it, a person who did not decide reviews with their credentials."""
    state = subjects[decision]
    kind = find_kind(state, context.now)
    products = state.subjects_at("products", context.now)
    asking = decision_rights.find_review_rule(products, kind, subjects, context.now)
    if asking is None:
        return
    deciders = subjects.canonical_ids(state.subjects_at("deciders", context.now))
    own = (one for one in reviewers if find_basis(one, context, subjects) != "claimed")
    if all(subjects.canonical_id(one) in deciders for one in own):
        raise Forbidden(
            f"the decision rights of {asking} require that the result of {kind} decisions be reviewed by a person who "
            "did not decide them, with that person's own credentials",
            field="reviewers",
            subject=decision,
        )


def _take_stance(
    name: str, command: ApproveDecision | AbstainFromDecision, context: CommandContext, subjects: Subjects
) -> tuple[str, Basis]:
    """Return who takes a stance, and what shows that they do; it must not be theirs already on the same basis."""
    state = subjects[command.subject]
    person = command.by or require_person(context, "by")
    basis = find_basis(person, context, subjects)
    row = state.row_at(f"{name}.{key_of(person)}", context.now)
    current = {stance.position for stances in find_stances(state, context.now) for stance in stances}
    if row and row.position in current and row.value in (basis, "own"):
        raise NothingChanges(
            f"this {name} of {person} is already recorded at position {row.position}",
            field="subject",
            subject=state.subject,
        )
    return person, basis


def _require_accepted(
    old: str, other: str, allowed: frozenset[str], action: str, context: CommandContext, subjects: Subjects
) -> None:
    """What ends a decision is another one, with a status that shows that it was accepted."""
    if other == old:
        raise NotAllowed(f"{old} cannot {action} itself", field="by", subject=old)
    status = subjects[other].value_at(STATUS, context.now) or PROPOSED
    if status not in allowed:
        raise NotAllowed(
            f"{other} is {status}; only an accepted decision can {action} another", field="by", subject=other
        )


def _require_valid_successor(old: str, successor: str, context: CommandContext, subjects: Subjects) -> None:
    """A successor is in force, and was not itself superseded, directly or indirectly, by the decision it replaces."""
    _require_accepted(old, successor, IN_FORCE, "supersede", context, subjects)
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
        raise Forbidden(
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
