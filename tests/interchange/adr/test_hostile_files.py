"""An import reads regular files up to a size limit, and no link, pipe, socket or device in a folder."""

import asyncio
import json
import os
import socket
from pathlib import Path

import pytest

from interchange.command_file import import_commands
from interchange.files import FileTooLongError, NotRegularError, open_regular, read_regular
from interchange.jsonl import MAX_LINE_BYTES, read_lines
from interchange.sink import LogSink
from interchange.tracker import MappingError, import_changes, load_mapping
from tests.interchange.adr.support import a_log, bring_in, put, rehearse
from tests.interchange.adr.traps import make_trap
from tests.interchange.tracker.support import IMPORTER, example

SECRET = "dlog_this-must-not-be-read"
ONE = "# 1. One\n\nDate: 2024-01-01\n\n## Status\n\nAccepted\n"


def to_environment(path):
    path.symlink_to("/proc/self/environ")


def to_a_file(path):
    secret = path.parent.parent / "id_ed25519"
    secret.write_text(f"# {SECRET}\n", encoding="utf-8")
    path.symlink_to(secret)


def to_a_neighbor(path):
    path.symlink_to("0001-one.md")


def to_a_link(path):
    to_a_file(path.parent.parent / "between")
    path.symlink_to("../between")


def to_nowhere(path):
    path.symlink_to("nowhere")


def to_zeros(path):
    path.symlink_to("/dev/zero")


def pipe(path):
    os.mkfifo(path)


def to_a_pipe(path):
    os.mkfifo(path.parent.parent / "pipe")
    path.symlink_to(path.parent.parent / "pipe")


def bound_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        before = Path.cwd()
        os.chdir(path.parent)  # the path of a socket must be short
        listener.bind(path.name)
        os.chdir(before)


def device(path):
    try:
        os.mknod(path, 0o20666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("a device cannot be made here")


def folder(path):
    path.mkdir()


def endless(path):
    with path.open("wb") as file:
        file.truncate(10**12)


KINDS = {
    to_environment: "a symbolic link",
    to_a_file: "a symbolic link",
    to_a_neighbor: "a symbolic link",
    to_a_link: "a symbolic link",
    to_nowhere: "a symbolic link",
    to_zeros: "a symbolic link",
    to_a_pipe: "a symbolic link",
    pipe: "a pipe",
    bound_socket: "a socket",
    device: "a device",
    folder: "a folder",
    endless: "is longer than",
}
MADE = pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)


@pytest.fixture
def records(tmp_path):
    return put(tmp_path / "adr", r0001_one=ONE)


def all_bytes(above):
    return b"".join(path.read_bytes() for path in above.glob("log*/**/*") if path.is_file())


@MADE
@pytest.mark.parametrize("history", ["none", "lines", "git"])
def test_irregular_files_are_skipped(tmp_path, monkeypatch, make, history):
    """An irregular file with the name of a record is skipped and never read."""
    monkeypatch.setenv("DECISIONLOG_TOKEN", SECRET)
    records = make_trap(tmp_path).docs if history == "git" else put(tmp_path / "adr", r0001_one=ONE)
    if history == "lines":
        line = {"record": "0001-one", "kind": "proposed", "at": "2024-01-01", "to": {"title": "One"}}
        (records / "history.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    make(records / "0002-two.md")
    with a_log(tmp_path / "log") as log:
        dry, report = rehearse(records, log), bring_in(records, log)

    assert dry.imported == report.imported >= 1
    (remark,) = report.skipped
    assert remark.line == "0002-two.md"
    assert KINDS[make] in remark.message or "uncommitted" in remark.message
    assert SECRET.encode() not in all_bytes(tmp_path)


@MADE
def test_an_irregular_history_file_is_skipped(tmp_path, monkeypatch, records, make):
    """If `history.jsonl` is irregular, the records are imported without it."""
    monkeypatch.setenv("DECISIONLOG_TOKEN", SECRET)
    make(records / "history.jsonl")
    if make is endless:
        os.truncate(records / "history.jsonl", MAX_LINE_BYTES * 3)
    with a_log(tmp_path / "log") as log:
        report = bring_in(records, log)

    assert report.imported == 1
    assert KINDS[make] in report.skipped[0].message
    assert SECRET.encode() not in all_bytes(tmp_path)


def test_subfolders_are_ignored(tmp_path, records):
    """Subfolders are ignored, whether they are links or not."""
    put(tmp_path / "private", r0009_secret=f"# {SECRET}\n")
    (records / "more").symlink_to(tmp_path / "private")
    (records / "0003-more.md").symlink_to(tmp_path / "private")
    with a_log(tmp_path / "log") as log:
        report = bring_in(records, log)

    assert report.imported == 1
    assert SECRET.encode() not in all_bytes(tmp_path)


def test_the_user_may_name_a_link(tmp_path, records):
    """A folder or file that the user names may be a symbolic link."""
    (tmp_path / "link").symlink_to(records)
    (tmp_path / "commands").write_text('{"type": "RegisterTeam", "key": "t", "title": "T"}\n', encoding="utf-8")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "commands")
    with a_log(tmp_path / "log") as log:
        assert bring_in(tmp_path / "link", log).imported == 1
        assert asyncio.run(import_commands(tmp_path / "link.jsonl", LogSink(log), IMPORTER)).imported == 1


