"""How pages put values into words: statuses with their marks, times, fields and counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any, Final, Literal

from domain.ids import SUBJECT_IN_TEXT, is_subject, kind_of
from domain.times import from_micros, parse_timestamp

Shape = Literal["good", "half", "ring", "warn", "bad"]
"""Circle, half-filled circle, ring, triangle, square: the state is never told by color alone."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A state: its shape and its word."""

    shape: Shape
    word: str


_SHAPES: Final[Mapping[str, Shape]] = {
    **dict.fromkeys(
        ("shipped", "accepted", "met", "held", "done", "active", "present", "within", "current", "confirmed", "yes"),
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
    "by": "due",
    "line": "product line",
    "exists": "existence",
    "chosen_option": "chosen option",
    "ended_by": "ended by",
    "authority.ending": "authority to end it",
    "authority.self_approved": "self-approved",
}
KIND_PATHS: Final[Mapping[str, str]] = {
    "product": "products",
    "decision": "decisions",
    "feature": "features",
    "goal": "goals",
    "release": "releases",
    "evidence": "evidence",
    "assumption": "assumptions",
    "meeting": "meetings",
    "task": "tasks",
    "person": "people",
    "team": "teams",
    "service": "people",
    "import": "imports",
}


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
    "ConfirmStillValid": "Still true",
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


def value_parts(value: Mapping[str, Any]) -> list[Any]:
    """Return the members of an object that is the value of a field, in order, without empty ones and positions."""
    if "answer" in value:  # a finding or a checked constraint; every change already names the person
        return [status_mark(value["answer"]).word, *filter(None, [value.get("finding")])]
    said = [each for name, each in value.items() if each not in (None, [], "") and not name.endswith("_position")]
    return [part for each in said for part in (each if isinstance(each, list) else [each])]


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
    if group in ("role", "access"):
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


def count_of(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: "1 decision", "2 decisions"."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def quantity(value: object, unit: str = "") -> str:
    """Return a measured value with its unit: "6,204 sailors", "38%"."""
    text = str(value)
    number = f"{int(text):,}" if text.lstrip("-").isdecimal() else text
    return f"{number}{'' if unit == '%' else ' '}{unit}".strip()


def sentence(text: str) -> str:
    """Return a message as a sentence, with a capital and a period; one that begins with code or an id is left so."""
    begun = text if ":" in text.partition(" ")[0] else text[:1].upper() + text[1:]
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."


def format_money(value: Any) -> str:
    """Return an amount with its currency: "6,000 EUR", from an amount of the log or of an answer."""
    if isinstance(value, Mapping):
        return f"{value['amount']:,} {value['currency']}"
    amount, blank, currency = str(value).partition(" ")
    return f"{int(amount):,}{blank}{currency}" if amount.isdecimal() else str(value)


def wrong_parts(errors: Iterable[str]) -> set[str]:
    """Return the fields and the items of fields that have an error: `options` and `options.1` for `options.1.title`."""
    parts = [name.split(".") for name in errors if name]
    return {".".join(each[:length]) for each in parts for length in (1, 2)}


def times_word(number: int) -> str:
    """Return how often: "once", "twice", "3 times"."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def subject_path(subject: str) -> str:
    """Return the path of a subject's page."""
    kind, _, key = subject.partition(":")
    return f"/{KIND_PATHS[kind]}/{key}" if kind in KIND_PATHS else f"/audit?subject={subject}"


def with_titles(message: str, titles: Callable[[str], str]) -> str:
    """Return a message with the titles of the subjects whose ids it contains."""
    return SUBJECT_IN_TEXT.sub(lambda match: titles(match[0]), message)


def page_address(address: str) -> str:
    """Return the address of the page for an address of the API in a report."""
    path = address.partition("/v1/")[2]
    if path.startswith("log/entries/"):
        return f"/audit/{path.rpartition('/')[2]}"
    if path.startswith("subjects/"):
        return subject_path(path.removeprefix("subjects/").partition("/")[0])
    return f"/{path}" if path else address


@lru_cache(1_024)  # a page shows each time in words, exactly and for scripts
def parse_utc(text: str) -> datetime:
    """Return a time of an answer."""
    return parse_timestamp(text).astimezone(UTC)


def is_subject_id(value: object) -> bool:
    """Return whether a value is the id of a subject."""
    return isinstance(value, str) and is_subject(value)


def is_day(value: object) -> bool:
    """Return whether a value is a calendar day, such as 2026-07-01."""
    return isinstance(value, str) and len(value) == len("2026-07-01") and _parse_day(value) is not None


def _parse_day(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def format_day(value: str) -> str:
    """Return a calendar day in words: "Jul 1, 2026". What is no day is returned as it is."""
    day = _parse_day(value)
    return value if day is None else f"{day:%b} {day.day}, {day.year}"


def format_month(value: str) -> str:
    """Return the month of a day in words: "Jul 2026"."""
    return f"{date.fromisoformat(value):%b %Y}"


def choice_label(code: str) -> str:
    """Return what a choice is called: "Partly sound" for `partly_sound`."""
    words = code.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


@lru_cache(1_024)
def format_time(text: str, zone: tzinfo = UTC, style: str = "minute") -> str:
    """Return a time in words: to the day ("Jul 1, 2026") or to the minute ("Jul 1, 2026, 14:05")."""
    time = parse_utc(text).astimezone(zone)
    day = f"{time:%b} {time.day}, {time.year}"
    return day if style == "day" else f"{day}, {time:%H:%M}"


@lru_cache(1_024)
def exact_time(text: str) -> str:
    """Return a time exactly, in UTC."""
    return f"{parse_utc(text):%Y-%m-%d %H:%M:%S} UTC"


@lru_cache(1_024)
def html_time(text: str) -> str:
    """Return a time for a `datetime` attribute."""
    return f"{parse_utc(text):%Y-%m-%dT%H:%M:%SZ}"


def input_time(micros: int | None, zone: tzinfo = UTC) -> str:
    """Return a time for a `datetime-local` input, in a zone; empty for None."""
    return "" if micros is None else f"{from_micros(micros).astimezone(zone):%Y-%m-%dT%H:%M}"


def plain_value(value: Any) -> list[Any]:
    """Return a value as a list of its items, for one way of showing both."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "command_label": command_label,
    "status_mark": status_mark,
    "verdict_mark": verdict_mark,
    "value_parts": value_parts,
    "field_label": field_label,
    "count_of": count_of,
    "quantity": quantity,
    "times_word": times_word,
    "format_day": format_day,
    "format_month": format_month,
    "choice_label": choice_label,
    "format_time": format_time,
    "exact_time": exact_time,
    "html_time": html_time,
    "input_time": input_time,
    "page_address": page_address,
    "with_titles": with_titles,
    "items": plain_value,
    "money": format_money,
    "sentence": sentence,
    "wrong_parts": wrong_parts,
    "kind": kind_of,
}
TESTS: Final[dict[str, Callable[..., bool]]] = {
    "subject_id": is_subject_id,
    "day": is_day,
}
