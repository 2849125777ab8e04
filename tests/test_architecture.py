"""The packages form layers: each imports only those below it."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = {
    "domain": set(),
    "eventlog": {"domain"},
    "identity": {"domain", "eventlog"},
    "projections": {"domain", "eventlog", "identity"},
    "interchange": {"domain", "eventlog", "identity", "projections"},
    "consumers": {"domain", "eventlog", "identity", "projections"},
    "api": {"domain", "eventlog", "identity", "projections"},
    "decisionlog_client": set(),
    "cli": {
        "domain",
        "eventlog",
        "identity",
        "projections",
        "interchange",
        "consumers",
        "api",
        "decisionlog_client",
    },
}
"""Each package with the packages it may import."""
CLIENT = Path("clients/python/src/decisionlog_client")
FOLDERS = {package: Path(package) for package in LAYERS} | {"decisionlog_client": CLIENT}
APPLICATION = LAYERS.keys() - {"decisionlog_client"}
TOOLS = {"tools"}
"""Packages for development. mypy checks them, and neither the wheel nor the image contains them."""
ONLY_IN = {
    "fastapi": "api",
    "starlette": "api",
    "kafka": "consumers",
    "yaml": "interchange",
    "click": "cli",
    "rich": "cli",
}
PURE = {"asyncio", "os", "pathlib", "random", "secrets", "socket", "sqlite3", "threading", "time", "uuid", "httpx2"}


def find_imports(source: str) -> Iterator[str]:
    """The top-level packages that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def find_violations(package: str, source: str) -> set[str]:
    """What a file of a package imports and must not."""
    imports = set(find_imports(source))
    above = imports & (LAYERS.keys() - LAYERS[package] - {package})
    elsewhere = {name for name in imports if ONLY_IN.get(name, package) != package}
    impure = imports & PURE if package == "domain" else set()
    return above | elsewhere | impure


@pytest.mark.parametrize("package", LAYERS)
def test_a_package_imports_only_those_below_it(package):
    """Libraries have their package too: fastapi is imported in api only, kafka in consumers only, neither in domain."""
    files = sorted((ROOT / FOLDERS[package]).rglob("*.py"))

    found = {str(file.relative_to(ROOT)): find_violations(package, file.read_text()) for file in files}

    assert files
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("package", "source", "found"),
    [
        ("domain", "from eventlog.entry import Transaction", {"eventlog"}),
        ("domain", "def f():\n    import time", {"time"}),
        ("eventlog", "import projections.read_model.model", {"projections"}),
        ("eventlog", "from identity.tokens import Tokens", {"identity"}),
        ("api", "from interchange.tracker import x", {"interchange"}),
        ("consumers", "import api", {"api"}),
        ("projections", "if True:\n    from fastapi import FastAPI", {"fastapi"}),
        ("api", "import kafka", {"kafka"}),
        ("decisionlog_client", "from domain.errors import Refused", {"domain"}),
        ("api", "import decisionlog_client", {"decisionlog_client"}),
        ("cli", "import fastapi, kafka, api, consumers, domain.fields", {"fastapi", "kafka"}),
        ("eventlog", "import sqlite3, domain.fields\nfrom eventlog import entry\nfrom . import codec", set()),
    ],
)
def test_a_violation_is_found(package, source, found):
    """The check finds an import of a package above or next to it, or of another package's library, and nothing else."""
    assert find_violations(package, source) == found


def test_every_package_is_checked():
    """Every package has its place in the layers."""
    packages = {file.parent.name for file in ROOT.glob("*/__init__.py")}

    assert packages == APPLICATION | TOOLS


