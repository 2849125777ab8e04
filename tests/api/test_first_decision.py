"""A first decision, from the four fields to the answer."""

from __future__ import annotations

from tests.support_log import LocalService

FIRST = {
    "title": "Sell gift cards",
    "decision": "We build gift cards.",
    "why": "Half of our customers ask for them.",
    "accountable": "Ada Lovelace",
}


def test_a_decision_is_recorded_with_four_fields(service: LocalService) -> None:
    """Title, decision, why and accountable are enough, and the answer says where it stands."""
    response = service.post("/decisions", FIRST)

    assert response.status_code == 201, response.text
    answer = response.json()
    assert response.headers["ETag"] == '"1"' == f'"{answer["version"]}"'
    assert [each["type"] for each in answer["recorded"]] == ["DecisionRecorded.v1"]
    cells = {row["field"]: row["value"] for row in service.rows("/fields", subject=answer["subject"])}
    assert cells["status"] == "accepted"
    assert cells["role.accountable"] == [service.ada]
    assert cells["deciders"] == [service.ada]
    assert cells["kind"] == "strategic"
