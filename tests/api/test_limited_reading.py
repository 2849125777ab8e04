"""With `DECISIONLOG_READING=own`, every GET route answers from one's own products only, on both databases."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from functools import reduce
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import pytest

from domain.scopes import SCOPES
from identity.decision_log import DecisionLog
from projections.read_model.factory import open_database
from tests import support_log
from tests.api import test_replica
from tests.api.test_replica import ONLY_THE_LOG
from tests.support_client import AppClient
from tests.support_log import LocalService
from tests.support_postgresql import fresh_schema

Question = Mapping[str, Any]
SINCE: Final = "2020-01-01"
GROUPS: Final = ("holder", "value", "field", "kind", "product", "subject")


class Product(NamedTuple):
    """A product: its key begins every id, its word is in every text of what belongs to it, and neither is elsewhere."""

    key: str
    word: str


CORAL, ZINC = Product("coral", "pearl"), Product("zinc", "quartz")
READERS: Final = {"viewer": (CORAL, ZINC), "team": (ZINC, CORAL), "line": (ZINC, CORAL)}
"""A viewer, a member of a team with a role, and a manager of a line: what they may read, and what they may not."""

ABOUT_SUBJECT: Final[list[Question]] = [
    {"subject": subject} for subject in ("product:{key}", "decision:{key}-1", "feature:{key}-1", "import:{key}-1")
]
ASKED: Final[dict[str, list[Question]]] = {
    "/v1/fields": [{}, {"blame": True, "include_removed": True, "known_at": "2030-01-01"}, {"product": "{key}"}],
    "/v1/fields/count": [{"group": group} for group in GROUPS if group not in ("holder", "field", "kind")],
    "/v1/fields/history": [{}, {"order": "newest", "include_unchanged": True}, {"product": "product:{key}"}],
    "/v1/fields/history/count": [{"group": ["subject", "field"]}],
    "/v1/roadmap": [
        {"layout": layout, "columns": columns, "blame": True, "show": "*", "include_removed": True}
        for layout in ("board", "timeline", "table")
        for columns in ("release", "horizon", "owner")
    ],
    "/v1/changes": [{"since": SINCE, "include_removed": True}, {"since": SINCE, "known_since": SINCE}],
    "/v1/slips": [{}, {"include_removed": True}],
    **{
        f"/v1/{kind}": [{}] for kind in ("decisions", "features", "products", "releases", "goals", "imports", "unowned")
    },
    **{
        f"/v1/{kind}/{{key}}": [{"key": "{key}-1"}]
        for kind in ("decisions", "features", "releases", "goals", "imports")
    },
    **{f"/v1/{kind}": [{}] for kind in ("evidence", "assumptions", "expected-outcomes", "arrivals", "flags", "debt")},
    **{f"/v1/{kind}": [{}] for kind in ("meetings", "tasks")},
    **{f"/v1/{kind}/{{key}}": [{"key": "{key}-1"}] for kind in ("meetings", "tasks")},
    "/v1/meetings/{key}/minutes": [{"key": "{key}-1"}],
    **{f"/v1/{kind}/{{key}}": [{"key": "{key}-1"}] for kind in ("evidence", "assumptions")},
    "/v1/debt/months": [{}],
    "/v1/decisions/{key}/options": [{"key": "{key}-1"}],
    **{f"/v1/{path}": [{}] for path in ("contributions", "contributions/gaps", "slips/causes")},
    "/v1/slips/count": [{"by": "release"}],
    "/v1/succession": [{"who": "person:ann", "to": "person:admin"}],
    "/v1/decisions/{key}/authority": [{"key": "{key}-1"}, {"key": "{key}-2"}],
    "/v1/products/{key}": [{"key": "{key}"}],
    "/v1/products/{key}/report": [{"key": "{key}", "since": SINCE}],
    "/v1/products/{key}/deciders": [{"key": "{key}"}, {"key": "{key}", "cost": 5, "currency": "EUR"}],
    "/v1/subjects/{subject}": ABOUT_SUBJECT,
    "/v1/subjects/{subject}/history": ABOUT_SUBJECT,
    "/v1/subjects/{subject}/graph": ABOUT_SUBJECT[1:3],  # a product has no graph
    "/v1/subjects/{subject}/accountability": ABOUT_SUBJECT[:2],
    "/v1/accountability": [{"who": "person:ann"}, {"who": "Ann", "blame": True}],
    "/v1/audit": [{}, {"order": "oldest"}, {"text": "{word}"}, {"voided": True}, {"on_behalf_of": False, "limit": 500}],
    "/v1/search": [{"text": "{word}"}, {"text": "the"}],
    "/v1/log/entries": [{}, {"cursor": 3}],
    "/v1/log/entries/{position}": [{"position": "{position}"}],
    "/": [{}],
    "/roadmap": [{}, {"layout": "timeline"}, {"layout": "table"}],
    "/decisions": [{}],
    "/goals": [{}],
    "/releases": [{}],
    "/audit": [{}],
    "/reports": [{}],
    "/record": [{}],
    "/admin": [{}],
    "/search": [{"text": "{word}"}, {"text": "the"}],
    "/similar": [{"title": "Polish the {word}"}],
    "/audit/{position}": [{"position": "{position}"}],
    "/audit/{position}/proof": [{"position": "{position}"}],
    **{f"/{kind}/{{key}}": [{"key": "{key}-1"}] for kind in ("decisions", "features", "releases", "goals")},
    **{
        f"/{kind}": [{}]
        for kind in ("assumptions", "debt", "evidence", "flags", "meetings", "outcomes", "slips", "tasks")
    },
    **{f"/{kind}/{{key}}": [{"key": "{key}-1"}] for kind in ("assumptions", "evidence", "meetings", "tasks")},
    "/decisions/{key}/review": [{"key": "{key}-1"}],
    "/meetings/{key}/write-up": [{"key": "{key}-1"}],
    "/succession/{key}": [{"key": "ann"}],
    "/products/{key}": [{"key": "{key}"}],
    "/reports/{key}": [{"key": "{key}", "since": SINCE}],
    "/do/{name}": [
        {"name": "SetVision", "subject": "product:{key}"},
        {"name": "LinkFeature", "subject": "feature:{key}-1"},
    ],
    "/people/{key}": [{"key": "ann"}],
    "/teams/{key}": [{"key": "core"}],
    "/imports/{key}": [{"key": "{key}-1"}],
}
"""Questions in whose answers something of one's own product appears."""
ASKED_ABOUT_EVERYBODY: Final[dict[str, list[Question]]] = {
    "/v1/fields/count": [{"group": group} for group in ("holder", "field", "kind")],
    "/v1/fields/history/count": [{"group": ["direction", "actor", "principal"]}],
    "/v1/decisions/{key}/review": [{"key": "{key}-1"}],
    "/v1/accountability/count": [{}],
    "/v1/calibration": [{}],
    "/v1/people": [{}],
    "/v1/people/{key}": [{"key": "ann"}],
    "/v1/teams": [{}],
    "/v1/teams/{key}": [{"key": "core"}],
    "/v1/roles": [{}, {"holder": "person:manager"}],
    "/v1/me": [{}],
    "/v1/log": [{}],
    "/v1/status": [{}],
    "/v1/health": [{}],
    "/v1/version": [{}],
    "/v1/catalog": [{}],
    "/v1/sessions": [{}],
    "/people": [{}],
    "/account": [{}],
    "/help": [{}],
    "/docs": [{}],
    "/openapi.json": [{}],
}
"""Questions in whose answers nothing of a product needs to appear."""
ADMIN_FORMS: Final = {
    f"/admin/{name}"
    for name in ("create-token", "revoke-token", "create-sign-in-link", "end-sessions", "grant-role", "revoke-role")
}
AUDITED: Final = {"/v1/access-journal", "/access-journal", "/v1/activity", "/activity"}
REFUSED: Final = {*AUDITED, "/v1/tokens", "/v1/accounts", "/demo", *ADMIN_FORMS}
"""Routes that need a role for all products."""
OUTSIDE: Final = {"/sign-in", "/sign-out", "/sign-in/provider", "/sign-in/callback", "/static/{name}"}
"""Routes that read nothing from the log."""


