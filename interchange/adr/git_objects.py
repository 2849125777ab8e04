"""Read the objects of a git repository without letting git open that repository.

Git runs on an empty repository in a temporary folder, which links to the object folders of the real one. So the real
repository's configuration, attributes, hooks, replacements, grafts, alternates and work tree cannot make git run a
program. Git gets a fixed environment, and nothing from ours.
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

from interchange.adr.git_repository import GitRepository, HistoryError

TIMEOUT_S: Final = 300
"""The limit for all git commands of one import together."""
MAX_OUTPUT_BYTES: Final = 256 * 1024 * 1024
MAX_MESSAGE_BYTES: Final = 2000
BATCH_BYTES: Final = 32 * 1024 * 1024
BATCH_OBJECTS: Final = 10_000
_CHUNK_BYTES: Final = 64 * 1024
SHA1_LENGTH: Final = 40
"""The length of an object id in a SHA-1 repository; in a SHA-256 repository it is 64."""
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
"""The whole environment of git, besides PATH and a home folder. Nothing is inherited."""
_SETTINGS: Final = (
    "core.attributesFile=/dev/null",
    "core.commitGraph=false",
    "core.excludesFile=/dev/null",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.multiPackIndex=false",
    "core.pager=cat",
    "core.useReplaceRefs=false",
    "credential.helper=",
    "diff.external=",
    "gc.auto=0",
    "log.showSignature=false",
    "maintenance.auto=false",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
    "submodule.recurse=false",
)
"""Defense in depth: most of this already follows from the empty repository."""


class TreeEntry(NamedTuple):
    """An entry of a folder in a commit: its mode, its object id and its name."""

    mode: str
    id: str
    name: bytes


@dataclass(frozen=True, slots=True)
class GitObjects:
    """Runs git commands on the objects of a repository. All commands share one deadline."""

    program: str
    path: str
    git_dir: Path
    deadline: float
    repository: GitRepository

    def run(self, *arguments: str | bytes, input_bytes: bytes = b"", settings: Sequence[str] = ()) -> bytes:
        """Return the output of a git command.

        Raises:
            HistoryError: the command fails, takes too long, or writes too much.
        """
        options = [part for setting in (*_SETTINGS, *settings) for part in ("-c", setting)]
        command = [self.program, f"--git-dir={self.git_dir}", "--no-pager", "--literal-pathspecs", *options, *arguments]
        with tempfile.TemporaryFile() as input_file:
            input_file.write(input_bytes)
            input_file.seek(0)
            code, output, message = self._collect(command, input_file)
        if code:
            raise HistoryError(self._failure_text(message))
        return output

    def sizes(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the sizes of some objects in bytes, by id.

        Raises:
            HistoryError: an object is missing.
        """
        found: dict[str, int] = {}
        for group in _groups(ids, BATCH_OBJECTS):
            request = "".join(f"{id_}\n" for id_ in group).encode()
            lines = (
                self.run("cat-file", "--batch-check=%(objectname) %(objectsize)", input_bytes=request)
                .decode()
                .splitlines()
            )
            for line in lines:
                id_, _, size = line.partition(" ")
                if not size.isdecimal():
                    raise HistoryError(self._failure_text(f"object {id_} is missing"))
                found[id_] = int(size)
        return found

    def contents(self, sizes: dict[str, int]) -> Iterator[tuple[str, bytes]]:
        """Yield the id and content of some blobs, given their sizes by id.

        Raises:
            HistoryError: a blob cannot be read.
        """
        for group in _groups_by_size(sizes):
            output = memoryview(
                self.run("cat-file", "--batch=", input_bytes="".join(f"{id_}\n" for id_ in group).encode())
            )
            at = 0
            for id_ in group:
                at += 1  # the empty format leaves an empty line before each content
                yield id_, bytes(output[at : at + sizes[id_]])
                at += sizes[id_] + 1
            if at != len(output):
                raise HistoryError(self._failure_text("the length of an object differs from the one in its header"))

    def tree(self, tree: str) -> list[TreeEntry]:
        """Return the entries of a commit or folder, without those in subfolders.

        Raises:
            HistoryError: the object cannot be read.
        """
        entries = []
        for line in self.run("ls-tree", "-z", tree).split(b"\x00"):
            described, _, name = line.partition(b"\t")
            if name:
                mode, _, id_ = described.decode().split(" ")
                entries.append(TreeEntry(mode, id_, name))
        return entries

    def folder(self, commit: str, path: bytes) -> list[TreeEntry]:
        """Return the entries of a folder in a commit; none if the commit has no such folder.

        Raises:
            HistoryError: an object cannot be read.
        """
        tree = commit
        for part in path.split(b"/") if path else ():
            below = next((one for one in self.tree(tree) if one.name == part and one.mode == FOLDER_MODE), None)
            if below is None:
                return []
            tree = below.id
        return self.tree(tree)

    def files_below(self, commit: str, path: bytes) -> list[TreeEntry]:
        """Return the files of a folder and its subfolders in a commit, with their paths in it.

        Raises:
            HistoryError: an object cannot be read.
        """
        output = self.run("ls-tree", "-r", "-z", "--full-tree", commit, *([b"--", path + b"/"] if path else []))
        found = []
        for line in filter(None, output.split(b"\x00")):
            described, _, name = line.partition(b"\t")
            mode, _, id_ = described.split(b" ")
            found.append(TreeEntry(mode.decode(), id_.decode(), name.removeprefix(path + b"/") if path else name))
        return found

    def _collect(self, command: Sequence[str | bytes], input_file: IO[bytes]) -> tuple[int, bytes, str]:
        home = str(self.git_dir)
        environment = _ENVIRONMENT | {"HOME": home, "XDG_CONFIG_HOME": home, "PATH": self.path}
        try:
            process = subprocess.Popen(
                command,
                stdin=input_file,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=self.git_dir,
                start_new_session=True,
            )
        except OSError as error:
            raise HistoryError(
                f"{self.repository.top} is a git work tree, and git cannot be started ({error.strerror})."
            ) from error
        with process:
            try:
                output, message = self._read_output(process)
                return process.wait(max(0.0, self.deadline - time.monotonic())), output, message
            except subprocess.TimeoutExpired as error:
                raise _timeout_error() from error
            finally:
                if process.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)

    def _read_output(self, process: subprocess.Popen[bytes]) -> tuple[bytes, str]:
        """Return the output up to its limit, and the beginning of the error messages."""
        output, message = bytearray(), bytearray()
        with selectors.DefaultSelector() as selector:
            for stream, buffer in ((process.stdout, output), (process.stderr, message)):
                if stream is not None:
                    selector.register(stream, selectors.EVENT_READ, buffer)
            while selector.get_map():
                ready = selector.select(max(0.0, self.deadline - time.monotonic()))
                if not ready:
                    raise _timeout_error()
                for key, _ in ready:
                    data = os.read(key.fd, _CHUNK_BYTES)
                    if not data:
                        selector.unregister(key.fileobj)
                    elif key.data is output or len(message) < MAX_MESSAGE_BYTES:
                        key.data.extend(data)
                if len(output) > MAX_OUTPUT_BYTES:
                    raise HistoryError(
                        f"The history of {self.repository.top} has more than {MAX_OUTPUT_BYTES} bytes. Import from a copy "
                        "of the folder without .git."
                    )
        return bytes(output), message[:MAX_MESSAGE_BYTES].decode(errors="replace").strip()

    def _failure_text(self, message: str) -> str:
        text = f"git cannot read the history of {self.repository.top}: {message}"
        if self.repository.is_partial():
            text += (
                ". It is a partial clone, and missing objects are not fetched. Import from a clone without --filter."
            )
        return text


