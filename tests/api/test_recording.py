"""Writing: versions, idempotency, units, and the answers that say where things stand."""

from __future__ import annotations

import time
from typing import Any

import pytest

from projections.read_model.runner import MANY_ENTRIES
from tests.support_log import LocalService

FIRST = {"title": "A", "decision": "B", "why": "C", "accountable": "Ada Lovelace"}


@pytest.fixture
def proposed(service: LocalService) -> dict[str, Any]:
    answer: dict[str, Any] = service.post("/decisions/propose", {"key": "gift-cards", "title": "Gift cards?"}).json()
    return answer


def test_the_same_request_twice_with_a_key_has_one_effect(service: LocalService) -> None:
    """The second answer is the first, and says that it is a replay."""
    first = service.post("/decisions", FIRST, Idempotency_Key="k-1")
    size = service.log.head().size

    second = service.post("/decisions", FIRST, Idempotency_Key="k-1")

    assert service.log.head().size == size
    assert second.status_code == first.status_code
    assert second.json() == {**first.json(), "replayed": True}
    assert second.headers["ETag"] == first.headers["ETag"]


def test_a_key_is_for_one_command(service: LocalService) -> None:
    """Another command under a used key is refused, and nothing is recorded."""
    service.post("/decisions", FIRST, Idempotency_Key="k-1")
    size = service.log.head().size

    response = service.post("/decisions", {**FIRST, "title": "Z"}, Idempotency_Key="k-1")

    assert response.status_code == 422
    assert response.json()["type"].endswith("idempotency-key-reused")
    assert service.log.head().size == size


def test_a_key_belongs_to_whoever_used_it(service: LocalService) -> None:
    """Another caller's key with the same letters is another key."""
    service.person("Bo")
    bo = service.client_of(service.post("/tokens", {"holder": "Bo"}).json()["secret"])
    service.post("/decisions", FIRST, Idempotency_Key="k-1")

    response = bo.post("/v1/decisions", json=FIRST, headers={"Idempotency-Key": "k-1"})

    assert response.status_code == 201
    assert response.json()["replayed"] is False


def test_a_refusal_is_not_stored_under_a_key(service: LocalService) -> None:
    """Once what was in the way is gone, the same request with the same key succeeds."""
    body = {"subject": "decision:gift-cards", "type": "WithdrawDecision", "why": "No."}
    assert service.post("/commands", body, Idempotency_Key="k-1").status_code == 404

    service.post("/decisions/propose", {"key": "gift-cards", "title": "Gift cards?"})

    assert service.post("/commands", body, Idempotency_Key="k-1").status_code == 200


def test_a_stale_version_is_refused_with_the_present_one(service: LocalService, proposed: dict[str, Any]) -> None:
    """412, and the problem says which version to look at."""
    seen = f'"{proposed["version"]}"'
    assert service.post("/decisions/gift-cards/revise", {"title": "Gift cards!"}, If_Match=seen).status_code == 200

    response = service.post("/decisions/gift-cards/revise", {"title": "Vouchers"}, If_Match=seen)

    assert response.status_code == 412
    assert response.json()["version"] == proposed["version"] + 1
    assert [row["value"] for row in service.rows("/fields", subject="decision:gift-cards", field="title")] == [
        "Gift cards!"
    ]


def test_prose_is_not_changed_without_the_version_that_was_read(
    service: LocalService, proposed: dict[str, Any]
) -> None:
    """428 names the header that is wanted."""
    response = service.post("/decisions/gift-cards/revise", {"title": "Vouchers"})

    assert response.status_code == 428
    assert response.json()["field"] == "If-Match"


@pytest.mark.parametrize("header", ["3", '"1", 2', "W/1", '"1"; "2"'])
def test_a_malformed_if_match_is_refused(service: LocalService, proposed: dict[str, Any], header: str) -> None:
    """`If-Match` is `*` or a list of quoted ETags."""
    response = service.post("/decisions/gift-cards/withdraw", {"why": "No."}, If_Match=header)

    assert response.status_code == 400
    assert response.json()["field"] == "If-Match"


@pytest.mark.parametrize("header", ['W/"1"', '"x"', '"99999999999999999999"', 'W/"1", "x"', '"2", "3"'])
def test_an_if_match_without_the_current_version_is_a_412(
    service: LocalService, proposed: dict[str, Any], header: str
) -> None:
    """A weak ETag never matches (RFC 9110, section 13.1.1), nor does the ETag of something else."""
    response = service.post("/decisions/gift-cards/withdraw", {"why": "No."}, If_Match=header)

    assert response.status_code == 412


@pytest.mark.parametrize("header", ["*", '"1"', '"1", "2"', 'W/"2", "x", "1"'])
def test_an_if_match_with_the_current_version_matches(
    service: LocalService, proposed: dict[str, Any], header: str
) -> None:
    """One of several ETags is enough."""
    response = service.post("/decisions/gift-cards/withdraw", {"why": "No."}, If_Match=header)

    assert response.status_code == 200, response.text


def test_a_unit_is_applied_whole_or_not_at_all(service: LocalService) -> None:
    """When one of several commands is refused, none is recorded, and the field says which it was."""
    commands = [
        {"type": "DefineProduct", "key": "shop", "title": "Shop"},
        {"type": "ProposeFeature", "key": "gift-cards", "title": "Gift cards", "products": ["shop"]},
        {"type": "ShipFeature", "subject": "feature:gift-card"},
    ]
    size = service.log.head().size

    response = service.post("/commands", {"commands": commands})

    assert response.status_code == 404
    assert response.json()["field"] == "commands.2.subject"
    assert service.log.head().size == size

    commands[2]["subject"] = "feature:gift-cards"
    assert service.post("/commands", {"commands": commands}).status_code == 201
    assert service.log.head().size == size + 3


