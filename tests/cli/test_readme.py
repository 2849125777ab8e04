"""The README: its first screen, and the way from a clone to yesterday's roadmap."""

import re
import shlex
import subprocess
from itertools import pairwise

from tests.support_documentation import ROOT, blocks, exchanges

README = ROOT / "README.md"
SCREEN = 60
"""Lines that a newcomer sees without much scrolling."""


def commands() -> list[str]:
    """Return every command of the README; tests/cli/test_documentation.py runs them all, in this order."""
    consoles = [block.text for block in blocks(README) if block.language == "console"]
    return [command for text in consoles for command, _ in exchanges(text)]


def test_the_first_screen():
    """The promise, a picture, one command, and the start of one's own log are on the first screen."""
    first = README.read_text(encoding="utf-8").splitlines()[:SCREEN]

    assert first[2].startswith("Record every product decision with its reason")
    assert any(line.startswith("![") and "docs/images/roadmap.png" in line for line in first[:8])
    assert first.index("$ make demo") < 15
    assert first.index("$ make run") < 30


def test_a_feature_is_moved_and_yesterdays_roadmap_shown_without_curl():
    """From the clone, ten commands lead to the roadmap of yesterday and of today and to who changed it."""
    found = commands()
    words = [" ".join(command.split()[:3]) for command in found]

    assert "curl" not in " ".join(found)
    assert words[-3:] == [
        "decisionlog roadmap shop",
        "decisionlog roadmap shop",
        "decisionlog blame gift-cards",
    ]
    assert len(found[found.index("make run") :]) <= 10


def test_no_step_needs_anything_but_the_readme():
    """Each subject that a command names was created by a command before it, and none has a placeholder to fill in."""
    created = set()
    for command in commands():
        words = shlex.split(command.partition(" | ")[0])
        named = {
            word for flag, word in pairwise(words) if flag in ("--product", "--because", "move", "roadmap", "blame")
        }
        assert {name.rpartition(":")[2] for name in named} <= created, command
        assert not re.search(r"<|[A-Z]{3,}(?![A-Za-z])", command.replace("$PWD", "").replace("PATH", "")), command
        created |= {key for flag, key in pairwise(words) if flag == "--key"}
    assert created == {"shop", "gift-cards", "sell-cards"}


def test_the_commands_of_the_readme_leave_no_files_in_the_clone():
    """The directories that they create are ignored by git, and no command writes another file."""
    assert [command for command in commands() if re.search(r"--output|-o |> |backup|checkpoint", command)] == []
    ignored = subprocess.run(
        ["git", "check-ignore", "data/log.sqlite3", "demo/log.sqlite3", ".venv/x", "site/index.html", ".cache/x"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(ignored.stdout.split()) == 5


def test_the_commands_do_what_they_are_for():
    """`make run` serves, `make demo` opens the demo, and `make test` tests."""
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert "run: $(READY)\n\t@$(BIN)/decisionlog serve\n" in rules
    assert "demo: $(READY)\n\t@$(BIN)/decisionlog demo --open\n" in rules
    assert re.search(r"^test: \$\(READY\)\n\t@[A-Z=]+ \$\(BIN\)/python -m pytest .* tests$", rules, re.MULTILINE)
