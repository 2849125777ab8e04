"""The language check finds what it is for."""

import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "tools" / "check_language.py"


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("check_language", PATH)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        ("# The default, if silent.\n", "phrase", 1),
        ("x = 1  # the index is built\n# anew\n", "phrase", 2),
        ('"""Nobody\nknows."""\n', "phrase", 1),
        ("def _written(self):\n", "name", 1),
        ("async def told(self):\n", "name", 1),
        ("def _committed(self):\n", "name", 1),
    ],
)
def test_a_violation_is_found(check, text, rule, line):
    """A phrase to avoid and a function named by a participle are found, with their line."""
    (found,) = check.find_in_text("example.py", text)

    assert (found.rule, found.line) == (rule, line)


@pytest.mark.parametrize(
    "text", ["def _feed(self):\n", "def notify(self):\n", "# It is no longer used, in order of age.\n"]
)
def test_plain_text_passes(check, text):
    """Verbs and plain sentences are not reported."""
    assert list(check.find_in_text("example.py", text)) == []


def test_a_misspelling_is_found(check, tmp_path):
    """British spelling is reported, with its line."""
    page = tmp_path / "page.md"
    page.write_text("One\nbehav" + "iour\n", encoding="utf-8")

    (found,) = check.find_misspellings([str(page)])

    assert (found.line, found.rule) == (2, "spelling")
