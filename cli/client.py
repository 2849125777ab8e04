"""Find the HTTP interface of the log: the one source of answers for every command that asks or records.

It is the server in `DECISIONLOG_URL` if that is set, else the server on this machine that has the log, else the
interface runs in this process on the log's files. A command is written once and gives the same answer everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cli.connection import connect
from cli.errors import NoLogError
from cli.location import Location
from cli.token_lookup import find_token
from decisionlog_client import Client
from eventlog.errors import LogInUseError
from eventlog.lock import find_writer

LOCK_WAIT_S: Final = 5.0
"""How long to wait for another command that has the files open."""
LOCK_POLL_INTERVAL_S: Final = 0.05


@contextmanager
def open_client(location: Location, *, writes: bool, creates: bool = False) -> Iterator[Client]:
    """Open a client of the log at a location. With `creates`, the log is created if it does not exist.

    Raises:
        NoLogError: there is no log.
        LogInUseError: another process has its files open and is not a server.
    """
    if writes and not creates:
        require_log(location)
    if location.url:
        client = connect(location.url, find_token(location))
    elif server := _find_local_server(location, writes=writes):
        client = connect(server.address, find_token(location) or server.key)
    else:
        # Loading the interface takes a second, which commands next to a server need not wait for.
        from cli.in_process_client import open_in_process_client  # noqa: PLC0415

        with open_in_process_client(location.load_settings(), writes=writes) as in_process:
            yield in_process
        return
    with client:
        yield client


def require_log(location: Location) -> None:
    """Check that there is a log, so that a mistyped directory does not begin a new one.

    Raises:
        NoLogError: there is none.
    """
    if location.url or location.store or location.log_file.exists():
        return
    near = sorted(each.parent for each in location.data.absolute().parent.glob("*/log.sqlite3"))
    hint = f" There is one in {' and in '.join(str(each) for each in near[:3])}." if near else ""
    raise NoLogError(f"No log in {location.data}.{hint}")


def _find_local_server(location: Location, *, writes: bool) -> LogInUseError | None:
    """Return the server that has the log, if there is one. A writer waits a moment for another command to finish.

    Raises:
        LogInUseError: another process has the log open and is not a server.
    """
    if location.store:
        return None
    deadline = time.monotonic() + LOCK_WAIT_S
    while (found := find_writer(location.log_file)) and not found.address:
        if not writes:
            return None
        if time.monotonic() > deadline:
            raise found
        time.sleep(LOCK_POLL_INTERVAL_S)
    return found
