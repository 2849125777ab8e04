"""What became of the records of a folder, version by version: from git, from `history.jsonl`, or as they are today."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from consumers.importing.lines import FileLine, read_lines
from consumers.importing.mapping import cell_part
from consumers.importing.meanings import as_text
from consumers.importing.report import Remark
from consumers.interchange.document import HEADER, LARGEST, Document, Told, read
from domain.values import parse_instant

HISTORY: Final = "history.jsonl"
NO_RECORD: Final = "is no record: its name begins with no number"
_RECORD: Final = re.compile(r"[0-9][^/\n]*\.md")
_PEOPLE: Final = frozenset({"deciders", "consulted", "informed"})


class HistoryError(Exception):
    """The history of a folder cannot be read; the message says why, and what to do."""


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
    """Every version of the records of a folder, in order, and what could not be read as one."""

    versions: list[Version] = field(default_factory=list)
    not_placed: list[Remark] = field(default_factory=list)


def history_of(folder: Path) -> History:
    """The history of a folder: of `history.jsonl` if it has one, else of git where git knows its records.

    Raises:
        HistoryError: git cannot tell it.
        OSError: a file cannot be read.
    """
    history = History()
    if (folder / HISTORY).is_file():
        _from_lines(folder, history)
    elif _top_of(folder) is not None and _committed(folder):
        _from_git(folder, history)
    else:
        history.versions += [_undated(version) for version in _files(folder, history)]
    return history


def default_system(folder: Path) -> str:
    """What to call the records of a folder: the repository they are in, by its address or its folder, else the folder."""
    top = _top_of(folder)
    if top is None:
        return cell_part(folder.resolve().name)
    address = _git(folder, "config", "--get", "remote.origin.url", may_fail=True).decode(errors="replace").strip()
    return cell_part(re.split(r"[/:]", address.removesuffix("/").removesuffix(".git"))[-1] or top.name)


# The files of today ------------------------------------------------------------------------------------------------


def _files(folder: Path, history: History) -> Iterator[Version]:
    for path in sorted(folder.glob("*.md")):
        if not _RECORD.fullmatch(path.name):
            history.not_placed.append(Remark(path.name, NO_RECORD))
        elif path.stat().st_size > LARGEST:
            history.not_placed.append(Remark(path.name, f"is longer than {LARGEST} bytes"))
        else:
            yield _version(_name(path.name), path.read_bytes(), history)


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
        return replace(version, at=parse_instant(told))
    except ValueError:
        return version


# history.jsonl -----------------------------------------------------------------------------------------------------

_COLUMNS: Final = frozenset({"seq", "at", "who", "record", "kind", "field", "from", "to", "commit", "authored_at"})


def _from_lines(folder: Path, history: History) -> None:
    """The lines of the file, and after each record's last line what its file holds: who wrote that, no line says."""
    last: dict[str, datetime | None] = {}
    for line in read_lines(folder / HISTORY):
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
        at=parse_instant(told.get("at")), written_at=parse_instant(told["authored_at"]) if told.get("authored_at") else None,
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

_FIELDS: Final = "%x01%H%x00%P%x00%cI%x00%aN%x00%aI"
_ENVIRONMENT: Final = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_SECONDS: Final = 300


def _git(folder: Path, *arguments: str, given: bytes | None = None, may_fail: bool = False) -> bytes:
    """What git says. Nothing that the repository configures is run.

    Raises:
        HistoryError: git is not there, or cannot do it.
    """
    command = ["git", "--no-pager", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "-C", str(folder)]
    try:
        done = subprocess.run(
            [*command, *arguments], input=given, capture_output=True, check=False, timeout=_SECONDS,
            env=os.environ | _ENVIRONMENT,
        )  # fmt: skip
    except OSError as error:
        if may_fail:
            return b""
        msg = f"{folder} is in a git work tree, and git cannot be started ({error}). Install git, and try again."
        raise HistoryError(msg) from error
    except subprocess.TimeoutExpired as error:
        msg = f"git did not answer within {_SECONDS} seconds. Try again with a copy of the folder that has no history."
        raise HistoryError(msg) from error
    if done.returncode and not may_fail:
        msg = f"git cannot tell the history of {folder}: {done.stderr.decode(errors='replace').strip()}"
        raise HistoryError(msg)
    return done.stdout if not done.returncode else b""


