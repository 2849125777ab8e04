"""What the shells complete: commands, options, subjects, people, statuses and products."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, FishComplete, ZshComplete, get_completion_class

from cli.main import cli
from tests.support_log import LocalService
from tests.support_serving import COMMAND, run, surroundings
from tests.support_terminal import around

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A product, a decision, a feature and a goal, and two people, one with a handle."""
    with LocalService(tmp_path_factory.mktemp("service")) as opened:
        opened.person("Priya Raman", "@priya")
        opened.person("山田太郎")
        opened.post("/products", {"key": "shop", "title": "The shop"})
        opened.post("/features", {"key": "gift-cards", "title": "Gift cards", "products": ["shop"]})
        opened.post("/features", {"key": "gifts", "title": "Gifts: wrapped, 'sent'", "products": ["shop"]})
        opened.post(
            "/decisions",
            {
                "key": "tea",
                "title": "Serve tea",
                "decision": "Tea.",
                "why": "Thirst.",
                "accountable": "@priya",
                "products": ["shop"],
            },
        )
        yield opened


def complete(service: LocalService, *words: str, shell: str = "bash") -> list[str]:
    """What the completion of a shell answers for a line whose last word is not finished."""
    found = get_completion_class(shell)
    completion = found(cli, {"obj": around(service)}, "decisionlog", "_DECISIONLOG_COMPLETE")
    return [item.value for item in completion.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("ro",), ["roadmap", "role"]),
        (("feature", "mo"), ["move"]),
        (("roadmap", "--as"), ["--as-of"]),
        (("roadmap", "s"), ["shop"]),
        (("roadmap", "--product", "s"), ["shop"]),
        (("show", "gift"), ["gift-cards", "gifts"]),
        (("show", "SHOP"), ["SHOP-1", "shop"]),
        (("show", "shop-"), ["SHOP-1"]),
        (("feature", "move", "gift-"), ["gift-cards"]),
        (("feature", "move", "gifts", "n"), ["now", "next"]),
        (("decision", "reverse", "S"), ["SHOP-1"]),
        (("record", "--because", "S"), ["SHOP-1"]),
        (("owner", "assign", "gifts", "--to", "@p"), ["@priya"]),
        (("who", "@pr"), ["@priya"]),
        (("decisions", "--status", "re"), ["rejected", "reversed", "retired"]),
        (("blame", "--holder", "山"), ["山田太郎"]),
        (("report", "shop", "--format", "m"), ["markdown"]),
    ],
)
def test_what_is_completed(service, words, expected):
    """Commands, options, products, subjects, people, statuses and choices are completed, each where it is expected."""
    assert complete(service, *words) == expected


@pytest.mark.parametrize("shell", [BashComplete, ZshComplete, FishComplete])
def test_a_title_is_shown_beside_its_key(service, shell):
    """A candidate is one line for every shell, whatever its title contains; zsh and fish show the title."""
    completion = shell(cli, {"obj": around(service)}, "decisionlog", "_DECISIONLOG_COMPLETE")
    items = completion.get_completions(["show"], "gift")
    lines = [completion.format_completion(item) for item in items]

    assert [(item.value, item.help) for item in items] == [
        ("gift-cards", "Gift cards"),
        ("gifts", "Gifts: wrapped, 'sent'"),
    ]
    assert all("gift" in line for line in lines)


def test_no_log_completes_nothing_and_says_nothing(tmp_path):
    """Where there is no log, completion prints neither an error nor a candidate, and begins no log."""
    asked = {"_DECISIONLOG_COMPLETE": "bash_complete", "COMP_WORDS": "decisionlog show g", "COMP_CWORD": "2"}

    done = run(tmp_path / "none", **asked)

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
    assert not (tmp_path / "none").exists()


# With the shells themselves -------------------------------------------------------------------------------------------

_SCRIPTS = {
    "bash": """source <(_DECISIONLOG_COMPLETE=bash_source decisionlog)
COMP_WORDS=(decisionlog show gift) COMP_CWORD=2
_decisionlog_completion decisionlog; printf '%s\\n' "${COMPREPLY[@]}" """,
    "zsh": """compdef() { :; }; _describe() { printf '%s\\n' "${(@P)3}"; }; compadd() { printf '%s\\n' "$@"; }
source <(_DECISIONLOG_COMPLETE=zsh_source decisionlog)
words=(decisionlog show gift) CURRENT=3
_decisionlog_completion""",
    "fish": """_DECISIONLOG_COMPLETE=fish_source decisionlog | source
complete -C'decisionlog show gift' """,
}


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_a_real_shell_completes(tmp_path, shell):
    """Each shell loads our script, and completes the keys of features from it."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    data = tmp_path / "data"
    for words in (
        ("product", "add", "Shop", "--key", "shop", "--yes"),
        ("feature", "add", "Gift cards", "--key", "gift-cards", "--product", "shop"),
    ):
        assert run(data, *words).returncode == 0
    environment = surroundings(data, PATH=f"{Path(COMMAND).parent}:/usr/bin:/bin", HOME=str(tmp_path))
    command = [shell, "-c", _SCRIPTS[shell]]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    assert "gift-cards" in done.stdout, done.stderr
