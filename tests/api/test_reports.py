"""The progress report over HTTP: its forms, what it refuses, and that it can be shown later what was reported."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from domain.values import format_micros
from projections.queries.report import report_hash
from tests.support_log import T0, LocalService
from tests.support_report import Lines, find_untrue_reasons

SPAN = {"since": "2024-12-31"}
SHOP = "/products/shop/report"


@pytest.fixture
def shop(service: LocalService) -> LocalService:
    """A product with a decision and a feature that was shipped because of it."""
    for command in (
        {"type": "DefineProduct", "key": "shop", "title": "Shop", "accountable": "Ada Lovelace"},
        {
            "type": "RecordDecision",
            "key": "d",
            "title": "Cards",
            "decision": "Cards.",
            "why": "Gifts.",
            "accountable": "Ada Lovelace",
            "products": ["shop"],
        },
        {
            "type": "ProposeFeature",
            "key": "f",
            "title": "Gift cards",
            "products": ["shop"],
            "accountable": "Ada Lovelace",
        },
        {"type": "ShipFeature", "subject": "feature:f", "because": ["d"], "note": "=a note"},
    ):
        assert service.post("/commands", command).status_code == 201 or command["type"] == "ShipFeature"
    return service


def issue(service: LocalService, told: dict[str, Any]) -> Any:
    return service.post(SHOP, {name: told[name] for name in ("since", "until", "position", "sha256")})


def test_what_was_reported_can_be_shown_later(shop: LocalService) -> None:
    """Issued with what the question answered, it is answered again by the position of that act, with the same hash, also when
    its texts are forgotten and people renamed."""
    told = shop.get(SHOP, **SPAN)
    issued_at = issue(shop, told).json()["position"]
    shop.post("/features/f/reopen", {"why": "They expire."})
    shop.post("/log/erase", {"positions": [row["position"] for row in shop.rows("/audit")][2:]})
    shop.client.delete(f"/v1/people/{shop.ada.partition(':')[2]}/names")

    again = shop.get(SHOP, issued_at=issued_at)

    assert again["sha256"] == told["sha256"] == report_hash(told) == report_hash(again)
    assert again["counts"] == told["counts"]
    assert {row["title"] for row in again["rows"]} == {"[erased]"}
    assert {row["title"] for row in told["rows"]} == {"Cards", "Gift cards"}
    (cell,) = shop.rows("/fields", subject="product:shop", field="report")
    assert cell["value"]["sha256"] == told["sha256"]


def test_each_form_of_it(shop: LocalService) -> None:
    """By parameter or by what is accepted; a page loads and runs nothing; links lead to where it was asked for."""

    def get_report(accept: str = "*/*", **more: str) -> Any:
        params = {"min_position": shop.log.head().size, **SPAN, **more}
        return shop.client.get(f"/v1{SHOP}", params=params, headers={"Accept": accept})

    html, markdown = get_report("text/html, */*;q=0.8"), get_report("text/markdown")

    assert html.headers["Content-Type"] == "text/html; charset=utf-8"
    assert html.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert get_report(format="html").text.splitlines()[:9] == html.text.splitlines()[:9]
    assert markdown.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert "[Gift cards](http://testserver/features/f)" in markdown.text
    assert "Ada Lovelace" in markdown.text
    assert "## Shipped" not in get_report("text/markdown", until="2025-01-01").text
    lines = list(csv.DictReader(io.StringIO(get_report(format="csv").text)))
    assert [(line["section"], line["field"], line["after"]) for line in lines] == [
        ("decisions", "status", "accepted"),
        ("shipped", "status", "shipped"),
        ("moved", "exists", "true"),
        ("moved", "status", "proposed"),
    ]
    assert [(line["why"], line["reason"]) for line in lines[:2]] == [("Gifts.", "own"), ("'=a note", "own")]
    assert get_report("application/jsonl").text.count("\n") == 3


def test_a_report_that_cannot_be_given_is_refused_with_the_parameter(shop: LocalService) -> None:
    """What is missing, wrong or not there is named."""
    for params, status, field in (
        ({}, 422, "since"),
        ({"since": "soon"}, 422, "since"),
        ({"since": "2025-01-01", "until": "2025-01-01"}, 422, "until"),
        ({"since": "2999-01-01"}, 422, "since"),
        ({"since": "2024-01-01", "position": "0"}, 422, "position"),
        ({"since": "2024-01-01", "position": "9999"}, 404, "position"),
        ({"since": "2024-01-01", "lines": "0"}, 422, "lines"),
        ({"since": "2024-01-01", "format": "pdf"}, 422, "format"),
        ({"issued_at": "1"}, 404, "issued_at"),
        ({"issued_at": "1", "since": "2024-01-01"}, 422, "since"),
    ):
        response = shop.client.get(f"/v1{SHOP}", params={"min_position": shop.log.head().size, **params})
        assert (response.status_code, response.json()["field"]) == (status, field), response.text


def test_of_a_product_nobody_knows_there_is_no_report(shop: LocalService) -> None:
    """It is a 404 that names the product."""
    response = shop.client.get("/v1/products/nope/report", params=SPAN)

    assert response.status_code == 404
    assert "no product 'nope'" in response.json()["detail"]


def test_no_report_is_issued_of_what_is_not_there_yet(shop: LocalService) -> None:
    """A position beyond the end of the log, a span that is not over, and what is no hash are refused with the field."""
    told = shop.get(SHOP, **SPAN)

    for change, status in (
        ({"position": 9999}, 404),
        ({"until": "2999-01-01T00:00:00Z"}, 422),
        ({"sha256": "x"}, 422),
        ({"sha256": None}, 422),
    ):
        response = issue(shop, told | change)
        assert (response.status_code, response.json()["field"]) == (status, next(iter(change))), response.text
    assert told["since"] == format_micros(T0 - 86_400_000_000)


def test_reasons_that_were_voided_corrected_or_erased(shop: LocalService) -> None:
    """A reason is that of its event as the log has it now: not that of a voided event, and marked where it was erased."""
    moved = {"type": "PrioritizeFeature", "subject": "feature:f2"}
    shop.post("/commands", {"type": "ProposeFeature", "key": "f2", "title": "Wish lists", "products": ["shop"]})
    wrong = shop.post("/commands", {**moved, "horizon": "later", "note": "The wrong reason."}).json()["position"]
    shop.post(
        "/commands",
        {"type": "VoidEntry", "subject": "feature:f2", "position": wrong, "why": "Entered for another one."},
    )
    right = {**moved, "horizon": "next", "note": "The right reason.", "corrects": wrong}
    shop.post("/commands", right)
    secret = shop.post("/commands", {**moved, "horizon": "now", "note": "A customer's name."}).json()["position"]
    shop.post("/commands", {"type": "DropFeature", "subject": "feature:f2", "why": "Few wished for it."})
    shop.post("/log/erase", {"positions": [secret]})

    params = {**SPAN, "format": "html", "lines": "10000", "min_position": str(shop.log.head().size)}
    page = shop.client.get(f"/v1{SHOP}", params=params).text

    lines, untrue = find_untrue_reasons(page, list(shop.log.read(0, 1_000)))
    assert untrue == []
    assert lines == len(Lines(page).rows)
    shown = [text in page for text in ("The right reason.", "The wrong reason.", "A customer's name.", "[erased]")]
    assert shown == [True, False, False, True]
    assert find_untrue_reasons(page.replace("The right reason.", "Another."), list(shop.log.read(0, 1_000)))[1]
