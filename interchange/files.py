"""Read regular files up to a size limit. Links are not followed, pipes are not waited for, and devices are not read."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

_OPEN_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""Opening a pipe must not wait for a writer, and opening a terminal must not take it over."""
_KINDS: Final[tuple[tuple[Callable[[int], bool], str], ...]] = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotRegularError(OSError):
    """The path is not a regular file; `strerror` says what it is instead."""

    def __init__(self, what: str, path: str | Path) -> None:
        super().__init__(errno.EINVAL, f"is {what}; only regular files are read", str(path))


class FileTooLongError(OSError):
    """The file is longer than its size limit."""

    def __init__(self, limit_bytes: int, path: str | Path) -> None:
        super().__init__(errno.EINVAL, f"is longer than {limit_bytes} bytes", str(path))


def open_regular(path: str | Path, *, dir_fd: int | None = None, follow: bool = False) -> BinaryIO:
    """Open a regular file for reading.

    A symbolic link is followed only with `follow`, for a path that the user has named. The path is checked before it is
    opened, because opening a device can have effects, and again afterwards, because it may have been replaced meanwhile.

    Raises:
        NotRegularError: the path is a link, a folder, a device, a pipe or a socket.
        OSError: the file cannot be opened.
    """
    _require_regular(os.stat(path, dir_fd=dir_fd, follow_symlinks=follow).st_mode, path)
    flags = _OPEN_FLAGS if follow else _OPEN_FLAGS | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, dir_fd=dir_fd)
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise NotRegularError("a symbolic link", path) from error
        raise
    try:
        _require_regular(os.fstat(descriptor).st_mode, path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: str | Path, limit_bytes: int, *, dir_fd: int | None = None, follow: bool = False) -> bytes:
    """Return the content of a regular file.

    Raises:
        NotRegularError: the path is a link, a folder, a device, a pipe or a socket.
        FileTooLongError: the file has more than `limit_bytes`.
        OSError: the file cannot be read.
    """
    with open_regular(path, dir_fd=dir_fd, follow=follow) as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise FileTooLongError(limit_bytes, path)
    return content


def _require_regular(mode: int, path: str | Path) -> None:
    if not stat.S_ISREG(mode):
        what = next((name for is_kind, name in _KINDS if is_kind(mode)), "not a file")
        raise NotRegularError(what, path)
