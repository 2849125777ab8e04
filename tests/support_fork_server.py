"""Run commands in processes forked from one that has imported everything, because importing takes half a second.

`run_forked` runs a command to its end. `warm` returns a program that behaves like `decisionlog`, and passes on the signals
that end it. What is killed, limited or timed, and each way to start a server, is started as a user starts it.
"""

from __future__ import annotations

import array
import ast
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
_LENGTH_BYTES = 4
_SHIM = """#!{python} -IS
import _signal, _socket, array, os, sys  # no module that takes long to import
end = _socket.socket(_socket.AF_UNIX)
end.connect({address!r})
request = ascii((sys.argv[1:], os.getcwd(), dict(os.environ))).encode()
handles = array.array("i", [0, 1, 2])
end.sendmsg([len(request).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, handles)])
while request:
    request = request[end.send(request):]
process = int.from_bytes(end.recv(4, _socket.MSG_WAITALL), "big")
for number in (_signal.SIGINT, _signal.SIGTERM):
    _signal.signal(number, lambda number, _: os.kill(process, number))
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


def run_forked(
    arguments: list[str], environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as `subprocess.run` does, without a process in between.

    Raises:
        TimeoutExpired: it has not ended in time, and was killed.
    """
    request = ascii((arguments, str(Path.cwd()), dict(environment))).encode()
    with ExitStack() as opened:
        end = opened.enter_context(socket.socket(socket.AF_UNIX))
        outputs = [opened.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(2)]
        nothing = opened.enter_context(Path(os.devnull).open("rb"))
        end.settimeout(timeout_s)
        end.connect(_address())
        handles = array.array("i", [nothing.fileno(), *(output.fileno() for output in outputs)])
        end.sendmsg(
            [len(request).to_bytes(_LENGTH_BYTES, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handles.tobytes())]
        )
        end.sendall(request)
        try:
            answer = b""
            while len(answer) < _LENGTH_BYTES + 1:
                answer += end.recv(_LENGTH_BYTES + 1 - len(answer)) or _lost()
        except TimeoutError:  # the server kills the command when this end is closed
            raise subprocess.TimeoutExpired(arguments, timeout_s) from None
        for output in outputs:
            output.seek(0)
        stdout, stderr = (output.read() for output in outputs)
    return subprocess.CompletedProcess(["decisionlog", *arguments], answer[-1], stdout, stderr)


def _lost() -> bytes:
    raise ConnectionError("the fork server has ended")


# The server -----------------------------------------------------------------------------------------------------------


def _serve(address: str) -> None:
    """Fork a process for each command, until the process that started this one has ended."""
    import gc
    import selectors

    import click

    import projections.read_model.postgresql  # noqa: F401  (these are imported when they are needed)
    from api.app import create_app
    from cli.main import cli as group

    for name in group.list_commands(click.Context(group)):
        group.get_command(click.Context(group), name)
    create_app(None)  # type: ignore[arg-type]  # so that its routes are built

    gc.freeze()
    commands = _Commands()
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as waiting:
        listener.bind(address)
        listener.listen(16)
        for each in (listener, commands.woken, 0):
            waiting.register(each, selectors.EVENT_READ)
        sys.stdout.write("warm\n")
        sys.stdout.flush()
        while True:
            for key, _ in waiting.select():
                if key.fd == 0:
                    _remove_files(address)
                    return
                if key.fileobj is listener:
                    with suppress(OSError):  # the caller has ended meanwhile
                        waiting.register(commands.start(listener), selectors.EVENT_READ)
                elif key.fileobj is commands.woken:
                    for end in commands.collect():
                        waiting.unregister(end)
                        end.close()
                else:
                    commands.kill(key.fileobj)


class _Commands:
    """The commands that run now, and the connection to the caller of each."""

    def __init__(self) -> None:
        self.woken, self._waker = socket.socketpair()
        """Can be read when a command has ended."""
        for each in (self.woken, self._waker):
            each.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno())
        self._ends: dict[int, socket.socket] = {}

    def start(self, listener: socket.socket) -> socket.socket:
        """Fork a process that runs the next command, tell its id to the caller, and return the connection."""
        end, _ = listener.accept()
        length, handles, _, _ = socket.recv_fds(end, _LENGTH_BYTES, 3)
        size, request = int.from_bytes(length, "big"), b""
        while len(request) < size:
            request += end.recv(size - len(request)) or _lost()
        child = os.fork()
        if not child:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (listener, self.woken, self._waker, end, *self._ends.values()):
                each.close()
            _run(*ast.literal_eval(request.decode()), handles)
        for handle in handles:
            os.close(handle)
        end.sendall(child.to_bytes(_LENGTH_BYTES, "big"))
        self._ends[child] = end
        return end

    def collect(self) -> Iterator[socket.socket]:
        """Send the exit codes of the commands that have ended, and yield their connections."""
        with suppress(BlockingIOError):
            while self.woken.recv(1024):
                pass
        while self._ends:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            code = os.waitstatus_to_exitcode(status)
            with suppress(OSError):  # the caller has ended
                self._ends[child].sendall(bytes([code if code >= 0 else 128 - code]))
            yield self._ends.pop(child)

    def kill(self, end: socket.socket) -> None:
        """Kill a command whose caller has ended before it."""
        for child, each in self._ends.items():
            if each is end:
                os.kill(child, signal.SIGKILL)


def _remove_files(address: str) -> None:
    for left in (Path(address), Path(address).with_name("decisionlog")):
        left.unlink(missing_ok=True)
    Path(address).parent.rmdir()


def _run(arguments: list[str], folder: str, environment: dict[str, str], handles: list[int]) -> None:
    from cli.main import main

    for number, handle in enumerate(handles):
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["decisionlog", *arguments]
    buffering = 1 if "PYTHONUNBUFFERED" in environment or os.isatty(1) else -1
    sys.stdin, sys.stdout = open(0), open(1, "w", buffering=buffering)  # noqa: SIM115  (they are open until the end)
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001  (what Python does with it)
        sys.excepthook(*sys.exc_info())
        code = 1
    _end(code)


def _end(code: object) -> None:
    """End this process as Python does, but without taking apart what was imported, which takes most of the time."""
    import atexit
    import threading

    if code is not None and not isinstance(code, int):
        sys.stderr.write(f"{code}\n")
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = 120
    os._exit((code or 0) & 0xFF)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    _serve(sys.argv[1])
