"""Operations have names that a client's functions can have, and stand under the nouns they are about."""

from __future__ import annotations

import re
from collections import Counter

from support_log import House


def test_every_operation_has_an_id_and_a_tag_of_its_own(house: House) -> None:
    """Ids are unique and made of letters; each tag is one that the document lists."""
    document = house.client.get("/openapi.json").json()
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    listed = [tag["name"] for tag in document["tags"]]

    assert Counter(one["operationId"] for one in operations).most_common(1)[0][1] == 1
    assert all(re.fullmatch("[a-z]+(?:[A-Z][a-z]+)*", one["operationId"]) for one in operations)
    assert {tag for one in operations for tag in one["tags"]} == set(listed)
    assert document["servers"] == [{"url": "/", "description": "This server."}]


def test_well_known_operations_keep_their_names(house: House) -> None:
    """A client that was generated once goes on with these names."""
    paths = house.client.get("/openapi.json").json()["paths"]

    def found(method: str, path: str) -> tuple[str, str]:
        operation = paths[f"/v1{path}"][method]
        return operation["operationId"], operation["tags"][0]

    assert found("get", "/decisions") == ("listDecisions", "Decisions")
    assert found("get", "/decisions/{key}") == ("getDecision", "Decisions")
    assert found("post", "/decisions") == ("recordDecision", "Decisions")
    assert found("post", "/features/{key}/ship") == ("shipFeature", "Features")
    assert found("get", "/roadmap") == ("getRoadmap", "Roadmap")
    assert found("get", "/audit") == ("listEvents", "Audit")
    assert found("get", "/fields") == ("listFields", "Fields")
    assert found("get", "/fields/history") == ("listFieldChanges", "Fields")
    assert found("post", "/bulk") == ("postBulk", "Commands")
    assert found("post", "/subjects/{subject}/assign") == ("assignOwnership", "Ownership")
    assert found("get", "/subjects/{subject}") == ("getSubject", "Subjects")


def test_what_is_too_long_and_what_needs_a_version_has_its_status(house: House) -> None:
    """413, 414 and 431 are documented of every route of `/v1`, and 428 of those that need `If-Match`."""
    paths = house.client.get("/openapi.json").json()["paths"]

    assert {"413", "414", "431"} <= paths["/v1/fields"]["get"]["responses"].keys()
    needs = {path for path, methods in paths.items() if "428" in methods.get("post", {}).get("responses", {})}
    assert needs == {"/v1/commands", "/v1/decisions/{key}/revise"}
