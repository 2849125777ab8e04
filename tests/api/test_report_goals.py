"""The goals of a progress report: their values, and what came of what was expected of the decisions for them."""

from __future__ import annotations

from tests.support_log import LocalService

DECISION = {"decision": "Ten euros.", "why": "No-shows.", "accountable": "Ada Lovelace", "products": ["shop"]}
EXPECTED = {"measure": "No-shows", "baseline": "17%", "target": "under 5%", "due_on": "2025-02-01", "probability": 70}


def test_a_goal_shows_its_values_and_the_outcomes_of_its_decisions(service: LocalService) -> None:
    """Expected and actual value, by whom, and the evidence; an outcome that is not recorded says when it is due."""
    ada, bo = service.ada, service.person("Bo Berg")
    service.post("/products", {"key": "shop", "title": "The shop"})
    evidence = {"type": "RecordEvidence", "key": "count", "title": "Count of May", "kind": "data"}
    service.post("/commands", {"commands": [evidence]})
    goal = {
        "key": "full",
        "title": "Full berths",
        "products": ["shop"],
        "target": "40",
        "baseline": "0",
        "unit": "nights",
    }
    service.post("/goals", goal)
    for key in ("deposit", "reminder", "other"):
        goals = {} if key == "other" else {"goals": ["full"]}
        service.post("/decisions", {"key": key, "title": key, **DECISION, **goals})
    recorded = service.post(
        "/commands",
        {
            "commands": [
                {"type": "RecordMeasurement", "subject": "goal:full", "value": "36"},
                *(
                    {"type": "StateExpectedOutcome", "subject": f"decision:{key}", "by": bo, **EXPECTED}
                    for key in ("deposit", "reminder", "other")
                ),
                {
                    "type": "RecordOutcome",
                    "subject": "decision:deposit",
                    "expectation": "1",
                    "result": "met",
                    "actual": "4%",
                    "evidence": ["count"],
                },
            ]
        },
    )
    assert recorded.status_code == 200, recorded.text

    report = service.get("/products/shop/report", since="2024-01-01T00:00:00Z")

    (line,) = (row for row in report["rows"] if row["section"] == "goals")
    assert line["progress"] == {"baseline": "0", "target": "40", "current": "36", "unit": "nights"}
    expected = {"measure": "No-shows", "expected": "under 5%", "due_on": "2025-02-01", "by": bo}
    assert line["outcomes"] == [
        {"subject": "decision:deposit", **expected, "result": "met", "actual": "4%", "judged_by": ada}
        | {"evidence": ["evidence:count"]},
        {"subject": "decision:reminder", **expected, "result": None, "actual": None, "judged_by": None, "evidence": []},
    ]
    page = service.client.get(
        "/v1/products/shop/report", params={"since": "2024-01-01T00:00:00Z", "format": "markdown"}
    ).text
    assert (
        "No-shows: expected under 5% \\(Bo Berg\\); found 4% \\(Ada Lovelace\\), met, evidence: Count of May." in page
    )
    assert "No-shows: expected under 5% \\(Bo Berg\\), due Feb 1" in page
