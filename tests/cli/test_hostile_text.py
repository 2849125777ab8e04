"""No control character that others wrote reaches a terminal, whichever command shows it, in a terminal and in a pipe."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from unittest.mock import Mock

import click
import pytest
from rich.text import Text

from cli import terminal
from cli.main import cli, main
from cli.verb_list import read_verbs
from domain import values
from domain.characters import escape_unsafe
from interchange.tracker.presets import PRESETS
from tests.support_fork_server import warm
from tests.support_log import LocalService
from tests.support_serving import forked_server, surroundings

EVIL = (
    "tea\x1b]0;owned\x07\x1b[2J\x1b[38;5;213m\x9b31m\x85\x7f\r\u202e\u2066\u200f\u061c\u200b\ufeff\u2028\U000e0041pot"
)
LINE = "tea\x9b31m\x84\u202e\u2066\u200f\u061c\u200b\ufeff\U000e0041pot"
"""What a title could hold before C1 controls were refused: a log that was written then is still read."""
ARGUMENT = EVIL.replace("\r", "").encode()
BYTES = b"tea\x9b31m\xffpot"
"""No UTF-8, as a command line and the name of a file may be."""
LONGEST_S = 60
"""Seconds without a word after which a command is taken to hang."""
OURS = re.compile(
    r"\r?\x1b\[(?:[0-9;]*m|\?25[lh]|[0-9]*[AK])|\x1b\]8;(?:id=[0-9]+;http://127\.0\.0\.1:[0-9]+/[a-z0-9/._~-]+|;)\x1b\\"
)
"""Colors, the movements of a progress bar, and links to the log's own pages. The terminal's own are none of the text's: those are escaped."""


@dataclass(frozen=True)
class Case:
    """A command to be run; `EVIL`, `DATA` and `DIR` in its words stand for a hostile text, the log, and a folder."""

    words: str
    ends: bool = True
    machine: bool = False
    """Whether a pipe gets data in a format of its own, unchanged; a terminal never does."""


def _record_cases(path, verb):
    """A command that records, with hostile names, and with a hostile text for a subject that exists."""
    arguments = [field for field in verb["fields"] if "argument" in field]
    required = [field for field in verb["fields"] if field.get("required") and "argument" not in field]
    options = " ".join(f"--{field['option']} EVIL" for field in required)
    cases = [Case(f"{path} {'EVIL ' * len(arguments)} {options} --yes")]
    if arguments and arguments[0]["name"] == "subject":
        real = {"decision": "decision:tea", "feature": "feature:tea", "product": "product:shop"}
        subject = real.get(arguments[0]["kinds"][0], "ann")
        cases.append(Case(f"{path} {subject} {'EVIL ' * (len(arguments) - 1)} {options} --note EVIL --yes --dry-run"))
    return cases


