"""What the sentences of the documentation name is there: commands with their options, routes, settings and catalog names."""

import re
import shlex
from urllib.parse import parse_qsl

import click
import pytest

from cli.main import cli
from cli.settings import Settings
from domain.catalog import COMMANDS, EVENTS
from tests.support_documentation import ROOT
from tests.support_log import shared_app

HANDBOOK = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.parent.name not in ("decisions", "reference")),
]


OTHERS = {"ClientError", "DecisionLogError", "PostgresTrackingRecorder", "ProjectionRunner", "TypedDict"}
"""Names in camel case that are not of the catalog: those of the client and of other libraries."""


def spans(pattern: str) -> list[str]:
    """Return the code in the sentences of all pages that matches a pattern from its beginning, once each."""
    texts = [
        re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for page in HANDBOOK
    ]
    code = {" ".join(span.split()) for text in texts for span in re.findall(r"`([^`]+)`", text)}
    return sorted(span for span in code if re.match(pattern, span))


def find_problem(words: list[str]) -> str:
    """Return what is wrong with a command line, or nothing; an option may be named without its value at the end."""
    command: click.Command = cli
    context = click.Context(cli)
    while words and isinstance(command, click.Group) and (found := command.get_command(context, words[0])):
        command, words, context = found, words[1:], click.Context(found, parent=context)
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        return f"no command {words[0]}"
    try:
        command.make_parser(context).parse_args(args=[*words])
    except click.BadOptionUsage as error:
        return "" if words[-1] == error.option_name else error.format_message()
    except click.UsageError as error:
        return error.format_message()
    return ""


@pytest.mark.parametrize("line", spans(r"(\w+=\S+ )*decisionlog "))
def test_every_command_in_a_sentence_exists(line):
    """Each command line in a sentence names a command and its options."""
    assert find_problem(shlex.split(line.partition("decisionlog ")[2])) == ""


@pytest.mark.parametrize(("line", "wrong"), [("shov x", "no command shov"), ("show x --nowhere", "--nowhere")])
def test_a_command_that_does_not_exist_is_found(line, wrong):
    """An unknown command or option is found."""
    assert wrong in find_problem(line.split())


@pytest.mark.parametrize("route", spans(r"(GET|POST|DELETE) /"))
def test_every_route_in_a_sentence_exists(route):
    """Each route in a sentence is in the OpenAPI document, and takes the parameters that are shown."""
    method, _, target = route.partition(" ")
    path, _, query = target.partition("?")
    paths = shared_app().openapi()["paths"]
    found = [paths[each] for each in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each), path)]

    operations = [each[method.lower()] for each in found if method.lower() in each]
    assert operations
    taken = {each["name"] for operation in operations for each in operation.get("parameters", [])}
    assert {name for name, _ in parse_qsl(query)} <= taken


def test_every_setting_in_a_sentence_exists():
    """Each `DECISIONLOG_...` in a sentence is a setting."""
    settings = {f"DECISIONLOG_{name.upper()}" for name in Settings.model_fields}

    assert {re.split(r"[=/]", span)[0] for span in spans("DECISIONLOG_")} - settings == {"DECISIONLOG_KAFKA_"}


def test_every_name_of_the_catalog_in_a_sentence_exists():
    """Each name in camel case in a sentence is a command or an event, or one of the few names of libraries."""
    known = {name.partition(".")[0] for name in (*COMMANDS, *EVENTS)}

    assert set(spans(r"([A-Z][a-z]+){2,}$")) - known <= OTHERS
