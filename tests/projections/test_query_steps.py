"""What queries cost follows what they show. It is counted in steps of SQLite, which are the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.feature import FeaturePrioritized, FeatureProposed
from domain.product import ProductDefined
from projections.queries.audit import AuditFilter, audit
from projections.queries.filters import Filter
from projections.queries.paging import encode_cursor
from projections.queries.roadmap import roadmap_table
from projections.queries.timepoint import TimePoint
from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel
from tests.projections.support import SECOND, START, Log, at, catch_up, count_steps

FEATURES = 20
MOVES = 20
"""Of each feature."""


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The read model of two products whose features were moved often."""
    log = Log()
    for product in ("product:one", "product:two"):
        log.add(product, ProductDefined(title=product))
    for n in range(FEATURES):
        products = ("product:one" if n % 2 else "product:two",)
        log.add(f"feature:f{n}", FeatureProposed(title=f"Feature {n}", products=products))
    for n in range(FEATURES * MOVES):
        log.add(f"feature:f{n % FEATURES}", FeaturePrioritized(horizon=("now", "next", "later")[n % 3]))
    model = ReadModel.open(open_database(tmp_path / "model.sqlite"), log, lambda: START + 1_000 * SECOND)
    catch_up(model, log)
    yield tmp_path / "model.sqlite"
    model.close()


def test_a_deep_page_of_the_audit_trail_costs_what_the_first_does(path: Path) -> None:
    """In both orders, the page after most events takes at most a fifth more steps than the first."""
    for oldest_first, deep in ((False, 40), (True, FEATURES * MOVES)):

        def count(cursor: str | None, order: bool = oldest_first) -> int:
            return count_steps(
                path,
                lambda read: len(audit(read, AuditFilter(), oldest_first=order, limit=10, cursor=cursor).rows) == 10,
            )

        assert count(encode_cursor(deep)) < 1.2 * count(None)


def test_what_was_known_costs_little_more_than_what_was_in_effect(path: Path) -> None:
    """The roadmap as known at a time takes at most twice the steps of the roadmap as of that time."""
    middle = at(FEATURES * MOVES // 2)

    def count(when: TimePoint) -> int:
        selection = Filter(products=("product:one",))
        return count_steps(path, lambda read: len(roadmap_table(read, selection, when).rows) == FEATURES // 2)

    assert count(TimePoint(middle, middle)) < 2 * count(TimePoint(middle))
