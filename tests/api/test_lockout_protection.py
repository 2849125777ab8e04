"""Over HTTP, an ordinary token shuts nobody out, brings nobody back, and does not outlive its holder's departure."""

from __future__ import annotations

from typing import Any

import pytest

from domain.credentials import NamesChanged
from domain.scopes import SCOPES
from tests.support_log import LocalService


def test_a_departed_person_does_not_outlive_it_under_a_merged_id(service: LocalService) -> None:
    """The tokens of an id that was merged into the one who left answer 401 at once, and stay revoked."""
    mallory, second = service.person("Mallory"), service.person("Second")
    secret = _token(service, mallory)
    client = service.client_of(secret)
    key, into = mallory.removeprefix("person:"), second.removeprefix("person:")
    assert client.post(f"/v1/people/{key}/merge", json={"into": second}).status_code == 403
    assert service.post(f"/people/{key}/merge", {"into": second}).status_code == 200

    left = service.post(f"/people/{into}/leave")

    assert [each["type"] for each in left.json()["recorded"]] == ["PersonLeft.v1", "TokenRevoked.v1"]
    assert client.get("/v1/me").status_code == 401
    back = {"position": left.json()["recorded"][0]["position"], "why": "A friend."}
    friend = service.client_of(_token(service, service.person("Friend")))
    assert friend.post(f"/v1/subjects/{second}/void", json=back).status_code == 403
    assert service.post(f"/subjects/{second}/void", back).status_code == 200
    assert client.get("/v1/me").status_code == 401


@pytest.mark.parametrize("through", ["commands", "transactions", "routes"])
def test_a_loop_over_people_shuts_out_nobody_who_has_access(service: LocalService, through: str) -> None:
    """After leaving, removing, merging and voiding all others, the administrator and a token holder remain."""
    guest = service.person("Guest")
    other = service.client_of(_token(service, service.person("Other")))
    mallory = service.client_of(_token(service, service.person("Mallory")))
    born = {row["subject"]: row["position"] for row in service.rows("/audit", limit=100) if "PersonReg" in row["type"]}
    people = [row["id"] for row in mallory.get("/v1/people").json()["rows"]]
    for person in people:
        for command in (
            {"type": "RecordPersonLeft", "subject": person},
            {"type": "RemoveSubject", "subject": person, "why": "w"},
            {"type": "VoidEntry", "subject": person, "position": born[person], "why": "r"},
            {"type": "MergePeople", "subject": person, "into": people[0]},
        ):
            _send(mallory, command, through)

    assert service.client.get("/v1/me").status_code == 200
    assert other.get("/v1/me").status_code == 200
    assert service.post(f"/subjects/{guest}/restore", {"why": "He was a guest."}).status_code in (200, 409)
    assert service.post("/products", {"title": "After all"}).status_code == 201


@pytest.mark.parametrize("through", ["a team", "another id"])
def test_the_last_administrator_by_way_of_a_team_or_another_id_stays(service: LocalService, through: str) -> None:
    """Who has the role as a member of a team, or under the id they were merged into, is protected as its holder is."""
    guest = service.person("Guest")
    holder, boss = _last_administrator(service, through)
    commands = [
        {"type": "RecordPersonLeft", "subject": boss},
        {"type": "RemoveSubject", "subject": boss, "why": "w"},
        {"type": "VoidEntry", "subject": boss, "position": _position(service, boss, "PersonRegistered"), "why": "w"},
        {"type": "RevokeRole", "subject": holder, "role": "admin"},
        {"type": "RemoveSubject", "subject": holder, "why": "w"},
        {"type": "RecordPersonLeft" if through == "another id" else "DisbandTeam", "subject": holder},
    ]
    if through == "a team":
        position = _position(service, holder, "OwnershipAssigned")
        member = {"subject": holder, "role": "member"}
        commands += [
            {"type": "VoidEntry", "subject": holder, "position": position, "why": "w"},
            {"type": "ReleaseOwnership", **member},
            {"type": "AssignOwnership", "holders": [guest], **member},
            {"type": "AssignOwnership", "holders": [boss], "until": "2025-01-02T00:00:00Z", **member},
        ]
    size = service.log.head().size
    for command in commands:
        answer = service.client.post("/v1/commands", json={"commands": [command]})
        assert answer.status_code == 409, (command, answer.text)
    assert service.log.head().size == size


