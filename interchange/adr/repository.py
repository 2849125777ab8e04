"""Where the git repository of a folder keeps its objects, and which commit it is at, found without running git.

Git obeys the configuration, hooks and attributes of any repository it opens, and those can name programs to run. So
a repository is looked at here as data: `.git`, HEAD and references are small files of a plain form. What points out of the
repository is not followed, so that a folder from elsewhere cannot have another repository of this machine read.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from interchange.tracker.regular_files import open_regular, read_regular

SMALL_FILE_BYTES: Final = 1024 * 1024
"""The most that `.git` as a file, HEAD, a reference or the configuration may have."""
MAX_REFERENCE_BYTES: Final = 4096
MAX_SYMBOLIC_REFERENCES: Final = 5
"""As many as git follows from one reference to the next."""
_OBJECT_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REFERENCE: Final = re.compile(r"refs(?:/[^/\x00-\x20\x7f~^:?*\[\\]+)+")
_FAN_OUT: Final = re.compile(r"[0-9a-f]{2}")


class HistoryError(Exception):
    """The history of a folder cannot be read; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class GitRepository:
    """The repository that a folder is in.

    Attributes:
        top: the root of its work tree.
        git_dir: what belongs to this work tree alone: HEAD.
        common_dir: what all its work trees share: objects, references, configuration.
    """

    top: Path
    git_dir: Path
    common_dir: Path

    def head(self) -> str | None:
        """Return the id of the commit at HEAD, or None before the first commit.

        Raises:
            HistoryError: HEAD is not in order, or is kept in a form that is not read here.
        """
        reference = _read_reference(self.git_dir / "HEAD")
        for _ in range(MAX_SYMBOLIC_REFERENCES):
            if reference is None or not reference.startswith("ref:"):
                break
            reference = self._resolve(reference.removeprefix("ref:").strip())
        if reference is None:
            return None
        if not _OBJECT_ID.fullmatch(reference):
            msg = f"{self.git_dir / 'HEAD'} names no commit. Check it with `git fsck`, or import from a fresh clone."
            raise HistoryError(msg)
        return reference

    def owner(self) -> int:
        """Return the id of the user who owns the repository."""
        return self.git_dir.lstat().st_uid

    def configuration(self) -> bytes:
        """Return the repository's own configuration, as data.

        Raises:
            HistoryError: it cannot be read.
        """
        return _read_small(self.common_dir / "config") or b""

    def object_folders(self) -> Iterator[Path]:
        """Yield the folders that hold objects: those of loose objects, and that of packs.

        Raises:
            HistoryError: it is a shallow clone, or objects are to come from outside the repository.
        """
        self._require_whole()
        objects = self.common_dir / "objects"
        for entry in _scan(objects):
            if entry.name == "pack" or _FAN_OUT.fullmatch(entry.name):
                for _ in _scan(objects / entry.name, folders_too=False):
                    pass
                yield objects / entry.name

    def is_partial(self) -> bool:
        """Whether it is a partial clone, whose missing objects git would fetch."""
        pack = self.common_dir / "objects" / "pack"
        return pack.is_dir() and any(entry.name.endswith(".promisor") for entry in _scan(pack))

    def _resolve(self, name: str) -> str | None:
        """Return what a reference says, as a file of its own or a line of `packed-refs`."""
        if not _REFERENCE.fullmatch(name) or any(part.startswith(".") for part in name.split("/")):
            msg = f"{self.git_dir / 'HEAD'} names a reference that is none. Import from a fresh clone."
            raise HistoryError(msg)
        if (self.common_dir / "reftable").exists():
            msg = (
                f"The references of {self.top} are kept as a reftable, which is not read here. Import from a clone made "
                "with `git clone --ref-format=files`."
            )
            raise HistoryError(msg)
        for folder in dict.fromkeys((self.git_dir, self.common_dir)):
            _require_plain(folder, name.split("/")[:-1])
            said = _read_reference(folder / name)
            if said is not None:
                return said
        return self._packed(name)

    def _packed(self, name: str) -> str | None:
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
            raise _unreadable(error) from error
        return None

    def _require_whole(self) -> None:
        if os.path.lexists(self.common_dir / "shallow"):
            msg = f"The git history of {self.top} is cut short. Run `git fetch --unshallow` there, and try again."
            raise HistoryError(msg)
        if os.path.lexists(self.common_dir / "objects" / "info" / "alternates"):
            msg = (
                f"The git repository of {self.top} borrows objects from another one, which is not read. Run `git repack "
                "-a -d` there, remove .git/objects/info/alternates, and try again."
            )
            raise HistoryError(msg)