CASES = {
    "serve": [
        Case("serve --host EVIL"),
        Case("serve --replica EVIL"),
        Case("serve --owner TURNED --port 0 --data DIR/other", ends=False),
    ],
    "project": [Case("project --data EVIL")],
    "publish": [Case("publish --data EVIL")],
    "consume": [Case("consume --data DIR/bad/EVIL")],
    "replica": [Case("replica --into DIR/bad/EVIL"), Case("replica --into postgresql://EVIL")],
    "import changes": [
        Case("import changes DIR/changes --mapping DIR/mapping --dry-run"),
        Case("import changes EVIL --mapping EVIL"),
        Case("import changes DIR/changes --mapping DIR/bad"),
        Case("import changes DIR/changes --mapping DIR/mapping --dry-run --json"),
    ],
    "import commands": [
        Case("import commands DIR/commands --dry-run"),
        Case("import commands DIR/commands --dry-run --json"),
    ],
    "import madr": [
        Case("import madr DIR/records --dry-run"),
        Case("import madr DIR/records --dry-run --system EVIL --product EVIL"),
        Case("import madr DIR/records --dry-run --json"),
    ],
    **{
        f"import {tracker}": [
            Case(f"import {tracker} DIR/changes --product shop --dry-run"),
            Case(f"import {tracker} DIR/exported --product shop --dry-run"),
            Case(f"import {tracker} EVIL --product EVIL --system EVIL --zone EVIL"),
            Case(f"import {tracker} DIR/exported --product shop --dry-run --verbose --json"),
        ]
        for tracker in PRESETS
    },
    "imports": [
        Case("imports"),
        Case("imports EVIL"),
        Case("imports tracker"),
        Case("imports tracker --dismiss --why EVIL"),
        Case("imports --json"),
        Case("imports --csv", machine=True),
    ],
    "import nygard": [Case("import nygard DIR/records --dry-run --system EVIL --verbose")],
    "export": [
        Case("export", machine=True),
        Case("export --people", machine=True),
        Case("export --output none-EVIL/EVIL"),
    ],
    "export madr": [Case("export madr DIR/EVIL"), Case("export madr DIR/records --product EVIL")],
    "demo": [Case("demo DIR/records"), Case("demo --ends-on EVIL")],
    "rebuild": [Case("rebuild"), Case("rebuild --data EVIL")],
    "doctor": [Case("doctor"), Case("doctor --data DIR/EVIL")],
    "verify": [
        Case("verify --write-checkpoint DIR/EVIL"),
        Case("verify --checkpoint DIR/bad"),
        Case("verify --checkpoint EVIL"),
    ],
    "backup": [Case("backup DIR/EVIL"), Case("backup DIR/bad")],
    **{path: _record_cases(path, verb) for path, verb in read_verbs()[1].items()},
    "migrate": [Case("migrate --to EVIL"), Case("migrate --to postgresql://EVIL@127.0.0.1:1/EVIL")],
    "token create": [
        Case("token create EVIL"),
        Case("token create ann --label EVIL"),
        Case("token create ann --scope EVIL"),
    ],
    "token list": [Case("token list"), Case("token list --json")],
    "role list": [
        Case("role list"),
        Case("role list --holder EVIL --product EVIL"),
        Case("role list --json"),
        Case("role list --csv", machine=True),
    ],
    "account list": [Case("account list"), Case("account list --person EVIL")],
    "account connect": [Case("account connect EVIL EVIL --issuer EVIL")],
    "account disconnect": [Case("account disconnect EVIL --issuer EVIL")],
    "login-link": [Case("login-link EVIL")],
    "token revoke": [Case("token revoke EVIL")],
    "slips": [Case("slips"), Case("slips --subject EVIL"), Case("slips --csv", machine=True)],
    "minutes": [Case("minutes"), Case("minutes --json")],
    "tasks": [Case("tasks"), Case("tasks --json")],
    "flags": [Case("flags"), Case("flags --subject EVIL"), Case("flags --json")],
    "arrivals": [Case("arrivals"), Case("arrivals --subject EVIL"), Case("arrivals --csv", machine=True)],
    "options": [Case("options EVIL"), Case("options tea --json")],
    "contributions": [Case("contributions"), Case("contributions --gaps"), Case("contributions --subject EVIL")],
    "debt": [Case("debt"), Case("debt --owner EVIL"), Case("debt --json")],
    "outcomes": [Case("outcomes"), Case("outcomes --by EVIL"), Case("outcomes --json")],
    "calibration": [Case("calibration"), Case("calibration EVIL")],
    "succession": [Case("succession EVIL"), Case("succession ann --to EVIL --yes")],
    "decisions": [
        Case("decisions"),
        Case("decisions --json"),
        Case("decisions --csv", machine=True),
        Case("decisions --text EVIL"),
    ],
    "show": [
        Case("show decision:tea"),
        Case("show decision:tea --json"),
        Case("show EVIL"),
        Case("show --kind EVIL"),
        Case("show"),
    ],
    "roadmap": [
        Case("roadmap shop --blame"),
        Case("roadmap EVIL"),
        Case("roadmap shop --layout EVIL"),
        Case("roadmap --csv", machine=True),
    ],
    "who": [Case("who"), Case("who EVIL"), Case("who feature:tea"), Case("who --csv", machine=True)],
    "changes": [
        Case("changes --since 2024"),
        Case("changes --since EVIL"),
        Case("changes --since 2024 --csv", machine=True),
    ],
    "blame": [Case("blame"), Case("blame EVIL"), Case("blame --field EVIL"), Case("blame --json")],
    "audit": [Case("audit"), Case("audit --by EVIL"), Case("audit --type EVIL"), Case("audit --json")],
    "report": [
        Case("report shop --since 2024"),
        Case("report shop --since 2024 --format html", machine=True),
        Case("report EVIL --since 2024"),
        Case("report shop --since 2024 --format json"),
        Case("report shop --since 2024 --format csv", machine=True),
        Case("report shop --since 2024 --output none-EVIL/EVIL"),
    ],
    "authority": [
        Case("authority decision:tea"),
        Case("authority EVIL"),
        Case("authority decision:tea --json"),
        Case("authority decision:tea --csv", machine=True),
    ],
    "deciders": [
        Case("deciders shop"),
        Case("deciders EVIL"),
        Case("deciders shop --kind EVIL"),
        Case("deciders shop --cost EVIL EVIL"),
        Case("deciders shop --json"),
        Case("deciders shop --csv", machine=True),
    ],
    "activity": [
        Case("activity"),
        Case("activity --who EVIL --type EVIL"),
        Case("activity --csv", machine=True),
    ],
    "access-journal": [
        Case("access-journal"),
        Case("access-journal --who EVIL --kind EVIL"),
        Case("access-journal --kind denied --json"),
        Case("access-journal --csv", machine=True),
    ],
    "search": [Case("search tea"), Case("search EVIL"), Case("search tea --csv", machine=True)],
    "people": [Case("people"), Case("people EVIL"), Case("people --json"), Case("people --csv", machine=True)],
    "status": [Case("status"), Case("status --json"), Case("status --working EVIL"), Case("status --replica EVIL")],
    "": [
        Case("EVIL"),
        Case("--EVIL"),
        Case("import EVIL"),
        Case("token EVIL"),
        Case("token revoke BYTES"),
        Case("doctor --data DIR/BYTES"),
        Case("BYTES"),
    ],
}


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that does something, by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        words = (*before, name)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield " ".join(words)
        if isinstance(command, click.Group):
            yield from commands(command, words)