def _last_administrator(service: LocalService, through: str) -> tuple[str, str]:
    """Make a person, who has the only token of an administrator, one by way of another subject; return both."""
    boss, main = service.person("Boss"), service.person("Main")
    service.post("/teams", {"key": "boss", "title": "Boss"})
    holder = "team:boss" if through == "a team" else main
    link = (
        {"type": "AssignOwnership", "subject": holder, "role": "member", "holders": [boss]}
        if through == "a team"
        else {"type": "MergePeople", "subject": boss, "into": main}
    )
    secret = service.post("/tokens", {"holder": boss, "scopes": [*SCOPES]}).json()["secret"]
    grant = {"type": "GrantRole", "subject": holder, "role": "admin"}
    service.client.post("/v1/commands", json={"commands": [link, grant]}).raise_for_status()
    service.log.default_role = None
    service.client = service.client_of(secret)
    return holder, boss


def _position(service: LocalService, subject: str, type_: str) -> int:
    return [entry.position for entry in service.log.stream(subject) if entry.type.startswith(type_)][-1]


def test_the_default_role_makes_no_administrator_of_who_holds_another(service: LocalService) -> None:
    """Where callers without a role are administrators, a viewer is none: the last one who is stays."""
    viewer = service.person("Viewer")
    service.post("/tokens", {"holder": viewer, "scopes": [*SCOPES]})
    grant = {"type": "GrantRole", "subject": viewer, "role": "viewer"}
    service.client.post("/v1/commands", json=grant).raise_for_status()
    assert service.post(f"/people/{service.ada.removeprefix('person:')}/leave").status_code == 409


def test_names_are_changed_together_or_not_at_all(service: LocalService) -> None:
    """A display name that another person has refuses the identifiers that were sent with it, too."""
    guest = service.person("Guest", "g@example.org")
    path = f"/people/{guest.removeprefix('person:')}/names"
    assert service.post(path, {"identifiers": ["new@example.org"], "name": "ada@example.org"}).status_code == 409
    assert service.log.directory.spellings(guest) == ("Guest", "g@example.org")
    assert service.post(path, {"identifiers": ["new@example.org"], "name": "Gus"}).json()["name"] == "Gus"
    assert service.log.directory.spellings(guest) == ("Gus", "g@example.org", "new@example.org", "Guest")
    changes = [e.event.change for e in service.log.stream(guest) if isinstance(e.event, NamesChanged)]
    assert changes == ["added", "renamed"]


def test_who_did_what_to_tokens_and_names_is_in_the_audit_trail(service: LocalService) -> None:
    """Making and revoking a token and changing names are found by who did them."""
    guest = service.person("Guest")
    made = service.post("/tokens", {"holder": guest, "scopes": ["import"], "label": "x"}).json()
    service.client.delete(f"/v1/tokens/{made['id']}")
    service.post(f"/people/{guest.removeprefix('person:')}/names", {"identifiers": ["g@example.org"]})

    found = [(row["type"], row["actor"]) for row in service.rows("/audit", subject=guest)]

    assert {each for each in found if each[0] != "PersonRegistered.v1"} == {
        (name, service.ada) for name in ("TokenCreated.v1", "TokenRevoked.v1", "NamesChanged.v1")
    }


def test_an_e_mail_that_was_taken_is_moved_by_an_administrator(service: LocalService) -> None:
    """A person who registered another's email first does not keep it."""
    squatter, guest = service.person("Squatter", "cid@example.org"), service.person("Cid")
    path = f"/people/{guest.removeprefix('person:')}/names"
    assert service.post(path, {"identifiers": ["cid@example.org"]}).status_code == 409
    assert service.post(path, {"identifiers": ["cid@example.org"], "move": True}).status_code == 200
    assert [row["id"] for row in service.rows("/people", name="cid@example.org")] == [guest]
    lost = service.client.get(f"/v1/people/{squatter.removeprefix('person:')}").json()
    assert lost["spellings"] == ["Squatter"]


def _token(service: LocalService, holder: str) -> str:
    secret: str = service.post("/tokens", {"holder": holder}).json()["secret"]
    return secret


def _send(client: Any, command: dict[str, Any], through: str) -> None:
    if through == "commands":
        client.post("/v1/commands", json={"commands": [command]})
    elif through == "transactions":
        client.post("/v1/bulk", json={"transactions": [{"commands": [command]}]})
    else:
        kind = {"RecordPersonLeft": "leave", "MergePeople": "merge", "RemoveSubject": "remove", "VoidEntry": "void"}
        of = "people" if command["type"] in ("RecordPersonLeft", "MergePeople") else "subjects"
        key = command["subject"] if of == "subjects" else command["subject"].removeprefix("person:")
        body = {name: value for name, value in command.items() if name not in ("type", "subject")}
        client.post(f"/v1/{of}/{key}/{kind[command['type']]}", json=body)
