"""OpenAPI component schemas of the commands, complete and as the bodies of their own routes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from domain import any_subject
from domain.catalog import COMMANDS, Batch
from domain.examples import EXAMPLES
from domain.messages import Command, string_paths
from domain.values import StringKind


def build_schemas(others: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """Return the schemas of every command, of a batch of them, and of the other models that are sent."""
    from pydantic.json_schema import models_json_schema  # noqa: PLC0415  (only needed for the OpenAPI document)

    models: list[type[BaseModel]] = [*COMMANDS.values(), Batch, *others]
    _, found = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = found["$defs"]
    for name, command in COMMANDS.items():
        whole = schemas[name]
        _require_unique_items(schemas, name, command)
        from_path = {"type"} if command.creates else {"type", "subject"}
        whole["examples"] = [EXAMPLES[name]]
        schemas[f"{name}Body"] = {
            **whole,
            "title": f"{name}Body",
            "examples": [{key: value for key, value in EXAMPLES[name].items() if key not in from_path}],
            "properties": {key: value for key, value in whole["properties"].items() if key not in from_path},
            "required": [key for key in whole.get("required", []) if key not in from_path],
        }
        whole["required"] = [*whole.get("required", []), "type"]
    several = [EXAMPLES["RegisterPerson"], EXAMPLES["DefineProduct"]]
    schemas["Batch"]["examples"] = [{"commands": several}]
    schemas["BulkRequest"]["examples"] = [{"transactions": [{"key": "first", "commands": several}]}]
    for schema in schemas.values():
        _describe_defaults(schema)
    schemas["AnyCommand"] = {
        "oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in COMMANDS],
        "discriminator": {"propertyName": "type"},
    }
    return schemas


def _describe_defaults(schema: dict[str, Any]) -> None:
    """Move defaults to the descriptions: generators of clients take a field with a default for required."""
    properties = schema.get("properties", {})
    for name, field in properties.items():
        default = field.get("default")
        described = {key: value for key, value in field.items() if key != "default"}
        if default not in (None, [], {}) and "const" not in field:
            text = f"Default: `{str(default).lower() if isinstance(default, bool) else default}`."
            described["description"] = " ".join(part for part in (field.get("description"), text) if part)
        properties[name] = described


def _require_unique_items(schemas: dict[str, Any], name: str, command: type[Command]) -> None:
    """Add `uniqueItems` to each list of subjects or people: a command names each of them once."""
    if command is any_subject.ImportChanges:
        return
    for path in (*string_paths(command, StringKind.SUBJECT), *string_paths(command, StringKind.PERSON)):
        if path[-1] == "*":
            _require_unique_at({"$ref": name}, path, schemas)


def _require_unique_at(schema: dict[str, Any], path: Sequence[str], schemas: dict[str, Any]) -> None:
    """Follow the path of the members of a list, through whatever is not null, and mark that list."""
    schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    for each in schema.get("anyOf", ()):
        _require_unique_at(each, path, schemas)
    if path == ("*",):
        schema |= {"uniqueItems": True} if schema.get("type") == "array" else {}
    elif "items" in schema or path[0] in schema.get("properties", {}):
        _require_unique_at(schema["items"] if path[0] == "*" else schema["properties"][path[0]], path[1:], schemas)
