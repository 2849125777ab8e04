"""The words of the commands that record: where the terminal's words differ from those of the catalog.

Everything else is derived from the catalog of commands (`tools/generate_verbs.py`): a command of the catalog that is not
listed here still has its verb, options and help. Summaries have at most 60 characters; without one, it is the first
sentence of the command's docstring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """How a command of the catalog is typed.

    Attributes:
        path: the words of the command, such as `feature move`.
        arguments: fields that are arguments, after the subject; those not listed are options.
        summary: the line in the list of commands.
        asks: optional fields that are asked for on a terminal.
        editable: fields that `--edit` opens in an editor.
        own: fields that are the caller's own id if they are not given.
        check_names: whether to ask before recording a second subject of the same name.
    """

    path: str
    arguments: tuple[str, ...] = ()
    summary: str = ""
    asks: tuple[str, ...] = ()
    editable: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    check_names: bool = False


WORDS: Final[Mapping[str, Words]] = {
    "DefineProduct": Words("product add", ("title",), "Add a product or a product line.", check_names=True),
    "SetVision": Words("product vision", ("vision",)),
    "SetStrategy": Words("product strategy", ("strategy",)),
    "OrderReleases": Words("product order-releases", ("releases",)),
    "RetireProduct": Words("product retire"),
    "SetDecisionRights": Words("product rights", (), "Set who may decide what about a product."),
    "ScheduleRelease": Words("release add", ("version",), "Schedule a release of one or more products."),
    "RescheduleRelease": Words("release move", ("due_on",)),
    "SetGoal": Words("goal add", ("title",), asks=("products",)),
    "CloseGoal": Words("goal close", ("outcome",)),
    "ProposeDecision": Words(
        "decision propose", ("title",), asks=("products",), editable=("title", "decision", "why", "context")
    ),
    "RecordDecision": Words(
        "record",
        ("title",),
        "Record a decision that was made, in one step.",
        asks=("products",),
        editable=("title", "decision", "why", "accountable"),
        own=("accountable",),
    ),
    "ReviseDecision": Words("decision revise", (), "Revise an open decision.", editable=("decision", "why")),
    "AdviseOnDecision": Words("decision advise", ("advice",)),
    "DissentFromDecision": Words("decision dissent"),
    "ApproveDecision": Words("decision approve", (), "Approve an open decision."),
    "AbstainFromDecision": Words("decision abstain", (), "Abstain from an open decision."),
    "AcceptDecision": Words("decision accept"),
    "RejectDecision": Words("decision reject"),
    "DeferDecision": Words("decision defer"),
    "WithdrawDecision": Words("decision withdraw", (), "Withdraw a proposed decision."),
    "ReopenDecision": Words("decision reopen"),
    "SupersedeDecision": Words(
        "decision supersede",
        ("by",),
        "Replace an accepted decision with another one.",
    ),
    "ReverseDecision": Words("decision reverse", (), "Reverse an accepted decision."),
    "ConfirmDecision": Words("decision confirm", (), "Confirm that you are a decider of a decision."),
    "RatifyDecision": Words("decision ratify"),
    "ReviewDecision": Words("decision review", ("outcome",)),
    "ReviewReasoning": Words("decision review-reasoning", (), "Review how a decision was reasoned."),
    "JudgeChoice": Words("decision judge", (), "Judge afterward how good the chosen option was."),
    "CheckConstraint": Words(
        "decision check",
        ("option_number", "constraint_number", "answer"),
        "Check whether an option meets a constraint.",
    ),
    "LinkDecision": Words("decision link", ("goals",), "Set the goals that a decision contributes to."),
    "ReviseGoal": Words("goal revise", (), "Revise how a goal is measured, and when it is due."),
    "RecordEvidence": Words(
        "evidence add", ("title",), "Record evidence, and what it is for or against.", asks=("products",)
    ),
    "LinkEvidence": Words("evidence link", ("to",), "Link evidence to what it is for or against."),
    "UnlinkEvidence": Words("evidence unlink", ("to",)),
    "SupersedeEvidence": Words("evidence supersede", ("by",), "Replace evidence with a newer piece."),
    "WithdrawEvidence": Words("evidence withdraw", (), "Withdraw evidence that turned out to be wrong."),
    "StateAssumption": Words("assumption add", ("title",), asks=("products",)),
    "ReviseAssumption": Words("assumption revise", (), "Revise an assumption's confidence or check date."),
    "LinkAssumption": Words("assumption link", ("to",)),
    "UnlinkAssumption": Words("assumption unlink", ("to",), "Remove links from an assumption."),
    "ConfirmAssumption": Words("assumption confirm", (), "Record that an assumption turned out true."),
    "BreakAssumption": Words("assumption break", (), "Record that an assumption turned out false."),
    "StateExpectedOutcome": Words("outcome expect", ("measure",)),
    "RecordOutcome": Words("outcome record", ("result",)),
    "ShareCalibration": Words(
        "person share-calibration", ("seen_by",), "Let others see how accurate your forecasts were."
    ),
    "RecordMeasurement": Words("goal measure", ("value",)),
    "PlanMeeting": Words("meeting plan", ("title", "held_on"), asks=("products",)),
    "ReviseMeeting": Words("meeting revise", (), "Revise a planned meeting."),
    "HoldMeeting": Words("meeting hold", ("attendees",), "Write up a planned meeting."),
    "RecordMeeting": Words(
        "meeting record", ("title", "held_on"), "Write up a meeting that was not planned.", asks=("products",)
    ),
    "AddMinutes": Words("meeting add-minutes", (), "Add to the minutes of a meeting."),
    "CancelMeeting": Words("meeting cancel"),
    "AssignTask": Words("task add", ("title",), "Assign a task: what, who, and by when.", asks=("products",)),
    "RescheduleTask": Words("task move", ("due_on",)),
    "CompleteTask": Words("task done"),
    "DropTask": Words("task drop"),
    "ConfirmStillValid": Words("subject confirm", (), "Confirm that a subject or a field of it still holds."),
    "ProposeFeature": Words("feature add", ("title",), "Add a feature."),
    "DefineFeature": Words("feature define", ("definition",), "Define what a feature is, and what it is not."),
    "PrioritizeFeature": Words("feature move", ("horizon",), "Move a feature to now, next or later."),
    "TargetMilestone": Words("feature target", ("when",), "Set or clear the target of a feature."),
    "CommitFeature": Words("feature commit"),
    "StartFeature": Words("feature start"),
    "PauseFeature": Words("feature pause"),
    "ShipFeature": Words("feature ship"),
    "DropFeature": Words("feature drop"),
    "ReopenFeature": Words("feature reopen", (), "Reopen a shipped or dropped feature."),
    "LinkFeature": Words("feature link", (), "Link a feature to goals, decisions and features."),
    "AssignOwnership": Words("owner assign", ("holders",), "Assign a role on a subject, replacing its holders."),
    "ReleaseOwnership": Words("owner release", (), "Remove all holders of a role."),
    "HandOverOwnership": Words("owner hand-over", ("to",), "Hand over accountability."),
    "AcknowledgeOwnership": Words("owner acknowledge", (), "Acknowledge a role you hold."),
    "DelegateOwnership": Words("owner delegate", ("to",), "Delegate decisions about a subject."),
    "RevokeDelegation": Words("owner revoke-delegation", ("delegation",), "Revoke a delegation before it ends."),
    "DelegateActions": Words("person delegate", ("to",), "Let a service, an agent or a person act for you."),
    "RegisterPerson": Words("person add", ("name",), "Add a person.", check_names=True),
    "MergePeople": Words(
        "person merge",
        ("into",),
        "Merge two ids of the same person.",
    ),
    "RecordPersonLeft": Words(
        "person left",
        (),
        "Record that a person left.",
    ),
    "RegisterTeam": Words("team add", ("title",), "Add a team.", check_names=True),
    "DisbandTeam": Words("team disband"),
    "GrantRole": Words("role grant", ("role",), "Grant a role to a person, team, service or group."),
    "RevokeRole": Words("role revoke", ("role",), "Revoke a role."),
    "ChangeTitle": Words("subject rename", ("title",), "Change the title of a subject."),
    "SetAliases": Words("subject alias", ("aliases",), "Set other names and numbers of a subject."),
    "SetAttribute": Words("subject set", ("name", "value"), "Set or clear a custom attribute."),
    "AssignToProducts": Words("subject assign", ("products",), "Assign a subject to products."),
    "RemoveSubject": Words("subject remove", (), "Remove a subject that was recorded by mistake."),
    "RestoreSubject": Words("subject restore"),
    "VoidEntry": Words(
        "subject void",
        ("position",),
        "Void an incorrect entry of a subject.",
    ),
    "EraseTexts": Words(
        "log erase",
        ("positions",),
        "Erase the text of entries.",
    ),
}

TARGET: Final = "when"
"""An argument that stands for the release or the day of a target."""
TARGET_FIELDS: Final = ("release", "day")

NOT_TYPED: Final[Mapping[str, str]] = {"ImportChanges": "import", "IssueReport": "report"}
"""Commands of the catalog that another command records, because their fields are not typed by people."""

NOUNS: Final[Mapping[str, str]] = {
    "decision": "Propose, accept, reject, reverse, … a decision.",
    "feature": "Add, move, target, ship, drop, … a feature.",
    "product": "Add a product; set its vision, strategy and rights.",
    "release": "Schedule releases.",
    "goal": "Set goals, and close them.",
    "outcome": "State expected outcomes, and record what came of them.",
    "evidence": "Record, link, replace and withdraw evidence.",
    "assumption": "State, check, confirm and break assumptions.",
    "meeting": "Plan meetings, write them up, and cancel them.",
    "task": "Assign tasks, move them, and mark them as done.",
    "owner": "Assign and hand over ownership.",
    "person": "Add people, merge them, record that they left.",
    "team": "Add and disband teams.",
    "subject": "Rename, remove, restore, … any subject.",
}
"""The groups of commands that record, as `decisionlog --help` lists them."""

OPERATED_NOUNS: Final[Mapping[str, str]] = {
    "role": "Grant, revoke and list roles.",
    "log": "Erase text from the log.",
}
"""The same, for those that administrators use."""

OPTIONS: Final[Mapping[str, str]] = {
    "options": "considered",
    "aliases": "alias",
    "supersedes": "supersedes",
    "because": "because",
    "from_": "from",
}
"""Options that are not named after their field, or after the singular of a list."""

MEMBERS: Final[Mapping[str, str]] = {"options": "title", "references": "id"}
"""Lists of objects, and the one member of each that the option gives."""

COMMON: Final = ("because", "note", "references", "on_behalf_of", "effective_at", "corrects")
"""Fields of every command, in the order of their options."""

COMMON_HELP: Final[Mapping[str, str]] = {
    "because": "A decision, evidence or assumption behind it.",
    "note": "A remark, or the reason if no decision explains it.",
    "references": "An external id or link, e.g. a ticket or a page.",
    "on_behalf_of": "Person you act for; a claim unless they delegated it.",
    "effective_at": "When it took effect, if earlier than now.",
    "corrects": "Position of the voided entry that this replaces.",
}
