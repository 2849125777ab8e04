"""Commands that begin at once: each in a process of its own, split off from one that has imported everything already.

What a command imports takes it half a second, and the tests run some two hundred of them. `warm` is a program that is
called as `decisionlog` is, and does the same. Servers, and whatever is killed or timed, are started as a user starts them.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
_SHIM = """#!{python} -IS
import array, json, os, socket, sys
end = socket.socket(socket.AF_UNIX)
end.connect({address!r})
asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
end.sendmsg([len(asked).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
end.sendall(asked)
os._exit(int.from_bytes(end.recv(1), "big"))
"""


@cache
def _address() -> str:
    """Where the process listens that the others are split off from; it ends with this one."""
    folder = tempfile.mkdtemp(prefix="decisionlog-warm-")
    address = f"{folder}/socket"
    server = subprocess.Popen(
        [sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )  # fmt: skip
    assert server.stdout.readline() == b"warm\n"
    _kept.append(server)
    return address


_kept: list[subprocess.Popen[bytes]] = []


@cache
def warm() -> Path:
    """A program `decisionlog`, in a folder of its own."""
    address = _address()
    path = Path(address).with_name("decisionlog")
    path.write_text(_SHIM.format(python=sys.executable, address=address))
    path.chmod(0o700)
    return path


# The other side ------------------------------------------------------------------------------------------------------


def _serve(address: str) -> None:
    """Splits off a process for each command that is asked for, until whoever started this has gone."""
    import gc
    import selectors
    import signal

    import cli.asking
    import cli.importing
    import cli.inside
    import cli.keeping
    import cli.main  # noqa: F401

    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as door, selectors.DefaultSelector() as waiting:
        door.bind(address)
        door.listen(16)
        waiting.register(door, selectors.EVENT_READ)
        waiting.register(0, selectors.EVENT_READ)
        sys.stdout.write("warm\n")
        sys.stdout.flush()
        while not any(key.fd == 0 for key, _ in waiting.select()):
            end, _ = door.accept()
            if not os.fork():
                door.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _answer(end)
            end.close()
    for left in (Path(address), Path(address).with_name("decisionlog")):
        left.unlink(missing_ok=True)
    Path(address).parent.rmdir()


def _answer(end: socket.socket) -> None:
    """Has another process do the command, and tells how it ended."""
    length, handles, _, _ = socket.recv_fds(end, 4, 3)
    asked = b""
    while len(asked) < int.from_bytes(length, "big"):
        asked += end.recv(1 << 16)
    arguments, folder, environment = json.loads(asked)
    child = os.fork()
    if not child:
        end.close()
        _become(arguments, folder, environment, handles)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    end.sendall(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def _become(arguments: list[str], folder: str, environment: dict[str, str], handles: list[int]) -> None:
    from cli.main import main

    for number, handle in enumerate(handles):
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["decisionlog", *arguments]
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115  (they are open until the end)
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    main()
    sys.exit(0)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    _serve(sys.argv[1])
