"""What a malicious insider tries with an ordinary token: each attempt is refused by role, or on record as what it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.credentials import LOCAL_CREDENTIAL
from domain.errors import Forbidden
from domain.people import MergePeople, RegisterPerson
from domain.roles import holds
from domain.scopes import SCOPES
from domain.values import format_micros
from eventlog.entry import Caller, Receipt, Transaction
from projections.queries.report_hashes import ReportHashes
from tests.support_client import AppClient
from tests.support_log import LocalService

WHY = {"why": "Because."}


class Company:
    """Two products with an accountable manager each; Mallory is an insider with whatever role a test gives her."""

    def __init__(self, service: LocalService) -> None:
        self.service = service
        self.clients: dict[str, AppClient] = {}
        for key in ("ann", "bo", "mallory", "admin"):
            self.do(service.client, {"type": "RegisterPerson", "key": key, "name": key.title()})
        self.do(service.client, {"type": "RegisterTeam", "key": "core", "title": "Core"})
        for key, owner in (("shop", "ann"), ("bank", "bo")):
            self.do(
                service.client, {"type": "DefineProduct", "key": key, "title": key, "accountable": f"person:{owner}"}
            )
        self.let_in("ann", "manager", "product:shop")
        self.let_in("bo", "manager", "product:bank")
        self.let_in("admin", "admin")
        propose = {"type": "ProposeDecision", "key": "tea", "title": "Tea", "products": ["shop"], "decision": "Tea."}
        self.do(self.clients["ann"], propose)
        self.do(self.clients["ann"], {"type": "ProposeFeature", "key": "urn", "title": "Urn", "products": ["shop"]})
        service.log.default_role = None
        service.log.report_sha256 = ReportHashes(service.model, service.runner)

    def let_in(self, key: str, role: str | None = None, product: str | None = None) -> AppClient:
        """Create a token for a person, with a role if given, and return a client that uses it."""
        scopes = SCOPES if role == "admin" else ("read", "write")
        by = Caller("person:admin", LOCAL_CREDENTIAL, "cli", frozenset(SCOPES))
        held = role is None or holds(self.service.log.state(f"person:{key}"), role, product)
        _, secret = self.service.log.tokens.create(
            f"person:{key}",
            scopes=scopes,
            role=None if held else role,
            product=product,
            by=by,  # type: ignore[arg-type]
        )
        self.clients[key] = self.service.client_of(secret)
        return self.clients[key]

    def do(self, client: AppClient, *commands: dict[str, Any]) -> Any:
        response = self.send(client, *commands)
        assert response.status_code in (200, 201), response.text
        return response.json()

    def send(self, client: AppClient, *commands: dict[str, Any]) -> Any:
        return client.post("/v1/commands", json={"commands": commands})

    def refuses(self, client: AppClient, *commands: dict[str, Any], role: str) -> None:
        """Assert that each command alone is refused because the caller lacks a role, and that nothing is recorded."""
        size = self.service.log.head().size
        for command in commands:
            answer = self.send(client, command)
            assert answer.status_code == 403, (command, answer.text)
            assert f"`{role}`" in answer.json()["detail"], answer.text
        assert self.service.log.head().size == size

    def position(self, subject: str, type_: str) -> int:
        return [entry.position for entry in self.service.log.stream(subject) if entry.type.startswith(type_)][-1]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with LocalService(tmp_path) as service:
        yield Company(service)


def on(subject: str, type_: str, **fields: Any) -> dict[str, Any]:
    return {"type": type_, "subject": subject, **fields}


def test_1_who_has_no_role_reads_nothing(company: Company) -> None:
    """A token alone shows its holder who they are; entries, people and the trail are refused."""
    mallory = company.let_in("mallory")
    assert mallory.get("/v1/me").json()["roles"] == []
    for path in ("/v1/log/entries", "/v1/people", "/v1/audit", "/v1/tokens", "/v1/search?text=tea"):
        assert mallory.get(path).status_code == 403, path


def test_2_a_claim_to_speak_for_another_is_on_record_as_a_claim(company: Company) -> None:
    """Advice in Ann's name names Mallory as the actor; only its holder acknowledges a role."""
    mallory = company.let_in("mallory", "contributor")
    advice = on("decision:tea", "AdviseOnDecision", advice="Yes!", on_behalf_of="person:ann")
    position = company.do(mallory, advice)["position"]
    entry = company.service.log.entry(position)
    assert entry
    assert (entry.metadata.actor, entry.metadata.on_behalf_of[0].delegation) == ("person:mallory", None)
    acknowledge = on("product:shop", "AcknowledgeOwnership", on_behalf_of="person:ann")
    company.refuses(company.let_in("mallory", "manager"), acknowledge, role="admin")


