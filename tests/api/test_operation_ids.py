"""Operations have names that a client's functions can have, and stand under the nouns they are about."""

from __future__ import annotations

import re
from collections import Counter

from tests.support_log import LocalService


def test_every_operation_has_an_id_and_a_tag_of_its_own(service: LocalService) -> None:
    """Ids are unique and made of letters; each tag is one that the document lists."""
    document = service.client.get("/openapi.json").json()
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    listed = [tag["name"] for tag in document["tags"]]

    assert Counter(one["operationId"] for one in operations).most_common(1)[0][1] == 1
    assert all(re.fullmatch("[a-z]+(?:[A-Z][a-z]+)*", one["operationId"]) for one in operations)
    assert {tag for one in operations for tag in one["tags"]} == set(listed)
    assert document["servers"] == [{"url": "/", "description": "This server."}]


def test_well_known_operations_keep_their_names(service: LocalService) -> None:
    """A client that was generated once goes on with these names."""
    paths = service.client.get("/openapi.json").json()["paths"]

    def operation_of(method: str, path: str) -> tuple[str, str]:
        operation = paths[f"/v1{path}"][method]
        return operation["operationId"], operation["tags"][0]

    assert operation_of("get", "/decisions") == ("listDecisions", "Decisions")
    assert operation_of("get", "/decisions/{key}") == ("getDecision", "Decisions")
    assert operation_of("post", "/decisions") == ("recordDecision", "Decisions")
    assert operation_of("post", "/features/{key}/ship") == ("shipFeature", "Features")
    assert operation_of("get", "/roadmap") == ("getRoadmap", "Roadmap")
    assert operation_of("get", "/audit") == ("listEvents", "Audit")
    assert operation_of("get", "/fields") == ("listFields", "Fields")
    assert operation_of("get", "/fields/history") == ("listFieldChanges", "Fields")
    assert operation_of("post", "/bulk") == ("postBulk", "Commands")
    assert operation_of("post", "/subjects/{subject}/assign") == ("assignOwnership", "Ownership")
    assert operation_of("get", "/subjects/{subject}") == ("getSubject", "Subjects")


def test_what_is_too_long_and_what_needs_a_version_has_its_status(service: LocalService) -> None:
    """413, 414 and 431 are documented of every route of `/v1`, and 428 of those that need `If-Match`."""
    paths = service.client.get("/openapi.json").json()["paths"]

    assert {"413", "414", "431"} <= paths["/v1/fields"]["get"]["responses"].keys()
    needs = {path for path, methods in paths.items() if "428" in methods.get("post", {}).get("responses", {})}
    assert needs == {"/v1/commands", "/v1/decisions/{key}/revise"}
