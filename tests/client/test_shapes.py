"""What the client says of the interface is what the interface says of itself."""

from __future__ import annotations

import inspect
import re
from types import UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from pydantic import BaseModel, JsonValue

from api import answers as declared
from api.app import create_app
from api.problems import Problem
from decisionlog_client import answers, questions

DOCUMENT = create_app(None).openapi()
ROUTES = {path: operations["get"] for path, operations in DOCUMENT["paths"].items() if "get" in operations}
SHAPES = {name: each for name, each in vars(answers).items() if is_typeddict(each) and not name.startswith("_")}
MODELS = {
    name: each
    for name, each in {**vars(declared), "Problem": Problem}.items()
    if inspect.isclass(each) and issubclass(each, BaseModel) and each.__module__ in ("api.answers", "api.problems")
}
OF_NO_CLIENT = {"Shape", "FieldProblem"}
"""Models that are no part of any answer by themselves."""
OF_THE_CLIENT = {"Answered"}
STREAMED = {"/v1/log/entries"}
"""Answered line by line, as long as the log is: `decisionlog export` is for that."""


def shape(kind: Any) -> Any:  # noqa: PLR0911  (a line for each kind of type)
    """A type in words that are the same for a model and for a dictionary with types."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is JsonValue or kind is Any:
        return "any"
    if inspect.isclass(kind) and kind.__name__ == "FieldProblem":
        return ["dict", "str", "str"]  # an object of two strings: which field, and what is wrong with it
    if origin in (Annotated, NotRequired):
        return shape(parts[0])
    if origin is Literal:
        return sorted(map(str, parts))
    if origin in (Union, UnionType):
        found = {repr(shape(part)) for part in parts}
        return "any" if "'any'" in found else sorted(found)
    if origin in (list, dict, tuple):
        return [origin.__name__, *map(shape, parts)]
    return re.sub(r"\[.*", "", kind.__name__)


def of_model(model: type[BaseModel]) -> dict[str, tuple[Any, bool]]:
    return {
        field.alias or name: (shape(field.annotation), field.is_required())
        for name, field in model.model_fields.items()
    }


def of_shape(kind: Any) -> dict[str, tuple[Any, bool]]:
    rows = [
        shape(get_args(base)[0]) for base in getattr(kind, "__orig_bases__", ()) if get_origin(base) is answers.Table
    ]
    found = {
        name: (shape(hint), get_origin(hint) is not NotRequired)
        for name, hint in get_type_hints(kind, include_extras=True).items()
    }
    return {**found, "rows": (["list", *rows], True)} if rows else found


def test_every_answer_has_a_shape():
    """Every answer the interface declares has its shape in the client, and there is no other."""
    wanted = {name for name in MODELS if name not in OF_NO_CLIENT and "[" not in name}

    assert SHAPES.keys() - OF_THE_CLIENT == wanted


@pytest.mark.parametrize("name", sorted(SHAPES.keys() - OF_THE_CLIENT - {"Table"}))
def test_shapes_are_those_of_the_interface(name):
    """Every field of an answer has the same name and type on both sides, and is always there on both or on neither."""
    assert of_shape(SHAPES[name]) == of_model(MODELS[name])


def test_a_wrong_shape_is_found():
    """The check above finds a field that is missing, one of another type, and one that is not always there."""

    class Held(BaseModel):
        value: JsonValue
        word: int
        more: str

    class Link(BaseModel):
        who: str
        grant: str | None

    assert of_shape(answers.Held) == of_model(declared.Held)
    assert of_shape(answers.Held) != of_model(Held)
    assert of_shape(answers.Link) == of_model(declared.Link)
    assert of_shape(answers.Link) != of_model(Link)


def functions() -> dict[str, Any]:
    return {
        name: each
        for name, each in vars(questions).items()
        if inspect.isfunction(each) and each.__module__ == questions.__name__ and not name.startswith("_")
    }


def put(function: Any) -> questions.Question[Any]:
    """The question with what it cannot do without."""
    needed = [each for each in inspect.signature(function).parameters.values() if each.default is each.empty]
    given = {
        each.name: 7 if each.name == "position" else f"ANY-{each.name}"
        for each in needed
        if each.kind != each.VAR_KEYWORD
    }
    return function(**given)


def route_of(question: questions.Question[Any]) -> str:
    """The route that a question is put to."""
    fitting = [path for path in ROUTES if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), question.path)]
    assert fitting, question.path
    return min(fitting, key=lambda path: path.count("{"))


def parameters(function: Any) -> set[str]:
    """Everything a question can be asked with, besides what stands in its path."""
    hints = get_type_hints(function, {**vars(questions), "answers": answers}, include_extras=True)
    named = set(inspect.signature(function).parameters) - {"asked"}
    keywords = get_type_hints(get_args(hints["asked"])[0]).keys() if "asked" in hints else set()
    in_path = {name for name in named if f"ANY-{name}" in put(function).path or name == "position"}
    return (named - in_path) | set(keywords)


@pytest.mark.parametrize("name", functions())
def test_questions_take_what_the_interface_takes(name):
    """Every question has the parameters of its route and no others, and waits for a position where that can."""
    function = functions()[name]
    question = put(function)
    taken = {each["name"] for each in ROUTES[route_of(question)].get("parameters", []) if each["in"] == "query"}

    assert parameters(function) == taken - {"format", "after"}
    assert question.awaits == ("after" in taken)


@pytest.mark.parametrize("name", functions())
def test_questions_are_answered_in_the_shape_of_the_interface(name):
    """Every question promises the answer that its route declares."""
    answer = get_type_hints(functions()[name], {**vars(questions), "answers": answers})["return"]
    declared_as = ROUTES[route_of(put(functions()[name]))]["responses"]["200"]["content"]["application/json"]["schema"]

    assert get_args(answer)[0].__name__ == declared_as["$ref"].rpartition("/")[2]


def test_every_route_can_be_asked():
    """There is a question for every route that answers; what is streamed is left to the command line."""
    of_one_kind = {
        path for path in ROUTES if re.fullmatch(r"/v1/(decisions|features|products|releases|goals|teams)/\{key\}", path)
    }

    assert {route_of(put(each)) for each in functions().values()} == ROUTES.keys() - of_one_kind - STREAMED
