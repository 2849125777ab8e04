"""Each page of the past shows what the API answers for that time, over the history of Kubernetes enhancements."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from interchange.sink import LogSink
from interchange.tracker import import_changes, load_mapping
from projections.queries.field_groups import flat_fields
from tests.support_log import LocalService
from tests.support_pages import PageReader, text_of

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpora" / "keps_before_2023-01-01.jsonl"
TIMES = [
    f"{year}-{month:02}-{day:02}"
    for year in (2018, 2019, 2020, 2021, 2022)
    for month, day in ((3, 1), (6, 15), (9, 3), (12, 24))
]
CLOSED = {"shipped", "dropped"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    times = itertools.count(1_767_225_600_000_000, 1_000)  # 2026-01-01
    with LocalService(tmp_path_factory.mktemp("service"), clock=lambda: next(times)) as opened:
        keys = itertools.count(1)
        mapping = load_mapping(ROOT / "examples" / "mappings" / "keps.toml")
        sink, caller = LogSink(opened.log), opened.caller("import")
        asyncio.run(import_changes(CORPUS, mapping, sink, caller, new_key=lambda: f"p{next(keys)}"))
        yield opened


@pytest.fixture
def pages(service: LocalService) -> PageReader:
    return PageReader(service)


def _value(field: dict[str, Any] | None) -> list[Any]:
    if field is None:
        return []
    value = field["value"] if field["value"] not in (None, []) else field["source_value"]
    return value if isinstance(value, list) else [] if value is None else [value]


def _shown_on_card(card: dict[str, Any], titles: dict[str, str]) -> tuple[str, str, str]:
    """The owners, the target and the status that a card should show."""
    fields = dict(flat_fields(card))
    named = lambda each: titles.get(each) or (each.partition(":")[2] if ":" in str(each) else str(each))  # noqa: E731
    targets = [value for name, value in sorted(fields.items()) if name.startswith("target.") and _value(value)]
    target = fields.get("target.ship") if _value(fields.get("target.ship")) else (targets or [None])[0]
    owners = ", ".join(map(named, _value(fields.get("role.accountable")))) or "no owner"
    return (
        owners,
        ", ".join(map(named, _value(target))) or "no target",
        str((_value(fields.get("status")) or ["no status"])[0]),
    )


def _parse_table(html: str) -> dict[str, tuple[str, str]]:
    """The owners and the target in each row of the roadmap as a table."""
    rows = re.findall(r"<tr[^>]*><td class=\"strong\">(.*?)</tr>", html, re.DOTALL)
    found = {}
    for row in rows:
        cells = re.split(r"<td[^>]*>", row)
        key = unescape(re.search(r'href="/features/([^"?]+)', cells[0])[1])
        found[f"feature:{key}"] = (text_of(cells[3]), re.sub(r" ?[A-Z][a-z]{2} \d+, \d{4}$", "", text_of(cells[4])))
    return found


@pytest.mark.parametrize(
    "time", [pytest.param(each, marks=pytest.mark.slow) if n % 5 else each for n, each in enumerate(TIMES, 1)]
)
@pytest.mark.parametrize("clock", ["as_of", "known_at"])
def test_the_roadmap_of_a_past_day_is_that_of_the_api(service, pages, time, clock):
    """Every card of the page has the owner and target of the API's answer for the same time, and there are no others."""
    answer = service.get("/roadmap", layout="table", limit=10_000, **{clock: time})
    titles = {
        **answer["titles"],
        **{row["subject"]: row["title"] for row in service.rows("/releases", **{clock: time})},
    }

    shown = _parse_table(pages.get("/roadmap", layout="table", show="all", **{clock: time}))

    expected = {card["subject"]: _shown_on_card(card, titles)[:2] for card in answer["rows"]}
    normal = {subject: tuple(" ".join(text.split()) for text in texts) for subject, texts in expected.items()}
    assert shown == normal


def test_the_board_has_the_columns_and_open_cards_of_the_api(service, pages):
    """A board of hundreds of features shows every open card in its column."""
    time = "2021-06-15"
    answer = service.get("/roadmap", columns="status", limit=10_000, as_of=time)
    html = pages.get("/roadmap", columns="status", show="all", as_of=time)

    for column in answer["rows"]:
        section = html.partition(f'aria-label="{column["column"]}"')[2].partition("</section>")[0]
        keys = {f"feature:{key}" for key in re.findall(r'href="/features/([^"?]+)', section)}
        assert keys == {card["subject"] for card in column["cards"]}, column["column"]


@pytest.mark.parametrize("time", TIMES[4::4])  # nothing was on the roadmap before
def test_a_feature_of_a_past_day_is_that_of_the_api(service, pages, time):
    """The page of a feature shows each value that it had then, and no later one."""
    card = service.rows("/roadmap", layout="table", as_of=time, limit=1)
    subject = card[0]["subject"]
    key = subject.partition(":")[2]
    answer = service.get(f"/features/{key}", as_of=time)

    shown = text_of(pages.get(f"/features/{key}", as_of=time).partition("Values, and why")[2].partition("</ul>")[0])

    for name in ("status", "horizon"):
        for value in _value(answer["fields"].get(name)):
            assert f"{name} {value}" in shown
    statuses = {"proposed", "committed", "started", "paused", "shipped", "dropped"} - set(
        _value(answer["fields"].get("status"))
    )
    assert not any(f"status {each}" in shown for each in statuses)
