"""Asking git about the objects of a repository, without git ever opening that repository.

Git is run on an empty repository of our own, in a temporary folder, to which the folders of objects are linked. The
configuration, attributes, hooks, replacements, grafts, alternates and work tree of the real repository are out of its reach,
so nothing in them can name a program to run. The environment is made from nothing, and so says nothing to git either.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Final, NamedTuple

from interchange.adr.repository import GitRepository, HistoryError

TIMEOUT_S: Final = 300
"""For all calls of one import together."""
MAX_OUTPUT_BYTES: Final = 256 * 1024 * 1024
MAX_MESSAGE_BYTES: Final = 2000
BATCH_BYTES: Final = 32 * 1024 * 1024
BATCH_OBJECTS: Final = 10_000
_CHUNK_BYTES: Final = 64 * 1024
SHA1_LENGTH: Final = 40
"""Characters of an id in a repository of SHA-1; with SHA-256 they are 64."""
FOLDER_MODE: Final = "040000"
_ENVIRONMENT: Final = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
"""All that git is told, besides where it is and a home of its own. Nothing is handed on from our environment."""
_SETTINGS: Final = (
    "core.attributesFile=/dev/null", "core.commitGraph=false", "core.excludesFile=/dev/null", "core.fsmonitor=false",
    "core.hooksPath=/dev/null", "core.multiPackIndex=false", "core.pager=cat", "core.useReplaceRefs=false",
    "credential.helper=", "diff.external=", "gc.auto=0", "log.showSignature=false", "maintenance.auto=false",
    "protocol.allow=never", "safe.bareRepository=explicit", "submodule.recurse=false",
)  # fmt: skip
"""What follows from the empty repository already is said once more: a fault in one must not be enough."""


class TreeEntry(NamedTuple):
    """One name in a folder of a commit: its mode, its object, and the name as bytes."""

    mode: str
    id: str
    name: bytes


@dataclass(frozen=True, slots=True)
class GitObjects:
    """The objects of a repository, as git reads them. Every question costs from one deadline."""

    program: str
    path: str
    git_dir: Path
    deadline: float
    repository: GitRepository

    def run(self, *arguments: str | bytes, given: bytes = b"", settings: Sequence[str] = ()) -> bytes:
        """Return what a git command writes.

        Raises:
            HistoryError: it fails, takes too long, or writes too much.
        """
        options = [part for setting in (*_SETTINGS, *settings) for part in ("-c", setting)]
        command = [self.program, f"--git-dir={self.git_dir}", "--no-pager", "--literal-pathspecs", *options, *arguments]
        with tempfile.TemporaryFile() as input_file:
            input_file.write(given)
            input_file.seek(0)
            code, output, message = self._collect(command, input_file)
        if code:
            raise HistoryError(self._failure(message))
        return output

    def sizes(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the bytes of some objects by their ids.

        Raises:
            HistoryError: one of them is missing.
        """
        found: dict[str, int] = {}
        for some in _chunks(ids, BATCH_OBJECTS):
            asked = "".join(f"{id_}\n" for id_ in some).encode()
            lines = self.run("cat-file", "--batch-check=%(objectname) %(objectsize)", given=asked).decode().splitlines()
            for line in lines:
                id_, _, size = line.partition(" ")
                if not size.isdecimal():
                    raise HistoryError(self._failure(f"object {id_} is missing"))
                found[id_] = int(size)
        return found

    def contents(self, sizes: dict[str, int]) -> Iterator[tuple[str, bytes]]:
        """Yield the content of some blobs, whose sizes are known, by their ids.

        Raises:
            HistoryError: one of them cannot be read.
        """
        for some in _by_size(sizes):
            output = memoryview(self.run("cat-file", "--batch=", given="".join(f"{one}\n" for one in some).encode()))
            at = 0
            for id_ in some:
                at += 1  # the format is empty, which leaves an empty line before each content
                yield id_, bytes(output[at : at + sizes[id_]])
                at += sizes[id_] + 1
            if at != len(output):
                raise HistoryError(self._failure("objects are not as long as they say"))

    def tree(self, tree: str) -> list[TreeEntry]:
        """Return what a commit or folder holds, not what lies in folders below.

        Raises:
            HistoryError: it cannot be read.
        """
        entries = []
        for line in self.run("ls-tree", "-z", tree).split(b"\x00"):
            described, _, name = line.partition(b"\t")
            if name:
                mode, _, id_ = described.decode().split(" ")
                entries.append(TreeEntry(mode, id_, name))
        return entries

    def folder(self, commit: str, path: bytes) -> list[TreeEntry]:
        """Return what a folder holds in a commit; nothing where it has no such folder.

        Raises:
            HistoryError: it cannot be read.
        """
        tree = commit
        for part in path.split(b"/") if path else ():
            below = next((one for one in self.tree(tree) if one.name == part and one.mode == FOLDER_MODE), None)
            if below is None:
                return []
            tree = below.id
        return self.tree(tree)

    def _collect(self, command: Sequence[str | bytes], input_file: IO[bytes]) -> tuple[int, bytes, str]:
        home = str(self.git_dir)
        environment = _ENVIRONMENT | {"HOME": home, "XDG_CONFIG_HOME": home, "PATH": self.path}
        try:
            process = subprocess.Popen(
                command, stdin=input_file, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
                cwd=self.git_dir, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            msg = f"{self.repository.top} is a git work tree, and git cannot be started ({error.strerror})."
            raise HistoryError(msg) from error
        with process:
            try:
                output, message = self._drain(process)
                return process.wait(max(0.0, self.deadline - time.monotonic())), output, message
            except subprocess.TimeoutExpired as error:
                raise _too_slow() from error
            finally:
                if process.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)

    def _drain(self, process: subprocess.Popen[bytes]) -> tuple[bytes, str]:
        """Read all output, as far as it is bounded; of what is said on standard error only the beginning is kept."""
        output, message = bytearray(), bytearray()
        with selectors.DefaultSelector() as selector:
            for stream, kept in ((process.stdout, output), (process.stderr, message)):
                if stream is not None:
                    selector.register(stream, selectors.EVENT_READ, kept)
            while selector.get_map():
                ready = selector.select(max(0.0, self.deadline - time.monotonic()))
                if not ready:
                    raise _too_slow()
                for key, _ in ready:
                    data = os.read(key.fd, _CHUNK_BYTES)
                    if not data:
                        selector.unregister(key.fileobj)
                    elif key.data is output or len(message) < MAX_MESSAGE_BYTES:
                        key.data.extend(data)
                if len(output) > MAX_OUTPUT_BYTES:
                    msg = f"git says more than {MAX_OUTPUT_BYTES} bytes of the history of {self.repository.top}."
                    raise HistoryError(f"{msg} Import from a copy of the folder without .git.")
        return bytes(output), message[:MAX_MESSAGE_BYTES].decode(errors="replace").strip()

    def _failure(self, message: str) -> str:
        said = f"git cannot read the history of {self.repository.top}: {message}"
        if self.repository.is_partial():
            said += ". It is a partial clone, and what it lacks is not fetched. Import from a clone without --filter."
        return said


