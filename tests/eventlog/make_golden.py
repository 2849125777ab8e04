"""Writes a golden entry for each event type that has none: `python -m tests.eventlog.make_golden`.

A golden entry is final. This never touches one that is there; a new shape is a new type, with a file of its own.
A field that an event may leave out, and did when its golden entry was made, has a second file, `TYPE+FIELD.json`.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from domain.examples import examples_for
from domain.scopes import SCOPES
from eventlog.entry import Caller, Entry
from eventlog.log import RawEntry
from identity.decision_log import DecisionLog
from tests.eventlog.support import open_log, transaction

GOLDEN = Path(__file__).parent / "golden"
ADDED = {"ReviewDecision": "by"}
"""Commands whose events have a field that the first golden entry of their type leaves out."""
UNTIL = 1_800_000_000_000_000
"""A time in 2027, in microseconds since 1970."""

ADDED_FIELDS = {
    "baseline": {
        "type": "SetGoal",
        "key": "loyalty",
        "title": "Guests return",
        "baseline": "12.5",
        "target": "20",
        "unit": "%",
    },
    "findings": {
        "type": "ProposeDecision",
        "key": "cake",
        "title": "Serve cake",
        "options": [
            {
                "title": "Cake",
                "cost_amount": {"amount": 300, "currency": "EUR"},
                "duration": {"amount": 2, "unit": "weeks"},
                "findings": [{"risk": "usable", "answer": "yes", "finding": "It has a fork.", "evidence": ["survey"]}],
            }
        ],
        "cost_limit": {"amount": 500, "currency": "EUR"},
        "time_limit": {"amount": 1, "unit": "months"},
        "goals": ["loyalty"],
        "because": ["assumption:water"],
    },
    "summary": {
        "type": "IssueReport",
        "subject": "product:shop",
        "since": "2024-10-01T00:00:00Z",
        "until": "2025-01-01T00:00:00Z",
        "position": 9,
        "sha256": "0b1d6e8f2a4c97531e0f8d6b2c4a97531e0f8d6b2c4a97531e0f8d6b2c4a9753",
        "summary": "A calm quarter: gift cards sold well.",
    },
    "awaits": {
        "type": "DeferDecision",
        "subject": "decision:cake",
        "until": "There is a baker.",
        "awaits": ["evidence:baking"],
    },
    "independent_review": {
        "type": "SetDecisionRights",
        "subject": "product:shop",
        "rules": [{"roles": ["accountable"], "independent_review": True}],
    },
}
"""By a field that was added to an event, a command whose event has it."""

TRAY = {"subject": "feature:tray"}
FORECAST = {"type": "StateExpectedOutcome", **TRAY, "measure": "Trays", "target": "9", "due_on": "2025-09-01"}
MORE_FIELDS = [
    ("", {"type": "DefineProduct", "key": "bar", "title": "Bar"}),
    ("", {"type": "ScheduleRelease", "key": "b1", "products": ["bar"], "version": "1", "due_on": "2025-09-01"}),
    ("", {"type": "ProposeFeature", "key": "tray", "title": "Trays", "products": ["bar"]}),
    ("cause", {"type": "TargetMilestone", **TRAY, "day": "2025-09-01", "cause": "assumption:water"}),
    ("cause", {"type": "RescheduleRelease", "subject": "release:b1", "due_on": "2025-09-15", "cause": "feature:tray"}),
    ("", FORECAST),
    ("replaces", FORECAST | {"target": "5", "replaces": "1"}),
    ("evidence", {"type": "RecordOutcome", **TRAY, "expectation": "2", "result": "met", "evidence": ["survey"]}),
    ("attendees", {"type": "AddMinutes", "subject": "meeting:steering", "attendees": ["Ann Bee"]}),
]
"""Further commands, each with the field that its event has and the first golden entry of its type leaves out."""

KIOSK = {"products": ["kiosk"], "cost": {"amount": 90, "currency": "EUR"}}
JUDGED = [
    {"type": "DefineProduct", "key": "kiosk", "title": "Kiosk"},
    {
        "type": "SetDecisionRights",
        "subject": "product:kiosk",
        "rules": [{"holders": ["person:cas"], "cost_limit": {"amount": 100, "currency": "EUR"}, "approvals": 2}],
    },
    {"type": "ProposeDecision", "key": "ice", "title": "Sell ice", **KIOSK},
    {"type": "ApproveDecision", "subject": "decision:ice", "by": "person:cas"},
    {"type": "AcceptDecision", "subject": "decision:ice", "decision": "Ice.", "why": "It is hot.", "deciders": ["Cas"]},
    {"type": "RatifyDecision", "subject": "decision:ice"},
    {"type": "ReopenDecision", "subject": "decision:ice", "why": "It is cold."},
    {"type": "RejectDecision", "subject": "decision:ice", "why": "It stays cold.", "deciders": ["Cas"]},
    {
        "type": "RecordDecision",
        "key": "soup",
        "title": "Sell soup",
        "decision": "Soup.",
        "why": "It is cold.",
        "accountable": "Cas",
        **KIOSK,
    },
    {
        "type": "RecordDecision",
        "key": "stew",
        "title": "Sell stew",
        "decision": "Stew.",
        "why": "It fills.",
        "accountable": "Cas",
        **KIOSK,
    },
    {"type": "SupersedeDecision", "subject": "decision:soup", "by": ["stew"]},
    {"type": "ReverseDecision", "subject": "decision:stew", "why": "It burned.", "deciders": ["Cas"]},
    {"type": "AssignToProducts", "subject": "decision:stew", "products": ["kiosk", "bar"]},
    {"type": "RemoveSubject", "subject": "decision:stew", "why": "It was a joke."},
    {"type": "RestoreSubject", "subject": "decision:stew", "why": "It was not."},
    {"type": "VoidEntry", "subject": "decision:stew", "why": "It is not for the bar."},
]
"""Commands whose events have a verdict by decision rights, and what they need."""


COUNTER = {"products": ["counter"]}
EUROS = {"amount": 90, "currency": "EUR"}
CASE = {
    "context": "Guests are thirsty.",
    "options": [{"title": "Press it"}, {"title": "Buy it"}],
    "evidence": ["Two of three asked."],
    "assumptions": ["Oranges stay cheap."],
    "constraints": ["No noise before noon."],
    "cost_limit": EUROS,
    "time_limit": {"amount": 3, "unit": "weeks"},
    "goals": ["speed"],
    "expected": "Ten glasses a day.",
    "cost": EUROS,
    "review_on": "2025-10-01",
    "tags": ["juice"],
}
OFTEN_OMITTED: list[tuple[str, dict[str, Any]]] = [
    ("", {"type": "RegisterPerson", "key": "dee", "name": "Dee"}),
    ("line", {"type": "DefineProduct", "key": "counter", "title": "Counter", "line": "bar", "accountable": "Cas"}),
    ("accountable", {"type": "SetGoal", "key": "speed", "title": "Serve fast", "accountable": "Cas", **COUNTER}),
    ("measure", {"type": "ReviseGoal", "subject": "goal:speed", "measure": "Minutes", "due_on": "2025-12-01"}),
    ("cost", {"type": "ProposeDecision", "key": "juice", "title": "Sell juice", "cost": EUROS, **COUNTER}),
    ("title", {"type": "ReviseDecision", "subject": "decision:juice", "title": "Juice", "decision": "Juice.", **CASE}),
    ("is_claim", {"type": "DissentFromDecision", "subject": "decision:juice", "why": "Loud.", "by": "Cas"}),
    ("features", {"type": "LinkFeature", **TRAY, "features": ["gift-cards"]}),
    ("", {"type": "StateAssumption", "key": "oranges", "title": "Oranges stay cheap", **COUNTER}),
    (
        "check_on",
        {
            "type": "ReviseAssumption",
            "subject": "assumption:oranges",
            "check_on": "2025-08-01",
            "description": "Below 2 EUR a kilogram.",
        },
    ),
    ("", {"type": "PlanMeeting", "key": "weekly", "title": "Weekly", "held_on": "2035-01-01", **COUNTER}),
    (
        "agenda",
        {
            "type": "ReviseMeeting",
            "subject": "meeting:weekly",
            "agenda": ["juice"],
            "invited": ["Cas"],
            "notes": "Bring a glass.",
        },
    ),
    (
        "agenda",
        {"type": "HoldMeeting", "subject": "meeting:weekly", "held_on": "2025-01-01", "agenda": ["juice"]}
        | {"attendees": ["Cas"]},
    ),
    ("is_claim", FORECAST | {"by": "Cas", "target": "7"}),
    (
        "from",
        {
            "type": "AssignOwnership",
            "subject": "product:counter",
            "holders": ["Cas"],
            "role": "sponsor",
            "from": "2034-01-01",
        },
    ),
    ("", {"type": "SetDecisionRights", "subject": "product:counter", "rules": [{"roles": ["accountable"]}]}),
    (
        "role",
        {"type": "RecordDecision", "key": "press", "title": "Press", "decision": "We press.", "why": "It is fresh."}
        | {"accountable": "Cas", "deciders": ["Cas"], **COUNTER, **CASE},
    ),
    (
        "learned",
        {"type": "ReviewDecision", "subject": "decision:press", "outcome": "worse", "finding": "It was loud."}
        | {"learned": "Ask the neighbors.", "revisit_on": "2025-11-01"},
    ),
    (
        "cost_limit",
        {
            "type": "DelegateOwnership",
            "subject": "product:counter",
            "delegation": "dee",
            "to": "Dee",
            "cost_limit": EUROS,
        },
    ),
    (
        "from",
        {
            "type": "DelegateOwnership",
            "subject": "product:counter",
            "delegation": "later",
            "to": "Dee",
            "from": "2034-01-01",
        },
    ),
    ("from", {"type": "DelegateActions", "subject": "person:ann", "to": "service:ci", "from": "2034-01-01"}),
    ("", {"type": "DefineProduct", "key": "cart", "title": "Cart", "accountable": "Dee"}),
    (
        "is_claim",
        {"type": "DelegateOwnership", "subject": "product:cart", "delegation": "cas", "to": "Cas"}
        | {"until": "2035-01-01"},
    ),
    ("until", {"type": "HandOverOwnership", "subject": "product:cart", "to": "Cas", "until": "2035-01-01"}),
    ("products", {"type": "AssignToProducts", "subject": "feature:tray", "products": ["bar", "counter"]}),
    (
        "subjects",
        {"type": "ImportChanges", "subject": "feature:jam", "source": {"system": "jira"}}
        | {"changes": [{"field": "exists", "value": True}, {"field": "goals", "subjects": ["goal:speed"]}]},
    ),
]
"""Commands whose events have fields that are often omitted, each with a field that names the file."""


DEE_MAY = {"type": "DelegateOwnership", "subject": "product:counter", "delegation": "ices", "to": "Dee"}
ENTITLED: list[tuple[str, str, dict[str, Any]]] = [
    ("person:cas", "", {"type": "DelegateActions", "subject": "person:cas", "to": "person:dee"}),
    (
        "person:dee",
        "on_behalf_of",
        {"type": "RecordDecision", "key": "lemons", "title": "Lemons", "decision": "Yes.", "why": "They are sour."}
        | {"accountable": "Cas", "on_behalf_of": "person:cas", **COUNTER},
    ),
    ("person:cas", "", DEE_MAY | {"cost_limit": EUROS}),
    (
        "person:dee",
        "delegation",
        {"type": "RecordDecision", "key": "ices", "title": "Ice cream", "decision": "Ice.", "why": "It is hot."}
        | {"accountable": "Cas", "cost": EUROS, **COUNTER},
    ),
]
"""Commands of people who act or decide by a delegation, each with a field that names the file, if it has one."""


def write_missing() -> list[str]:
    """The names of the types it wrote a file for."""
    with tempfile.TemporaryDirectory() as folder, open_log(Path(folder)) as log:
        written = []
        for example in examples_for(log.id)[:-1]:  # the last forgets
            write_new_entries(log, written)
            asyncio.run(log.execute(transaction(example)))
            if example["type"] in ADDED:
                write_new_entries(log, written, added=ADDED[example["type"]])
        log.directory.rename("service:ci", "The builder")
        log.tokens.revoke(log.tokens.create("service:ci", scopes=["import"])[0])
        asyncio.run(log.execute(transaction({"type": "RegisterPerson", "key": "cas", "name": "Cas"})))
        log.sign_in_links.create("person:cas")
        log.accounts.link("https://login.example.org", "248289761001", "person:cas")
        log.accounts.unlink("https://login.example.org", "248289761001")
        write_new_entries(log, written)
        log.tokens.create("service:ci", expires_at=UNTIL)
        write_new_entries(log, written, added="expires_at")
        for added, command in ADDED_FIELDS.items():
            asyncio.run(log.execute(transaction(command)))
            write_new_entries(log, written, added=added)
        for added, command in MORE_FIELDS:
            asyncio.run(log.execute(transaction(command)))
            if added:
                write_new_entries(log, written, added=added)
        for added, command in OFTEN_OMITTED:
            asyncio.run(log.execute(transaction(command)))
            if added:
                write_new_entries(log, written, added=added)
        for who, added, command in ENTITLED:
            caller = Caller(who, f"token-{who}", "http", frozenset(SCOPES))
            asyncio.run(log.execute(transaction(command, caller=caller)))
            if added:
                write_new_entries(log, written, added=added)
        for command in JUDGED:
            if command["type"] == "VoidEntry":
                command["position"] = log.read(0, 10_000)[-3].position  # where it was assigned
            asyncio.run(log.execute(transaction(command)))
            if getattr(log.read(0, 10_000)[-1].event, "authority", None):
                write_new_entries(log, written, added="authority")
        for command in examples_for(log.id)[-1:]:
            asyncio.run(log.execute(transaction(command)))
            write_new_entries(log, written)
    return written


def write_new_entries(log: DecisionLog, written: list[str], added: str = "") -> None:
    """Write the entries of types that have no file; with `added`, of the last entry, which has this field."""
    entries = list(zip(log.read(0, 10_000), log.raw(0, 10_000), strict=True))
    for entry, raw in entries[-1:] if added else entries:
        path = GOLDEN / f"{entry.type}{f'+{added}' if added else ''}.json"
        if not path.exists():
            path.write_text(json.dumps(golden(entry, raw), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            written.append(path.stem)


def golden(entry: Entry, raw: RawEntry) -> dict[str, object]:
    """What goes in (with the salt of each text, by its place) and what comes out."""
    metadata = entry.metadata
    given = {
        "position": entry.position,
        "recorded_at": entry.recorded_at,
        "subject": entry.subject,
        "type": entry.type,
        "version": entry.version,
        "id": metadata.id,
        "transaction": metadata.transaction,
        "place": metadata.index,
        "actor": metadata.actor,
        "on_behalf_of": [[link.who, link.delegation] for link in metadata.on_behalf_of],
        "credential": metadata.credential,
        "effective_at": metadata.effective_at,
        "because": list(metadata.because),
        "source": [metadata.source.channel, metadata.source.system, metadata.source.reference, metadata.source.at],
        "references": [[reference.system, reference.id] for reference in metadata.references],
        "note": metadata.note,
        "corrects": metadata.corrects,
        "data": entry.event.model_dump(mode="json", by_alias=True, exclude_unset=True),
    }
    salts = {place: salt for place, (salt, _) in raw.texts.items()}
    return {"given": given, "salts": salts, "entry": raw.entry.decode(), "leaf": raw.leaf}


if __name__ == "__main__":
    print("\n".join(write_missing()) or "nothing new")  # noqa: T201