def _top_of(folder: Path) -> Path | None:
    found = _git(folder, "rev-parse", "--show-toplevel", may_fail=True).decode(errors="surrogateescape").strip()
    return Path(found) if found else None


def _committed(folder: Path) -> bool:
    """Whether the last commit has a file in this folder."""
    return bool(_files_in(folder))


def _files_in(folder: Path) -> list[str]:
    told = _git(folder, "ls-tree", "--name-only", "-z", "HEAD", "./", may_fail=True)
    return [name for name in told.decode(errors="replace").split("\x00") if name]


@dataclass(frozen=True, slots=True)
class _Commit:
    """A commit on the main line, and what it did to the records: the sort of change, the path before, and the path."""

    id: str
    parents: tuple[str, ...]
    at: str
    who: str
    written_at: str
    changes: tuple[tuple[str, str, str], ...]


def _from_git(folder: Path, history: History) -> None:
    """The commits of the main line, in the order in which they landed. A merge is one change, by who wrote what it merges."""
    if _git(folder, "rev-parse", "--is-shallow-repository").strip() == b"true":
        msg = f"The git history of {folder} is cut short. Run `git fetch --unshallow` there, and try again."
        raise HistoryError(msg)
    prefix = _git(folder, "rev-parse", "--show-prefix").decode(errors="surrogateescape").strip()
    commits = list(_commits(folder, prefix))
    contents = _contents(folder, [(one.id, path) for one in commits for kind, _, path in one.changes if kind != "D"])
    for commit in commits:
        for kind, before, path in commit.changes:
            content = contents.get((commit.id, path))
            if kind != "D" and content is None:
                history.not_placed.append(Remark(_name(path), f"is longer than {LARGEST} bytes in commit {commit.id}"))
                continue
            history.versions.append(_of_commit(folder, commit, (kind, before, path), content or b"", history))
    history.not_placed += [
        Remark(name, NO_RECORD) for name in _files_in(folder) if name.endswith(".md") and not _RECORD.fullmatch(name)
    ]
    _notice_uncommitted(folder, history)


def _commits(folder: Path, prefix: str) -> Iterator[_Commit]:
    """The commits that changed records, oldest first, also those in folders that the records came from."""
    top = _top_of(folder) or folder
    paths = [prefix or "."]
    while True:
        found = list(_log(top, paths, prefix))
        moved = _came_from(top, found, paths)
        if not moved:
            yield from found
            return
        paths += moved


def _log(top: Path, paths: list[str], prefix: str) -> Iterator[_Commit]:
    told = _git(
        top, "log", "--first-parent", "--diff-merges=first-parent", "--reverse", "--find-renames", "--no-ext-diff",
        "--no-textconv", "--name-status", "-z", f"--format={_FIELDS}", "HEAD", "--", *(f":(literal){path}" for path in paths),
    ).decode(errors="surrogateescape")  # fmt: skip
    for part in told.split("\x01")[1:]:
        words = [word.lstrip("\n") for word in part.split("\x00")]
        changes = tuple(_of_interest(_changes(words[5:]), paths, prefix))
        if changes:
            id_, parents, at, who, written_at = words[:5]
            yield _Commit(id_, tuple(parents.split()), at, who, written_at, changes)


def _changes(words: list[str]) -> Iterator[tuple[str, str, str]]:
    rest = iter(word for word in words if word)
    for kind in rest:
        path = next(rest)
        yield (kind[0], path, next(rest)) if kind[0] in "RC" else (kind[0], path, path)


