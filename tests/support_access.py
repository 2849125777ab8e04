"""Who may send which command, in the words of people, and a message of each command about one's own product.

The tables are written by hand, so that they do not repeat the policy that they are compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from domain.examples import EXAMPLES

AUDIT: Final = 5
"""The level of what only auditors and administrators may do."""
LEVELS: Final = {"viewer": 1, "auditor": 1, "contributor": 2, "manager": 3, "admin": 4}

PEARL: Final = "pearl"
"""A word in everything of one's own product, and nowhere else."""

CONTRIBUTOR = {
    "ProposeDecision",
    "AdviseOnDecision",
    "DissentFromDecision",
    "ApproveDecision",
    "AbstainFromDecision",
    "ConfirmDecision",
    "ProposeFeature",
    "AcknowledgeOwnership",
    *("StateExpectedOutcome", "RecordOutcome", "ReviewReasoning"),
    *("RecordEvidence", "LinkEvidence", "StateAssumption", "LinkAssumption", "RecordMeasurement"),
    *(
        "PlanMeeting",
        "HoldMeeting",
        "CheckConstraint",
        "RecordMeeting",
        "AddMinutes",
        "AssignTask",
        "RescheduleTask",
        "CompleteTask",
        "DropTask",
    ),
}
MANAGER = {
    *("SetVision", "SetStrategy", "OrderReleases", "IssueReport", "ScheduleRelease", "RescheduleRelease"),
    *("SetGoal", "CloseGoal", "RecordDecision", "ReviseDecision", "AcceptDecision", "RejectDecision", "DeferDecision"),
    *("WithdrawDecision", "ReopenDecision", "SupersedeDecision", "ReverseDecision", "RatifyDecision", "ReviewDecision"),
    *("DefineFeature", "PrioritizeFeature", "TargetMilestone", "CommitFeature", "StartFeature", "PauseFeature"),
    *("ShipFeature", "DropFeature", "ReopenFeature", "LinkFeature", "AssignOwnership", "ReleaseOwnership"),
    *("HandOverOwnership", "DelegateOwnership", "RevokeDelegation", "ChangeTitle", "SetAliases", "SetAttribute"),
    *("AssignToProducts", "RemoveSubject", "RestoreSubject", "RetireProduct", "ConfirmStillValid", "ReviseGoal"),
    *("UnlinkEvidence", "SupersedeEvidence", "WithdrawEvidence", "ReviseAssumption", "UnlinkAssumption"),
    *("ConfirmAssumption", "BreakAssumption", "LinkDecision", "JudgeChoice"),
    *("ReviseMeeting", "CancelMeeting"),
}
MANAGER_ANYWHERE = {"RegisterPerson", "RegisterTeam"}
MANAGER_OF_ALL = {"DefineProduct"}
CONTRIBUTOR_ANYWHERE = {"DelegateActions", "ShareCalibration"}
ADMIN_OF_PRODUCT = {"SetDecisionRights", "VoidEntry", "GrantRole", "RevokeRole"}
ADMIN_OF_ALL = {"MergePeople", "RecordPersonLeft", "DisbandTeam", "EraseTexts"}


@dataclass(frozen=True)
class Need:
    """What a route or command needs: the level of a role; for all products, for one's own, or for any.

    With `names_own`, it names a subject of one's own product, although it needs more than a role for that product.
    """

    level: int
    where: str = "own"
    names_own: bool = False


NEEDS: Final[dict[str, Need]] = {
    **{command: Need(2) for command in CONTRIBUTOR},
    **{command: Need(3) for command in MANAGER},
    **{command: Need(2, "any") for command in CONTRIBUTOR_ANYWHERE},
    **{command: Need(3, "any") for command in MANAGER_ANYWHERE},
    **{command: Need(3, "all") for command in MANAGER_OF_ALL},
    **{command: Need(4) for command in ADMIN_OF_PRODUCT},
    **{command: Need(4, "all") for command in ADMIN_OF_ALL},
    "ImportChanges": Need(4, "all", names_own=True),
}
COMMAND_FIELDS: Final[dict[str, Any]] = {
    "RecordEvidence": {"title": "T", "kind": "data", "products": ["own"]},
    "StateAssumption": {"title": "T", "products": ["own"]},
    **{
        each: {"to": ["decision:own"]}
        for each in ("LinkEvidence", "UnlinkEvidence", "LinkAssumption", "UnlinkAssumption")
    },
    "SupersedeEvidence": {"by": "own"},
    "ConfirmAssumption": {},
    "BreakAssumption": {"why": "W."},
    "PlanMeeting": {"title": "T", "held_on": "2030-01-01", "products": ["own"]},
    "RecordMeeting": {
        "title": "T",
        "held_on": "2020-01-01",
        "attendees": ["person:somebody"],
        "products": ["own"],
    },
    "HoldMeeting": {"attendees": ["person:somebody"], "held_on": "2020-01-01"},
    "LinkDecision": {"goals": ["own"]},
    "ConfirmStillValid": {"why": "W."},
    "DelegateActions": {"to": "person:somebody", "kinds": ["feature"]},
    "GrantRole": {"role": "viewer", "product": "own"},
    "RevokeRole": {"role": "viewer", "product": "own"},
    "SupersedeDecision": {"by": ["own-2"]},
    "ReverseDecision": {"why": "W."},
    "OrderReleases": {"releases": ["own"]},
    "TargetMilestone": {"milestone": "beta", "release": "own"},
    "LinkFeature": {"goals": ["own"]},
    "AssignToProducts": {"products": ["own"]},
    "VoidEntry": {"position": 4, "why": "W."},
    "IssueReport": {"since": "2020-01-01", "until": "2020-02-01", "position": 4, "sha256": "0" * 64},
}


