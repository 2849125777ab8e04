"""The client and the server agree on questions, answers and problems."""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any, get_args, get_type_hints

import pytest

from cli.remote_log import to_domain_error
from decisionlog_client import answers, questions
from decisionlog_client.errors import PROBLEM_TYPES
from domain import errors
from domain.problems import PROBLEM_NAMES
from tests.support_log import shared_app
from tools.client_answers import TARGET, build_client_answers

STREAMED = {"/v1/log/entries"}
"""Streams the whole log; `decisionlog export` reads it."""


@cache
def routes() -> dict[str, Any]:
    """Return the GET routes as the OpenAPI document describes them."""
    paths = shared_app().openapi()["paths"].items()
    return {path: operations["get"] for path, operations in paths if "get" in operations}


def test_the_types_of_answers_are_up_to_date():
    """The client's types of answers are those that the server's types generate."""
    assert TARGET.read_text(encoding="utf-8") == build_client_answers()


def subclasses(kind: type[Exception]) -> set[type[Exception]]:
    return {kind}.union(*map(subclasses, kind.__subclasses__()))


@pytest.mark.parametrize("error", sorted(subclasses(errors.Refused), key=lambda each: each.__name__))
def test_every_refusal_of_the_domain_has_an_error_in_the_client(error):
    """Every error of the domain has a problem type, for which the client raises an error of the same name."""
    raised = PROBLEM_TYPES.get(PROBLEM_NAMES[error], PROBLEM_TYPES["unknown"].__base__)
    more = {"subject": "a:b", "version": 1} if issubclass(error, errors.Stale) else {}

    assert raised.__name__ == error.__name__
    assert type(to_domain_error(raised("why", **more))) is error


def functions() -> dict[str, Any]:
    return {
        name: each
        for name, each in vars(questions).items()
        if inspect.isfunction(each) and each.__module__ == questions.__name__ and not name.startswith("_")
    }


def build(function: Any) -> questions.Question[Any]:
    """The question with only its required arguments."""
    needed = [each for each in inspect.signature(function).parameters.values() if each.default is each.empty]
    given = {
        each.name: 7 if each.name == "position" else f"ANY-{each.name}"
        for each in needed
        if each.kind != each.VAR_KEYWORD
    }
    return function(**given)


def route_of(question: questions.Question[Any]) -> str:
    """The route of a question."""
    fitting = [path for path in routes() if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), question.path)]
    assert fitting, question.path
    return min(fitting, key=lambda path: path.count("{"))


def parameters(function: Any) -> set[str]:
    """The parameters of a question that are not in its path."""
    hints = get_type_hints(function, {**vars(questions), "answers": answers}, include_extras=True)
    named = set(inspect.signature(function).parameters) - {"parameters"}
    keywords = get_type_hints(get_args(hints["parameters"])[0]).keys() if "parameters" in hints else set()
    in_path = {name for name in named if f"ANY-{name}" in build(function).path or name == "position"}
    return (named - in_path) | set(keywords)


@pytest.mark.parametrize("name", functions())
def test_questions_take_what_the_interface_takes(name):
    """A question has the same parameters as its route, and waits for a position if its route can."""
    function = functions()[name]
    question = build(function)
    taken = {each["name"] for each in routes()[route_of(question)].get("parameters", []) if each["in"] == "query"}

    assert parameters(function) == taken - {"bom", "format", "min_position"}
    assert question.awaits == ("min_position" in taken)


@pytest.mark.parametrize("name", functions())
def test_questions_are_answered_in_the_shape_of_the_interface(name):
    """A question's answer has the type that its route declares."""
    answer = get_type_hints(functions()[name], {**vars(questions), "answers": answers})["return"]
    declared_as = routes()[route_of(build(functions()[name]))]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]

    assert get_args(answer)[0].__name__ == declared_as["$ref"].rpartition("/")[2]


def test_every_route_can_be_asked():
    """Every GET route has a question, except the route that streams the log."""
    of_one_kind = {
        path
        for path in routes()
        if re.fullmatch(
            r"/v1/(decisions|features|products|releases|goals|evidence|assumptions|meetings|tasks|teams|imports)/\{key\}",
            path,
        )
    }

    assert {route_of(build(each)) for each in functions().values()} == routes().keys() - of_one_kind - STREAMED
