"""Run commands in processes forked from one that has imported everything, because importing takes half a second.

`warm` returns a program that behaves like `decisionlog`, and passes on the signals that end it. What is killed, limited or
timed, and each way to start a server, is started as a user starts it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
_SHIM = """#!{python} -IS
import array, json, os, signal, socket, sys
end = socket.socket(socket.AF_UNIX)
end.connect({address!r})
request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
end.sendmsg([len(request).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
end.sendall(request)
process = int.from_bytes(end.recv(4, socket.MSG_WAITALL), "big")
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(process, number))
for number in (0, 1, 2):
    os.close(number)  # so that a reader sees when the command has ended
os._exit(int.from_bytes(end.recv(1), "big"))
"""


@cache
def _address() -> str:
    """Start the fork server, which ends with this process, and return the path of its socket."""
    folder = tempfile.mkdtemp(prefix="decisionlog-warm-")
    address = f"{folder}/socket"
    server = subprocess.Popen(
        [sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert server.stdout.readline() == b"warm\n"
    _servers.append(server)
    return address


_servers: list[subprocess.Popen[bytes]] = []


@cache
def warm() -> Path:
    """Return the path of a program `decisionlog`, in a folder of its own."""
    address = _address()
    path = Path(address).with_name("decisionlog")
    path.write_text(_SHIM.format(python=sys.executable, address=address))
    path.chmod(0o700)
    return path


# The server -----------------------------------------------------------------------------------------------------------


def _serve(address: str) -> None:
    """Fork a process for each command, until the process that started this one has ended."""
    import gc
    import selectors

    import click

    from api.app import create_app
    from cli.main import cli as group

    for name in group.list_commands(click.Context(group)):
        group.get_command(click.Context(group), name)
    create_app(None)  # type: ignore[arg-type]  # so that its routes are built

    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as waiting:
        listener.bind(address)
        listener.listen(16)
        waiting.register(listener, selectors.EVENT_READ)
        waiting.register(0, selectors.EVENT_READ)
        sys.stdout.write("warm\n")
        sys.stdout.flush()
        while not any(key.fd == 0 for key, _ in waiting.select()):
            end, _ = listener.accept()
            if not os.fork():
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _handle(end)
            end.close()
    for left in (Path(address), Path(address).with_name("decisionlog")):
        left.unlink(missing_ok=True)
    Path(address).parent.rmdir()


def _handle(end: socket.socket) -> None:
    """Run the command in another process, and return its exit code."""
    length, handles, _, _ = socket.recv_fds(end, 4, 3)
    request = b""
    while len(request) < int.from_bytes(length, "big"):
        request += end.recv(1 << 16)
    arguments, folder, environment = json.loads(request)
    child = os.fork()
    if not child:
        end.close()
        _run(arguments, folder, environment, handles)
    for handle in handles:
        os.close(handle)
    end.sendall(child.to_bytes(4, "big"))
    threading.Thread(target=_kill_when_left, args=(end, child), daemon=True).start()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    end.sendall(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def _kill_when_left(end: socket.socket, child: int) -> None:
    """Kill a command whose caller has ended before it."""
    if not end.recv(1):
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(child, signal.SIGKILL)


def _run(arguments: list[str], folder: str, environment: dict[str, str], handles: list[int]) -> None:
    from cli.main import main

    for number, handle in enumerate(handles):
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["decisionlog", *arguments]
    buffering = 1 if "PYTHONUNBUFFERED" in environment or os.isatty(1) else -1
    sys.stdin, sys.stdout = open(0), open(1, "w", buffering=buffering)  # noqa: SIM115  (they are open until the end)
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    main()
    sys.exit(0)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    _serve(sys.argv[1])
