"""Authority: whether people were entitled to make a decision, by the decision rights of its products.

Each rule of the decision rights (`domain.decision_rights`) says for which kinds of decision and up to which cost a
person may decide (named people and teams, or the holders of roles), how many people have to support a decision, and
whether the log only records what exceeds the rule or refuses it. Rules for the same kind of decision are alternatives:
meeting one of them is enough.

`judge` compares a decision with the rights, roles and delegations in force when it took effect, and returns the verdict
on each decider as a `domain.judgment`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from domain.decision_rights import DecisionRule, Rights, find_rights
from domain.delegation import Basis
from domain.errors import Forbidden
from domain.fields import STATUS, FieldRow, Subjects, Value
from domain.judgment import RANKS, Finding, Flag, Judgment, Reason, Verdict
from domain.judgment_explanation import explain_reason
from domain.messages import CommandContext
from domain.money import Cost
from domain.ownership import DELEGATION_PREFIX, MEMBER_FIELDS
from domain.people import INACTIVE_STATUSES
from domain.roles import iterate_lines
from domain.values import kind_of


class Stance(NamedTuple):
    """The part of a person in a decision. `position` is that of their approval, abstention or dissent; None for deciders."""

    person: str
    basis: Basis
    position: int | None = None


class Question(NamedTuple):
    """A decision to judge: what it is about, who supports it, and who took part otherwise."""

    products: tuple[str, ...]
    kind: str
    cost: Cost | None
    deciders: tuple[Stance, ...]
    approvers: tuple[Stance, ...] = ()
    others: tuple[Stance, ...] = ()
    proposer: str | None = None
    delegation: int | None = None
    needs_support_for: frozenset[str] | None = None
    """The products whose rules apply with the approvals and the quorum that they require; None for all.

    For the others one entitled person is enough: to reject, for all of them.
    """

    def needs_support(self, product: str) -> bool:
        """Return whether the approvals and the quorum that a rule of a product requires apply."""
        return self.needs_support_for is None or product in self.needs_support_for


class _Entitlement(NamedTuple):
    """By what a rule entitles a person or team."""

    holder: str
    role: str | None = None
    role_of: str | None = None
    delegation: int | None = None
    cost_limit: Cost | None = None
    rests_on: tuple[int, ...] = ()


def judge(question: Question, subjects: Subjects, at: int, *, now: int | None = None) -> Judgment:
    """Return the verdicts on the deciders of a decision that takes effect at `at` and is recorded at `now`.

    Times are in microseconds since 1970. Only what `subjects` contain is known: everything recorded so far.
    """
    judges = _build_judges(question, subjects, at)
    if not judges:
        return _judge_without_rules(question.deciders, question.delegation)
    counted = (stance.position for stance in question.approvers if stance.position is not None)
    return Judgment(
        verdicts=tuple(
            _combine(decider, [each.judge(decider) for each in judges], _find_flags(question, subjects, at, now))
            for decider in question.deciders
        ),
        kind=question.kind,
        cost=question.cost,
        delegation=question.delegation,
        approvals=tuple(sorted(counted)) if any(map(question.needs_support, question.products)) else (),
    )


@lru_cache(1024)  # most decisions have no rule, and the same few deciders
def _judge_without_rules(deciders: tuple[Stance, ...], delegation: int | None) -> Judgment:
    verdicts = (Verdict(decider=each.person, verdict="no_rule", basis=each.basis) for each in deciders)
    return Judgment(verdicts=tuple(verdicts), delegation=delegation)


def _build_judges(question: Question, subjects: Subjects, at: int) -> list[_ProductJudge]:
    """Return a judge for each product that has a rule for this kind of decision."""
    if not question.products:
        return []
    found = ((product, find_rights(product, subjects, at)) for product in question.products)
    judges = [_ProductJudge(question, product, rights, subjects, at) for product, rights in found if rights]
    return [judge for judge in judges if judge.rules]


def _combine(decider: Stance, findings: Sequence[Finding], flags: tuple[Flag, ...]) -> Verdict:
    verdict = max((finding.verdict for finding in findings), key=RANKS.index)
    return Verdict(decider=decider.person, verdict=verdict, basis=decider.basis, flags=flags, findings=tuple(findings))


def _find_flags(question: Question, subjects: Subjects, at: int, now: int | None) -> tuple[Flag, ...]:
    flags: list[Flag] = []
    supporters = {subjects.canonical_id(each.person) for each in (*question.deciders, *question.approvers)}
    if question.proposer and supporters == {subjects.canonical_id(question.proposer)}:
        flags.append("self_approved")
    if now is not None and at < now:
        flags.append("backdated")
    return tuple(flags)


def require_authority(questions: Iterable[Question], subjects: Subjects, context: CommandContext) -> Judgment:
    """Return the judgment of a decision, if no decision rights that are enforced forbid it.

    Enforced rights count only what people did with their own credentials or with their delegation, and must be met both
    when the decision takes effect and when it is recorded, so that backdating cannot revive a right. There are several
    questions where the cost differs between these two times; the judgment that needs most attention is returned.

    Raises:
        Forbidden: no rule is met, and one of them is enforced.
    """
    judgments = [_require_authority(question, subjects, context) for question in questions]
    return max(judgments, key=lambda judgment: RANKS.index(judgment.verdict))


def _require_authority(question: Question, subjects: Subjects, context: CommandContext) -> Judgment:
    judgment = judge(question, subjects, context.effective_at, now=context.now)
    if judgment.verdict != "no_rule" or context.effective_at < context.now:
        for at in dict.fromkeys((context.effective_at, context.now)):
            for each in _build_judges(question, subjects, at):
                each.require_met()
    return judgment


def are_limited(questions: Iterable[Question], subjects: Subjects, context: CommandContext) -> bool:
    """Return whether decision rights apply to one of the questions, when it takes effect or when it is recorded."""
    times = dict.fromkeys((context.effective_at, context.now))
    return any(_build_judges(question, subjects, at) for question in questions for at in times)


class _ProductJudge:
    """Judges the deciders of a decision by the decision rights of one of its products."""

    def __init__(self, question: Question, product: str, rights: Rights, subjects: Subjects, at: int) -> None:
        self.question, self.product, self.rights, self.subjects, self.at = question, product, rights, subjects, at
        self.rules = [
            (number, rule)
            for number, rule in enumerate(rights.rules, start=1)
            if not rule.kinds or question.kind in rule.kinds
        ]

    def judge(self, decider: Stance) -> Finding:
        """Return what the rules say of a decider: the finding that helps most."""
        findings = (self._apply(number, rule, decider) for number, rule in self.rules)
        return min(findings, key=lambda finding: (_HELPFUL.index(finding.reason), finding.rule))

    def iterate_candidates(self) -> Iterator[Candidate]:
        """Yield all whom a rule entitles, by themselves or by a delegation."""
        for number, rule in self.rules:
            entitlements = list(self._iterate_entitlements(rule))
            for entitlement in entitlements:
                yield self._build_candidate(number, rule, entitlement, entitlement.holder)
            for row, value in self._delegations():
                delegator = None if value.get("is_claim") else self._find_delegator(entitlements, value)
                if delegator is not None:
                    entitlement = _delegate_entitlement(delegator, row, value)
                    yield self._build_candidate(number, rule, entitlement, str(value["to"]))

    def _build_candidate(self, number: int, rule: DecisionRule, entitlement: _Entitlement, holder: str) -> Candidate:
        reason = _check_limits(self.question.cost, (entitlement.cost_limit, rule.cost_limit)) or "entitled"
        reason = "left" if self._has_left(holder) else reason
        members = [one for _, group in self._memberships(holder) for one in group if not self._has_left(one)]
        tally = {"approvals": rule.approvals, "quorum": rule.quorum}
        return Candidate(
            holder, self.subjects.canonical_ids(members), self._build_finding(number, rule, entitlement, reason, tally)
        )

    def require_met(self) -> None:
        """Check that a rule is met by what people did themselves, if one of the rules is enforced.

        Raises:
            Forbidden: none is.
        """
        if all(rule.mode == "record" for _, rule in self.rules):
            return
        own = [stance for stance in self.question.deciders if stance.basis != "claimed"]
        findings = [self._apply(number, rule, one, enforced=True) for number, rule in self.rules for one in own]
        if any(finding.verdict == "within" for finding in findings):
            return
        best = min(findings, key=lambda finding: (_HELPFUL.index(finding.reason), finding.rule), default=None)
        raise Forbidden(self._explain_refusal(best), field="deciders", subject=self.product)

    def _explain_refusal(self, finding: Finding | None) -> str:
        start = (
            f"the decision rights of {self.rights.product} (position {self.rights.position}) are enforced for "
            f"{self.question.kind} decisions on {self.product}"
        )
        if finding is None:
            return f"{start}: a decider has to accept it with their own credentials"
        return f"{start}: {explain_reason(finding, self.question.cost)}"

    def _apply(self, number: int, rule: DecisionRule, decider: Stance, *, enforced: bool = False) -> Finding:
        """Return what one rule says of a decider."""
        entitlement, doubt = self._find_entitlement(rule, decider.person)
        reason, tally = doubt, {}
        if entitlement is not None:
            tally = self._count(rule, enforced=enforced)
            reason = _check_limits(self.question.cost, (entitlement.cost_limit, rule.cost_limit)) or _check_tally(tally)
        elif doubt == "members_unknown" and _check_limits(self.question.cost, (rule.cost_limit,)) == "over_limit":
            reason = "not_entitled"
        return self._build_finding(number, rule, entitlement or _Entitlement(""), reason, tally)

    def _build_finding(
        self, number: int, rule: DecisionRule, entitlement: _Entitlement, reason: Reason, tally: dict[str, int]
    ) -> Finding:
        return Finding(
            product=self.product,
            rights_of=self.rights.product,
            rights=self.rights.position,
            verdict=_VERDICTS[reason],
            reason=reason,
            rule=0 if reason == "not_entitled" else number,
            mode=rule.mode,
            holder=entitlement.holder or None,
            role=entitlement.role,
            role_of=entitlement.role_of,
            delegation=entitlement.delegation,
            cost_limit=_smallest(self.question.cost, (entitlement.cost_limit, rule.cost_limit)),
            **tally,
            rests_on=tuple(sorted({self.rights.position, *self.rights.lines, *entitlement.rests_on})),
        )

    def _count(self, rule: DecisionRule, *, enforced: bool) -> dict[str, int]:
        """Count who of the people entitled by a rule support the decision, and who took part in it."""
        question = self.question
        if not question.needs_support(self.product):
            return {"support": 1, "participation": 1}
        supporters = self._find_entitled(rule, (*question.deciders, *question.approvers), enforced=enforced)
        participants = supporters | self._find_entitled(rule, question.others, enforced=enforced)
        return {
            "approvals": rule.approvals,
            "support": len(supporters),
            "quorum": rule.quorum,
            "participation": len(participants),
        }

    def _find_entitled(self, rule: DecisionRule, stances: Iterable[Stance], *, enforced: bool) -> set[str]:
        return {
            self.subjects.canonical_id(stance.person)
            for stance in stances
            if not (enforced and stance.basis == "claimed") and self._covers(rule, stance.person)
        }

    def _covers(self, rule: DecisionRule, person: str) -> bool:
        """Whether a rule entitles a person; a delegation also has to cover the cost."""
        entitlement, _ = self._find_entitlement(rule, person)
        return entitlement is not None and _check_limits(self.question.cost, (entitlement.cost_limit,)) is None

    # By what a person is entitled

    def _find_entitlement(self, rule: DecisionRule, person: str) -> tuple[_Entitlement | None, Reason]:
        """Return by what a rule entitles a person; or None, and the reason why it does not."""
        if self._has_left(person):
            return None, "left"
        doubt: Reason = "not_entitled"
        entitlements = list(self._iterate_entitlements(rule))
        for entitlement in entitlements:
            rests_on = self._match(entitlement.holder, person)
            if rests_on is not None:
                return entitlement._replace(rests_on=(*entitlement.rests_on, *rests_on)), "entitled"
            if self._is_unknown_team(entitlement.holder):
                doubt = "members_unknown"
        delegated, is_claimed = self._find_delegated(entitlements, person)
        if delegated is None and is_claimed:
            doubt = "delegation_claimed"
        return delegated, doubt

    def _iterate_entitlements(self, rule: DecisionRule) -> Iterator[_Entitlement]:
        """Yield all whom a rule entitles: by name, by a role on the product, and by a role on its line."""
        yield from map(_Entitlement, rule.holders)
        for role in rule.roles:
            yield from self._holders(role, iterate_lines(self.product, self.subjects, self.at))
        for role in rule.line_roles:
            path = iterate_lines(self.product, self.subjects, self.at)
            next(path)
            yield from self._holders(role, path)

    def _holders(self, role: str, path: Iterable[str]) -> Iterator[_Entitlement]:
        """Yield the holders of a role on the first product of a path that has some."""
        for product in path:
            state = self.subjects[product]
            row, holders = state.row_at(f"role.{role}", self.at), state.subjects_at(f"role.{role}", self.at)
            if row and holders:
                yield from (_Entitlement(holder, role, product, rests_on=(row.position,)) for holder in holders)
                return

    def _match(self, holder: str, person: str) -> tuple[int, ...] | None:
        """Return the positions by which a person is a holder or belongs to the team that is; None if they do not."""
        canonical_id = self.subjects.canonical_id(person)
        if holder == person or self.subjects.canonical_id(holder) == canonical_id:
            return ()
        for row, members in self._memberships(holder):
            if canonical_id in self.subjects.canonical_ids(members):
                return (row.position,)
        return None

    def _memberships(self, holder: str) -> Iterator[tuple[FieldRow, tuple[str, ...]]]:
        if kind_of(holder) == "team":
            state = self.subjects[holder]
            for name in MEMBER_FIELDS:
                row, members = state.row_at(name, self.at), state.subjects_at(name, self.at)
                if row and members:
                    yield row, members

    def _is_unknown_team(self, holder: str) -> bool:
        return kind_of(holder) == "team" and not any(True for _ in self._memberships(holder))

    def _has_left(self, person: str) -> bool:
        state = self.subjects[self.subjects.canonical_id(person)]
        return state.value_at(STATUS, self.at) in INACTIVE_STATUSES

    def _find_delegated(self, entitlements: Sequence[_Entitlement], person: str) -> tuple[_Entitlement | None, bool]:
        """Return by whose delegation a rule entitles a person, and whether there is one that is only a claim."""
        is_claimed = False
        for row, value in self._delegations():
            rests_on = self._match(str(value["to"]), person)
            entitlement = self._find_delegator(entitlements, value)
            if rests_on is None or entitlement is None:
                continue
            if value.get("is_claim"):
                is_claimed = True
                continue
            return _delegate_entitlement(entitlement, row, value, rests_on), False
        return None, is_claimed

    def _delegations(self) -> Iterator[tuple[FieldRow, dict[str, Any]]]:
        """Yield the delegations in force on the product and its lines that cover this kind of decision."""
        for product in iterate_lines(self.product, self.subjects, self.at):
            state = self.subjects[product]
            for name in sorted(state.field_names(DELEGATION_PREFIX)):
                row, value = state.row_at(name, self.at), state.value_at(name, self.at)
                if (
                    row
                    and isinstance(value, dict)
                    and (not value["kinds"] or self.question.kind in _list(value["kinds"]))
                ):
                    yield row, value

    def _find_delegator(self, entitlements: Iterable[_Entitlement], value: dict[str, Any]) -> _Entitlement | None:
        """Return by what the one who delegated is entitled: a delegation never covers more than its giver has."""
        for entitlement in entitlements:
            for delegator in value["by"]:
                if not self._has_left(delegator) and self._match(entitlement.holder, delegator) is not None:
                    return entitlement._replace(holder=delegator)
        return None


def _delegate_entitlement(
    entitlement: _Entitlement, row: FieldRow, value: dict[str, Any], rests_on: Iterable[int] = ()
) -> _Entitlement:
    limit = value.get("cost_limit")
    return entitlement._replace(
        delegation=row.position,
        cost_limit=Cost.model_validate(limit) if limit else None,
        rests_on=(*entitlement.rests_on, row.position, *rests_on),
    )


def _list(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []


_HELPFUL: Final[tuple[Reason, ...]] = (
    "entitled",
    "cost_missing",
    "currency_differs",
    "members_unknown",
    "approvals_missing",
    "quorum_missing",
    "over_limit",
    "delegation_claimed",
    "left",
    "not_entitled",
)
"""Reasons by how much they help: of several findings about a decider, the first of these counts."""
_VERDICTS: Final[dict[Reason, Literal["within", "exceeds", "not_judged"]]] = {
    "entitled": "within",
    "cost_missing": "not_judged",
    "currency_differs": "not_judged",
    "members_unknown": "not_judged",
    "approvals_missing": "exceeds",
    "quorum_missing": "exceeds",
    "over_limit": "exceeds",
    "delegation_claimed": "exceeds",
    "left": "exceeds",
    "not_entitled": "exceeds",
}


def _check_limits(cost: Cost | None, limits: Iterable[Cost | None]) -> Reason | None:
    """Return what keeps a cost from being covered by some limits; None if all cover it."""
    reasons = {_check_limit(cost, limit) for limit in limits if limit is not None}
    return next((reason for reason in ("over_limit", "currency_differs", "cost_missing") if reason in reasons), None)


def _check_limit(cost: Cost | None, limit: Cost) -> Reason | None:
    if cost is None:
        return "cost_missing"
    if cost.currency != limit.currency:
        return "currency_differs"
    return "over_limit" if cost.amount > limit.amount else None


def _smallest(cost: Cost | None, limits: Iterable[Cost | None]) -> Cost | None:
    """Return the limit that decides: the first that does not cover the cost, or else the first there is."""
    given = [limit for limit in limits if limit is not None]
    return next((limit for limit in given if _check_limit(cost, limit)), given[0] if given else None)


def _check_tally(tally: dict[str, int]) -> Reason:
    if tally["support"] < tally.get("approvals", 1):
        return "approvals_missing"
    return "quorum_missing" if tally["participation"] < tally.get("quorum", 1) else "entitled"


# Who may decide ------------------------------------------------------------------------------------------------------


class Candidate(NamedTuple):
    """A person or team who may decide, or whom a rule entitles but does not cover."""

    holder: str
    members: tuple[str, ...]
    """The members of a team, as far as the log knows them."""
    finding: Finding


def find_candidates(product: str, kind: str, cost: Cost | None, subjects: Subjects, at: int) -> list[Candidate]:
    """Return whom the decision rights of a product entitle to a kind of decision, and whether they cover a cost.

    Support is not counted: `approvals` and `quorum` say how many of the people entitled by the same rule have to take
    part. The list is empty if no rule is for this kind.
    """
    judges = _build_judges(Question((product,), kind, cost, ()), subjects, at)
    return [candidate for each in judges for candidate in each.iterate_candidates()]
