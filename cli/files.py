"""Write files safely: private, atomically, and never through a link or over another file.

Files have mode 0600 and folders 0700, whatever the umask is. In a folder that other users can write to, they cannot
redirect or read the content, nor lose a file of their own: the temporary name cannot be guessed, and must not exist.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from cli.errors import CommandFailed

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_NAMES: Final = ("log", "views")
"""Prefixes of the names of a log's files."""
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


T = TypeVar("T")


@contextmanager
def open_new_file(target: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a stream that becomes the file `target` if the block ends without an error.

    Raises:
        CommandFailed: it exists, unless `overwrite` is set and it is a regular file; links are never followed.
        OSError: the file cannot be written.
    """
    must_not_exist(target, overwrite=overwrite)
    partial = target.with_name(f".{secrets.token_hex(8)}.partial")
    descriptor = _with_name_in_errors(target, lambda: os.open(partial, _NEW, FILE_MODE))
    try:
        os.fchmod(descriptor, FILE_MODE)  # the umask may have taken more
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            _with_name_in_errors(target, lambda: os.fsync(stream.fileno()))
        rename_into_place(partial, target, overwrite=overwrite)
    finally:
        partial.unlink(missing_ok=True)


def create_file(target: Path, content: bytes) -> None:
    """Write a new file.

    Raises:
        CommandFailed: it exists.
        OSError: the file cannot be written.
    """
    with open_new_file(target) as stream:
        stream.write(content)


@contextmanager
def create_private_folder(neighbor: Path) -> Iterator[Path]:
    """Create a private temporary folder next to a file, for a library that opens files by name.

    It is deleted at the end, with its files.
    """
    folder = neighbor.with_name(f".{secrets.token_hex(8)}.partial")
    _with_name_in_errors(neighbor, lambda: folder.mkdir(FOLDER_MODE))
    try:
        folder.chmod(FOLDER_MODE)
        yield folder
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def must_not_exist(target: Path, *, overwrite: bool = False) -> None:
    """Check that a path does not exist or, with `overwrite`, that it is a regular file.

    Raises:
        CommandFailed: it exists.
    """
    try:
        found = target.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise CommandFailed(f"{target} is a symbolic link, which is not followed. Use the path of the file itself.")
    if not stat.S_ISREG(found.st_mode):
        raise CommandFailed(f"{target} is not a regular file. Choose another name, or write to standard output.")
    if not overwrite:
        raise CommandFailed(f"{target} already exists. Choose another name, or replace it with --overwrite.")


def rename_into_place(partial: Path, target: Path, *, overwrite: bool = False) -> None:
    """Rename a finished file, durably.

    Raises:
        CommandFailed: the target was created meanwhile.
        OSError: the file cannot be renamed.
    """
    if overwrite:
        must_not_exist(target, overwrite=True)
        _with_name_in_errors(target, lambda: os.replace(partial, target))  # noqa: PTH105  (as the calls around it)
    else:
        _link(partial, target)
    with suppress(OSError):  # some file systems cannot
        _sync_folder(target.parent)


def _link(partial: Path, target: Path) -> None:
    """Rename without replacing an existing file, as `rename` does."""
    try:
        os.link(partial, target, follow_symlinks=False)
    except FileExistsError:
        must_not_exist(target)
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
            raise OSError(error.errno, error.strerror, str(target)) from error
        must_not_exist(target)  # a file system without links, such as FAT
        _with_name_in_errors(target, lambda: os.replace(partial, target))  # noqa: PTH105
    else:
        partial.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _with_name_in_errors(target: Path, call: Callable[[], T]) -> T:
    """Call a function; an error names the target, not the temporary file."""
    try:
        return call()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


# Files of a log -------------------------------------------------------------------------------------------------------


def loose_modes(folder: Path) -> list[tuple[Path, int]]:
    """Return the folder and the files of a log that other users can access, each with its mode."""
    found = ((path, path.lstat().st_mode) for path in (folder, *_log_files(folder)))
    return [(path, stat.S_IMODE(mode)) for path, mode in found if mode & OTHERS and not stat.S_ISLNK(mode)]


def tighten_modes(folder: Path) -> None:
    """Make the folder and the files of a log private, as far as they belong to this user.

    A folder that also contains other files keeps its mode, as other programs may need them.

    Raises:
        CommandFailed: any user can replace the files of the log, and the folder also contains other files.
    """
    shared = any(path.name.partition(".")[0] not in _NAMES for path in folder.iterdir())
    for path, mode in loose_modes(folder):
        if path != folder or not shared:
            _tighten(path)
        elif mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise CommandFailed(f"Any user can replace the files in {folder}. Run: chmod o-w {folder}")


def _tighten(path: Path) -> None:
    with suppress(OSError):  # another user's, or on a read-only file system: `doctor` reports it
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.fchmod(descriptor, FOLDER_MODE if stat.S_ISDIR(os.fstat(descriptor).st_mode) else FILE_MODE)
        finally:
            os.close(descriptor)


def _log_files(folder: Path) -> list[Path]:
    return sorted(path for name in _NAMES for path in folder.glob(f"{name}.sqlite3*"))
