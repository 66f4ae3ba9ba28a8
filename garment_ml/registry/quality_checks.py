"""Gate checks on what was predicted for the test part."""

from __future__ import annotations

import math

import numpy as np

from garment_ml.comparison.opened_test_set import Predictions
from garment_ml.evaluation.calibration import expected_calibration_error
from garment_ml.evaluation.intervals import paired_difference
from garment_ml.evaluation.metrics import per_class
from garment_ml.registry.check import Check, at_least, at_most

ACCURACY = "accuracy_against_champion"


def accuracy_against(candidate: Predictions, champion: Predictions, margin: float, against: str) -> Check:
    """Non-inferiority: the lower end of the 95 % interval of the paired difference is above -margin."""
    difference = paired_difference(candidate.correct, champion.correct)
    detail = (
        f"{candidate.correct.mean():.4f} against {champion.correct.mean():.4f} of {against}: difference "
        f"{difference.difference:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]; the lower end counts"
    )
    return at_least(ACCURACY, difference.low, -margin, detail)


def no_champion(margin: float) -> Check:
    return Check(ACCURACY, math.nan, "at least", -margin, True, "there is no champion to be compared with")


def incomparable_champion(margin: float, reason: str) -> Check:
    return Check(ACCURACY, math.nan, "at least", -margin, False, f"the champion can't be compared: {reason}")


def recall_of_every_class(candidate: Predictions, class_names: tuple[str, ...], floor: float) -> Check:
    """The lowest recall; a class without test pictures shows nothing and is named."""
    table = per_class(candidate.labels, candidate.probabilities, class_names)
    shown = table.dropna(subset="recall")
    worst = shown.loc[shown["recall"].idxmin()]
    detail = f"lowest: {worst['class']}, of {int(worst['support']):,} pictures"
    unseen = table.loc[table["recall"].isna(), "class"]
    if len(unseen):
        detail += f"; no test pictures of {', '.join(unseen)}"
    return at_least("lowest_class_recall", float(worst["recall"]), floor, detail)


def calibration(candidate: Predictions, ceiling: float) -> Check:
    error = expected_calibration_error(candidate.labels, candidate.probabilities)
    confidence = float(np.mean(candidate.probabilities.max(axis=1)))
    detail = f"mean confidence {confidence:.4f}, accuracy {candidate.correct.mean():.4f}"
    return at_most("expected_calibration_error", error, ceiling, detail)
