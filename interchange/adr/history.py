"""What became of the records of a folder, version by version: from git, from `history.jsonl`, or as they are today."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from domain.values import parse_timestamp
from interchange.adr.document import HEADER, LARGEST, Document, Told, read
from interchange.adr.git_objects import (
    FOLDER_MODE,
    SHA1_LENGTH,
    GitObjects,
    TreeEntry,
    open_git_objects,
    remote_address,
)
from interchange.adr.repository import GitRepository, HistoryError, find_repository, require_inside
from interchange.tracker.import_report import Remark
from interchange.tracker.jsonl import FileLine, read_lines
from interchange.tracker.mapping import cell_part
from interchange.tracker.regular_files import FileTooLongError, NotRegularError, open_regular, read_regular
from interchange.tracker.value_parsers import as_text

HISTORY: Final = "history.jsonl"
NO_RECORD: Final = "is no record: its name begins with no number"
UNCOMMITTED: Final = "has changes that are not committed, and so have no date"
MAX_TOTAL_BYTES: Final = 256 * 1024 * 1024
"""Of all versions of all records together, as they are held in memory."""
_RECORD: Final = re.compile(r"[0-9][^/\n]*\.md")
_PEOPLE: Final = frozenset({"deciders", "consulted", "informed"})


@dataclass(frozen=True, slots=True)
class Version:
    """What a record was from an instant on, or what history says of it.

    `name` is that of its file without the ending, `before` the name it had until then, if that was another. Of a `whole`
    version, what it does not tell is not there. `key` is the same in every import; a file of today has none, as nobody
    can say how often it was what it is. An instant of None is not known.
    """

    name: str
    key: str | None
    told: Told = field(default_factory=dict)
    whole: bool = False
    before: str | None = None
    removed: bool = False
    begins: bool = False
    at: datetime | None = None
    written_at: datetime | None = None
    who: str | None = None
    reference: str | None = None
    references: tuple[tuple[str, str], ...] = ()
    document: Document | None = None

    @property
    def label(self) -> str:
        """What it is called in a report."""
        return f"{self.name} ({self.reference})" if self.reference else self.name


@dataclass(slots=True)
class History:
    """Every version of the records of a folder, in order, what could not be read as one, and what was noticed besides."""

    versions: list[Version] = field(default_factory=list)
    not_placed: list[Remark] = field(default_factory=list)
    noticed: list[Remark] = field(default_factory=list)


def history_of(folder: Path) -> History:
    """The history of a folder: of `history.jsonl` if it has one, else of git where git knows its records.

    Raises:
        HistoryError: git cannot tell it.
        OSError: a file cannot be read.
    """
    require_inside(folder)
    history = History()
    if _has_lines(folder, history):
        _from_lines(folder, history)
        return history
    with _open_tracked(folder) as tracked:
        if tracked is not None:
            _from_git(folder, tracked, history)
            return history
    history.versions += [_undated(version) for version in _files(folder, history)]
    return history


def default_system(folder: Path) -> str:
    """What to call the records of a folder: the repository they are in, by its address or its folder, else the folder.

    Raises:
        HistoryError: the repository cannot be read.
    """
    repository = find_repository(folder)
    if repository is None:
        return cell_part(folder.resolve().name)
    address = remote_address(repository).decode(errors="replace").strip()
    name = re.split(r"[/:]", address.removesuffix("/").removesuffix(".git"))[-1]
    return cell_part(name or repository.top.name)


# The files of today ------------------------------------------------------------------------------------------------


def _files(folder: Path, history: History) -> Iterator[Version]:
    """The regular files of a folder that are records. What else is called like one is told, and not opened."""
    total = 0
    with _folder_descriptor(folder) as descriptor:
        for name in _markdown_names(descriptor):
            if not _RECORD.fullmatch(name):
                history.not_placed.append(Remark(_readable(name), NO_RECORD))
                continue
            try:
                content = read_regular(name, LARGEST, dir_fd=descriptor)
            except OSError as error:
                history.not_placed.append(Remark(_readable(name), str(error.strerror)))
                continue
            total += len(content)
            if total > MAX_TOTAL_BYTES:
                msg = f"The records hold more than {MAX_TOTAL_BYTES} bytes together. Import fewer of them at a time."
                raise HistoryError(msg)
            yield _version(_name(name), content, history)


@contextmanager
def _folder_descriptor(folder: Path) -> Iterator[int]:
    """Open a folder, so that what is read in it stays in it, whatever becomes of its path meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _markdown_names(descriptor: int) -> list[str]:
    return sorted(name for name in os.listdir(descriptor) if name.endswith(".md"))