@contextmanager
def open_git_objects(repository: GitRepository) -> Iterator[GitObjects]:
    """Open the objects of a repository for reading.

    Raises:
        HistoryError: git is not installed, or the repository is incomplete.
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
    """Return the address of the remote `origin`, or nothing. The configuration is parsed without its includes.

    Raises:
        HistoryError: git is not installed, or cannot read the configuration.
    """
    configuration = repository.configuration()
    if b"origin" not in configuration:
        return b""
    with _open_empty(repository, "sha1") as git:
        words = ("config", "--file", "-", "--no-includes", "--default", "", "--get", "remote.origin.url")
        return git.run(*words, input_bytes=configuration)


def find_git(repository: GitRepository) -> tuple[str, str]:
    """Return the absolute path of git, and the folders of PATH that were searched for it.

    The current folder and the repository itself are never searched.

    Raises:
        HistoryError: git is not installed.
    """
    top, current = repository.top.resolve(), _current_folder()
    folders = [
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if Path(folder).is_absolute()
        and not (resolved := Path(folder).resolve()).is_relative_to(top)
        and resolved != current
    ]
    path = os.pathsep.join(folders)
    found = shutil.which("git", path=path) if folders else None
    if found is None or Path(found).resolve().is_relative_to(top):
        raise HistoryError(
            f"{repository.top} is a git work tree, and git was not found on PATH. Install git and try again."
        )
    return found, path


def _current_folder() -> Path | None:
    try:
        return Path.cwd().resolve()
    except FileNotFoundError:
        return None


def _make_repository(git_dir: Path, object_format: str) -> None:
    """Create an empty bare repository. Its HEAD names no commit, because commits are always named by their ids."""
    for name in ("objects", "refs"):
        (git_dir / name).mkdir()
    (git_dir / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
    extension = f"[extensions]\n\tobjectFormat = {object_format}\n" if object_format != "sha1" else ""
    version = 1 if extension else 0
    config = f"[core]\n\trepositoryFormatVersion = {version}\n\tbare = true\n{extension}"
    (git_dir / "config").write_text(config, encoding="ascii")


def _groups(ids: Sequence[str], length: int) -> Iterator[list[str]]:
    rest = iter(ids)
    while group := list(islice(rest, length)):
        yield group


def _groups_by_size(sizes: dict[str, int]) -> Iterator[list[str]]:
    """Yield the ids in groups of some megabytes, because a group is held in memory twice."""
    group: list[str] = []
    total = 0
    for id_, size in sizes.items():
        if group and (total + size > BATCH_BYTES or len(group) >= BATCH_OBJECTS):
            yield group
            group, total = [], 0
        group.append(id_)
        total += size
    if group:
        yield group


def _timeout_error() -> HistoryError:
    return HistoryError(
        f"git did not answer within {TIMEOUT_S} seconds. Import from a copy of the folder without .git."
    )
