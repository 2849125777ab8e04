"""What is said about a command or an option that does not exist: what was probably meant, by names that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from cli.main import cli
from cli.usage_errors import COMMAND_NAMES, OPTION_NAMES, VERB_NAMES


def message_for(typed: str) -> str:
    """The last line of the error that a command line gets; nothing is opened."""
    result = CliRunner().invoke(cli, typed.split(), prog_name="decisionlog")
    assert result.exit_code == 2, result.output
    return result.output.splitlines()[-1]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("add feature Gifts", "`decisionlog feature add`"),
        ("add features Gifts", "`decisionlog feature add`"),
        ("create decision Tea", "`decisionlog decision propose`"),
        ("move feature gifts now", "`decisionlog feature move`"),
        ("list features", "`decisionlog show --kind feature`"),
        ("list decisions", "`decisionlog decisions`"),
        ("list", "`decisionlog decisions` or `decisionlog roadmap`"),
        ("accept tea", "`decisionlog decision accept`"),
        ("ship gifts", "`decisionlog feature ship`"),
        ("features", "`decisionlog feature` or `decisionlog show --kind feature`"),
        ("history gifts", "`decisionlog blame` or `decisionlog audit`"),
        ("users", "`decisionlog people`"),
        ("roadmpa", "`decisionlog roadmap`"),
        ("delete gifts", "`decisionlog subject remove`"),
        ("feature create Gifts", "`decisionlog feature add`"),
        ("feature prioritize gifts", "`decisionlog feature move`"),
        ("feature delay gifts 2.0", "`decisionlog feature target` or `decisionlog feature move`"),
        ("feature rename gifts Gift", "`decisionlog subject rename`"),
        ("feature list", "`decisionlog show --kind feature`"),
        ("decision create Tea", "`decisionlog decision propose`"),
        ("owner transfer gifts ann", "`decisionlog owner hand-over`"),
        ("task finish call", "`decisionlog task done`"),
        ("feature moev gifts", "`decisionlog feature move`"),
        ("decision defer tea --why x", "--note or --because"),
        ("decision defer tea --reason x", "--note or --because"),
        ("decision defer tea --review-on 2026-01-01", "--revisit-on"),
        ("person add Ann --alias annb", "--identifier"),
        ("person add Ann --email a@example.org", "--identifier"),
        ("token create ann --name laptop", "--label"),
        ("assumption add Water --supports tea", "--under"),
        ("evidence add Water --supports tea", "--support"),
        ("release add 2.0 --date 2026-01-01", "--due-on or --effective-at"),
        ("changes --from 2026-01-01", "--since"),
        ("roadmap --asof yesterday", "--as-of"),
        ("decisions --state accepted", "--status"),
        ("audit --who ann", "--by"),
        ("feature move gifts now --becuse tea", "--because"),
    ],
)
def test_what_was_meant_is_suggested(typed: str, meant: str) -> None:
    """A product manager's word for a command or an option leads to ours."""
    assert message_for(typed).endswith(f"Did you mean {meant}?")


@pytest.mark.parametrize(
    ("typed", "argument"),
    [
        ("roadmap --product shop", "PRODUCT is typed without an option: decisionlog roadmap [OPTIONS] [PRODUCT]..."),
        ("feature move gifts --horizon now", "HORIZON is typed without an option: decisionlog feature move"),
        ("decision link tea --goal ten", "GOAL is typed without an option: decisionlog decision link"),
        ("calibration --who ann", "WHO is typed without an option: decisionlog calibration"),
    ],
)
def test_an_argument_that_was_typed_as_an_option_is_explained(typed: str, argument: str) -> None:
    """The message shows where the argument is typed."""
    assert argument in message_for(typed)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its words."""
    waiting: list[tuple[str, click.Command]] = [("", cli)]
    while waiting:
        path, command = waiting.pop()
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=path)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                waiting.append((f"{path} {name}".strip(), child))
        yield path, command


def test_nothing_is_suggested_that_does_not_exist() -> None:
    """Every command, verb and option in the lists of other names exists, and none of the other names of commands does."""
    found = dict(commands())
    options = {flag.lstrip("-") for each in found.values() for param in each.params for flag in param.opts}
    verbs = {path.rpartition(" ")[2] for path in found}

    assert {each for meant in COMMAND_NAMES.values() for each in meant} <= found.keys()
    assert {each for meant in VERB_NAMES.values() for each in meant} <= verbs
    assert {each for meant in OPTION_NAMES.values() for each in meant} <= options
    assert not COMMAND_NAMES.keys() & found.keys()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_help_of_every_command_fits(width: int) -> None:
    """No line of any help is wider than the terminal, except examples, whose arguments are not broken."""
    for path, command in commands():
        context = click.Context(command, info_name=f"decisionlog {path}".strip(), terminal_width=min(width, 80))
        lines = re.split(r"\n *Examples?:\n", command.get_help(context))[0].splitlines()
        assert [line for line in lines if len(line) > width] == [], path