def find_repository(folder: Path) -> GitRepository | None:
    """Return the repository whose work tree a folder is in, or None.

    Only `.git` in the folder or above it makes a repository: one that lies in the folder as a bare repository is never
    opened. The search ends where another file system begins, as git's does.

    Raises:
        HistoryError: `.git` points to what is neither a work tree of its repository nor a submodule.
        OSError: a folder cannot be looked at.
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
    """Check that a folder does not leave, by a symbolic link, the work tree in which it is named.

    Raises:
        HistoryError: it does.
    """
    named = Path(os.path.abspath(folder))  # noqa: PTH100  (`resolve` would follow the links that are looked for here)
    top = next((one for one in (named, *named.parents) if os.path.lexists(one / ".git")), None)
    if top is not None and not folder.resolve().is_relative_to(top.resolve()):
        msg = f"{folder} is a symbolic link that leads out of the repository {top}. Name {folder.resolve()} if you mean that."
        raise HistoryError(msg)


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
    raise _points_elsewhere(top)


def _plain_repository(top: Path, git_dir: Path) -> GitRepository | None:
    if not _is_git_dir(git_dir):
        return None
    if os.path.lexists(git_dir / "commondir"):
        raise _points_elsewhere(top)
    return GitRepository(top, git_dir, git_dir)


def _linked_repository(top: Path, dot_git: Path) -> GitRepository | None:
    """Return the repository that a file `.git` names, if that repository knows this work tree as one of its own."""
    said = os.fsdecode(_read_small(dot_git) or b"").rstrip("\n")
    if not said.startswith("gitdir: "):
        return None
    git_dir = (top / said.removeprefix("gitdir: ")).resolve()
    if _is_work_tree_of(git_dir, dot_git):
        common_dir = git_dir.parent.parent
        if _is_git_dir(common_dir):
            return GitRepository(top, git_dir, common_dir)
    outer = find_repository(top.parent) if top.parent != top else None
    if outer is not None and git_dir.is_relative_to(outer.git_dir.resolve() / "modules") and _is_git_dir(git_dir):
        return GitRepository(top, git_dir, git_dir)
    raise _points_elsewhere(top)


def _is_work_tree_of(git_dir: Path, dot_git: Path) -> bool:
    """Whether `git worktree add` has made this folder: then the repository names it in turn."""
    if git_dir.parent.name != "worktrees":
        return False
    back = os.fsdecode(_read_small(git_dir / "gitdir") or b"").rstrip("\n")
    return bool(back) and (git_dir / back).resolve() == dot_git.resolve()


def _is_git_dir(folder: Path) -> bool:
    """Whether a folder has what git asks of a repository, each as itself and not as a link to another's."""
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


def _require_plain(folder: Path, parts: list[str]) -> None:
    """Check that no folder on the way to a reference is a link.

    Raises:
        HistoryError: one is.
    """
    for part in parts:
        folder /= part
        if folder.is_symlink():
            raise _is_no_plain(folder)


def _scan(folder: Path, *, folders_too: bool = True) -> Iterator[os.DirEntry[str]]:
    """Yield what a folder of objects holds.

    Raises:
        HistoryError: it, or something in it, is a link, a device, a pipe or a socket.
    """
    mode = _mode(folder)
    if mode is None or not stat.S_ISDIR(mode):
        raise _is_no_plain(folder)
    with os.scandir(folder) as entries:
        for entry in entries:
            if not (entry.is_file(follow_symlinks=False) or (folders_too and entry.is_dir(follow_symlinks=False))):
                raise _is_no_plain(Path(entry.path))
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
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> HistoryError:
    return HistoryError(f"{error.filename}: {error.strerror}. Import from a fresh clone, or from a copy without .git.")


def _is_no_plain(path: Path) -> HistoryError:
    return HistoryError(
        f"{path} is not a plain part of a git repository, and is not read. Import from a fresh clone, or from a copy "
        "without .git."
    )


def _points_elsewhere(top: Path) -> HistoryError:
    return HistoryError(
        f"{top / '.git'} points to a repository elsewhere that does not know this work tree, and is not followed. Import "
        "from a fresh clone, or from a copy without .git."
    )