def test_2_who_is_named_as_a_decider_is_a_claim_until_they_confirm(company: Company) -> None:
    """Naming Ann as a decider is shown as a claim; only her own credentials confirm it."""
    mallory = company.let_in("mallory", "manager")
    company.do(mallory, on("decision:tea", "AcceptDecision", deciders=["person:ann"]))
    for other in (mallory, company.clients["admin"]):
        answer = company.send(other, on("decision:tea", "ConfirmDecision"))
        assert answer.status_code in (403, 409), answer.text
    assert _claim(company, "person:ann") == ("claimed", None)
    position = company.do(company.clients["ann"], on("decision:tea", "ConfirmDecision"))["position"]
    assert _claim(company, "person:ann") == ("claimed", position)


def _claim(company: Company, person: str) -> tuple[str, int | None]:
    """Return on what basis a person is a decider, and where they confirmed it."""
    size = company.service.log.head().size
    answer = company.clients["ann"].get("/v1/decisions/tea/authority", params={"min_position": size}).json()
    return next((row["basis"], row["confirmed"]) for row in answer["rows"] if row["decider"] == person)


def test_3_a_backdated_act_is_found_as_such(company: Company) -> None:
    """A manager who dates an act back is shown with both times, and listed among what was backdated."""
    created = company.service.log.stream("product:shop")[0]
    then = format_micros(created.recorded_at)
    vision = on("product:shop", "SetVision", vision="V.", effective_at=then)
    position = company.do(company.clients["ann"], vision)["position"]
    found = company.clients["ann"].get("/v1/audit", params={"backdated": True, "min_position": position}).json()["rows"]
    assert [row["position"] for row in found] == [position]


def test_4_decisions_of_others_are_out_of_reach(company: Company) -> None:
    """A contributor neither revises, accepts, rejects, defers nor withdraws what others proposed; a manager of another product neither."""
    acts = [
        on("decision:tea", "AcceptDecision", deciders=["person:ann"]),
        on("decision:tea", "RejectDecision", **WHY),
        on("decision:tea", "DeferDecision", until="Monday"),
        on("decision:tea", "WithdrawDecision", **WHY),
        on("decision:tea", "ReviseDecision", **WHY),
        on("decision:tea", "ReopenDecision", **WHY),
        on("decision:tea", "ReverseDecision", **WHY),
        on("decision:tea", "RatifyDecision"),
        on("decision:tea", "SupersedeDecision", by=["decision:tea"]),
    ]
    mallory = company.let_in("mallory", "contributor")
    versioned = {"expected": {"decision:tea": company.service.log.state("decision:tea").version}}
    for act in acts:
        for client in (mallory, company.clients["bo"]):
            answer = client.post("/v1/commands", json={"commands": [act], **versioned})
            assert answer.status_code == 403, answer.text


def test_5_accountability_is_not_taken(company: Company) -> None:
    """Without a role for a product one cannot hand over, assign, release or delegate it, or become accountable for the log."""
    acts = [
        on("product:shop", "HandOverOwnership", to="person:mallory"),
        on("product:shop", "AssignOwnership", role="approver", holders=["person:mallory"]),
        on("product:shop", "ReleaseOwnership"),
        on("product:shop", "DelegateOwnership", to="person:mallory"),
    ]
    company.refuses(company.let_in("mallory", "contributor"), *acts, role="manager")
    company.refuses(company.clients["bo"], *acts, role="manager")
    log = company.service.log.id
    company.refuses(
        company.let_in("mallory", "manager"), on(log, "AssignOwnership", holders=["person:mallory"]), role="admin"
    )


