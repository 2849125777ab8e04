"""A refused field is named by its path in what was sent, as JSON has it, and by nothing of the program's inside."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support_log import LocalService

OBSERVED = {"type": "ImportChanges", "subject": "decision:x"}


def observed(value: object) -> dict[str, Any]:
    return {**OBSERVED, "changes": [{"field": "rank", "value": value}]}


@pytest.mark.parametrize(
    ("body", "field", "detail"),
    [
        (observed({}), "changes.0.value", "must be true or false or a whole number or text"),
        (observed("a\nb"), "changes.0.value", "must be a single line"),
        (observed(""), "changes.0.value", "must have at least 1 character"),
        (observed(1.5), "changes.0.value", "must be true or false or a whole number or text"),
        (observed(2**60), "changes.0.value", "must be less than or equal to 9007199254740991"),
        ({"commands": [observed([])]}, "commands.0.changes.0.value", "must be true or false or a whole number or text"),
        ({"type": "RegisterTeam", "title": "T", "Title": "x"}, "Title", "no such field; the fields are because"),
        ({"type": "RegisterTeam", "title": "T", "query": "x"}, "query", "no such field; the fields are because"),
        ({"commands": [{"type": "RegisterTeam"}]}, "commands.0.title", "is required"),
        ({"commands": [{"type": "ImportChanges", "subject": "x"}]}, "commands.0.subject", "must be product:KEY"),
        (
            {"commands": [{"type": "RegisterTeam", "title": "T"}], "expected": {"x": 1}},
            "expected.x",
            "must be product:KEY",
        ),
        (
            {"commands": [{"type": "RegisterTeam", "title": "T"}], "expected": {"log:l": -1}},
            "expected.log:l",
            "must be",
        ),
        (
            {"type": "ProposeDecision", "title": "T", "options": [{"title": "O", "pros": [""]}]},
            "options.0.pros.0",
            "must not be blank",
        ),
        (
            {"type": "ProposeDecision", "title": "T", "references": [{"Id": "x", "id": "y"}]},
            "references.0.Id",
            "no such field",
        ),
        ({"type": "AssignOwnership", "subject": "log:l", "holders": [7], "from": "x"}, "from", "must be a time"),
    ],
)
def test_fields_are_named_as_they_were_sent(
    service: LocalService, body: dict[str, Any], field: str, detail: str
) -> None:
    """The path is that of JSON, and one sentence says what would be right."""
    refused = service.post("/commands", body)
    document = refused.json()

    assert refused.status_code == 422, refused.text
    found = {each["field"]: each["detail"] for each in document["errors"]}
    assert found[field].startswith(detail)
    assert len(found) == len(document["errors"])
    for inside in ("function-", "constrained", "[key]", "tagged", "literal", "pydantic"):
        assert inside not in refused.text


@pytest.mark.parametrize(
    ("path", "body", "field", "detail"),
    [
        (
            "/roles/Bob/grant",
            {"role": "viewer"},
            "subject",
            "must be person:KEY or team:KEY or service:KEY or group:KEY",
        ),
        ("/tokens", {"holder": "service:ci", "scopes": ["all"]}, "scopes.0", "must be one of read, write, import,"),
        (
            "/bulk",
            {"transactions": [{"key": "a b", "commands": []}]},
            "transactions.0.key",
            "an idempotency key has 1 to",
        ),
        (
            "/subjects/decision:x/import",
            {"changes": [{"field": "No"}]},
            "changes.0.field",
            "must be the name of a field",
        ),
        ("/products/p/report", {"sha256": "AB"}, "sha256", "must be a SHA-256 as 64 hexadecimal digits"),
        ("/commands", {"type": "EraseTexts", "subject": "log"}, "subject", "must be log:KEY"),
    ],
)
def test_no_error_shows_a_regular_expression(
    service: LocalService, path: str, body: dict[str, Any], field: str, detail: str
) -> None:
    """What a text must be is said in words."""
    refused = service.post(path, body)

    assert refused.status_code == 422, refused.text
    found = {each["field"]: each["detail"] for each in refused.json()["errors"]}
    assert found[field].startswith(detail)
    assert "pattern" not in refused.text


def test_a_name_of_another_person_is_refused_where_it_was_sent(service: LocalService) -> None:
    """The error names the field, and nothing of the request is recorded."""
    service.person("Bob Cee", "bob@example.org")
    path = f"/people/{service.ada.removeprefix('person:')}/names"
    taken = {"identifiers": ["ada@example.com", "BOB@example.org"]}
    size = service.log.head().size

    refused = [
        service.post(path, taken),
        service.post("/people", {"name": "Bea", **taken}),
        service.post(path, {"identifiers": ["countess@example.org"], "name": "Bob Cee"}),
    ]

    assert [each.status_code for each in refused] == [409] * 3
    assert [each.json()["field"] for each in refused] == ["identifiers.1", "identifiers.1", "name"]
    assert service.log.head().size == size
    assert "countess@example.org" not in service.log.directory.spellings(service.ada)
    both = service.post(path, {"identifiers": ["countess@example.org"], "name": "Ada King"}).json()
    assert (both["name"], "countess@example.org" in both["spellings"]) == ("Ada King", True)


def test_a_version_of_what_does_not_exist_is_refused_as_such(service: LocalService) -> None:
    """A misspelled subject in `expected` is not called changed."""
    body = {"commands": [{"type": "RegisterTeam", "title": "T"}], "expected": {"team:nope": 3}}

    refused = service.post("/commands", body)

    assert (refused.status_code, refused.json()["version"]) == (412, 0)
    assert refused.json()["detail"] == "team:nope does not exist, so it is not at version 3"


def test_a_version_that_has_changed_is_named_where_it_was_sent(service: LocalService) -> None:
    """The field is the header, or the member of `expected`, also in a bulk request."""
    service.post("/teams", {"key": "core", "title": "Core"})
    change = {"type": "ChangeTitle", "subject": "team:core", "title": "Kernel"}
    batch = {"commands": [change], "expected": {"team:core": 7}}

    by_header = service.client.post(
        "/v1/subjects/team:core/title", json={"title": "Kernel"}, headers={"If-Match": '"7"'}
    )
    by_member = service.post("/commands", batch)
    (in_bulk,) = service.post("/bulk", {"transactions": [batch]}).json()["results"]

    assert (by_header.status_code, by_header.json()["field"]) == (412, "If-Match")
    assert (by_member.status_code, by_member.json()["field"]) == (412, "expected.team:core")
    assert (in_bulk["refused"]["status"], in_bulk["refused"]["field"]) == (409, "expected.team:core")


@pytest.mark.parametrize("path", ["/v1/features", "/v1/features/tea"])
def test_a_method_that_is_not_supported_is_named(service: LocalService, path: str) -> None:
    """The sentence is the same for every address."""
    refused = service.client.put(path)

    assert (refused.status_code, refused.json()["detail"]) == (405, f"{path} does not support PUT")


def test_a_list_with_a_wrong_member_is_not_called_too_short(service: LocalService) -> None:
    """Only the member is named."""
    refused = service.post("/commands", {"commands": [{"type": "RegisterTeam"}]}).json()

    assert [each["field"] for each in refused["errors"]] == ["commands.0.title"]


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        (
            "/subjects/product:p/assign",
            {"holders": ["x"], "from": "2025-02-01", "until": "2025-01-01"},
            "unprocessable",
        ),
        ("/features/f/target", {"release": "r", "day": "2025-01-01"}, "unprocessable"),
        ("/features/f/target", {"release": "r", "day": "2025-01-41"}, "malformed"),
        ("/teams", {"title": " "}, "malformed"),
    ],
)
def test_what_no_schema_can_say_is_another_kind_of_problem(
    service: LocalService, path: str, body: dict[str, Any], kind: str
) -> None:
    """`malformed` is what the document already rules out; `unprocessable` is what does not go together."""
    refused = service.post(path, body)

    assert refused.status_code == 422
    assert refused.json()["type"] == f"urn:decisionlog:problem:{kind}"