def story(product: Product) -> list[dict[str, Any]]:
    """Something of every kind, in one product."""
    key, word = product
    home = {"products": [key]}
    return [
        {"type": "DefineProduct", "key": f"{key}-line", "title": f"All the {word}"},
        {"type": "DefineProduct", "key": key, "title": f"The {word}", "description": word, "line": f"{key}-line"},
        {"type": "SetVision", "subject": f"product:{key}", "vision": f"The {word} for everybody."},
        {"type": "SetStrategy", "subject": f"product:{key}", "strategy": f"One {word} a day."},
        {"type": "AssignOwnership", "subject": f"product:{key}", "holders": ["person:ann"]},
        {"type": "SetDecisionRights", "subject": f"product:{key}", "rules": [{"roles": ["accountable"]}]},
        {
            "type": "DelegateOwnership",
            "subject": f"product:{key}",
            "delegation": f"{key}-summer",
            "to": "team:core",
            "limit": f"without the {word}",
            "until": "2035-01-01",
        },
        *(
            {
                "type": "ScheduleRelease",
                "key": f"{key}-{n}",
                "version": f"{word}-{n}",
                "due_on": f"2025-0{n}-01",
                **home,
            }
            for n in (1, 2)
        ),
        {"type": "RescheduleRelease", "subject": f"release:{key}-1", "due_on": "2025-07-01"},
        {"type": "OrderReleases", "subject": f"product:{key}", "releases": [f"{key}-1", f"{key}-2"]},
        {"type": "SetGoal", "key": f"{key}-1", "title": f"More {word}", "measure": f"The {word} sold.", **home},
        {
            "type": "ProposeDecision",
            "key": f"{key}-1",
            "title": f"Polish the {word}",
            "accountable": "person:ann",
            "options": [{"title": f"Polish {word}"}],
            "tags": [word],
            **home,
        },
        {
            "type": "AdviseOnDecision",
            "subject": f"decision:{key}-1",
            "advice": f"The {word} shines.",
            "by": "person:ann",
        },
        {
            "type": "AcceptDecision",
            "subject": f"decision:{key}-1",
            "decision": f"Polish {word}.",
            "why": f"{word}!",
            "note": f"Said near the {word}.",
            "references": [{"system": word, "id": f"{key}-17"}],
        },
        {
            "type": "RecordDecision",
            "key": f"{key}-2",
            "title": f"Sell the {word}",
            "decision": f"Sell {word}.",
            "why": f"The {word} is gone.",
            "accountable": "person:ann",
            "cost": {"amount": 9, "currency": "EUR"},
            **home,
        },
        {"type": "SupersedeDecision", "subject": f"decision:{key}-1", "by": [f"{key}-2"], "because": [f"{key}-2"]},
        {
            "type": "ProposeFeature",
            "key": f"{key}-1",
            "title": f"A {word} ring",
            "definition": f"The {word} shown.",
            **home,
        },
        {"type": "ProposeFeature", "key": f"{key}-2", "title": f"The {word} box", **home},
        {"type": "RemoveSubject", "subject": f"feature:{key}-2", "why": f"No {word} fits."},
        {"type": "PrioritizeFeature", "subject": f"feature:{key}-1", "horizon": "now"},
        *(
            {
                "type": "TargetMilestone",
                "subject": f"feature:{key}-1",
                "milestone": "beta",
                "release": f"{key}-{n}",
                "because": [f"{key}-2"],
                "note": f"As the {word} needs it.",
            }
            for n in (1, 2)
        ),
        {"type": "LinkFeature", "subject": f"feature:{key}-1", "goals": [f"{key}-1"], "decisions": [f"{key}-2"]},
        {"type": "SetAliases", "subject": f"feature:{key}-1", "aliases": [f"{word}-77"]},
        {"type": "SetAttribute", "subject": f"feature:{key}-1", "name": word, "value": word},
        {
            "type": "ImportChanges",
            "subject": f"import:{key}-1",
            "source": {"system": word},
            "changes": [
                {"field": "exists", "value": True},
                {"field": "system", "value": word},
                {"field": "products", "subjects": [f"product:{key}"], "source_value": word},
            ],
        },
        {
            "type": "IssueReport",
            "subject": f"product:{key}",
            "since": SINCE,
            "until": "2021-01-01",
            "position": 4,
            "sha256": "0" * 64,
        },
        {
            "type": "StateAssumption",
            "key": f"{key}-1",
            "title": f"The {word} is rare",
            "accountable": "person:ann",
            "under": [f"decision:{key}-2"],
            "check_on": "2025-02-01",
            **home,
        },
        {
            "type": "RecordEvidence",
            "key": f"{key}-1",
            "title": f"They like the {word}",
            "kind": "customer",
            "valid_until": "2025-03-01",
            "supports": [f"decision:{key}-2"],
            "opposes": [f"assumption:{key}-1"],
            **home,
        },
        {
            "type": "BreakAssumption",
            "subject": f"assumption:{key}-1",
            "why": f"There is {word} in every brook.",
            "evidence": [f"{key}-1"],
        },
        {
            "commands": [
                {
                    "type": "RecordMeeting",
                    "key": f"{key}-1",
                    "title": f"About the {word}",
                    "held_on": "2020-01-01",
                    "attendees": ["person:ann"],
                    "agenda": [f"{key}-2"],
                    "notes": f"The {word} was shown.",
                    **home,
                },
                {
                    "type": "AssignTask",
                    "key": f"{key}-1",
                    "title": f"Weigh the {word}",
                    "accountable": "person:ann",
                    "due_on": "2025-01-05",
                    **home,
                },
            ]
        },
        {
            "type": "StateExpectedOutcome",
            "subject": f"feature:{key}-1",
            "measure": f"The {word} sold",
            "target": word,
            "due_on": "2025-01-01",
            "probability": 70,
            "judge": "person:ann",
        },
        {
            "type": "RecordOutcome",
            "subject": f"feature:{key}-1",
            "expectation": "1",
            "result": "met",
            "actual": word,
            "finding": f"The {word} counted.",
            "by": "person:ann",
        },
        {"type": "ProposeDecision", "key": f"{key}-3", "title": f"Sell more {word}", **home},
        {
            "type": "DeferDecision",
            "subject": f"decision:{key}-3",
            "until": f"The {word} is found.",
            "awaits": [f"evidence:{key}-1-again"],
        },
        {"type": "RecordEvidence", "key": f"{key}-1-again", "title": f"The {word} was found", "kind": "market", **home},
    ]


