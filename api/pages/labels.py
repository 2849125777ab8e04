"""What pages call things: statuses and verdicts with their marks, fields, commands and choices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Shape = Literal["good", "half", "ring", "warn", "bad"]
"""Circle, half-filled circle, ring, triangle, square: the state is never told by color alone."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A state: its shape and its word."""

    shape: Shape
    word: str


_SHAPES: Final[Mapping[str, Shape]] = {
    **dict.fromkeys(
        ("shipped", "accepted", "met", "held", "done", "active", "within", "current", "confirmed", "yes"),
        "good",
    ),
    **dict.fromkeys(("committed", "started"), "half"),
    **dict.fromkeys(("paused", "deferred"), "warn"),
    **dict.fromkeys(
        (
            "dropped",
            "canceled",
            "rejected",
            "reversed",
            "missed",
            "left",
            "disbanded",
            "exceeds",
            "broken",
            "withdrawn",
            "no",
        ),
        "bad",
    ),
    **dict.fromkeys(("not-met", "overdue", "unsound", "worse"), "bad"),
    **dict.fromkeys(("sound", "better", "as-expected"), "good"),
    "partly-sound": "warn",
}
_WORDS: Final[Mapping[str, str]] = {"not-met": "not met", "as-expected": "as expected", "partly-sound": "partly sound"}
"""What a code is called where that is not the code itself."""
FIELD_LABELS: Final[Mapping[str, str]] = {
    "role.accountable": "owner",
    "target.ship": "target",
    "due_on": "date",
    "review_on": "review",
    "review.outcome": "outcome",
    "by": "due",
    "line": "product line",
    "exists": "existence",
    "chosen_option": "chosen option",
    "ended_by": "ended by",
    "authority.ending": "authority to end it",
    "authority.self_approved": "self-approved",
}
EMPTIED_FIELDS: Final = frozenset({"awaits", "revisit_on", "option", "reversed_by"})
"""Fields that become empty when the status of a decision changes, which a sentence about it says already."""

COMMAND_LABELS: Final[Mapping[str, str]] = {
    "AdviseOnDecision": "Advise",
    "ApproveDecision": "Approve",
    "AbstainFromDecision": "Abstain",
    "DissentFromDecision": "Object",
    "AssignOwnership": "Assign an owner",
    "HandOverOwnership": "Hand over",
    "ReleaseOwnership": "Give up ownership",
    "AcknowledgeOwnership": "Acknowledge ownership",
    "DelegateOwnership": "Delegate",
    "RevokeDelegation": "Revoke a delegation",
    "DelegateActions": "Let someone act for you",
    "SetDecisionRights": "Set decision rights",
    "PrioritizeFeature": "Move",
    "MoveFeature": "Move",
    "TargetMilestone": "Set target",
    "ProposeFeature": "Add a feature",
    "LinkFeature": "Link",
    "DefineFeature": "Define",
    "CommitFeature": "Commit",
    "StartFeature": "Start",
    "PauseFeature": "Pause",
    "ShipFeature": "Ship",
    "DropFeature": "Drop",
    "ReopenFeature": "Reopen",
    "DefineProduct": "Add a product",
    "RescheduleRelease": "Reschedule",
    "ScheduleRelease": "Schedule a release",
    "SetGoal": "Set a goal",
    "RegisterPerson": "Register a person",
    "RegisterTeam": "Register a team",
    "RecordPersonLeft": "Record that they left",
    "MergePeople": "Merge into another person",
    "ChangeTitle": "Rename",
    "ProposeDecision": "Propose a decision",
    "StateExpectedOutcome": "State what to expect",
    "RecordOutcome": "Record the outcome",
    "ShareCalibration": "Show your calibration to others",
    "ReviewReasoning": "Review the reasoning",
    "ReviewDecision": "Review the result",
    "RecordDecision": "Record a decision",
    "LinkDecision": "Link to goals",
    "JudgeChoice": "Judge the choice",
    "CheckConstraint": "Check a constraint",
    "RecordEvidence": "Record evidence",
    "LinkEvidence": "Link",
    "UnlinkEvidence": "Remove a link",
    "SupersedeEvidence": "Replace",
    "WithdrawEvidence": "Withdraw",
    "StateAssumption": "State an assumption",
    "ReviseAssumption": "Revise",
    "LinkAssumption": "Link",
    "UnlinkAssumption": "Remove a link",
    "ConfirmAssumption": "It is true",
    "BreakAssumption": "It is false",
    "ConfirmStillValid": "Still valid",
    "PlanMeeting": "Plan a meeting",
    "ReviseMeeting": "Change the plan",
    "HoldMeeting": "Write up",
    "RecordMeeting": "Write up a meeting",
    "AddMinutes": "Add to the minutes",
    "CancelMeeting": "Cancel",
    "AssignTask": "Assign a task",
    "RescheduleTask": "Move",
    "CompleteTask": "Done",
    "DropTask": "Drop",
    "ReviseGoal": "Revise",
    "RecordMeasurement": "Record a measurement",
}


def command_label(name: str) -> str:
    """Return what a command is called on its button: "Accept" for `AcceptDecision`."""
    if name in COMMAND_LABELS:
        return COMMAND_LABELS[name]
    spaced = re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()
    return re.sub(r" decision$", "", spaced).capitalize()


def status_mark(status: str | None) -> Mark:
    """Return the mark of a status; one that we do not know is neutral."""
    return Mark(_SHAPES.get(status or "", "ring"), _WORDS.get(status or "", status or "no status"))


def field_label(field: str) -> str:
    """Return what a field is called."""
    if field in FIELD_LABELS:
        return FIELD_LABELS[field]
    group, _, name = field.partition(".")
    if name and group in ("target", "link"):
        return f"target ({name})" if group == "target" else f"link to {name.partition('.')[2]}"
    if group in ("expectation", "outcome"):
        return f"{'expected outcome' if group == 'expectation' else 'outcome'} {name}"
    if group in ("advice", "dissent", "confirmed", "ratified", "acknowledged"):
        return group
    if group in ("role", "access", "x"):  # `x.NAME` is an attribute
        return f"role {name}" if group == "access" else name.replace("_", " ")
    return field.replace("_", " ").replace(".", " ")


_VERDICTS: Final[Mapping[str, Mark]] = {
    "within": Mark("good", "within authority"),
    "exceeds": Mark("bad", "exceeds authority"),
    "no_rule": Mark("ring", "no rule on authority"),
    "not_judged": Mark("ring", "authority not judged"),
}


def verdict_mark(verdict: str | None) -> Mark:
    """Return the mark of a verdict on authority."""
    return _VERDICTS.get(verdict or "", Mark("ring", "authority not judged"))


def choice_label(code: str) -> str:
    """Return what a choice is called: "Partly sound" for `partly_sound`."""
    words = code.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]
