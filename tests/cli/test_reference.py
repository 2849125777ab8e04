"""The reference is what it describes."""

import re
import shlex
from functools import cache
from pathlib import Path

import click
import pytest

from api.app import COMMAND_PATHS
from cli.command_wording import NOT_TYPED, NOUNS, OPERATED_NOUNS, WORDS
from cli.main import SECTIONS, cli
from cli.settings import Settings
from cli.verb_list import FILE, read_verbs, recording_nouns
from domain.catalog import COMMANDS, EVENTS
from domain.examples import EXAMPLES, PRECEDING, PRELUDE
from tests.support_log import EmptyService, shared_app
from tools.generate_reference import pages
from tools.generate_verbs import render

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@cache
def generated() -> dict[str, str]:
    """Return the pages as they would be generated now."""
    return pages(shared_app())


@pytest.mark.parametrize("name", sorted(path.name for path in REFERENCE.iterdir()))
def test_pages_are_up_to_date(name):
    """Every page is as it would be generated now; `make reference` generates them."""
    assert (REFERENCE / name).read_text(encoding="utf-8") == generated()[name]


def test_no_page_is_missing():
    """Every page that would be generated exists."""
    assert {path.name for path in REFERENCE.iterdir()} == set(generated())


def leaves_of(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        return [(path, command)]
    context = click.Context(command)
    return [
        found
        for name in command.list_commands(context)
        for found in leaves_of(command.get_command(context, name), f"{path} {name}")
    ]


def test_everything_is_there():
    """Every command, event, setting and subcommand has its place in the reference."""
    assert [name for name in COMMANDS if f"\n## {name}\n" not in generated()["commands.md"]] == []
    assert [name for name in EVENTS if f"\n## {name}\n" not in generated()["events.md"]] == []
    assert [
        name for name in Settings.model_fields if f"`DECISIONLOG_{name.upper()}`" not in generated()["settings.md"]
    ] == []
    assert [
        path for path, _ in leaves_of(cli, "decisionlog") if f"\n### {path}\n" not in generated()["command-line.md"]
    ] == []


def test_the_verbs_are_up_to_date():
    """The list of the commands that record is up to date; `make reference` makes it."""
    assert FILE.read_text(encoding="utf-8") == render()


def test_every_command_of_the_catalog_has_a_verb():
    """Each command has words of its own, in a group that `decisionlog --help` lists."""
    paths = {verb["command"]: path for path, verb in read_verbs()[1].items()}

    assert COMMANDS.keys() - paths.keys() == NOT_TYPED.keys()
    assert len(set(paths.values())) == len(paths)
    missing = set(recording_nouns()) - {"record"} - NOUNS.keys() - OPERATED_NOUNS.keys()
    assert not missing, f"add a line to NOUNS in cli/command_wording.py for {missing}"
    assert WORDS.keys() <= COMMANDS.keys()


def test_every_route_is_there():
    """Every route that is served has its line in the reference."""
    document = shared_app().openapi()
    routes = [f"`{method.upper()} {path}`" for path, each in document["paths"].items() for method in each]

    assert len(routes) > len(COMMANDS)
    assert [route for route in routes if route not in generated()["http.md"]] == []


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


def all_commands(group: click.Group) -> list[click.Command]:
    context = click.Context(group)
    found = [group.get_command(context, name) for name in group.list_commands(context)]
    return [*found, *(each for command in found if isinstance(command, click.Group) for each in all_commands(command))]


def test_summaries_match_the_help_of_each_command():
    """The summary of a command in `decisionlog --help` is the first line of its own help."""
    summaries = {name: summary for commands in SECTIONS.values() for name, summary in commands.items()}

    found = {name: cli.get_command(click.Context(cli), name).help.partition("\n")[0] for name in summaries}

    assert found == summaries


def test_short_help_fits_a_line():
    """The first line of the help of every command has at most 60 characters, and is shown uncut."""
    first_lines = [command.help.partition("\n")[0] for command in all_commands(cli)]

    assert [line for line in first_lines if len(line) > 60 or not line.endswith(".")] == []


def test_every_command_has_examples_in_its_help():
    """The help of every command that does something ends with at least one command line of it."""
    helps = {path: command.get_help(click.Context(command)) for path, command in leaves_of(cli, "decisionlog")}

    missing = [path for path, text in helps.items() if f"  {path}" not in text.partition("Example")[2]]
    assert missing == [], "add an example to cli/examples.py"


@cache
def shown_requests() -> dict[str, str]:
    """Return the `curl` of each route."""
    pattern = r"^### (\S+ \S+)\n\n.*?```sh\n(.*?)```$"
    return dict(re.findall(pattern, generated()["http.md"], flags=re.DOTALL | re.MULTILINE))


LEAVING = ("MergePeople", "RecordPersonLeft", "DisbandTeam")
"""Examples after which no caller is left; they are at the end of the table."""


def send_example(service, route, **placeholders):
    """The answer to what is shown for a route, word for word but for the placeholders."""
    words = shlex.split(
        shown_requests()[route].replace("\\\n", " ")
    )  # a shell goes on in the next line, shlex does not
    assert words.pop(0) == "curl"
    asked, method, body, headers = None, None, None, {}
    while words:
        word = words.pop(0)
        match word:
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            case "-X":
                method = words.pop(0)
            case "-d":
                body = words.pop(0)
            case _:
                asked = word
    for placeholder, value in placeholders.items():
        asked = asked.replace(f"/{placeholder}", f"/{value}")
        headers = {name: said.replace(placeholder, value) for name, said in headers.items()}
    headers = {name: said.replace("TOKEN", service.token) for name, said in headers.items()}
    assert asked.startswith("http://127.0.0.1:8737/")
    path = asked.removeprefix("http://127.0.0.1:8737")
    return service.client_of(None).request(method or ("POST" if body else "GET"), path, content=body, headers=headers)


def route_of(name):
    """The route of a command, as it is shown."""
    return f"POST /v1{COMMAND_PATHS[COMMANDS[name]]}"


def test_every_route_is_shown_with_curl():
    """There is a request to paste for every route."""
    assert len(shown_requests()) == generated()["http.md"].count("\n### ")
    assert [route for route in shown_requests() if f"| `{route}` |" not in generated()["http.md"]] == []
    assert generated()["http.md"].count("| `") == len(shown_requests())


def test_every_curl_works(tmp_path):
    """What is shown works: the commands in the order of their examples, then every question, then what keeps the log."""
    writing = [route_of(name) for name in EXAMPLES]
    last = [
        "POST /v1/tokens",
        "DELETE /v1/tokens/{key}",
        "POST /v1/accounts",
        "POST /v1/accounts/disconnect",
        "POST /v1/people/{key}/names",
        "DELETE /v1/people/{key}/names",
        "DELETE /v1/sessions",
        "POST /v1/sign-in-links",
        "DELETE /v1/sessions/{key}",
    ]
    both = ["POST /v1/commands", "POST /v1/bulk"]
    asking = [route for route in shown_requests() if route.startswith("GET ")]
    assert {*writing, *last, *both, *asking} == set(shown_requests())
    refused = {}

    def check(service, route, **placeholders):
        answer = send_example(service, route, **placeholders)
        if not answer.is_success:
            refused[route] = answer.text
        return answer

    with EmptyService(tmp_path / "a") as service:
        for command in PRELUDE:
            service.client.post("/v1/commands", json=command).raise_for_status()
        for name in EXAMPLES:
            if name in PRECEDING:
                service.client.post("/v1/commands", json=PRECEDING[name]).raise_for_status()
            if name not in LEAVING:
                version = service.log.state(EXAMPLES[name].get("subject", "decision:tea")).version
                check(service, route_of(name), VERSION=str(version))
        imported = {"subject": "import:archive", "changes": [{"field": "exists", "value": True}]}
        told = {"type": "ImportChanges", "source": {"system": "archive"}, **imported}
        service.client.post("/v1/commands", json=told).raise_for_status()
        service.runner.wait_for(service.log.head().size, 10)
        for route in asking:
            check(service, route, KEY="archive")
        token = check(service, "POST /v1/tokens").json()["id"]
        check(service, "DELETE /v1/tokens/{key}", ID=token)
        link = check(service, "POST /v1/sign-in-links").json()["url"]
        assert service.browser(link.partition("code=")[2]).get("/v1/me").is_success
        (session,) = service.log.sessions.list_of("person:ann")
        check(service, "DELETE /v1/sessions/{key}", KEY=session.id)
        for route in (*last[2:7], "POST /v1/bulk", *(route_of(name) for name in LEAVING[:2])):
            check(service, route)
        service.leave()
        check(service, route_of("DisbandTeam"))
    with EmptyService(tmp_path / "b") as service:
        check(service, "POST /v1/commands")

    assert refused == {}
