"""No field of CSV starts what a spreadsheet would take for a formula."""

from __future__ import annotations

import csv
import io
import re
import sys
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.csv_injection import neutralize_formulas
from api.formats import as_csv

FORMULA = ("=", "+", "-", "@", "\N{MINUS SIGN}")
BEFORE = (
    "",
    "\ufeff",
    "\u200b",
    "\u3000",
    "\u00a0",
    " ",
    "\x0b",
    "\x00",
    "\x85",
    "\u2028",
    "\u202e",
    "\u00ad",
    "\ufe0f",
    "\U000e0041",
    "\u2060 \u200b",
    '"',
    "\u115f",
)
AFTER = ("", "\t", "\r", "\n", "\r\n", "a;", "a,", "a\t", "a\n", 'a","', "a|", "a; ", ";;\t")


def is_seen(character: str) -> bool:
    """Whether a character is seen and is no quotation mark."""
    ignorable = (
        character in "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u180b\u180c\u180d\u180f"
        or "\ufe00" <= character <= "\ufe0f"
    )
    hidden = (
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp")
        or "\U000e0000" <= character <= "\U000e0fff"
    )
    return not (hidden or ignorable or character.isspace() or character == '"')


def starts_formula(text: str) -> bool:
    """The naive rule: without what is not seen, and normalized, the first character starts a formula."""
    seen = next((character for character in text if is_seen(character)), "")
    return unicodedata.normalize("NFKC", seen).startswith(FORMULA)


def is_dangerous(field: str) -> bool:
    """Whether a field, or what a program may take for one, starts a formula, or starts with a tab or line break."""
    return any(starts_formula(part) for part in (field, *re.split(r"[;,|\t\r\n]", field))) or bool(
        re.search(r"(?:^|[;,|])[\t\r\n]", field)
    )


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "⁼", "₊", "−", "⩵"]
)
@pytest.mark.parametrize("after", AFTER)
def test_a_formula_is_marked(after, start):
    """However it is written and whatever unseen stands before it, at the start or after a separator."""
    for before in BEFORE:
        hidden = f"{after}{before}{start}cmd|' /C calc'!A0"
        assert is_dangerous(hidden)
        marked = neutralize_formulas(hidden)
        assert not is_dangerous(marked), (hidden, marked)
        assert marked.replace("'", "") == hidden.replace("'", "")


ANY = st.lists(
    st.one_of(st.sampled_from([*BEFORE, *AFTER, *FORMULA, *"＝＋－＠'\"a1;,\t\r\n"]), st.text(max_size=3)), max_size=8
).map("".join)


@given(ANY)
@example("\t=1")
@example(" \t=1")
@example("'=1")
def test_no_text_makes_a_formula(text):
    """Nothing that is put together of such parts is dangerous; nothing is lost, and harmless text is not touched."""
    marked = neutralize_formulas(text)

    assert not is_dangerous(marked)
    assert marked.replace("'", "") == text.replace("'", "")
    if not is_dangerous(text):
        assert marked == text


def test_every_character_of_unicode():
    """At the start of a field no character at all starts a formula."""
    every = (chr(code) for code in range(sys.maxunicode + 1))
    characters = [
        found
        for found in every
        if unicodedata.category(found)[0] in "CZM" or unicodedata.normalize("NFKC", found).startswith(FORMULA)
    ]
    characters = [found for found in characters if unicodedata.category(found) not in ("Cn", "Co", "Cs")]

    assert [found for found in characters if starts_formula(neutralize_formulas(found + "=1"))] == []
    assert [found for found in characters if starts_formula(neutralize_formulas(found))] == []


def test_a_table_marks_headings_and_fields():
    """Both pass: a heading can hold the name of a field that others chose."""
    row = {"＝name": "\ufeff=1+1", "people": ["a", "=2"], "more": {"@x": "plain - text"}}

    table = list(csv.reader(io.StringIO(as_csv([row], {}))))

    assert table == [["'＝name", "people", "more.@x"], ["'\ufeff=1+1", "a;' =2", "plain - text"]]


@pytest.mark.parametrize("text", ["\t" * 400_000, " " * 400_000 + "x", ";" * 400_000, "a " * 200_000])
def test_a_long_field_takes_no_longer_than_its_length(text):
    """No text makes the search try each place again, which would take minutes."""
    began = time.process_time()
    neutralize_formulas(text)
    assert time.process_time() - began < 3
