"""Reading a record takes linear CPU time, whatever it contains."""

import gc
import re
import time
from contextlib import suppress
from random import Random

import pytest
from pydantic import ValidationError

from interchange.adr.document import MAX_KEYS, MAX_RECORD_BYTES, parse_record
from interchange.adr.keyword_tables import RELATIONS
from interchange.adr.markdown_blocks import MAX_LINES
from interchange.adr.record_fields import RecordFieldReader
from interchange.adr.record_identity import LinkResolver, identify_records
from interchange.adr.record_links import find_links, find_relations, path_of, without_links
from interchange.adr.record_versions import RecordVersion
from interchange.value_parsers import field_name_part
from tests.interchange.adr.support import a_log, bring_in, put

STATUS, SECTION, BODY, MATTER = "# T\n* Status: ", "# T\n## Status\n", "# T\n\n", "---\nstatus: a\n"
SMALL = 6 * 1024
GROWTH = 6
"""How many times as long four times the length may take. Quadratic time would be sixteen times as long."""
NOISE_S = 0.01
CASES = [
    (STATUS, "["),
    (SECTION, "["),
    (SECTION, "[a]("),
    (SECTION, "[a](a"),
    (SECTION, "](("),
    (STATUS, "amends ["),
    (SECTION, "superseded by "),
    (SECTION, "superseded by [a]("),
    (SECTION, "amends\n"),
    (STATUS, "amends  "),
    ("# T\n## Status\namends", " "),
    ("# T\n## Status\namends :", "\t"),
    ("# T\n## Status\namends [", "0"),
    ("# T\n## Status\namends [a](", "0"),
    (SECTION, "ADR-1"),
    (SECTION, "superseded"),
    (SECTION, "superseded by\n- "),
    (SECTION, "superseded by\n- ADR-1\n"),
    (SECTION, "superseded in part by "),
    (SECTION, "Accepted 1 January 2020\n"),
    (SECTION, "on 2020-01-01 "),
    (SECTION, "12 "),
    (SECTION, "採用2024年"),
    ("# T\n\nSupersedes:\n", "- ADR-1\n"),
    ("# T\n\n## Supersedes\n", "- a\n"),
    ("# T\n\nDeciders:\n", "\n"),
    ("# T\n\nDeciders:\n", "- a\n"),
    ("", "<!-- -->"),
    ("", "<!--"),
    ("# T\nDeciders: ", "a,"),
    ("# T\nDeciders: ", ","),
    ("# T\nDeciders: ", "the team "),
    ("# T\nDeciders: ", "the "),
    (BODY, "\\["),
    (BODY, "[\n"),
    (BODY, "[a]: b\n"),
    (BODY, '[a]: b "'),
    (BODY, "[a]: b (x\n"),
    (BODY, '[a]: b\n"x\n'),
    (BODY, "[a]:\n"),
    ('[a]: b "', "x\n"),
    ('[a]: b "', "x"),
    ("[a]: b '", "\\'"),
    ("[", "a"),
    ("[", "a\n"),
    ("[a]: <", "b"),
    ("[a]: ", "("),
    (BODY, ">"),
    (BODY, "> "),
    (BODY, "> - "),
    (BODY, "- "),
    (BODY, "* "),
    (BODY, "1. "),
    (BODY, "- ```\n"),
    (BODY, "  - a\n"),
    (BODY, "`"),
    (BODY, "```\n"),
    (BODY, "<!--"),
    (BODY, "<div>\n"),
    (BODY, "<a "),
    (BODY, "# a\n"),
    (BODY, "### a\n"),
    (BODY, "a\n=\n"),
    (BODY, "-\n"),
    (BODY, "="),
    (BODY, "\t"),
    (BODY, " "),
    (BODY, "\n"),
    (BODY, "\r"),
    (BODY, "\u2028"),
    (MATTER, "a: b\n"),
    (MATTER, "-"),
    (MATTER + "deciders:\n", "- name: a\n"),
    (MATTER + "deciders: ", "[{name: "),
    (MATTER, "--- "),
    ("---\n", " "),
    ("---\na", " "),
    ("a", " "),
    ("a:", " "),
]


def cost(work, *given):
    gc.disable()
    begun = time.process_time()
    try:
        work(*given)
    finally:
        gc.enable()
    return time.process_time() - begun


def grows_with(work, make):
    """Whether four times as much costs less than six times as much. A measurement that was disturbed is made again."""
    small, large = make(SMALL), make(4 * SMALL)
    best = [float("inf"), float("inf")]
    for _ in range(4):
        best = [min(one, cost(work, given)) for one, given in zip(best, (small, large), strict=True)]
        if best[1] < GROWTH * best[0] + NOISE_S:
            return True
    return False


def read_whole(text):
    """Everything that is done with the text of a record."""
    document = parse_record(text)
    version = RecordVersion("0001-one", None, fields=document.fields, document=document)
    find = LinkResolver([version], identify_records([version], "adrs")).find
    reader = RecordFieldReader({}, find)
    list(reader.people_in(document.fields))
    with suppress(ValidationError):  # then it is refused
        reader.read(document.fields)