@pytest.mark.parametrize("make", [pipe, bound_socket, to_zeros, to_a_pipe, folder], ids=lambda make: make.__name__)
def test_the_file_to_import_must_be_regular(tmp_path, make):
    """An irregular file that the user names is refused without waiting for it."""
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "file"
    make(path)
    with a_log(tmp_path / "log") as log:
        with pytest.raises(NotRegularError):
            asyncio.run(import_commands(path, LogSink(log), IMPORTER))
        with pytest.raises(NotRegularError):
            asyncio.run(import_changes(path, example(), LogSink(log), IMPORTER, new_key=str))
    with pytest.raises(NotRegularError):
        load_mapping(path)


def test_a_long_line_is_skipped(tmp_path):
    """A line above the limit is reported, and the others are read."""
    path = tmp_path / "lines.jsonl"
    path.write_bytes(
        b'{"a": 1}\n' + b" " * (3 * MAX_LINE_BYTES) + b'{"a": 2}\n{"a": 3}\n' + b"x" * (MAX_LINE_BYTES + 1)
    )

    lines = list(read_lines(path))

    assert [(line.number, line.data) for line in lines] == [(1, {"a": 1}), (2, None), (3, {"a": 3}), (4, None)]
    assert "is longer than" in lines[1].error


def test_a_file_that_is_replaced(tmp_path, monkeypatch):
    """A file that becomes a link between the check and the opening is not followed."""
    path = tmp_path / "file"
    path.write_text("plain", encoding="utf-8")
    to_a_file(tmp_path / "in")
    before = os.stat

    def look(*words, **options):
        found = before(*words, **options)
        path.unlink()
        path.symlink_to(tmp_path / "in")
        return found

    monkeypatch.setattr(os, "stat", look)
    with pytest.raises(NotRegularError):
        open_regular(path)


def test_the_size_limit(tmp_path):
    """A file of exactly the limit is read, and one byte more is refused."""
    path = tmp_path / "file"
    path.write_bytes(b"12345")

    assert read_regular(path, 5) == b"12345"
    with pytest.raises(FileTooLongError, match="longer than 4 bytes"):
        read_regular(path, 4)


@pytest.mark.parametrize("content", [b"\xff", b"system = " + b"[" * 100_000, b"#" * (1024 * 1024 + 1)])
def test_an_unreadable_mapping(tmp_path, content):
    """A mapping that cannot be read is refused with an error."""
    path = tmp_path / "mapping.toml"
    path.write_bytes(content)

    with pytest.raises((MappingError, FileTooLongError)):
        load_mapping(path)


def test_the_total_size_limit(tmp_path, monkeypatch, records):
    """The records of a folder have a size limit together."""
    from interchange.adr import HistoryError

    for module in ("current_files", "git_history"):
        monkeypatch.setattr(f"interchange.adr.{module}.MAX_TOTAL_BYTES", 10)
    trap = make_trap(tmp_path / "git")
    for folder in (records, trap.docs):
        with a_log(folder.parent / "log") as log, pytest.raises(HistoryError, match="more than 10 bytes together"):
            bring_in(folder, log)
