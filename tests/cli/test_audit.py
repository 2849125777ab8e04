"""What an auditor at a terminal reads of a log of their own."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from cli.dates import Zone
from cli.errors import CommandFailed
from tests.support_log import LocalService
from tests.support_pages import text_of
from tests.support_terminal import run_command, table


def test_the_audit_trail_shows_the_reason_of_the_action_itself(tmp_path):
    """Of a void, with the entry that it voids, of reopening, and of a deferral; a note and a decision as before."""
    with LocalService(tmp_path) as service:
        service.post("/products", {"key": "shop", "title": "The shop"})
        service.post(
            "/decisions", {"key": "tea", "title": "Tea", "decision": "D.", "why": "W.", "accountable": service.ada}
        )
        service.post("/features", {"key": "f", "title": "F", "products": ["product:shop"], "because": ["tea"]})
        commands = (
            {"type": "PrioritizeFeature", "subject": "feature:f", "horizon": "now", "note": "N", "because": ["tea"]},
            {"type": "DropFeature", "subject": "feature:f", "why": "No demand"},
            {"type": "ReopenFeature", "subject": "feature:f", "why": "Demand"},
        )
        for command in commands:
            response = service.post("/commands", command)
            assert response.status_code < 300, response.text
        dropped = service.log.head().size - 1
        void = {"type": "VoidEntry", "subject": "feature:f", "position": dropped + 1, "why": "Never happened"}
        assert service.post("/commands", void).status_code < 300

        rows = table(service, "audit", "--subject", "feature:f")

    assert [(row["event"], row["why"], row["voids"]) for row in rows] == [
        ("EntryVoided", "Never happened", str(dropped + 1)),
        ("FeatureReopened", "Demand", ""),
        ("FeatureDropped", "No demand", ""),
        (rows[3]["event"], "N (based on Tea)", ""),
        ("FeatureProposed", "Tea", ""),
    ]


def test_what_happened_in_the_evening_is_in_the_period_of_that_day(tmp_path):
    """West of Greenwich it is the next day in UTC; what took effect on a whole day is recorded as that day."""
    zone = Zone(ZoneInfo("America/New_York"))
    with LocalService(tmp_path) as service:
        early = {"effective_at": "2024-11-01T00:00:00Z"}
        service.post("/products", {"key": "shop", "title": "The shop", **early})
        service.post("/features", {"key": "f", "title": "F", "products": ["product:shop"], **early})
        for horizon, at in (("now", "2024-11-20T21:00"), ("next", "2024-11-20")):
            run_command(service, "feature", "move", "f", horizon, "--note", "b", "--effective-at", at, zone=zone)
        period = ("--type", "FeaturePrioritized", "--since", "2024-11-20", "--until", "2024-11-21")
        rows = run_command(service, "audit", *period, "--csv", zone=zone).stdout.splitlines()

    assert [row.partition("2024-11-2")[2][:12] for row in rows[1:]] == ["0T00:00:00.0", "1T02:00:00.0"]


def test_a_decision_that_was_voided_since_is_found_by_every_question_about_then(tmp_path):
    """By its title, as of what was known before the void."""
    with LocalService(tmp_path) as service:
        service.post("/products", {"key": "shop", "title": "The shop", "accountable": service.ada})
        decision = {"key": "tea", "title": "Green tea", "decision": "D.", "why": "W.", "accountable": service.ada}
        service.post("/decisions", {**decision, "products": ["product:shop"]})
        then = service.get("/decisions")["as_of"]
        for event in service.rows("/audit", subject="decision:tea"):
            void = {"type": "VoidEntry", "subject": "decision:tea", "position": event["position"], "why": "Wrong"}
            assert service.post("/commands", void).status_code < 300

        void = {"type": "VoidEntry", "subject": "product:shop", "why": "Wrong"}
        for event in service.rows("/audit", subject="product:shop"):
            assert service.post("/commands", {**void, "position": event["position"]}).status_code < 300

        assert "No product" not in run_command(service, "deciders", "the shop", "--known-at", then).stderr
        for command in ("authority", "show", "who", "blame", "options"):
            found = run_command(service, command, "green tea", "--known-at", then)
            assert "No decision" not in found.stderr, command


def test_the_number_of_a_voided_decision_is_explained(tmp_path):
    """Numbers have no gaps, so one before the last was given; after the last, none was."""
    with LocalService(tmp_path) as service:
        service.post("/products", {"key": "shop", "title": "The shop", "accountable": service.ada})
        for key in ("tea", "milk"):
            decision = {"key": key, "title": key, "decision": "D.", "why": "W.", "accountable": service.ada}
            service.post("/decisions", {**decision, "products": ["product:shop"]})
        then = service.get("/decisions")["as_of"]
        for event in service.rows("/audit", subject="decision:tea"):
            void = {"type": "VoidEntry", "subject": "decision:tea", "position": event["position"], "why": "Wrong"}
            assert service.post("/commands", void).status_code < 300

        with pytest.raises(CommandFailed, match=r"No subject 'SHOP-1'\. .* was voided, .* show SHOP-1 --known-at TIME"):
            run_command(service, "show", "SHOP-1")
        with pytest.raises(CommandFailed, match=r"The last number is SHOP-2\."):
            run_command(service, "show", "SHOP-3")
        assert "tea" in run_command(service, "show", "SHOP-1", "--known-at", then).stdout


def test_who_acknowledged_a_role_has_a_name(tmp_path):
    """Their id is not shown."""
    with LocalService(tmp_path) as service:
        service.post("/products", {"key": "shop", "title": "The shop", "accountable": service.ada})
        acknowledge = {"type": "AcknowledgeOwnership", "subject": "product:shop"}
        assert service.post("/commands", acknowledge).status_code < 300

        roles = table(service, "who", "product:shop")

    assert [row["role"] for row in roles] == ["acknowledged.accountable of Ada Lovelace", "accountable"]


def test_events_without_a_reason_and_on_behalf_of_others_are_found(tmp_path):
    """The options are named as the parameters of the API, and have the same answers."""
    with LocalService(tmp_path) as service:
        bo = service.person("Bo")
        service.post("/products", {"key": "shop", "title": "The shop"})
        service.post("/products", {"key": "desk", "title": "The desk", "on_behalf_of": bo, "note": "N."})

        unexplained = table(service, "audit", "--unexplained")
        on_behalf = table(service, "audit", "--on-behalf-of")

        expected = [service.rows("/audit", **{name: "true"}) for name in ("unexplained", "on_behalf_of")]
    for shown, rows in zip((unexplained, on_behalf), expected, strict=True):
        assert [row["position"] for row in shown] == [str(row["position"]) for row in rows] != []
    assert [row["subject"] for row in on_behalf] == ["product:desk"]
    assert "product:desk" not in [row["subject"] for row in unexplained]


def test_people_who_were_merged_are_shown_as_one_person(tmp_path):
    """Their own name stays, with that of the person who is kept: in tables, in CSV, among people, and on the page."""
    with LocalService(tmp_path) as service:
        for key, name in (("pr", "Priya R."), ("priya", "Priya Raman")):
            service.post("/people", {"key": key, "name": name})
        service.post("/products", {"key": "shop", "title": "The shop", "accountable": "person:pr"})
        before = table(service, "who", "product:shop")
        service.post("/people/pr/merge", {"into": "person:priya"})

        after = table(service, "who", "product:shop")
        people = {row["id"]: row["merged into"] for row in table(service, "people")}
        as_csv = run_command(service, "who", "product:shop", "--csv").stdout
        page = text_of(service.client.get("/people", headers={"Accept": "text/html"}).text)

    assert [row["holders"] for row in (*before, *after)] == ["Priya R.", "Priya R. (now Priya Raman)"]
    assert "Priya R. (now Priya Raman) <person:pr>" in as_csv
    assert people == {**dict.fromkeys(people, ""), "person:pr": "Priya Raman"}
    assert "Priya R. now Priya Raman" in page


def test_an_approval_is_in_the_history_of_a_decision_only(tmp_path):
    """It no longer counts after a revision, so it is not shown as a fact about the decision, nor by the id of a person."""
    with LocalService(tmp_path) as service:
        service.post("/decisions/propose", {"key": "tea", "title": "Tea"})
        assert service.post("/decisions/tea/approve").status_code < 300
        revise = {"type": "ReviseDecision", "subject": "decision:tea", "tags": ["drinks"]}
        assert service.post("/commands", revise, If_Match='"2"').status_code < 300

        shown = run_command(service, "show", "tea").stdout

    assert "approved it" in shown
    assert "Approval" not in shown