@pytest.mark.parametrize(("head", "part"), CASES, ids=repr)
def test_repeated_parts_take_linear_time(head, part):
    """Reading a repeated part takes linear time."""
    assert grows_with(read_whole, lambda length: (head + part * (length // len(part)))[:length])


def distinct_keys(length):
    return "---\n" + "".join(f"k{n}: x\n" for n in range(length // 10)) + "---\n# T\n"


@pytest.mark.parametrize("make", [distinct_keys, lambda length: "\n".join(["# T", "[x]: /y", *"ab" * (length // 2)])])
def test_distinct_parts_take_linear_time(make):
    """Reading many distinct keys or lines takes linear time."""
    assert grows_with(read_whole, make)


@pytest.mark.parametrize("part", ["2024 ", "に ", "被 "])
def test_the_longest_status_that_is_read_for_its_relations(part):
    """The spaces that are left of its dates are not read again for each of them."""
    assert cost(read_whole, f"{SECTION}가{part * 2000}") < 2


def test_quadratic_time_is_detected():
    """The regular expression that was used for links takes quadratic time, and the check detects it."""
    pattern = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")

    assert not grows_with(lambda text: pattern.sub(" ", text), lambda length: "[" * (length // 8))


@pytest.mark.parametrize(
    "text",
    [
        "# T\n* Status: superseded by " + "[" * MAX_RECORD_BYTES,
        "# T\n## Status\n" + "[a](" * (MAX_RECORD_BYTES // 4),
        '[a]: b "' + "x\n" * 400_000,
        '[a]: b "' + "x" * MAX_RECORD_BYTES,
        "[\n" * 500_000,
        "  - a\n" * (MAX_LINES - 2),
    ],
    ids=range(6),
)
def test_the_longest_record(text):
    """A record of the maximum length is read within seconds."""
    assert cost(read_whole, text[:MAX_RECORD_BYTES]) < 8


def test_field_names():
    """A long name in another alphabet is encoded in linear time."""
    assert grows_with(field_name_part, lambda length: "ä" * length)
    assert field_name_part("Höhe") == "hhe-sna"


def test_a_number_with_many_zeros():
    """A link to a number with many zeros finds its record."""
    version = RecordVersion("0007-x", None)
    find = LinkResolver([version], identify_records([version], "adrs")).find

    assert grows_with(find, lambda length: "[a](" + "0" * length + "x)")
    assert find("[a](" + "0" * 1000 + "7)") == find("ADR-7") is not None


OLD_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")
OLD_RELATED = re.compile(
    rf"\b({'|'.join(RELATIONS)})\s*:?\s+(\[[^\]]*\]\([^)\s]*\)|(?:ADR[- ]?)?[0-9]{{1,6}}\b)", re.IGNORECASE
)
PARTS = [
    "[",
    "]",
    "(",
    ")",
    " ",
    "\n",
    ":",
    "a",
    "amends",
    "Amended  by",
    "superseded by",
    "ADR-",
    "12",
    "x/1.md",
    "#",
    "](",
    "[a](b)",
    " amends [1](",
    "1234567",
]


def test_links_equal_those_of_the_regular_expressions():
    """Links and relations equal those of the slow regular expressions."""
    random = Random(7)
    for _ in range(20_000):
        text = "".join(random.choices(PARTS, k=random.randint(1, 12)))
        related = OLD_RELATED.findall(text)

        assert without_links(text) == OLD_LINK.sub(" ", text)
        assert [link.target for link in find_links(text)] == [target for _, target in OLD_LINK.findall(text)]
        if "amends" not in text and ", " not in text:
            assert {one.target for one in find_relations(text)} >= {other for _, other in related[:1]}


@pytest.mark.parametrize(
    ("link", "path"), [("[a](b/c.md#d)", "b/c"), ("[a[b](c.md)", "c"), ("ADR-7", "7"), ("[a]b", "[a]b")]
)
def test_link_paths(link, path):
    """A link refers to the path of a file without its extension, and a number to itself."""
    assert path_of(link) == path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# T\n* decıders: ann\n", {"x.preamble": "* decıders: ann"}),
        ("# T\n* Status: ſuperſeded by 1\n", {"status": "ſuperſeded by 1"}),
        ("# T\n* Status: sustıtuido por 1\n", {"status": "sustıtuido por 1"}),
        ("# T\n* Status: 1 junı 2020\n", {"status": "1 junı 2020"}),
    ],
)
def test_similar_letters(text, told):
    """Letters that only compare equal without case do no harm."""
    document = parse_record(text)
    RecordFieldReader({}, lambda _link, _origin: "decision:x").read(document.fields)

    assert document.fields == {"title": "T"} | told


def test_link_definitions_are_not_headings():
    """A definition above a line of dashes is not a heading, and one beyond the limits is a paragraph."""
    assert parse_record("# T\n\n## Context\n\nC.\n\n[a]: http://x\n---\n").fields["context"].endswith("---")
    assert "x.sections" not in parse_record("# T\n\n## Context\n\n[a]: b\n'" + "x\n" * 30 + "'\n---\n").fields
    assert parse_record('[a]: b "' + "x" * 20_000 + '"\n===\n').fields["title"].startswith("[a]: b")


def test_too_many_keys_and_names(tmp_path):
    """Too many keys do not become fields, and too many people are not registered."""
    keys = "".join(f"key{n}: x\n" for n in range(MAX_KEYS + 50))
    folder = put(
        tmp_path / "adr",
        r0001_one=f"---\n{keys}---\n# T\n",
        r0002_two="# T\nDeciders: " + ",".join(f"p{n}" for n in range(2000)),
        r0003_three="# T\n" + "x\n" * (MAX_LINES + 1),
    )
    with a_log(tmp_path / "log") as log:
        report = bring_in(folder, log)

        assert report.people_registered == 0
        assert (report.imported, [remark.line for remark in report.rejected]) == (2, ["0002-two"])
        assert len(parse_record(f"---\n{keys}---\n# T\n").fields) == MAX_KEYS + 2
        assert any("its sections were not parsed" in remark.message for remark in report.warnings)
