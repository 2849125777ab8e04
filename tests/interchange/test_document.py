"""Reading the text of a record, and writing it."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interchange.adr import front_matter
from interchange.adr.document import read, written
from interchange.adr.record_links import target_of
from interchange.adr.status_words import RecordMeanings, status_of, team_of

BOMB = "\n".join(["a: &a [x,x,x,x,x,x,x,x,x]", *(f"b{n}: &b{n} [{', '.join(['*a'] * 9)}]" for n in range(50))])


def test_madr():
    """A record in the form of MADR is read whole: front matter, title, and each section under its own cell."""
    told = read(
        "---\nstatus: accepted\ndate: 2025-03-01\ndecision-makers: ann, bob\n---\n# Sell gift cards\n\n"
        "## Context and Problem Statement\n\nPeople ask.\n\n## Decision Drivers\n\n* Cost\n\n"
        "## Considered Options\n\n* Sell\n* Wait\n\n"
        "## Decision Outcome\n\nSell.\n\n### Consequences\n\n* Good, because.\n\n### Confirmation\n\nA test.\n"
    ).told

    assert told == {
        "status": "accepted", "date": "2025-03-01", "deciders": "ann, bob", "title": "Sell gift cards",
        "context": "People ask.", "x.decision-drivers": "* Cost", "x.considered-options": "* Sell\n* Wait",
        "decision": "Sell.", "expected": "* Good, because.", "x.confirmation": "A test.",
    }  # fmt: skip


def test_nygard():
    """A record in Nygard's form is read to the same cells."""
    told = read(
        "# 7. Sell\n\nDate: 2025-03-01\n\n## Status\n\nAccepted\n\nAmends [3. Buy](0003-buy.md)\n\n## Context\n\nC.\n\n"
        "## Decision\n\nD.\n\n## Consequences\n\nE.\n"
    ).told

    assert told == {
        "title": "7. Sell", "date": "2025-03-01", "status": "Accepted\n\nAmends [3. Buy](0003-buy.md)",
        "context": "C.", "decision": "D.", "expected": "E.",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("matter", "told", "noticed"),
    [
        ("status: {proposed}", {"status": "proposed"}, "braces"),
        ("deciders: {ann, bob}", {"deciders": "ann, bob"}, "braces"),
        ("deciders: [ann, bob]", {"deciders": "ann, bob"}, None),
        ("consulted:\ninformed: []", {"consulted": "", "informed": ""}, None),
        ("# a remark\nstatus: accepted # why", {"status": "accepted", "x.front-matter": ["# why", "# a remark"]}, None),
        ("status: a: b\ndate: 2025", {"status": "a: b", "date": "2025"}, "no YAML (line 1)"),
        ("status: {a | b [c](d)}", {"status": "{a | b [c](d)}"}, "no YAML"),
        ("status: a\nstatus: b", {"status": "a", "x.front-matter": ["status: b"]}, "twice"),
        ("contact: ann\nteam size: 3", {"x.contact": "ann", "x.team_size": "3"}, None),
        ("deep: {a: {b: 1}}", {"x.deep": "{a: {b: 1}}"}, None),
        ("status: !!python/object:os.system x", {"status": "x"}, None),
        ("sections: a\nteam size: 3\nteam_size: 4", {"x.team_size": "3", "x.front-matter": ["sections: a", "team_size: 4"]}, None),
        ("höhe: a\nhähe: b\n'!': c", {"x.front-matter": ["höhe: a", "hähe: b", "!: c"]}, None),
        ("? 中文\n: a", {"x.front-matter": ["中文: a"]}, None),
        ("a: x\u2028  y # z", {"x.a": "x\u2028y", "x.front-matter": ["# z"]}, None),
        ("just words", {"x.front-matter": ["just words"]}, "no YAML"),
    ],
)  # fmt: skip
def test_dirty_front_matter(matter, told, noticed):
    """Front matter that is no YAML, or more than it, is read as it was meant; nothing is lost, and what is odd is told."""
    document = read(f"---\n{matter}\n---\n# T\n")

    assert document.told == told | {"title": "T"}
    assert noticed is None or any(noticed in what for what in document.noticed)


def test_front_matter_that_was_never_opened():
    """Keys above a line of dashes are front matter, and no heading."""
    document = read("status: proposed\ndate: 2026-03-23\n---\n\n# T\n")

    assert document.told == {"status": "proposed", "date": "2026-03-23", "title": "T"}
    assert "the front matter is not opened by a line of dashes" in document.noticed


@pytest.mark.parametrize(
    "matter",
    [BOMB, "a: " + "[" * 60_000, "a: " + "[" * 15_000, "a: " + "{" * 15_000, "? " * 8_000, "- " * 8_000, "a: &a [*a]"],
    ids=["aliases", "long", "lists", "mappings", "keys", "members", "itself"],
)  # fmt: skip
def test_hostile_front_matter(matter):
    """Front matter made to take for ever, or to be endlessly much, takes a moment and stays as long as it was."""
    began = time.perf_counter()

    told = read(f"---\n{matter}\n---\n# T\n").told

    assert time.perf_counter() - began < 5
    assert sum(len(str(value)) for value in told.values()) < 2 * len(matter) + 1000
    assert told["title"] == "T"


