"""The reference is what it describes."""

from pathlib import Path

import click
import pytest

from cli.main import cli
from cli.reference import pages
from cli.settings import Settings
from domain.catalogue import COMMANDS, EVENTS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
MADE = pages()


@pytest.mark.parametrize("name", MADE)
def test_pages_are_up_to_date(name):
    """Every page is as it would be made now; `make reference` makes them."""
    assert (REFERENCE / name).read_text(encoding="utf-8") == MADE[name]


def test_nothing_is_left_behind():
    """There is no page that is not made."""
    assert {path.name for path in REFERENCE.iterdir()} == set(MADE)


def leaves_of(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        return [(path, command)]
    return [found for name, each in command.commands.items() for found in leaves_of(each, f"{path} {name}")]


def test_everything_is_there():
    """Every command, event, setting and subcommand has its place in the reference."""
    assert [name for name in COMMANDS if f"\n## {name}\n" not in MADE["commands.md"]] == []
    assert [name for name in EVENTS if f"\n## {name}\n" not in MADE["events.md"]] == []
    assert [name for name in Settings.model_fields if f"`DECISIONLOG_{name.upper()}`" not in MADE["settings.md"]] == []
    assert [path for path, _ in leaves_of(cli, "decisionlog") if f"\n## {path}\n" not in MADE["command-line.md"]] == []


def test_every_route_is_there():
    """Every route that is served has its line in the reference."""
    from api.app import create_app

    document = create_app(None).openapi()
    routes = [f"`{method.upper()} {path}`" for path, each in document["paths"].items() for method in each]

    assert len(routes) > len(COMMANDS)
    assert [route for route in routes if route not in MADE["http.md"]] == []


def test_every_setting_and_option_says_what_it_is():
    """No setting, subcommand or option goes without a description."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
    assert [path for path, command in leaves_of(cli, "decisionlog") if not command.help] == []
    options = [
        (path, option.name)
        for path, command in leaves_of(cli, "decisionlog")
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert options == []