def test_every_command_is_covered():
    """A command that is added needs a case here."""
    assert set(commands(cli)) == CASES.keys() - {""}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A log, and files to import, in which every text is hostile."""
    root = tmp_path_factory.mktemp("hostile")
    (root / "data").mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_FORBIDDEN_IN_TEXT", "_FORBIDDEN_IN_LINE"):
            patch.setattr(values, name, re.compile(r"[\x00\ud800-\udfff]"))
        _fill(root)
    shutil.move(root / "log.sqlite", root / "data" / "log.sqlite3")
    _files(root)
    with forked_server(root / "data"):  # so that a command that asks need not build the whole interface
        yield root


def _fill(root: Path) -> None:
    with LocalService(root) as service:
        service.person(LINE, f"{LINE}@example.org")
        service.person("ann")
        answers = [
            service.post("/products", {"key": "shop", "title": LINE, "description": LINE}),
            service.post(
                "/decisions",
                {
                    "key": "tea",
                    "title": LINE,
                    "decision": LINE,
                    "why": LINE,
                    "accountable": LINE,
                    "products": ["shop"],
                    "tags": ["tea"],
                    "note": LINE,
                },
            ),
            service.post("/features", {"key": "tea", "title": LINE, "products": ["shop"], "accountable": LINE}),
            service.post("/features/tea/drop", {"why": LINE, "note": LINE}),
            service.post(
                "/commands",
                {
                    "type": "ImportChanges",
                    "subject": "feature:seen",
                    "changes": [
                        {"field": "exists", "value": True},
                        {"field": "title", "text": EVIL},
                        {"field": "status", "source_value": EVIL},
                        {"field": "products", "subjects": ["product:shop"]},
                        {"field": "horizon", "value": "now", "source_value": EVIL},
                    ],
                    "source": {"system": LINE, "reference": LINE},
                },
            ),
        ]
        answers.append(
            service.post(
                "/commands",
                {
                    "type": "ImportChanges",
                    "subject": "import:tracker",
                    "changes": [
                        {"field": "exists", "value": True},
                        {"field": "title", "text": EVIL},
                        {"field": "system", "value": LINE},
                        {"field": "remarks", "texts": [EVIL]},
                        {"field": "not_understood", "text": json.dumps({EVIL: {EVIL: 1}})},
                        {"field": "line.1", "text": json.dumps({"line": 1, "reason": EVIL, "data": {EVIL: EVIL}})},
                    ],
                    "source": {"system": LINE},
                },
            )
        )
        answers.append(
            service.post("/commands", {"type": "GrantRole", "subject": service.ada, "role": "viewer", "note": LINE})
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("identity.tokens.refuse_controls", str)
            service.log.tokens.create(service.ada, label=EVIL)
        assert all(answer.status_code in (200, 201) for answer in answers), [each.text for each in answers]


def _files(root: Path) -> None:
    records = root / "records"
    records.mkdir()
    (records / f"not{EVIL.replace('/', '')[:60]}.md").write_text("x")
    header = f"---\nstatus: '{LINE}'\n{json.dumps(EVIL)}: {json.dumps(EVIL)}\n---\n"
    (records / "0001-tea.md").write_text(
        f"{header}# {LINE}\n\n## Context and Problem Statement\n\n{LINE}\n\n## {LINE}\n"
    )
    (root / "changes").write_text(json.dumps({"n": "1", "when": EVIL, "who": EVIL, "issue": EVIL, EVIL: EVIL}) + "\n")
    (root / "exported").write_text("".join(json.dumps(row) + "\n" for row in _exported_rows()))
    (root / "commands").write_text(json.dumps({"type": EVIL, "title": EVIL}) + "\n" + json.dumps({EVIL: EVIL}) + "\n")
    (root / "bad").write_text(EVIL)
    columns = 'id = "n"\nwhen = "when"\nwho = "who"\nrecord = "issue"\nkind = "k"\nfield = "f"\nfrom = "o"\nto = "t"\n'
    (root / "mapping").write_text(
        f'system = "tracker"\n[product]\nkey = "shop"\ntitle = "The shop"\n[columns]\n{columns}[kinds]\ncreate = ["made"]\n'
        '[[subject]]\nkind = "decision"\n[subject.fields.title]\nfield = "title"\n'
    )


def _exported_rows() -> Iterator[dict[str, object]]:
    """Rows as trackers export them, every text of which is hostile."""
    named = {"displayName": EVIL, "name": EVIL, "fullName": EVIL}
    history = {
        "id": EVIL,
        "created": EVIL,
        "author": named,
        "items": [{"field": EVIL, "fromString": EVIL, "toString": EVIL}],
    }
    created = {"summary": EVIL, "created": "2024-05-01T10:00:00Z", "creator": named, "status": named}
    yield {"id": EVIL, "key": EVIL, "fields": created, "changelog": {"histories": [history]}}
    yield {
        "number": 7,
        "iid": 7,
        "title": EVIL,
        "created_at": "2024-05-01T10:00:00Z",
        "user": {"login": EVIL},
        "timeline": [{"id": EVIL, "event": EVIL, "created_at": EVIL, "actor": {"login": EVIL}}],
    }
    headers = ("Issue key", "ID", "#", "Issue ID", "Title", "Summary", "Subject", "Status", "Assignee", "Author", EVIL)
    yield dict.fromkeys(headers, EVIL) | {"Created": "2024-05-01 10:00", "Updated": EVIL}
    yield {EVIL: {EVIL: [EVIL]}}


def words_of(case: Case, folder: Path) -> list[bytes]:
    """The words of a command line, as bytes."""
    found = {b"DIR": bytes(folder), b"EVIL": ARGUMENT, b"TURNED": "a\u202eb".encode(), b"BYTES": BYTES}
    words = [word.encode() for word in case.words.split()]
    for name, value in found.items():
        words = [word.replace(name, value) for word in words]
    return words


@contextlib.contextmanager
def pipe() -> Iterator[tuple[io.TextIOWrapper, io.BytesIO]]:
    """A stream that is not a terminal, and what was written to it."""
    out = io.BytesIO()
    yield io.TextIOWrapper(out, "utf-8", "backslashreplace", write_through=True), out


@contextlib.contextmanager
def terminal_stream() -> Iterator[tuple[TextIO, io.BytesIO]]:
    """A stream to a terminal, and what was written to it, once the context has been left."""
    reader, writer = pty.openpty()
    out = io.BytesIO()
    draining = threading.Thread(target=lambda: [out.write(piece) for piece in _pieces(reader)])
    with os.fdopen(reader), os.fdopen(writer, "w", 1, "utf-8", "backslashreplace") as stream:
        draining.start()
        yield stream, out
        stream.close()
        draining.join()


def printed_in_process(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch, *, in_terminal: bool) -> bytes:
    """Everything that a command prints; it runs in this process, which is restored afterwards."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    umask = os.umask(0o077)
    try:
        with (
            monkeypatch.context() as patch,
            Path(os.devnull).open() as nothing,
            terminal_stream() if in_terminal else pipe() as (stream, out),
        ):
            more = {"TERM": "xterm", "COLUMNS": "200", "PAGER": ""}
            patch.setattr(os, "environ", dict(surroundings(folder / "data", **more)))
            patch.chdir(folder)
            patch.setattr("cli.bootstrap.gc", Mock())  # to collect looks at all objects of this process
            patch.setattr(sys, "argv", ["decisionlog", *map(os.fsdecode, words_of(case, folder))])
            patch.setattr(sys, "stdin", nothing)
            patch.setattr(sys, "stdout", stream)
            patch.setattr(sys, "stderr", stream)
            with contextlib.suppress(SystemExit):
                main()
            sys.stdout.flush()
            sys.stderr.flush()
    finally:
        os.umask(umask)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return out.getvalue().replace(b"\r\n", b"\n")