def test_units_have_fates_of_their_own(service: LocalService) -> None:
    """One that is refused leaves the others as they are, and answers in its place."""
    transactions = [
        {"commands": [{"type": "DefineProduct", "key": "shop", "title": "Shop"}]},
        {"commands": [{"type": "RetireProduct", "subject": "product:shoe", "why": "Gone."}]},
        {"commands": [{"type": "RetireProduct", "subject": "product:shop", "why": "Gone."}], "key": "x"},
    ]

    results = service.post("/bulk", {"transactions": transactions}).json()["results"]

    assert [next(iter(result)) for result in results] == ["receipt", "refused", "receipt"]
    assert results[1]["refused"]["status"] == 404


def test_reading_what_one_wrote_waits_for_no_other_entries(
    service: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where many entries arrive, the read model waits for more of them, but not while a query waits for one."""
    monkeypatch.setattr("projections.read_model.runner.BATCHING_DELAY_S", 60)
    people = [{"type": "RegisterPerson", "name": f"Person {n}"} for n in range(MANY_ENTRIES)]
    batch = service.post("/commands", {"commands": people}).json()
    deadline = time.monotonic() + 10
    while service.runner.position < batch["position"] and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)  # until it waits for more

    recorded = service.post("/people", {"name": "Noor"}).json()
    waited = service.runner.position < recorded["position"]

    assert service.get("/subjects/" + recorded["subject"])["version"] == 1
    assert waited


def test_reads_wait_for_a_position(service: LocalService) -> None:
    """`min_position` makes one read one's own write; a position that was never given is refused."""
    position = service.post("/decisions", FIRST).json()["position"]

    answer = service.client.get("/v1/fields", params={"min_position": position, "kind": "decision"}).json()
    too_far = service.client.get("/v1/fields", params={"min_position": position + 1})

    assert answer["position"] >= position
    assert answer["rows"]
    assert too_far.status_code == 422
    assert too_far.json()["field"] == "min_position"


def test_a_created_subject_can_be_found_where_the_answer_says(service: LocalService) -> None:
    """Location leads to the subject."""
    response = service.post("/decisions", FIRST)

    found = service.client.get(response.headers["Location"], params={"min_position": response.json()["position"]})

    assert found.status_code == 200
    assert found.json()["subject"] == response.json()["subject"]
    assert found.headers["ETag"] == response.headers["ETag"]


def test_a_repetition_with_a_key_is_replayed_and_without_one_refused(service: LocalService) -> None:
    """The same command again changes nothing and is refused, unless its key says that it is the same request."""
    service.post("/products", {"key": "tide", "title": "Tide"})
    service.post("/features", {"key": "tea", "title": "Tea", "products": ["tide"]})
    service.post("/assumptions", {"key": "rain", "title": "It rains"})
    link = {"to": ["feature:tea"]}
    service.post("/assumptions/rain/link", link, Idempotency_Key="k-1")

    assert service.post("/assumptions/rain/link", link, Idempotency_Key="k-1").json()["replayed"] is True
    refused = service.post("/assumptions/rain/link", link)

    assert (refused.status_code, refused.json()["field"]) == (409, "to")
    assert "assumption:rain is already linked to feature:tea" in refused.json()["detail"]


def test_empty_minutes_are_recorded_only_with_what_was_said(service: LocalService) -> None:
    """Minutes that say nothing are refused, unless the other commands of their transaction are what was said."""
    service.post(
        "/meetings/record", {"key": "round", "title": "R", "held_on": "2020-05-04", "attendees": ["Ada Lovelace"]}
    )
    empty = {"type": "AddMinutes", "subject": "meeting:round"}
    task = {"type": "AssignTask", "title": "Buy cups", "accountable": "Ada Lovelace"}

    assert service.post("/commands", empty).status_code == 409
    assert service.post("/commands", {"commands": [empty, task]}).status_code == 200


def test_a_bulk_request_needs_the_version_of_what_it_replaces(service: LocalService, proposed: dict[str, Any]) -> None:
    """Each of its transactions is refused alone; the others are recorded."""
    subject = proposed["subject"]
    revision = {"type": "ReviseDecision", "subject": subject, "decision": "Something else."}
    added = {"commands": [{"type": "RegisterTeam", "title": "Crew"}]}
    version = service.log.state(subject).version

    body = {"transactions": [{"commands": [revision]}, added, {"commands": [revision], "expected": {subject: version}}]}
    missing, team, done = service.post("/bulk", body).json()["results"]

    assert (missing["refused"]["status"], missing["refused"]["field"]) == (428, "expected")
    assert subject in missing["refused"]["detail"]
    assert "receipt" in team
    assert "receipt" in done


def test_two_different_versions_of_one_subject_are_refused(service: LocalService, proposed: dict[str, Any]) -> None:
    """Neither the header nor the body is ignored."""
    subject = proposed["subject"]
    command = {"type": "ReviseDecision", "subject": subject, "decision": "Something else."}
    version = service.log.state(subject).version
    body = {"commands": [command], "expected": {subject: version}}

    refused = service.client.post("/v1/commands", json=body, headers={"If-Match": f'"{version + 7}"'})
    accepted = service.client.post("/v1/commands", json=body, headers={"If-Match": f'"{version}"'})

    assert (refused.status_code, refused.json()["field"]) == (422, "expected")
    assert accepted.status_code == 200
