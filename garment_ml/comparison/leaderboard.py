"""Finalists side by side: ranked on validation alone, then shown with what the test set says of them."""

from dataclasses import dataclass

import numpy as np
from pandas import DataFrame

from garment_ml.comparison.finalist import Finalist, LeftOut
from garment_ml.comparison.opened_test_set import Predictions
from garment_ml.evaluation.intervals import SHARE, SeedSummary, mean_and_interval, wilson_interval
from garment_ml.evaluation.metrics import evaluate, in_words


@dataclass(frozen=True)
class Row:
    """A finalist and its predictions on test, one for each of its refits."""

    rank: int
    finalist: Finalist
    predictions: tuple[Predictions, ...]

    @property
    def label(self) -> str:
        """Unique, also where one approach has several rows."""
        return f"{self.rank} {self.finalist.label}"

    @property
    def validation_accuracy(self) -> SeedSummary:
        return mean_and_interval(self.finalist.values("validation_accuracy"), SHARE)

    @property
    def test_accuracies(self) -> list[float]:
        return [float(each.correct.mean()) for each in self.predictions]

    @property
    def test_accuracy(self) -> SeedSummary:
        return mean_and_interval(self.test_accuracies, SHARE)

    def test_mean(self, metric: str) -> float:
        """Over the refits."""
        values = [dict(evaluate(each.labels, each.probabilities))[metric] for each in self.predictions]
        return float(np.mean(values))

    @property
    def median_predictions(self) -> Predictions:
        return self.predictions[self.finalist.refits.index(self.finalist.median)]

    @property
    def test_interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the median refit: how far the test pictures can be trusted."""
        correct = self.median_predictions.correct
        return wilson_interval(correct.sum(), len(correct))


@dataclass(frozen=True)
class Leaderboard:
    """Rows in order of rank, their paired comparisons (compare_pairs), and what could not be compared."""

    rows: tuple[Row, ...]
    pairs: DataFrame
    left_out: tuple[LeftOut, ...]

    @property
    def ranked_on(self) -> str:
        """In words."""
        return in_words(f"mean_validation_{self.winner.rank_by}") + " less its standard error"

    @property
    def ranking_rule(self) -> str:
        """In words, as `ranking.ranked` has it."""
        votes = any(refit.members for row in self.rows for refit in row.finalist.refits)
        return f"{self.ranked_on}{', a vote behind its best member unless clearly ahead' if votes else ''}"

    @property
    def winner(self) -> Finalist:
        """By validation."""
        return self.rows[0].finalist
