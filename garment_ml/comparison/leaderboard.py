"""Finalists side by side: ranked on validation alone, then shown with what the test set says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from pandas import DataFrame

from garment_ml.comparison.finalists import Finalist, LeftOut
from garment_ml.comparison.opened_test_set import BATCH_MS, SINGLE_MS, Predictions
from garment_ml.evaluation.intervals import (
    SeedSummary,
    mcnemar,
    mean_and_interval,
    paired_difference,
    wilson_interval,
)
from garment_ml.evaluation.metrics import evaluate


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
        return mean_and_interval(self.finalist.values("validation_accuracy"))

    @property
    def test_accuracies(self) -> list[float]:
        return [float(each.correct.mean()) for each in self.predictions]

    @property
    def test_accuracy(self) -> SeedSummary:
        return mean_and_interval(self.test_accuracies)

    @property
    def test_loss(self) -> float:
        losses = [dict(evaluate(each.labels, each.probabilities))["loss"] for each in self.predictions]
        return float(np.mean(losses))

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
    """Rows in order of rank, the paired comparisons of their median refits, and what could not be compared.

    `pairs` has the columns first, second, difference (of test accuracy), low, high, p (McNemar).
    """

    rows: tuple[Row, ...]
    pairs: DataFrame
    left_out: tuple[LeftOut, ...]

    @property
    def winner(self) -> Finalist:
        """By validation."""
        return self.rows[0].finalist

    def table(self) -> DataFrame:
        """One row per finalist, a number or text per cell: what the CSV file holds."""
        return pd.DataFrame([_cells(row) for row in self.rows])


def parameters(finalist: Finalist) -> int:
    return int(finalist.mean("trainable_parameters") + finalist.mean("frozen_parameters"))


def compare_pairs(rows: Sequence[Row]) -> DataFrame:
    pairs = []
    for first, second in combinations(rows, 2):
        correct = first.median_predictions.correct, second.median_predictions.correct
        difference = paired_difference(*correct)
        pairs.append(
            (
                first.label,
                second.label,
                difference.difference,
                difference.low,
                difference.high,
                mcnemar(*correct),
            )
        )
    return pd.DataFrame(pairs, columns=["first", "second", "difference", "low", "high", "p"])


def _cells(row: Row) -> dict[str, str | float | int]:
    finalist, validation, test = row.finalist, row.validation_accuracy, row.test_accuracy
    return {
        "rank": row.rank,
        "approach": finalist.refits[0].approach["name"],
        "settings": finalist.settings,
        "refits": len(finalist.refits),
        "train_accuracy": finalist.mean("train_accuracy"),
        "train_loss": finalist.mean("train_loss"),
        "validation_accuracy": validation.mean,
        "validation_accuracy_minimum": validation.minimum,
        "validation_accuracy_maximum": validation.maximum,
        "validation_accuracy_low": validation.low,
        "validation_accuracy_high": validation.high,
        "validation_loss": finalist.mean("validation_loss"),
        "test_accuracy": test.mean,
        "test_accuracy_minimum": test.minimum,
        "test_accuracy_maximum": test.maximum,
        "median_refit_test_accuracy_low": row.test_interval[0],
        "median_refit_test_accuracy_high": row.test_interval[1],
        "test_loss": row.test_loss,
        "trainable_parameters": int(finalist.mean("trainable_parameters")),
        "total_parameters": parameters(finalist),
        "training_seconds": finalist.mean("training_seconds"),
        SINGLE_MS: finalist.median.metrics[SINGLE_MS],
        BATCH_MS: finalist.median.metrics[BATCH_MS],
        "median_refit_run": finalist.median.run_id,
        "median_refit_model": finalist.median.model_uri,
    }
