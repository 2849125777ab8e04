"""The order of releases by their names: versions, and periods such as quarters and months."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest

from projections.queries.filters import Filter
from projections.queries.listings import releases
from projections.queries.release_names import parse_release_name
from projections.queries.slips import slips
from projections.read_model.model import Read
from tests.projections.support import Log
from tests.projections.test_field_values import imported

ORDERED = [
    ["1.9", "v1.10", "Tide 1.11", "2.0.dev3", "2.0a1", "2.0 beta 2", "2.0-rc1", "2.0-rc2", "2.0", "2.0.1"],
    ["10.0.19041", "10.0.19042", "10.1"],
    ["2024.2", "2025", "2025.1", "2025.10"],
    ["Sprint 9", "Sprint 10"],
    ["build 1899", "build 1999", "build 2100"],
    ["2025-Q3", "2025-Q4", "Q1 2026", "q2/2026", "2026q3", "Q4'26", "FY27 Q1", "27Q2", "3Q 2027", "Tide Q4 2027"],
    ["H2 2025", "2026 H1", "26H2", "H1 FY2027"],
    ["2025-09", "2025-10", "10.2026", "11/2026", "Dec 2026", "January 2027", "2027 Feb."],
    ["2025-Q2", "July 2025", "2025-Q4", "2026-H1", "2026-07"],
    ["2025-09-30", "2025-10-01", "2025-10-02"],
    ["30.09.2025", "01.10.2025", "02.10.2025"],
    ["30 September 2025", "1 October 2025", "2 Oct 2025"],
    ["R1 2025", "R2 2025", "R1 2026"],
    ["2025 wave 1", "2025 wave 2", "2026 wave 1"],
    ["2025-W09", "2025-W40", "2026-W01"],
    ["2025-Q3 RC1", "2025-Q3 RC2", "2025-Q4 RC1"],
]
UNORDERED = [
    ("Q4", "Q1"),
    ("March 31", "April 2"),
    ("2025-Q4", "2025-10"),
    ("2025-Q4", "H2 2025"),
    ("2025-Q4", "Q4 2025"),
    ("2025-Q3", "3.1"),
    ("2025-10", "2025-10-15"),
    ("31/10/2025", "01/11/2025"),
    ("Sprint 12 2025", "R2 2025"),
    ("Bionic", "Focal"),
    ("soon", "1.9"),
]


@pytest.mark.parametrize("names", ORDERED, ids=lambda names: names[0])
def test_names_have_the_order_of_their_periods_or_versions(names: list[str]) -> None:
    """Each name is earlier than all that follow it, and sorts before them."""
    for one, other in combinations(map(parse_release_name, names), 2):
        assert one.compare(other) == -1, (one, other)
        assert other.compare(one) == 1, (one, other)
        assert one.sort_key < other.sort_key, (one, other)


@pytest.mark.parametrize(("one", "other"), UNORDERED)
def test_names_without_a_known_order_do_not_compare(one: str, other: str) -> None:
    """Names whose order is unknown are neither earlier nor later."""
    assert not parse_release_name(one).compare(parse_release_name(other))
    assert not parse_release_name(other).compare(parse_release_name(one))


def test_a_key_is_ordered_by_the_version_at_its_end() -> None:
    """Numbers in the key of a product are not part of the version."""
    keys = ["web3-1.9", "web3-1.10", "web3-2.0-rc1", "web3-2.0"]

    names = [parse_release_name(key, is_key=True) for key in keys]

    assert all(one.compare(other) == -1 for one, other in combinations(names, 2))


def test_moves_between_quarters_are_slips(log: Log, read: Callable[[], Read]) -> None:
    """A move to a later quarter counts as a slip, and releases are listed in the order of their quarters."""
    versions = {"r1": "2025-Q3", "r2": "2025-Q4", "r3": "Q4 2025", "r4": "Q1 2026"}
    for key in reversed(versions):
        log.add(f"release:{key}", imported("exists", value=True))
        log.add(f"release:{key}", imported("version", value=versions[key]))
    for feature, targets in (("f1", ("r1", "r2")), ("f2", ("r3", "r4"))):
        log.add(f"feature:{feature}", imported("exists", value=True))
        for target in targets:
            log.add(f"feature:{feature}", imported("target.ga", value=f"release:{target}"))

    found = slips(read(), Filter())

    assert found.about["totals"] == {"later": 2, "earlier": 0}
    assert [row["against_first"] for row in found.rows] == ["later", "later"]
    assert [row["subject"] for row in releases(read()).rows] == [f"release:{key}" for key in versions]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("sprint-2024-12", "sprint-2024-13"), ("sprint-2024-05", "sprint-2024-20"), ("2025-10", "2025-11")],
)
def test_numbers_within_a_year_are_in_order_whether_they_can_be_months_or_not(earlier: str, later: str) -> None:
    """A sprint or week 13 follows number 12."""
    one, other = (parse_release_name(each, is_key=True) for each in (earlier, later))
    assert one.compare(other) == -1
    assert other.compare(one) == 1
