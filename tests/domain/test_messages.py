"""The fields of commands and events."""

import re
from typing import Annotated

import pytest
from pydantic import BaseModel

from domain.any_subject import ImportedChange
from domain.catalog import COMMANDS, EVENTS
from domain.fields import CHANGES_PER_EVENT
from domain.messages import StringField, replace_in_fields, replace_strings, string_fields, string_paths, strings_at
from domain.values import MAX_INTEGER, Line, StringKind

MESSAGES = {**COMMANDS, **EVENTS}


def undeclared(model: type[BaseModel]) -> list[tuple[str, ...]]:
    return [leaf.path for leaf in string_fields(model) if leaf.kind is None]


@pytest.mark.parametrize("name", MESSAGES)
def test_every_string_has_a_kind(name):
    """Every string of every command and event is declared as code, subject, text or person."""
    assert string_fields(MESSAGES[name]) or name in NO_STRINGS
    assert undeclared(MESSAGES[name]) == []


NO_STRINGS = {
    "CalibrationShared.v1",
    "LogOpened.v1",
    "FeatureCommitted.v1",
    "FeatureStarted.v1",
    "FeaturePaused.v1",
    "FeatureShipped.v1",
    "PersonRegistered.v1",
    "PersonLeft.v1",
    "SignInLinkCreated.v1",
    "TeamDisbanded.v1",
}


def test_undeclared_strings_are_found():
    """The check finds a string without a kind at any depth."""

    class Inner(BaseModel):
        good: Line
        bad: tuple[Annotated[str, "no kind"] | None, ...] = ()

    class Outer(BaseModel):
        inner: Inner | None = None

    assert undeclared(Outer) == [("inner", "bad", "*")]


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_has_a_description(name):
    """Every command and every event has a docstring that is a sentence."""
    assert re.fullmatch(r"[A-Z].*[.]", MESSAGES[name].__doc__ or "", re.DOTALL)


def test_stored_names():
    """The stored name of an event has a version, and the type of a command is its class name."""
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+\.v[1-9][0-9]*", name) for name in EVENTS)
    assert len(set(EVENTS.values())) == len(EVENTS)
    assert all(command.model_fields["type"].default == name for name, command in COMMANDS.items())


def integers(schema: object):
    if isinstance(schema, dict):
        if schema.get("type") == "integer":
            yield schema
        for part in schema.values():
            yield from integers(part)
    if isinstance(schema, list):
        for part in schema:
            yield from integers(part)


@pytest.mark.parametrize("name", COMMANDS)
def test_integers_are_exact_in_json(name):
    """No command accepts an integer beyond 2^53 - 1, which JSON parsers may round."""
    bounds = [(field["minimum"], field["maximum"]) for field in integers(COMMANDS[name].model_json_schema())]

    assert all(minimum >= -MAX_INTEGER and maximum <= MAX_INTEGER for minimum, maximum in bounds)
    assert bounds, "every command has the integer `corrects`"


def test_string_paths():
    """The paths of the texts of a message lead to each of them, also inside lists."""
    command = {"title": "Tea", "options": [{"title": "Green", "pros": ["Good", "Cheap"]}, {"title": "Black"}]}

    found = {
        exact_path: value
        for path in string_paths(COMMANDS["ProposeDecision"], StringKind.TEXT)
        for exact_path, value in strings_at(command, path)
    }

    assert found == {
        ("title",): "Tea",
        ("options", 0, "title"): "Green",
        ("options", 0, "pros", 0): "Good",
        ("options", 0, "pros", 1): "Cheap",
        ("options", 1, "title"): "Black",
    }


def test_replace_strings():
    """Strings at a path are replaced in a copy, and everything else stays unchanged."""
    before = {"options": [{"title": "Green", "cost": "1"}, {"cost": "2"}], "note": "n"}

    after = replace_strings(before, ("options", "*", "title"), str.upper)

    assert after == {"options": [{"title": "GREEN", "cost": "1"}, {"cost": "2"}], "note": "n"}
    assert before["options"][0]["title"] == "Green"
    assert replace_strings(before, ("absent", "*"), str.upper) == before


def test_replace_in_fields():
    """Strings of one kind are replaced wherever a message has them; texts that read the same are not."""
    before = COMMANDS["RecordDecision"](title="ann", decision="d", why="w", accountable="ann", deciders=("bo", "ann"))

    after = replace_in_fields(before, StringKind.PERSON, {"ann": "person:1"})

    assert (after.accountable, after.deciders, after.title) == ("person:1", ("bo", "person:1"), "ann")
    assert (before.accountable, before.deciders) == ("ann", ("bo", "ann"))


def test_string_kind_of_a_union():
    """A field that can be a number or a string has the kind of its string."""
    assert StringField(("value",), StringKind.CODE, required=False) in string_fields(ImportedChange)


def test_changes_per_import():
    """An import cannot contain more changes than the ids of rows allow for."""
    changes = COMMANDS["ImportChanges"].model_json_schema()["properties"]["changes"]

    assert changes["maxItems"] <= CHANGES_PER_EVENT
