"""An import runs no program in a repository and an environment with every way at once to make git run one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.interchange.adr.support import a_log, bring_in, rehearse
from tests.interchange.adr.traps import PLAIN, RECORD, Trap, make_trap
from tests.interchange.adr.ways import WAYS, arm, set_up


def canary_of(trap: Trap, number: int) -> Path:
    return trap.above / f"ran-{number}"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Trap:
    """A repository with every way, each with its own program, after a dry run and an import."""
    trap = make_trap(tmp_path_factory.mktemp("ways") / "above")
    for name in ("git-remote-w15", "git-w16"):
        trap.script(trap.above / "commands" / name)
    for number, way in enumerate(WAYS.values()):
        program = trap.above / f"program-{number}"
        program.write_text(f"#!/bin/sh\necho ran > '{canary_of(trap, number)}'\n", encoding="utf-8")
        program.chmod(0o755)
        arm(trap, way, str(program), canary_of(trap, number))
    (trap.docs / "0001-one.md").write_text(RECORD + "Changed.\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, a_log(trap.above / "log") as log:
        for name, value in (PLAIN | trap.environment).items():
            patch.setenv(name, value)
        patch.chdir(trap.top)
        assert rehearse(trap.docs, log).imported == bring_in(trap.docs, log).imported == 1
    return trap


@pytest.mark.parametrize(("number", "name"), list(enumerate(WAYS)))
def test_an_import_takes_none_of_the_ways(imported: Trap, number: int, name: str) -> None:
    """No setting, hook or variable has its program run."""
    assert not canary_of(imported, number).exists(), name
    assert not imported.canary.exists(), "a command of the repository was run"


def test_the_programs_of_the_ways_work(imported: Trap, tmp_path: Path) -> None:
    """Each program leaves a trace when it is run, so that its absence means something."""
    for number, _ in enumerate(WAYS):
        kept = tmp_path / "kept"
        subprocess.run([imported.above / f"program-{number}"], check=True)
        shutil.move(canary_of(imported, number), kept)


@pytest.mark.slow
@pytest.mark.parametrize("name", WAYS)
def test_git_takes_each_way(tmp_path: Path, name: str) -> None:
    """Git itself runs the program, and the import of the same repository does not."""
    trap = make_trap(tmp_path / "above")
    set_up(trap, WAYS[name])
    assert trap.fires()
    if name == "core.alternateRefsCommand with alternates":
        (trap.git_dir / "objects" / "info" / "alternates").unlink()  # a repository that borrows objects is refused

    with pytest.MonkeyPatch.context() as patch, a_log(trap.above / "log") as log:
        for variable, value in (PLAIN | trap.environment).items():
            patch.setenv(variable, value)
        assert bring_in(trap.docs, log).imported >= 1

    assert not trap.canary.exists()
