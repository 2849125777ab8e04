"""An import runs no program, whatever the repository configures or the environment tells git."""

import os
import re
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from interchange.adr import HistoryError, default_system
from tests.interchange.adr.support import a_log, bring_in, rehearse
from tests.interchange.adr.traps import PLAIN, TRAPS, UNSPRUNG, make_trap

TIMELESS = "has an invalid time; the time of the import is used instead"
REFUSED = {
    "file .git to elsewhere": "points to a repository that does not know",
    "link .git to elsewhere": "points to a repository that does not know",
    "commondir to elsewhere": "points to a repository that does not know",
    **{f"{kind} of a partial clone": "is missing" for kind in ("ext remote", "ssh remote", "uploadpack", "proxy")},
}
"""Traps whose history cannot be read safely, and the error for each."""


@pytest.fixture
def trap(tmp_path):
    return make_trap(tmp_path)


def outcomes(trap, monkeypatch):
    """What a dry run and an import come to in the environment of a trap: a report each, or why there is none."""
    folder = (trap.where or trap.top) / "docs" if trap.where != trap.docs else trap.docs
    for name, value in (PLAIN | trap.environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(trap.top)
    with suppress(HistoryError):
        default_system(folder)
    with a_log(trap.above / "log") as log:
        return [outcome(work, folder, log) for work in (rehearse, bring_in)]


def outcome(work, folder, log):
    try:
        report = work(folder, log)
    except HistoryError as error:
        return str(error)
    assert report.rejected == []
    return report.imported


@pytest.mark.parametrize("name", TRAPS)
def test_no_program_is_run(trap, monkeypatch, name):
    """A repository that makes git run a program cannot make an import run one."""
    TRAPS[name](trap)
    assert trap.fires(), "the trap is none"

    found = outcomes(trap, monkeypatch)

    assert not trap.canary.exists()
    assert all(REFUSED[name] in one for one in found) if name in REFUSED else found[0] == found[1] >= 1


@pytest.mark.parametrize("name", UNSPRUNG)
def test_no_other_program_is_run(trap, monkeypatch, name):
    """The same for traps that do not work with this version of git."""
    UNSPRUNG[name](trap)

    assert outcomes(trap, monkeypatch) == [1, 1]
    assert not trap.canary.exists()


def test_the_trap_for_git_works(trap):
    """A shell would run the git in the current folder."""
    UNSPRUNG["git in the current folder"](trap)

    subprocess.run(["sh", "-c", "git status"], cwd=trap.top, env={**os.environ, **trap.environment}, check=False)

    assert trap.canary.exists()


def test_git_is_required(trap, monkeypatch):
    """If git is not installed outside the repository, the import fails instead of ignoring the history."""
    monkeypatch.setenv("PATH", f".::{trap.script(trap.top / 'bin' / 'git').parent}")
    with a_log(trap.above / "log") as log, pytest.raises(HistoryError, match="Install git"):
        bring_in(trap.docs, log)

    assert not trap.canary.exists()


@pytest.mark.parametrize(
    "variable", ["GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE"]
)
def test_the_environment_is_ignored(trap, monkeypatch, variable):
    """Environment variables cannot select another repository."""
    other = make_trap(trap.above / "other").git_dir
    monkeypatch.setenv(variable, str(other / "objects" if "OBJECT" in variable else other))
    with a_log(trap.above / "log") as log:
        report = bring_in(trap.docs, log)

    assert (report.imported, report.skipped) == (1, [])


def secret_repository(trap):
    """Another repository of the user, with the id of its last commit."""
    secret = make_trap(trap.above / "secret")
    return secret.git_dir, secret.git("rev-parse", "HEAD").stdout.decode().strip()


def borrow(trap):
    other, head = secret_repository(trap)
    (trap.git_dir / "objects" / "info" / "alternates").write_text(f"{other / 'objects'}\n", encoding="utf-8")
    trap.git("update-ref", "refs/heads/main", head)


def link_objects(trap):
    other, _ = secret_repository(trap)
    shutil.rmtree(trap.git_dir / "objects")
    (trap.git_dir / "objects").symlink_to(other / "objects")


def link_pack(trap):
    other, _ = secret_repository(trap)
    shutil.rmtree(trap.git_dir / "objects" / "pack")
    (trap.git_dir / "objects" / "pack").symlink_to(other / "objects" / "pack")


def link_object(trap):
    (trap.git_dir / "objects" / "pack" / "pack-x.pack").symlink_to(trap.above / "trap")


def pipe_in_pack(trap):
    os.mkfifo(trap.git_dir / "objects" / "pack" / "pack-x.idx")


def link_head(trap):
    other, _ = secret_repository(trap)
    (trap.git_dir / "HEAD").unlink()
    (trap.git_dir / "HEAD").symlink_to(other / "HEAD")


def link_references(trap):
    other, _ = secret_repository(trap)
    shutil.rmtree(trap.git_dir / "refs" / "heads")
    (trap.git_dir / "refs" / "heads").symlink_to(other / "refs" / "heads")


def pipe_as_head(trap):
    (trap.git_dir / "HEAD").unlink()
    os.mkfifo(trap.git_dir / "HEAD")


def reference_outside(trap):
    (trap.git_dir / "HEAD").write_text("ref: refs/../../../secret\n", encoding="utf-8")


def no_commit(trap):
    (trap.git_dir / "HEAD").write_text("--output=canary\n", encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        borrow,
        link_objects,
        link_pack,
        link_object,
        pipe_in_pack,
        link_head,
        link_references,
        pipe_as_head,
        reference_outside,
        no_commit,
    ],
)
def test_a_repository_must_be_self_contained(trap, damage):
    """A repository that borrows objects, or has irregular files, is refused."""
    damage(trap)
    with (
        a_log(trap.above / "log") as log,
        pytest.raises(HistoryError, match=r"(?i)import from a fresh clone|git repack"),
    ):
        bring_in(trap.docs, log)


