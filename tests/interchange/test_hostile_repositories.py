"""An import runs nothing: not what a repository configures, not what the environment says to git."""

import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from interchange.adr import HistoryError, default_system
from tests.interchange.support import a_log, bring_in, rehearse
from tests.interchange.traps import PLAIN, TRAPS, UNSPRUNG, make_trap

TIMELESS = "has a time that cannot be read, and counts from now"
REFUSED = {
    "file .git to elsewhere": "points to a repository elsewhere",
    "link .git to elsewhere": "points to a repository elsewhere",
    "commondir to elsewhere": "points to a repository elsewhere",
    **{f"{kind} of a partial clone": "is missing" for kind in ("ext remote", "ssh remote", "uploadpack", "proxy")},
}
"""Repositories whose history cannot be read without doing what they ask for: that is said."""


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
    assert report.refused == []
    return report.applied


@pytest.mark.parametrize("name", TRAPS)
def test_nothing_is_run(trap, monkeypatch, name):
    """What makes git run a program makes an import run none, in a dry run or not; its history is read, or it is said why not."""
    TRAPS[name](trap)
    assert trap.fires(), "the trap is none"

    found = outcomes(trap, monkeypatch)

    assert not trap.canary.exists()
    assert all(REFUSED[name] in one for one in found) if name in REFUSED else found[0] == found[1] >= 1


@pytest.mark.parametrize("name", UNSPRUNG)
def test_nothing_else_is_run(trap, monkeypatch, name):
    """The same of what cannot be shown to work here."""
    UNSPRUNG[name](trap)

    assert outcomes(trap, monkeypatch) == [1, 1]
    assert not trap.canary.exists()


def test_a_git_in_the_repository_would_have_been_found(trap):
    """A shell would take the git that lies in the current folder."""
    UNSPRUNG["git in the current folder"](trap)

    subprocess.run(["sh", "-c", "git status"], cwd=trap.top, env={**os.environ, **trap.environment}, check=False)

    assert trap.canary.exists()


def test_git_nowhere(trap, monkeypatch):
    """Without git outside the repository, its history is not left out silently."""
    monkeypatch.setenv("PATH", f".::{trap.script(trap.top / 'bin' / 'git').parent}")
    with a_log(trap.above / "log") as log, pytest.raises(HistoryError, match="Install git"):
        bring_in(trap.docs, log)

    assert not trap.canary.exists()


@pytest.mark.parametrize(
    "variable", ["GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE"]
)
def test_the_repository_is_that_of_the_folder(trap, monkeypatch, variable):
    """What the environment says of repositories leads to no other one."""
    other = make_trap(trap.above / "other").git_dir
    monkeypatch.setenv(variable, str(other / "objects" if "OBJECT" in variable else other))
    with a_log(trap.above / "log") as log:
        report = bring_in(trap.docs, log)

    assert (report.applied, report.not_placed) == (1, [])


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
    [borrow, link_objects, link_pack, link_object, pipe_in_pack, link_head, link_references, pipe_as_head, reference_outside, no_commit],
)  # fmt: skip
def test_what_points_out_of_the_repository(trap, damage):
    """A repository that borrows from another one, or holds what is no plain file, is refused with a sentence."""
    damage(trap)
    with (
        a_log(trap.above / "log") as log,
        pytest.raises(HistoryError, match=r"(?i)import from a fresh clone|git repack"),
    ):
        bring_in(trap.docs, log)


def test_a_link_out_of_the_repository(trap):
    """A folder of records that a repository makes a link to another place is refused."""
    (trap.top / "records").symlink_to(trap.above)
    (trap.top / "inside").symlink_to("docs")
    with a_log(trap.above / "log") as log:
        report = bring_in(trap.top / "inside", log)
        with pytest.raises(HistoryError, match="leads out of the repository"):
            bring_in(trap.top / "records", log)

    assert report.applied == 1


def test_replacements_and_grafts(trap):
    """Commits are those of the history: what replaces or grafts them for git is not looked at."""
    (trap.docs / "0002-two.md").write_text("# Two\n", encoding="utf-8")
    trap.git("add", ".")
    trap.git("commit", "-qm", "two")
    first, last = trap.git("rev-parse", "HEAD~", "HEAD").stdout.decode().split()
    trap.git("replace", last, first)
    (trap.git_dir / "info").mkdir(exist_ok=True)
    (trap.git_dir / "info" / "grafts").write_text(f"{last}\n", encoding="utf-8")
    with a_log(trap.above / "log") as log:
        assert bring_in(trap.docs, log).applied == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_repository_of_another_user(trap):
    """Its history is read all the same, as none of its settings are, and the report tells."""
    for path in [trap.top, *trap.top.rglob("*")]:
        os.lchown(path, 12345, 12345)
    with a_log(trap.above / "log") as log:
        report = bring_in(trap.docs, log)

    assert report.applied == 1
    assert "belongs to another user" in report.noticed[0].what
    assert report.not_placed == []


