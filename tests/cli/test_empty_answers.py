"""An empty list says what the log has none of, and the command that adds it."""

import re
import shlex

import click
import pytest

from cli.empty_answers import _ADDED_BY, _NOT_YET
from cli.main import cli
from tests.support_log import LocalService
from tests.support_terminal import run_command

NOTHING = "No matching results."
LISTS = [
    ("roadmap",),
    ("roadmap", "shop"),
    ("roadmap", "--layout", "timeline"),
    ("decisions",),
    ("decisions", "--product", "shop", "--status", "accepted"),
    ("slips",),
    ("slips", "--by", "target"),
    ("slips", "--by", "owner"),
    ("outcomes",),
    ("calibration",),
    ("flags",),
    ("arrivals",),
    ("contributions",),
    ("contributions", "--gaps"),
    ("minutes",),
    ("tasks",),
    ("who",),
    ("deciders", "shop"),
    ("imports",),
    ("access-journal",),
    ("account", "list"),
    *(("show", "--kind", kind) for kind in _ADDED_BY if kind not in ("product", "person")),
]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A product about which nothing was recorded yet."""
    with LocalService(tmp_path_factory.mktemp("service")) as opened:
        opened.post("/products", {"key": "shop", "title": "The shop"})
        yield opened


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_an_empty_list_says_what_is_missing(service, words):
    """Each list of a new log says what there is none of, even if it was asked for with a filter."""
    said = run_command(service, *words).stderr

    assert NOTHING not in said
    assert re.search(r"^(No|Nothing) [^.]*\.", said, re.MULTILINE), said
    assert "Nothing matches --product" not in said


def test_only_the_filter_matches_nothing(service):
    """Where the list itself is not empty, the filter is named instead."""
    said = run_command(service, "debt", "--code", "review_overdue").stderr

    assert NOTHING in said
    assert "yet" not in said


def test_a_filter_that_matches_nothing_in_a_period(service):
    """A product that exists and did not change in a period is not said to be unknown."""
    said = run_command(service, "audit", "--product", "shop", "--until", "2000-01-01").stderr

    assert "Nothing in this period matches --product 'shop'." in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("decisions", "--as-of", "2024-01-01"), "No decisions at that time."),
        (("slips", "--since", "2024-01-01"), "Nothing slipped in this period."),
    ],
    ids=["as of", "since"],
)
def test_a_time_in_the_past(service, words, sentence):
    """A list that was empty at another time, or in a period, names no command that would not change that."""
    assert run_command(service, *words).stderr.startswith(sentence)


@pytest.mark.parametrize(
    "line",
    sorted(
        {each for _, how in _NOT_YET.values() for each in re.findall(r"`decisionlog ([^`]*)`", how)}
        | {*_ADDED_BY.values()}
    ),
)
def test_each_command_that_is_named_exists(line):
    """What an empty list says to type is a command, and its option one that it has."""
    words = shlex.split(line)
    command, context = cli, click.Context(cli)
    while words and not words[0].startswith("-"):
        assert isinstance(command, click.Group)
        command = command.get_command(context, words.pop(0))
        assert command is not None
    options = {name for parameter in command.params for name in parameter.opts}
    assert {*words} <= options