def meeting_about_both(own: Product, other: Product) -> list[dict[str, Any]]:
    """A meeting about one product whose agenda also has a decision about another."""
    meeting = {"subject": f"meeting:{own.key}-both"}
    up = [f"{own.key}-3", f"{other.key}-3"]
    return [
        {"type": "PlanMeeting", "key": f"{own.key}-both", "title": f"Both, for {own.word}", "held_on": "2035-01-01"}
        | {"products": [own.key], "agenda": up[:1]},
        {"type": "ReviseMeeting", **meeting, "agenda": up, "held_on": "2020-01-02"},
        {
            "commands": [
                {"type": "HoldMeeting", **meeting, "attendees": ["person:ann"]},
                *(
                    {"type": "AdviseOnDecision", "subject": f"decision:{each}", "advice": "Wait.", "by": "person:ann"}
                    for each in up
                ),
                {"type": "AssignTask", "key": f"{own.key}-both", "title": f"Ask about {own.word}"}
                | {"accountable": "person:ann", "products": [own.key]},
            ]
        },
    ]


def references_to(own: Product, other: Product) -> list[dict[str, Any]]:
    """Commands about one product, by a reader of both, that refer to subjects of the other."""
    feature, decision = f"feature:{own.key}-1", f"decision:{own.key}-2"
    cause = {"because": [f"{own.key}-2", f"{other.key}-2"]}
    return [
        {"type": "LinkFeature", "subject": feature, **cause, "goals": [f"{own.key}-1", f"{other.key}-1"]}
        | {"decisions": [f"{own.key}-2", f"{other.key}-2"], "features": [f"{other.key}-1"]},
        {"type": "SetAttribute", "subject": feature, "name": "size", "value": own.word, "because": [f"{other.key}-2"]},
        {"type": "LinkDecision", "subject": decision, "goals": [f"{other.key}-1"]},
        {"type": "LinkEvidence", "subject": f"evidence:{own.key}-1", "to": [f"decision:{other.key}-2"]},
        {
            "type": "RecordDecision",
            "key": f"{own.key}-4",
            "title": f"All {own.word}",
            "decision": f"{own.word}.",
            **cause,
        }
        | {"why": f"{own.word}.", "accountable": "person:ann", "products": [own.key], "supersedes": [f"{own.key}-2"]},
    ]


