"""Read the history of records from git: the commits of the main branch, oldest first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from domain.values import parse_timestamp
from interchange.adr.current_files import (
    MAX_DEPTH,
    decode_path,
    describe_other_file,
    is_markdown,
    is_other_format,
    is_record_name,
    markdown_files,
    open_folder,
    read_version,
    record_name,
)
from interchange.adr.document import MAX_RECORD_BYTES
from interchange.adr.git_objects import (
    FOLDER_MODE,
    SHA1_LENGTH,
    GitObjects,
    TreeEntry,
    open_git_objects,
)
from interchange.adr.git_repository import GitRepository, HistoryError, find_repository
from interchange.adr.record_versions import MAX_TOTAL_BYTES, RecordHistory, RecordVersion
from interchange.files import FileTooLongError, read_regular
from interchange.import_report import Remark

UNCOMMITTED: Final = "has uncommitted changes, which have no date"
_FORMAT: Final = "%H%x00%P%x00%cI%x00%aN%x00%aI"
_HEADER_FIELDS: Final = 5
_SYMBOLIC_LINK: Final = "120000"
_SUBMODULE: Final = "160000"
_DELETED: Final = "D"


class _FileChange(NamedTuple):
    """A change of a file in a commit: its kind, the paths before and after, and the mode and object after."""

    kind: str
    before: str
    path: str
    mode: str
    blob: str


@dataclass(frozen=True, slots=True)
class _Commit:
    """A commit of the main branch, and its changes of records."""

    id: str
    parents: tuple[str, ...]
    at: str
    who: str
    written_at: str
    changes: tuple[_FileChange, ...]


@dataclass(frozen=True, slots=True)
class TrackedFolder:
    """A folder in a commit. `prefix` is its path in the work tree with a slash at the end, or empty for the root."""

    git: GitObjects
    head: str
    prefix: str
    names: list[TreeEntry]


@contextmanager
def open_tracked_folder(folder: Path) -> Iterator[TrackedFolder | None]:
    """Open the history of a folder; None if it is in no repository, or has no files in the last commit."""
    repository = find_repository(folder)
    head = repository.head() if repository is not None else None
    if repository is None or head is None:
        yield None
        return
    with open_git_objects(repository) as git:
        path = folder.resolve().relative_to(repository.top.resolve()).as_posix()
        inside = "" if path == "." else path
        names = git.files_below(head, os.fsencode(inside)) if git.folder(head, os.fsencode(inside)) else []
        yield TrackedFolder(git, head, f"{inside}/" if inside else "", names) if names else None


def read_git_history(folder: Path, tracked: TrackedFolder, history: RecordHistory) -> None:
    """Add the versions in the commits of the main branch. A merge is one change, by the author of what it merges."""
    commits = list(_find_commits(tracked))
    contents = _read_contents(tracked.git, commits)
    for commit in commits:
        for change in commit.changes:
            if change.kind == _DELETED or change.blob in contents:
                content = contents.get(change.blob, b"")
                version = _version(tracked, commit, change, content, history)
                history.versions += [] if version is None else [version]
            else:
                history.skipped.append(
                    Remark(record_name(change.path, tracked.prefix), f"{_skip_reason(change)} in commit {commit.id}")
                )
    for entry in tracked.names:
        name = decode_path(os.fsdecode(entry.name))
        if is_other_format(name) or (is_markdown(name) and not is_record_name(name)):
            history.skipped.append(Remark(name, describe_other_file(name)))
    _skip_uncommitted(folder, tracked, history)
    _warn_about_owner(tracked.git.repository, history)


def _skip_reason(change: _FileChange) -> str:
    kinds = {_SYMBOLIC_LINK: "is a symbolic link, which is not followed,", _SUBMODULE: "is a submodule"}
    return kinds.get(change.mode, f"is longer than {MAX_RECORD_BYTES} bytes")


def _find_commits(tracked: TrackedFolder) -> Iterator[_Commit]:
    """Yield the commits that changed records, oldest first, including those in folders from which records were moved."""
    paths = [tracked.prefix]
    while True:
        found = list(_read_commits(tracked, paths))
        moved = _former_paths(tracked.git, found, paths)
        if not moved:
            yield from found
            return
        paths += moved


def _read_commits(tracked: TrackedFolder, paths: list[str]) -> Iterator[_Commit]:
    output = tracked.git.run(
        "log",
        "--first-parent",
        "--diff-merges=first-parent",
        "--reverse",
        "--find-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--raw",
        "--no-abbrev",
        "-z",
        f"--format={_FORMAT}",
        tracked.head,
        "--",
        *(() if "" in paths else map(os.fsencode, paths)),
        settings=(f"mailmap.blob={tracked.head}:.mailmap",),
    )
    words = [os.fsdecode(word) for word in output.split(b"\x00")]
    at = 0
    while at + _HEADER_FIELDS <= len(words):
        id_, parents, landed_at, who, written_at = words[at : at + _HEADER_FIELDS]
        made, at = _parse_changes(words, at + _HEADER_FIELDS)
        changes = tuple(_record_changes(made, paths, tracked.prefix))
        if changes:
            yield _Commit(id_, tuple(parents.split()), landed_at, who, written_at, changes)


def _parse_changes(words: list[str], at: int) -> tuple[list[_FileChange], int]:
    """Return the changes from a word on, and the index of the word after them. NUL ends each word, as paths cannot contain it."""
    found = []
    while at < len(words) and (described := words[at].removeprefix("\n")).startswith(":"):
        _, mode, _, blob, kind = described.split(" ")
        moved = kind[0] in "RC"
        before, path = words[at + 1], words[at + 2 if moved else at + 1]
        found.append(_FileChange(kind[0], before, path, mode, blob))
        at += 3 if moved else 2
    return found, at


def _record_changes(changes: list[_FileChange], paths: list[str], prefix: str) -> Iterator[_FileChange]:
    """Yield the changes of records in the folder or at former paths. A copy is a new record; a move away is a removal."""
    for change in changes:
        here, was_here = (_is_record(one, paths, prefix) for one in (change.path, change.before))
        if here:
            yield change._replace(kind="A") if change.kind == "C" or not was_here else change
        elif was_here and change.kind == "R":
            yield change._replace(kind=_DELETED, path=change.before)


def _is_record(path: str, paths: list[str], prefix: str) -> bool:
    folder = path.rpartition("/")[0]
    inside = (f"{folder}/" if folder else "").startswith(prefix) and not _is_hidden(folder.removeprefix(prefix))
    return is_record_name(path.removeprefix(prefix)) and (inside or path in paths)


def _is_hidden(folder: str) -> bool:
    parts = folder.split("/")
    return len(parts) > MAX_DEPTH or any(part.startswith(".") or part == "node_modules" for part in parts)


def _former_paths(git: GitObjects, commits: list[_Commit], paths: list[str]) -> list[str]:
    """Return the paths outside the folder from which records were moved into it."""
    found = []
    for commit in commits:
        added = {change.path for change in commit.changes if change.kind == "A"}
        if not added or not commit.parents:
            continue
        output = git.run("diff-tree", "-r", "-M", "--raw", "--no-abbrev", "-z", commit.parents[0], commit.id)
        moves, _ = _parse_changes([os.fsdecode(word) for word in output.split(b"\x00")], 0)
        found += [one.before for one in moves if one.kind == "R" and one.path in added and one.before not in paths]
    return list(dict.fromkeys(found))


def _read_contents(git: GitObjects, commits: list[_Commit]) -> dict[str, bytes]:
    """Return the contents of the files in some commits by object. Long files and irregular files are left out.

    Raises:
        HistoryError: the contents are too large together, or an object is missing.
    """
    wanted = {
        change.blob: None
        for commit in commits
        for change in commit.changes
        if change.kind != _DELETED and change.mode not in (_SYMBOLIC_LINK, _SUBMODULE)
    }
    fit = {id_: size for id_, size in git.sizes(list(wanted)).items() if size <= MAX_RECORD_BYTES}
    if sum(fit.values()) > MAX_TOTAL_BYTES:
        raise HistoryError(
            f"The versions of the records have more than {MAX_TOTAL_BYTES} bytes together. Import fewer records at a time."
        )
    return dict(git.contents(fit))


def _version(
    tracked: TrackedFolder, commit: _Commit, change: _FileChange, content: bytes, history: RecordHistory
) -> RecordVersion | None:
    path, prefix = change.path, tracked.prefix
    author, written_at = _author(tracked, commit, path)
    path_digest = sha256(path.encode(errors="surrogateescape")).hexdigest()[:20]
    shared: dict[str, Any] = {
        "key": f"{commit.id}:{path_digest}",
        "at": _parse_commit_time(commit.at, commit, history),
        "written_at": _parse_commit_time(written_at, commit, history),
        "who": author or None,
        "reference": f"commit:{commit.id}",
        "references": (("path", decode_path(path)),),
    }
    if change.kind == _DELETED:
        return RecordVersion(record_name(path, prefix), is_removal=True, **shared)
    was_renamed = change.kind == "R" and record_name(change.before, prefix) != record_name(path, prefix)
    previous_name = record_name(change.before, prefix) if was_renamed else None
    return read_version(record_name(path, prefix), content, history, previous_name=previous_name, **shared)


def _parse_commit_time(text: str, commit: _Commit, history: RecordHistory) -> datetime | None:
    """Return the time of a commit, or None if it is invalid."""
    try:
        return parse_timestamp(text)
    except ValueError:
        history.warnings.append(Remark(commit.id, "has an invalid time; the time of the import is used instead"))
        return None


def _author(tracked: TrackedFolder, commit: _Commit, path: str) -> tuple[str, str]:
    """Return who wrote a change and when. For a merge, that is the last merged commit that changed the file."""
    if len(commit.parents) > 1:
        output = (
            tracked.git.run(
                "log",
                "-1",
                "--no-merges",
                "--format=%aN%x00%aI",
                f"{commit.parents[0]}..{commit.id}",
                "--",
                os.fsencode(path),
                settings=(f"mailmap.blob={tracked.head}:.mailmap",),
            )
            .decode(errors="replace")
            .strip()
        )
        if output:
            who, _, written_at = output.partition("\x00")
            return who, written_at
    return commit.who, commit.written_at


def _skip_uncommitted(folder: Path, tracked: TrackedFolder, history: RecordHistory) -> None:
    """Skip files that differ from the last commit. Hashes are compared, because git would run the repository's filters."""
    committed = {
        os.fsdecode(entry.name): entry.id
        for entry in tracked.names
        if entry.mode not in (_SYMBOLIC_LINK, _SUBMODULE, FOLDER_MODE)
    }
    others = {os.fsdecode(entry.name) for entry in tracked.names if os.fsdecode(entry.name) not in committed}
    found = set()
    with open_folder(folder) as descriptor:
        for path, folder_descriptor, name in markdown_files(descriptor):
            if not is_record_name(path):
                continue
            found.add(path)
            if path not in others and (message := _describe_difference(name, folder_descriptor, committed.get(path))):
                history.skipped.append(Remark(decode_path(path), message))
    gone = sorted(name for name in committed.keys() - found if is_record_name(name))
    history.skipped += [Remark(decode_path(name), UNCOMMITTED) for name in gone]


def _describe_difference(name: str, descriptor: int, blob: str | None) -> str | None:
    """Return how a current file differs from what was committed, or None if it does not."""
    try:
        content = read_regular(name, MAX_RECORD_BYTES, dir_fd=descriptor)
    except FileTooLongError:
        return UNCOMMITTED if blob is None else None  # its commit was skipped as too long already
    except OSError as error:
        return str(error.strerror)
    return None if blob is not None and _is_content(blob, content) else UNCOMMITTED


def _is_content(blob: str, content: bytes) -> bool:
    """Whether a blob has this content, with either line ending. Git may store line feeds only."""
    algorithm = sha1 if len(blob) == SHA1_LENGTH else sha256
    forms = (content, content.replace(b"\r\n", b"\n"))
    return any(algorithm(b"blob %d\x00" % len(form) + form).hexdigest() == blob for form in forms)


def _warn_about_owner(repository: GitRepository, history: RecordHistory) -> None:
    owner = repository.owner()
    if owner != os.geteuid():
        message = (
            "The git repository belongs to another user. Its history was read; nothing in its configuration was run."
        )
        history.warnings.append(Remark(None, message))
