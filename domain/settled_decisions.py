"""Changes to settled decisions that are not decisions themselves: to their products, and removing, restoring or voiding.

A settled decision was accepted or rejected, and may have been superseded or reversed since. Whose right it was to decide
follows from its products, kind and cost. So what changes them, or takes a settled decision off the record or puts it back,
takes the authority to make the decision: for all products that it had, and for all that it has then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from domain import authority
from domain.authority import Question, Stance
from domain.authority_questions import find_cost, find_kind, find_stances
from domain.decision_messages import DECIDED
from domain.delegation import find_basis
from domain.fields import EXISTS, STATUS, Subjects, SubjectState, evolve
from domain.guards import require_person
from domain.judgment import Judgment
from domain.messages import CommandContext, Draft
from domain.money import Cost
from domain.values import kind_of

_FIELDS: Final = (EXISTS, STATUS, "products", "kind", "cost")
"""The fields that say whether a decision is settled, and whose right it was to decide."""


class _Settled(NamedTuple):
    """What a settled decision is about."""

    status: str
    products: tuple[str, ...]
    kind: str
    cost: Cost | None


def judge_change(draft: Draft, context: CommandContext, subjects: Subjects) -> Judgment | None:
    """Return the judgment on the person who changes a settled decision; None if the event changes none.

    What stays in force needs the support that its rules require, to which its own approvals count; to take a decision off
    the record, one entitled person is enough, as for reopening. A service decides nothing, so it makes such changes only
    where no decision rights apply.

    Raises:
        Forbidden: decision rights that are enforced forbid it.
        NotAllowed: a service acts on its own behalf, and decision rights apply.
    """
    if kind_of(draft.subject) != "decision":
        return None
    questions = _build_questions(draft, context, subjects)
    if not questions:
        return None
    if kind_of(context.principal) != "person" and not authority.are_limited(questions, subjects, context):
        return None
    person = require_person(context, "on_behalf_of")
    decider = Stance(person, find_basis(person, context, subjects))
    return authority.require_authority([each._replace(deciders=(decider,)) for each in questions], subjects, context)


def _build_questions(draft: Draft, context: CommandContext, subjects: Subjects) -> list[Question]:
    """Return what to judge, without the decider: a question for each kind and cost."""
    before = subjects[draft.subject]
    after = evolve(
        before,
        position=before.position + 1,
        type_="",
        effective_at=context.effective_at,
        changes=draft.event.field_changes(),
        voids=draft.event.voided_position(),
        is_imported=False,
    )
    changes = list(_find_changes(before, after, context.now))
    products: dict[tuple[str, Cost | None], dict[str, None]] = {}
    for settled in (each for change in changes for each in change if each):
        products.setdefault((settled.kind, settled.cost), {}).update(dict.fromkeys(settled.products))
    approvals, others = find_stances(before, context.effective_at)
    return [
        Question(
            products=tuple(listed),
            kind=kind,
            cost=cost,
            deciders=(),
            approvers=approvals,
            others=others,
            delegation=context.delegation,
            needs_support=any(settled is not None for _, settled in changes),
        )
        for (kind, cost), listed in products.items()
    ]


def _find_changes(
    before: SubjectState, after: SubjectState, now: int
) -> Iterator[tuple[_Settled | None, _Settled | None]]:
    """Yield what a settled decision was about before and after a change, for each time at which the two differ."""
    times = {row.valid_from for state in (before, after) for name in _FIELDS for row in state.rows.get(name, ())}
    for at in sorted(time for time in times if time <= now):
        change = _find_settled(before, at), _find_settled(after, at)
        if change[0] != change[1]:
            yield change


def _find_settled(state: SubjectState, at: int) -> _Settled | None:
    """Return what a decision is about at a time; None if it is not settled then."""
    status = state.value_at(STATUS, at)
    if status not in DECIDED or not state.exists_at(at):
        return None
    return _Settled(str(status), state.subjects_at("products", at), find_kind(state, at), find_cost(state, at))


def is_settled(state: SubjectState, at: int) -> bool:
    """Return whether a decision is on the record as accepted or rejected at a time, or as ended since."""
    return _find_settled(state, at) is not None