def test_a_link_out_of_the_repository(trap):
    """A folder that is a symbolic link out of the repository is refused."""
    (trap.top / "records").symlink_to(trap.above)
    (trap.top / "inside").symlink_to("docs")
    with a_log(trap.above / "log") as log:
        report = bring_in(trap.top / "inside", log)
        with pytest.raises(HistoryError, match="leads out of the repository"):
            bring_in(trap.top / "records", log)

    assert report.imported == 1


def test_replacements_and_grafts_are_ignored(trap):
    """Replaced and grafted commits are read as they were committed."""
    (trap.docs / "0002-two.md").write_text("# Two\n", encoding="utf-8")
    trap.git("add", ".")
    trap.git("commit", "-qm", "two")
    first, last = trap.git("rev-parse", "HEAD~", "HEAD").stdout.decode().split()
    trap.git("replace", last, first)
    (trap.git_dir / "info").mkdir(exist_ok=True)
    (trap.git_dir / "info" / "grafts").write_text(f"{last}\n", encoding="utf-8")
    with a_log(trap.above / "log") as log:
        assert bring_in(trap.docs, log).imported == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_repository_of_another_user(trap):
    """The history of another user's repository is read, and the report mentions it."""
    for path in [trap.top, *trap.top.rglob("*")]:
        os.lchown(path, 12345, 12345)
    with a_log(trap.above / "log") as log:
        report = bring_in(trap.docs, log)

    assert report.imported == 1
    assert "belongs to another user" in report.warnings[0].message
    assert report.skipped == []


def test_names_with_any_characters(trap):
    """Paths with line feeds, control characters and brackets are followed through renames."""
    names = ["docs\n--output=canary", "do\x01cs", ":(glob)d*", "[d]ocs", "-d"]
    for name in names:
        trap.git("mv", "--", "docs" if name == names[0] else names[names.index(name) - 1], name)
        trap.git("commit", "-qm", "moved")
    trap.git("mv", "--", names[-1], "docs")
    trap.git("commit", "-qm", "moved")
    (trap.docs / "0002\x01.md").write_text("# Two\n", encoding="utf-8")
    trap.git("add", ".")
    trap.git("commit", "-qm", "two", env={"GIT_AUTHOR_NAME": "Ann \x01\x1b[2J Bo"})
    with a_log(trap.above / "log") as log:
        report = bring_in(trap.docs, log)

    assert (report.rejected, report.skipped) == ([], [])
    assert report.imported == 2


