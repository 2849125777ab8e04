"""How well probabilities were calibrated: the Brier score with its interval, and the CORP curve and decomposition.

Pure functions on pairs of a probability and an outcome. The score is the mean of (probability − outcome)²: 0 is perfect,
and always saying ½ gives 0.25. The curve is the isotonic regression of outcomes on probabilities by pooling adjacent
violators, without bins, and the score is miscalibration − discrimination + uncertainty: T. Dimitriadis, T. Gneiting and
A. I. Jordan, "Stable reliability diagrams for probabilistic classifiers", PNAS 118 (2021).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

SEED: Final = 2021
"""Resampling always draws the same numbers, so that the same forecasts have the same curve."""
RESAMPLES: Final = 400
CONFIDENCE: Final = 0.9


class Forecast(NamedTuple):
    """A probability from 0 to 1, and whether it came true."""

    probability: float
    came_true: bool


class Interval(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float


class CurvePoint(NamedTuple):
    """A probability that was given, how often, how often such forecasts came true, and where that lies by chance."""

    probability: float
    count: int  # type: ignore[assignment]  # a tuple has a method of this name
    observed: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The parts of a Brier score: `score` is miscalibration − discrimination + uncertainty."""

    score: float
    miscalibration: float
    discrimination: float
    uncertainty: float


def brier_score(forecasts: Sequence[Forecast]) -> float:
    """Return the mean of (probability − outcome)² of at least one forecast."""
    return math.fsum((each.probability - each.came_true) ** 2 for each in forecasts) / len(forecasts)


def brier_interval(forecasts: Sequence[Forecast], confidence: float = CONFIDENCE) -> Interval:
    """Return an interval that contains the expected score of such forecasts at least as often as `confidence` says.

    Each term lies between the smallest and the largest loss that the probabilities allow. Of all variables within bounds
    and with a given mean a binary one varies most, so the exact binomial interval (C. Clopper and E. S. Pearson, 1934) of
    the scaled sum is wide enough, also for few forecasts.
    """
    losses = [((each.probability - each.came_true) ** 2) for each in forecasts]
    ends = [((1 - each.probability) ** 2, each.probability**2) for each in forecasts]
    least, most = min(map(min, ends)), max(map(max, ends))
    if most == least:
        return Interval(least, most)
    total = math.fsum((loss - least) / (most - least) for loss in losses)
    exact = binomial_interval(total, len(forecasts), confidence)
    return Interval(least + (most - least) * exact.low, least + (most - least) * exact.high)


def binomial_interval(successes: float, number: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the exact interval of Clopper and Pearson of a share; `successes` need not be whole."""
    tail = (1 - confidence) / 2
    low = 0.0 if successes <= 0 else beta_quantile(tail, successes, number - successes + 1)
    high = 1.0 if successes >= number else beta_quantile(1 - tail, successes + 1, number - successes)
    return Interval(low, high)


# The curve -------------------------------------------------------------------------------------------------------------


def recalibrate(forecasts: Sequence[Forecast]) -> list[float]:
    """Return the isotonic regression of the outcomes on the probabilities, in the order of the forecasts.

    Equal probabilities have equal results. Adjacent groups that decrease are pooled until none does.
    """
    order = sorted(range(len(forecasts)), key=lambda n: forecasts[n].probability)
    blocks: list[tuple[int, int, list[int]]] = []  # how many came true, of how many, and which
    for _, same in groupby(order, key=lambda n: forecasts[n].probability):
        members = list(same)
        block = (sum(forecasts[n].came_true for n in members), len(members), members)
        while blocks and blocks[-1][0] * block[1] >= block[0] * blocks[-1][1]:
            true, number, earlier = blocks.pop()
            block = (true + block[0], number + block[1], earlier + block[2])
        blocks.append(block)
    found = [0.0] * len(forecasts)
    for true, number, members in blocks:
        for n in members:
            found[n] = true / number
    return found


def decompose(forecasts: Sequence[Forecast]) -> Decomposition:
    """Return the score and its parts; each part is at least zero."""
    rate = sum(each.came_true for each in forecasts) / len(forecasts)
    recalibrated = [
        Forecast(probability, each.came_true)
        for probability, each in zip(recalibrate(forecasts), forecasts, strict=True)
    ]
    score, best, constant = brier_score(forecasts), brier_score(recalibrated), rate * (1 - rate)
    return Decomposition(score, score - best, constant - best, constant)


def reliability_curve(forecasts: Sequence[Forecast], resamples: int = RESAMPLES) -> list[CurvePoint]:
    """Return the curve, in the order of the probabilities, with the band in which it lies by chance if all are calibrated.

    The band holds, for each probability, the middle 90 % of curves of outcomes drawn with exactly these probabilities.
    """
    ordered = sorted(forecasts, key=lambda each: each.probability)
    observed = recalibrate(ordered)
    draw = random.Random(SEED)  # noqa: S311  (a simulation, not a secret)
    curves = [
        recalibrate([Forecast(each.probability, draw.random() < each.probability) for each in ordered])
        for _ in range(resamples)
    ]
    points: list[CurvePoint] = []
    begin = 0
    for probability, same in groupby(ordered, key=lambda each: each.probability):
        number = len(list(same))
        drawn = sorted(curve[begin] for curve in curves)
        cut = int(len(drawn) * (1 - CONFIDENCE) / 2)
        points.append(CurvePoint(probability, number, observed[begin], drawn[cut], drawn[-1 - cut]))
        begin += number
    return points


# The beta distribution -------------------------------------------------------------------------------------------------

_STEPS: Final = 400
_TINY: Final = 1e-300
_PRECISION: Final = 3e-16


def beta_distribution(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_distribution(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    return front * _continued_fraction(x, a, b) / a


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Return the fraction by the method of Lentz, two of its steps at a time."""
    c, d = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _nonzero(1 + numerator * d)
            c = _nonzero(1 + numerator / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def beta_quantile(share: float, a: float, b: float) -> float:
    """Return the x at which the beta distribution reaches a share, by halving the interval."""
    return _bisect(lambda x: beta_distribution(x, a, b) - share)


def _bisect(increasing: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if increasing(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