def _has_lines(folder: Path, history: History) -> bool:
    """Whether the folder has a history of its own in a regular file; anything else of that name is told."""
    try:
        open_regular(folder / HISTORY).close()
    except FileNotFoundError:
        return False
    except NotRegularError as error:
        history.not_placed.append(Remark(HISTORY, str(error.strerror)))
        return False
    return True


def _version(name: str, content: bytes, history: History, **more: Any) -> Version:
    text = content.decode(errors="replace")
    if "\N{REPLACEMENT CHARACTER}" in text and "\N{REPLACEMENT CHARACTER}".encode() not in content:
        history.not_placed.append(
            Remark(name, "is not UTF-8: what could not be read stands as \N{REPLACEMENT CHARACTER}")
        )
    document = read(text)
    return Version(name, told=document.told, whole=True, document=document, **({"key": None} | more))


def _undated(version: Version) -> Version:
    """A file without a history took effect on the day it gives itself."""
    told = version.told.get("date", "")
    try:
        return replace(version, at=parse_timestamp(told))
    except ValueError:
        return version


# history.jsonl -----------------------------------------------------------------------------------------------------

_COLUMNS: Final = frozenset({"seq", "at", "who", "record", "kind", "field", "from", "to", "commit", "authored_at"})


def _from_lines(folder: Path, history: History) -> None:
    """The lines of the file, and after each record's last line what its file holds: who wrote that, no line says."""
    last: dict[str, datetime | None] = {}
    for line in read_lines(folder / HISTORY, follow=False):
        try:
            version = _of_line(line)
        except ValueError as error:
            history.not_placed.append(Remark(line.number, str(error)))
            continue
        if version.before is not None:
            last.pop(version.before, None)
        last[version.name] = version.at
        history.versions.append(version)
    for version in _files(folder, history):
        known = version.name in last
        history.versions.append(replace(version, at=last[version.name]) if known else _undated(version))


def _of_line(line: FileLine) -> Version:
    """What a line says of a record.

    Raises:
        ValueError: it says nothing of one.
    """
    if line.told is None:
        raise ValueError(line.error)
    told = line.told
    if not isinstance(told.get("record"), str) or not told["record"]:
        msg = "there is no record in the column 'record'"
        raise ValueError(msg)
    kind, before = told.get("kind"), told.get("from")
    renamed = kind in ("renamed", "renumbered")
    fields = {} if renamed or kind == "removed" else _fields(told)
    return Version(
        told["record"], line.fingerprint, told=dict(_told(fields)), removed=kind == "removed", begins=kind == "proposed",
        before=before if renamed and isinstance(before, str) and before != told["record"] else None,
        at=parse_timestamp(told.get("at")), written_at=parse_timestamp(told["authored_at"]) if told.get("authored_at") else None,
        who=as_text(told.get("who") or "") or None,
        reference=f"commit:{told['commit']}" if told.get("commit") else None,
        references=tuple((name, as_text(told[name])) for name in sorted(told.keys() - _COLUMNS) if told[name]),
    )  # fmt: skip