def _of_interest(
    changes: Iterator[tuple[str, str, str]], paths: list[str], prefix: str
) -> Iterator[tuple[str, str, str]]:
    """What was done to records here, or where they came from. A copy is a new record; one that moved away is gone."""
    for kind, before, path in changes:
        here, was_here = (_is_record(one, paths, prefix) for one in (path, before))
        if here:
            yield ("A" if kind == "C" or not was_here else kind), before, path
        elif was_here and kind == "R":
            yield "D", before, before


def _is_record(path: str, paths: list[str], prefix: str) -> bool:
    folder, _, name = path.rpartition("/")
    inside = (f"{folder}/" if folder else "") == prefix
    return _RECORD.fullmatch(name) is not None and (inside or path in paths)


def _came_from(top: Path, commits: list[_Commit], paths: list[str]) -> list[str]:
    """The paths outside at which records began that were then moved here."""
    found = []
    for commit in commits:
        added = {path for kind, _, path in commit.changes if kind == "A"}
        if not added or not commit.parents:
            continue
        told = _git(top, "diff-tree", "-r", "-M", "--name-status", "-z", commit.parents[0], commit.id)
        moves = _changes(told.decode(errors="surrogateescape").split("\x00"))
        found += [before for kind, before, path in moves if kind == "R" and path in added and before not in paths]
    return list(dict.fromkeys(found))


def _contents(folder: Path, wanted: list[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """The files as they were in some commits; what is too long is left out."""
    top = _top_of(folder) or folder
    asked = b"".join(f"{commit}:{path}\n".encode(errors="surrogateescape") for commit, path in wanted)
    sizes = _git(top, "cat-file", "--batch-check=%(objectsize)", given=asked).split(b"\n")
    fit = [one for one, size in zip(wanted, sizes, strict=False) if size.isdigit() and int(size) <= LARGEST]
    asked = b"".join(f"{commit}:{path}\n".encode(errors="surrogateescape") for commit, path in fit)
    told, found = _git(top, "cat-file", "--batch=%(objectsize)", given=asked), {}
    for one in fit:
        size, _, told = told.partition(b"\n")
        found[one], told = told[: int(size)], told[int(size) + 1 :]
    return found


def _of_commit(
    folder: Path, commit: _Commit, change: tuple[str, str, str], content: bytes, history: History
) -> Version:
    kind, before, path = change
    author, written_at = _author(folder, commit, path)
    shared: dict[str, Any] = {
        "key": f"{commit.id}:{sha256(path.encode(errors='surrogateescape')).hexdigest()[:20]}", "at": parse_instant(commit.at), "written_at": parse_instant(written_at),
        "who": author or None, "reference": f"commit:{commit.id}", "references": (("path", _readable(path)),),
    }  # fmt: skip
    if kind == "D":
        return Version(_name(path), removed=True, **shared)
    renamed = _name(before) if kind == "R" and _name(before) != _name(path) else None
    return _version(_name(path), content, history, begins=kind == "A", before=renamed, **shared)


def _author(folder: Path, commit: _Commit, path: str) -> tuple[str, str]:
    """Who wrote a change, and when: of a merge the last commit in what it merges that touched the file."""
    if len(commit.parents) > 1:
        told = _git(
            _top_of(folder) or folder, "log", "-1", "--no-merges", "--format=%aN%x00%aI",
            f"{commit.parents[0]}..{commit.id}", "--", f":(literal){path}",
        ).decode(errors="replace").strip()  # fmt: skip
        if told:
            who, _, written_at = told.partition("\x00")
            return who, written_at
    return commit.who, commit.written_at


def _notice_uncommitted(folder: Path, history: History) -> None:
    told = _git(folder, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", ".")
    for entry in told.decode(errors="replace").split("\x00"):
        name = entry[3:].rpartition("/")[2]
        if _RECORD.fullmatch(name):
            history.not_placed.append(Remark(name, "has changes that are not committed, and so have no date"))


def _name(path: str) -> str:
    return _readable(path).rpartition("/")[2].removesuffix(".md")


def _readable(path: str) -> str:
    """A path as text, also where it is no UTF-8."""
    return path.encode(errors="surrogateescape").decode(errors="replace")
