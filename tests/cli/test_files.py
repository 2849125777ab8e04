"""Files are written whole, for their owner alone, and never through a link or over another file."""

from __future__ import annotations

import os
import stat

import pytest

from cli.errors import CommandFailed
from cli.files import create_private_folder, loose_modes, open_new_file, rename_into_place, tighten_modes
from tests.faults.logs import write_log
from tests.support_serving import run


@pytest.fixture
def loose_umask():
    """A umask that takes nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def write(path, content=b"mine", **options):
    with open_new_file(path, **options) as stream:
        stream.write(content)


def test_a_new_file_is_its_owners_alone(tmp_path, loose_umask):
    """Whatever the umask is, the mode is 0600; nothing else is left in the folder."""
    write(tmp_path / "out")

    assert (mode(tmp_path / "out"), (tmp_path / "out").read_bytes()) == (0o600, b"mine")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_while_it_is_written_it_is_not_there(tmp_path, loose_umask):
    """Before the end only a file with a name that cannot be guessed is there, for its owner alone."""
    with open_new_file(tmp_path / "out") as stream:
        stream.write(b"half")
        (partial,) = tmp_path.iterdir()
        assert partial.name != "out.partial"
        assert mode(partial) == 0o600


def test_a_failure_leaves_nothing(tmp_path):
    """What was there stays as it was."""
    (tmp_path / "out").write_bytes(b"before")

    def fail():
        with open_new_file(tmp_path / "out", overwrite=True) as stream:
            stream.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("out", b"before")]


@pytest.mark.parametrize("overwrite", [False, True])
def test_no_link_is_followed(tmp_path, overwrite):
    """Neither one at the target, whether it leads somewhere or nowhere, nor one where the temporary file was once."""
    (tmp_path / "victim").write_bytes(b"theirs")
    (tmp_path / "out").symlink_to("victim")
    (tmp_path / "lost").symlink_to("nowhere")
    (tmp_path / "new.partial").symlink_to("victim")

    for name in ("out", "lost"):
        with pytest.raises(CommandFailed, match="symbolic link"):
            write(tmp_path / name, overwrite=overwrite)
    write(tmp_path / "new", overwrite=overwrite)

    assert (tmp_path / "victim").read_bytes() == b"theirs"
    assert not (tmp_path / "nowhere").exists()


def test_nothing_is_replaced_unasked(tmp_path):
    """A file that exists is replaced with `overwrite` alone, and then has mode 0600; a folder or a pipe never is."""
    (tmp_path / "out").write_bytes(b"before")
    (tmp_path / "out").chmod(0o666)
    with pytest.raises(CommandFailed, match="--overwrite"):
        write(tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"before"
    write(tmp_path / "out", overwrite=True)
    assert ((tmp_path / "out").read_bytes(), mode(tmp_path / "out")) == (b"mine", 0o600)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CommandFailed, match="not a regular file"):
        write(tmp_path / "pipe", overwrite=True)


def test_who_comes_meanwhile_is_not_replaced(tmp_path):
    """A file that gets the name while ours is written keeps it."""

    def write_late():
        with open_new_file(tmp_path / "out") as stream:
            stream.write(b"mine")
            (tmp_path / "out").write_bytes(b"theirs")

    with pytest.raises(CommandFailed, match="already exists"):
        write_late()
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("out", b"theirs")]


def test_a_file_system_without_links(tmp_path, monkeypatch):
    """Where the file system knows no links, such as FAT, a file gets its name all the same."""

    def refuse(*_args, **_options):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write(tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"mine"


def test_a_private_folder(tmp_path, loose_umask):
    """A library that opens files by name does so where no other user can create one."""
    with create_private_folder(tmp_path / "out") as folder:
        assert mode(folder) == 0o700
        (folder / "copy").write_bytes(b"x")
        rename_into_place(folder / "copy", tmp_path / "out")
        (folder / "rest").write_bytes(b"y")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.fixture
def data(tmp_path):
    """The folder of a log, with modes of long ago."""
    folder = tmp_path / "data"
    folder.mkdir()
    write_log(folder / "log.sqlite3", 3, 1)
    for path in (folder / "log.sqlite3", folder):
        path.chmod(0o755 if path == folder else 0o644)
    return folder


@pytest.mark.parametrize(
    "words", [("export", "--output", "OUT"), ("verify", "--write-checkpoint", "OUT"), ("backup", "OUT")]
)
def test_commands_write_safely(data, tmp_path, words):
    """Each leaves alone what lies at its target or at the name of a temporary file, and its own file has mode 0600."""
    out, victim = tmp_path / "out", tmp_path / "victim"
    victim.write_bytes(b"theirs")
    (tmp_path / "out.partial").symlink_to(victim)
    command = [str(out) if word == "OUT" else word for word in words]

    assert run(data, *command).returncode == 0
    assert mode(out) == 0o600
    out.write_bytes(b"something else")
    again = run(data, *command)
    assert (again.returncode, out.read_bytes()) == (1, b"something else"), again.stderr
    out.unlink()
    out.symlink_to(victim)
    linked = run(data, *command)
    assert (linked.returncode, victim.read_bytes()) == (1, b"theirs"), linked.stderr


def test_a_checkpoint_is_replaced_by_a_later_one_of_its_log(data, tmp_path):
    """The same command makes the next checkpoint; one of another log, or that the log does not fit, stays."""
    checkpoint = tmp_path / "checkpoint"
    words = ("verify", "--write-checkpoint", str(checkpoint))
    run(data, *words)

    again = run(data, *words)
    assert (again.returncode, "replacing a consistent checkpoint" in again.stdout) == (0, True)
    log, size, root = checkpoint.read_text().splitlines()
    for kept, code in ((f"log:other\n{size}\n{root}\n", 1), (f"{log}\n{int(size) + 1}\n{root}\n", 4)):
        checkpoint.write_text(kept)
        done = run(data, *words)
        assert (done.returncode, checkpoint.read_text()) == (code, kept), done.stderr


def test_loose_modes_are_reported_and_taken_away(data):
    """`doctor` names what others may get at; the next command that writes leaves it to the owner alone."""
    looked = run(data, "doctor")
    assert "mode 755" in looked.stdout
    assert f"{data / 'log.sqlite3'} (mode 644)" in looked.stdout

    assert run(data, "person", "add", "Cleo").returncode == 0

    assert loose_modes(data) == []
    assert (mode(data), mode(data / "log.sqlite3")) == (0o700, 0o600)
    assert "Other users can access" not in run(data, "doctor").stdout


def test_a_folder_of_more_than_a_log(data):
    """It keeps its mode, as others may need the rest; but the log is not written where any user may replace it."""
    (data / "notes.txt").write_text("x")
    tighten_modes(data)
    assert (mode(data), mode(data / "log.sqlite3"), mode(data / "notes.txt")) == (0o755, 0o600, 0o644)
    data.chmod(0o777)
    with pytest.raises(CommandFailed, match="chmod o-w"):
        tighten_modes(data)
