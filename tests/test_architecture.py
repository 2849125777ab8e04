"""Who may know whom."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
BELOW = {
    "domain": set(),
    "eventlog": {"domain"},
    "projections": {"domain", "eventlog"},
    "api": {"domain", "eventlog", "projections"},
    "consumers": {"domain", "eventlog", "projections"},
    "decisionlog_client": {"domain"},
    "cli": {"domain", "eventlog", "projections", "api", "consumers", "decisionlog_client"},
}
ONLY_IN = {
    "fastapi": "api",
    "starlette": "api",
    "kafka": "consumers",
    "yaml": "consumers",
    "click": "cli",
    "rich": "cli",
}
PURE = {"asyncio", "os", "pathlib", "random", "secrets", "socket", "sqlite3", "threading", "time", "uuid", "httpx2"}


def imported(source: str) -> Iterator[str]:
    """The top-level packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def trespasses(room: str, source: str) -> set[str]:
    """What a file in a room imports and may not."""
    known = set(imported(source))
    above = known & (BELOW.keys() - BELOW[room] - {room})
    elsewhere = {name for name in known if ONLY_IN.get(name, room) != room}
    impure = known & PURE if room == "domain" else set()
    return above | elsewhere | impure


@pytest.mark.parametrize("room", BELOW)
def test_nobody_looks_up(room):
    """Every room imports only rooms below it, and its own tools: fastapi in api, kafka in consumers, none in domain."""
    files = sorted((HOUSE / room).rglob("*.py"))

    found = {str(file.relative_to(HOUSE)): trespasses(room, file.read_text()) for file in files}

    assert files
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("room", "source", "found"),
    [
        ("domain", "from eventlog.entry import Unit", {"eventlog"}),
        ("domain", "def f():\n    import time", {"time"}),
        ("eventlog", "import projections.read_model", {"projections"}),
        ("api", "from interchange.tracker import x", {"consumers"}),
        ("consumers", "import api", {"api"}),
        ("projections", "if True:\n    from fastapi import FastAPI", {"fastapi"}),
        ("api", "import kafka", {"kafka"}),
        ("decisionlog_client", "from api import answers", {"api"}),
        ("api", "import decisionlog_client", {"decisionlog_client"}),
        ("cli", "import fastapi, kafka, api, consumers, domain.fields", {"fastapi", "kafka"}),
        ("eventlog", "import sqlite3, domain.fields\nfrom eventlog import entry\nfrom . import codec", set()),
    ],
)
def test_a_trespasser_is_found(room, source, found):
    """The check finds an import from above, from next door, or of another room's tool, and nothing else."""
    assert trespasses(room, source) == found


def test_every_room_is_watched():
    """No package stands outside the plan of the house."""
    packages = {file.parent.name for file in HOUSE.glob("*/__init__.py")}

    assert packages == set(BELOW)


def test_nobody_needs_kafka():
    """Its client is loaded by whoever speaks to a broker, and not a moment before: the server never does."""
    loaded = (
        "import sys, cli.main, cli.serving, cli.streaming, cli.status, api.app, consumers.kafka.publisher, consumers.kafka.command_consumer;"
        "sys.exit('kafka' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", loaded], cwd=HOUSE, check=False).returncode == 0


def test_every_room_goes_out():
    """The package and the image hold every room: one that is missing would be missed only by whoever installs them."""
    settings = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))
    copied = re.findall(r"^COPY (\w+) \1$", (HOUSE / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)

    assert set(settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(BELOW)
    assert set(settings["tool"]["mypy"]["packages"]) == set(BELOW)
    assert set(copied) == set(BELOW)
