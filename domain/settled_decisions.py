"""Changes to settled decisions that are not decisions themselves: to their products, and removing, restoring or voiding.

A settled decision was accepted or rejected, and may have been superseded or reversed since. Whose right it was to decide
follows from its products, kind and cost. So what changes them, or takes a settled decision off the record or puts it back,
takes the authority to make the decision: for all products that it had, and for all that it has then. One entitled person
is enough, except where the change newly puts the decision under the rules of a product.
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
    """What a settled decision is about, also if it is removed."""

    status: str
    products: tuple[str, ...]
    kind: str
    cost: Cost | None
    exists: bool

    def is_about_same(self, other: _Settled) -> bool:
        """Return whether the status, kind and cost are the same."""
        return (self.status, self.kind, self.cost) == (other.status, other.kind, other.cost)


def judge_change(draft: Draft, context: CommandContext, subjects: Subjects) -> Judgment | None:
    """Return the judgment on the person who changes a settled decision; None if the event changes none.

    What newly comes under the rules of a product needs the support that they require, to which the decision's own approvals
    count. For all else one entitled person is enough, as for reopening. A service decides nothing, so it makes such changes
    only where no decision rights apply.

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
    products: dict[tuple[str, Cost | None], dict[str, None]] = {}
    for settled in (each for change in _find_changes(before, after, context.now) for each in change if each):
        products.setdefault((settled.kind, settled.cost), {}).update(dict.fromkeys(settled.products))
    approvals, others = find_stances(after, context.effective_at)
    is_void = draft.event.voided_position() is not None
    newly_ruled = find_newly_ruled(before, after, context.now, is_void=is_void)
    return [
        Question(
            products=tuple(listed),
            kind=kind,
            cost=cost,
            deciders=(),
            approvers=approvals,
            others=others,
            delegation=context.delegation,
            needs_support_for=newly_ruled,
        )
        for (kind, cost), listed in products.items()
    ]


def find_newly_ruled(before: SubjectState, after: SubjectState, now: int, *, is_void: bool) -> frozenset[str]:
    """Return the products under whose rules a change newly puts a settled decision.

    These are all its products if it is settled by the change, or has another status, kind or cost then. Otherwise they are
    those that it did not have just before, removed or not; or, if the change voids an entry, that it never had while it was
    settled. A decision that exceeds, and is not ratified, newly comes under the rules of all products to which it is
    assigned: else assigning it would be enough to ratify it.
    """
    exceeds = before.value_at("authority", now) == "exceeds" and before.value_at("ratification", now) != "within"
    earlier = [_find_settled(before, at) for at in _find_times(now, before)] if is_void else []
    products: set[str] = set()
    for old, new in _find_changes(before, after, now):
        if new is None:
            continue
        known = [each for each in (old, *earlier) if each and each.is_about_same(new)]
        is_assigned = old is not None and old.products != new.products and not is_void
        if old not in known or (is_assigned and exceeds):
            known = []
        products |= set(new.products).difference(*(each.products for each in known))
    return frozenset(products)


def _find_changes(
    before: SubjectState, after: SubjectState, now: int
) -> Iterator[tuple[_Settled | None, _Settled | None]]:
    """Yield what a settled decision was about before and after a change, for each time at which the two differ."""
    for at in _find_times(now, before, after):
        change = _find_settled(before, at), _find_settled(after, at)
        if change[0] != change[1]:
            yield change


def _find_times(now: int, *states: SubjectState) -> list[int]:
    """Return the times until now at which what a settled decision is about can change in some states, in order."""
    times = {row.valid_from for state in states for name in _FIELDS for row in state.rows.get(name, ())}
    return sorted(time for time in times if time <= now)


def _find_settled(state: SubjectState, at: int) -> _Settled | None:
    """Return what a decision is about at a time, also if it is removed; None if it is not settled then."""
    status = state.value_at(STATUS, at)
    if status not in DECIDED:
        return None
    products = state.subjects_at("products", at)
    return _Settled(str(status), products, find_kind(state, at), find_cost(state, at), state.exists_at(at))
