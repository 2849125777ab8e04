"""Importing from the command line what others have made to do harm."""

import json
import os
import re
import subprocess

import pytest

from tests.interchange.adr.traps import TRAPS, make_trap
from tests.support_serving import COMMAND, run, surroundings

OURS = ("filter.clean", "filter.process", "filter of a submodule", "embedded bare repository")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
HARM = "\x1b]0;owned\x07\x9b2J\u202eevil\x7f"
SECRET = "dlog_this-must-not-be-read"


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("kind", ["madr", "nygard"])
def test_nothing_is_run(tmp_path, name, kind):
    """A hostile repository is imported as data, in a dry run and in earnest."""
    trap = make_trap(tmp_path)
    TRAPS[name](trap)
    assert trap.fires()

    dry = run(tmp_path / "data", "import", kind, str(trap.docs), "--dry-run")
    done = run(tmp_path / "data", "import", kind, str(trap.docs), "--yes")

    assert not trap.canary.exists()
    assert (dry.returncode, done.returncode) == (0, 0)
    assert ": 1 imported" in done.stdout


def test_git_is_not_taken_from_here(tmp_path):
    """A `git` in the folder in which the command is called is not run, whatever PATH says."""
    trap = make_trap(tmp_path)
    trap.script(trap.top / "git")
    environment = surroundings(tmp_path / "data") | {"PATH": f".::{trap.top}:{os.environ['PATH']}"}
    words = [COMMAND, "import", "madr", "docs", "--dry-run"]
    done = subprocess.run(words, cwd=trap.top, env=environment, capture_output=True, text=True, check=True)

    assert "1 to import" in done.stdout
    assert not trap.canary.exists()


@pytest.mark.parametrize("target", ["/proc/self/environ", "/dev/zero", "../secret"])
def test_the_environment_stays_here(tmp_path, target):
    """A link in a folder brings neither the environment nor another file into the log, nor onto the terminal."""
    (tmp_path / "secret").write_text(f"# {SECRET}\n", encoding="utf-8")
    (tmp_path / "adr").mkdir()
    (tmp_path / "adr" / "0001-x.md").symlink_to(target)
    done = run(tmp_path / "data", "import", "madr", "--yes", str(tmp_path / "adr"), SECRET_KEY=SECRET)

    assert done.returncode == 0
    assert "0001-x.md: is a symbolic link; only regular files are read" in done.stdout
    held = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert SECRET.encode() not in held + done.stdout.encode() + done.stderr.encode()


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("history", [False, True])
def test_nothing_but_text_reaches_the_terminal(tmp_path, history, as_json):
    """Names of files, keys, words and names of people are shown without what a terminal would obey."""
    trap = make_trap(tmp_path)
    (trap.docs / f"not{HARM}.md").write_text("# x\n", encoding="utf-8")
    (trap.docs / f"0002-a{HARM}\u2028.md").write_text(
        f"---\nstatus: Half {HARM} done\nstatus: {HARM}\nke{HARM}y: 1\n---\n# T\n", encoding="utf-8"
    )
    (trap.docs / f"0003-{HARM}.md").symlink_to("nowhere")
    (trap.docs / "x\n999 versions: 999 imported.md").write_text("# x\n", encoding="utf-8")
    (trap.docs / "0004-b.md").write_text(f"# T\n* Status: {HARM}\n* Deciders: {HARM}\n", encoding="utf-8")
    if history:
        (trap.docs / "history.jsonl").write_text(
            json.dumps({"record": f"0009{HARM}", "at": "now", "kind": HARM, "field": HARM, "to": 1}) + "\n",
            encoding="utf-8",
        )
    else:
        trap.git("add", ".")
        trap.git("commit", "-qm", "more", env={"GIT_AUTHOR_NAME": f"Ann{HARM}"})
    more = ("--json",) if as_json else ()
    for words in (("--dry-run",), ()):
        done = run(tmp_path / "data", "import", "madr", "--yes", str(trap.docs), "--verbose", *words, *more)

        assert not CONTROLS.search(done.stdout + done.stderr)
        assert "999 versions: 999 imported" not in done.stdout.splitlines()
        assert "owned" in done.stdout


def test_a_tracker_with_controls(tmp_path):
    """The same for the lines of a tracker, and for an invalid mapping."""
    mapping, file = tmp_path / "mapping.toml", tmp_path / "lines.jsonl"
    mapping.write_text(
        'system = "t"\n[product]\nkey = "p"\ntitle = "P"\n[columns]\nid = "n"\nwhen = "w"\nrecord = "r"\nfield = "f"\nto = "t"\n'
        '[[subject]]\nkind = "decision"\n[subject.fields.s]\nfield = "status"\nas = "mapped"\nvalues = {open = "proposed"}\n',
        encoding="utf-8",
    )
    shared = {"n": HARM, "w": "2024-01-01", "r": HARM, "f": HARM, "t": HARM, HARM: 1}
    file.write_text(
        "".join(json.dumps(shared | more) + "\n" for more in ({}, {"w": HARM}, {"f": "s"})), encoding="utf-8"
    )
    done = run(tmp_path / "data", "import", "changes", "--yes", str(file), "--mapping", str(mapping), "--verbose")
    file.write_text(json.dumps({"type": HARM}) + "\n", encoding="utf-8")
    commands = run(tmp_path / "data", "import", "commands", "--yes", str(file))
    mapping.write_text(
        f'"{HARM}" = 1\n'.replace("\x1b", "\\u001b").replace("\x07", "").replace("\x7f", ""), encoding="utf-8"
    )
    wrong = run(tmp_path / "data", "import", "changes", "--yes", str(file), "--mapping", str(mapping))

    for one in (done, commands, wrong):
        assert not CONTROLS.search(one.stdout + one.stderr)
        assert "owned" in one.stdout + one.stderr
        assert "Traceback" not in one.stderr
