"""Files that the program writes: private to their owner, whole or not there, and never through a link or over another file.

Whatever the umask is, a file has mode 0600 and a folder 0700. In a folder that others may write to, nobody can have the
content put elsewhere, read it, or lose a file of their own: the temporary name cannot be guessed and is created anew.
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

from cli.errors import CannotGoOn

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_NAMES: Final = ("log", "views")
"""What the names of a log's own files begin with."""
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


T = TypeVar("T")


@contextmanager
def open_new_file(target: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a stream whose content is in the file `target` once the block ends without an error, and nowhere otherwise.

    Raises:
        CannotGoOn: something is there already, unless `overwrite` is set and it is a file; links are never followed.
        OSError: the file cannot be written.
    """
    must_be_free(target, overwrite=overwrite)
    partial = target.with_name(f".{secrets.token_hex(8)}.partial")
    descriptor = _naming(target, lambda: os.open(partial, _NEW, FILE_MODE))
    try:
        os.fchmod(descriptor, FILE_MODE)  # the umask may have taken more
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            _naming(target, lambda: os.fsync(stream.fileno()))
        put_in_place(partial, target, overwrite=overwrite)
    finally:
        partial.unlink(missing_ok=True)


def create_file(target: Path, content: bytes) -> None:
    """Write a file that is not there yet.

    Raises:
        CannotGoOn: something is there already.
        OSError: the file cannot be written.
    """
    with open_new_file(target) as stream:
        stream.write(content)


@contextmanager
def private_folder(beside: Path) -> Iterator[Path]:
    """Make a folder next to a file that nobody else may look into, for a library that opens files by name.

    It is removed at the end, with the files in it.
    """
    folder = beside.with_name(f".{secrets.token_hex(8)}.partial")
    _naming(beside, lambda: folder.mkdir(FOLDER_MODE))
    try:
        folder.chmod(FOLDER_MODE)
        yield folder
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def must_be_free(target: Path, *, overwrite: bool = False) -> None:
    """Refuse a name that is taken; with `overwrite` only one that is taken by something else than a file.

    Raises:
        CannotGoOn: it is taken.
    """
    try:
        found = target.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise CannotGoOn(f"{target} is a symbolic link. Name the file itself: links are not followed.")
    if not stat.S_ISREG(found.st_mode):
        raise CannotGoOn(f"{target} is not a regular file. Choose another name, or write to standard output.")
    if not overwrite:
        raise CannotGoOn(f"{target} exists already. Choose another name, or replace it with --overwrite.")


def put_in_place(partial: Path, target: Path, *, overwrite: bool = False) -> None:
    """Give a finished file its name, and have the folder keep it through a power failure.

    Raises:
        CannotGoOn: the name was taken meanwhile.
        OSError: the file cannot be renamed.
    """
    if overwrite:
        must_be_free(target, overwrite=True)
        _naming(target, lambda: os.replace(partial, target))  # noqa: PTH105  (in the form of the calls beside it)
    else:
        _link(partial, target)
    with suppress(OSError):  # some file systems cannot
        _sync_folder(target.parent)


def _link(partial: Path, target: Path) -> None:
    """Rename that fails where the name is taken, which `rename` itself does not."""
    try:
        os.link(partial, target, follow_symlinks=False)
    except FileExistsError:
        must_be_free(target)
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
            raise OSError(error.errno, error.strerror, str(target)) from error
        must_be_free(target)  # a file system without links, such as FAT
        _naming(target, lambda: os.replace(partial, target))  # noqa: PTH105
    else:
        partial.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _naming(target: Path, act: Callable[[], T]) -> T:
    """Run `act`; an error names the file as the caller knows it, not the temporary one."""
    try:
        return act()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


# Files of a log -------------------------------------------------------------------------------------------------------


def loose_modes(folder: Path) -> list[tuple[Path, int]]:
    """Return the folder of a log and its files that others may read, write or enter, each with its mode."""
    found = ((path, path.lstat().st_mode) for path in (folder, *_log_files(folder)))
    return [(path, stat.S_IMODE(mode)) for path, mode in found if mode & OTHERS and not stat.S_ISLNK(mode)]


def tighten_modes(folder: Path) -> None:
    """Take the folder of a log and its files away from others, as far as they are this user's.

    A folder that holds more than a log keeps its mode: other programs may need to get at the rest.

    Raises:
        CannotGoOn: everybody may replace the files of the log, and the folder holds more than that.
    """
    shared = any(path.name.partition(".")[0] not in _NAMES for path in folder.iterdir())
    for path, mode in loose_modes(folder):
        if path != folder or not shared:
            _tighten(path)
        elif mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise CannotGoOn(f"Everybody may replace the files in {folder}. Take that away with: chmod o-w {folder}")


def _tighten(path: Path) -> None:
    with suppress(OSError):  # another user's, or on a file system for reading only: `doctor` reports it
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.fchmod(descriptor, FOLDER_MODE if stat.S_ISDIR(os.fstat(descriptor).st_mode) else FILE_MODE)
        finally:
            os.close(descriptor)


def _log_files(folder: Path) -> list[Path]:
    return sorted(path for name in _NAMES for path in folder.glob(f"{name}.sqlite3*"))
