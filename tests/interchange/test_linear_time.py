"""What a record costs grows with its length and no faster, whatever stands in it. Times are of the processor."""

import gc
import re
import time
from contextlib import suppress
from random import Random

import pytest
from pydantic import ValidationError

from interchange.adr.document import LARGEST, MAX_KEYS, MAX_LINES, read
from interchange.adr.history import Version
from interchange.adr.record_links import RELATIONS, find_links, find_relations, target_of, without_links
from interchange.adr.record_planner import finder, identities
from interchange.adr.status_words import RecordMeanings
from interchange.tracker.mapping import cell_part
from tests.interchange.support import a_log, bring_in, put

STATUS, SECTION, BODY, MATTER = "# T\n* Status: ", "# T\n## Status\n", "# T\n\n", "---\nstatus: a\n"
SMALL = 24 * 1024
GROWTH = 6
"""How many times as much four times the length may cost. What is quadratic costs sixteen times as much."""
NOISE_S = 0.01
CASES = [
    (STATUS, "["), (SECTION, "["), (SECTION, "[a]("), (SECTION, "[a](a"), (SECTION, "](("), (STATUS, "amends ["),
    (SECTION, "superseded by "), (SECTION, "superseded by [a]("), (SECTION, "amends\n"), (STATUS, "amends  "),
    ("# T\n## Status\namends", " "), ("# T\n## Status\namends :", "\t"), ("# T\n## Status\namends [", "0"),
    ("# T\n## Status\namends [a](", "0"), (SECTION, "ADR-1"), (SECTION, "superseded"), ("# T\nDeciders: ", "a,"),
    ("# T\nDeciders: ", ","), ("# T\nDeciders: ", "the team "), ("# T\nDeciders: ", "the "), (BODY, "\\["),
    (BODY, "[\n"), (BODY, "[a]: b\n"), (BODY, '[a]: b "'), (BODY, "[a]: b (x\n"), (BODY, '[a]: b\n"x\n'), (BODY, "[a]:\n"),
    ('[a]: b "', "x\n"), ('[a]: b "', "x"), ("[a]: b '", "\\'"), ("[", "a"), ("[", "a\n"), ("[a]: <", "b"), ("[a]: ", "("),
    (BODY, ">"), (BODY, "> "), (BODY, "> - "), (BODY, "- "), (BODY, "* "), (BODY, "1. "), (BODY, "- ```\n"), (BODY, "  - a\n"),
    (BODY, "`"), (BODY, "```\n"), (BODY, "<!--"), (BODY, "<div>\n"), (BODY, "<a "), (BODY, "# a\n"), (BODY, "### a\n"),
    (BODY, "a\n=\n"), (BODY, "-\n"), (BODY, "="), (BODY, "\t"), (BODY, " "), (BODY, "\n"), (BODY, "\r"), (BODY, "\u2028"),
    (MATTER, "a: b\n"), (MATTER, "-"), (MATTER, "--- "), ("---\n", " "), ("---\na", " "), ("a", " "), ("a:", " "),
]  # fmt: skip


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
    document = read(text)
    version = Version("0001-one", None, told=document.told, document=document)
    find = finder([version], identities([version], "adrs"))
    meanings = RecordMeanings("adrs", {}, find)
    list(meanings.spellings(document.told))
    with suppress(ValidationError):  # then it is refused
        meanings.cells(document.told)


