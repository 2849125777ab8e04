"""Meetings on pages: planned and written up with forms, read as minutes, and their tasks."""

from __future__ import annotations

from typing import Any

import pytest
from support_pages import text_of

from tests.pages.test_evidence import read_page, wait
from tests.pages.test_forms import Forms
from tests.support_log import quiet_token


@pytest.fixture
def forms(service: Any) -> Forms:
    return Forms(service)


@pytest.fixture
def meeting(service: Any) -> str:
    """A planned meeting with one decision on its agenda."""
    service.post("/people", {"key": "bob", "name": "Bob Tea"})
    service.post("/products", {"key": "tide", "title": "Tide"})
    service.post("/decisions/propose", {"key": "tea", "title": "Serve tea", "products": ["tide"]})
    plan = {"key": "round", "title": "Monday round", "held_on": "2020-05-04", "products": ["tide"], "agenda": ["tea"]}
    service.post("/meetings", {**plan, "invited": ["Bob Tea"]})
    wait(service)
    return "meeting:round"


def test_a_meeting_is_planned_with_a_form(service: Any, forms: Forms, meeting: str) -> None:
    """A form plans a meeting with its agenda, and the list of meetings shows it."""
    forms.record("/do/PlanMeeting", title="Friday round", held_on="2030-05-08", agenda="Serve tea", products="Tide")

    assert "Friday round" in read_page(service, "/meetings")


def test_an_outcome_belongs_to_its_decision_whatever_was_decided_meanwhile(
    service: Any, forms: Forms, meeting: str
) -> None:
    """The form names a decision that was settled after it was opened, and records nothing."""
    service.post("/decisions/propose", {"key": "cake", "title": "Serve cake", "products": ["tide"]})
    service.post("/meetings/round/revise", {"agenda": ["tea", "cake"]})
    wait(service)
    path = "/meetings/round/write-up"
    values = {
        **forms.open(path),
        "attendees": "Bob Tea",
        "agenda.decision:tea.outcome": "RejectDecision",
        "agenda.decision:tea.why": "Tea is too dear.",
        "agenda.decision:cake.outcome": "AcceptDecision",
        "agenda.decision:cake.decision": "Cake on Mondays.",
        "agenda.decision:cake.why": "It pays off.",
    }
    service.post("/decisions/tea/accept", {"decision": "Tea.", "why": "It is cold."})
    size = service.log.head().size

    refused = forms.send(path, values)

    assert refused.status_code == 422
    assert service.log.head().size == size
    assert 'href="#f-agenda.decision:tea.outcome"' in refused.text
    shown = forms.read(refused.text)
    assert shown["agenda.decision:tea.why"] == "Tea is too dear."
    rest = {"agenda.decision:tea.outcome": "", "agenda.decision:tea.why": ""}
    assert forms.send(path, {**shown, **rest}).status_code == 303
    assert service.get("/decisions/tea")["fields"]["status"]["value"] == "accepted"
    assert service.get("/decisions/cake")["fields"]["decision"]["value"] == "Cake on Mondays."


def test_minutes_that_are_sent_twice_are_recorded_once(service: Any, forms: Forms, meeting: str) -> None:
    """The second answer is the first one."""
    path = "/meetings/round/write-up"
    values = {**forms.open(path), "attendees": "Bob Tea", "agenda.decision:tea.outcome": "AcceptDecision"}
    values |= {"agenda.decision:tea.decision": "Tea.", "agenda.decision:tea.why": "It is cold."}

    first, second = forms.send(path, values), forms.send(path, values)

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == second.headers["location"]


