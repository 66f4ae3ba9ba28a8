"""What more pictures would bring: error falls with their number as a power law, down to a floor.

Found over many data sets and networks by Hestness et al. 2017 (arXiv:1712.00409), and among the best of the
forms compared by Viering and Loog 2021 (arXiv:2103.10948), who warn as we do: beyond the measured sizes it
is an extrapolation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from garment_ml.base.errors import UserError

FEWEST_SIZES = 4  # a law of three parameters goes through any three points
DRAWS = 500
EXPONENTS = np.linspace(0.05, 2, 79)
LEVEL = 0.95


@dataclass(frozen=True)
class SizeScores:
    """Scores in 0..1, one per seed, after learning from that many pictures."""

    pictures: int
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.scores))


@dataclass(frozen=True)
class Extrapolated:
    """The score expected with that many pictures, and its 95 % interval."""

    pictures: int
    score: float
    low: float
    high: float


def extrapolate(
    points: Sequence[SizeScores], judged: int, sizes: Sequence[int], seed: int = 0
) -> list[Extrapolated]:
    """The law fitted to the mean scores, read at `sizes`.

    The interval is a parametric bootstrap: each mean drawn anew with the error that `judged` pictures and the
    spread over seeds leave it, and the law fitted again. Rather wide, as the same pictures judge every size;
    but it can't know whether the law goes on to hold. UserError for fewer than four sizes.
    """
    pictures = np.array([point.pictures for point in points], np.float64)
    if len(np.unique(pictures)) < FEWEST_SIZES:
        raise UserError(
            f"an extrapolation needs scores at {FEWEST_SIZES} sizes or more, there are {len(points)}"
        )
    errors = np.array([1 - point.mean for point in points])
    uncertain = _standard_errors(points, judged)
    drawn = np.random.default_rng(seed).normal(errors, uncertain, (DRAWS, len(errors)))
    at = np.asarray(sizes, np.float64)
    expected, *redone = _read(pictures, np.vstack([errors, np.clip(drawn, 0, 1)]), uncertain, at)
    tail = 100 * (1 - LEVEL) / 2
    lowest, highest = np.percentile(redone, [tail, 100 - tail], axis=0)
    scores = 1 - np.stack([expected, highest, lowest], axis=1)
    return [Extrapolated(int(size), *row) for size, row in zip(sizes, scores.tolist(), strict=True)]


def _standard_errors(points: Sequence[SizeScores], judged: int) -> np.ndarray:
    """Of each mean score: of few pictures judged, and of few seeds, whose spread is pooled over sizes."""
    means = np.array([point.mean for point in points])
    # Agresti and Coull 1998: two more right and two more wrong, so that 0 and 1 have a width, too
    share = (means * judged + 2) / (judged + 4)
    variances = [np.var(point.scores, ddof=1) for point in points if len(point.scores) > 1]
    pooled = float(np.mean(variances)) if variances else 0.0
    seeds = np.array([len(point.scores) for point in points])
    return np.sqrt(share * (1 - share) / (judged + 4) + pooled / seeds)


def _read(pictures: np.ndarray, errors: np.ndarray, uncertain: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Errors at `at`, for each row of `errors`, by the best floor + scale * pictures ** -exponent.

    For a given exponent that is a straight line, in closed form; so all exponents are tried.
    """
    weights = uncertain**-2 / np.sum(uncertain**-2)
    best, squares = np.empty((len(errors), len(at))), np.full(len(errors), np.inf)
    for exponent in EXPONENTS:
        x = (pictures / pictures.min()) ** -exponent
        scale, floor = _line(x, errors, weights)
        left = ((errors - floor - scale * x) ** 2 @ weights)[:, np.newaxis]
        better = left[:, 0] < squares
        best[better] = (floor + scale * (at / pictures.min()) ** -exponent)[better]
        squares[better] = left[better, 0]
    return best


def _line(x: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and floor `(rows, 1)`, neither below 0, of weighted least squares."""
    middle, of_errors = weights @ x, (errors @ weights)[:, np.newaxis]
    slope = ((errors - of_errors) @ (weights * (x - middle)))[:, np.newaxis] / (weights @ (x - middle) ** 2)
    through_zero = (errors @ (weights * x))[:, np.newaxis] / (weights @ x**2)
    slope = np.maximum(slope, 0)
    below = slope * middle > of_errors  # the floor would be
    return np.where(below, through_zero, slope), np.where(below, 0, of_errors - slope * middle)