def test_the_server_does_not_load_the_kafka_client():
    """The Kafka client is loaded only by a command that connects to a broker."""
    script = (
        "import sys, cli.main, cli.commands.serve, cli.kafka_workers, cli.commands.status, api.app;"
        "import consumers.kafka.publisher, consumers.kafka.command_consumer;"
        "sys.exit('kafka' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_the_wheel_the_image_and_mypy_name_every_package():
    """The application's wheel and the image contain every package, and mypy checks every package."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)

    assert set(settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == APPLICATION
    assert set(settings["tool"]["mypy"]["packages"]) == LAYERS.keys() | TOOLS
    assert set(copied) == APPLICATION


def test_the_client_imports_nothing_of_the_application():
    """With nothing but its own folder on the path, the client can be imported."""
    loaded = f"import sys, decisionlog_client; sys.exit(any(name in sys.modules for name in {sorted(APPLICATION)!r}))"
    environment = {"PYTHONPATH": str(ROOT / CLIENT.parent)}

    assert subprocess.run([sys.executable, "-c", loaded], check=False, env=environment).returncode == 0


def test_the_application_requires_its_own_client():
    """The application depends on exactly the version of the client in this repository."""
    server, client = (
        tomllib.loads((ROOT / path).read_text(encoding="utf-8"))["project"]
        for path in ("pyproject.toml", "clients/python/pyproject.toml")
    )

    assert f"decisionlog-client=={client['version']}" in server["dependencies"]
    assert client["version"] == server["version"]


def test_the_supported_versions_of_python_are_the_same_everywhere():
    """Both distributions name the same versions; the first is the oldest they install on, and the image has one of them."""
    projects = [
        tomllib.loads((ROOT / path).read_text(encoding="utf-8"))["project"]
        for path in ("pyproject.toml", "clients/python/pyproject.toml")
    ]
    prefix = "Programming Language :: Python :: "
    server, client = (
        [each.removeprefix(prefix) for each in project["classifiers"] if each.startswith(prefix)]
        for project in projects
    )
    image = re.search(
        r"^ARG PYTHON_IMAGE=python:([\d.]+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    )

    assert server == client
    assert {project["requires-python"] for project in projects} == {f">={server[0]}"}
    assert image[1] in server
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"Python {', '.join(server[:-1])} and {server[-1]}" in " ".join(contributing.split())


def copy_sources(dockerfile: str) -> list[str]:
    """The paths that a Dockerfile copies from the build context."""
    copies = re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
    return [source for copied in copies for source in copied.split()[:-1]]


def is_in_context(path: str, dockerignore: str) -> bool:
    """Whether a path is sent to the builder: the last pattern that matches it or a folder above it decides."""
    included = True
    for line in filter(None, map(str.strip, dockerignore.splitlines())):
        pattern, exception = line.removeprefix("!").strip("/"), line.startswith("!")
        parts = [path, *map(str, Path(path).parents)][:-1]
        if not line.startswith("#") and any(fnmatch(part, pattern) for part in parts):
            included = exception
    return included


def test_dockerignore_lets_every_copied_path_through():
    """Every path that the Dockerfile copies exists and is in the build context; secrets and tests are not."""
    dockerfile, dockerignore = ((ROOT / name).read_text(encoding="utf-8") for name in ("Dockerfile", ".dockerignore"))
    sources = copy_sources(dockerfile)

    assert len(sources) > len(APPLICATION)
    assert [path for path in sources if not (ROOT / path).exists()] == []
    assert [path for path in sources if not is_in_context(path, dockerignore)] == []
    assert [path for path in ("tests", ".git", ".env", "data/first-token") if is_in_context(path, dockerignore)] == []


def test_a_path_that_dockerignore_keeps_out_is_found():
    """A copied folder that no pattern lets through counts as left out."""
    assert copy_sources("FROM a\nCOPY b c ./\nCOPY --from=x y z\n") == ["b", "c"]
    assert not is_in_context("api", "*\n!domain\n")
    assert is_in_context("api/app.py", "*\n!api\n")
    assert not is_in_context("api/__pycache__", "*\n!api\n**/__pycache__\n")


def test_the_guide_to_the_code_names_files_that_exist():
    """Each file or folder in the section "Where the code is" of CONTRIBUTING.md is in the repository."""
    guide = (ROOT / "CONTRIBUTING.md").read_text().partition("## Where the code is")[2].partition("\n## ")[0]

    named = set(re.findall(r"`([a-z_/]+/[a-z_.]*)`", guide))

    assert len(named) > len(FOLDERS)
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_no_dependency_may_be_older_than_the_one_that_is_tested():
    """Each lower bound is the release, major and minor, that the lock file installs: older ones are not tried."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    bounds = dict(re.match(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", each).groups() for each in named if ">=" in each)
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w-]+)(?:\[\w+\])?==([\d.]+)", lock, re.MULTILINE))

    older = {name: bound for name, bound in bounds.items() if bound.split(".")[:2] != locked[name].split(".")[:2]}

    assert len(bounds) >= 15
    assert older == {}