def test_a_meeting_is_written_up_in_one_transaction(service: Any, forms: Forms, meeting: str) -> None:
    """One form records who was there, advice and dissent, the decision and a task, all in one transaction."""
    size = service.log.head().size
    forms.record(
        "/meetings/round/write-up",
        attendees="Bob Tea",
        **{
            "agenda.decision:tea.outcome": "AcceptDecision",
            "agenda.decision:tea.deciders": "Bob Tea",
            "agenda.decision:tea.decision": "Tea from Monday.",
            "agenda.decision:tea.why": "It is cold.",
            "said.0.who": "Bob Tea",
            "said.0.decision": "decision:tea",
            "said.0.stance": "DissentFromDecision",
            "said.0.text": "Coffee is warmer.",
            "tasks.0.title": "Buy cups",
            "tasks.0.who": "Bob Tea",
            "tasks.0.due_on": "2020-06-01",
        },
    )

    entries = [service.log.entry(position) for position in range(size + 1, service.log.head().size + 1)]
    assert [entry.type for entry in entries] == [
        "MeetingHeld.v1",
        "DissentRecorded.v1",
        "DecisionAccepted.v1",
        "TaskAssigned.v1",
    ]
    assert len({entry.metadata.transaction for entry in entries}) == 1
    shown = read_page(service, "/meetings/round")
    assert "Tea from Monday. It is cold." in shown
    assert "Objections Bob Tea : Coffee is warmer." in shown
    assert "claim: not confirmed by Bob Tea" in shown
    assert "3 items not confirmed" in shown
    assert "Buy cups Bob Tea" in shown
    assert "Monday round" in read_page(service, "/decisions/tea")
    assert "Buy cups" in read_page(service, "/tasks")
    assert "Due Jun 1, 2020. Bob Tea Done overdue" in read_page(service, "/")


def test_what_was_typed_is_kept_if_nothing_is_recorded(service: Any, forms: Forms, meeting: str) -> None:
    """An unknown name is refused by its field, and everything typed is still there."""
    size = service.log.head().size
    response = forms.send("/meetings/round/write-up", {"attendees": "Zorro", "notes": "A long talk."})

    assert response.status_code == 422
    assert "No person is called “Zorro”." in text_of(response.text)
    assert "A long talk." in response.text
    assert service.log.head().size == size


def test_a_day_in_the_future_is_refused_by_its_field(service: Any, forms: Forms, meeting: str) -> None:
    """A meeting of a day to come is not written up, planned or not, and the error is that of the day."""
    size = service.log.head().size
    typed = {"attendees": "Bob Tea", "held_on": "2999-01-01"}
    task = {"tasks.0.title": "Buy cups", "tasks.0.who": "Bob Tea"}
    responses = [
        forms.send("/meetings/round/write-up", typed),
        forms.send("/meetings/round/write-up", {**typed, **task}),
        forms.send("/do/RecordMeeting", {**forms.open("/do/RecordMeeting"), **typed, "title": "Round"}),
    ]

    assert [response.status_code for response in responses] == [422, 422, 422]
    assert all('<a href="#f-held_on">The meeting is on 2999-01-01' in response.text for response in responses)
    assert service.log.head().size == size


@pytest.mark.parametrize("number", ["100000000", "9" * 5000])
def test_a_made_up_number_of_a_row_takes_no_time(service: Any, forms: Forms, meeting: str, number: str) -> None:
    """A field of a row that no form has is ignored: it is not an error, and the rows before it are not read."""
    typed = {f"{name}.{number}.who": "Bob Tea" for name in ("said", "tasks")}
    response = forms.send("/meetings/round/write-up", {"attendees": "Zorro", **typed})

    assert response.status_code == 422
    assert "No person is called “Zorro”." in text_of(response.text)


@pytest.mark.parametrize("key", ["x" * 201, "a\nb"])
def test_the_key_of_a_form_is_an_idempotency_key(service: Any, forms: Forms, meeting: str, key: str) -> None:
    """A form key that is too long or has other characters is refused and not stored, as it would not fit in an index."""
    size = service.log.head().size
    response = forms.send("/meetings/round/write-up", {"attendees": "Bob Tea", "form_key": key})

    assert response.status_code == 422
    assert "1 to 200 visible ASCII characters" in text_of(response.text)
    assert service.log.head().size == size


