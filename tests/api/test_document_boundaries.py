"""The schemas of commands accept exactly what the server accepts, at the boundaries of every type of field.

Schemathesis generates values from a schema, and so never one that the schema has no words for: another spelling of a time,
a letter with a control character in it, one item too many. Here such values are listed, and both sides are asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import jsonschema_rs
import pytest
from pydantic import ValidationError

from api.command_schemas import build_schemas
from api.routes.commands import BulkRequest, KeyedTransaction
from domain.catalog import COMMANDS
from domain.examples import EXAMPLES

SCHEMAS: Final = build_schemas((KeyedTransaction, BulkRequest))
DESCRIPTIONS: Final = {"title", "description", "examples"}
OTHER_TYPES: Final = (None, True, 0, 1, 1.0, 1.5, -0.0, "", "1", [], {}, [None], [[]], [""], {"a": 1})
INTEGERS: Final = (-1, 2, 2**31, 2**53 - 1, 2**53, -(2**53), 2**64, 10**30, 1e3, 1e22)
TEXTS: Final = (
    *(
        " ",
        "a",
        "a b",
        "a\tb",
        "a\nb",
        "a\r\n",
        "\n",
        "a\n",
        "a\x00",
        "a\x1fb",
        "a\x7f",
        "a\x80",
        "a\x85b",
        "\x9fa",
        "\x0b",
    ),
    *(
        "\u2028",
        "a\u2028b",
        "a\u2029",
        "\xa0",
        "\u1680",
        "\u180e",
        "\u2003",
        "\u200b",
        "\u202e",
        "\u202f",
        "\u3000",
        "\ufeff",
    ),
    *(
        "\ufffe",
        "\U0010ffff",
        "e\u0301",
        "\xe9",
        "\u212a",
        "\u017f",
        "\uff11",
        "\u0663",
        "A",
        "Me",
        "a:",
        ":a",
        "a:b",
        "a\\b",
    ),
    *(
        "product:a",
        "product:A",
        "product:",
        "PRODUCT:a",
        "product:product:a",
        "person:a",
        "person:a b",
        "team:a",
        "log:a",
    ),
    *(
        "service:a",
        "decision:a",
        "evidence:a",
        "thing:a",
        "-a",
        "a-",
        "a.b~c_d",
        "a/b",
        "a" * 100,
        "a" * 101,
        "eur",
        "EUR",
    ),
    *(
        "-0",
        "01",
        "0.",
        ".5",
        "1e3",
        "+1",
        "1,5",
        "1.123456789",
        "1.1234567890",
        "9" * 15,
        "9" * 16,
        "0" * 64,
        "A" * 64,
    ),
)
DAYS: Final = (
    *("0000-12-31", "0001-01-01", "9999-12-31", "10000-01-01", "2024-02-29", "2023-02-29", "2025-1-1", "2025-13-01"),
    *("20250101", "2025-W01-1", "2025-001", "2025-01", "2025-01-01\n", " 2025-01-01", "+2025-01-01", "\uff12025-01-01"),
)
CLOCKS: Final = (
    *(
        "09:30:00Z",
        "09:30:00z",
        "09:30Z",
        "09Z",
        "093000Z",
        "09:30:00",
        "09:30:00-00:00",
        "09:30:00+23:59",
        "09:30:00+24:00",
    ),
    *(
        "09:30:00+00:60",
        "09:30:00+0100",
        "09:30:00+01",
        "09:30:00+01:00:30",
        "09:30:00.Z",
        "09:30:00.1Z",
        "09:30:00,1Z",
    ),
    *(
        "09:30:00.1234567Z",
        f"09:30:00.{'1' * 40}Z",
        "23:59:60Z",
        "24:00:00Z",
        "09:60:00Z",
        "09:30:00 Z",
        "09:30:00\x00Z",
    ),
    *("09:30:00Z\n", "09:30:00\u221201:00", "9:30:00Z", "09:30:00 +01:00"),
)
TIMES: Final = (
    *(f"2025-03-01T{clock}" for clock in CLOCKS),
    *("2025-03-01t09:30:00Z", "2025-03-01 09:30:00Z", "2025-03-01T", "20250301T093000Z", "2025-02-30T00:00:00Z"),
    *("2016-12-31T23:59:60Z", "2017-01-01T00:59:60+01:00", "0000-12-31T23:59:59-01:00", "0001-01-01T00:00:00Z"),
    *(
        "0001-01-01T00:00:00+00:00",
        "0001-01-01T12:00:00+01:00",
        "0001-01-01T00:00:00+00:01",
        "0001-01-02T00:00:00+23:59",
    ),
    *(
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T00:00:00-01:00",
        "9999-12-31T23:59:59+00:01",
    ),
)


def boundaries(schema: dict[str, Any], example: Any = None, depth: int = 0) -> Iterator[Any]:
    """Values on both sides of each limit of a schema; in objects and lists, of each member."""
    schema = SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    yield from OTHER_TYPES
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from boundaries(choice, example, depth)
    if schema.get("type") == "integer":
        limits = [schema[name] for name in ("minimum", "maximum") if name in schema]
        yield from (*INTEGERS, *(limit + n for limit in limits for n in (-1, 0, 1)))
    if schema.get("type") == "string":
        yield from _strings(schema)
    if depth < 3 and schema.get("type") == "array":
        yield from _lists(schema, example, depth)
    if depth < 3 and "properties" in schema:
        example = example if isinstance(example, dict) else {}
        yield from ({**example, name: "a"} for name in ("no_such_field", ""))
        yield from ({key: value for key, value in example.items() if key != name} for name in example)
        for name, member in schema["properties"].items():
            yield from ({**example, name: value} for value in boundaries(member, example.get(name), depth + 1))


def _strings(schema: dict[str, Any]) -> Iterator[str]:
    yield from (*TEXTS, *(TIMES if "format" in schema else ()), *DAYS)
    for choice in (*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())):
        yield from (choice, choice.upper(), f"{choice} ", f"{choice}\n", choice[:-1])
    for limit in {schema.get(name) for name in ("minLength", "maxLength")} - {None}:
        yield from (letter * (limit + n) for letter in ("a", "\U0001f600", "\u0301") for n in (-1, 0, 1))


def _lists(schema: dict[str, Any], example: Any, depth: int) -> Iterator[list[Any]]:
    example = example[0] if isinstance(example, list) and example else None
    yield from ([value] for value in boundaries(schema["items"], example, depth + 1))
    if "maxItems" in schema and "uniqueItems" not in schema and example is not None:
        yield from ([example] * (schema["maxItems"] + n) for n in (0, 1))


def cases() -> Iterator[tuple[str, str, Any]]:
    """A command, a field and a value; fields with the same schema are tried once."""
    tried: set[str] = set()
    for name in COMMANDS:
        for field, schema in SCHEMAS[name]["properties"].items():
            shape = json.dumps([{key: schema[key] for key in schema.keys() - DESCRIPTIONS}], sort_keys=True)
            if shape not in tried:
                tried.add(shape)
                yield from ((name, field, value) for value in boundaries(schema, EXAMPLES[name].get(field)))


@cache
def _schema_of(command: str) -> Any:
    whole = {"$ref": f"#/components/schemas/{command}", "components": {"schemas": SCHEMAS}}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _is_accepted(command: str, sent: dict[str, Any]) -> bool:
    try:
        COMMANDS[command].model_validate(sent)
    except ValidationError:
        return False
    return True


@pytest.mark.slow
def test_each_side_of_every_limit_is_documented() -> None:
    """A value that the schema of a command allows is accepted, and one that it forbids is refused."""
    count, differences = 0, []
    for command, field, value in cases():
        sent = {**EXAMPLES[command], field: value}
        is_revision_of_nothing = value is None and "not" in SCHEMAS[command]  # which a rule refuses, not the model
        count += 1
        if not is_revision_of_nothing and _schema_of(command).is_valid(sent) != _is_accepted(command, sent):
            differences.append((command, field, value))

    assert differences == []
    assert count > 10_000
