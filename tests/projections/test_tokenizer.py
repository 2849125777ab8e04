"""Words are split and compared in the same way on every database."""

from __future__ import annotations

from collections.abc import Callable

from domain.any_subject import TitleChanged
from projections.queries.search import search
from projections.read_model.model import Read
from projections.read_model.postgresql import translate, tsvector
from projections.read_model.tokenizer import snippet, tokenize
from tests.projections.support import Log

TEXTS = {
    "feature:mail": "Write to ann@example.org about the e-mail",
    "feature:place": "Café Zürich, 12.5 km from foo_bar/baz-qux",
    "feature:greek": "ΑΒΓ και δέ Straße",
    "feature:han": "決定 の 記録 v1.2-rc3",
    "feature:card": "ギフトカードを贈る",
    "feature:halfwidth": "ｷﾞﾌﾄ券",
    "feature:hangul": "선물카드 기능",
    "feature:chinese": "我们推出礼品卡功能",
    "feature:fullwidth": "ＡＢＣ－１２３",
    "feature:turkish": "İstanbul Iğdır",
}


FOUND = {
    "example": "mail",
    "org": "mail",
    "mail e": "mail",
    "cafe ZURICH": "place",
    "café": "place",
    "bar": "place",
    "qux": "place",
    "5 12": "place",
    "αβγ": "greek",
    "δε": "greek",
    "strasse": "greek",
    "STRASSE": "greek",
    "STRAẞE": "greek",
    "trasse": None,
    "カード": "card",
    "ｶｰﾄﾞ": "card",
    "贈る": "card",
    "カート": None,
    "券": "halfwidth",
    "ギフト券": "halfwidth",
    "카드": "hangul",
    "礼品卡": "chinese",
    "功能": "chinese",
    "品礼": None,
    "abc 123": "fullwidth",
    "istanbul": "turkish",
    "記録": "han",
    "rc3": "han",
    "ample": None,
    "' | x": None,
    "!!": None,
}
"""What each query finds: the key of a feature, or nothing."""


def test_search_finds_words_on_every_database(log: Log, read: Callable[[], Read]) -> None:
    """Search finds parts of addresses and compounds, other scripts, words without accents, and words by their start."""
    for subject, text in TEXTS.items():
        log.add(subject, TitleChanged(title=text))
    snapshot = read()

    hits = {query: [hit["subject"] for hit in search(snapshot, query).rows] for query in FOUND}

    assert hits == {query: [f"feature:{found}"] if found else [] for query, found in FOUND.items()}


def test_a_snippet_shows_where_the_words_are() -> None:
    """A snippet has sixteen words around most of the matches, marks the matches, and shows omissions as dots."""
    text = " ".join(["wort"] * 40) + " Café, und der Tee-Laden. " + " ".join(["mot"] * 40)

    shown = snippet(text, tokenize("cafe tee"))

    assert "«Café», und der «Tee»-Laden" in shown
    assert shown.startswith("…wort")
    assert shown.endswith("…")
    assert snippet("Tee!", ["te"]) == "«Tee»!"
    assert snippet("Tee!", ["x"]) == "Tee!"


def test_a_long_word_and_a_long_text_fit_into_the_index() -> None:
    """A text vector respects PostgreSQL's limits of 2,046 bytes a word and 16,383 positions."""
    assert len(tsvector("ü" * 3000).encode()) < 2046
    assert max(int(word.partition(":")[2]) for word in tsvector("a b " * 20_000).split()) == 16_383


def test_only_names_after_one_colon_are_parameters() -> None:
    """Casts and quoted texts are no parameters, and a percent sign is escaped."""
    assert translate("x::text like 'a:%' and y = :y and z in members(:z)") == (
        "x::text like 'a:%%' and y = %(y)s and z = any(%(z)s)"
    )


def test_a_snippet_marks_a_run_of_characters_that_has_the_words() -> None:
    """In a language without spaces, the whole run that contains the words is marked."""
    assert snippet("新しい ギフトカード です", tokenize("カード")) == "新しい «ギフトカード» です"