def printed(case: Case, folder: Path, *, in_terminal: bool) -> bytes:
    """Everything that a command prints to a pipe or to a terminal; it runs in a process of its own."""
    reader, writer = pty.openpty() if in_terminal else os.pipe()
    process = subprocess.Popen(
        [warm(), *words_of(case, folder)],
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
        env=surroundings(folder / "data", TERM="xterm", COLUMNS="200", PYTHONUNBUFFERED="1", PAGER=""),
        cwd=folder,
    )
    os.close(writer)
    try:
        said = b"".join(_pieces(reader, until=None if case.ends else b"}'"))
        if not case.ends:
            process.send_signal(signal.SIGTERM)
        process.wait(60)
    finally:
        process.kill()
        os.close(reader)
    return said.replace(b"\r\n", b"\n")


def _pieces(stream: int, until: bytes | None = None) -> Iterator[bytes]:
    try:
        while select.select([stream], [], [], LONGEST_S)[0] and (piece := os.read(stream, 1 << 16)):
            yield piece
            if until and until in piece:
                return
    except OSError:  # how a terminal says that the other side is closed
        return


def unsafe_in(said: bytes) -> set[str]:
    """The characters in it that act on a terminal, turn a line, or hide, but for our own styling."""
    text = OURS.sub("", said.decode("utf-8", "surrogateescape")).replace("\r\n", "\n")
    text = re.sub(
        "\u200e\u2068([^\u200e\u2068\u2069\n]*)\u2069\u200e", r"\1", text
    )  # put around text from right to left
    return {found for found in text if escape_unsafe(found) != found}


