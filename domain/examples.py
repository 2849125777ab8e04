"""One example of every command, used by the documentation and by tests.

They are valid in this order in a new log: first the prelude, then the table. The actor is Ann, who needs the scopes
`import` and `erase`. Positions assume a log that contains nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

LOG_PLACEHOLDER: Final = "log:the-log"
"""A placeholder for the id of the log, which is not known before the log is opened."""

PRELUDE: Final[list[dict[str, Any]]] = [{"type": "RegisterPerson", "key": "bob", "name": "Bob Tea"}]

_TABLE: Final[list[dict[str, Any]]] = [
    {"type": "RegisterPerson", "key": "ann", "name": "Ann Bee", "identifiers": ["ann@example.org", "@annb"]},
    {"type": "DefineProduct", "key": "shop", "title": "Shop", "description": "Where gifts are sold."},
    {"type": "SetVision", "subject": "product:shop", "vision": "Every gift within a day."},
    {"type": "VoidEntry", "subject": "product:shop", "position": 5, "why": "It was meant for another product."},
    {"type": "RegisterTeam", "key": "core", "title": "Core"},
    {"type": "SetStrategy", "subject": "product:shop", "strategy": "Few things, done well.", "corrects": 5},
    {
        "type": "SetDecisionRights",
        "subject": "product:shop",
        "rules": [
            {
                "kinds": ["feature"],
                "cost_limit": {"amount": 500, "currency": "EUR"},
                "roles": ["accountable"],
                "holders": ["Ann Bee"],
            },
            {"line_roles": ["accountable"], "holders": ["Bob Tea", "team:core"], "approvals": 2, "quorum": 2},
        ],
    },
    {"type": "ScheduleRelease", "key": "r1", "products": ["shop"], "version": "1.0", "due_on": "2025-06-01"},
    {"type": "RescheduleRelease", "subject": "release:r1", "due_on": "2025-07-01"},
    {"type": "OrderReleases", "subject": "product:shop", "releases": ["r1"]},
    {
        "type": "SetGoal",
        "key": "reach",
        "title": "A thousand gifts",
        "products": ["shop"],
        "measure": "Gifts sent in a month.",
        "due_on": "2025-12-31",
    },
    {"type": "ReviseGoal", "subject": "goal:reach", "baseline": "400", "target": "1000", "unit": "gifts"},
    {"type": "RecordMeasurement", "subject": "goal:reach", "value": "812.5"},
    {"type": "CloseGoal", "subject": "goal:reach", "outcome": "met", "why": "1,024 in May."},
    {
        "type": "ProposeDecision",
        "key": "tea",
        "title": "Serve tea",
        "kind": "feature",
        "products": ["shop"],
        "context": "Guests wait.",
        "decision": "Tea for everybody.",
        "why": "It is warm.",
        "accountable": "Ann Bee",
        "options": [
            {
                "title": "Tea",
                "pros": ["warm", "cheap"],
                "cons": ["slow"],
                "cost": "little",
                "time": "a day",
                "valuable": "yes",
                "usable": "yes",
                "feasible": "yes",
                "viable": "perhaps",
            },
            {"title": "Nothing"},
        ],
        "evidence": ["Seven of ten asked."],
        "assumptions": ["Water is near."],
        "constraints": ["No open fire."],
        "expected": "Happier guests.",
        "cost": {"amount": 100, "currency": "EUR"},
        "review_on": "2025-09-01",
        "tags": ["guests"],
    },
    {"type": "ReviseDecision", "subject": "decision:tea", "why": "It is warm, and cheap.", "tags": [], "evidence": []},
    {"type": "AdviseOnDecision", "subject": "decision:tea", "advice": "Ask the cook.", "by": "bob tea"},
    {"type": "DissentFromDecision", "subject": "decision:tea", "why": "Coffee!", "by": "person:bob"},
    {"type": "AbstainFromDecision", "subject": "decision:tea", "by": "person:bob"},
    {"type": "ApproveDecision", "subject": "decision:tea"},
    {"type": "DeferDecision", "subject": "decision:tea", "until": "The cook is back.", "revisit_on": "2025-05-01"},
    {
        "type": "AcceptDecision",
        "subject": "decision:tea",
        "decision": "Tea it is.",
        "why": "The cook agrees.",
        "option": "Tea",
        "note": "Said at breakfast.",
        "on_behalf_of": "Bob Tea",
        "deciders": ["ann@EXAMPLE.org", "person:bob"],
        "references": [{"system": "jira", "id": "TEA-1"}, {"id": "https://example.org/minutes"}],
        "because": [],
        "effective_at": None,
    },
    {"type": "ConfirmDecision", "subject": "decision:tea"},
    {"type": "RatifyDecision", "subject": "decision:tea", "why": "As it should be."},
    {
        "type": "RecordDecision",
        "key": "coffee",
        "title": "Serve coffee",
        "decision": "Coffee as well.",
        "why": "Bob insists.",
        "accountable": "@annB",
        "option": "Both",
        "options": [{"title": "Both", "pros": ["All get theirs."]}, {"title": "Tea alone", "cons": ["Bob."]}],
    },
    {"type": "SupersedeDecision", "subject": "decision:tea", "by": ["coffee"], "because": ["coffee"]},
    {
        "type": "ReviewReasoning",
        "subject": "decision:tea",
        "reasoning": "partly-sound",
        "finding": "Nobody asked who drinks coffee.",
        "learned": "Ask those who do not drink tea.",
        "reviewers": ["Ann Bee"],
    },
    {"type": "ReviewDecision", "subject": "decision:tea", "outcome": "better", "finding": "They stayed longer."},
    {"type": "ReverseDecision", "subject": "decision:coffee", "why": "Nobody slept.", "by": "decision:tea"},
    {"type": "ReopenDecision", "subject": "decision:coffee", "why": "Monday."},
    {"type": "RejectDecision", "subject": "decision:coffee", "why": "Still nobody slept."},
    {
        "type": "ImportChanges",
        "subject": "decision:old",
        "effective_at": "2020-02-29T12:00:00.5Z",
        "source": {"system": "archive", "reference": "c0ffee", "at": "2020-03-01"},
        "changes": [
            {"field": "exists", "value": True},
            {"field": "status", "value": "proposed", "source_value": "Draft"},
            {"field": "title", "text": "Übergrößen – \u2028 𝒯"},
            {"field": "deciders", "holders": ["person:bob"]},
            {"field": "products", "subjects": [], "source_value": "none", "contradicts": "all"},
            {"field": "x.notes", "texts": ["one", ""]},
            {"field": "review_on"},
        ],
    },
    {"type": "WithdrawDecision", "subject": "decision:old", "why": "It was forgotten."},
    {
        "type": "ProposeFeature",
        "key": "gift-cards",
        "title": "Gift cards",
        "products": ["shop"],
        "accountable": "Ann Bee",
        "definition": "A card worth money, not a discount.",
    },
    {"type": "DefineFeature", "subject": "feature:gift-cards", "definition": "A card worth money."},
    {"type": "PrioritizeFeature", "subject": "feature:gift-cards", "horizon": "now", "rank": 0},
    {"type": "TargetMilestone", "subject": "feature:gift-cards", "milestone": "beta", "release": "r1"},
    {"type": "LinkFeature", "subject": "feature:gift-cards", "goals": ["reach"], "decisions": ["tea"], "features": []},
    {"type": "LinkDecision", "subject": "decision:tea", "goals": ["reach"]},
    {
        "type": "JudgeChoice",
        "subject": "decision:tea",
        "findings": [
            {"risk": "valuable", "answer": "yes", "finding": "Guests ask for more."},
            {"risk": "usable", "answer": "unclear"},
        ],
    },
    {
        "type": "RecordEvidence",
        "key": "survey",
        "title": "Seven of ten guests want tea",
        "kind": "customer",
        "products": ["shop"],
        "finding": "Asked as they left.",
        "link": "https://example.org/survey",
        "sha256": "0b1d6e8f2a4c97531e0f8d6b2c4a97531e0f8d6b2c4a97531e0f8d6b2c4a9753",
        "asked": "Guests",
        "sample_size": 10,
        "found_on": "2025-01-10",
        "collected_by": "Bob Tea",
        "strength": "moderate",
        "valid_until": "2025-12-31",
        "supports": ["decision:tea"],
        "opposes": ["feature:gift-cards"],
    },
    {
        "type": "StateAssumption",
        "key": "water",
        "title": "Water is near",
        "products": ["shop"],
        "description": "At most ten steps.",
        "confidence": 80,
        "check_on": "2025-04-01",
        "accountable": "Ann Bee",
        "under": ["decision:tea"],
    },
    {
        "type": "LinkEvidence",
        "subject": "evidence:survey",
        "to": ["assumption:water", "goal:reach"],
        "stance": "against",
    },
    {"type": "UnlinkEvidence", "subject": "evidence:survey", "to": ["goal:reach"]},
    {"type": "SupersedeEvidence", "subject": "evidence:survey", "by": "evidence:second-survey", "why": "Asked again."},
    {"type": "WithdrawEvidence", "subject": "evidence:second-survey", "why": "The answers were made up."},
    {"type": "ReviseAssumption", "subject": "assumption:water", "confidence": 40},
    {"type": "LinkAssumption", "subject": "assumption:water", "to": ["feature:gift-cards"]},
    {"type": "UnlinkAssumption", "subject": "assumption:water", "to": ["feature:gift-cards"]},
    {"type": "ConfirmAssumption", "subject": "assumption:water", "why": "Nine steps.", "evidence": ["survey"]},
    {"type": "BreakAssumption", "subject": "assumption:water", "why": "The well is dry.", "evidence": ["survey"]},
    {"type": "ConfirmStillValid", "subject": "decision:tea", "field": "decision", "why": "There is a second well."},
    {"type": "CommitFeature", "subject": "feature:gift-cards"},
    {"type": "StartFeature", "subject": "feature:gift-cards"},
    {"type": "PauseFeature", "subject": "feature:gift-cards"},
    {
        "type": "StateExpectedOutcome",
        "subject": "feature:gift-cards",
        "measure": "Gift cards sold in a month",
        "baseline": "none",
        "target": "200",
        "due_on": "2035-12-31",
        "probability": 70,
        "judge": "Bob Tea",
    },
    {
        "type": "RecordOutcome",
        "subject": "feature:gift-cards",
        "expectation": "1",
        "result": "met",
        "actual": "231",
        "finding": "Counted by the till.",
        "by": "Bob Tea",
    },
    {"type": "ShareCalibration", "subject": "person:ann", "seen_by": "others"},
    {"type": "ShipFeature", "subject": "feature:gift-cards", "because": ["decision:tea"]},
    {"type": "ReopenFeature", "subject": "feature:gift-cards", "why": "They expire."},
    {"type": "DropFeature", "subject": "feature:gift-cards", "why": "They do not sell."},
    {"type": "AssignOwnership", "subject": "product:shop", "holders": ["Ann Bee"], "until": "2035-01-01"},
    {"type": "AcknowledgeOwnership", "subject": "product:shop"},
    {
        "type": "DelegateActions",
        "subject": "person:ann",
        "delegation": "planner",
        "to": "service:planner",
        "products": ["shop"],
        "kinds": ["feature"],
        "actions": ["ProposeDecision"],
        "until": "2035-09-01",
    },
    {
        "type": "DelegateOwnership",
        "subject": "product:shop",
        "delegation": "summer",
        "to": "team:core",
        "kinds": ["feature"],
        "cost_limit": {"amount": 1000, "currency": "EUR"},
        "limit": "without advertising",
        "until": "2035-09-01",
    },
    {"type": "RevokeDelegation", "subject": "product:shop", "delegation": "summer"},
    {"type": "HandOverOwnership", "subject": "product:shop", "to": "team:core", "from": "2034-01-01"},
    {"type": "ReleaseOwnership", "subject": "product:shop"},
    {"type": "ChangeTitle", "subject": "product:shop", "title": "The Shop"},
    {"type": "SetAliases", "subject": "product:shop", "aliases": ["P-1", "Laden"]},
    {"type": "SetAttribute", "subject": "product:shop", "name": "color", "value": "green"},
    {"type": "AssignToProducts", "subject": "feature:gift-cards", "products": []},
    {"type": "RemoveSubject", "subject": "feature:gift-cards", "why": "It was a test."},
    {"type": "RestoreSubject", "subject": "feature:gift-cards", "why": "It was none."},
    {
        "type": "IssueReport",
        "subject": "product:shop",
        "since": "2024-10-01",
        "until": "2025-01-01",
        "position": 9,
        "sha256": "0b1d6e8f2a4c97531e0f8d6b2c4a97531e0f8d6b2c4a97531e0f8d6b2c4a9753",
    },
    {"type": "RetireProduct", "subject": "product:shop", "why": "Sold out."},
    {"type": "GrantRole", "subject": "team:core", "role": "manager", "product": "shop"},
    {"type": "RevokeRole", "subject": "team:core", "role": "manager", "product": "shop"},
    {"type": "MergePeople", "subject": "person:bob", "into": "person:ann"},
    {"type": "RecordPersonLeft", "subject": "person:ann"},
    {"type": "DisbandTeam", "subject": "team:core"},
    {"type": "EraseTexts", "subject": LOG_PLACEHOLDER, "positions": [4, 5], "reason_code": "request"},
]

EXAMPLES: Final[dict[str, dict[str, Any]]] = {example["type"]: example for example in _TABLE}

PRECEDING: Final[dict[str, dict[str, Any]]] = {
    "SupersedeEvidence": {
        "type": "RecordEvidence",
        "key": "second-survey",
        "title": "Two of ten guests want tea",
        "kind": "customer",
    }
}
"""What has to be recorded before an example, besides the examples before it."""


def examples_for(log: str) -> list[dict[str, Any]]:
    """Return the prelude and the table, in order, for the log with this id."""
    return [
        {name: log if value == LOG_PLACEHOLDER else value for name, value in example.items()}
        for example in (*PRELUDE, *_with_preceding())
    ]


def _with_preceding() -> Iterator[dict[str, Any]]:
    for name, example in EXAMPLES.items():
        if name in PRECEDING:
            yield PRECEDING[name]
        yield example
