"""Opening the small files that processes of one log share in its folder.

Another user may be able to write to that folder. So a link is not followed, a pipe is not waited for, and a file with a
second name is refused: it may be any file of this user.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

_FLAGS: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
MODE: Final = 0o600


def open_regular(path: Path, flags: int) -> int:
    """Return a descriptor of a regular file with one name.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    try:
        handle = os.open(path, flags | _FLAGS, MODE)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:
            raise _irregular(path) from None
        raise
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(handle)
        raise _irregular(path)
    return handle


def read_regular(path: Path, limit_bytes: int) -> str:
    """Return the text of a regular file, up to a limit.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is not UTF-8.
    """
    handle = open_regular(path, os.O_RDONLY)
    try:
        return os.pread(handle, limit_bytes, 0).decode()
    finally:
        os.close(handle)


def replace_regular(path: Path, text: str) -> None:
    """Write a new file, and rename it over the old one.

    Raises:
        OSError: it cannot be written.
    """
    new = path.with_name(f"{path.stem}.{os.getpid()}.new")
    new.unlink(missing_ok=True)  # left by a process that was killed
    handle = open_regular(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)
    new.replace(path)


def _irregular(path: Path) -> OSError:
    return OSError(
        errno.EINVAL,
        "is a link, or not a regular file with one name. Remove it, and check who can write there",
        str(path),
    )