def must_be_safe(case: Case, said: bytes) -> None:
    """Fails if a terminal that gets this would do anything of what others wrote."""
    assert said, case
    assert b"Traceback" not in said, (case, said[-2000:])
    assert b"\x1b[38;5;213m" not in said, (case, said)
    assert unsafe_in(said) == set(), (case, said)


@pytest.mark.parametrize("command", CASES)
def test_a_terminal_gets_no_control_of_others(folder, command, monkeypatch):
    """In a terminal every command prints nothing but text, and styling of our own."""
    for case in CASES[command]:
        if case.ends:
            must_be_safe(case, printed_in_process(case, folder, monkeypatch, in_terminal=True))


@pytest.mark.slow
@pytest.mark.parametrize("command", CASES)
def test_a_command_started_in_a_terminal_gives_it_no_control_of_others(folder, command):
    """The same holds for a command in a process of its own, from start to end."""
    for case in CASES[command]:
        must_be_safe(case, printed(case, folder, in_terminal=True))


@pytest.mark.parametrize("command", CASES)
def test_a_pipe_gets_no_control_of_others(folder, command, monkeypatch):
    """Text for people is as safe in a pipe, which may end in a terminal; data for programs is unchanged there."""
    for case in CASES[command][:2]:
        if not case.machine:
            must_be_safe(case, printed_in_process(case, folder, monkeypatch, in_terminal=False))


