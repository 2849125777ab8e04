"""The verb of each type of event."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

VERBS: Final[Mapping[str, str]] = {
    "LogOpened": "opened",
    "ProductDefined": "added",
    "DecisionWithdrawn": "withdrew",
    "EvidenceWithdrawn": "withdrew",
    "SignInLinkCreated": "created a sign-in link for",
    "AccountConnected": "connected a sign-in account to",
    "AccountDisconnected": "disconnected a sign-in account from",
    "DecisionRecorded": "decided",
    "AdviceGiven": "advised on",
    "DissentRecorded": "objected to",
    "ReasoningReviewed": "reviewed the reasoning of",
    "ExpectedOutcomeStated": "stated what to expect of",
    "CalibrationShared": "set who sees the calibration of",
    "OutcomeRecorded": "recorded what came of",
    "FeatureProposed": "added",
    "FeaturePrioritized": "moved",
    "MilestoneTargeted": "moved",
    "FeatureCommitted": "committed to",
    "OwnershipAssigned": "assigned",
    "OwnershipReleased": "gave up",
    "OwnershipHandedOver": "handed over",
    "OwnershipAcknowledged": "acknowledged",
    "OwnershipDelegated": "delegated",
    "DelegationRevoked": "revoked a delegation of",
    "DecisionRightsSet": "set the decision rights of",
    "ActionsDelegated": "delegated actions of",
    "VisionSet": "set the vision of",
    "StrategySet": "set the strategy of",
    "ReleasesOrdered": "ordered the releases of",
    "ReleaseRescheduled": "moved",
    "GoalSet": "set the goal",
    "GoalRevised": "revised the goal",
    "GoalClosed": "closed the goal",
    "MeasurementRecorded": "measured",
    "DecisionLinked": "set the goals of",
    "ChoiceJudged": "judged the choice of",
    "ConstraintChecked": "checked a constraint on",
    "EvidenceLinked": "linked",
    "EvidenceUnlinked": "removed links of",
    "AssumptionUnlinked": "removed links of",
    "AssumptionBroken": "found false:",
    "AssumptionConfirmed": "found true:",
    "StillValidConfirmed": "confirmed",
    "MeetingHeld": "wrote up",
    "MeetingRecorded": "wrote up",
    "MinutesAdded": "added to the minutes of",
    "TaskAssigned": "assigned the task",
    "TaskRescheduled": "moved the task",
    "TaskCompleted": "completed",
    "ReportIssued": "issued a report on",
    "PersonLeft": "recorded the departure of",
    "TitleChanged": "renamed",
    "AliasesSet": "set other names of",
    "AttributeSet": "set an attribute of",
    "ProductsAssigned": "assigned to products:",
    "EntryVoided": "voided an entry of",
    "ChangesImported": "changed",
    "TextsErased": "erased text of",
    "RoleGranted": "granted a role to",
    "RoleRevoked": "revoked a role of",
    "AbstentionRecorded": "abstained from",
    "NamesChanged": "changed names of",
    "TokenCreated": "created a token for",
    "TokenRevoked": "revoked a token of",
}
"""The verbs of some types of events; for all other types, the last word of the type is the verb."""
VERBS_WITH_THIS: Final[Mapping[str, str]] = {
    "GoalSet": "set this goal",
    "GoalRevised": "revised this goal",
    "GoalClosed": "closed this goal",
    "TaskAssigned": "assigned this task",
    "TaskRescheduled": "moved this task",
    "PersonRegistered": "registered them",
    "PersonMerged": "merged them",
    "PersonLeft": "recorded that they left",
    "NamesChanged": "changed their names",
    "ActionsDelegated": "delegated actions",
    "CalibrationShared": "set who sees their calibration",
    "RoleGranted": "granted them a role",
    "RoleRevoked": "revoked one of their roles",
    "TokenCreated": "created a token for them",
    "TokenRevoked": "revoked one of their tokens",
    "SignInLinkCreated": "created a sign-in link for them",
    "AccountConnected": "connected a sign-in account to them",
    "AccountDisconnected": "disconnected one of their sign-in accounts",
}
"""What an event did, on the page of its subject, for types whose verb cannot simply be followed by "this"."""


def verb_of(event_type: str) -> str:
    """Return the verb of an event's stored name."""
    name = event_type.partition(".")[0]
    return VERBS.get(name) or re.findall(r"[A-Z][a-z]+", name)[-1].lower()


def verb_with_this(event_type: str) -> str:
    """Return the verb of an event on the page of its subject: "moved this", "found this false", "set this goal"."""
    name = event_type.partition(".")[0]
    if name in VERBS_WITH_THIS:
        return VERBS_WITH_THIS[name]
    verb = verb_of(event_type)
    first, _, rest = verb.partition(" ")
    return f"{first} this {rest.rstrip(':')}" if verb.endswith(":") else f"{verb} this"