@pytest.mark.parametrize(("head", "part"), CASES, ids=repr)
def test_reading(head, part):
    """A part that is repeated without end costs what its length does."""
    assert grows_with(read_whole, lambda length: (head + part * (length // len(part)))[:length])


def distinct_keys(length):
    return "---\n" + "".join(f"k{n}: x\n" for n in range(length // 10)) + "---\n# T\n"


@pytest.mark.parametrize("make", [distinct_keys, lambda length: "\n".join(["# T", "[x]: /y", *"ab" * (length // 2)])])
def test_reading_what_is_never_the_same(make):
    """The same of many keys, and of lines that are no definitions."""
    assert grows_with(read_whole, make)


def test_the_check_sees_a_square():
    """The expression that was used for links would not pass."""
    pattern = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")

    assert not grows_with(lambda text: pattern.sub(" ", text), lambda length: "[" * (length // 16))


@pytest.mark.parametrize(
    "text",
    [
        "# T\n* Status: superseded by " + "[" * LARGEST,
        "# T\n## Status\n" + "[a](" * (LARGEST // 4),
        '[a]: b "' + "x\n" * 400_000,
        '[a]: b "' + "x" * LARGEST,
        "[\n" * 500_000,
        "  - a\n" * (MAX_LINES - 2),
    ],
    ids=range(6),
)
def test_a_record_as_long_as_may_be(text):
    """No record takes longer than some seconds."""
    assert cost(read_whole, text[:LARGEST]) < 8


def test_names_of_cells():
    """A name of another alphabet is spelled out in time, and as before where it is not endless."""
    assert grows_with(cell_part, lambda length: "ä" * length)
    assert cell_part("Höhe") == "hhe-sna"


def test_a_number_with_many_zeros():
    """A link to a number of any length finds what it names."""
    version = Version("0007-x", None)
    find = finder([version], identities([version], "adrs"))

    assert grows_with(find, lambda length: "[a](" + "0" * length + "x)")
    assert find("[a](" + "0" * 1000 + "7)") == find("ADR-7") is not None


OLD_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")
OLD_RELATED = re.compile(
    rf"\b({'|'.join(RELATIONS)})\s*:?\s+(\[[^\]]*\]\([^)\s]*\)|(?:ADR[- ]?)?[0-9]{{1,6}}\b)", re.IGNORECASE
)
PARTS = [
    "[", "]", "(", ")", " ", "\n", ":", "a", "amends", "Amended  by", "superseded by", "ADR-", "12", "x/1.md", "#", "](",
    "[a](b)", " amends [1](", "1234567",
]  # fmt: skip


def test_links_are_those_of_the_expressions():
    """Links and relations are found where the expressions that took too long had found them."""
    random = Random(7)
    for _ in range(20_000):
        text = "".join(random.choices(PARTS, k=random.randint(1, 12)))
        related = OLD_RELATED.findall(text)

        assert without_links(text) == OLD_LINK.sub(" ", text)
        assert [link.target for link in find_links(text)] == [target for _, target in OLD_LINK.findall(text)]
        assert list(find_relations(text)) == [(RELATIONS[one.lower()], other) for one, other in related]


@pytest.mark.parametrize(
    ("link", "target"), [("[a](b/c.md#d)", "c"), ("[a[b](c.md)", "c"), ("ADR-7", "7"), ("[a]b", "[a]b")]
)
def test_targets(link, target):
    """A link leads to the name of a file, a number is itself."""
    assert target_of(link) == target


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# T\n* decıders: ann\n", {"x.preamble": "* decıders: ann"}),
        ("# T\n* Status: ſuperſeded by 1\n", {"status": "ſuperſeded by 1"}),
    ],
)
def test_letters_that_are_alike(text, told):
    """Letters that a comparison without regard to case takes for others do no harm."""
    document = read(text)
    RecordMeanings("adrs", {}, lambda _: "decision:x").cells(document.told)

    assert document.told == {"title": "T"} | told


def test_definitions_of_links_are_no_headings():
    """A definition above a line of dashes is still one; one that has no end within the bounds is a paragraph."""
    assert read("# T\n\n## Context\n\nC.\n\n[a]: http://x\n---\n").told["context"].endswith("---")
    assert "x.sections" not in read("# T\n\n## Context\n\n[a]: b\n'" + "x\n" * 30 + "'\n---\n").told
    assert read('[a]: b "' + "x" * 20_000 + '"\n===\n').told["title"].startswith("[a]: b")


def test_keys_and_names_beyond_all_bounds(tmp_path):
    """Keys that no front matter has, and more people than a field can hold, make no cells and no persons."""
    keys = "".join(f"key{n}: x\n" for n in range(MAX_KEYS + 50))
    folder = put(
        tmp_path / "adr", r0001_one=f"---\n{keys}---\n# T\n", r0002_two="# T\nDeciders: " + ",".join(f"p{n}" for n in range(2000)),
        r0003_three="# T\n" + "x\n" * (MAX_LINES + 1),
    )  # fmt: skip
    with a_log(tmp_path / "log") as log:
        report = bring_in(folder, log)

        assert report.persons_registered == 0
        assert (report.applied, [remark.line for remark in report.refused]) == (2, ["0002-two"])
        assert len(read(f"---\n{keys}---\n# T\n").told) == MAX_KEYS + 2
        assert any("was not read by its sections" in remark.what for remark in report.noticed)