def test_names_of_any_characters(trap):
    """Paths with line feeds, controls and brackets are followed through renames."""
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

    assert (report.refused, report.not_placed) == ([], [])
    assert report.applied == 2


def test_an_object_format_of_its_own(tmp_path):
    """A repository of SHA-256 is read, and what is not committed there is found."""
    trap = make_trap(tmp_path)
    shutil.rmtree(trap.git_dir)
    trap.git("init", "-q", "--object-format=sha256")
    trap.git("add", ".")
    trap.git("commit", "-qm", "one")
    with a_log(tmp_path / "log") as log:
        report = bring_in(trap.docs, log)
        trap.change()
        again = bring_in(trap.docs, log)

    assert (report.applied, report.not_placed) == (1, [])
    assert "not committed" in again.not_placed[0].what


def test_packed_and_linked(trap):
    """A repository whose objects and references are packed, and a work tree and a submodule of it, are read the same."""
    trap.git("gc", "-q")
    trap.git("pack-refs", "--all")
    trap.git("worktree", "add", "-q", "--detach", str(trap.above / "linked"))
    outer = make_trap(trap.above / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(trap.top), "inner")
    reports = []
    for folder in (trap.docs, trap.above / "linked" / "docs", outer.top / "inner" / "docs"):
        with a_log(trap.above / folder.parent.name / "log") as log:
            reports.append(bring_in(folder, log))

    assert [(report.applied, report.not_placed) for report in reports] == [(1, [])] * 3


def test_line_ends_of_another_system(trap):
    """A work tree with other line ends than git keeps has no changes for that."""
    (trap.docs / "0001-one.md").write_bytes((trap.docs / "0001-one.md").read_bytes().replace(b"\n", b"\r\n"))
    with a_log(trap.above / "log") as log:
        assert bring_in(trap.docs, log).not_placed == []


def test_links_and_submodules_in_the_history(trap):
    """A link that was committed is no version of a record, in the history or today."""
    (trap.docs / "0002-two.md").symlink_to("/proc/self/environ")
    trap.git("add", ".")
    trap.git("commit", "-qm", "two")
    with a_log(trap.above / "log") as log:
        report = bring_in(trap.docs, log)

    assert report.applied == 1
    assert [remark.line for remark in report.not_placed] == ["0002-two"]
    assert "is a symbolic link" in report.not_placed[0].what


def test_a_git_that_does_not_answer(trap, monkeypatch):
    """A call of git ends at its deadline, and with it whatever it has started."""
    slow = trap.above / "slow" / "git"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {trap.above / 'pid'}\nsleep 60\n", encoding="utf-8")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("interchange.adr.git_objects.TIMEOUT_S", 0.5)
    with a_log(trap.above / "log") as log, pytest.raises(HistoryError, match="did not answer"):
        bring_in(trap.docs, log)

    with suppress(ProcessLookupError):
        os.kill(int((trap.above / "pid").read_text()), 0)
        assert state_of(int((trap.above / "pid").read_text())) == "Z"


def state_of(pid):
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    return "Z"


def test_a_git_that_says_too_much(trap, monkeypatch):
    """What git writes is bounded."""
    loud = trap.above / "loud" / "git"
    loud.parent.mkdir()
    loud.write_text("#!/bin/sh\nexec cat /dev/zero\n", encoding="utf-8")
    loud.chmod(0o755)
    monkeypatch.setenv("PATH", f"{loud.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("interchange.adr.git_objects.MAX_OUTPUT_BYTES", 1_000_000)
    with a_log(trap.above / "log") as log, pytest.raises(HistoryError, match="says more than"):
        bring_in(trap.docs, log)


def test_a_commit_without_a_time(trap):
    """A commit whose time cannot be read comes in, and the report tells."""
    commit = trap.git("cat-file", "commit", "HEAD").stdout
    broken = re.sub(rb"(committer .*> ).*", rb"\g<1>1700000000 +51800", commit)
    id_ = trap.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", input=broken).stdout.decode().strip()
    trap.git("update-ref", "refs/heads/main", id_)
    with a_log(trap.above / "log") as log:
        report = bring_in(trap.docs, log)

    assert report.applied == 1
    assert [(remark.line, remark.what) for remark in report.noticed][:1] == [(id_, TIMELESS)]
