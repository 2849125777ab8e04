"""No changed row and no wrong index of a log in PostgreSQL is served as true, and none goes unnoticed."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from eventlog import postgresql_store
from tests.faults.flips import Verdict
from tests.faults.flips_postgresql import SCHEMA, Change, Untouched, change_many, copy_of, judge, untouched

pytestmark = pytest.mark.slow

CHANGES = 6


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Untouched]:
    with untouched(tmp_path_factory.mktemp("log")) as found:
        yield found


def test_random_changes_are_detected_or_harmless(original: Untouched) -> None:
    """Whatever value is changed, with or without an index that is not told of it."""
    judged = list(change_many(original, range(CHANGES)))

    assert [each for each in judged if each[2].wrong] == []
    assert len(judged) > 2


def _row(url: str, table: str, column: str, value: str) -> str:
    """Where the row is whose column has this value."""
    with psycopg.connect(url) as connection:
        query = f"SELECT ctid::text FROM {SCHEMA}.{table} WHERE {column} = %s ORDER BY ctid LIMIT 1"
        ((row,),) = connection.execute(query.encode(), [value]).fetchall()
        return row


def _change(url: str, change: Change) -> None:
    with psycopg.connect(url) as connection:
        change.apply(connection)


@pytest.mark.parametrize("table", ["events", "field_value", "event"])
def test_a_value_changed_in_a_table_alone_is_noticed(original: Untouched, table: str) -> None:
    """A feature gets another's key, and an index is not told."""
    with copy_of(original.url) as url:
        row = _row(url, table, "subject", "feature:f3")
        _change(url, Change(table, "subject", row, "feature:f3", "feature:zz", _index(url, table)))

        verdict = judge(original, url)

    assert verdict.kind in {"noticed, and not served", "noticed, and served truly"}


def _index(url: str, table: str) -> str:
    """The name of the index of a table's primary key."""
    with psycopg.connect(url) as connection:
        query = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass AND indisprimary"
        ((index,),) = connection.execute(query, [f"{SCHEMA}.{table}"]).fetchall()
        return index


def test_checking_without_indexes_is_detected(original: Untouched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the comparison of indexes with their tables, an index that differs is missed, and a wrong name is shown."""
    with copy_of(original.url) as url:
        row = _row(url, "names", "person", "person:bob")
        _change(url, Change("names", "person", row, "person:bob", "person:ann", f"{SCHEMA}.names_by_person"))
        assert judge(original, url).kind.startswith("noticed")

        monkeypatch.setattr(postgresql_store, "find_damage", lambda *_: iter(()))
        assert judge(original, url).kind == "lie"


def test_other_words_of_a_text_are_noticed(original: Untouched) -> None:
    """What a search finds is compared with the texts."""
    with copy_of(original.url) as url:
        with psycopg.connect(url) as connection:
            row = _row(url, "search", "content", "Feature 3")
            connection.execute(f"UPDATE {SCHEMA}.search SET words = 'tea:1' WHERE ctid = %s::tid".encode(), [row])

        assert judge(original, url) == Verdict("noticed, and served truly")