def test_a_decision_that_a_reader_may_not_read_is_not_offered(service: Any, meeting: str) -> None:
    """The form that writes a meeting up lists the decisions on its agenda, except those of hidden products."""
    service.post("/products", {"key": "zinc", "title": "Zinc"})
    service.post("/decisions/propose", {"key": "alloy", "title": "Add an alloy", "products": ["zinc"]})
    service.post("/meetings/round/revise", {"agenda": ["tea", "alloy"]})
    grant = {"type": "GrantRole", "subject": "person:bob", "role": "contributor", "product": "product:tide"}
    assert service.post("/commands", grant).status_code == 200
    wait(service)
    service.log.default_role, service.log.limits_reading = None, True

    reader = service.client_of(quiet_token(service.log, "person:bob", {"read", "write"}))
    shown = reader.get("/meetings/round/write-up").text

    assert "decision:tea" in shown
    assert "decision:alloy" not in shown


def test_a_task_is_done_on_its_page(service: Any, forms: Forms, meeting: str) -> None:
    """A task is completed with its result, and is no longer in the list of open tasks."""
    service.post("/tasks", {"key": "cups", "title": "Buy cups", "accountable": "Bob Tea", "products": ["tide"]})
    wait(service)
    forms.record("/do/CompleteTask?subject=task:cups", result="Twelve cups.")

    assert "Twelve cups." in read_page(service, "/tasks/cups")
    assert "Buy cups" not in read_page(service, "/tasks")
    assert "Buy cups" in read_page(service, "/tasks", closed="true")


def test_a_meeting_that_was_held_meanwhile_can_be_added_to(service: Any, forms: Forms, meeting: str) -> None:
    """The form is shown again as one that adds to the minutes, with what was typed."""
    path = "/meetings/round/write-up"
    values = {**forms.open(path), "attendees": "Bob Tea", "notes": "We need cups."}
    service.post("/meetings/round/hold", {"attendees": ["Bob Tea"]})
    wait(service)

    refused = forms.send(path, values)
    shown = forms.read(refused.text)

    assert refused.status_code == 422
    assert "was written up meanwhile" in text_of(refused.text)
    assert (shown["planned"], shown["notes"]) == ("no", "We need cups.")
    assert forms.send(path, shown).status_code == 303


def test_what_was_typed_about_a_decision_that_left_the_agenda_is_not_dropped(
    service: Any, forms: Forms, meeting: str
) -> None:
    """It is shown with its input, and nothing is recorded until it is cleared."""
    path = "/meetings/round/write-up"
    values = {**forms.open(path), "attendees": "Bob Tea", "agenda.decision:tea.outcome": "AcceptDecision"}
    values |= {"agenda.decision:tea.decision": "Tea.", "agenda.decision:tea.why": "It is cold."}
    service.post("/meetings/round/revise", {"agenda": []})
    wait(service)
    size = service.log.head().size

    refused = forms.send(path, values)
    shown = forms.read(refused.text)

    assert refused.status_code == 422
    assert "Serve tea is no longer on the agenda" in text_of(refused.text)
    assert shown["agenda.decision:tea.why"] == "It is cold."
    assert service.log.head().size == size
    cleared = {name: "" for name in shown if name.startswith("agenda.")}
    assert forms.send(path, {**shown, **cleared}).status_code == 303


def test_adding_nothing_to_the_minutes_says_what_to_do(service: Any, forms: Forms, meeting: str) -> None:
    """The message has no field names of the API, and what is wrong is read with its input."""
    forms.record("/meetings/round/write-up", attendees="Bob Tea")
    path = "/meetings/round/write-up"

    nothing = forms.send(path, forms.open(path))
    unknown = forms.send(path, {**forms.open(path), "attendees": "Bob Tee"})

    assert "Nothing was added. Write down what was said, decided or assigned." in text_of(nothing.text)
    assert 'aria-describedby="h-attendees e-attendees" aria-invalid="true" autofocus' in unknown.text