def test_6_products_of_others_are_not_changed(company: Company) -> None:
    """A manager of one product neither retires, retitles nor moves another, and not the log."""
    company.refuses(
        company.clients["bo"],
        on("product:shop", "RetireProduct", **WHY),
        on("product:shop", "ChangeTitle", title="Mine"),
        on("product:shop", "SetAliases", aliases=["mine"]),
        on("decision:tea", "AssignToProducts", products=["bank"]),
        on("feature:urn", "ChangeTitle", title="Mine"),
        on("feature:urn", "DropFeature", **WHY),
        on("feature:urn", "SetAttribute", name="x", value="y"),
        role="manager",
    )
    log = company.service.log.id
    company.refuses(company.clients["bo"], on(log, "ChangeTitle", title="Mine"), role="admin")


def test_7_nobody_voids_or_removes_what_others_recorded(company: Company) -> None:
    """A manager voids an own entry and no other; products and people are removed and restored by administrators."""
    company.do(company.clients["admin"], on("product:shop", "SetVision", vision="V."))
    company.do(company.clients["ann"], on("product:shop", "SetStrategy", strategy="S."))
    of_admin = company.position("product:shop", "VisionSet")
    own = company.position("product:shop", "StrategySet")
    company.refuses(
        company.clients["ann"],
        on("product:shop", "VoidEntry", position=of_admin, **WHY),
        on("product:shop", "RemoveSubject", **WHY),
        on("person:bo", "RemoveSubject", **WHY),
        role="admin",
    )
    company.do(company.clients["ann"], on("product:shop", "VoidEntry", position=own, **WHY))
    company.do(company.clients["admin"], on("product:shop", "VoidEntry", position=of_admin, **WHY))


def test_8_people_are_neither_merged_nor_ended_by_others(company: Company) -> None:
    """Merging people, recording that somebody left and joining a team with a role need an administrator's name."""
    mallory = company.let_in("mallory", "manager")
    company.refuses(
        mallory,
        on("person:ann", "MergePeople", into="person:mallory"),
        on("person:mallory", "MergePeople", into="person:ann"),
        on("person:ann", "RecordPersonLeft"),
        role="admin",
    )
    company.refuses(
        mallory,
        on("person:mallory", "GrantRole", role="admin"),
        on("team:core", "AssignOwnership", role="member", holders=["person:mallory"]),
        role="admin",
    )


def test_8_nobody_merges_a_person_who_was_registered_at_the_same_time(company: Company) -> None:
    """Given two transactions that are committed together, then the second does not merge the person of the first."""
    company.let_in("mallory", "manager", "product:bank")
    secrets = {key: company.clients[key].headers["Authorization"].removeprefix("Bearer ") for key in ("ann", "mallory")}
    ann, mallory = (company.service.log.tokens.find(secrets[key]) for key in secrets)
    assert ann
    assert mallory
    register = RegisterPerson(key="new", name="New")
    merge = MergePeople(subject="person:new", into="person:mallory")
    outcomes = company.service.execute(
        Transaction((register,), ann.caller("http")), Transaction((merge,), mallory.caller("http"))
    )
    assert [type(each) for each in outcomes] == [Receipt, Forbidden]


def test_9_who_has_left_stays_away(company: Company) -> None:
    """No manager brings back who left, and their token stays revoked even if an administrator does."""
    mallory = company.let_in("mallory", "manager")
    company.do(company.clients["admin"], on("person:bo", "RecordPersonLeft"))
    position = company.position("person:bo", "PersonLeft")
    company.refuses(mallory, on("person:bo", "VoidEntry", position=position, **WHY), role="admin")
    company.do(company.clients["admin"], on("person:bo", "VoidEntry", position=position, **WHY))
    assert company.clients["bo"].get("/v1/me").status_code == 401


def test_10_a_report_that_never_was_is_not_issued(company: Company) -> None:
    """The log computes the report itself: another hash is refused with the right one, and the right one is recorded."""
    ann = company.clients["ann"]
    size = company.service.log.head().size
    report = ann.get("/v1/products/shop/report", params={"since": "2024-12-31", "min_position": size}).json()
    real = {name: report[name] for name in ("since", "until", "position", "sha256")}
    for change in ({"sha256": "0" * 64}, {"position": real["position"] - 1}, {"since": "2024-12-30T00:00:00Z"}):
        answer = ann.post("/v1/products/shop/report", json={**real, **change})
        assert (answer.status_code, answer.json()["field"]) == (409, "sha256"), answer.text
    assert company.service.log.head().size == size
    assert ann.post("/v1/products/shop/report", json=real).status_code == 200


