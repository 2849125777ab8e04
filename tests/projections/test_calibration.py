"""Scores of forecasts: equal to a slow reference and to scikit-learn, and intervals that cover as they say."""

from __future__ import annotations

import json
import math
import random
from fractions import Fraction
from pathlib import Path

import pytest

from projections.queries.calibration import (
    Forecast,
    beta_distribution,
    beta_quantile,
    binomial_interval,
    brier_interval,
    brier_score,
    decompose,
    recalibrate,
    reliability_curve,
)

TABLE = json.loads((Path(__file__).parent / "calibration_table.json").read_text(encoding="utf-8"))
"""Scores and isotonic regressions of random forecasts, computed with scikit-learn (`calibration_table.py`)."""


def forecasts_of(pairs: list[list[int]]) -> list[Forecast]:
    return [Forecast(percent / 100, bool(came_true)) for percent, came_true in pairs]


def draw(seed: int, number: int) -> list[Forecast]:
    random_ = random.Random(seed)
    return [
        Forecast(random_.randrange(0, 101, random_.choice((1, 10))) / 100, random_.random() < 0.5)
        for _ in range(number)
    ]


@pytest.mark.parametrize("case", TABLE["cases"])
def test_scores_equal_those_of_scikit_learn(case: dict[str, object]) -> None:
    """The Brier score and the recalibrated probabilities are those that scikit-learn computed."""
    found = forecasts_of(case["forecasts"])
    assert brier_score(found) == pytest.approx(case["brier"], abs=1e-12)
    assert recalibrate(found) == pytest.approx(case["isotonic"], abs=1e-12)


def slow_recalibrate(found: list[Forecast]) -> list[Fraction]:
    """The isotonic regression by its min-max formula, exactly: max over begins of min over ends of the mean between."""
    levels = sorted({each.probability for each in found})
    groups = [[each.came_true for each in found if each.probability == level] for level in levels]

    def mean(begin: int, end: int) -> Fraction:
        members = [one for group in groups[begin : end + 1] for one in group]
        return Fraction(sum(members), len(members))

    value = {
        level: max(min(mean(begin, end) for end in range(n, len(levels))) for begin in range(n + 1))
        for n, level in enumerate(levels)
    }
    return [value[each.probability] for each in found]


@pytest.mark.parametrize("seed", range(40))
def test_scores_equal_a_slow_reference(seed: int) -> None:
    """On random forecasts, the pooled regression is that of the min-max formula, computed with fractions."""
    found = draw(seed, 1 + seed % 13)
    assert recalibrate(found) == pytest.approx([float(each) for each in slow_recalibrate(found)], abs=1e-15)
    exact = Fraction(0)
    for each in found:
        exact += (Fraction(round(each.probability * 100), 100) - each.came_true) ** 2 / len(found)
    assert brier_score(found) == pytest.approx(float(exact), abs=1e-15)


@pytest.mark.parametrize("seed", range(40))
def test_the_decomposition_adds_up(seed: int) -> None:
    """The score is miscalibration − discrimination + uncertainty to 1e-12, and no part is negative."""
    parts = decompose(draw(seed, 2 + 7 * seed % 90))
    total = parts.miscalibration - parts.discrimination + parts.uncertainty
    assert total == pytest.approx(parts.score, abs=1e-12)
    assert min(parts.miscalibration, parts.discrimination, parts.uncertainty) >= -1e-12


def test_the_regression_increases_and_repeats_itself() -> None:
    """The recalibrated probabilities increase with the given ones, and recalibrating them again changes nothing."""
    found = sorted(draw(7, 60))
    once = recalibrate(found)
    assert once == sorted(once)
    again = recalibrate([Forecast(one, each.came_true) for one, each in zip(once, found, strict=True)])
    assert again == pytest.approx(once, abs=1e-15)


@pytest.mark.parametrize(("probability", "expected"), [(0.0, 0.3), (0.5, 0.25), (0.3, 0.21)])
def test_the_score_is_best_at_the_true_probability(probability: float, expected: float) -> None:
    """Of 10 forecasts of which 3 come true, the best score is that of 30 %."""
    found = [Forecast(probability, n < 3) for n in range(10)]
    assert brier_score(found) == pytest.approx(expected)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 5), (10, 1), (40, 61), (90, 60)])
@pytest.mark.parametrize("x", [0.01, 0.2, 0.5, 0.77, 0.99])
def test_the_beta_distribution_is_that_of_the_binomial(a: int, b: int, x: float) -> None:
    """For whole numbers, the incomplete beta function is a binomial tail, which is added up exactly."""
    share = Fraction(x)
    number = a + b - 1
    tail = sum(math.comb(number, k) * share**k * (1 - share) ** (number - k) for k in range(a, number + 1))
    assert beta_distribution(x, a, b) == pytest.approx(float(tail), rel=1e-11, abs=1e-15)
    assert beta_quantile(beta_distribution(x, a, b), a, b) == pytest.approx(x, abs=1e-9) or not 1e-6 < tail < 1 - 1e-6


def test_the_ends_of_intervals() -> None:
    """None of 10 and all of 10 have the known one-sided ends (Clopper and Pearson)."""
    assert binomial_interval(0, 10) == (0.0, pytest.approx(1 - 0.05**0.1, abs=1e-12))
    assert binomial_interval(10, 10) == (pytest.approx(0.05**0.1, abs=1e-12), 1.0)
    assert brier_interval([Forecast(0.5, n < 5) for n in range(10)]) == (0.25, 0.25)


FORECASTERS = {
    "calibrated and bold": lambda r: (p := r.choice((0.1, 0.9, 0.95)), p),
    "calibrated": lambda r: (p := r.randrange(0, 101, 10) / 100, p),
    "overconfident": lambda r: (r.choice((0.05, 0.95)), 0.5),
    "timid": lambda r: (r.choice((0.4, 0.6)), r.choice((0.1, 0.9))),
}


@pytest.mark.parametrize("number", [10, 30])
@pytest.mark.parametrize("name", FORECASTERS)
def test_intervals_cover_as_they_say(name: str, number: int) -> None:
    """In 120 simulated records, the interval of 90 % contains the expected score in at least 82 %: three errors less."""
    random_ = random.Random(f"{name} {number}")
    covered = 0
    for _ in range(120):
        drawn = [FORECASTERS[name](random_) for _ in range(number)]
        expected = sum(chance * (1 - p) ** 2 + (1 - chance) * p**2 for p, chance in drawn) / number
        low, high = brier_interval([Forecast(p, random_.random() < chance) for p, chance in drawn])
        covered += low <= expected <= high
    assert covered >= 120 * 0.82


def test_the_curve_of_the_calibrated_lies_in_its_band() -> None:
    """A calibrated forecaster's curve lies in the band nearly everywhere, an overconfident one's does not."""
    random_ = random.Random(3)
    calibrated = [Forecast(p, random_.random() < p) for p in (random_.randrange(0, 11) / 10 for _ in range(60))]
    points = reliability_curve(calibrated)
    assert sum(each.count for each in points) == 60
    assert sum(each.low <= each.observed <= each.high for each in points) >= len(points) - 2
    bold = [Forecast(p, n % 2 == 0) for n, p in enumerate([0.02, 0.02, 0.98, 0.98] * 10)]
    assert not any(each.low <= each.observed <= each.high for each in reliability_curve(bold))


def test_the_same_forecasts_have_the_same_curve() -> None:
    """The band is resampled with a fixed seed."""
    assert reliability_curve(draw(1, 40)) == reliability_curve(draw(1, 40))
