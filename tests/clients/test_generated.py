"""Clients that others generate from the OpenAPI document compile and work.

The generators are pinned in package-lock.json and requirements.lock. They are installed next to this file the first time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from api.app import create_app
from tests.support_serving import serving

HERE = Path(__file__).parent
NODE_MODULES = HERE / "node_modules"
ENVIRONMENT = HERE / ".venv"


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command and return its output."""
    environment = os.environ | {"PATH": f"{ENVIRONMENT / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def is_installed(folder: Path, lock: Path) -> bool:
    """Whether a folder contains what a lock file lists."""
    copy = folder / lock.name
    return copy.exists() and copy.read_bytes() == lock.read_bytes()


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's OpenAPI document."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(json.dumps(create_app(None).openapi()), encoding="utf-8")
    return path


def compile_typescript(program: str, document: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Generate the types of the document, and compile a program against them."""
    if not is_installed(NODE_MODULES, HERE / "package-lock.json"):
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=HERE)
        shutil.copy(HERE / "package-lock.json", NODE_MODULES)
    for name in ("package.json", "tsconfig.json"):
        shutil.copy(HERE / name, folder)
    (folder / "program.ts").write_text(program, encoding="utf-8")
    (folder / "node_modules").symlink_to(NODE_MODULES)
    generator = NODE_MODULES / ".bin" / "openapi-typescript"
    run(generator, document, "-o", folder / "generated" / "schema.d.ts", cwd=folder)
    compiler = NODE_MODULES / ".bin" / "tsc"
    return subprocess.run([compiler], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("npm"), reason="needs node and npm")
def test_a_typescript_client(document, tmp_path):
    """A program compiles in strict mode against the types of openapi-typescript, and runs with openapi-fetch."""
    compiled = compile_typescript((HERE / "program.ts").read_text(encoding="utf-8"), document, tmp_path)
    assert compiled.returncode == 0, compiled.stdout
    with serving(tmp_path / "data") as server:
        printed = run("node", "built/program.js", server.address, server.token, cwd=tmp_path)

    assert "product:shop The shop" in printed
    assert "refused: urn:decisionlog:problem:already-exists" in printed


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("npm"), reason="needs node and npm")
def test_a_program_that_reads_an_unknown_field_does_not_compile(document, tmp_path):
    """The check above finds a field that no answer has."""
    program = (HERE / "program.ts").read_text(encoding="utf-8").replace("row.title", "row.name")
    compiled = compile_typescript(program, document, tmp_path)

    assert compiled.returncode != 0
    assert "Property 'name' does not exist" in compiled.stdout


@pytest.mark.slow
def test_a_python_client(document, tmp_path):
    """A program works with the client that openapi-python-client generates."""
    if not is_installed(ENVIRONMENT, HERE / "requirements.lock"):
        venv.create(ENVIRONMENT, with_pip=True)
        pip = [ENVIRONMENT / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes"]
        run(*pip, "-r", HERE / "requirements.lock", cwd=HERE)
        shutil.copy(HERE / "requirements.lock", ENVIRONMENT)
    generator = ENVIRONMENT / "bin" / "openapi-python-client"

    target = tmp_path / "generated"
    output = run(generator, "generate", "--path", document, "--output-path", target, "--meta", "none", cwd=tmp_path)
    shutil.copy(HERE / "program.py", tmp_path)
    with serving(tmp_path / "data") as server:
        printed = run(ENVIRONMENT / "bin" / "python", "program.py", server.address, server.token, cwd=tmp_path)

    assert "will not be generated" not in output
    assert "product:shop The shop" in printed
    assert "position True" in printed
    assert "refused: urn:decisionlog:problem:already-exists" in printed
