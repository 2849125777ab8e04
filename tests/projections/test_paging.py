"""Pages end by rows or by size and together are the whole answer; a long report keeps its most relevant lines."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from projections.queries import (
    audit,
    changes,
    decisions,
    field_history,
    field_values,
    listings,
    report,
    report_basis,
    report_lines,
    roadmap,
    slips,
)
from projections.queries.filters import Filter
from projections.queries.paging import Answer, page_after, smallest_after
from projections.queries.timepoint import TimePoint
from projections.read_model.factory import open_database
from projections.read_model.model import Read, ReadModel
from projections.read_model.query_limits import Bounds
from projections.read_model.rebuild import rebuild
from tests.benchmarks.filling import filled
from tests.benchmarks.local_service import system_clock

EVENTS = 1_500
START = -62_135_596_800_000_000
PAGE_BYTES = 60_000
Ask = Callable[[Read, int | None, str | None], Answer]


@pytest.fixture(scope="module")
def model() -> Iterator[ReadModel]:
    """A read model of a product's history."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        with (
            filled(where / "log.sqlite", EVENTS) as (log, _),
            closing(open_database(where / "model.sqlite")) as database,
        ):
            opened = ReadModel.open(database, log, system_clock)
            rebuild(log, opened)
            yield opened


def _roadmap(**more: Any) -> Ask:
    return lambda read, limit, cursor: roadmap.roadmap(read, limit=limit, cursor=cursor, **more)


QUESTIONS: dict[str, Ask] = {
    "fields": lambda read, limit, cursor: field_values.field_values(
        read, Filter(), limit=limit or 10_000, cursor=cursor
    ),
    "history": lambda read, limit, cursor: field_history.field_history(
        read, field_history.ChangeFilter(), limit=limit or 10_000, cursor=cursor
    ),
    "newest steps": lambda read, limit, cursor: field_history.field_history(
        read, field_history.ChangeFilter(), newest_first=True, limit=limit or 10_000, cursor=cursor
    ),
    "audit": lambda read, limit, cursor: audit.audit(read, limit=limit or 10_000, cursor=cursor),
    "decisions": lambda read, limit, cursor: decisions.decisions(read, limit=limit or 10_000, cursor=cursor),
    "features": lambda read, limit, cursor: listings.subjects(
        read, Filter(kinds=("feature",)), ("status", "horizon", "products"), limit=limit, cursor=cursor
    ),
    "releases": lambda read, limit, cursor: listings.releases(read, limit=limit, cursor=cursor),
    "history of a subject": lambda read, limit, cursor: decisions.history(
        read, "product:p0", limit=limit, cursor=cursor
    ),
    "history of some fields": lambda read, limit, cursor: decisions.history(
        read, "product:p0", fields=("title", "role.*"), limit=limit, cursor=cursor
    ),
    "changes": lambda read, limit, cursor: changes.changes(read, TimePoint(as_of=START), limit=limit, cursor=cursor),
    "slips": lambda read, limit, cursor: slips.slips(read, Filter(), limit=limit, cursor=cursor),
    "table": _roadmap(layout="table"),
    "blamed table": _roadmap(layout="table", blame=True),
    "table of a milestone": _roadmap(layout="table", milestone="beta"),
}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets batches so small that each page has several."""
    monkeypatch.setattr(changes, "SUBJECTS_AT_ONCE", 10)
    monkeypatch.setattr(roadmap, "MAX_FULL_CARDS", 5)
    monkeypatch.setattr(slips, "MAX_KEPT_CHANGES", 20)
    for each in (roadmap, decisions, listings, slips):
        monkeypatch.setattr(each, "BATCH_ROWS", 5)


def _pages(model: ReadModel, ask: Ask, limit: int, page: float) -> Iterator[Answer]:
    cursor = None
    while True:
        with model.read(Bounds(page=page)) as read:
            found = ask(read, limit, cursor)
        yield found
        cursor = found.next
        if cursor is None:
            return


@pytest.mark.parametrize(
    ("limit", "page"), [pytest.param(7, 1e12, marks=pytest.mark.slow), (29, 1e12), (10_000, PAGE_BYTES)]
)
@pytest.mark.parametrize("name", QUESTIONS)
def test_all_pages_together_are_the_whole_answer(model: ReadModel, name: str, limit: int, page: float) -> None:
    """Whether pages end by rows or by size, together they are the answer without paging."""
    with model.read() as read:
        whole = QUESTIONS[name](read, None, None)
    pages = list(_pages(model, QUESTIONS[name], limit, page))
    assert [row for each in pages for row in each.rows] == whole.rows
    assert whole.next is None
    assert all(0 < len(each.rows) <= limit for each in pages)
    assert len(pages) > 1 or len(whole.rows) < 30


@pytest.mark.parametrize("name", ["history", "audit", "changes", "slips", "blamed table"])
def test_a_page_ends_by_its_size(model: ReadModel, name: str) -> None:
    """A page with a large limit ends early once it reaches its size."""
    (first, *_) = _pages(model, QUESTIONS[name], 10_000, PAGE_BYTES)
    with model.read() as read:
        assert 0 < len(first.rows) < len(QUESTIONS[name](read, None, None).rows)
    assert first.next is not None


@pytest.mark.parametrize("layout", ["board", "timeline"])
def test_the_columns_of_all_pages_are_the_board(model: ReadModel, layout: Any) -> None:
    """Each page has columns with some of their cards and the count of all; together they have all cards, in order."""
    with model.read() as read:
        whole = {row["column"]: row for row in roadmap.roadmap(read, layout=layout).rows}
    found: dict[str, list[Any]] = {}
    for page in _pages(model, _roadmap(layout=layout), 7, 1e12):
        for row in page.rows:
            assert row["count"] == whole[row["column"]]["count"]
            found.setdefault(row["column"], []).extend(row["cards"])
    assert found == {column: row["cards"] for column, row in whole.items()}


def test_a_long_report_keeps_the_most_relevant_lines(model: ReadModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A section keeps the lines in effect, the weightiest and latest first; it counts all lines, and the hash covers what is shown."""
    span = report.ReportRequest("product:p0", START + 1, None, EVENTS)
    with model.read() as read:
        whole = report.report(read, span)
        for module in (report_basis, report_lines):
            monkeypatch.setattr(module, "MAX_LINES", 9)
        short = report.report(read, span)
    assert short.about["counts"] == whole.about["counts"]
    shown = Counter(row["section"] for row in short.rows)
    assert shown == {section: min(n, 9) for section, n in whole.about["counts"].items() if n}
    assert max(whole.about["counts"].values()) > 100
    assert all(row in whole.rows for row in short.rows)
    assert [row for row in whole.rows if row in short.rows] == short.rows
    moved = [row for row in whole.rows if row["section"] == "moved" and row["current"]][:9]
    assert [row for row in short.rows if row["section"] == "moved"] == moved
    assert report.report_hash(short.to_dict()) == short.about["sha256"]


def test_a_page_of_unsorted_rows_is_that_of_the_sorted_ones() -> None:
    """Every page is the same, up to the last one."""
    rows = [(n * 7 % 20, str(n)) for n in range(20)]
    cursor, pages = None, 0
    while pages == 0 or cursor:
        page = smallest_after(rows, tuple, (int, str), 6, cursor)
        assert page == page_after(sorted(rows), tuple, (int, str), 6, cursor)
        cursor, pages = page[1], pages + 1
    assert pages == 4