def only_references_to(own: Product, other: Product) -> list[dict[str, Any]]:
    """Commands about one product whose lists have nothing but subjects of the other: a reader of one finds them empty."""
    home = {"products": [own.key]}
    feature, release = (f"{kind}:{own.key}-5" for kind in ("feature", "release"))
    decision, taken, awaiting = (f"decision:{own.key}-{n}" for n in (5, 6, 7))
    cause = {"because": [f"{other.key}-2"]}
    return [
        {
            "type": "ScheduleRelease",
            "key": f"{own.key}-5",
            "version": f"{own.word}-5",
            "due_on": "2025-05-01",
            **home,
            **cause,
        },
        {"type": "RescheduleRelease", "subject": release, "due_on": "2025-06-01", **cause},
        {"type": "RescheduleRelease", "subject": release, "due_on": "2025-07-01", "cause": f"feature:{other.key}-1"},
        {
            "type": "SetGoal",
            "key": f"{own.key}-5",
            "title": f"Much {own.word}",
            "accountable": "person:ann",
            **home,
            **cause,
        },
        {"type": "ProposeFeature", "key": f"{own.key}-5", "title": f"A {own.word} pin", **home, **cause},
        {"type": "PrioritizeFeature", "subject": feature, "horizon": "next", **cause},
        {"type": "TargetMilestone", "subject": feature, "day": "2025-05-01", **cause},
        {"type": "TargetMilestone", "subject": feature, "day": "2025-06-01", **cause},
        {"type": "TargetMilestone", "subject": feature, "day": "2025-07-01", "cause": f"assumption:{other.key}-1"},
        {"type": "LinkFeature", "subject": feature, "goals": [f"{other.key}-1"], "decisions": [f"{other.key}-2"]}
        | {"features": [f"{other.key}-1"], **cause},
        {"type": "SetStrategy", "subject": f"product:{own.key}", "strategy": f"More {own.word}.", **cause},
        {"type": "OrderReleases", "subject": f"product:{own.key}", "releases": [f"{other.key}-1"], **cause},
        {
            "type": "ProposeDecision",
            "key": f"{own.key}-5",
            "title": f"Lend {own.word}",
            "goals": [f"{other.key}-1"],
            "options": [
                {
                    "title": f"Lend {own.word}",
                    "findings": [{"risk": "viable", "answer": "yes", "evidence": [f"{other.key}-1"]}],
                }
            ],
            **home,
            **cause,
        },
        {"type": "AcceptDecision", "subject": decision, **cause},
        {"type": "SupersedeDecision", "subject": decision, "by": [f"{other.key}-2"], **cause},
        {"type": "ProposeDecision", "key": f"{own.key}-6", "title": f"Give {own.word}", **home},
        {"type": "AcceptDecision", "subject": taken, **cause},
        {"type": "ReverseDecision", "subject": taken, "why": f"No {own.word}.", "by": f"{other.key}-2"},
        {"type": "ProposeDecision", "key": f"{own.key}-7", "title": f"Take {own.word}", **home, **cause},
        {
            "type": "DeferDecision",
            "subject": awaiting,
            "until": "Then.",
            "awaits": [f"decision:{other.key}-3"],
            **cause,
        },
        {
            "type": "RecordEvidence",
            "key": f"{own.key}-5",
            "title": f"They saw {own.word}",
            "kind": "market",
            **home,
            **cause,
        }
        | {"supports": [f"decision:{other.key}-2"], "opposes": [f"assumption:{other.key}-1"]},
        {
            "type": "StateAssumption",
            "key": f"{own.key}-5",
            "title": f"There is {own.word}",
            "check_on": "2025-02-01",
            **home,
        }
        | {"under": [f"decision:{other.key}-2"], **cause},
        {"type": "BreakAssumption", "subject": f"assumption:{own.key}-5", "why": "No.", "evidence": [f"{other.key}-1"]},
        {
            "type": "StateExpectedOutcome",
            "subject": feature,
            "measure": "Sold",
            "target": own.word,
            "due_on": "2025-01-01",
        },
        {
            "type": "RecordOutcome",
            "subject": feature,
            "expectation": "1",
            "result": "met",
            "evidence": [f"{other.key}-1"],
        },
        {
            "commands": [
                {"type": "RecordMeeting", "key": f"{own.key}-5", "title": f"On {own.word}", "held_on": "2020-01-01"}
                | {"attendees": ["person:ann"], "agenda": [f"{other.key}-3"], **home, **cause},
                {"type": "AssignTask", "key": f"{own.key}-5", "title": f"Find {own.word}"}
                | {"accountable": "person:ann", **home, **cause},
            ]
        },
        {"type": "AssignOwnership", "subject": feature, "holders": ["person:ann"], **cause},
        {"type": "HandOverOwnership", "subject": feature, "to": "team:core", **cause},
        {"type": "DropFeature", "subject": feature, "why": f"No {own.word}.", "because": [f"{other.key}-2"]},
        {"type": "ReopenFeature", "subject": feature, "why": "Yes.", **cause},
    ]


