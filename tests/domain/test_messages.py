"""What every message is made of."""

import re
from typing import Annotated

import pytest
from pydantic import BaseModel

from domain.any_subject import ImportedChange
from domain.catalog import COMMANDS, EVENTS
from domain.fields import CHANGES_PER_EVENT
from domain.messages import StringField, replace_strings, string_fields, string_paths, strings_at
from domain.values import MAX_INTEGER, Line, StringKind

MESSAGES = {**COMMANDS, **EVENTS}


def undeclared(model: type[BaseModel]) -> list[tuple[str, ...]]:
    return [leaf.path for leaf in string_fields(model) if leaf.kind is None]


@pytest.mark.parametrize("name", MESSAGES)
def test_every_string_is_declared(name):
    """Every string of every command and event is declared code, subject, text or person."""
    assert string_fields(MESSAGES[name]) or name in NO_STRINGS
    assert undeclared(MESSAGES[name]) == []


NO_STRINGS = {
    "LogOpened.v1", "FeatureCommitted.v1", "FeatureStarted.v1", "FeaturePaused.v1", "FeatureShipped.v1",
    "PersonRegistered.v1", "PersonLeft.v1", "TeamDisbanded.v1",
}  # fmt: skip


def test_an_undeclared_string_is_found():
    """The test above would find a string that nobody declared, however deep it lies."""

    class Inner(BaseModel):
        good: Line
        bad: tuple[Annotated[str, "no mark"] | None, ...] = ()

    class Outer(BaseModel):
        inner: Inner | None = None

    assert undeclared(Outer) == [("inner", "bad", "*")]


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_says_what_it_means(name):
    """Every command and every event carries a sentence of its own."""
    assert re.fullmatch(r"[A-Z].*[.]", MESSAGES[name].__doc__ or "", re.DOTALL)


def test_stored_names():
    """Every event is stored under its own name and a version, and every command goes by its own name."""
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
def test_every_number_is_one_that_json_keeps(name):
    """No command takes an integer beyond 2^53 - 1, which readers of JSON would round."""
    bounds = [(field["minimum"], field["maximum"]) for field in integers(COMMANDS[name].model_json_schema())]

    assert all(least >= -MAX_INTEGER and most <= MAX_INTEGER for least, most in bounds)
    assert bounds, "every command has at least `corrects`"


def test_paths_lead_to_strings():
    """The paths of a message's texts lead to each of them, through lists and what is left out."""
    command = {"title": "Tea", "options": [{"title": "Green", "pros": ["Good", "Cheap"]}, {"title": "Black"}]}

    found = {
        place: value
        for path in string_paths(COMMANDS["ProposeDecision"], StringKind.TEXT)
        for place, value in strings_at(command, path)
    }

    assert found == {
        ("title",): "Tea",
        ("options", 0, "title"): "Green",
        ("options", 0, "pros", 0): "Good",
        ("options", 0, "pros", 1): "Cheap",
        ("options", 1, "title"): "Black",
    }


def test_replacing_leaves_the_rest_alone():
    """Strings at a path are replaced in a copy; everything else stays as it is."""
    before = {"options": [{"title": "Green", "cost": "1"}, {"cost": "2"}], "note": "n"}

    after = replace_strings(before, ("options", "*", "title"), str.upper)

    assert after == {"options": [{"title": "GREEN", "cost": "1"}, {"cost": "2"}], "note": "n"}
    assert before["options"][0]["title"] == "Green"
    assert replace_strings(before, ("absent", "*"), str.upper) == before


def test_leaves_of_a_step_that_has_many_meanings():
    """A field that may be a number, a word or nothing is declared for where it is a word."""
    assert StringField(("value",), StringKind.CODE, required=False) in string_fields(ImportedChange)


def test_an_observation_fits_its_rows():
    """No command can make an event of more steps than positions have room for."""
    steps = COMMANDS["ImportChanges"].model_json_schema()["properties"]["changes"]

    assert steps["maxItems"] <= CHANGES_PER_EVENT
