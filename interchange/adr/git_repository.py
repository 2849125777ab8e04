"""Find the git repository of a folder, its object folders and its current commit, without running git.

Git obeys the configuration, hooks and attributes of any repository that it opens, and these can name programs to run.
So the repository is read as data: `.git`, HEAD and references are small files in a simple format. Nothing that points
out of the repository is followed, so that an untrusted folder cannot make another repository of this machine be read.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from interchange.files import open_regular, read_regular

SMALL_FILE_BYTES: Final = 1024 * 1024
"""The limit for a `.git` file, HEAD, a reference or the configuration."""
MAX_REFERENCE_BYTES: Final = 4096
MAX_SYMBOLIC_REFERENCES: Final = 5
"""The same limit as git's."""
_OBJECT_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REFERENCE: Final = re.compile(r"refs(?:/[^/\x00-\x20\x7f~^:?*\[\\]+)+")
_FAN_OUT: Final = re.compile(r"[0-9a-f]{2}")


class HistoryError(Exception):
    """The history of a folder cannot be read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class GitRepository:
    """The repository that a folder is in.

    Attributes:
        top: the root of its work tree.
        git_dir: the folder of this work tree, with HEAD.
        common_dir: the folder that all work trees share, with objects, references and configuration.
    """

    top: Path
    git_dir: Path
    common_dir: Path

    def head(self) -> str | None:
        """Return the id of the commit at HEAD, or None before the first commit.

        Raises:
            HistoryError: HEAD is invalid, or stored in a format that is not supported.
        """
        reference = _read_reference(self.git_dir / "HEAD")
        for _ in range(MAX_SYMBOLIC_REFERENCES):
            if reference is None or not reference.startswith("ref:"):
                break
            reference = self._resolve_reference(reference.removeprefix("ref:").strip())
        if reference is None:
            return None
        if not _OBJECT_ID.fullmatch(reference):
            raise HistoryError(
                f"{self.git_dir / 'HEAD'} names no commit. Check it with `git fsck`, or import from a fresh clone."
            )
        return reference

    def owner(self) -> int:
        """Return the id of the user who owns the repository."""
        return self.git_dir.lstat().st_uid

    def configuration(self) -> bytes:
        """Return the repository's own configuration file.

        Raises:
            HistoryError: the file cannot be read.
        """
        return _read_small(self.common_dir / "config") or b""

    def object_folders(self) -> Iterator[Path]:
        """Yield the folders of loose objects and packs.

        Raises:
            HistoryError: the repository is a shallow clone, or borrows objects from another one.
        """
        self._require_complete()
        objects = self.common_dir / "objects"
        for entry in _scan_folder(objects):
            if entry.name == "pack" or _FAN_OUT.fullmatch(entry.name):
                for _ in _scan_folder(objects / entry.name, folders_too=False):
                    pass
                yield objects / entry.name

    def is_partial(self) -> bool:
        """Whether this is a partial clone, whose missing objects git would fetch."""
        pack = self.common_dir / "objects" / "pack"
        return pack.is_dir() and any(entry.name.endswith(".promisor") for entry in _scan_folder(pack))

    def _resolve_reference(self, name: str) -> str | None:
        """Return the content of a reference, from its own file or from `packed-refs`."""
        if not _REFERENCE.fullmatch(name) or any(part.startswith(".") for part in name.split("/")):
            raise HistoryError(f"{self.git_dir / 'HEAD'} names an invalid reference. Import from a fresh clone.")
        if (self.common_dir / "reftable").exists():
            raise HistoryError(
                f"The references of {self.top} are stored as a reftable, which is not supported. Import from a clone made "
                "with `git clone --ref-format=files`."
            )
        for folder in dict.fromkeys((self.git_dir, self.common_dir)):
            _require_no_links(folder, name.split("/")[:-1])
            reference = _read_reference(folder / name)
            if reference is not None:
                return reference
        return self._read_packed_reference(name)

    def _read_packed_reference(self, name: str) -> str | None:
        wanted = os.fsencode(name)
        try:
            with open_regular(self.common_dir / "packed-refs") as file:
                while line := file.readline(MAX_REFERENCE_BYTES):
                    id_, _, named = line.rstrip(b"\n").partition(b" ")
                    if named == wanted:
                        return id_.decode("ascii", errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable_error(error) from error
        return None

    def _require_complete(self) -> None:
        if os.path.lexists(self.common_dir / "shallow"):
            raise HistoryError(
                f"{self.top} is a shallow clone without its full history. Run `git fetch --unshallow` there and try again."
            )
        if os.path.lexists(self.common_dir / "objects" / "info" / "alternates"):
            raise HistoryError(
                f"The git repository of {self.top} borrows objects from another one, which is not read. Run `git repack "
                "-a -d` there, remove .git/objects/info/alternates, and try again."
            )


def find_repository(folder: Path) -> GitRepository | None:
    """Return the repository whose work tree contains a folder, or None.

    Only `.git` in the folder or above it counts; a bare repository in the folder is never opened. The search ends at
    the border of the file system, as git's does.

    Raises:
        HistoryError: `.git` points to a repository that knows it neither as a work tree nor as a submodule.
        OSError: a folder cannot be read.
    """
    folder = folder.resolve()
    device = folder.stat().st_dev
    for top in (folder, *folder.parents):
        if top.stat().st_dev != device:
            return None
        found = _repository_at(top)
        if found is not None:
            return found
    return None


def require_inside(folder: Path) -> None:
    """Check that a folder is not a symbolic link out of its work tree.

    Raises:
        HistoryError: it is one.
    """
    unresolved = Path(os.path.abspath(folder))  # noqa: PTH100  (`resolve` would follow the links in question)
    top = next((one for one in (unresolved, *unresolved.parents) if os.path.lexists(one / ".git")), None)
    if top is not None and not folder.resolve().is_relative_to(top.resolve()):
        raise HistoryError(
            f"{folder} is a symbolic link that leads out of the repository {top}. To import {folder.resolve()}, name it."
        )


def _repository_at(top: Path) -> GitRepository | None:
    dot_git = top / ".git"
    try:
        mode = dot_git.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(mode):
        return _plain_repository(top, dot_git)
    if stat.S_ISREG(mode):
        return _linked_repository(top, dot_git)
    raise _foreign_repository_error(top)


def _plain_repository(top: Path, git_dir: Path) -> GitRepository | None:
    if not _is_git_dir(git_dir):
        return None
    if os.path.lexists(git_dir / "commondir"):
        raise _foreign_repository_error(top)
    return GitRepository(top, git_dir, git_dir)


def _linked_repository(top: Path, dot_git: Path) -> GitRepository | None:
    """Return the repository that a `.git` file names, if that repository knows this work tree."""
    content = os.fsdecode(_read_small(dot_git) or b"").rstrip("\n")
    if not content.startswith("gitdir: "):
        return None
    git_dir = (top / content.removeprefix("gitdir: ")).resolve()
    if _is_work_tree_of(git_dir, dot_git):
        common_dir = git_dir.parent.parent
        if _is_git_dir(common_dir):
            return GitRepository(top, git_dir, common_dir)
    outer = find_repository(top.parent) if top.parent != top else None
    if outer is not None and git_dir.is_relative_to(outer.git_dir.resolve() / "modules") and _is_git_dir(git_dir):
        return GitRepository(top, git_dir, git_dir)
    raise _foreign_repository_error(top)


def _is_work_tree_of(git_dir: Path, dot_git: Path) -> bool:
    """Whether `git worktree add` has created this folder; then the repository points back to it."""
    if git_dir.parent.name != "worktrees":
        return False
    pointer = os.fsdecode(_read_small(git_dir / "gitdir") or b"").rstrip("\n")
    return bool(pointer) and (git_dir / pointer).resolve() == dot_git.resolve()


def _is_git_dir(folder: Path) -> bool:
    """Whether a folder has the parts that git requires of a repository."""
    head = _mode(folder / "HEAD")
    return (
        head is not None
        and not stat.S_ISDIR(head)
        and all(_mode(folder / name) is not None for name in ("objects", "refs"))
    )


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _require_no_links(folder: Path, parts: list[str]) -> None:
    """Check that no folder in the path of a reference is a link.

    Raises:
        HistoryError: one is a link.
    """
    for part in parts:
        folder /= part
        if folder.is_symlink():
            raise _irregular_error(folder)


def _scan_folder(folder: Path, *, folders_too: bool = True) -> Iterator[os.DirEntry[str]]:
    """Yield the entries of an object folder.

    Raises:
        HistoryError: the folder or an entry is a link, a device, a pipe or a socket.
    """
    mode = _mode(folder)
    if mode is None or not stat.S_ISDIR(mode):
        raise _irregular_error(folder)
    with os.scandir(folder) as entries:
        for entry in entries:
            if not (entry.is_file(follow_symlinks=False) or (folders_too and entry.is_dir(follow_symlinks=False))):
                raise _irregular_error(Path(entry.path))
            yield entry


def _read_reference(path: Path) -> str | None:
    content = _read_small(path)
    return None if content is None else os.fsdecode(content[:MAX_REFERENCE_BYTES]).strip()


def _read_small(path: Path) -> bytes | None:
    try:
        return read_regular(path, SMALL_FILE_BYTES)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise _unreadable_error(error) from error


def _unreadable_error(error: OSError) -> HistoryError:
    return HistoryError(f"{error.filename}: {error.strerror}. Import from a fresh clone, or from a copy without .git.")


def _irregular_error(path: Path) -> HistoryError:
    return HistoryError(
        f"{path} is not a regular file or folder and is not read. Import from a fresh clone, or from a copy "
        "without .git."
    )


def _foreign_repository_error(top: Path) -> HistoryError:
    return HistoryError(
        f"{top / '.git'} points to a repository that does not know this work tree, and is not followed. Import "
        "from a fresh clone, or from a copy without .git."
    )