class World:
    """A log with two products that tell the same story, and callers with different roles."""

    def __init__(self, service: LocalService) -> None:
        self.service = service
        self.send({"type": "RegisterPerson", "key": "ann", "name": "Ann"})
        self.send({"type": "RegisterTeam", "key": "core", "title": "Core"})
        for product in (CORAL, ZINC):
            for command in story(product):
                self.send(command)
            vision = service.log.stream(f"product:{product.key}")[1].position
            self.send(
                {"type": "VoidEntry", "subject": f"product:{product.key}", "position": vision, "why": product.word}
            )
        for own, other in ((CORAL, ZINC), (ZINC, CORAL)):
            for command in only_references_to(own, other):
                self.send(command)
        for own, other in ((CORAL, ZINC), (ZINC, CORAL)):
            for command in [*meeting_about_both(own, other), *references_to(own, other)]:
                self.send(command)
        self.positions = {key: service.log.stream(f"decision:{key}-1")[0].position for key in (CORAL.key, ZINC.key)}
        self.admin, self.nobody = self.let_in("admin", "admin"), self.let_in("nobody")
        self.readers = {
            "viewer": self.let_in("viewer", "viewer", "coral"),
            "team": self.let_in("member"),
            "line": self.let_in("manager", "manager", "zinc-line"),
        }
        self.auditor = self.let_in("auditor", "auditor", "coral")
        self.send({"type": "AssignOwnership", "subject": "team:core", "role": "member", "holders": ["person:member"]})
        self.send({"type": "GrantRole", "subject": "team:core", "role": "contributor", "product": "zinc"})
        service.log.default_role, service.log.limits_reading = None, True
        service.runner.wait_for(service.log.head().size, 10)

    def send(self, command: dict[str, Any]) -> None:
        response = self.service.client.post("/v1/commands", json=command)
        assert response.status_code in (200, 201), (command, response.text)

    def let_in(self, key: str, role: str | None = None, product: str | None = None) -> AppClient:
        """A person with a role, for one product or all of them."""
        self.send({"type": "RegisterPerson", "key": key, "name": key.title()})
        where = None if product is None else f"product:{product}"
        tokens, by = self.service.log.tokens, self.service.caller()
        _, secret = tokens.create(f"person:{key}", scopes=SCOPES, role=role, product=where, by=by)  # type: ignore[arg-type]
        return self.service.client_of(secret)

    def ask(
        self, client: AppClient, path: str, question: Question, about: Product, accept: str
    ) -> tuple[int, str, str]:
        """The status and the text of an answer, also without what the question itself says."""
        words = {**about._asdict(), "position": self.positions[about.key]}
        said = {
            name: [each.format(**words) for each in value]
            if isinstance(value, list)
            else value.format(**words)
            if isinstance(value, str)
            else value
            for name, value in question.items()
        }
        parts = set(re.findall(r"\{(\w+)\}", path))
        params = {name: value for name, value in said.items() if name not in parts}
        answer = client.get(path.format(**said), params=params, headers={"Accept": accept})
        asked = [value for value in said.values() if isinstance(value, str) and about.key in value]
        echoes = [*asked, *(f"'{value.partition(':')[2]}'" for value in asked)]
        rest = reduce(lambda text, echo: text.replace(echo, ""), echoes, unescape(unquote(answer.text)))
        return answer.status_code, answer.text, rest


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The log and its read model in files, or in a schema of PostgreSQL."""
    with (
        pytest.MonkeyPatch.context() as patch,
        fresh_schema() if request.param == "postgresql" else nullcontext() as url,
    ):
        if url:
            log = SimpleNamespace(open=lambda _path, **options: DecisionLog.open(url, **options))
            patch.setattr(support_log, "DecisionLog", log)
            patch.setattr(support_log, "SqliteDatabase", lambda _path: open_database(url))
        with LocalService(tmp_path_factory.mktemp("service")) as service:
            yield World(service)


def questions_of(path: str, questions: list[Question]) -> list[Question]:
    """The questions, also about the subjects whose lists have only subjects of the other product."""
    own_page = "{key}-1"
    numbers = {"decisions": (5, 6, 7)}.get(path.split("/")[-2] if "/" in path else "", (5,))
    if not re.fullmatch(
        r"(/v1)?/(decisions|features|releases|goals|assumptions|evidence|meetings|tasks)/\{key\}(/\w+)?", path
    ):
        return questions
    more = [{"key": f"{{key}}-{n}"} for n in numbers if questions[0].get("key") == own_page]
    return [*questions, *more]


def formats(path: str) -> tuple[str, ...]:
    return ("application/json", "text/csv") if path.startswith("/v1/") else ("text/html",)


def leaks(world: World, reader: str, *, skip: frozenset[str] = frozenset()) -> list[tuple[Any, ...]]:
    """Every answer that says a word of the other product, or nothing of the reader's own."""
    client, (own, other) = world.readers[reader], READERS[reader]
    wrong = []
    for table in (ASKED, ASKED_ABOUT_EVERYBODY):
        for path, questions in table.items():
            asked_too = questions_of(path, questions)
            for question, accept in ((each, accept) for each in asked_too for accept in formats(path)):
                if path in skip:
                    continue
                asked = (path, question, accept)
                status, text, _ = world.ask(client, path, question, own, accept)
                if status != 200 or (table is ASKED and own.key not in text and own.word not in text):
                    wrong.append((*asked, "own", status, text[:300]))
                hidden_status, _, hidden = world.ask(client, path, question, other, accept)
                is_about_other = "{" in path and any("{" in str(value) for value in question.values())
                if is_about_other and hidden_status != 404:
                    wrong.append((*asked, "hidden", hidden_status))
                echoed = [other.word] if "{word}" in str(question) else []
                for said, words in ((text, {*other}), (hidden, {*other} - {*echoed})):
                    wrong += [(*asked, said[max(0, said.index(word) - 60) :][:120]) for word in words if word in said]
    return wrong