def test_headings_that_are_none():
    """A heading in code, in a list or in a quotation is text."""
    text = "# T\n\n## Context\n\n```\n## Decision\n```\n\n> ## Decision\n\n* ## Decision\n"

    assert read(text).told == {"title": "T", "context": text.partition("## Context\n\n")[2].strip()}


def test_what_has_no_meaning_stays_in_its_place():
    """Sections of other names, a heading twice, and text above the first one are kept, in their order."""
    told = read(
        "# T\n\nAbove.\n\n## Context\n\nC.\n\n## Costs\n\n5\n\n## Decision\n\nD.\n\n## Decision\n\nAgain.\n"
    ).told

    assert told["x.preamble"] == "Above."
    assert (told["context"], told["decision"]) == ("C.", "D.")
    assert told["x.sections"] == [
        "## Context and Problem Statement", "## Costs\n\n5", "## Decision Outcome", "## Decision\n\nAgain.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "", "no heading at all", "# T", "## Second level\n\n## Context\n\nC", "# T\n\n## Context\n\n## Decision\n\nD",
        "# T\n\n## Decision\n\nD\n\n### Consequences\n\nE\n\n### Other\n\nO\n\n## More Information\n\nM",
        "# T\n\n## Consequences\n\nE\n\n### Deep\n\nF\n\n## Decision\n\nD", "# T\n\n## Costs\n\n5\n\n## Consequences\n\nE",
        "---\nstatus: |\n  a\n\n  b\nx: 'it''s'\nlist: [a, 'b, c']\n# r\n---\n# T", "Setext\n======\n\nContext\n-------\n\nC",
        "---\nstatus: accepted\n---\n# T\n\n## Decision\n\nD\n\n# Another\n\n## Decision Outcome\n\nE",
    ],
)  # fmt: skip
def test_written_and_read_again(text):
    """What was read is written as MADR, and then says the same."""
    told = read(text).told
    again = read(written(told, "decision:d1"))

    assert again.told == told
    assert again.subject == "decision:d1"


@pytest.mark.parametrize(
    ("source_value", "meaning"),
    [
        ("accepted", "accepted"), ("Accepted", "accepted"), ("{proposed}", "proposed"), ("Approved", "accepted"),
        ("Superseded by [DNS](0015-dns.md)", "superseded"), ("Accepted\n\nSuperseded by [DNS](0015-dns.md)", "superseded"),
        ("Accepted | Amended by [17. Rejected](0017-x.md)", "accepted"), ("deprecated", "reversed"),
        ("Partly superseded", None), ("proposed | rejected | accepted", None), ("", None), ("on ice", None),
    ],
)  # fmt: skip
def test_what_a_status_means(word, meaning):
    """The first word of a status counts; what is not sure has no meaning."""
    assert status_of(word) == meaning


def test_links_and_teams():
    """A link names a file or a number; a team is plainly called one, and a person's name is none."""
    assert [target_of(link) for link in ("[x](../adr/0003-a.md#top)", "ADR-0012", "12")] == ["0003-a", "0012", "12"]
    assert team_of("Agent Framework team") == "agent-framework-team"
    assert [team_of(name) for name in ("Ann Arbor", "teamster", "westey-m")] == [None] * 3


@pytest.mark.parametrize(
    "value", ["a: b", "'q'", "x\n\ny", "# c", " lead", "true", "[a](b.md) c", "tab\tx", "{a}", "@a", "é"]
)
def test_any_text_can_stand_in_front_matter(value):
    """What is written into front matter is read as the same text, whatever stands in it."""
    matter, rest = front_matter.split(front_matter.written({"status": value, "list": [value, "b"]}) + "\nrest")

    assert (matter.told, matter.loose, rest.strip()) == ({"status": value, "list": [value, "b"]}, [], "rest")


PIECES = (
    "---", "...", "# T", "## Context", "## Decision", "### Consequences", "## Consequences", "### Foo", "## Status", "===",
    "Setext", "```", "<!--", "> x", "- x: y", "* Date: b", "Status: a", "status: x", "status: {proposed}", "? z", ": q",
    "a: [1, {b: c}]", "x: |", "  y", "k: 'a' # b", "!!x y", "&a b", "*a", "'", '"', "{", "]", "%YAML 1.2", "\t", "\x85",
    "\u2028", "\x1c", "\x00", "中文: a", "sections: a",
)  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=20).map("\n".join))
def test_nothing_makes_reading_fail(text):
    """Whatever stands in a file, in whatever order, is read, and comes to cells that the log takes."""
    told = read(text).told
    cells = RecordMeanings("system", {}, lambda _: None).cells(told)

    assert len(cells.steps) >= len(told) - 1
    assert read(written(told, "decision:d")).subject == "decision:d"