def test_a_sha256_repository(tmp_path):
    """A SHA-256 repository is read, including its uncommitted changes."""
    trap = make_trap(tmp_path)
    shutil.rmtree(trap.git_dir)
    trap.git("init", "-q", "--object-format=sha256")
    trap.git("add", ".")
    trap.git("commit", "-qm", "one")
    with a_log(tmp_path / "log") as log:
        report = bring_in(trap.docs, log)
        trap.change()
        again = bring_in(trap.docs, log)

    assert (report.imported, report.skipped) == (1, [])
    assert "uncommitted" in again.skipped[0].message


def test_packed_objects_work_trees_and_submodules(trap):
    """Packed objects and references, work trees and submodules are read."""
    trap.git("gc", "-q")
    trap.git("pack-refs", "--all")
    trap.git("worktree", "add", "-q", "--detach", str(trap.above / "linked"))
    outer = make_trap(trap.above / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(trap.top), "inner")
    reports = []
    for folder in (trap.docs, trap.above / "linked" / "docs", outer.top / "inner" / "docs"):
        with a_log(trap.above / folder.parent.name / "log") as log:
            reports.append(bring_in(folder, log))

    assert [(report.imported, report.skipped) for report in reports] == [(1, [])] * 3


def test_line_endings(trap):
    """A work tree with CRLF line endings has no uncommitted changes."""
    (trap.docs / "0001-one.md").write_bytes((trap.docs / "0001-one.md").read_bytes().replace(b"\n", b"\r\n"))
    with a_log(trap.above / "log") as log:
        assert bring_in(trap.docs, log).skipped == []


def test_links_and_submodules_in_the_history(trap):
    """A committed symbolic link or submodule is not a version of a record."""
    (trap.docs / "0002-two.md").symlink_to("/proc/self/environ")
    trap.git("add", ".")
    trap.git("commit", "-qm", "two")
    with a_log(trap.above / "log") as log:
        report = bring_in(trap.docs, log)

    assert report.imported == 1
    assert [remark.line for remark in report.skipped] == ["0002-two"]
    assert "is a symbolic link" in report.skipped[0].message


def test_git_has_a_deadline(trap, monkeypatch):
    """A git command ends at its deadline, together with its child processes."""
    slow, pid = trap.above / "slow" / "git", trap.above / "pid"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {pid}\nsleep 600\n", encoding="utf-8")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    with a_log(trap.above / "log") as log:
        for deadline_s in (0.5, 5.0, 50.0):  # on a busy machine, it ends before it has started a child
            monkeypatch.setattr("interchange.adr.git_objects.TIMEOUT_S", deadline_s)
            with pytest.raises(HistoryError, match="did not answer"):
                bring_in(trap.docs, log)
            if pid.exists() and pid.read_text():
                break

    wait_until_ended(int(pid.read_text()))


def wait_until_ended(pid):
    """Wait until a process is gone, or is left to its parent to be reaped."""
    deadline = time.monotonic() + 60
    while state_of(pid) != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state_of(pid):
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    return "Z"


def test_the_output_of_git_is_limited(trap, monkeypatch):
    """The output of git has a size limit."""
    loud = trap.above / "loud" / "git"
    loud.parent.mkdir()
    loud.write_text("#!/bin/sh\nexec cat /dev/zero\n", encoding="utf-8")
    loud.chmod(0o755)
    monkeypatch.setenv("PATH", f"{loud.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("interchange.adr.git_objects.MAX_OUTPUT_BYTES", 1_000_000)
    with a_log(trap.above / "log") as log, pytest.raises(HistoryError, match="has more than"):
        bring_in(trap.docs, log)


def test_a_commit_without_a_valid_time(trap):
    """A commit with an invalid time is imported, with a warning."""
    commit = trap.git("cat-file", "commit", "HEAD").stdout
    broken = re.sub(rb"(committer .*> ).*", rb"\g<1>1700000000 +51800", commit)
    id_ = trap.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", input=broken).stdout.decode().strip()
    trap.git("update-ref", "refs/heads/main", id_)
    with a_log(trap.above / "log") as log:
        report = bring_in(trap.docs, log)

    assert report.imported == 1
    assert [(remark.line, remark.message) for remark in report.warnings][:1] == [(id_, TIMELESS)]
