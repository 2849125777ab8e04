"""Evidence, assumptions, flags and contributions on pages: recorded with forms, shown where they matter."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pages.test_forms import Forms
from tests.support_pages import text_of


@pytest.fixture
def forms(service: Any) -> Forms:
    return Forms(service)


@pytest.fixture
def decision(service: Any) -> str:
    """An accepted decision of a product."""
    service.post("/products", {"key": "tide", "title": "Tide"})
    service.post(
        "/goals",
        {
            "key": "reach",
            "title": "Reach more ports",
            "products": ["tide"],
            "baseline": "4",
            "target": "9",
            "unit": "ports",
        },
    )
    service.post(
        "/decisions",
        {
            "key": "tea",
            "title": "Serve tea",
            "decision": "Tea.",
            "why": "Thirst.",
            "accountable": service.ada,
            "products": ["tide"],
            "goals": ["reach"],
        },
    )
    wait(service)
    return "decision:tea"


def wait(service: Any) -> None:
    """Wait until the pages show everything that was recorded."""
    service.runner.wait_for(service.log.head().size, 10)


def read_page(service: Any, path: str, **parameters: Any) -> str:
    params = {"min_position": service.log.head().size, **parameters}
    response = service.client.get(path, params=params, headers={"Accept": "text/html"})
    assert response.status_code == 200, text_of(response.text)
    return text_of(response.text)


def test_evidence_is_recorded_with_a_form_and_shown_with_its_decision(
    service: Any, forms: Forms, decision: str
) -> None:
    """A form records evidence for a decision; both pages link to each other."""
    forms.record(
        f"/do/RecordEvidence?supports={decision}",
        title="Seven of ten want tea",
        kind="customer",
        strength="weak",
        products="Tide",
    )
    (row,) = service.rows("/evidence")

    shown = read_page(service, "/decisions/tea")
    assert "Evidence and assumptions" in shown
    assert "for Seven of ten want tea customer, weak" in " ".join(shown.split())
    assert "Serve tea" in read_page(service, f"/evidence/{row['subject'].partition(':')[2]}")
    assert "Seven of ten want tea" in read_page(service, "/evidence")


def test_a_broken_assumption_is_shown_where_it_matters_until_it_is_kept(
    service: Any, forms: Forms, decision: str
) -> None:
    """The decision, Home and the list of flags show what rests on a broken assumption; a reason clears it."""
    forms.record(f"/do/StateAssumption?under={decision}", title="Water is near", key="water", products="Tide")
    (row,) = service.rows("/assumptions")
    subject = row["subject"]
    wait(service)
    forms.record(f"/do/BreakAssumption?subject={subject}", why="The well is dry.")

    for path in ("/decisions/tea", "/flags", "/"):
        assert "an assumption broke" in read_page(service, path), path
    forms.record(f"/do/ConfirmStillValid?subject={decision}", why="There is a second well.")
    for path in ("/decisions/tea", "/flags", "/"):
        assert "an assumption broke" not in read_page(service, path), path


def test_a_deferred_decision_is_back_on_home_with_the_reason(service: Any, forms: Forms, decision: str) -> None:
    """A decision that waits for evidence that is not recorded yet is back on Home once it is."""
    service.post("/decisions/propose", {"key": "cake", "title": "Serve cake", "products": ["tide"]})
    wait(service)
    forms.record("/do/DeferDecision?subject=decision:cake", until="We asked.", awaits="evidence:baking")
    assert "is back" not in read_page(service, "/")

    service.post("/evidence", {"key": "baking", "title": "They bake", "kind": "data", "products": ["tide"]})
    shown = " ".join(read_page(service, "/").split())
    assert "The evidence it waits for is recorded: They bake" in shown


def test_the_page_of_a_deferred_decision_shows_its_day_until_it_is_taken(
    service: Any, forms: Forms, decision: str
) -> None:
    """The day to decide it again is a step to come; once it is decided, neither the steps nor the history speak of it."""
    service.post("/decisions/propose", {"key": "cake", "title": "Serve cake", "products": ["tide"]})
    wait(service)
    form = read_page(service, "/do/DeferDecision", subject="decision:cake")
    assert "Revisit on optional The day to decide it, at the latest." in form
    forms.record(
        "/do/DeferDecision?subject=decision:cake", until="We asked.", awaits="evidence:baking", revisit_on="2030-03-01"
    )
    deferred = " ".join(read_page(service, "/decisions/cake").split())
    assert "Decide again due Mar 1, 2030" in deferred
    assert "deferred this: awaits" in deferred

    forms.record("/do/AcceptDecision?subject=decision:cake", why="We know enough.")
    shown = " ".join(read_page(service, "/decisions/cake").split())
    assert "accepted this We know enough." in shown
    assert "Decide again" not in shown
    assert "Deferred until" not in shown


def test_goals_show_their_values_and_what_contributes_to_them(service: Any, forms: Forms, decision: str) -> None:
    """A goal shows its measured values; the pages of the goal and the decision show the way between them."""
    service.post("/features", {"key": "kettle", "title": "Kettle", "products": ["tide"]})
    service.post("/features/kettle/link", {"decisions": ["tea"]})
    service.post("/features", {"key": "sail", "title": "Sail", "products": ["tide"]})
    wait(service)
    forms.record("/do/RecordMeasurement?subject=goal:reach", value="5.5")

    goals = " ".join(read_page(service, "/goals").split())
    assert "5.5 ports , target 9 ports, baseline 4 ports" in goals
    assert "Sail contributes to no goal" in goals
    for path in ("/goals/reach", "/decisions/tea", "/features/kettle"):
        shown = " ".join(read_page(service, path).split())
        assert "From goal to release" in shown, path
        assert "Serve tea Kettle" in shown, path


def test_options_are_weighed_with_forms_and_judged_again(service: Any, forms: Forms, decision: str) -> None:
    """Findings and amounts of an option are typed as lines, keep their meaning in a revision, and are judged again."""
    service.post("/evidence", {"key": "poll", "title": "A poll", "kind": "customer", "products": ["tide"]})
    wait(service)
    location = forms.record(
        "/do/ProposeDecision",
        title="Buy a boat",
        products="Tide",
        cost_limit="500 EUR",
        time_limit="3 weeks",
        constraints="Fits the shed\nNo license needed",
        **{
            "options.0.title": "Dinghy",
            "options.0.cost_amount": "900 EUR",
            "options.0.duration": "1 month",
            "options.0.findings": "valuable: yes - They ask for it [evidence:poll]\nusable: unclear",
        },
    )
    key = location.partition("?")[0].rpartition("/")[2]
    wait(service)
    form = forms.open(f"/do/ReviseDecision?subject=decision:{key}")
    assert form["options.0.findings"] == "valuable: yes - They ask for it [evidence:poll]\nusable: unclear"

    asked = f"/do/CheckConstraint?subject=decision:{key}&option_number=1&constraint_number=2"
    assert f'href="{asked.replace("&", "&amp;")}"' in service.client.get(f"/decisions/{key}").text
    forms.record(asked, answer="met", finding="It has no motor.")
    forms.record(f"/do/AcceptDecision?subject=decision:{key}", option="Dinghy", why="It floats.")
    wait(service)
    forms.record(f"/do/JudgeChoice?subject=decision:{key}", findings="valuable: no - No one rows")

    (option,) = service.rows(f"/decisions/{key}/options")
    assert (option["cost_fit"], option["time_fit"]) == ("exceeds", "exceeds")
    assert [each["risk"] for each in option["findings"]] == ["valuable", "usable"]
    assert option["findings"][0]["evidence"] == ["evidence:poll"]
    assert option["afterward"][0] == {"risk": "valuable", "answer": "no", "finding": "No one rows", "evidence": []}
    shown = " ".join(read_page(service, f"/decisions/{key}").split())
    assert "They ask for it A poll afterward no No one rows" in shown
    assert "checked a constraint on this: constraint 2 option 1 met, It has no motor." in shown
    assert "judged the choice of this: afterward valuable no, No one rows" in shown
    assert "Fits the shed not checked Check No license needed met It has no motor." in shown


def test_a_finding_that_cannot_be_read_is_named(forms: Forms, decision: str) -> None:
    """A line that is no finding is asked back with how to write it; nothing is recorded."""
    path = f"/do/JudgeChoice?subject={decision}"
    response = forms.send(path, {**forms.open(path), "findings": "it was fine"})

    assert response.status_code == 422
    assert "write it like this: valuable: yes" in text_of(response.text)
