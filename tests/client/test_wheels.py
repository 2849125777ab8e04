"""The two distributions: the client's wheel works alone, and the application's wheel contains the application."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.client.test_documents import EXAMPLES
from tests.support_serving import serving

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
APPLICATION = {"domain", "eventlog", "identity", "projections", "interchange", "api", "consumers", "cli"}


def build_wheel(project: Path, target: Path) -> Path:
    """Build a wheel without a network; the build tool is part of the development environment."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(build, cwd=project, check=True, capture_output=True)
    (wheel,) = target.glob("*.whl")
    return wheel


def read_metadata(wheel: Path, target: Path) -> tuple[set[str], Distribution]:
    """Unpack a wheel, and return its top-level names and its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    (found,) = Distribution.discover(path=[str(target)])
    return {path.name for path in target.iterdir() if path.suffix != ".dist-info"}, found


def get_requirements(found: Distribution) -> list[Requirement]:
    """Return what a distribution requires on this platform, without extras."""
    requirements = map(Requirement, found.requires or [])
    return [each for each in requirements if each.marker is None or each.marker.evaluate({"extra": ""})]


def copy_distribution(name: str, target: Path) -> None:
    """Install a distribution and what it requires by copying it from the development environment."""
    found = distribution(name)
    for file in found.files or []:
        if ".." not in file.parts and "__pycache__" not in file.parts:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), target / file)
    for requirement in get_requirements(found):
        if not (target / requirement.name.replace("-", "_")).exists():
            copy_distribution(requirement.name, target)


@pytest.fixture(scope="module")
def client_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client's wheel."""
    return build_wheel(ROOT / "clients" / "python", tmp_path_factory.mktemp("client"))


def test_the_clients_wheel(client_wheel, tmp_path):
    """The client's wheel contains one typed package, and requires its HTTP library alone."""
    packages, metadata = read_metadata(client_wheel, tmp_path)

    assert packages == {"decisionlog_client"}
    assert metadata.metadata["Name"] == "decisionlog-client"
    assert [each.name for each in get_requirements(metadata)] == ["httpx2"]
    assert (tmp_path / "decisionlog_client" / "py.typed").exists()


def test_the_applications_wheel(tmp_path):
    """The application's wheel contains every package and the command, and requires the client."""
    wheel = build_wheel(ROOT, tmp_path / "wheel")
    packages, metadata = read_metadata(wheel, tmp_path / "unpacked")

    assert packages == APPLICATION
    assert metadata.metadata["Name"] == "decisionlog-server"
    assert f"decisionlog-client=={metadata.version}" in (metadata.requires or [])
    assert {each.name for each in metadata.entry_points} == {"decisionlog"}


def test_the_client_works_alone(client_wheel, tmp_path):
    """In an empty environment with only the client's wheel and its HTTP library, the how-to's programs run."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, symlinks=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    copy_distribution("httpx2", packages)
    with zipfile.ZipFile(client_wheel) as archive:
        archive.extractall(packages)
    python = environment / "bin" / "python"
    isolated = [python, "-I", "-c", "import fastapi"]

    with serving(tmp_path / "data") as server:
        programs = [each.replace("dlog_...", server.token) for each in EXAMPLES]
        programs = [each.replace("http://127.0.0.1:8737", server.address) for each in programs]
        results = [
            subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=False)
            for program in programs
        ]

    assert [(result.returncode, result.stderr) for result in results] == [(0, ""), (0, "")]
    assert "next ['Gift cards']" in results[0].stdout
    assert re.fullmatch(r"[1-9]\d* fields have changed\n", results[1].stdout)
    assert subprocess.run(isolated, capture_output=True, check=False).returncode == 1