@contextmanager
def open_git_objects(repository: GitRepository) -> Iterator[GitObjects]:
    """Open the objects of a repository to be read.

    Raises:
        HistoryError: git is not installed, or the repository is not whole.
    """
    commit = repository.head()
    object_format = "sha1" if commit is None or len(commit) == SHA1_LENGTH else "sha256"
    with _open_empty(repository, object_format) as git:
        for folder in repository.object_folders():
            (git.git_dir / "objects" / folder.name).symlink_to(folder)
        yield git


@contextmanager
def _open_empty(repository: GitRepository, object_format: str) -> Iterator[GitObjects]:
    program, path = find_git(repository)
    with tempfile.TemporaryDirectory(prefix="decisionlog-git-") as folder:
        git_dir = Path(folder)
        _make_repository(git_dir, object_format)
        yield GitObjects(program, path, git_dir, time.monotonic() + TIMEOUT_S, repository)


def remote_address(repository: GitRepository) -> bytes:
    """Return where the remote `origin` of a repository is, or nothing. The configuration is only parsed; what it includes is not.

    Raises:
        HistoryError: git is not installed, or cannot read it.
    """
    configuration = repository.configuration()
    if b"origin" not in configuration:
        return b""
    with _open_empty(repository, "sha1") as git:
        words = ("config", "--file", "-", "--no-includes", "--default", "", "--get", "remote.origin.url")
        return git.run(*words, given=configuration)


def find_git(repository: GitRepository) -> tuple[str, str]:
    """Return the absolute path of git, and the part of PATH that it was looked for in: never the current folder, never the
    repository itself.

    Raises:
        HistoryError: git is not there.
    """
    top, here = repository.top.resolve(), _current_folder()
    folders = [
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if Path(folder).is_absolute()
        and not (resolved := Path(folder).resolve()).is_relative_to(top)
        and resolved != here
    ]
    path = os.pathsep.join(folders)
    found = shutil.which("git", path=path) if folders else None
    if found is None or Path(found).resolve().is_relative_to(top):
        msg = f"{repository.top} is a git work tree, and git cannot be found on PATH. Install git, and try again."
        raise HistoryError(msg)
    return found, path


def _current_folder() -> Path | None:
    try:
        return Path.cwd().resolve()
    except FileNotFoundError:
        return None


def _make_repository(git_dir: Path, object_format: str) -> None:
    """Make an empty bare repository. Its HEAD names no commit: commits are always asked for by their ids."""
    for name in ("objects", "refs"):
        (git_dir / name).mkdir()
    (git_dir / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
    extension = f"[extensions]\n\tobjectFormat = {object_format}\n" if object_format != "sha1" else ""
    version = 1 if extension else 0
    config = f"[core]\n\trepositoryFormatVersion = {version}\n\tbare = true\n{extension}"
    (git_dir / "config").write_text(config, encoding="ascii")


def _chunks(ids: Sequence[str], length: int) -> Iterator[list[str]]:
    rest = iter(ids)
    while some := list(islice(rest, length)):
        yield some


def _by_size(sizes: dict[str, int]) -> Iterator[list[str]]:
    """Yield the ids in lots of some megabytes, as a lot is held in memory twice."""
    lot: list[str] = []
    held = 0
    for id_, size in sizes.items():
        if lot and (held + size > BATCH_BYTES or len(lot) >= BATCH_OBJECTS):
            yield lot
            lot, held = [], 0
        lot.append(id_)
        held += size
    if lot:
        yield lot


def _too_slow() -> HistoryError:
    return HistoryError(
        f"git did not answer within {TIMEOUT_S} seconds. Import from a copy of the folder without .git."
    )
