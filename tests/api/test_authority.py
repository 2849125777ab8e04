"""The authority behind decisions, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support_log import LocalService, quiet_token

EUR = "EUR"
OWNER_UP_TO_100 = {"roles": ["accountable"], "cost_limit": {"amount": 100, "currency": EUR}}
THEN = ("verdict", "basis", "flags", "explanation", "findings", "kind", "cost", "approvals", "at")
"""The members of a row that say how it was judged then."""


@pytest.fixture
def bo(service: LocalService) -> str:
    """Another person, who is accountable for nothing yet."""
    return service.person("Bo")


@pytest.fixture
def shop(service: LocalService) -> LocalService:
    """Ada is accountable for a shop, and may decide up to 100 EUR."""
    ok(service.post("/products", {"key": "shop", "title": "Shop", "accountable": service.ada}))
    ok(service.post("/products/shop/decision-rights", {"rules": [OWNER_UP_TO_100]}))
    return service


def ok(response: Any) -> Any:
    assert response.status_code < 300, response.text
    return response.json()


def record(service: LocalService, key: str, amount: int, **values: Any) -> None:
    decision = {"key": key, "title": key, "decision": "Yes.", "why": "Because.", "accountable": service.ada}
    cost = {"amount": amount, "currency": EUR}
    ok(service.post("/decisions", {**decision, "products": ["shop"], "cost": cost, **values}))


def authority(service: LocalService, key: str) -> Any:
    return service.get(f"/decisions/{key}/authority")


def test_a_verdict_is_explained(shop: LocalService) -> None:
    """The authority of a decision is one row for each decider, with sentences and the positions it rests on."""
    record(shop, "tea", 60)
    answer = authority(shop, "tea")
    (row,) = answer["rows"]
    assert (answer["verdict"], answer["needs_ratification"], row["basis"], row["flags"]) == (
        "within",
        False,
        "own",
        ["self_approved"],
    )
    assert row["explanation"] == row["explanation_now"]
    assert row["explanation"][1] == (
        f"By the decision rights of product:shop (position {row['findings'][0]['rights']}) this is within their "
        f"authority: rule 1 entitles {shop.ada} as accountable of product:shop up to 100 EUR."
    )
    assert answer["titles"][shop.ada] == "Ada Lovelace"


def test_what_exceeds_needs_ratification(shop: LocalService, bo: str) -> None:
    """A decision that exceeds needs ratification until an entitled person who did not decide it ratifies it."""
    record(shop, "tea", 101)
    assert authority(shop, "tea")["needs_ratification"] is True
    ok(shop.post("/decisions/tea/ratify", {}))
    assert authority(shop, "tea")["needs_ratification"] is True
    ok(shop.post("/products/shop/decision-rights", {"rules": [OWNER_UP_TO_100, {"holders": [bo]}]}))
    client = shop.client_of(quiet_token(shop.log, bo, ("read", "write")))
    ok(client.post("/v1/decisions/tea/ratify", json={}))
    answer = authority(shop, "tea")
    assert (answer["verdict"], answer["needs_ratification"]) == ("exceeds", False)
    assert answer["ratified"] == answer["rows"][-1]["position"]


@pytest.mark.parametrize("ending", ["reverse", "supersede", "reopen"])
def test_what_is_no_longer_in_force_needs_no_ratification(shop: LocalService, ending: str) -> None:
    """It could not be ratified; its verdict stays, and it needed ratification before."""
    record(shop, "tea", 101)
    record(shop, "coffee", 1)
    before = shop.get("/decisions")["as_of"]
    ok(shop.post(f"/decisions/tea/{ending}", {"by": ["coffee"]} if ending == "supersede" else {"why": "No longer."}))

    answer = authority(shop, "tea")

    assert (answer["verdict"], answer["needs_ratification"]) == ("exceeds", False)
    assert shop.post("/decisions/tea/ratify", {}).status_code == 409
    assert shop.get("/decisions/tea/authority", as_of=before)["needs_ratification"] is True


def test_exceptions_are_found(shop: LocalService, bo: str) -> None:
    """The list of decisions and the audit trail find decisions by their verdict, their flags and missing ratification."""
    record(shop, "small", 1)
    record(shop, "large", 1000)
    record(shop, "late", 1, effective_at=shop.get("/decisions")["as_of"])
    record(shop, "others", 1, deciders=[bo])

    def find(**filters: Any) -> list[str]:
        return [row["subject"].removeprefix("decision:") for row in shop.rows("/decisions", **filters)]

    assert find(authority="exceeds") == ["large", "others"]
    assert find(authority=["within", "exceeds"]) == ["small", "large", "late", "others"]
    assert find(unratified="true", authority="exceeds") == ["large", "others"]
    assert find(self_approved="true") == ["small", "large", "late"]
    assert find(backdated="true") == ["late"]
    audited = shop.rows("/audit", verdict="exceeds", order="oldest")
    assert [row["subject"] for row in audited] == ["decision:large", "decision:others"]
    assert len(shop.rows("/audit", self_approved="true")) == 3


def test_enforced_rights_answer_403(shop: LocalService, bo: str) -> None:
    """A decision that enforced rights forbid is refused with the reason, and nothing is recorded."""
    ok(shop.post("/products/shop/decision-rights", {"rules": [{**OWNER_UP_TO_100, "mode": "enforce"}]}))
    client = shop.client_of(quiet_token(shop.log, bo, ("read", "write")))
    decision = {"title": "Tea", "decision": "Yes.", "why": "So.", "accountable": bo, "products": ["shop"]}
    response = client.post("/v1/decisions", json={**decision, "cost": {"amount": 1, "currency": EUR}})
    assert (response.status_code, response.json()["field"]) == (403, "deciders")
    assert "no rule entitles the decider" in response.json()["detail"]


def test_the_stored_verdict_stays(shop: LocalService, bo: str) -> None:
    """Whatever is recorded later, how a decision was judged and its explanation stay the same, byte for byte."""
    record(shop, "tea", 60)
    record(shop, "milk", 101, deciders=[bo])
    before = {
        key: [{name: row[name] for name in THEN} for row in authority(shop, key)["rows"]] for key in ("tea", "milk")
    }
    rights = before["tea"][0]["findings"][0]["rights"]
    later = [
        ("/products/shop/decision-rights", {"rules": [{"holders": [bo]}], "effective_at": before["tea"][0]["at"]}),
        ("/subjects/product:shop/hand-over", {"to": bo}),
        ("/subjects/product:shop/delegate", {"to": shop.ada}),
        ("/subjects/product:shop/void", {"position": rights, "why": "Wrong."}),
        ("/products/shop/decision-rights", {"rules": [{"holders": [bo], "quorum": 2}], "corrects": rights}),
        (f"/people/{bo.removeprefix('person:')}/merge", {"into": shop.ada}),
        ("/log/erase", {"positions": [rights + 1]}),
    ]
    for path, body in later:
        response = shop.post(path, body)
        assert response.status_code < 300, (path, response.text)
        for key, rows in before.items():
            assert [{name: row[name] for name in THEN} for row in authority(shop, key)["rows"]] == rows, path
    now = authority(shop, "tea")["rows"][0]
    assert now["explanation_now"] != now["explanation"]


def test_what_was_judged_is_judged_again_with_what_is_known(shop: LocalService, bo: str) -> None:
    """Rights that are recorded later with an earlier effective time change only how it would be judged now."""
    record(shop, "tea", 60)
    at = authority(shop, "tea")["rows"][0]["at"]
    ok(shop.post("/products/shop/decision-rights", {"rules": [{"holders": [bo]}], "effective_at": at}))
    (row,) = authority(shop, "tea")["rows"]
    assert (row["verdict"], row["verdict_now"]) == ("within", "exceeds")
    (known_then,) = shop.get("/decisions/tea/authority", known_at=at)["rows"] or [row]
    assert known_then["verdict"] == "within"


def test_who_may_decide(shop: LocalService, bo: str) -> None:
    """The answer lists whom the rights entitle at a cost, those whom they cover first."""
    ok(shop.post("/products/shop/decision-rights", {"rules": [OWNER_UP_TO_100, {"holders": [bo]}]}))
    rows = shop.rows("/products/shop/deciders", cost=500, currency=EUR)
    assert [(row["holder"], row["verdict"], row["rule"]) for row in rows] == [
        (bo, "within", 2),
        (shop.ada, "exceeds", 1),
    ]
    assert rows[1]["explanation"] == (
        f"it costs 500 EUR, and rule 1 entitles {shop.ada} as accountable of product:shop up to 100 EUR"
    )
    assert shop.rows("/products/shop/deciders", kind="technical", cost=1, currency=EUR)[0]["verdict"] == "within"


def test_a_cost_needs_its_currency(shop: LocalService) -> None:
    """Who may decide at a cost is refused without a currency, and for a product that is not in the log."""
    response = shop.client.get("/v1/products/shop/deciders", params={"cost": 1})
    assert (response.status_code, response.json()["field"]) == (422, "currency")
    assert shop.client.get("/v1/products/none/deciders").status_code == 404


def test_a_claimed_decider_confirms(shop: LocalService, bo: str) -> None:
    """A claim is shown as a claim until the decider confirms it with their own credentials."""
    record(shop, "tea", 1, deciders=[bo])
    (row,) = authority(shop, "tea")["rows"]
    assert (row["basis"], row["confirmed"]) == ("claimed", None)
    client = shop.client_of(quiet_token(shop.log, bo, ("read", "write")))
    position = ok(client.post("/v1/decisions/tea/confirm", json={}))["recorded"][0]["position"]
    (row,) = authority(shop, "tea")["rows"]
    assert (row["basis"], row["confirmed"]) == ("claimed", position)


def test_a_service_acts_with_a_delegation(shop: LocalService) -> None:
    """A service is refused without a delegation; with one, the entry names its position in the chain."""
    robot = shop.client_of(quiet_token(shop.log, "service:robot", ("read", "write")))
    command = {"title": "Tea", "products": ["shop"], "on_behalf_of": shop.ada}
    refused = robot.post("/v1/decisions/propose", json=command)
    assert (refused.status_code, refused.json()["field"]) == (403, "on_behalf_of")
    me = shop.ada.removeprefix("person:")
    given = ok(shop.post(f"/people/{me}/delegate", {"to": "service:robot", "products": ["shop"]}))
    ok(robot.post("/v1/decisions/propose", json=command))
    (event,) = shop.rows("/audit", type="DecisionProposed")
    assert event["on_behalf_of"] == [{"who": shop.ada, "delegation": given["recorded"][0]["position"]}]


def test_moving_a_settled_decision_takes_the_authority_to_make_it(shop: LocalService, bo: str) -> None:
    """A manager without the right moves no decision into or out of a product whose rights are enforced, nor removes one."""
    ok(shop.post("/products", {"key": "market", "title": "Market"}))
    ok(shop.post("/products/shop/decision-rights", {"rules": [{"holders": [shop.ada], "mode": "enforce"}]}))
    client = shop.client_of(quiet_token(shop.log, bo, ("read", "write")))
    decision = {"key": "tea", "title": "Tea", "decision": "Yes.", "why": "So.", "accountable": bo}
    ok(client.post("/v1/decisions", json={**decision, "products": ["market"]}))
    record(shop, "milk", 1)
    refused = [
        ("/v1/subjects/decision:tea/products", {"products": ["shop"]}),
        ("/v1/subjects/decision:milk/products", {"products": ["market"]}),
        ("/v1/subjects/decision:milk/remove", {"why": "Wrong."}),
    ]
    for path, body in refused:
        response = client.post(path, json=body)
        assert (response.status_code, response.json()["field"]) == (403, "deciders")
    ok(shop.post("/subjects/decision:tea/products", {"products": ["shop"]}))
    answer = authority(shop, "tea")
    (made, moved) = answer["rows"]
    assert (made["type"], made["verdict"]) == ("DecisionRecorded.v1", "no_rule")
    assert (moved["type"], moved["decider"], moved["verdict"]) == ("ProductsAssigned.v1", shop.ada, "within")
    assert moved["explanation"] == moved["explanation_now"]
    assert (answer["verdict"], answer["needs_ratification"]) == ("within", False)


def test_a_move_without_the_right_needs_ratification(shop: LocalService, bo: str) -> None:
    """A decision that was moved into a product without the right exceeds, and is debt, until it is ratified."""
    for key in ("market", "fair"):
        ok(shop.post("/products", {"key": key, "title": key}))
    ok(shop.post("/products/shop/decision-rights", {"rules": [{"holders": [bo]}]}))
    record(shop, "tea", 1, products=["market"])
    ok(shop.post("/subjects/decision:tea/products", {"products": ["shop"]}))
    assert authority(shop, "tea")["needs_ratification"] is True
    assert [row["subject"] for row in shop.rows("/decisions", unratified="true")] == ["decision:tea"]
    assert [row["type"] for row in shop.rows("/audit", verdict="exceeds")] == ["ProductsAssigned.v1"]
    client = shop.client_of(quiet_token(shop.log, bo, ("read", "write")))
    ok(client.post("/v1/decisions/tea/ratify", json={}))
    assert (authority(shop, "tea")["verdict"], authority(shop, "tea")["needs_ratification"]) == ("exceeds", False)
    ok(shop.post("/subjects/decision:tea/products", {"products": ["fair"]}))
    left = authority(shop, "tea")["rows"][-1]
    assert (left["verdict"], left["verdict_now"]) == ("exceeds", "exceeds")  # by the rights of the product it left


def test_removing_restoring_and_voiding_are_explained(shop: LocalService, bo: str) -> None:
    """The authority of a decision lists who removed and restored it, and who voided an entry of it, with the verdicts."""
    ok(
        shop.post(
            "/products/shop/decision-rights", {"rules": [{"holders": [shop.ada], "approvals": 2}, {"holders": [bo]}]}
        )
    )
    record(shop, "tea", 1)
    ok(shop.post("/subjects/decision:tea/remove", {"why": "Wrong."}))
    ok(shop.post("/subjects/decision:tea/restore", {"why": "Right."}))
    reversed_ = ok(shop.post("/decisions/tea/reverse", {"why": "Cold."}))
    ok(shop.post("/subjects/decision:tea/void", {"position": reversed_["position"], "why": "Warm."}))
    rows = authority(shop, "tea")["rows"]
    assert [(row["type"], row["verdict"], row["verdict_now"]) for row in rows] == [
        ("DecisionRecorded.v1", "exceeds", "exceeds"),
        ("SubjectRemoved.v1", "within", "within"),
        ("SubjectRestored.v1", "within", "within"),
        ("EntryVoided.v1", "exceeds", "exceeds"),
    ]


def test_one_entitled_person_moves_a_decision_older_than_the_rights(shop: LocalService, bo: str) -> None:
    """A product that a decision had already needs no approvals when it moves or is voided, as it was and is judged."""
    for key in ("market", "fair"):
        ok(shop.post("/products", {"key": key, "title": key}))
    record(shop, "tea", 1, products=["market"])
    two = {"rules": [{"holders": [shop.ada, bo], "approvals": 2, "mode": "enforce"}]}
    ok(shop.post("/products/market/decision-rights", two))
    moved = ok(shop.post("/subjects/decision:tea/products", {"products": ["market", "fair"]}))
    ok(shop.post("/subjects/decision:tea/void", {"position": moved["position"], "why": "Wrong."}))
    moved = ok(shop.post("/subjects/decision:tea/products", {"products": ["fair"]}))
    ok(shop.post("/subjects/decision:tea/void", {"position": moved["position"], "why": "Wrong."}))
    known_at = moved["recorded"][0]["recorded_at"]
    known = [authority(shop, "tea"), shop.get("/decisions/tea/authority", known_at=known_at)]
    types = [[row["type"] for row in answer["rows"]] for answer in known]
    assert types == [
        ["DecisionRecorded.v1", "EntryVoided.v1", "EntryVoided.v1"],
        ["DecisionRecorded.v1", "EntryVoided.v1", "ProductsAssigned.v1"],
    ]
    verdicts = {(row["verdict"], row["verdict_now"]) for answer in known for row in answer["rows"][1:]}
    assert verdicts == {("within", "within")}