def test_every_get_route_is_asked(world: World) -> None:
    """The tables of questions name exactly the GET routes that are served."""
    served = {route.path for route in world.service.app.routes if "GET" in route.methods}  # type: ignore[attr-defined]
    assert served == {*ASKED, *ASKED_ABOUT_EVERYBODY} | REFUSED | OUTSIDE


@pytest.mark.parametrize(
    "reader", ["team", pytest.param("viewer", marks=pytest.mark.slow), pytest.param("line", marks=pytest.mark.slow)]
)
def test_a_reader_sees_their_own_product_and_no_word_of_the_other(world: World, reader: str) -> None:
    """Given two products, when a reader of one asks every question, then the other one does not exist for them."""
    assert leaks(world, reader) == []
    assert {path: world.readers[reader].get(path).status_code for path in REFUSED} == dict.fromkeys(REFUSED, 403)


@pytest.mark.parametrize(
    "command",
    [
        {"type": "VoidEntry", "subject": "decision:coral-2", "position": 5, "why": "W."},
        {"type": "SetDecisionRights", "subject": "product:coral", "rules": []},
        {"type": "RemoveSubject", "subject": "product:coral", "why": "W."},
        {"type": "ProposeFeature", "key": "new", "title": "New", "products": ["coral"]},
        {"type": "DefineProduct", "key": "new", "title": "New", "because": ["coral-2"]},
        {"type": "GrantRole", "subject": "service:x", "role": "viewer", "product": "coral"},
        {"type": "AcceptDecision", "subject": "decision:coral-3", "deciders": ["No One"]},
        {"type": "ImportChanges", "subject": "feature:coral-1", "source": {"system": "jira"}}
        | {"changes": [{"field": "exists", "value": True}]},
    ],
)
def test_a_refusal_is_the_same_for_hidden_and_unknown_subjects(world: World, command: dict[str, Any]) -> None:
    """A command that a reader may not send, or that is wrong otherwise, does not show that a subject is hidden."""
    client = world.readers["line"]
    texts = {name: json.dumps(command).replace("coral", name) for name in ("coral", "other")}
    answers = {name: client.post("/v1/commands", json=json.loads(text)) for name, text in texts.items()}
    hidden, unknown = (answers[name].text.replace(name, "-") for name in answers)
    assert hidden == unknown
    for name in answers:
        body = {"commands": [json.loads(texts[name])], "expected": {f"decision:{name}-2": 1}}
        answers[name] = client.post("/v1/commands", json=body)
    assert answers["coral"].text.replace("coral", "-") == answers["other"].text.replace("other", "-")