def _fields(line: dict[str, Any]) -> dict[str, Any]:
    to = line.get("to")
    if isinstance(to, dict):
        return to
    # A line of this kind repeats what the change of the status says.
    return {} if line.get("kind") == "superseded" else {as_text(line.get("field") or "field"): to}


def _told(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in fields.items():
        name = "title" if key == "title" else HEADER.get(key, f"x.{cell_part(key)}")
        text = "" if value is None else as_text(value)
        # `{ann, bob}`, the braces of a template, are a mapping without values to whoever wrote this file.
        yield name, re.sub(r":None(?=,|$)", "", text) if name in _PEOPLE else text


# git ---------------------------------------------------------------------------------------------------------------

_FORMAT: Final = "%H%x00%P%x00%cI%x00%aN%x00%aI"
_HEADER_FIELDS: Final = 5
_SYMBOLIC_LINK: Final = "120000"
_SUBMODULE: Final = "160000"
_DELETED: Final = "D"


class _Change(NamedTuple):
    """What a commit did to a path: the sort of change, the path before, the path, and the mode and object it has since."""

    kind: str
    before: str
    path: str
    mode: str
    blob: str


@dataclass(frozen=True, slots=True)
class _Commit:
    """A commit on the main line, and what it did to the records."""

    id: str
    parents: tuple[str, ...]
    at: str
    who: str
    written_at: str
    changes: tuple[_Change, ...]


@dataclass(frozen=True, slots=True)
class _Tracked:
    """A folder that a commit knows: `prefix` is its path in the work tree, with a slash behind it unless it is the top."""

    git: GitObjects
    head: str
    prefix: str
    names: list[TreeEntry]


@contextmanager
def _open_tracked(folder: Path) -> Iterator[_Tracked | None]:
    """Open the history of a folder; None where it is in no repository, or the last commit has nothing in it."""
    repository = find_repository(folder)
    head = repository.head() if repository is not None else None
    if repository is None or head is None:
        yield None
        return
    with open_git_objects(repository) as git:
        path = folder.resolve().relative_to(repository.top.resolve()).as_posix()
        inside = "" if path == "." else path
        names = git.folder(head, os.fsencode(inside))
        yield _Tracked(git, head, f"{inside}/" if inside else "", names) if names else None


def _from_git(folder: Path, tracked: _Tracked, history: History) -> None:
    """The commits of the main line, in the order in which they landed. A merge is one change, by who wrote what it merges."""
    commits = list(_commits(tracked))
    contents = _contents(tracked.git, commits)
    for commit in commits:
        for change in commit.changes:
            if change.kind == _DELETED or change.blob in contents:
                content = contents.get(change.blob, b"")
                history.versions.append(_of_commit(tracked, commit, change, content, history))
            else:
                history.not_placed.append(Remark(_name(change.path), f"{_why_not(change)} in commit {commit.id}"))
    for entry in tracked.names:
        name = _readable(os.fsdecode(entry.name))
        if name.endswith(".md") and not _RECORD.fullmatch(name):
            history.not_placed.append(Remark(name, NO_RECORD))
    _notice_uncommitted(folder, tracked, history)
    _notice_owner(tracked.git.repository, history)


def _why_not(change: _Change) -> str:
    kinds = {_SYMBOLIC_LINK: "is a symbolic link, which is not followed,", _SUBMODULE: "is a submodule"}
    return kinds.get(change.mode, f"is longer than {LARGEST} bytes")


def _commits(tracked: _Tracked) -> Iterator[_Commit]:
    """The commits that changed records, oldest first, also those in folders that the records came from."""
    paths = [tracked.prefix]
    while True:
        found = list(_log(tracked, paths))
        moved = _came_from(tracked.git, found, paths)
        if not moved:
            yield from found
            return
        paths += moved


def _log(tracked: _Tracked, paths: list[str]) -> Iterator[_Commit]:
    output = tracked.git.run(
        "log", "--first-parent", "--diff-merges=first-parent", "--reverse", "--find-renames", "--no-ext-diff",
        "--no-textconv", "--raw", "--no-abbrev", "-z", f"--format={_FORMAT}", tracked.head, "--",
        *(() if "" in paths else map(os.fsencode, paths)), settings=(f"mailmap.blob={tracked.head}:.mailmap",),
    )  # fmt: skip
    words = [os.fsdecode(word) for word in output.split(b"\x00")]
    at = 0
    while at + _HEADER_FIELDS <= len(words):
        id_, parents, landed_at, who, written_at = words[at : at + _HEADER_FIELDS]
        made, at = _changes(words, at + _HEADER_FIELDS)
        changes = tuple(_of_interest(made, paths, tracked.prefix))
        if changes:
            yield _Commit(id_, tuple(parents.split()), landed_at, who, written_at, changes)


def _changes(words: list[str], at: int) -> tuple[list[_Change], int]:
    """The changes from a word on, and where the word behind them is. Paths hold any character but NUL, which ends a word."""
    found = []
    while at < len(words) and (described := words[at].removeprefix("\n")).startswith(":"):
        _, mode, _, blob, kind = described.split(" ")
        moved = kind[0] in "RC"
        before, path = words[at + 1], words[at + 2 if moved else at + 1]
        found.append(_Change(kind[0], before, path, mode, blob))
        at += 3 if moved else 2
    return found, at


def _of_interest(changes: list[_Change], paths: list[str], prefix: str) -> Iterator[_Change]:
    """What was done to records here, or where they came from. A copy is a new record; one that moved away is gone."""
    for change in changes:
        here, was_here = (_is_record(one, paths, prefix) for one in (change.path, change.before))
        if here:
            yield change._replace(kind="A") if change.kind == "C" or not was_here else change
        elif was_here and change.kind == "R":
            yield change._replace(kind=_DELETED, path=change.before)


def _is_record(path: str, paths: list[str], prefix: str) -> bool:
    folder, _, name = path.rpartition("/")
    inside = (f"{folder}/" if folder else "") == prefix
    return _RECORD.fullmatch(name) is not None and (inside or path in paths)


def _came_from(git: GitObjects, commits: list[_Commit], paths: list[str]) -> list[str]:
    """The paths outside at which records began that were then moved here."""
    found = []
    for commit in commits:
        added = {change.path for change in commit.changes if change.kind == "A"}
        if not added or not commit.parents:
            continue
        output = git.run("diff-tree", "-r", "-M", "--raw", "--no-abbrev", "-z", commit.parents[0], commit.id)
        moves, _ = _changes([os.fsdecode(word) for word in output.split(b"\x00")], 0)
        found += [one.before for one in moves if one.kind == "R" and one.path in added and one.before not in paths]
    return list(dict.fromkeys(found))


def _contents(git: GitObjects, commits: list[_Commit]) -> dict[str, bytes]:
    """The files as they were in some commits, by their objects; what is too long or no file is left out.

    Raises:
        HistoryError: there is too much of it, or something is missing.
    """
    wanted = {
        change.blob: None
        for commit in commits
        for change in commit.changes
        if change.kind != _DELETED and change.mode not in (_SYMBOLIC_LINK, _SUBMODULE)
    }
    fit = {id_: size for id_, size in git.sizes(list(wanted)).items() if size <= LARGEST}
    if sum(fit.values()) > MAX_TOTAL_BYTES:
        msg = f"The versions of the records hold more than {MAX_TOTAL_BYTES} bytes together. Import fewer records at a time."
        raise HistoryError(msg)
    return dict(git.contents(fit))


def _of_commit(tracked: _Tracked, commit: _Commit, change: _Change, content: bytes, history: History) -> Version:
    path = change.path
    author, written_at = _author(tracked, commit, path)
    shared: dict[str, Any] = {
        "key": f"{commit.id}:{sha256(path.encode(errors='surrogateescape')).hexdigest()[:20]}", "at": _instant(commit.at, commit, history), "written_at": _instant(written_at, commit, history),
        "who": author or None, "reference": f"commit:{commit.id}", "references": (("path", _readable(path)),),
    }  # fmt: skip
    if change.kind == _DELETED:
        return Version(_name(path), removed=True, **shared)
    renamed = _name(change.before) if change.kind == "R" and _name(change.before) != _name(path) else None
    return _version(_name(path), content, history, begins=change.kind == "A", before=renamed, **shared)


def _instant(told: str, commit: _Commit, history: History) -> datetime | None:
    """When a commit was made, or None where it has no time that there is."""
    try:
        return parse_timestamp(told)
    except ValueError:
        history.noticed.append(Remark(commit.id, "has a time that cannot be read, and counts from now"))
        return None


def _author(tracked: _Tracked, commit: _Commit, path: str) -> tuple[str, str]:
    """Who wrote a change, and when: of a merge the last commit in what it merges that touched the file."""
    if len(commit.parents) > 1:
        output = tracked.git.run(
            "log", "-1", "--no-merges", "--format=%aN%x00%aI", f"{commit.parents[0]}..{commit.id}", "--",
            os.fsencode(path), settings=(f"mailmap.blob={tracked.head}:.mailmap",),
        ).decode(errors="replace").strip()  # fmt: skip
        if output:
            who, _, written_at = output.partition("\x00")
            return who, written_at
    return commit.who, commit.written_at


def _notice_uncommitted(folder: Path, tracked: _Tracked, history: History) -> None:
    """Tells which files differ from the last commit: by their hash, as git itself would run the repository's filters."""
    committed = {
        os.fsdecode(entry.name): entry.id
        for entry in tracked.names
        if entry.mode not in (_SYMBOLIC_LINK, _SUBMODULE, FOLDER_MODE)
    }
    others = {os.fsdecode(entry.name) for entry in tracked.names if os.fsdecode(entry.name) not in committed}
    found = set()
    with _folder_descriptor(folder) as descriptor:
        for name in _markdown_names(descriptor):
            if not _RECORD.fullmatch(name):
                continue
            found.add(name)
            if name not in others and (what := _difference(name, descriptor, committed.get(name))):
                history.not_placed.append(Remark(_readable(name), what))
    gone = sorted(name for name in committed.keys() - found if _RECORD.fullmatch(name))
    history.not_placed += [Remark(_readable(name), UNCOMMITTED) for name in gone]


def _difference(name: str, descriptor: int, blob: str | None) -> str | None:
    """What is to be said of a file of today, where it is other than what was committed."""
    try:
        content = read_regular(name, LARGEST, dir_fd=descriptor)
    except FileTooLongError:
        return UNCOMMITTED if blob is None else None  # git told already how long it is
    except OSError as error:
        return str(error.strerror)
    return None if blob is not None and _is_content(blob, content) else UNCOMMITTED


def _is_content(blob: str, content: bytes) -> bool:
    """Whether a blob holds this content, in the form in which git keeps it on any system: with line feeds alone."""
    algorithm = sha1 if len(blob) == SHA1_LENGTH else sha256
    forms = (content, content.replace(b"\r\n", b"\n"))
    return any(algorithm(b"blob %d\x00" % len(form) + form).hexdigest() == blob for form in forms)


def _notice_owner(repository: GitRepository, history: History) -> None:
    owner = repository.owner()
    if owner != os.geteuid():
        what = (
            "The git repository belongs to another user: its history was read, and nothing that it configures was run."
        )
        history.noticed.append(Remark(None, what))


def _name(path: str) -> str:
    return _readable(path).rpartition("/")[2].removesuffix(".md")


def _readable(path: str) -> str:
    """A path as text, also where it is no UTF-8."""
    return path.encode(errors="surrogateescape").decode(errors="replace")
