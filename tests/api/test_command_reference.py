"""Every command by its route, and the document that tells a client developer how."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from api.app import COMMAND_PATHS
from api.command_routes import VERSION_REQUIRED
from domain.catalog import COMMANDS
from domain.examples import EXAMPLES, examples_for
from domain.messages import Command
from tests.support_log import EmptyService, LocalService


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[EmptyService]:
    with EmptyService(tmp_path) as opened:
        yield opened


def _request(service: LocalService, example: dict[str, Any], key: str) -> dict[str, Any]:
    """The request of an example, by the route of its command."""
    command = COMMANDS[example["type"]]
    subject = example.get("subject", "")
    path = COMMAND_PATHS[command].format(key=subject.partition(":")[2], subject=subject, holder=subject)
    left_out = {"type"} if command.creates else {"type", "subject"}
    body = {name: value for name, value in example.items() if name not in left_out}
    headers = {"Idempotency-Key": key}
    if command in VERSION_REQUIRED:
        headers["If-Match"] = f'"{service.log.state(subject).version}"'
    return {"url": f"/v1{path}", "json": body, "headers": headers}


def test_every_command_has_one_route() -> None:
    """A command without a route, or two commands with the same one, would be found here."""
    assert set(COMMAND_PATHS) == set(COMMANDS.values())
    assert len(set(COMMAND_PATHS.values())) == len(COMMAND_PATHS)


def test_every_command_works_by_its_route_and_twice_is_once(empty: EmptyService) -> None:
    """Each example is sent twice with one key: the second answer is the first, and the log has not grown."""
    for n, example in enumerate(examples_for(empty.log.id)):
        if example["type"] == "DisbandTeam":
            empty.leave()
        request = _request(empty, example, f"k{n}")
        first = empty.client.post(**request)
        assert first.status_code in (200, 201), (example, first.text)
        size = empty.log.head().size

        second = empty.client.post(**request)
        if example["type"] == "RecordPersonLeft":
            assert second.status_code == 401, "who has departed speaks no more"
            continue

        assert second.status_code == first.status_code, second.text
        assert second.json()["recorded"] == first.json()["recorded"]
        assert empty.log.head().size == size


def test_one_route_takes_them_all(empty: EmptyService) -> None:
    """`POST /v1/commands` comes to the same events as the routes of their own."""
    types = []
    for example in examples_for(empty.log.id):
        if example["type"] == "DisbandTeam":
            empty.leave()
        headers = (
            {"If-Match": f'"{empty.log.state(example["subject"]).version}"'}
            if example["type"] == "ReviseDecision"
            else {}
        )
        response = empty.client.post("/v1/commands", json=example, headers=headers)
        assert response.status_code in (200, 201), (example, response.text)
        types += [each["type"] for each in response.json()["recorded"]]

    assert len(set(types)) >= 50


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for member in node.values():
            yield from _refs(member)
    elif isinstance(node, list):
        for member in node:
            yield from _refs(member)


@pytest.fixture
def document(service: LocalService) -> dict[str, Any]:
    found: dict[str, Any] = service.app.openapi()
    return found


def test_every_reference_in_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    """No schema is named that is not there."""
    schemas = document["components"]["schemas"]

    for ref in set(_refs(document)):
        assert ref.removeprefix("#/components/schemas/") in schemas, ref


def test_everything_in_the_document_is_described(document: dict[str, Any]) -> None:
    """Every operation has a summary and a description, every parameter a description."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            for parameter in operation.get("parameters", []):
                described = parameter.get("description") or parameter["name"] in ("key", "subject", "position")
                assert described, (path, parameter["name"])


def test_every_command_is_in_the_document_with_an_example_that_it_accepts(document: dict[str, Any]) -> None:
    """The example of each body is one that the command's own model takes."""
    schemas = document["components"]["schemas"]

    for name, command in COMMANDS.items():
        (example,) = schemas[name]["examples"]
        parsed: Command = TypeAdapter(command).validate_python(example)
        assert type(parsed) is command
        (body,) = schemas[f"{name}Body"]["examples"]
        assert set(body) <= set(schemas[f"{name}Body"]["properties"])
        assert EXAMPLES[name] == example


def test_every_path_parameter_is_declared(document: dict[str, Any]) -> None:
    """A name in braces in a path is a parameter of it."""
    for path, methods in document["paths"].items():
        for operation in methods.values():
            declared = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
            assert set(re.findall(r"\{(\w+)\}", path)) == declared, path


def test_the_reference_page_needs_nothing_from_elsewhere(service: LocalService) -> None:
    """The page names every path, loads nothing, and lets nothing be loaded."""
    response = service.client_of(None).get("/docs")

    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "http://" not in response.text.replace("http://testserver/v1", "")
    assert not re.search(r"<(script|img|link|iframe)\b", response.text)
    for path in service.app.openapi()["paths"]:
        assert f" {path}</code>" in response.text


def test_the_reference_page_shows_how_each_route_is_called(service: LocalService) -> None:
    """Each has a request to paste; what is required comes first, and is explained only where something is."""
    page = service.client_of(None).get("/docs").text
    routes = re.findall(r"<details><summary>.*?</details>", page, re.DOTALL)

    assert len(routes) == sum(len(methods) for methods in service.app.openapi()["paths"].values())
    for route in routes:
        asked, _, answered = route.partition("<h4>Example</h4>")
        stars = [" *<small>" in row for row in re.findall(r"<tr>.*?</tr>", asked, re.DOTALL)]
        assert answered.startswith("<pre>curl ")
        assert stars == sorted(stars, reverse=True)
        assert ("* required" in asked) == any(stars), route[:80]


def test_what_the_reference_page_points_to_is_on_it(service: LocalService) -> None:
    """Every object named as a type is explained; every body shown has an example."""
    page = service.client_of(None).get("/docs").text

    assert {target for target in re.findall(r'href="#(\w+)"', page) if f'id="{target}"' not in page} == set()
    for name in ("Batch", "BulkRequest", "Names", "NewToken"):
        assert service.app.openapi()["components"]["schemas"][name]["examples"]