def test_11_without_a_role_nothing_is_written(company: Company) -> None:
    """No key is used up and no entry is added by who has no role, or only one that reads."""
    for role in (None, "viewer", "auditor"):
        mallory = company.let_in("mallory", role)
        company.refuses(
            mallory,
            {"type": "ProposeDecision", "key": "mine", "title": "Mine", "products": ["shop"]},
            role="contributor",
        )
        company.refuses(mallory, {"type": "RegisterPerson", "name": "Ann"}, role="manager")


def test_an_import_cannot_end_a_service(company: Company) -> None:
    """Not even an administrator with the scope to import changes a service, a group or the log by an import."""
    for subject in ("service:decisionlog", "service:ci", "group:pms", company.service.log.id):
        change = on(subject, "ImportChanges", source={"system": "hr"}, changes=[{"field": "status", "value": "left"}])
        answer = company.send(company.clients["admin"], change)
        assert (answer.status_code, answer.json()["field"]) == (409, "subject"), answer.text


@pytest.mark.parametrize(
    ("subject", "change"),
    [
        ("person:old", {"field": "merged_into", "value": "person:admin"}),
        ("person:old", {"field": "delegation.d", "value": "person:mallory"}),
        ("person:old", {"field": "calibration_shared", "value": True}),
        ("product:old", {"field": "decision_rights", "value": "none"}),
        ("decision:old", {"field": "approval.ann", "value": "own"}),
        ("decision:old", {"field": "authority", "value": "within"}),
        ("decision:old", {"field": "ratification", "value": "within"}),
        ("feature:old", {"field": "acknowledged.accountable.ann", "value": True}),
    ],
)
def test_an_import_gives_no_authority(company: Company, subject: str, change: dict[str, Any]) -> None:
    """An import neither merges a person into another nor delegates, sets rights, approves, judges or acknowledges."""
    by = Caller("person:admin", LOCAL_CREDENTIAL, "cli", frozenset(SCOPES))
    _, secret = company.service.log.tokens.create("service:importer", scopes=["import:hr"], role="admin", by=by)
    importer = company.service.client_of(secret)
    fields = {"source": {"system": "hr"}, "changes": [{"field": "exists", "value": True}, change]}
    answer = company.send(importer, on(subject, "ImportChanges", **fields))
    assert (answer.status_code, answer.json()["field"]) == (409, "changes.1.field")
    company.do(importer, on(subject, "ImportChanges", **{**fields, "changes": fields["changes"][:1]}))


def test_a_token_for_another_person_is_on_record_with_who_made_it(company: Company) -> None:
    """An administrator who makes a token for Ann is named in the event, and a token with scopes they lack is refused."""
    admin = company.clients["admin"]
    assert admin.post("/v1/tokens", json={"holder": "person:ann"}).status_code == 201
    created = company.service.log.stream("person:ann")[-1]
    assert (created.type, created.metadata.actor) == ("TokenCreated.v1", "person:admin")
    assert company.clients["ann"].post("/v1/tokens", json={"holder": "person:ann"}).status_code == 403


def test_a_token_gains_no_scope_by_signing_in(company: Company) -> None:
    """A session has every scope, so a token without one of them creates no sign-in link and connects no account."""
    log, by = company.service.log, Caller("person:admin", LOCAL_CREDENTIAL, "cli", frozenset(SCOPES))
    _, secret = log.tokens.create("person:admin", scopes=("read", "write", "import", "admin"), by=by)
    weak, account = company.service.client_of(secret), {"issuer": "https://login.example.org", "account": "1"}
    link = weak.post("/v1/sign-in-links", json={"person": "person:admin"})
    connection = weak.post("/v1/accounts", json={"person": "person:admin", **account})
    assert (link.status_code, connection.status_code) == (403, 403)
    assert link.json()["detail"].endswith("yours does not have erase")
    assert log.accounts.all() == []
    assert company.clients["admin"].post("/v1/sign-in-links", json={"person": "person:ann"}).status_code == 201


