"""What the authority of a decision is judged by: its products, kind and cost, and who decided, approved and dissented.

`domain.authority` judges a `Question`; the functions here build the questions for decisions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from domain.authority import Question, Stance
from domain.decision_messages import DEFAULT_KIND, IN_FORCE, RecordDecision
from domain.delegation import Basis, find_basis
from domain.fields import STATUS, EventSummary, Subjects, SubjectState, Value
from domain.ids import key_of
from domain.judgment import Judgment, Verdict
from domain.messages import CommandContext
from domain.money import CURRENCIES, Cost
from domain.values import MAX_INTEGER


def build_recorded_questions(
    command: RecordDecision, deciders: tuple[str, ...], context: CommandContext, subjects: Subjects
) -> list[Question]:
    """Return what to judge when a decision is recorded, with what remains of it if the command corrects its first entry."""
    question = Question(
        products=command.products,
        kind=command.kind,
        cost=command.cost,
        deciders=tuple([Stance(one, find_basis(one, context, subjects)) for one in deciders]),
        proposer=context.principal,
        delegation=context.delegation,
    )
    remaining = subjects[command.subject_id()]
    if not remaining.version:
        return [question]
    products = _find_products(remaining, context.effective_at, context.now)
    costs = dict.fromkeys(filter(None, (command.cost, *_find_costs(remaining, context)))) or (None,)
    return [
        question._replace(products=tuple(dict.fromkeys((*command.products, *products))), cost=cost) for cost in costs
    ]


def build_questions(
    state: SubjectState, deciders: tuple[str, ...], context: CommandContext, subjects: Subjects
) -> list[Question]:
    """Return what to judge when an open decision is accepted or rejected: one question for each cost it states."""
    question = build_question(state, deciders, context, subjects)
    return [question._replace(cost=cost) for cost in _find_costs(state, context)]


def build_question(
    state: SubjectState, deciders: tuple[str, ...], context: CommandContext, subjects: Subjects
) -> Question:
    """Return what to judge when an open decision is accepted or rejected, with the cost it states at the effective time."""
    approvals, others = find_stances(state, context.effective_at)
    confirmed = {subjects.canonical_id(each.person) for each in approvals if each.basis != "claimed"}
    proposer = state.value_at("proposed_by", context.now)
    return Question(
        products=_find_products(state, context.effective_at, context.now),
        kind=find_kind(state, context.effective_at),
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


def build_ratification(state: SubjectState, person: str, context: CommandContext, subjects: Subjects) -> Question:
    """Return what to judge when a decision is ratified: whether the person could have decided it alone, by now."""
    question = build_question(state, (person,), context, subjects)
    deciders = subjects.canonical_ids(state.subjects_at("deciders", context.now))
    is_own = subjects.canonical_id(person) in deciders
    return question._replace(needs_support_for=frozenset(), approvers=(), proposer=person if is_own else None)


def build_ending(
    state: SubjectState,
    deciders: tuple[str, ...],
    successors: Iterable[str],
    context: CommandContext,
    subjects: Subjects,
) -> Question:
    """Return what to judge when an accepted decision is superseded or reversed: what was judged when it was made.

    Its own approvals were for making it, so they do not count; those of the decisions that replace it do.
    """
    products = _find_products(state, context.effective_at, context.now)
    approvals, others = _find_support(products, successors, subjects, context.effective_at)
    return Question(
        products=products,
        kind=find_kind(state, context.effective_at),
        cost=find_cost(state, context.effective_at),
        deciders=tuple(Stance(one, find_basis(one, context, subjects)) for one in deciders),
        approvers=approvals,
        others=others,
        delegation=context.delegation,
    )


def _find_support(
    products: Iterable[str], successors: Iterable[str], subjects: Subjects, at: int, before: int = MAX_INTEGER
) -> tuple[tuple[Stance, ...], tuple[Stance, ...]]:
    """Return who approved, and who else took part in, the accepted decisions that end one about the same products."""
    approvals: list[Stance] = []
    others: list[Stance] = []
    for successor in map(subjects.__getitem__, successors):
        if successor.value_at(STATUS, at) in IN_FORCE and set(products) <= set(successor.subjects_at("products", at)):
            approved, took_part = find_stances(successor, at, before)
            approvals += approved
            others += took_part
    return tuple(approvals), tuple(others)


def _find_products(state: SubjectState, since: int, until: int) -> tuple[str, ...]:
    """Return all products that a decision is about from one time to another.

    A decision that takes effect before its products changed is about those it had, and about those it has then.
    """
    times = _find_times(state, "products", since, until)
    return tuple(dict.fromkeys(product for at in times for product in state.subjects_at("products", at)))


def _find_times(state: SubjectState, field: str, since: int, until: int) -> list[int]:
    """Return one time, and those after it up to another one at which a field may change."""
    return [since, *(row.valid_from for row in state.rows.get(field, ()) if since < row.valid_from <= until)]


def _find_costs(state: SubjectState, context: CommandContext) -> Iterable[Cost | None]:
    """Return each cost that a decision states from the time a command takes effect."""
    times = _find_times(state, "cost", context.effective_at, context.now)
    return dict.fromkeys(find_cost(state, at) for at in times)


def find_kind(state: SubjectState, at: int) -> str:
    """Return the kind of a decision at a time."""
    return str(state.value_at("kind", at) or DEFAULT_KIND)


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
    until: int,
    needs_support_for: frozenset[str] | None,
    successors: Collection[str] | None = None,
) -> Question:
    """Return what to judge when the event at a position is judged again, with everything in `subjects`.

    `until` is when the event was recorded. The deciders are as recorded; a claim counts as confirmed if the decider has
    confirmed it since. With `successors`, even with none, the decision was superseded or reversed, and only the approvals
    of its successors count.
    """
    products = _find_products(state, at, until)
    approvals, others = (
        find_stances(state, at, position)
        if successors is None
        else _find_support(products, successors, subjects, at, position)
    )
    return Question(
        products=products,
        kind=find_kind(state, at),
        cost=find_cost(state, at),
        deciders=tuple(
            Stance(each.decider, "confirmed" if find_confirmation(state, each, position) else each.basis)
            for each in judgment.verdicts
        ),
        approvers=approvals,
        others=others,
        delegation=judgment.delegation,
        needs_support_for=needs_support_for,
    )


def find_confirmation(state: SubjectState, verdict: Verdict, position: int) -> int | None:
    """Return the position at which a decider confirmed the claim that an event at another position made."""
    row = state.latest_row(f"confirmed.{key_of(verdict.decider)}")
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
