"""Values that Python itself refuses to read or to write: a reader reports them, and does not fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from interchange.adr.document import parse_record
from interchange.adr.keywords import WordsError, load_words
from interchange.tracker.line_to_commands import _as_members
from interchange.tracker.mapping import MappingError, parse_mapping
from interchange.tracker.presets.jira import MAX_MISSING_CHANGES, expand_jira

LONG_NUMBERS = ("9" * 5_000, "0x" + "f" * 5_000, "0o" + "7" * 6_000, f"[{'9' * 5_000}]", "[[0x" + "f" * 5_000 + "]]")
NESTED = ("[" * 5_000, "{a=" * 5_000)
DEEP_KEY = ".".join(["a"] * 3_000)
TOML = [*(f"x = {value}" for value in (*LONG_NUMBERS, *NESTED)), f"{DEEP_KEY} = 1"]


@pytest.mark.parametrize("toml", TOML, ids=lambda text: text[:12])
def test_front_matter(toml: str) -> None:
    """A record whose front matter cannot be read is read without it, with a warning."""
    record = parse_record(f"+++\n{toml}\n+++\n# Title\n")
    assert record.fields["title"] == "Title"
    assert "the front matter is not TOML" in record.warnings


@pytest.mark.parametrize(("depth", "is_read"), [(100, True), (101, False)])
@pytest.mark.parametrize("toml", ["{key} = 1", "{shorter} = []"], ids=["table", "list"])
def test_the_depth_of_front_matter(toml: str, depth: int, is_read: bool) -> None:
    """Front matter is read up to the same depth by every version of Python."""
    toml = toml.format(key=".".join("a" * depth), shorter=".".join("a" * (depth - 1)))
    record = parse_record(f"+++\n{toml}\n+++\n# Title\n")
    assert ("the front matter is not TOML" not in record.warnings) == is_read


@pytest.mark.parametrize("toml", TOML, ids=lambda text: text[:12])
def test_mapping_and_words(tmp_path: Path, toml: str) -> None:
    """A mapping or a file of words that cannot be read is refused."""
    with pytest.raises(MappingError):
        parse_mapping(toml)
    (tmp_path / "words.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(WordsError):
        load_words(tmp_path / "words.toml")


@pytest.mark.parametrize("value", ["[" * 100_000, f"[{'9' * 5_000}]", "[1"])
def test_members_of_a_value(value: str) -> None:
    """A value that is not a list after all is one member."""
    assert _as_members(value) == [value]


@pytest.mark.parametrize("total", [10**15, "many", [1], {}, None, -1, True])
def test_the_length_of_a_changelog(total: object) -> None:
    """What an issue says of how many changes it has makes an import neither endless nor fail."""
    issue = {"key": "A-1", "fields": {"created": "2024-01-01"}, "changelog": {"total": total, "histories": []}}
    assert len(list(expand_jira(issue))) <= MAX_MISSING_CHANGES + 10
