"""How sure a number is: one proportion, a mean over seeds, and two classifiers on the same pictures.

All intervals are at the 95 % level.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, binomtest, sem, t

from garment_ml.base.errors import UserError

LEVEL = 0.95
SHARE = (0.0, 1.0)  # between which accuracies lie


def wilson_interval(correct: int, pictures: int) -> tuple[float, float]:
    """Score interval of a proportion (Wilson 1927); stays inside [0, 1] and has width even at 0 and 1."""
    interval = binomtest(int(correct), int(pictures)).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class SeedSummary:
    """One number measured once per seed; low and high are NaN for one seed, which says nothing of spread."""

    mean: float
    low: float
    high: float
    minimum: float
    maximum: float
    seeds: int


def mean_and_interval(
    values_by_seed: Sequence[float], bounds: tuple[float, float] = (-math.inf, math.inf)
) -> SeedSummary:
    """Mean, Student t interval of the mean within `bounds` (`SHARE` for accuracies), and range over seeds.

    The interval speaks of retraining on the same split, not of new pictures: that is wilson_interval.
    """
    values = np.asarray(values_by_seed, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise UserError(f"Expected one value per seed, found an array of shape {values.shape}.")
    mean, low, high = float(values.mean()), float("nan"), float("nan")
    if len(values) > 1:
        margin = t.ppf((1 + LEVEL) / 2, len(values) - 1) * sem(values)
        low, high = max(mean - margin, bounds[0]), min(mean + margin, bounds[1])
    return SeedSummary(mean, float(low), float(high), float(values.min()), float(values.max()), len(values))


def pooled_deviation(groups: Sequence[Sequence[float]]) -> float:
    """Standard deviation within groups that share it; 0 where each has one value, which says nothing."""
    freedom = sum(len(group) - 1 for group in groups)
    squares = sum(float(np.var(group)) * len(group) for group in groups)
    return math.sqrt(squares / freedom) if freedom else 0.0


def is_beyond_luck(gains: Sequence[float]) -> bool:
    """Of differences in pairs over seeds: above 0 by more than their standard deviation."""
    return float(np.mean(gains)) > (float(np.std(gains, ddof=1)) if len(gains) > 1 else 0.0)


def gain_in_words(gain: SeedSummary) -> str:
    """Of a search, on validation, over the recipe's own values."""
    if gain.mean == 0:
        return "the recipe stays, the search gained nothing"
    interval = f"{gain.low:+.4f} to {gain.high:+.4f}"
    return f"the search gained {gain.mean:+.4f} on validation ({interval}, n={gain.seeds})"


@dataclass(frozen=True)
class PairedDifference:
    """Accuracy of the first classifier minus that of the second."""

    difference: float
    low: float
    high: float


def paired_difference(correct_a: np.ndarray, correct_b: np.ndarray) -> PairedDifference:
    """Difference of two accuracies on the same pictures, from two bool arrays (n,): a minus b.

    Method 10 of Newcombe 1998 (Statistics in Medicine 17:2635), recommended by Fagerland et al. 2014:
    Wilson intervals of both accuracies, squared and added, less their correlation. Unlike Wald's,
    it keeps a width when the two never disagree.
    """
    both, only_a, only_b, neither = _agreement(correct_a, correct_b)
    pictures = both + only_a + only_b + neither
    right_a, right_b = both + only_a, both + only_b
    a, b = right_a / pictures, right_b / pictures
    a_low, a_high = wilson_interval(right_a, pictures)
    b_low, b_high = wilson_interval(right_b, pictures)

    association: float = both * neither - only_a * only_b
    if association > 0:  # the paper's continuity correction, for positive correlation only
        association = max(association - pictures / 2, 0)
    margins = right_a * (pictures - right_a) * right_b * (pictures - right_b)
    correlation = association / np.sqrt(float(margins)) if margins else 0.0

    def half_width(x: float, y: float) -> float:
        return float(np.sqrt(max(x**2 + y**2 - 2 * correlation * x * y, 0)))

    difference = a - b
    return PairedDifference(
        difference,
        difference - half_width(a - a_low, b_high - b),
        difference + half_width(a_high - a, b - b_low),
    )


def mcnemar(correct_a: np.ndarray, correct_b: np.ndarray) -> float:
    """Two-sided mid-p value of McNemar's test that two classifiers are equally accurate on the same pictures.

    From two bool arrays (n,). Mid-p, as the exact test is too cautious and the asymptotic one too bold
    (Fagerland, Lydersen and Laake 2013, doi:10.1186/1471-2288-13-91). 1 when the two never disagree.
    """
    _, only_a, only_b, _ = _agreement(correct_a, correct_b)
    fewer, disagreements = min(only_a, only_b), only_a + only_b
    if disagreements == 0:
        return 1.0
    point = binom.pmf(fewer, disagreements, 0.5)
    if only_a == only_b:
        return float(1 - point / 2)
    return float(2 * binom.cdf(fewer, disagreements, 0.5) - point)


def _agreement(correct_a: np.ndarray, correct_b: np.ndarray) -> tuple[int, int, int, int]:
    """How many pictures both, only a, only b, and neither got right, as Python integers (no overflow)."""
    a, b = np.asarray(correct_a), np.asarray(correct_b)
    if a.dtype != bool or b.dtype != bool or a.shape != b.shape or a.ndim != 1 or a.size == 0:
        raise UserError(
            "Two classifiers are compared picture by picture: expected two bool arrays of one length, "
            f"found {a.dtype} {a.shape} and {b.dtype} {b.shape}."
        )
    return int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()), int((~a & ~b).sum())