def command_fields(command: str) -> dict[str, Any]:
    """Return the fields of a command about one's own product, without its type and subject."""
    if command in COMMAND_FIELDS:
        return dict(COMMAND_FIELDS[command])
    example = {
        k: v
        for k, v in EXAMPLES[command].items()
        if k not in ("type", "subject", "key", "because", "on_behalf_of", "corrects")
    }
    if "products" in example:
        example["products"] = ["own"]
    if command in ("RecordDecision", "ProposeDecision"):
        example["products"] = ["own"]
    for name in ("accountable", "by", "to", "into"):
        if name in example:
            example[name] = "person:somebody"
    for name in ("holders", "deciders"):
        if name in example:
            example[name] = ["person:somebody"]
    return example


def command_message(command: str, log: str) -> dict[str, Any]:
    """Return a message with a command about one's own product, or about what belongs to no product."""
    example = EXAMPLES[command]
    message = {"type": command, **command_fields(command)}
    if "subject" in example:
        message["subject"] = _subject(command, example["subject"].partition(":")[0], log)
    return message


def _subject(command: str, kind: str, log: str) -> str:
    if command in ("AssignOwnership", "ImportChanges"):
        return "feature:own"
    return {"person": "person:somebody", "team": "team:somebody", "log": log}.get(kind, f"{kind}:own")


def expected_outcome(need: Need, role: str, where: str, *, limited: bool) -> str:
    """Return what a caller with a role for their own, the other or all products gets: `allowed`, `refused` or `hidden`."""
    if _is_allowed(need, role, where, limited=limited):
        return "allowed"
    return "hidden" if limited and where == "other" and (need.where == "own" or need.names_own) else "refused"


def _is_allowed(need: Need, role: str, where: str, *, limited: bool) -> bool:
    if need.level <= 1 and not limited and need.where == "own":
        return True
    covers = {"open": True, "any": True, "own": where in ("own", "all"), "all": where == "all"}[need.where]
    return covers and (role in ("auditor", "admin") if need.level == AUDIT else LEVELS[role] >= need.level)


def content() -> list[list[dict[str, Any]]]:
    """Return the transactions that record an own and another product with a subject of each kind, a person and a team."""
    people = [
        [{"type": "RegisterPerson", "key": "somebody", "name": "Somebody"}],
        [{"type": "RegisterTeam", "key": "somebody", "title": "Team"}],
    ]
    return [*people, *_product("own", PEARL), *_product("other", "quartz")]


def _product(name: str, word: str) -> list[list[dict[str, Any]]]:
    products = {"products": [name]}
    task = {"type": "AssignTask", "key": name, "title": f"Weigh the {word}", "accountable": "person:somebody"}
    changes = [
        {"field": "exists", "value": True},
        {"field": "system", "value": word},
        {"field": "products", "subjects": [f"product:{name}"]},
    ]
    return [
        [
            {"type": "DefineProduct", "key": name, "title": f"The {word}"},
            {"type": "ProposeDecision", "key": name, "title": f"Polish the {word}", **products},
            {"type": "ProposeDecision", "key": f"{name}-2", "title": f"Sell the {word}", **products},
            {"type": "ProposeFeature", "key": name, "title": f"A {word} ring", **products},
            {"type": "ScheduleRelease", "key": name, "version": f"{word}-1", **products},
            {"type": "SetGoal", "key": name, "title": f"More {word}", **products},
            {"type": "RecordEvidence", "key": name, "title": f"They like the {word}", "kind": "market", **products},
            {"type": "StateAssumption", "key": name, "title": f"The {word} shines", **products},
            {"type": "PlanMeeting", "key": name, "title": f"About the {word}", "held_on": "2030-01-01", **products},
            {**task, **products},
        ],
        [{"type": "ImportChanges", "subject": f"import:{name}", "source": {"system": "jira"}, "changes": changes}],
    ]
