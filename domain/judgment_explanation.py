"""A judgment in sentences, derived from nothing but itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from domain.judgment import Finding, Judgment, Reason, Verdict
from domain.money import Cost
from domain.values import kind_of


def explain_verdict(verdict: Verdict, judgment: Judgment) -> Iterator[str]:
    """Yield the sentences that explain one verdict."""
    yield f"{verdict.decider} {_BASES[verdict.basis]}."
    if verdict.verdict == "no_rule":
        yield "No decision rights applied, so authority was neither limited nor confirmed."
    for finding in verdict.findings:
        inherited = f", inherited by {finding.product}" if finding.rights_of != finding.product else ""
        yield (
            f"By the decision rights of {finding.rights_of} (position {finding.rights}{inherited}) this "
            f"{_SUMMARIES[finding.verdict]}: {explain_reason(finding, judgment.cost, verdict.decider)}."
        )
    yield from (_FLAGS[flag] for flag in verdict.flags)


_BASES: Final[dict[str, str]] = {
    "own": "decided with their own credentials",
    "delegated": "decided through an actor with their delegation",
    "claimed": "is named as a decider by another person, which is a claim until they confirm it",
    "confirmed": "is named as a decider by another person, and had approved it with their own credentials",
}
_SUMMARIES: Final = {
    "within": "is within their authority",
    "exceeds": "exceeds their authority",
    "not_judged": "could not be judged",
}
_FLAGS: Final[dict[str, str]] = {
    "self_approved": "The person who proposed it is the only one who decided or approved it.",
    "backdated": "It was recorded after it took effect.",
}


def explain_reason(finding: Finding, cost: Cost | None, decider: str = "the decider") -> str:
    """Return the reason of a finding as a clause, in lower case and without a period."""
    limit = str(finding.cost_limit) if finding.cost_limit else None
    return _CLAUSES[finding.reason].format(
        rule=f"rule {finding.rule}",
        decider=decider,
        title=_explain_title(finding, decider),
        limit=limit,
        covers=f" up to {limit}" if limit else "",
        cost=str(cost) if cost else "no cost",
        support=_explain_support(finding),
        finding=finding,
    )


_CLAUSES: Final[dict[Reason, str]] = {
    "entitled": "{rule} entitles {title}{covers}{support}",
    "over_limit": "it costs {cost}, and {rule} entitles {title} up to {limit}",
    "approvals_missing": "{rule} requires {finding.approvals} entitled people to decide or approve it, and "
    "{finding.support} did",
    "quorum_missing": "{rule} requires {finding.quorum} entitled people to take part, and {finding.participation} did",
    "cost_missing": "{rule} covers up to {limit}, and the decision states no cost; state its cost",
    "currency_differs": "{rule} covers up to {limit}, and the decision costs {cost}; currencies are not converted",
    "members_unknown": "{rule} entitles a team, and the log does not know its members; assign them the role `member`",
    "delegation_claimed": "{rule} would entitle {decider} by a delegation, but the person who delegated did not "
    "record it",
    "left": "{decider} had left",
    "not_entitled": "no rule entitles {decider}",
}


def _explain_title(finding: Finding, decider: str) -> str:
    by = f"{finding.holder} as {finding.role} of {finding.role_of}" if finding.role else f"{finding.holder} by name"
    if finding.delegation:
        return f"{by}, who delegated to {decider} (position {finding.delegation})"
    if finding.holder and kind_of(finding.holder) == "team":
        return f"{by}, to which {decider} belongs"
    return by


def _explain_support(finding: Finding) -> str:
    support = f"; {finding.support} of {finding.approvals} required people support it" if finding.approvals > 1 else ""
    part = f"; {finding.participation} of {finding.quorum} required people took part" if finding.quorum > 1 else ""
    return support + part