def test_a_refusal_names_nothing_that_is_hidden(world: World) -> None:
    """Neither a position in `corrects` nor what prevents a command shows the id of a hidden subject."""
    reader, position = world.readers["line"], world.positions["coral"]
    home = {"products": ["zinc"]}
    decide = {"type": "RecordDecision", "key": "zinc-10", "title": "T", "decision": "D", "why": "W", **home}
    own = reader.post("/v1/commands", json={**decide, "accountable": "person:ann"})
    assert own.status_code == 201, own.text
    old = {**decide, "key": "coral-10", "accountable": "person:ann", "products": ["coral"]}
    gone = {"type": "ProposeFeature", "key": "gone", "title": "Gone", "products": ["coral"]}
    for command in (old, {"type": "SupersedeDecision", "subject": "decision:coral-10", "by": ["zinc-10"]}, gone):
        assert world.admin.post("/v1/commands", json=command).status_code in (200, 201)
    voided = world.service.log.head().size
    void = {"type": "VoidEntry", "subject": "feature:gone", "position": voided, "why": "W."}
    assert world.admin.post("/v1/commands", json=void).status_code == 200
    for command in (
        {"type": "SetVision", "subject": "product:zinc", "vision": "V.", "corrects": position},
        {"type": "ProposeFeature", "key": "new", "title": "New", "corrects": position, **home},
        {**gone, **home, "corrects": voided},
        {"type": "VoidEntry", "subject": "decision:zinc-10", "position": own.json()["position"], "why": "W."},
    ):
        refused = reader.post("/v1/commands", json=command)
        assert refused.status_code in (404, 409), refused.text
        assert "coral" not in refused.text
    assert "supersedes something that you may not read" in refused.text


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "text/html"])
def test_an_agenda_shows_only_decisions_that_the_reader_may_see(world: World, accept: str) -> None:
    """Given a meeting about decisions of two products, when a reader of one asks for it, the other decision is missing."""
    api = "" if accept == "text/html" else "/v1"
    about = {"subject": "meeting:zinc-both"}
    paths: dict[str, dict[str, str]] = {f"{api}/meetings": {}, f"{api}/meetings/zinc-both": {}}
    if api:
        more = ("fields", "fields/history", "audit")
        paths |= {"/v1/meetings/zinc-both/minutes": {}, **{f"/v1/{path}": about for path in more}}
    else:
        paths |= {"/meetings/zinc-both/write-up": {}}
    for path, parameters in paths.items():
        asked = {"params": parameters, "headers": {"Accept": accept}}
        whole, part = (each.get(path, **asked).text for each in (world.admin, world.readers["team"]))
        assert "zinc-3" in part, path
        assert "coral-3" in whole, path
        assert "coral" not in part, (path, part)


def test_an_entry_about_hidden_decisions_is_not_shown(world: World) -> None:
    """An entry is shown as it was hashed or not at all, so one whose agenda has a hidden decision is not shown."""
    planned, revised, _ = (each.position for each in world.service.log.stream("meeting:zinc-both"))
    reader = world.readers["team"]
    asked = [reader.get(f"/v1/log/entries/{each}").status_code for each in (planned, revised)]
    listed = [json.loads(line)["entry"]["position"] for line in reader.get("/v1/log/entries").text.splitlines()]
    assert asked == [200, 404]
    assert reader.get(f"/audit/{revised}/proof").status_code == 404
    page = reader.get(f"/audit/{revised}", headers={"Accept": "text/html"})
    assert (page.status_code, "zinc-3" in page.text, "coral" in page.text) == (200, True, False)
    assert (planned in listed, revised in listed) == (True, False)


def test_entries_that_are_hidden_end_no_page(world: World) -> None:
    """A reader of one product who follows the log page by page gets every entry that they may read, also if more hidden
    ones than a page has are in between.
    """
    reader = world.readers["viewer"]

    def positions(**asked: int) -> list[int]:
        lines = reader.get("/v1/log/entries", params=asked).text.splitlines()
        return [json.loads(line)["entry"]["position"] for line in lines]

    paged: list[int] = []
    while page := positions(cursor=paged[-1] if paged else 0, limit=2):
        assert len(page) <= 2
        paged += page

    assert paged == positions()
    assert max(after - before for before, after in itertools.pairwise(paged)) > 2


def test_a_name_of_another_kind_that_is_hidden_is_not_recognized(world: World) -> None:
    """An error says of which kind a name is that does not fit a parameter, unless the reader may not read the subject."""
    own, hidden = (
        world.readers["team"].get("/v1/fields", params={"product": f"{each.key}-1"}).json()["detail"]
        for each in (ZINC, CORAL)
    )
    assert "the decision `zinc-1`" in own
    assert "decision" not in hidden


def test_auditors_of_a_product_read_no_access_journal(world: World) -> None:
    """The access journal is about everybody, so it needs the role `auditor` for all products."""
    assert world.auditor.get("/v1/access-journal").status_code == 403
    assert ZINC.word not in world.auditor.get("/v1/audit", params={"limit": 500}).text


@pytest.mark.slow
def test_an_administrator_sees_both_products(world: World) -> None:
    """Each question would show the other product to a reader who may read it."""
    for path, questions in ASKED.items():
        for question, accept in ((each, accept) for each in questions for accept in formats(path)):
            for product in (CORAL, ZINC):
                status, text, _ = world.ask(world.admin, path, question, product, accept)
                assert status == 200, (path, question, text)
                assert product.key in text or product.word in text, (path, question, accept, text[:1000])


def test_counts_are_those_of_the_own_product(world: World) -> None:
    """What two readers of one product each count adds up to what an administrator counts."""
    groups = ("decision", "feature", "release", "goal", "import")  # a line of products is only read with a role for it

    def count(client: AppClient) -> list[int]:
        found = client.get("/v1/fields/count", params={"group": "kind"}).json()["rows"]
        by_kind = {row["kind"]: row["count"] for row in found}
        return [by_kind[group] for group in groups]

    coral, zinc, all_ = (count(each) for each in (world.readers["viewer"], world.readers["line"], world.admin))
    assert [sum(each) for each in zip(coral, zinc, strict=True)] == all_