# The writer itself ---------------------------------------------------------------------------------------------------


def guarded(encoding: str = "utf-8") -> tuple[terminal.GuardedStream, io.BytesIO]:
    """A guarded stream, and what it writes to."""
    under = io.BytesIO()
    return terminal.GuardedStream(io.TextIOWrapper(under, encoding)), under


@pytest.mark.parametrize(
    "character",
    [
        "\x00",
        "\x1b",
        "\x07",
        "\x08",
        "\x7f",
        "\x80",
        "\x9b",
        "\u061c",
        "\u200b",
        "\u200e",
        "\u202e",
        "\u2028",
        "\u2029",
        "\u2060",
        "\u2066",
        "\u2069",
        "\ufeff",
        "\U000e0041",
        "\u3164",
    ],
)
def test_a_character_is_written_out(character):
    """As JSON writes it, so that JSON stays what it is."""
    assert json.loads(f'"{escape_unsafe(character)}"') == character
    assert escape_unsafe(character).isascii()


@pytest.mark.parametrize("text", ["👩‍👩‍👧 Zoë", "می‌خواهم", "क्‍ष", "a\tb\nc\r\nd", "山田太郎", "e\u0301"])
def test_writing_of_every_script_stays(text):
    """Joiners stay where a script or an emoji needs them, and layout stays."""
    assert escape_unsafe(text) == text


def test_joiners_hide_nothing():
    """Between letters that never join they are written out."""
    assert escape_unsafe("ad\u200dmin\u200c") == "ad\\u200dmin\\u200c"


def test_text_and_bytes_pass_the_same_writer():
    """Pieces are put together: a character or a line break may come in two parts."""
    stream, under = guarded()
    stream.write("a\x1bb\ud800\r")
    stream.write("\nc\r")
    stream.write("d")
    stream.buffer.write(b"\xc2")
    stream.buffer.write(b"\x9b\xff\r")
    stream.flush()

    assert under.getvalue() == b"a\\u001bb\\ud800\r\nc\\u000dd\\u009b\\udcff\\u000d"


def test_an_encoding_without_the_character():
    """What the terminal's encoding does not have is written out as well."""
    stream, under = guarded("latin-1")
    stream.write("é山\x9b")
    stream.flush()
    assert under.getvalue() == b"\xe9\\u5c71\\u009b"


def test_a_guarded_stream_can_be_closed_last():
    """After the other stream has been closed, closing is an error only if text is lost."""
    stream, under = guarded()
    stream.write("a")
    under.close()
    stream.close()

    losing, under = guarded()
    losing.write("a\r")
    under.close()
    with pytest.raises(ValueError, match="closed"):
        losing.close()


def test_logs_and_traces_pass(monkeypatch):
    """Whatever writes to standard error is escaped, with no care of its own."""
    stream, under = guarded()
    monkeypatch.setattr(sys, "stderr", stream)
    logging.StreamHandler(sys.stderr).emit(logging.LogRecord("x", logging.WARNING, "", 1, "log %s", (EVIL,), None))
    traceback.print_exception(ValueError(EVIL))
    stream.flush()

    said = under.getvalue()
    assert said.count(b"tea\\u001b]0;owned") == 2
    assert unsafe_in(said) == set()
    assert b"\x1b" not in said


def test_our_own_styling_stays(monkeypatch):
    """A console of Rich colors its text on a terminal; what is in the text does not act."""
    stream, under = guarded()
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.open_console(force_terminal=True, color_system="standard").print(Text(f"a{EVIL}", style="red"))
    stream.trusted.flush()

    assert b"\x1b[31m" in under.getvalue()
    assert b"\x1b[38;5;213m" not in under.getvalue()
    assert unsafe_in(under.getvalue()) == set()
