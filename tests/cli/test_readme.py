"""The README's first screen, done as it says."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from support_serving import Serving, run, serving, surroundings

from cli.main import cli

ROOT = Path(__file__).parents[2]
README_FILE = ROOT / "README.md"
README = README_FILE.read_text(encoding="utf-8")
SCREEN = 60
"""Lines that a newcomer sees without much scrolling."""


def blocks(language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def general(text: str) -> str:
    """What is said, without what is different every time."""
    text = text.replace("\r\n", "\n")
    text = re.sub(r"http://127\.0\.0\.1:\d+", "ADDRESS", text)
    text = re.sub(r"Decision log in \S+,", "Decision log in DATA,", text)
    text = re.sub(r"dlog_[\w-]{43}", "TOKEN", text)
    text = re.sub(r"\b(decision|person):[a-z0-9]{16}\b", r"\1:KEY", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "INSTANT", text)


def makes(target: str) -> str:
    """What `make` would do."""
    # Without what an outer make, which may be running this test, tells the makes below it.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "-n", target], cwd=ROOT, env=alone, capture_output=True, text=True, check=True
    ).stdout


def test_the_first_screen(tmp_path):
    """`make run` says what the README shows, and the command it prints records a decision and answers as shown."""
    started, shown_answer = blocks("console")[0], blocks("json")[0]
    assert started.startswith("$ make run\n")

    with serving(tmp_path) as server:
        assert general(server.said).strip() == general(started.removeprefix("$ make run\n")).strip()
        decided = said_to(server, started[started.index("curl ") :])
        answers = blocks("console")[2]
        key = json.loads(decided)["subject"]
        later = [(said_to(server, command, key), shown) for command, shown in exchanges(answers)]

    assert json.loads(general(decided)) == json.loads(general(shown_answer))
    assert len(later) == 5
    for said, shown in later:
        assert comparable(said) == comparable(shown)


def said_to(server: Serving, script: str, decision: str = "") -> str:
    """What a shell says to what the README shows, when the address, the token and the decision are those of this server."""
    script = script.replace("http://127.0.0.1:8737", server.address)
    script = re.sub(r"dlog_[\w-]{43}", server.token, script)
    script = re.sub(r"decision:[a-z0-9]{16}\b", decision, script)
    return subprocess.run(
        ["bash", "-c", script], env=surroundings(Path()), capture_output=True, text=True, timeout=30, check=True
    ).stdout


def exchanges(block: str) -> list[tuple[str, str]]:
    """Each command of a console block that is answered, with the assignments before it, and the answer shown."""
    before: list[str] = []
    found = []
    for part in block.removeprefix("$ ").split("\n$ "):
        command, _, answer = part.partition("\n")
        if answer:
            found.append(("\n".join([*before, command]), answer))
        else:
            before.append(command)
    return found


def comparable(answer: str) -> Any:
    """An answer without what is different every time, and without its layout."""
    return json.loads(general(answer)) if answer.startswith("{") else general(answer).strip().splitlines()


def test_the_two_commands():
    """`make run` serves and `make test` tests, and both are on the first screen."""
    assert makes("run").splitlines()[-1].endswith("decisionlog serve")
    assert "pytest" in makes("test").splitlines()[-1]
    first = README.splitlines()[:SCREEN]
    assert "$ make run" in first
    assert "$ make test" in first


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#:]+)\)", README))
def test_every_link_leads_somewhere(path):
    """Every path that the README links to is there."""
    assert (ROOT / path).exists()


def commands_shown() -> list[list[str]]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [shlex.split(line)[2:] for line in lines if line.startswith("$ decisionlog ")]


def commands_on_pages() -> list[list[str]]:
    """The command lines in the how-tos."""
    pages = sorted((ROOT / "docs" / "how-to").glob("*.md"))
    lines = [line for page in pages for line in page.read_text(encoding="utf-8").splitlines()]
    return [shlex.split(line)[2:] for line in lines if line.startswith("$ decisionlog ")]


@pytest.mark.parametrize("words", commands_on_pages(), ids=" ".join)
def test_every_command_on_a_page_is_understood(words):
    """Every command line in the how-tos has the names and options that the command takes."""
    test_every_command_shown_is_understood([str(README_FILE) if word.startswith("/") else word for word in words])


@pytest.mark.parametrize("words", commands_shown(), ids=" ".join)
def test_every_command_shown_is_understood(words):
    """Every command line in the README has the names and options that the command takes."""
    command, rest = cli, list(words)
    while isinstance(command, click.Group):
        command = command.commands[rest.pop(0)]
    command.make_context(command.name, [str(README_FILE) if "." in word else word for word in rest])


def test_people_and_tokens_are_made_as_shown(tmp_path):
    """What the README shows of people and tokens works in the order shown, beside a server too."""
    shown = [words for words in commands_shown() if words[0] in ("person", "token")]
    assert len(shown) == 3

    alone = [run(tmp_path / "alone", *words) for words in shown]
    with serving(tmp_path / "served"):
        beside = [run(tmp_path / "served", *words) for words in shown]

    assert [done.stderr for done in (*alone, *beside)] == [""] * 6


def test_a_command_that_is_not_there_is_found():
    """The check above would find an option that is no more."""
    with pytest.raises(click.NoSuchOption):
        test_every_command_shown_is_understood(["export", "--nowhere", "x"])
