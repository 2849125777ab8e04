"""Records are parsed and rendered."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interchange.adr.document import parse_record
from interchange.adr.front_matter import render_front_matter, split_front_matter
from interchange.adr.madr_rendering import render_madr
from interchange.adr.record_fields import RecordFieldReader, team_key_of
from interchange.adr.record_links import path_of
from interchange.adr.record_status import parse_status

BOMB = "\n".join(["a: &a [x,x,x,x,x,x,x,x,x]", *(f"b{n}: &b{n} [{', '.join(['*a'] * 9)}]" for n in range(50))])


def test_madr():
    """The front matter, title and sections of a MADR record become fields."""
    told = parse_record(
        "---\nstatus: accepted\ndate: 2025-03-01\ndecision-makers: ann, bob\n---\n# Sell gift cards\n\n"
        "## Context and Problem Statement\n\nPeople ask.\n\n## Decision Drivers\n\n* Cost\n\n"
        "## Considered Options\n\n* Sell\n* Wait\n\n"
        "## Decision Outcome\n\nSell.\n\n### Consequences\n\n* Good, because.\n\n### Confirmation\n\nA test.\n"
    ).fields

    assert told == {
        "status": "accepted",
        "date": "2025-03-01",
        "deciders": "ann, bob",
        "title": "Sell gift cards",
        "context": "People ask.",
        "x.decision-drivers": "* Cost",
        "x.considered-options": "* Sell\n* Wait",
        "decision": "Sell.",
        "expected": "* Good, because.",
        "x.confirmation": "A test.",
    }


def test_nygard():
    """A Nygard record becomes the same fields."""
    told = parse_record(
        "# 7. Sell\n\nDate: 2025-03-01\n\n## Status\n\nAccepted\n\nAmends [3. Buy](0003-buy.md)\n\n## Context\n\nC.\n\n"
        "## Decision\n\nD.\n\n## Consequences\n\nE.\n"
    ).fields

    assert told == {
        "title": "7. Sell",
        "date": "2025-03-01",
        "status": "Accepted\n\nAmends [3. Buy](0003-buy.md)",
        "context": "C.",
        "decision": "D.",
        "expected": "E.",
    }


@pytest.mark.parametrize(
    ("matter", "told", "noticed"),
    [
        ("status: {proposed}", {"status": "proposed"}, "braces"),
        ("deciders: {ann, bob}", {"deciders": "ann, bob"}, "braces"),
        ("deciders: [ann, bob]", {"deciders": "ann, bob"}, None),
        ("consulted:\ninformed: []", {"consulted": "", "informed": ""}, None),
        ("# a remark\nstatus: accepted # why", {"status": "accepted", "x.front-matter": ["# why", "# a remark"]}, None),
        ("status: a: b\ndate: 2025", {"status": "a: b", "date": "2025"}, "not YAML (line 1)"),
        ("status: {a | b [c](d)}", {"status": "{a | b [c](d)}"}, "not YAML"),
        ("status: a\nstatus: b", {"status": "a", "x.front-matter": ["status: b"]}, "twice"),
        ("contact: ann\nteam size: 3", {"x.contact": "ann", "x.team_size": "3"}, None),
        ("deep: {a: {b: 1}}", {"x.deep": "{a: {b: 1}}"}, None),
        ("deep:\n  a: [1]\n  b: [2]\nc: 3", {"x.deep": "a: [1]\n  b: [2]", "x.c": "3"}, None),
        ("status: !!python/object:os.system x", {"status": "x"}, None),
        (
            "sections: a\nteam size: 3\nteam_size: 4",
            {"x.team_size": "3", "x.front-matter": ["sections: a", "team_size: 4"]},
            None,
        ),
        ("höhe: a\nhähe: b\n'!': c", {"x.front-matter": ["höhe: a", "hähe: b", "!: c"]}, None),
        ("? 中文\n: a", {"x.front-matter": ["中文: a"]}, None),
        ("a: x\u2028  y # z", {"x.a": "x\u2028y", "x.front-matter": ["# z"]}, None),
        ("just words", {"x.front-matter": ["just words"]}, "not YAML"),
    ],
)
def test_irregular_front_matter(matter, told, noticed):
    """Front matter that is not quite YAML is read without loss, and irregularities are reported."""
    document = parse_record(f"---\n{matter}\n---\n# T\n")

    assert document.fields == told | {"title": "T"}
    assert noticed is None or any(noticed in what for what in document.warnings)


def test_front_matter_without_an_opening_line():
    """Keys above a line of dashes are front matter and not a heading."""
    document = parse_record("status: proposed\ndate: 2026-03-23\n---\n\n# T\n")

    assert document.fields == {"status": "proposed", "date": "2026-03-23", "title": "T"}
    assert "the front matter has no opening line of dashes" in document.warnings


@pytest.mark.parametrize(
    "matter",
    [BOMB, "a: " + "[" * 60_000, "a: " + "[" * 15_000, "a: " + "{" * 15_000, "? " * 8_000, "- " * 8_000, "a: &a [*a]"],
    ids=["aliases", "long", "lists", "mappings", "keys", "members", "itself"],
)
def test_hostile_front_matter(matter):
    """Front matter that is made to exhaust time or memory is read in a moment."""
    began = time.process_time()

    told = parse_record(f"---\n{matter}\n---\n# T\n").fields

    assert time.process_time() - began < 5
    assert sum(len(str(value)) for value in told.values()) < 2 * len(matter) + 1000
    assert told["title"] == "T"


def test_headings_in_other_blocks():
    """A heading in code, in a list or in a quotation is text."""
    text = "# T\n\n## Context\n\n```\n## Decision\n```\n\n> ## Decision\n\n* ## Decision\n"

    assert parse_record(text).fields == {"title": "T", "context": text.partition("## Context\n\n")[2].strip()}


@pytest.mark.parametrize(
    "text",
    [
        "# T\n\n### Status\n\nAccepted\n\n### Context\n\nC\n\n### Decision\n\nD\n\n#### Why\n\nW\n\n### Consequences\n\nE\n",
        "# T\n\n#### Status\n\nAccepted\n\n#### Context\n\nC\n\n#### Decision\n\nD\n\n##### Why\n\nW\n\n#### Consequences\n\nE\n",
        "# T\n\n## Status\n\nAccepted\n\n### Context\n\nC\n\n### Decision\n\nD\n\n#### Why\n\nW\n\n### Consequences\n\nE\n",
        "# T\n\n## Status :ok:\n\nAccepted\n\n## Context {#c}\n\nC\n\n## Decision <a/>\n\nD\n\n#### Why\n\nW\n\n## Consequences 🎉\n\nE",
    ],
)
def test_sections_of_any_level(text):
    """Sections that leave out the second level, and headings with anchors or emojis, are the known sections."""
    told = parse_record(text).fields

    assert told.pop("decision").replace("#", "") == "D\n\n Why\n\nW"
    assert told == {"title": "T", "status": "Accepted", "context": "C", "expected": "E"}


def test_a_usual_heading_comes_before_another_of_the_same_field():
    """Background is the context and Impact the consequences, unless there are sections with the usual headings."""
    alone = parse_record("# T\n\n## Background\n\nB.\n\n## Decision\n\nD.\n\n## Impact\n\nI.\n").fields
    both = parse_record(
        "# T\n\n## Impact\n\nI.\n\n## Background\n\nB.\n\n## Context\n\nC.\n\n## Consequences\n\nQ.\n"
    ).fields

    assert (alone["context"], alone["decision"], alone["expected"]) == ("B.", "D.", "I.")
    assert (both["context"], both["expected"]) == ("C.", "Q.")
    assert "## Background\n\nB." in both["x.sections"]


def test_unknown_sections_keep_their_level():
    """Sections of the third level that are not known stay where they are."""
    assert parse_record("# T\n\n### Notes\n\nN").fields == {"title": "T", "x.preamble": "### Notes\n\nN"}
    assert parse_record("# T\n\n## Costs\n\n### Context\n\nN").fields["x.sections"] == ["## Costs\n\n### Context\n\nN"]


def test_front_matter_below_a_comment():
    """A comment above the front matter is kept, and so is what a list says about people besides their names."""
    document = parse_record(
        "<!-- MIT -->\n\n---\ndeciders:\n- name: Ann Lee\n  roles: [CTO, x]\n- Bob Ray\n---\n# T\n\nText.\n"
    )

    assert document.fields == {
        "deciders": "Ann Lee, Bob Ray",
        "title": "T",
        "x.front-matter": ["# Ann Lee: roles: ['CTO', 'x']"],
        "x.preamble": "<!-- MIT -->\n\nText.",
    }


def test_a_section_of_people_that_is_no_list():
    """A section such as Deciders that is neither a list nor one line is kept as text and reported."""
    document = parse_record("# T\n\n## Deciders\n\n| Name | Role |\n|--|--|\n| Ann Lee | CTO |\n")

    assert "deciders" not in document.fields
    assert "the section 'Deciders' is kept as text: it is not a list" in document.warnings


def test_unknown_sections_are_kept():
    """Unknown sections, repeated headings and text above the first heading are kept in order."""
    told = parse_record(
        "# T\n\nAbove.\n\n## Context\n\nC.\n\n## Costs\n\n5\n\n## Decision\n\nD.\n\n## Decision\n\nAgain.\n"
    ).fields

    assert told["x.preamble"] == "Above."
    assert (told["context"], told["decision"]) == ("C.", "D.")
    assert told["x.sections"] == [
        "## Context and Problem Statement",
        "## Costs\n\n5",
        "## Decision Outcome",
        "## Decision\n\nAgain.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no heading at all",
        "# T",
        "## Second level\n\n## Context\n\nC",
        "# T\n\n## Context\n\n## Decision\n\nD",
        "# T\n\n## Decision\n\nD\n\n### Consequences\n\nE\n\n### Other\n\nO\n\n## More Information\n\nM",
        "# T\n\n## Consequences\n\nE\n\n### Deep\n\nF\n\n## Decision\n\nD",
        "# T\n\n## Costs\n\n5\n\n## Consequences\n\nE",
        "---\nstatus: |\n  a\n\n  b\nx: 'it''s'\nlist: [a, 'b, c']\n# r\n---\n# T",
        "Setext\n======\n\nContext\n-------\n\nC",
        "---\nstatus: accepted\n---\n# T\n\n## Decision\n\nD\n\n# Another\n\n## Decision Outcome\n\nE",
    ],
)
def test_rendered_records_parse_to_the_same(text):
    """A parsed record that is rendered and parsed again has the same fields."""
    told = parse_record(text).fields
    again = parse_record(render_madr(told, "decision:d1"))

    assert again.fields == told
    assert again.subject == "decision:d1"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("accepted", "accepted"),
        ("Accepted", "accepted"),
        ("{proposed}", "proposed"),
        ("Approved", "accepted"),
        ("Superseded by [DNS](0015-dns.md)", "superseded"),
        ("Accepted\n\nSuperseded by [DNS](0015-dns.md)", "superseded"),
        ("Accepted | Amended by [17. Rejected](0017-x.md)", "accepted"),
        ("deprecated", "reversed"),
        ("Partly superseded", None),
        ("proposed | rejected | accepted", None),
        ("", None),
        ("on ice", None),
        ("Final comment period", "proposed"),
        ("Decided against", "rejected"),
        ("Außer Kraft", "reversed"),
    ],
)
def test_parsing_a_status(text, status):
    """The first word of a status counts, and an ambiguous status is unknown."""
    assert parse_status(text) == status


def test_links_and_teams():
    """A link refers to a file or a number, and only a name that contains a word for a team is a team."""
    links = ("[x](../adr/0003-a.md#top)", "ADR-0012", "12")
    assert [path_of(link) for link in links] == ["../adr/0003-a", "0012", "12"]
    assert team_key_of("Agent Framework team") == "agent-framework-team"
    assert [team_key_of(name) for name in ("Ann Arbor", "teamster", "westey-m")] == [None] * 3


@pytest.mark.parametrize(
    "value", ["a: b", "'q'", "x\n\ny", "# c", " lead", "true", "[a](b.md) c", "tab\tx", "{a}", "@a", "é"]
)
def test_any_text_survives_front_matter(value):
    """Any text that is rendered in front matter is parsed as the same text."""
    matter, rest = split_front_matter(render_front_matter({"status": value, "list": [value, "b"]}) + "\nrest")

    assert (matter.values, matter.other_lines, rest.strip()) == ({"status": value, "list": [value, "b"]}, [], "rest")


PIECES = (
    "---",
    "...",
    "# T",
    "## Context",
    "## Decision",
    "### Consequences",
    "## Consequences",
    "### Foo",
    "## Status",
    "===",
    "Setext",
    "```",
    "<!--",
    "> x",
    "- x: y",
    "* Date: b",
    "Status: a",
    "status: x",
    "status: {proposed}",
    "? z",
    ": q",
    "a: [1, {b: c}]",
    "x: |",
    "  y",
    "k: 'a' # b",
    "!!x y",
    "&a b",
    "*a",
    "'",
    '"',
    "{",
    "]",
    "%YAML 1.2",
    "\t",
    "\x85",
    "\u2028",
    "\x1c",
    "\x00",
    "中文: a",
    "sections: a",
)


@settings(max_examples=150, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=20).map("\n".join))
def test_any_text_can_be_parsed(text):
    """Any text is parsed into fields that the log accepts."""
    told = parse_record(text).fields
    cells = RecordFieldReader({}, lambda _: None).read(told)

    assert len(cells.changes) >= len(told) - 1
    assert parse_record(render_madr(told, "decision:d")).subject == "decision:d"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Accepted, 1 March 2024", "accepted"),
        ("Accepted, March 1, 2024", "accepted"),
        ("Accepted, Mon, 4 March 2024", "accepted"),
        ("Rejected, 3 May 2023", "rejected"),
        ("Approved, 10. Mai 2023", "accepted"),
        ("Draft, May 2024", "proposed"),
        ("Proposed, 2 May 2024\nAccepted, 3 June 2024", "accepted"),
        ("Postponed to Q3", "deferred"),
        ("Deprecated to be removed", "reversed"),
        ("Approved to implement", "accepted"),
        ("Agreed to wait", None),
        ("採用することにした", "accepted"),
        ("却下する", "rejected"),
        ("提案段階", "proposed"),
        ("提议中", "proposed"),
        ("已接受的", "accepted"),
        ("承認中", None),
        ("採用しない", None),
        ("Decide by May", None),
        ("Retire after Q2", None),
        ("Committed to wait", None),
        ("Proposed → Accepted when it works", "proposed"),
        ("Proposed → Accepted on 2024-03-01", "accepted"),
        ("Enforced", "accepted"),
        ("Rejetee le 3 mai 2024", "rejected"),
    ],
)
def test_a_status_is_read_with_what_is_said_of_it(text, status):
    """A word before a date is a weekday or the status; an ending says that it holds, or that it is not reached."""
    assert parse_status(text) == status


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("Date: 2024-01-01\nDeciders:\nThis record is about the deployment of X.", "deciders", ""),
        ("Status: accepted\n\nDate:\n\nWe need a database.", "date", ""),
        ("Date:\n\n1. first\n2. second", "date", ""),
        ("Status:\n\nThis is a short introduction to it.", "status", ""),
        ("Deciders:\nAnn Lee, Bob Ray", "deciders", "Ann Lee, Bob Ray"),
        (
            "Deciders:\n\n* Ann Lee\n* Bob Ray (architect of the platform)",
            "deciders",
            "Ann Lee, Bob Ray (architect of the platform)",
        ),
        ("Status:\n\nAccepted\n\nDate:\n\n2024-01-01", "date", "2024-01-01"),
    ],
)
def test_text_below_an_empty_key_is_its_value_only_if_it_looks_like_one(text, name, value):
    """An introduction below an unfilled line of a template stays the text of the record."""
    assert parse_record(f"# A\n\n{text}\n\n## Context\n\nX").fields[name] == value
