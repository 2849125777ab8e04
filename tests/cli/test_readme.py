"""The README's first screen."""

import re

from support_documentation import ROOT, blocks, exchanges

README = ROOT / "README.md"
SCREEN = 60
"""Lines that a newcomer sees without much scrolling."""


def test_the_first_screen():
    """The two commands are on the first screen: `make run`, with all that it says and what the command it prints answers,
    and `make test`. What they show is done in tests/cli/test_documentation.py.
    """
    first = README.read_text(encoding="utf-8").splitlines()[:SCREEN]
    console, answer, *_ = blocks(README)
    ((started, said),) = exchanges(console.text)

    assert "$ make run" in first
    assert "$ make test" in first
    assert started == "make run"
    assert "curl http://127.0.0.1:8737/v1/decisions" in said
    assert answer.language == "json"


def test_the_two_commands_do_what_they_are_for():
    """`make run` serves and `make test` tests."""
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert "run: $(READY)\n\t@$(BIN)/decisionlog serve\n" in rules
    assert re.search(r"^test: \$\(READY\)\n\t@[A-Z=]+ \$\(BIN\)/python -m pytest .* tests$", rules, re.MULTILINE)