def test_what_was_voided_is_not_taken_over(company: Company) -> None:
    """A subject whose first entry was voided is started again by who may change what belonged to its products."""
    ann, bo, admin = (company.clients[key] for key in ("ann", "bo", "admin"))
    start = {"type": "ProposeFeature", "key": "urn", "title": "Urn"}
    corrects = company.position("feature:urn", "FeatureProposed")
    company.do(ann, on("feature:urn", "VoidEntry", position=corrects, **WHY))
    company.refuses(bo, {**start, "products": ["bank"], "corrects": corrects}, role="contributor")
    company.do(ann, {**start, "products": ["shop"], "corrects": corrects})

    company.do(admin, {"type": "DefineProduct", "key": "stall", "title": "Stall", "line": "shop"})
    company.do(ann, {"type": "ProposeFeature", "key": "tent", "title": "Tent", "products": ["stall"]})
    corrects = company.position("product:stall", "ProductDefined")
    company.do(admin, on("product:stall", "VoidEntry", position=corrects, **WHY))
    again = {"type": "DefineProduct", "key": "stall", "title": "Mine", "line": "bank", "corrects": corrects}
    company.let_in("bo", "admin", "product:bank")
    company.refuses(company.clients["bo"], again, role="admin")
    company.do(admin, {**again, "line": "shop"})

    company.do(admin, {"type": "GrantRole", "subject": "team:core", "role": "manager"})
    corrects = company.position("team:core", "TeamRegistered")
    company.do(admin, on("team:core", "VoidEntry", position=corrects, **WHY))
    team = {"type": "RegisterTeam", "key": "core", "title": "Core", "corrects": corrects}
    company.refuses(company.clients["bo"], team, role="admin")


def test_who_acts_as_another_person_is_in_the_access_journal(company: Company) -> None:
    """What only a person themself can do is refused with 403 when another tries, and recorded like any such refusal."""
    mallory = company.let_in("mallory", "manager")
    company.do(company.clients["ann"], on("person:ann", "DelegateActions", to="service:planner", delegation="d"))
    company.do(mallory, on("decision:tea", "AcceptDecision", deciders=["person:ann"]))
    attempts = [
        on("person:ann", "DelegateActions", to="person:mallory"),
        on("person:ann", "RevokeDelegation", delegation="d"),
        on("person:ann", "ShareCalibration"),
        on("decision:tea", "ConfirmDecision", on_behalf_of="person:ann"),
    ]
    answers = [company.send(mallory, each) for each in attempts]
    assert [each.status_code for each in answers] == [403] * 4
    company.service.log.journal.write()
    rows = company.clients["admin"].get("/v1/access-journal", params={"kind": "refused"}).json()["rows"]
    assert {row["reason"] for row in rows} == {each.json()["detail"] for each in answers}


def test_no_one_voids_the_choice_of_another(company: Company) -> None:
    """An administrator revives no delegation that its giver revoked, and shows no forecasts that a person no longer shows."""
    ann, admin = company.clients["ann"], company.clients["admin"]
    company.do(ann, on("person:ann", "DelegateActions", to="service:planner", delegation="d"))
    company.do(ann, on("person:ann", "RevokeDelegation", delegation="d"))
    company.do(ann, on("person:ann", "ShareCalibration", seen_by="others"))
    company.do(ann, on("person:ann", "ShareCalibration", seen_by="me"))
    for type_ in ("DelegationRevoked", "CalibrationShared"):
        void = on("person:ann", "VoidEntry", position=company.position("person:ann", type_), **WHY)
        answer = company.send(admin, void)
        assert (answer.status_code, "only they can choose again" in answer.text) == (409, True), answer.text


def test_an_erasure_is_bounded_and_on_record(company: Company) -> None:
    """One erasure names at most 1,000 positions, and its event keeps them with who erased them."""
    admin, log = company.clients["admin"], company.service.log.id
    assert admin.post("/v1/log/erase", json={"positions": list(range(1, 1002))}).status_code == 422
    position = admin.post("/v1/log/erase", json={"positions": [5]}).json()["position"]
    entry = company.service.log.entry(position)
    assert entry
    assert (entry.subject, entry.metadata.actor) == (log, "person:admin")
    company.refuses(company.clients["ann"], on(log, "ChangeTitle", title="x"), role="admin")