def test_a_report_is_the_same_for_all_who_may_read_it(world: World) -> None:
    """Given a last entry, a decision and a release that a reader may not see, then a report up to that entry has the hash
    that the log itself computes: what is due with the release is overdue, and what rests on the decision is decided.
    """
    for command in (
        {"type": "ProposeFeature", "key": "zinc-9", "title": "A quartz box", "products": ["zinc"]},
        {"type": "TargetMilestone", "subject": "feature:zinc-9", "release": "coral-2", "because": ["coral-4"]},
        {"type": "SetVision", "subject": "product:coral", "vision": "Pearls."},
    ):
        assert world.admin.post("/v1/commands", json=command).status_code in (200, 201)
    size = world.service.log.head().size
    world.service.runner.wait_for(size, 10)
    assert world.readers["team"].get(f"/v1/log/entries/{size}").status_code == 404
    asked = {"since": SINCE, "until": "2030-01-01", "position": size}
    clients = (world.readers["team"], world.readers["line"], world.admin)
    reports = [client.get("/v1/products/zinc/report", params=asked).json() for client in clients]
    assert len({each["sha256"] for each in reports}) == 1
    assert [each["position"] for each in reports] == [size] * 3
    sections = {row["section"] for row in reports[0]["rows"] if row["subject"] == "feature:zinc-9"}
    assert sections == {"moved", "overdue", "next", "unowned"}


@pytest.mark.slow
def test_a_replica_hides_the_same(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Given a replica with `DECISIONLOG_READING=own`, then its server hides what the log's own server hides."""
    is_postgresql = "postgresql" in request.node.callspec.id
    with fresh_schema() if is_postgresql else nullcontext() as url:
        monkeypatch.setattr(test_replica, "SqliteDatabase", lambda path: open_database(url or path))
        with test_replica.served(world.service, test_replica.filled(world.service, tmp_path)):
            world.service.app.state.services.book.limits_reading = True
            assert (
                leaks(
                    world,
                    "viewer",
                    skip=frozenset(ONLY_THE_LOG | {"/v1/sessions", "/account", "/audit/{position}/proof"}),
                )
                == []
            )


def test_people_without_a_role_end_their_own_sessions(world: World) -> None:
    """Given a person without a role, then they list and end their sessions, and reach nothing else."""
    link = lambda key: world.service.log.sign_in_links.create(f"person:{key}")[0]  # noqa: E731
    browser, old, older = (world.service.browser(link("nobody")) for _ in range(3))
    theirs = world.service.browser(link("ann")).get("/v1/sessions").json()["rows"][0]["id"]

    rows = browser.get("/v1/sessions").json()["rows"]
    assert {row["person"] for row in rows} == {"person:nobody"}
    assert [row["current"] for row in rows] == [False, False, True]
    assert browser.delete(f"/v1/sessions/{rows[0]['id']}").json() == {"ended": 1}
    assert browser.delete("/v1/sessions").json() == {"ended": 1}
    assert [each.get("/v1/me").status_code for each in (browser, old, older)] == [200, 401, 401]
    assert browser.delete(f"/v1/sessions/{theirs}").status_code == 404
    for path in ("/v1/sessions?person=Ann", "/v1/sessions?person=person:ann", "/v1/people", "/v1/log/entries"):
        assert browser.get(path).status_code == 403, path


HIDDEN = "Based on a decision that you may not read."


@pytest.mark.parametrize(
    ("path", "question", "accept", "shown"),
    [
        ("/reports/zinc", {"since": SINCE, "lines": 1000}, "text/html", HIDDEN),
        ("/features/zinc-5", {}, "text/html", HIDDEN),
        ("/audit", {"subject": "feature:zinc-5"}, "text/html", HIDDEN),
        ("/slips", {"product": "zinc"}, "text/html", "Caused by a decision that you may not read."),
        ("/slips", {"product": "zinc"}, "text/html", "Caused by an assumption that you may not read."),
        ("/slips", {"product": "zinc"}, "text/html", "Caused by a dependency that you may not read."),
        ("/v1/products/zinc/report", {"since": SINCE, "lines": 1000}, "text/html", HIDDEN),
        ("/v1/products/zinc/report", {"since": SINCE, "lines": 1000}, "text/markdown", HIDDEN),
        ("/v1/audit", {"subject": "feature:zinc-5"}, "application/json", '"because_hidden":true'),
        ("/v1/changes", {"since": SINCE, "subject": "feature:zinc-5"}, "text/csv", HIDDEN),
    ],
)
def test_a_reason_that_the_reader_may_not_read_is_not_missing(
    world: World, path: str, question: Question, accept: str, shown: str
) -> None:
    """What is based only on decisions of another product says that it is, instead of having no reason."""
    reader, admin = (
        each.get(path, params=question, headers={"Accept": accept}).text
        for each in (world.readers["team"], world.admin)
    )
    assert shown in reader
    assert shown not in admin
    assert reader.lower().count("no reason given") == admin.lower().count("no reason given")
